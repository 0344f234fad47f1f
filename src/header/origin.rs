//! Whether a page of our own origin sent a request: what a request has to show when a cookie is all that speaks for it.
//!
//! Source: RFC 6454 §7, <https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header>. Browsers send one of the two fields
//! at least with every request that is not a plain `GET`, and no page can forge either.

use http::header::{HOST, HeaderName, ORIGIN};
use http::{HeaderMap, Uri};

/// Whether what a request says of where it comes from is this origin, which people reach by `scheme` under the host that
/// the request names. One that says nothing is not.
#[must_use]
pub fn is_same(headers: &HeaderMap, uri: &Uri, scheme: &str) -> bool {
    let field = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = field.or_else(|| uri.authority().map(http::uri::Authority::as_str));
    is_of_host(headers, host.unwrap_or_default(), scheme)
}

/// The same, for whoever knows the host already; an empty one is no origin's.
#[must_use]
pub fn is_of_host(headers: &HeaderMap, host: &str, scheme: &str) -> bool {
    let mut sites = headers.get_all(&SEC_FETCH_SITE).iter().peekable();
    let mut origins = headers.get_all(ORIGIN).iter().peekable();
    if sites.peek().is_none() && origins.peek().is_none() {
        return false;
    }
    let own = format!("{scheme}://{host}");
    sites.all(|site| site == "same-origin")
        && origins.all(|origin| origin.as_bytes().eq_ignore_ascii_case(own.as_bytes()))
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_what_our_own_page_sends_is_of_our_origin() {
        let site = |value| ("sec-fetch-site", value);
        let origin = |value| ("origin", value);
        for (fields, expected) in [
            (&[][..], false),
            (&[site("same-origin")], true),
            (&[origin("https://id.example:8443")], true),
            (&[origin("HTTPS://ID.example:8443")], true),
            (
                &[site("same-origin"), origin("https://id.example:8443")],
                true,
            ),
            (&[site("same-site")], false),
            (&[site("cross-site")], false),
            (&[site("none")], false),
            (&[site("same-origin"), site("cross-site")], false),
            (
                &[site("same-origin"), origin("https://evil.example")],
                false,
            ),
            (
                &[site("cross-site"), origin("https://id.example:8443")],
                false,
            ),
            (&[origin("null")], false),
            (&[origin("http://id.example:8443")], false),
            (&[origin("https://id.example")], false),
            (&[origin("https://id.example:8443.evil.example")], false),
            (
                &[
                    origin("https://id.example:8443"),
                    origin("https://evil.example"),
                ],
                false,
            ),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, HeaderValue::from_static(value));
            }
            let by_authority = Uri::from_static("https://id.example:8443/x");
            assert_eq!(
                is_same(&headers, &by_authority, "https"),
                expected,
                "{fields:?}"
            );
            headers.insert(HOST, HeaderValue::from_static("id.example:8443"));
            let by_field = Uri::from_static("/x");
            assert_eq!(
                is_same(&headers, &by_field, "https"),
                expected,
                "{fields:?}"
            );
        }
    }
}
