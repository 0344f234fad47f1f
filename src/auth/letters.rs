//! What our mails say.
//!
//! A letter is made where the change it tells of is made, and goes into the store with it. Names in it are given by people
//! who may mean harm: they come into a line of plain text without control characters, and into HTML escaped.

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
use crate::model::mail::Mail;
use crate::model::time::Timestamp;
use crate::model::token::{PlainToken, TokenKind};
use crate::store::accounts::{Link, LinkPurpose};
use crate::store::{Action, Store, StoreError};

/// Writes letters, unless mail is off.
#[derive(Debug)]
pub struct Letters {
    external_url: Url,
    is_on: bool,
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
        action.mails.extend(self.confirm_address(email, &token));
        store.put_link(&link, &action).await
    }

    /// Asks whether an address is its owner's.
    fn confirm_address(&self, to: &Email, token: &PlainToken) -> Option<Mail> {
        self.write(
            to,
            &Letter {
                subject: "Confirm your e-mail address",
                paragraphs: vec![
                    format!("This address was given to {}.", self.house()),
                    "If it was you, open this link to confirm it. If not, do nothing: without it the address is not used."
                        .to_owned(),
                ],
                alone: Alone::Link(self.link(CONFIRM_PATH, token)),
            },
        )
    }

    /// Invites somebody to register.
    pub(super) fn invitation(&self, to: &Email, token: &PlainToken) -> Option<Mail> {
        self.write(
            to,
            &Letter {
                subject: "You are invited",
                paragraphs: vec![format!(
                    "You are invited to make an account at {}. The link is good once.",
                    self.house()
                )],
                alone: Alone::Link(self.invitation_link(token)),
            },
        )
    }

    /// The link of an invitation, for those who hand it over themselves.
    pub(super) fn invitation_link(&self, token: &PlainToken) -> Url {
        self.link(INVITATION_PATH, token)
    }

    /// Tells an account that it signed in to an application for the first time (seed 003).
    pub(super) fn first_sign_in(
        &self,
        to: &Email,
        client: &Client,
        ip: Option<IpAddr>,
        at: Timestamp,
    ) -> Option<Mail> {
        let from = ip.map_or_else(String::new, |ip| format!(" from {ip}"));
        self.write(
            to,
            &Letter {
                subject: "First sign-in to an application",
                paragraphs: vec![
                    format!(
                        "Your account at {} signed in to {} for the first time, at {at}{from}.",
                        self.house(),
                        client.name
                    ),
                    "If that was not you, change your password.".to_owned(),
                ],
                alone: Alone::Nothing,
            },
        )
    }

    /// Tells a person the code to prove themselves with.
    pub(super) fn verification_code(
        &self,
        to: &Email,
        code: &VerificationCode,
        until: Timestamp,
        ip: Option<IpAddr>,
    ) -> Option<Mail> {
        let from = ip.map_or_else(String::new, |ip| format!(" from {ip}"));
        self.write(
            to,
            &Letter {
                subject: "Your verification code",
                paragraphs: vec![
                    format!(
                        "Somebody who is logged in to your account at {} asked{from} for this code. It is good until {until}, \
                         once, and only where it was asked for.",
                        self.house()
                    ),
                    "If that was not you, tell nobody the code, and change your password.".to_owned(),
                ],
                alone: Alone::Code(code.expose()),
            },
        )
    }

    /// Tells an account that another one elsewhere was linked to it, or no longer is.
    pub(super) fn connection(
        &self,
        to: &Email,
        (provider, name): (&str, &str),
        is_linked: bool,
        action: &Action,
    ) -> Option<Mail> {
        let from = action
            .ip
            .map_or_else(String::new, |ip| format!(" from {ip}"));
        let (subject, done) = if is_linked {
            ("An account was connected to yours", "was connected to")
        } else {
            (
                "An account was disconnected from yours",
                "was disconnected from",
            )
        };
        let paragraphs = vec![
            format!(
                "The account {name} at {provider} {done} your account at {}, at {}{from}.",
                self.house(),
                action.at
            ),
            "If that was not you, change your password and look at the connections on your account page.".to_owned(),
        ];
        self.write(
            to,
            &Letter {
                subject,
                paragraphs,
                alone: Alone::Nothing,
            },
        )
    }

    /// Tells the address that an account had until now that it has another.
    pub(super) fn address_changed(&self, to: &Email, new: &Email, action: &Action) -> Option<Mail> {
        let from = action
            .ip
            .map_or_else(String::new, |ip| format!(" from {ip}"));
        self.write(
            to,
            &Letter {
                subject: "The e-mail address of your account was changed",
                paragraphs: vec![
                    format!(
                        "Your account at {} has the address {new} since {}{from}. This one is no longer its own.",
                        self.house(),
                        action.at
                    ),
                    "If that was not you, tell whoever runs it.".to_owned(),
                ],
                alone: Alone::Nothing,
            },
        )
    }

    /// Tells an account that somebody gave its address as theirs.
    pub(super) fn address_taken(&self, to: &Email) -> Option<Mail> {
        self.write(
            to,
            &Letter {
                subject: "Your e-mail address was given by another account",
                paragraphs: vec![format!(
                    "Another account at {} gave this address as its own. It is still yours alone, and nothing was changed.",
                    self.house()
                )],
                alone: Alone::Nothing,
            },
        )
    }

    /// Tells an account what happened to its second factors.
    pub(super) fn factor_changed(
        &self,
        to: &Email,
        change: FactorChange,
        ip: Option<IpAddr>,
        at: Timestamp,
    ) -> Option<Mail> {
        let from = ip.map_or_else(String::new, |ip| format!(" from {ip}"));
        let (subject, happened) = match change {
            FactorChange::Added(FactorKind::RecoveryCode) => (
                "New recovery codes",
                "New recovery codes were made. Older ones are good no longer.",
            ),
            FactorChange::Added(FactorKind::Totp) => (
                "Second factor added",
                "An app that shows codes was set up as a second factor.",
            ),
            FactorChange::Added(FactorKind::SecurityKey) => (
                "Second factor added",
                "A security key was added as a second factor.",
            ),
            FactorChange::Removed(FactorKind::RecoveryCode) => {
                ("Recovery codes removed", "The recovery codes were removed.")
            }
            FactorChange::Removed(FactorKind::Totp) => (
                "Second factor removed",
                "The app that shows codes was removed.",
            ),
            FactorChange::Removed(FactorKind::SecurityKey) => {
                ("Second factor removed", "A security key was removed.")
            }
            FactorChange::Reset => (
                "Second factors removed",
                "An operator removed all second factors.",
            ),
        };
        self.write(
            to,
            &Letter {
                subject,
                paragraphs: vec![
                    format!(
                        "Your account at {}, {at}{from}: {happened}",
                        self.house()
                    ),
                    "If that was not you, change your password, and look at your account's sessions and second factors."
                        .to_owned(),
                ],
                alone: Alone::Nothing,
            },
        )
    }

    fn write(&self, to: &Email, letter: &Letter<'_>) -> Option<Mail> {
        self.is_on.then(|| Mail {
            to: to.clone(),
            subject: letter.subject.into(),
            text: letter.text().into(),
            html: letter.html().into_string().into(),
        })
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
        }
    }

    #[test]
    fn a_link_leads_to_us_and_holds_the_token_whole() {
        let to = Email::parse("jo@example.org").unwrap();
        let token = PlainToken::generate(TokenKind::Link);
        let mail = letters(true).confirm_address(&to, &token).unwrap();
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
        assert!(letters(false).address_taken(&to).is_none());
    }
}
