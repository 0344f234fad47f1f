//! The pages behind the link that confirms an address.
//!
//! Mail scanners and previews open links. So opening it only shows a button, and the button's `POST` uses the link up.

use http::StatusCode;
use maud::html;

use super::{Language, Page};
use crate::model::account::Email;
use crate::model::token::PlainToken;

/// Asks whether the address is theirs. `action` is where the button posts the token to.
#[must_use]
pub fn ask(language: Language, action: &str, token: &PlainToken) -> Page {
    let text = language.text();
    let content = html! {
        p { (text.confirm_lead) }
        form method="post" action=(action) {
            input type="hidden" name="token" value=(token.expose());
            button type="submit" { (text.confirm_button) }
        }
        p { (text.confirm_not_me) }
    };
    Page::new(language, StatusCode::OK, text.confirm_heading, &content)
}

/// Says that it is done.
#[must_use]
pub fn done(language: Language, email: Option<&Email>) -> Page {
    let text = language.text();
    let content = html! {
        p role="status" {
            @if let Some(email) = email {
                strong { (email) } ": "
            }
            (text.confirmed)
        }
    };
    Page::new(language, StatusCode::OK, text.confirmed_heading, &content)
}

/// Says that the link does nothing any more.
#[must_use]
pub fn stale(language: Language) -> Page {
    let text = language.text();
    let content = html! { p role="alert" { (text.link_stale) } };
    Page::new(
        language,
        StatusCode::GONE,
        text.link_stale_heading,
        &content,
    )
}

/// Says that nothing can be done now.
#[must_use]
pub fn unavailable(language: Language) -> Page {
    let detail = language.text().confirm_unavailable;
    Page::error(language, StatusCode::SERVICE_UNAVAILABLE, detail)
}
