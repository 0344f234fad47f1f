//! Whose house it is: the name and logo above every page, and its colours.
//!
//! A page does not know: it is made anywhere, and told where it leaves ([`Brand::on`]).

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue};
use maud::html;

use super::Document;
use super::palette::style;
use crate::config::pages::{Logo, Pages};

/// What is put on every page.
#[derive(Debug, Default)]
pub struct Brand {
    /// After the title.
    title: String,
    /// Above the page.
    banner: String,
    style: String,
    logo: Option<Logo>,
}

/// Where the logo is served.
pub const LOGO_PATH: &str = "/_countersign/logo";

impl Brand {
    /// The configuration's.
    #[must_use]
    pub fn new(config: &Pages) -> Self {
        let Some(name) = &config.name else {
            return Self {
                style: style(config),
                ..Self::default()
            };
        };
        let banner = html! {
            header.brand {
                // The name beside it says the same.
                @if config.logo.is_some() { img src=(LOGO_PATH) alt="" height="40"; }
                span { (name) }
            }
        };
        Self {
            title: format!("{}{TITLE_END}", html! { " · " (name) }.into_string()),
            banner: banner.into_string(),
            style: style(config),
            logo: config.logo.clone(),
        }
    }

    /// A page's document with the brand on it. Borrows where there is none.
    #[must_use]
    pub fn on<'a>(&self, html: &'a str) -> Cow<'a, str> {
        if self.banner.is_empty() {
            return Cow::Borrowed(html);
        }
        // Both stand in the frame, before anything that a page says.
        let Some((before, rest)) = html.split_once(TITLE_END) else {
            return Cow::Borrowed(html);
        };
        let Some((head, body)) = rest.split_once(BODY) else {
            return Cow::Borrowed(html);
        };
        let (title, banner) = (&self.title, &self.banner);
        Cow::Owned(format!("{before}{title}{head}{BODY}{banner}{body}"))
    }

    /// The stylesheet with its colours.
    #[must_use]
    pub fn stylesheet(&self) -> Response {
        let style = format!("{}{}", include_str!("style.css"), self.style);
        (kept_an_hour("text/css; charset=utf-8"), style).into_response()
    }

    /// The logo, if there is one. Opened by itself a drawing with a script in it does nothing either.
    #[must_use]
    pub fn logo(&self) -> Option<Response> {
        let logo = self.logo.as_ref()?;
        let mut response = (kept_an_hour(logo.content_type), logo.bytes.to_vec()).into_response();
        let policy =
            HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, policy);
        Some(response)
    }
}

/// Puts the brand on whatever leaves a router and is a page.
pub async fn branded(State(brand): State<Arc<Brand>>, mut response: Response) -> Response {
    let Some(Document(html)) = response.extensions_mut().remove() else {
        return response;
    };
    if let Cow::Owned(html) = brand.on(&html) {
        response.headers_mut().remove(CONTENT_LENGTH);
        *response.body_mut() = Body::from(html);
    }
    response
}

fn kept_an_hour(content_type: &'static str) -> [(HeaderName, HeaderValue); 3] {
    [
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (CACHE_CONTROL, HeaderValue::from_static("max-age=3600")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ]
}

const TITLE_END: &str = "</title>";
const BODY: &str = "<body>";
