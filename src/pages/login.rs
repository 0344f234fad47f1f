//! Where people log in and out.

use http::StatusCode;
use maud::{Markup, html};

use super::{Language, Page};

/// What the login form is shown with.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    /// The reader's language.
    pub language: Language,
    /// Where its form is posted to.
    pub action: &'a str,
    /// Where a success leads.
    pub return_to: Option<&'a str>,
    /// What was typed as the name before, so that it need not be typed again.
    pub username: &'a str,
    /// The application that asks, where one does.
    pub client: Option<&'a str>,
    /// What is to be said before anything else.
    pub notice: Option<Notice>,
}

/// What is said above the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The name and password are not good; which, is not said.
    Unrecognized,
    /// There were too many failures.
    Throttled,
    /// No answer is possible now.
    Unavailable,
    /// The browser was sent here a second time within seconds: it does not keep the cookie, or it is not taken there.
    SentTwice,
    /// The password was changed, which ended every session.
    PasswordChanged,
    /// The login was begun too long ago, or what made it good is gone.
    Stale,
}

impl Login<'_> {
    /// The page.
    #[must_use]
    pub fn page(&self) -> Page {
        let text = self.language.text();
        let content = html! {
            @if let Some(notice) = self.notice { (notice.markup(self.language)) }
            @if let Some(client) = self.client {
                p { strong { (client) } " " (text.login_for_client) }
            }
            form method="post" action=(self.action) {
                label for="username" { (text.username) }
                input id="username" name="username" type="text" value=(self.username) autocomplete="username"
                    autocapitalize="none" spellcheck="false" required autofocus[self.username.is_empty()];
                label for="password" { (text.password) }
                input id="password" name="password" type="password" autocomplete="current-password" required
                    autofocus[!self.username.is_empty()];
                @if let Some(return_to) = self.return_to {
                    input type="hidden" name="return_to" value=(return_to);
                }
                button type="submit" { (text.login_button) }
            }
        };
        let status = self.notice.map_or(StatusCode::OK, Notice::status);
        Page::new(self.language, status, text.login_heading, &content)
            .with_forms()
            .leading_back(self.return_to)
    }
}

impl Notice {
    const fn status(self) -> StatusCode {
        match self {
            Self::Unrecognized => StatusCode::UNAUTHORIZED,
            Self::Throttled => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::SentTwice | Self::PasswordChanged | Self::Stale => StatusCode::OK,
        }
    }

    fn markup(self, language: Language) -> Markup {
        let text = language.text();
        let (role, says) = match self {
            Self::Unrecognized => ("alert", text.login_unrecognized),
            Self::Throttled => ("alert", text.login_throttled),
            Self::Unavailable => ("alert", text.unavailable),
            Self::SentTwice => ("alert", text.login_sent_twice),
            Self::PasswordChanged => ("status", text.password_changed),
            Self::Stale => ("alert", text.login_stale),
        };
        html! { p.notice role=(role) { (says) } }
    }
}

/// Asks whether to log out. `token` is the session's, for forms.
#[must_use]
pub fn log_out(language: Language, action: &str, token: &str) -> Page {
    let text = language.text();
    let content = html! {
        form method="post" action=(action) {
            input type="hidden" name="token" value=(token);
            button type="submit" { (text.logout_button) }
        }
    };
    Page::new(language, StatusCode::OK, text.logout_heading, &content).with_forms()
}

/// Refuses a form that another site may have sent, or that is older than the session.
#[must_use]
pub fn cross_site(language: Language) -> Page {
    let text = language.text();
    let content = html! { p role="alert" { (text.cross_site) } };
    Page::new(
        language,
        StatusCode::FORBIDDEN,
        text.cross_site_heading,
        &content,
    )
}

/// Says that no answer is possible now.
#[must_use]
pub fn unavailable(language: Language) -> Page {
    let detail = language.text().unavailable;
    Page::error(language, StatusCode::SERVICE_UNAVAILABLE, detail)
}

/// Refuses a form that cannot be read.
#[must_use]
pub fn unreadable(language: Language, is_too_large: bool) -> Page {
    let status = if is_too_large {
        StatusCode::PAYLOAD_TOO_LARGE
    } else {
        StatusCode::BAD_REQUEST
    };
    Page::error(language, status, language.text().unreadable)
}
