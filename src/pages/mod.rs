//! HTML for people: the few pages of our own, in one frame with one stylesheet.
//!
//! Pages need no JavaScript and load nothing from elsewhere; the content security policy holds them to it. They are
//! readable on a phone, with a keyboard and with a screen reader: one heading, native elements, visible focus, and
//! colours that keep their contrast in the dark. What they say is text that [`maud`] escapes.
//!
//! This room knows how a page looks. When one is shown, and what a form does, is decided above.

pub mod confirm;
pub mod invitation;

use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use maud::{DOCTYPE, Markup, html};

/// A whole page.
#[derive(Debug)]
pub struct Page {
    /// The status that it is sent with.
    pub status: StatusCode,
    /// The document.
    pub html: String,
}

/// Where the stylesheet is served; every page links to it.
pub const STYLESHEET_PATH: &str = "/_countersign/style.css";

impl Page {
    /// A page with one heading, which is also its title.
    #[must_use]
    pub fn new(status: StatusCode, heading: &str, content: &Markup) -> Self {
        let document = html! {
            (DOCTYPE)
            html lang="en" {
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
        }
    }

    /// A page that says why something did not work, for a browser where a program would get a problem document.
    #[must_use]
    pub fn error(status: StatusCode, detail: &str) -> Self {
        let heading = status.canonical_reason().unwrap_or("Something went wrong");
        Self::new(status, heading, &html! { p { (detail) } })
    }

    /// The fields that every page is sent with.
    #[must_use]
    pub fn headers() -> HeaderMap {
        HeaderMap::from_iter([
            (
                CONTENT_TYPE,
                HeaderValue::from_static("text/html; charset=utf-8"),
            ),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ])
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        (self.status, Self::headers(), self.html).into_response()
    }
}

/// The stylesheet.
#[must_use]
pub fn stylesheet() -> Response {
    let headers = [
        (
            CONTENT_TYPE,
            HeaderValue::from_static("text/css; charset=utf-8"),
        ),
        (CACHE_CONTROL, HeaderValue::from_static("max-age=3600")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, include_str!("style.css")).into_response()
}

/// Nothing but our stylesheet and forms to ourselves; nobody may frame a page.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_says_cannot_become_markup() {
        let page = Page::error(StatusCode::BAD_GATEWAY, "<script>alert(1)</script>");
        assert!(!page.html.contains("<script"), "{}", page.html);
        assert!(page.html.contains("&lt;script&gt;"), "{}", page.html);
    }

    #[test]
    fn a_page_loads_its_stylesheet_and_nothing_else() {
        let page = Page::error(StatusCode::NOT_FOUND, "There is nothing here.");
        for loads in ["src=", "@import", "url(", "http:", "https:"] {
            assert!(!page.html.contains(loads), "{loads}");
            assert!(!include_str!("style.css").contains(loads), "{loads}");
        }
        assert_eq!(page.html.matches("href=").count(), 1);
    }
}
