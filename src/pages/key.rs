//! Forms that ask for a security key, and the one script that asks it.
//!
//! A page cannot ask a browser for a key without JavaScript. So a form that does says so until the script, served by us and
//! allowed on these pages alone, takes its place.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use maud::{Markup, html};
use serde_json::Value;

use super::factors::Step;
use super::text::Text;
use super::{Language, Page};

/// Where the script is served.
pub const SCRIPT_PATH: &str = "/_countersign/keys.js";

/// A form that asks a key.
pub(super) struct KeyForm<'a> {
    /// Where it is posted to.
    pub action: &'a str,
    /// What the browser is asked with.
    pub options: &'a Value,
    /// In which field the answer is sent.
    pub field: &'a str,
    /// What its button says.
    pub button: &'a str,
    /// What else it holds: hidden fields, and those that are shown with the button.
    pub hidden: Markup,
    /// Fields that are of use only with the button.
    pub fields: Markup,
}

impl KeyForm<'_> {
    pub(super) fn markup(&self, text: &Text) -> Markup {
        let method = if self.options.get("rp").is_some() {
            "create"
        } else {
            "get"
        };
        html! {
            form method="post" action=(self.action) data-key=(method) data-options=(self.options) {
                script src=(SCRIPT_PATH) defer {}
                (self.hidden)
                input type="hidden" name=(self.field) data-answer="";
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

/// The page that asks for a new key.
#[derive(Debug)]
pub struct NewKey<'a> {
    /// The form that adds it.
    pub step: Step<'a>,
    /// What the browser is asked with.
    pub options: &'a Value,
    /// What was typed as its name before.
    pub name: &'a str,
    /// What is to be said before anything else.
    pub notice: Option<Notice>,
}

/// Why a key was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// It needs a name.
    NameMissing,
    /// It is registered already.
    Known,
    /// The answer does not hold, or came too late.
    Unusable,
    /// The account has as many as it may have.
    TooMany,
    /// Browsers know none where we are.
    Elsewhere,
}

impl NewKey<'_> {
    /// The page.
    #[must_use]
    pub fn page(&self) -> Page {
        let text = self.step.language.text();
        let form = KeyForm {
            action: self.step.action,
            options: self.options,
            field: "credential",
            button: text.new_key_button,
            hidden: self.step.fields(),
            fields: html! {
                p { (text.key_lead) }
                label for="name" { (text.key_name) }
                input id="name" name="name" type="text" value=(self.name) maxlength="200" autocomplete="off" required;
            },
        };
        let content = html! {
            @if let Some(notice) = self.notice { (notice.markup(text)) }
            (form.markup(text))
        };
        let status = self.notice.map_or(StatusCode::OK, Notice::status);
        let page = Page::new(self.step.language, status, text.new_key, &content);
        page.with_forms().with_keys()
    }
}

/// Says why no key can be added.
#[must_use]
pub fn no_more(language: Language, why: Notice) -> Page {
    let text = language.text();
    Page::new(language, why.status(), text.new_key, &why.markup(text))
}

impl Notice {
    const fn status(self) -> StatusCode {
        match self {
            Self::NameMissing | Self::Unusable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Known | Self::TooMany | Self::Elsewhere => StatusCode::CONFLICT,
        }
    }

    fn markup(self, text: &Text) -> Markup {
        let says = match self {
            Self::NameMissing => text.key_name_missing,
            Self::Known => text.key_known,
            Self::Unusable => text.key_unusable,
            Self::TooMany => text.too_many_keys,
            Self::Elsewhere => text.no_keys_here,
        };
        html! { p.notice role="alert" { (says) } }
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
