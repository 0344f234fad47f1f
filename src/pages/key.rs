//! Forms that ask for a security key, and the one script that asks it.
//!
//! A page cannot ask a browser for a key without JavaScript. So a form that does says so until the script, served by us and
//! allowed on these pages alone, takes its place.

use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use maud::{Markup, html};
use serde_json::Value;

use super::text::Text;

/// Where the script is served.
pub const SCRIPT_PATH: &str = "/_countersign/keys.js";

/// A form that asks a key.
pub(super) struct KeyForm<'a> {
    /// Where it is posted to.
    pub action: &'a str,
    /// What the browser is asked with.
    pub options: &'a Value,
    /// Whether for a new key, or for a signature.
    pub is_new: bool,
    /// What its button says.
    pub button: &'a str,
    /// What else it holds: hidden fields, and those that are shown with the button.
    pub hidden: Markup,
    /// Fields that are of use only with the button.
    pub fields: Markup,
}

impl KeyForm<'_> {
    pub(super) fn markup(&self, text: &Text) -> Markup {
        let method = if self.is_new { "create" } else { "get" };
        html! {
            form method="post" action=(self.action) data-key=(method) data-options=(self.options) {
                script src=(SCRIPT_PATH) defer {}
                (self.hidden)
                input type="hidden" name="credential";
                p data-unsupported="" { (text.key_needs_script) }
                div data-supported="" hidden {
                    (self.fields)
                    p.notice role="alert" data-failed="" hidden { (text.key_failed) }
                    button type="submit" { (self.button) }
                }
            }
        }
    }
}

/// The script.
#[must_use]
pub fn script() -> Response {
    let headers = [
        (
            CONTENT_TYPE,
            HeaderValue::from_static("text/javascript; charset=utf-8"),
        ),
        (CACHE_CONTROL, HeaderValue::from_static("max-age=3600")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, include_str!("keys.js")).into_response()
}
