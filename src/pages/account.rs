//! The page of one's own account: sessions, named API tokens, applications, connections, second factors, password.
//!
//! Everything on it is a plain form of its own, with the session's token in it.

use http::StatusCode;
use maud::{Markup, html};

use super::connections::Offered;
use super::text::Text;
use super::{Language, Page};
use crate::model::account::Account;
use crate::model::client::Client;
use crate::model::connection::Connection;
use crate::model::factor::Enrolled;
use crate::model::id::SessionId;
use crate::model::session::Session;
use crate::model::time::Timestamp;
use crate::model::token::PlainToken;

/// Where the forms are posted to.
#[derive(Debug, Clone, Copy)]
pub struct Paths {
    /// Ends a session or named API token: `id`.
    pub revoke: &'static str,
    /// Makes a named API token: `label`, `days`.
    pub token: &'static str,
    /// Refuses or allows an application: `client`, `answer`.
    pub client: &'static str,
    /// Changes the password: `current`, `new`, `repeated`.
    pub password: &'static str,
    /// Gives another address: `email`.
    pub email: &'static str,
    /// Goes to a provider to connect an account there: `provider`.
    pub connect: &'static str,
    /// Takes a connection away: `id`.
    pub disconnect: &'static str,
    /// Changes second factors: `change`, `id`, `code`.
    pub factor: &'static str,
    /// Ends this session.
    pub logout: &'static str,
    /// Ends all of them.
    pub logout_everywhere: &'static str,
}

/// What the page is shown with.
#[derive(Debug)]
pub struct Overview<'a> {
    /// The reader's language.
    pub language: Language,
    /// Whose it is.
    pub account: &'a Account,
    /// Their sessions and named API tokens, newest first.
    pub sessions: &'a [Session],
    /// The session that reads it.
    pub current: SessionId,
    /// The applications that they know, and whether they refuse them.
    pub clients: &'a [(Client, bool)],
    /// Their accounts elsewhere, oldest first.
    pub connections: &'a [Connection],
    /// What they show besides the password.
    pub factors: &'a Enrolled,
    /// Whether security keys can be added here.
    pub knows_keys: bool,
    /// Where more of those can be.
    pub providers: &'a [Offered<'a>],
    /// Whether an address counts only once its link was opened.
    pub confirms_email: bool,
    /// The session's token for forms.
    pub token: &'a str,
    /// Where the forms go.
    pub paths: &'a Paths,
    /// What is to be said before anything else.
    pub notice: Option<Notice>,
}

/// What is said above everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The present password was not right.
    WrongPassword,
    /// The two new passwords differ.
    PasswordsDiffer,
    /// The new password is shorter than this.
    PasswordTooShort(usize),
    /// A token needs a name.
    LabelMissing,
    /// That is no address.
    UnusableEmail,
    /// Another address was given.
    EmailGiven,
    /// There were too many failures.
    Throttled,
    /// No answer is possible now.
    Unavailable,
}

impl Overview<'_> {
    /// The page.
    #[must_use]
    pub fn page(&self) -> Page {
        let text = self.language.text();
        let content = html! {
            @if let Some(notice) = self.notice { (notice.markup(text)) }
            p { (text.signed_in_as) " " strong { (who(self.account)) } }
            (self.sessions(text))
            (self.tokens(text))
            (self.clients(text))
            (self.connections(text))
            (self.factors(text))
            (self.email(text))
            (self.password(text))
        };
        let status = self.notice.map_or(StatusCode::OK, Notice::status);
        Page::new(self.language, status, text.account_heading, &content).with_forms()
    }

    fn sessions(&self, text: &Text) -> Markup {
        let sessions = self.sessions.iter().filter(|it| it.label.is_none());
        html! {
            section aria-labelledby="sessions" {
                h2 id="sessions" { (text.sessions_heading) }
                ul.cards {
                    @for session in sessions {
                        li {
                            div {
                                strong { (self.name(session)) }
                                @if session.id == self.current { " " span.mark { (text.this_session) } }
                                (facts(session, text))
                            }
                            @if session.id != self.current {
                                (self.revoke(session, text.end_session, &self.name(session)))
                            }
                        }
                    }
                }
                div.row {
                    (self.form(self.paths.logout, &html! {
                        button type="submit" { (text.logout_button) }
                    }))
                    (self.form(self.paths.logout_everywhere, &html! {
                        button.quiet type="submit" aria-describedby="everywhere" { (text.logout_everywhere) }
                    }))
                }
                p.small id="everywhere" { (text.logout_everywhere_hint) }
            }
        }
    }

    fn tokens(&self, text: &Text) -> Markup {
        let tokens: Vec<_> = self
            .sessions
            .iter()
            .filter(|it| it.label.is_some())
            .collect();
        html! {
            section aria-labelledby="tokens" {
                h2 id="tokens" { (text.tokens_heading) }
                p { (text.tokens_lead) }
                @if !tokens.is_empty() {
                    ul.cards {
                        @for token in tokens {
                            @let label = token.label.as_deref().unwrap_or_default();
                            li {
                                div { strong { (label) } (facts(token, text)) }
                                (self.revoke(token, text.revoke_token, label))
                            }
                        }
                    }
                }
                (self.form(self.paths.token, &html! {
                    label for="label" { (text.token_label) }
                    input id="label" name="label" type="text" maxlength="200" autocomplete="off" required;
                    label for="days" { (text.token_life) }
                    select id="days" name="days" {
                        option value="30" { "30 " (text.days) }
                        option value="90" selected { "90 " (text.days) }
                        option value="365" { "365 " (text.days) }
                        option value="" { (text.no_end) }
                    }
                    button type="submit" { (text.token_button) }
                }))
            }
        }
    }

    fn clients(&self, text: &Text) -> Markup {
        html! {
            section aria-labelledby="clients" {
                h2 id="clients" { (text.clients_heading) }
                @if self.clients.is_empty() {
                    p { (text.no_clients) }
                } @else {
                    p { (text.clients_lead) }
                    ul.cards {
                        @for (client, is_refused) in self.clients {
                            @let (answer, button, mark) = if *is_refused {
                                ("allow", text.allow, text.refused)
                            } else {
                                ("refuse", text.refuse, text.allowed)
                            };
                            li {
                                div { strong { (client.name) } " " span.mark { (mark) } }
                                (self.form(self.paths.client, &html! {
                                    input type="hidden" name="client" value=(client.id);
                                    button.quiet type="submit" name="answer" value=(answer)
                                        aria-label=(format!("{button}: {}", client.name)) { (button) }
                                }))
                            }
                        }
                    }
                }
            }
        }
    }

    fn email(&self, text: &Text) -> Markup {
        html! {
            section aria-labelledby="email" {
                h2 id="email" { (text.email_heading) }
                ul.cards {
                    @if let Some(email) = &self.account.email { li { div { (email) } } }
                    @if let Some(pending) = &self.account.pending_email {
                        li { div { (pending) " " span.mark { (text.pending) } } }
                    }
                }
                @if self.confirms_email { p { (text.email_lead) } }
                (self.form(self.paths.email, &html! {
                    label for="new-email" { (text.email_new) }
                    input id="new-email" name="email" type="email" maxlength="254" autocomplete="email" required;
                    button type="submit" { (text.email_button) }
                }))
            }
        }
    }

    fn password(&self, text: &Text) -> Markup {
        html! {
            section aria-labelledby="change" {
                h2 id="change" { (text.password_heading) }
                p { (text.password_lead) }
                (self.form(self.paths.password, &html! {
                    label for="current" { (text.password_current) }
                    input id="current" name="current" type="password" autocomplete="current-password" required;
                    label for="new" { (text.password_new) }
                    input id="new" name="new" type="password" autocomplete="new-password" required;
                    label for="repeated" { (text.password_repeated) }
                    input id="repeated" name="repeated" type="password" autocomplete="new-password" required;
                    button type="submit" { (text.password_button) }
                }))
            }
        }
    }

    fn revoke(&self, session: &Session, button: &str, what: &str) -> Markup {
        self.form(
            self.paths.revoke,
            &html! {
                input type="hidden" name="id" value=(session.id);
                button.quiet type="submit" aria-label=(format!("{button}: {what}")) { (button) }
            },
        )
    }

    /// A form with the session's token in it.
    pub(super) fn form(&self, action: &str, fields: &Markup) -> Markup {
        html! {
            form method="post" action=(action) {
                input type="hidden" name="token" value=(self.token);
                (fields)
            }
        }
    }

    /// What a session is called: its application, or the way it came to be.
    fn name(&self, session: &Session) -> String {
        let client = session.client.as_ref().and_then(|id| {
            let known = self.clients.iter().find(|(client, _)| client.id == *id);
            known.map(|(client, _)| client.name.to_string())
        });
        let text = self.language.text();
        client.unwrap_or_else(|| match &*session.dialect {
            "browser" => text.browser_session.to_owned(),
            other => other.to_owned(),
        })
    }
}

impl Notice {
    const fn status(self) -> StatusCode {
        match self {
            Self::WrongPassword
            | Self::PasswordsDiffer
            | Self::PasswordTooShort(_)
            | Self::UnusableEmail
            | Self::LabelMissing => StatusCode::UNPROCESSABLE_ENTITY,
            Self::EmailGiven => StatusCode::ACCEPTED,
            Self::Throttled => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn markup(self, text: &Text) -> Markup {
        let says = match self {
            Self::WrongPassword => text.wrong_password,
            Self::PasswordsDiffer => text.passwords_differ,
            Self::PasswordTooShort(_) => text.password_too_short,
            Self::LabelMissing => text.label_missing,
            Self::UnusableEmail => text.email_unusable,
            Self::EmailGiven => text.email_given,
            Self::Throttled => text.login_throttled,
            Self::Unavailable => text.unavailable,
        };
        html! {
            p.notice role="alert" {
                (says)
                @if let Self::PasswordTooShort(least) = self { " " (least) "." }
            }
        }
    }
}

/// Shows a new token, this once.
#[must_use]
pub fn new_token(language: Language, label: &str, token: &PlainToken, back: &str) -> Page {
    let text = language.text();
    let content = html! {
        p role="status" { strong { (label) } ": " (text.token_made) }
        p { code { (token.expose()) } }
        p { a href=(back) { (text.back_to_account) } }
    };
    Page::new(language, StatusCode::OK, text.token_made_heading, &content)
}

fn who(account: &Account) -> String {
    let email = account.email.as_ref().map(ToString::to_string);
    let username = account.username.as_ref().map(ToString::to_string);
    let pending = account.pending_email.as_ref().map(ToString::to_string);
    let named = email.or(username).or(pending);
    match (account.name.as_deref(), named) {
        (Some(name), Some(named)) => format!("{name} ({named})"),
        (Some(name), None) => name.to_owned(),
        (None, Some(named)) => named,
        (None, None) => account.id.to_string(),
    }
}

fn facts(session: &Session, text: &Text) -> Markup {
    html! {
        dl {
            dt { (text.began) }
            dd { (when(session.created_at)) }
            @if let Some(used) = session.last_used_at {
                dt { (text.last_used) }
                dd { (when(used)) }
            }
            @if let Some(end) = session.expires_at {
                dt { (text.ends) }
                dd { (when(end)) }
            }
            @if let Some(ip) = session.remote_ip {
                dt { (text.from_address) }
                dd { (ip) }
            }
        }
    }
}

/// A time as people of any language read it.
pub(super) fn when(at: Timestamp) -> Markup {
    let exact = at.to_string();
    let date = exact.get(..10).unwrap_or_default();
    let time = exact.get(11..16).unwrap_or_default();
    html! { time datetime=(exact) { (date) " " (time) " UTC" } }
}
