//! The page behind the link of an invitation.

use http::StatusCode;
use maud::html;

use super::{Language, Page};
use crate::model::token::PlainToken;

/// Shows the code of an invitation, to be typed where the account is made. Opening it uses nothing up.
#[must_use]
pub fn show(language: Language, code: &PlainToken) -> Page {
    let text = language.text();
    let content = html! {
        p { (text.invitation_lead) }
        p { code { (code.expose()) } }
        p { (text.invitation_once) }
    };
    Page::new(language, StatusCode::OK, text.invitation_heading, &content)
}

/// Says that the link holds no code.
#[must_use]
pub fn damaged(language: Language) -> Page {
    let detail = language.text().invitation_damaged;
    Page::error(language, StatusCode::BAD_REQUEST, detail)
}
