//! Whether an application may know who somebody is.

use http::StatusCode;
use maud::html;

use super::{Language, Page};

/// The question.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The reader's language.
    pub language: Language,
    /// Where its form is posted to.
    pub action: &'a str,
    /// The application's name.
    pub client: &'a str,
    /// Where the answer leads: its host.
    pub host: &'a str,
    /// What the application will know the reader by.
    pub shares: &'a str,
    /// The session's token for forms.
    pub token: &'a str,
}

impl Question<'_> {
    /// The page.
    #[must_use]
    pub fn page(&self) -> Page {
        let text = self.language.text();
        let content = html! {
            p { strong { (self.client) } " (" (self.host) ") " (text.consent_lead) }
            ul {
                li { (text.consent_id) }
                li { (text.consent_email) ": " strong { (self.shares) } }
            }
            p { (text.consent_once) }
            form method="post" action=(self.action) {
                input type="hidden" name="token" value=(self.token);
                div.row {
                    button type="submit" name="answer" value="yes" { (text.consent_yes) }
                    button.quiet type="submit" name="answer" value="no" { (text.consent_no) }
                }
            }
        };
        Page::new(
            self.language,
            StatusCode::OK,
            text.consent_heading,
            &content,
        )
        .with_forms()
    }
}

/// Says that the URL is not registered. It is not repeated: it is whatever somebody wrote.
#[must_use]
pub fn unregistered(language: Language) -> Page {
    let text = language.text();
    let content = html! { p role="alert" { (text.unregistered) } };
    Page::new(
        language,
        StatusCode::BAD_REQUEST,
        text.unregistered_heading,
        &content,
    )
}

/// Says that nothing was shared: the reader said no, or refuses the application.
#[must_use]
pub fn declined(language: Language, account_path: &str) -> Page {
    let text = language.text();
    let content = html! {
        p role="status" { (text.declined) }
        p { a href=(account_path) { (text.account_heading) } }
    };
    Page::new(
        language,
        StatusCode::FORBIDDEN,
        text.declined_heading,
        &content,
    )
}
