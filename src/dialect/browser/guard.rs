//! Whether a form was sent by a page of ours: what stands against cross-site request forgery.
//!
//! Two locks. The first looks at where a browser says the form stood; a page cannot forge either field, and every browser
//! sends one of them with a form. A client that sends neither is no browser that could be led astray, unless it shows our
//! cookie: then it is refused, for the sake of a browser whose fields somebody on the way removed. The second is a token in each form, which only the session's own pages
//! know. Source: <https://www.w3.org/TR/fetch-metadata/>, RFC 6454 §7.

use http::header::{COOKIE, HOST, HeaderName, ORIGIN};
use http::{HeaderMap, HeaderValue};
use url::Url;

use crate::model::credential::Credential;
use crate::model::token::TokenDigest;

/// Whether another site sent the request, or may have.
#[must_use]
pub fn is_cross_site(headers: &HeaderMap, external_url: &Url, cookie_name: &str) -> bool {
    if let Some(site) = headers.get(&SEC_FETCH_SITE) {
        return site != "same-origin" && site != "none";
    }
    if !headers.contains_key(ORIGIN) {
        return has_cookie(headers, cookie_name);
    }
    headers
        .get_all(ORIGIN)
        .iter()
        .any(|origin| !is_ours(origin, headers.get(HOST), external_url))
}

/// The token that a session's forms carry: made from the cookie's secret, and telling nothing of it.
#[must_use]
pub fn form_token(credential: &Credential) -> String {
    let digest = hex(&credential.digest());
    hex(&TokenDigest::of_text("form", &[&digest]))
}

/// Whether a form carries the session's token. Takes the same time however much of it is right.
#[must_use]
pub fn is_right(shown: Option<&str>, token: &str) -> bool {
    let of = |text: &str| TokenDigest::of_text("compare", &[text]);
    of(shown.unwrap_or_default()).matches(&of(token))
}

/// Whether a cookie of that name is shown, in whatever state.
fn has_cookie(headers: &HeaderMap, name: &str) -> bool {
    let is_it = |pair: &[u8]| {
        let own = pair.trim_ascii().strip_prefix(name.as_bytes());
        own.is_some_and(|rest| matches!(rest.trim_ascii_start().first(), Some(b'=') | None))
    };
    let fields = headers.get_all(COOKIE).iter();
    let mut pairs = fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b';'));
    pairs.any(is_it)
}

/// The origin is the one that the request went to, over the scheme that people reach us by.
fn is_ours(origin: &HeaderValue, host: Option<&HeaderValue>, external_url: &Url) -> bool {
    let prefix = format!("{}://", external_url.scheme());
    let authority = origin.as_bytes().strip_prefix(prefix.as_bytes());
    let is_this_host = authority
        .zip(host)
        .is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host.as_bytes()));
    is_this_host || origin.as_bytes() == external_url.origin().ascii_serialization().as_bytes()
}

fn hex(digest: &TokenDigest) -> String {
    use std::fmt::Write as _;
    digest.bytes().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_and_what_is_no_browser_pass() {
        let url = Url::parse("https://login.example").unwrap();
        for (fields, crosses) in [
            (&[][..], false),
            (&[("cookie", "other=1; ours2=2; not-ours=3")], false),
            (&[("cookie", "ours=1")], true),
            (&[("cookie", "other=1;ours =")], true),
            (&[("cookie", "other=1"), ("cookie", "ours")], true),
            (
                &[("cookie", "ours=1"), ("origin", "https://app.example")],
                false,
            ),
            (
                &[("cookie", "ours=1"), ("sec-fetch-site", "same-origin")],
                false,
            ),
            (&[("sec-fetch-site", "same-origin")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "same-site")], true),
            (&[("sec-fetch-site", "cross-site")], true),
            (&[("sec-fetch-site", "x")], true),
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "https://app.example"),
                ],
                true,
            ),
            (&[("origin", "https://app.example")], false),
            (&[("origin", "https://login.example")], false),
            (&[("origin", "http://app.example")], true),
            (&[("origin", "https://app.example:444")], true),
            (&[("origin", "https://app.example.evil")], true),
            (&[("origin", "https://evil.example")], true),
            (&[("origin", "null")], true),
            (&[("origin", "")], true),
            (
                &[
                    ("origin", "https://app.example"),
                    ("origin", "https://evil.example"),
                ],
                true,
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("app.example"));
            for (name, value) in fields {
                headers.append(*name, HeaderValue::from_static(value));
            }
            assert_eq!(is_cross_site(&headers, &url, "ours"), crosses, "{fields:?}");
        }
    }
}
