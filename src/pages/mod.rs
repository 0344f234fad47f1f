//! HTML for people: the few pages of our own, in one frame with one stylesheet.
//!
//! Pages need no JavaScript and load nothing from elsewhere; the content security policy holds them to it. They are
//! readable on a phone, with a keyboard and with a screen reader: one heading, native elements, visible focus, and
//! colours that keep their contrast in the dark. What they say is text that [`maud`] escapes, in the reader's
//! [`Language`], one file for each in `text`.
//!
//! This room knows how a page looks. When one is shown, and what a form does, is decided above.

pub mod account;
pub mod brand;
pub mod confirm;
pub mod connections;
pub mod consent;
pub mod factors;
pub mod invitation;
pub mod key;
pub mod language;
pub mod login;
mod palette;
pub mod qr;
pub mod second_factor;
mod text;

use std::sync::Arc;

use axum::Extension;
use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, REFRESH,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use maud::{DOCTYPE, Markup, html};
use url::Url;

pub use brand::Brand;
pub use language::Language;

/// A whole page.
#[derive(Debug)]
pub struct Page {
    /// The status that it is sent with.
    pub status: StatusCode,
    /// The document.
    pub html: String,
    /// Where its forms may lead besides to us.
    form_target: Option<String>,
    /// What its forms tell of where they stand.
    referrer: &'static str,
    /// Where it goes on to by itself.
    refresh: Option<HeaderValue>,
    /// Whether our script may run, which asks security keys.
    has_keys: bool,
}

/// What lies beside an answer that is a page: its document, so that the brand is put on it.
#[derive(Debug, Clone)]
struct Document(Arc<str>);

/// Where the stylesheet is served; every page links to it.
pub const STYLESHEET_PATH: &str = "/_countersign/style.css";

impl Page {
    /// A page with one heading, which is also its title.
    #[must_use]
    pub fn new(language: Language, status: StatusCode, heading: &str, content: &Markup) -> Self {
        let document = html! {
            (DOCTYPE)
            html lang=(language.tag()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    title { (heading) }
                    link rel="stylesheet" href=(STYLESHEET_PATH);
                }
                body {
                    main {
                        h1 { (heading) }
                        (content)
                    }
                }
            }
        };
        Self {
            status,
            html: document.into_string(),
            form_target: None,
            referrer: "no-referrer",
            refresh: None,
            has_keys: false,
        }
    }

    /// A page that says why something did not work, for a browser where a program would get a problem document.
    #[must_use]
    pub fn error(language: Language, status: StatusCode, detail: &str) -> Self {
        let heading = language.text().failure(status).heading;
        Self::new(
            language,
            status,
            heading,
            &html! { p role="alert" { (detail) } },
        )
    }

    /// The same for what the gateway refuses. What a program would be told stands below, in English.
    #[must_use]
    pub fn refusal(language: Language, status: StatusCode, detail: &str) -> Self {
        let failure = language.text().failure(status);
        let content = html! {
            p role="alert" { (failure.says) }
            p.small lang="en" { (status.as_str()) ": " (detail) }
        };
        Self::new(language, status, failure.heading, &content)
    }

    /// The same, whose forms say from which origin they come: with `no-referrer` browsers send `Origin: null`, and a form
    /// of ours would look like anybody's. Source: the Fetch Standard, "append a request `Origin` header".
    #[must_use]
    fn with_forms(mut self) -> Self {
        self.referrer = "same-origin";
        self
    }

    /// The same, whose forms ask security keys with the script that they name.
    #[must_use]
    const fn with_keys(mut self) -> Self {
        self.has_keys = true;
        self
    }

    /// The same, whose forms may end in a redirect to that URL: browsers hold `form-action` against redirects too.
    #[must_use]
    pub fn leading_to(mut self, url: &Url) -> Self {
        let origin = url.origin();
        self.form_target = origin.is_tuple().then(|| origin.ascii_serialization());
        self
    }

    /// The same, whose forms lead back to a path here, and from there wherever the application at it leads on to: to
    /// another site, or to a program on the reader's own machine, as providers of OAuth do. What it is, nobody knows
    /// beforehand; a way back to a page of ours stays here.
    #[must_use]
    fn leading_back(mut self, path: Option<&str>) -> Self {
        if path.is_some_and(|path| !path.starts_with(OURS)) {
            self.form_target = Some("https: http:".to_owned());
        }
        self
    }

    /// The same, going on to that URL at once. Source: the HTML Standard, "shared declarative refresh steps".
    #[must_use]
    fn moving_on(mut self, url: &Url) -> Self {
        self.refresh = HeaderValue::from_str(&format!("0;url={url}")).ok();
        self
    }

    /// What it is sent with besides its status.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        let policy = HeaderValue::from_str(&self.policy());
        let mut headers = HeaderMap::from_iter([
            (
                CONTENT_TYPE,
                HeaderValue::from_static("text/html; charset=utf-8"),
            ),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (
                CONTENT_SECURITY_POLICY,
                policy.unwrap_or(HeaderValue::from_static(POLICY)),
            ),
            (REFERRER_POLICY, HeaderValue::from_static(self.referrer)),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        ]);
        headers.extend(self.refresh.clone().map(|refresh| (REFRESH, refresh)));
        headers
    }
}

impl Page {
    fn policy(&self) -> String {
        let mut policy = POLICY.to_owned();
        if let Some(target) = &self.form_target {
            let target = format!("form-action 'self' {target}");
            policy = policy.replace("form-action 'self'", &target);
        }
        if self.has_keys {
            policy.push_str("; script-src 'self'");
        }
        policy
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let headers = self.headers();
        let document = Extension(Document(self.html.as_str().into()));
        (self.status, headers, document, self.html).into_response()
    }
}

/// The login page: where the gateway sends a person who showed nothing.
pub const LOGIN_PATH: &str = "/_countersign/login";

/// Where a person proves themselves again, on the way to a route that asks for it. It is there wherever the login page is.
pub const ELEVATE_PATH: &str = "/_countersign/elevate";

/// What the paths of our pages begin with.
const OURS: &str = "/_countersign/";

/// Nothing but our stylesheet and forms to ourselves; nobody may frame a page.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_says_cannot_become_markup() {
        let evil = "<script>alert(1)</script>";
        let page = Page::error(Language::English, StatusCode::BAD_GATEWAY, evil);
        assert!(!page.html.contains("<script"), "{}", page.html);
        assert!(page.html.contains("&lt;script&gt;"), "{}", page.html);
    }

    #[test]
    fn a_script_runs_where_a_key_is_asked_for_and_nowhere_else() {
        let policy = |page: Page| {
            let policy = &page.headers()[CONTENT_SECURITY_POLICY];
            policy.to_str().unwrap().to_owned()
        };
        let page = || Page::error(Language::English, StatusCode::OK, "");
        assert_eq!(policy(page()), POLICY);
        assert!(!POLICY.contains("script"));
        let with_keys = policy(page().with_keys());
        assert_eq!(with_keys, format!("{POLICY}; script-src 'self'"));
    }

    #[test]
    fn a_page_loads_its_stylesheet_and_nothing_else() {
        let page = Page::error(
            Language::German,
            StatusCode::NOT_FOUND,
            "There is nothing here.",
        );
        for loads in ["src=", "@import", "url(", "http:", "https:"] {
            assert!(!page.html.contains(loads), "{loads}");
            assert!(!include_str!("style.css").contains(loads), "{loads}");
        }
        assert_eq!(page.html.matches("href=").count(), 1);
        assert!(page.html.contains("<html lang=\"de\">"));
    }

    #[test]
    fn a_form_may_lead_on_only_by_way_of_an_application() {
        let policy = |path: Option<&str>| {
            let page = Page::error(Language::English, StatusCode::OK, "").leading_back(path);
            let policy = &page.headers()[CONTENT_SECURITY_POLICY];
            policy.to_str().unwrap().to_owned()
        };
        assert_eq!(policy(None), POLICY);
        assert_eq!(policy(Some("/_countersign/account?x")), POLICY);
        let on = policy(Some("/oauth/authorize?client_id=app"));
        assert!(on.contains("; form-action 'self' https: http:; "), "{on}");
    }

    #[test]
    fn a_form_may_lead_to_the_origin_that_was_named_and_nowhere_else() {
        let url = Url::parse("https://app.example:8443/callback?a=;script-src *").unwrap();
        let page = Page::error(Language::English, StatusCode::OK, "").leading_to(&url);
        let headers = page.headers();
        let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        let rule = "; form-action 'self' https://app.example:8443; ";
        assert!(policy.contains(rule), "{policy}");
        assert!(!policy.contains('*'), "{policy}");
    }
}
