//! What our mails say.
//!
//! A letter is made where the change it tells of is made, and goes into the store with it. Names in it are given by people
//! who may mean harm: they come into a line of plain text without control characters, and into HTML escaped. It is written
//! in the language of the request that caused it, else in the configured one, and stands in the queue as it goes out.

mod english;
mod german;
mod text;

use std::fmt::Write;
use std::net::IpAddr;

use maud::{Markup, html};
use url::Url;

use super::accounts::LINK_TTL;
use crate::config::Config;
use crate::config::section::MailTransport;
use crate::model::account::{Account, Email};
use crate::model::client::Client;
use crate::model::code::VerificationCode;
use crate::model::factor::FactorKind;
use crate::model::language::Language;
use crate::model::mail::Mail;
use crate::model::time::Timestamp;
use crate::model::token::{PlainToken, TokenKind};
use crate::store::accounts::{Link, LinkPurpose};
use crate::store::{Action, Store, StoreError};

use text::{Text, Told};

/// Writes letters, unless mail is off.
#[derive(Debug)]
pub struct Letters {
    external_url: Url,
    is_on: bool,
    language: Language,
}

/// The same, in one language.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spoken<'a> {
    letters: &'a Letters,
    text: &'static Text,
}

/// The parts of a letter: paragraphs, and what stands on a line of its own.
struct Letter<'a> {
    subject: &'a str,
    paragraphs: Vec<String>,
    alone: Alone,
}

/// What happened to an account's second factors.
#[derive(Debug, Clone, Copy)]
pub(super) enum FactorChange {
    /// One was added.
    Added(FactorKind),
    /// One was removed.
    Removed(FactorKind),
    /// An operator took all of them.
    Reset,
}

/// What stands on a line of its own.
enum Alone {
    Nothing,
    Link(Url),
    Code(String),
}

/// The path of the page that confirms an address; the token is its query's `token`.
pub const CONFIRM_PATH: &str = "/_countersign/confirm";

/// The path of the page that takes an invitation; the token is its query's `token`.
pub const INVITATION_PATH: &str = "/_countersign/invitation";

impl Letters {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            external_url: config.server.external_url.clone(),
            is_on: !matches!(config.mail.transport, MailTransport::None),
            language: config.mail.language,
        }
    }

    /// In somebody's language, or the configured one.
    pub(super) fn spoken(&self, language: Option<Language>) -> Spoken<'_> {
        Spoken {
            letters: self,
            text: Text::of(language.unwrap_or(self.language)),
        }
    }

    /// Keeps and mails the link that confirms an account's pending address, if it has one.
    pub(super) async fn ask_to_confirm(
        &self,
        store: &dyn Store,
        account: &Account,
        action: &Action,
    ) -> Result<(), StoreError> {
        let Some(email) = &account.pending_email else {
            return Ok(());
        };
        let token = PlainToken::generate(TokenKind::Link);
        let link = Link {
            digest: token.digest(),
            purpose: LinkPurpose::ConfirmEmail {
                account: account.id.clone(),
                email: email.clone(),
            },
            expires_at: action.at.after(LINK_TTL),
        };
        let mut action = action.clone();
        let spoken = self.spoken(action.language);
        action.mails.extend(spoken.confirm_address(email, &token));
        store.put_link(&link, &action).await
    }

    /// The link of an invitation, for those who hand it over themselves.
    pub(super) fn invitation_link(&self, token: &PlainToken) -> Url {
        self.link(INVITATION_PATH, token)
    }

    /// What people know us by.
    pub(super) fn house(&self) -> &str {
        self.external_url.host_str().unwrap_or("countersign")
    }

    fn link(&self, path: &str, token: &PlainToken) -> Url {
        let mut link = self.external_url.clone();
        link.set_path(path);
        link.query_pairs_mut().append_pair("token", token.expose());
        link
    }
}

impl Spoken<'_> {
    /// Asks whether an address is its owner's.
    fn confirm_address(self, to: &Email, token: &PlainToken) -> Option<Mail> {
        let (text, house) = (self.text, self.letters.house());
        self.write(
            to,
            &Letter {
                subject: text.confirm_subject,
                paragraphs: vec![(text.confirm)(house), text.confirm_open.to_owned()],
                alone: Alone::Link(self.letters.link(CONFIRM_PATH, token)),
            },
        )
    }

    /// Invites somebody to register.
    pub(super) fn invitation(self, to: &Email, token: &PlainToken) -> Option<Mail> {
        let (text, house) = (self.text, self.letters.house());
        self.write(
            to,
            &Letter {
                subject: text.invitation_subject,
                paragraphs: vec![(text.invitation)(house)],
                alone: Alone::Link(self.letters.invitation_link(token)),
            },
        )
    }

    /// Tells an account that it signed in to an application for the first time (seed 003).
    pub(super) fn first_sign_in(
        self,
        to: &Email,
        client: &Client,
        ip: Option<IpAddr>,
        at: Timestamp,
    ) -> Option<Mail> {
        let text = self.text;
        let said = self.tell(at, ip, |told| (text.sign_in)(told, &client.name));
        self.note(to, text.sign_in_subject, said, text.sign_in_not_you)
    }

    /// Tells a person the code to prove themselves with.
    pub(super) fn verification_code(
        self,
        to: &Email,
        code: &VerificationCode,
        until: Timestamp,
        ip: Option<IpAddr>,
    ) -> Option<Mail> {
        let text = self.text;
        let said = self.tell(until, ip, text.code);
        self.write(
            to,
            &Letter {
                subject: text.code_subject,
                paragraphs: vec![said, text.code_not_you.to_owned()],
                alone: Alone::Code(code.expose()),
            },
        )
    }

    /// Tells an account that another one elsewhere was linked to it, or no longer is.
    pub(super) fn connection(
        self,
        to: &Email,
        (provider, name): (&str, &str),
        is_linked: bool,
        action: &Action,
    ) -> Option<Mail> {
        let text = self.text;
        let (subject, done) = if is_linked {
            (text.linked_subject, text.linked)
        } else {
            (text.unlinked_subject, text.unlinked)
        };
        let said = self.tell(action.at, action.ip, |told| done(told, name, provider));
        self.note(to, subject, said, text.link_not_you)
    }

    /// Tells the address that an account had until now that it has another.
    pub(super) fn address_changed(self, to: &Email, new: &Email, action: &Action) -> Option<Mail> {
        let text = self.text;
        let said = self.tell(action.at, action.ip, |told| {
            (text.changed)(told, new.as_str())
        });
        self.note(to, text.changed_subject, said, text.changed_not_you)
    }

    /// Tells an account that somebody gave its address as theirs.
    pub(super) fn address_taken(self, to: &Email) -> Option<Mail> {
        let (text, house) = (self.text, self.letters.house());
        self.write(
            to,
            &Letter {
                subject: text.taken_subject,
                paragraphs: vec![(text.taken)(house)],
                alone: Alone::Nothing,
            },
        )
    }

    /// Tells an account what happened to its second factors.
    pub(super) fn factor_changed(
        self,
        to: &Email,
        change: FactorChange,
        ip: Option<IpAddr>,
        at: Timestamp,
    ) -> Option<Mail> {
        let text = self.text;
        let (subject, happened) = (text.factor)(change);
        let said = self.tell(at, ip, |told| (text.factor_changed)(told, happened));
        self.note(to, subject, said, text.factor_not_you)
    }

    fn tell(
        self,
        at: Timestamp,
        ip: Option<IpAddr>,
        say: impl FnOnce(&Told<'_>) -> String,
    ) -> String {
        let from = ip.map(|ip| (self.text.from)(&ip.to_string()));
        say(&Told {
            house: self.letters.house(),
            at,
            from: from.as_deref().unwrap_or_default(),
        })
    }

    /// A letter of what happened, and what to do if it was somebody else.
    fn note(self, to: &Email, subject: &str, said: String, not_you: &'static str) -> Option<Mail> {
        self.write(
            to,
            &Letter {
                subject,
                paragraphs: vec![said, not_you.to_owned()],
                alone: Alone::Nothing,
            },
        )
    }

    fn write(self, to: &Email, letter: &Letter<'_>) -> Option<Mail> {
        self.letters.is_on.then(|| Mail {
            to: to.clone(),
            subject: letter.subject.into(),
            text: letter.text().into(),
            html: letter.html().into_string().into(),
        })
    }
}

impl Letter<'_> {
    fn text(&self) -> String {
        let mut text = String::new();
        for paragraph in &self.paragraphs {
            let _ = write!(text, "{}\n\n", one_line(paragraph));
        }
        let _ = match &self.alone {
            Alone::Nothing => Ok(()),
            Alone::Link(link) => writeln!(text, "{link}"),
            Alone::Code(code) => writeln!(text, "{code}"),
        };
        text
    }

    fn html(&self) -> Markup {
        html! {
            @for paragraph in &self.paragraphs {
                p { (one_line(paragraph)) }
            }
            @match &self.alone {
                Alone::Nothing => {}
                Alone::Link(link) => p { a href=(link) { (link) } },
                Alone::Code(code) => p { strong { (code) } },
            }
        }
    }
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::client::Handoff;
    use crate::model::id::ClientId;

    fn letters(is_on: bool) -> Letters {
        Letters {
            external_url: Url::parse("https://id.example").unwrap(),
            is_on,
            language: Language::English,
        }
    }

    #[test]
    fn a_link_leads_to_us_and_holds_the_token_whole() {
        let to = Email::parse("jo@example.org").unwrap();
        let token = PlainToken::generate(TokenKind::Link);
        let mail = letters(true)
            .spoken(None)
            .confirm_address(&to, &token)
            .unwrap();
        let link = format!(
            "https://id.example/_countersign/confirm?token={}",
            token.expose()
        );
        assert!(mail.text.lines().any(|line| line == link), "{}", mail.text);
        assert!(mail.html.contains(&format!("href=\"{link}\"")));
    }

    #[test]
    fn a_clients_name_can_neither_break_a_line_nor_make_markup() {
        let client = Client {
            id: ClientId::generate(),
            name: "<script>\r\nBcc: all@example.org".into(),
            redirect_urls: vec![],
            handoff: Handoff::Token,
            created_at: Timestamp::default(),
        };
        let to = Email::parse("jo@example.org").unwrap();
        let mail = letters(true)
            .spoken(Some(Language::German))
            .first_sign_in(&to, &client, None, Timestamp::default())
            .unwrap();
        assert!(!mail.text.lines().any(|line| line.starts_with("Bcc")));
        assert!(!mail.html.contains("<script>") && mail.html.contains("&lt;script&gt;"));
    }

    #[test]
    fn a_code_stands_on_a_line_of_its_own_and_not_in_the_subject() {
        let to = Email::parse("jo@example.org").unwrap();
        let code = VerificationCode::generate();
        let until = Timestamp::from_seconds(1_455_953_368);
        let ip = Some("192.0.2.1".parse().unwrap());
        let mail = letters(true)
            .spoken(None)
            .verification_code(&to, &code, until, ip)
            .unwrap();
        assert!(mail.text.lines().any(|line| line == code.expose()));
        assert!(mail.html.contains(&code.expose()) && !mail.subject.contains(&code.expose()));
        for said in ["2016-02-20T07:29:28Z", "192.0.2.1", "id.example"] {
            assert!(mail.text.contains(said), "{said}: {}", mail.text);
        }
    }

    #[test]
    fn nothing_is_written_while_mail_is_off() {
        let to = Email::parse("jo@example.org").unwrap();
        assert!(letters(false).spoken(None).address_taken(&to).is_none());
    }

    #[test]
    fn every_letter_is_there_in_every_language_and_says_the_same_facts() {
        let (to, new) = ("jo@example.org", "jo@example.net");
        let [to, new] = [to, new].map(|it| Email::parse(it).unwrap());
        let (letters, at) = (letters(true), Timestamp::from_seconds(1_455_953_368));
        let ip = Some("192.0.2.1".parse().unwrap());
        let action = Action::new(at, crate::model::audit::Actor::System, ip);
        let token = PlainToken::generate(TokenKind::Link);
        let all = |language| {
            let spoken = letters.spoken(Some(language));
            let kinds = [
                FactorKind::Totp,
                FactorKind::SecurityKey,
                FactorKind::RecoveryCode,
            ];
            let changes = kinds
                .into_iter()
                .flat_map(|kind| [FactorChange::Added(kind), FactorChange::Removed(kind)]);
            let mut mails = vec![
                spoken.confirm_address(&to, &token),
                spoken.invitation(&to, &token),
                spoken.address_taken(&to),
                spoken.connection(&to, ("there", "Jo There"), true, &action),
                spoken.connection(&to, ("there", "Jo There"), false, &action),
                spoken.address_changed(&to, &new, &action),
            ];
            let factors = changes.chain([FactorChange::Reset]);
            mails.extend(factors.map(|it| spoken.factor_changed(&to, it, ip, at)));
            mails.into_iter().flatten().collect::<Vec<_>>()
        };
        let (english, german) = (all(Language::English), all(Language::German));
        assert_eq!((english.len(), german.len()), (13, 13));
        for (english, german) in english.iter().zip(&german) {
            assert_ne!(english.subject, german.subject);
            assert!(german.text.contains("id.example"), "{}", german.text);
            for fact in [
                "192.0.2.1",
                "2016-02-20T07:29:28Z",
                "Jo There",
                new.as_str(),
                token.expose(),
            ] {
                let says = |mail: &Mail| (mail.text.contains(fact), mail.html.contains(fact));
                assert_eq!(says(english), says(german), "{fact}: {}", german.text);
            }
        }
    }
}
