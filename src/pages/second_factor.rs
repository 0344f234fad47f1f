//! Where people show a second factor, between the password and the session.

use http::StatusCode;
use maud::{Markup, html};
use serde_json::Value;

use super::key::KeyForm;
use super::text::Text;
use super::{Language, Page};
use crate::model::factor::FactorKind;

/// What the form is shown with.
#[derive(Debug, Clone, Copy)]
pub struct SecondFactor<'a> {
    /// The reader's language.
    pub language: Language,
    /// Where its form is posted to.
    pub action: &'a str,
    /// Where a success leads.
    pub return_to: Option<&'a str>,
    /// What the account has.
    pub kinds: &'a [FactorKind],
    /// What a security key is asked with; `None` if none can be.
    pub key: Option<&'a Value>,
    /// What is to be said before anything else.
    pub notice: Option<Notice>,
}

/// What is said above the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The code is not good.
    WrongCode,
    /// What a security key answered does not hold.
    WrongKey,
    /// No try is left for a while.
    TriesUsedUp,
    /// No answer is possible now.
    Unavailable,
}

impl SecondFactor<'_> {
    /// The page.
    #[must_use]
    pub fn page(&self) -> Page {
        let text = self.language.text();
        let codes = typed(self.kinds);
        let content = html! {
            @if let Some(notice) = self.notice { (notice.markup(text)) }
            @if let Some(options) = self.key { (self.key_form(options, text)) }
            @if codes.is_empty() {
                @if self.key.is_none() { p role="alert" { (text.key_elsewhere) } }
            } @else {
                @if self.key.is_some() { p.or { (text.or) } }
                p id="hint" { (hint(&codes, text)) }
                form method="post" action=(self.action) {
                    (code_field(text, "code"))
                    (self.return_field())
                    button type="submit" { (text.factor_button) }
                }
            }
        };
        let status = self.notice.map_or(StatusCode::OK, Notice::status);
        let page = Page::new(self.language, status, text.factor_heading, &content)
            .with_forms()
            .leading_back(self.return_to);
        if self.key.is_some() {
            page.with_keys()
        } else {
            page
        }
    }

    fn key_form(&self, options: &Value, text: &Text) -> Markup {
        KeyForm {
            action: self.action,
            options,
            field: "credential",
            button: text.key_button,
            hidden: self.return_field(),
            fields: html! { p { (text.key_lead) } },
        }
        .markup(text)
    }

    fn return_field(&self) -> Markup {
        html! {
            @if let Some(return_to) = self.return_to {
                input type="hidden" name="return_to" value=(return_to);
            }
        }
    }
}

impl Notice {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::WrongCode | Self::WrongKey => StatusCode::UNAUTHORIZED,
            Self::TriesUsedUp => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(super) fn markup(self, text: &Text) -> Markup {
        let says = match self {
            Self::WrongCode => text.wrong_code,
            Self::WrongKey => text.wrong_key,
            Self::TriesUsedUp => text.tries_used_up,
            Self::Unavailable => text.unavailable,
        };
        html! { p.notice role="alert" { (says) } }
    }
}

/// The field for a code; what may be typed stands in the element `hint`.
pub(super) fn code_field(text: &Text, name: &str) -> Markup {
    html! {
        label for="code" { (text.code) }
        input id="code" name=(name) type="text" autocomplete="one-time-code" autocapitalize="characters"
            spellcheck="false" maxlength="40" aria-describedby="hint" required autofocus;
    }
}

/// What of it can be typed.
pub(super) fn typed(kinds: &[FactorKind]) -> Vec<FactorKind> {
    let is_typed = |kind: &FactorKind| *kind != FactorKind::SecurityKey;
    kinds.iter().copied().filter(is_typed).collect()
}

/// Which codes an account's owner can type.
pub(super) const fn hint(kinds: &[FactorKind], text: &Text) -> &'static str {
    match kinds {
        [FactorKind::RecoveryCode] => text.hint_recovery_code,
        [FactorKind::Totp] => text.hint_totp,
        _ => text.hint_totp_or_recovery_code,
    }
}
