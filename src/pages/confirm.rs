//! The pages behind the link that confirms an address.
//!
//! Mail scanners and previews open links. So opening it only shows a button, and the button's `POST` uses the link up.

use http::StatusCode;
use maud::html;

use super::Page;
use crate::model::account::Email;
use crate::model::token::PlainToken;

/// Asks whether the address is theirs. `action` is where the button posts the token to.
#[must_use]
pub fn ask(action: &str, token: &PlainToken) -> Page {
    let content = html! {
        p { "Press the button to confirm that this e-mail address is yours." }
        form method="post" action=(action) {
            input type="hidden" name="token" value=(token.expose());
            button type="submit" { "Confirm my address" }
        }
        p { "If you did not ask for this, close this page. Nothing happens then." }
    };
    Page::new(StatusCode::OK, "Confirm your e-mail address", &content)
}

/// Says that it is done.
#[must_use]
pub fn done(email: Option<&Email>) -> Page {
    let content = html! {
        p role="status" {
            @match email {
                Some(email) => { strong { (email) } " is confirmed." },
                None => "Your address is confirmed.",
            }
            " You can close this page."
        }
    };
    Page::new(StatusCode::OK, "Thank you", &content)
}

/// Says that the link does nothing any more.
#[must_use]
pub fn stale() -> Page {
    let content = html! {
        p role="alert" {
            "It was used already, it is too old, or the address was changed since. Ask for a new mail where you gave the address."
        }
    };
    Page::new(StatusCode::GONE, "This link is no longer good", &content)
}

/// Says that nothing can be done now.
#[must_use]
pub fn unavailable() -> Page {
    Page::error(
        StatusCode::SERVICE_UNAVAILABLE,
        "The address could not be confirmed now. The link stays good: please try again in a minute.",
    )
}
