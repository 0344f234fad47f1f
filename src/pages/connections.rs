//! Accounts elsewhere: their section of the account page, and the pages on the way to a provider and back.

use http::StatusCode;
use maud::{Markup, html};
use url::Url;

use super::account::{Overview, when};
use super::text::Text;
use super::{Language, Page};
use crate::model::connection::Connection;

/// A provider whose accounts can be connected.
#[derive(Debug, Clone, Copy)]
pub struct Offered<'a> {
    /// Its name in forms.
    pub name: &'a str,
    /// What people call it.
    pub label: &'a str,
}

/// Why nothing was connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The provider does not answer.
    Unreachable,
    /// The attempt is not this session's, or not good any more.
    Stale,
    /// The person, or the provider, said no.
    Declined,
    /// What the provider answered is not to be believed.
    Unbelievable,
    /// It is connected to another account here.
    Taken,
}

impl Overview<'_> {
    /// The section; nothing where there is neither a connection nor a provider.
    pub(super) fn connections(&self, text: &Text) -> Markup {
        if self.connections.is_empty() && self.providers.is_empty() {
            return html! {};
        }
        html! {
            section aria-labelledby="connections" {
                h2 id="connections" { (text.connections_heading) }
                p { (text.connections_lead) }
                @if !self.connections.is_empty() {
                    ul.cards {
                        @for connection in self.connections { li { (self.connection(connection, text)) } }
                    }
                }
                div.row {
                    @for provider in self.providers {
                        (self.form(self.paths.connect, &html! {
                            input type="hidden" name="provider" value=(provider.name);
                            button.quiet type="submit" { (text.connect) " " (provider.label) }
                        }))
                    }
                }
            }
        }
    }

    fn connection(&self, connection: &Connection, text: &Text) -> Markup {
        let provider = self
            .providers
            .iter()
            .find(|it| *it.name == *connection.provider);
        let label = provider.map_or(&*connection.provider, |provider| provider.label);
        let name = connection
            .name
            .as_ref()
            .unwrap_or(&connection.provider_user_id);
        html! {
            div {
                strong { (label) } " " (name)
                dl {
                    dt { (text.connected) }
                    dd { (when(connection.linked_at)) }
                }
            }
            (self.form(self.paths.disconnect, &html! {
                input type="hidden" name="id" value=(connection.id);
                button.quiet type="submit" aria-label=(format!("{}: {label} {name}", text.disconnect)) {
                    (text.disconnect)
                }
            }))
        }
    }
}

/// Sends a browser on to a provider. A page, since browsers hold `form-action` against every redirect after a form, those
/// of the provider too, and nobody knows where all of those lead.
#[must_use]
pub fn leave(language: Language, label: &str, url: &Url) -> Page {
    let text = language.text();
    let content = html! {
        p role="status" { (text.leaving) }
        p { a href=(url) { (text.leaving_link) " " (label) } }
    };
    Page::new(language, StatusCode::OK, text.leaving_heading, &content).moving_on(url)
}

/// Says why nothing was connected.
#[must_use]
pub fn refused(language: Language, label: &str, why: Refusal, back: &str) -> Page {
    let text = language.text();
    let (status, says) = match why {
        Refusal::Unreachable => (StatusCode::SERVICE_UNAVAILABLE, text.connect_unreachable),
        Refusal::Stale => (StatusCode::FORBIDDEN, text.connect_stale),
        Refusal::Declined => (StatusCode::FORBIDDEN, text.connect_declined),
        Refusal::Unbelievable => (StatusCode::BAD_GATEWAY, text.connect_unbelievable),
        Refusal::Taken => (StatusCode::CONFLICT, text.connect_taken),
    };
    let content = html! {
        p role="alert" { strong { (label) } ": " (says) }
        p { a href=(back) { (text.back_to_account) } }
    };
    Page::new(language, status, text.not_connected_heading, &content)
}

/// Leads to the account page at the address that providers send people back to: a session is one address's alone.
#[must_use]
pub fn elsewhere(language: Language, account: &Url) -> Page {
    let text = language.text();
    let content = html! {
        p role="alert" { (text.connect_elsewhere) }
        p { a href=(account) { (account) } }
    };
    let status = StatusCode::MISDIRECTED_REQUEST;
    Page::new(language, status, text.not_connected_heading, &content)
}
