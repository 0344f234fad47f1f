//! The page behind the link of an invitation.

use http::StatusCode;
use maud::html;

use super::Page;
use crate::model::token::PlainToken;

/// Shows the code of an invitation, to be typed where the account is made. Opening it uses nothing up.
#[must_use]
pub fn show(code: &PlainToken) -> Page {
    let content = html! {
        p { "Make your account in the application that you were invited to. It asks for this code:" }
        p { code { (code.expose()) } }
        p { "It is good once. Give it to nobody else." }
    };
    Page::new(StatusCode::OK, "You are invited", &content)
}

/// Says that the link holds no code.
#[must_use]
pub fn damaged() -> Page {
    Page::error(
        StatusCode::BAD_REQUEST,
        "The link is not complete. Open it from the mail once more, or copy all of it.",
    )
}
