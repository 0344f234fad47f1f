//! Who may use the admin listener.
//!
//! Probes and metrics are for whoever reaches the address. `/reload` and `/api` change things: with a token file they take
//! its bearer token and nothing else; without one `/reload` is for loopback alone and `/api` is not there.
//!
//! A browser on the same machine reaches loopback too, on behalf of any page it shows. So what a page of another origin
//! sent is refused first, on every path, and an origin is ours only if its host is an address or `localhost`: a name could
//! have been rebound to this address.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, HOST, ORIGIN, WWW_AUTHENTICATE};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::problem::problem;
use crate::model::token::TokenDigest;

/// The bearer token of `/api` and `/reload`, as a digest; `None` without a token file.
#[derive(Debug, Clone)]
pub(super) struct AdminToken(Option<Arc<TokenDigest>>);

impl AdminToken {
    /// The token that a file holds, without the white space around it.
    pub(super) fn new(text: Option<&str>) -> Self {
        Self(text.map(|text| Arc::new(digest(text.trim()))))
    }

    fn matches(&self, headers: &HeaderMap) -> bool {
        self.0
            .as_ref()
            .zip(bearer(headers))
            .is_some_and(|(token, shown)| digest(shown).matches(token))
    }
}

/// Refuses what a page of another origin sent.
pub(super) async fn same_origin(request: Request, next: Next) -> Response {
    if comes_from_elsewhere(request.headers()) {
        return problem(
            StatusCode::FORBIDDEN,
            "a page of another origin may not use the admin listener",
        );
    }
    next.run(request).await
}

/// Lets the holder of the token use the API; without a token file there is none. Stands before all paths, so that nobody
/// else learns which of the API's there are.
pub(super) async fn api(State(token): State<AdminToken>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path != "/api" && !path.starts_with("/api/") {
        return next.run(request).await;
    }
    if token.0.is_none() {
        return problem(
            StatusCode::NOT_FOUND,
            "the API is off: [admin] token_file is not set",
        );
    }
    if !token.matches(request.headers()) {
        return unauthorized();
    }
    next.run(request).await
}

/// Lets the holder of the token reload; without a token file whoever asks from loopback.
pub(super) async fn reload(
    State(token): State<AdminToken>,
    request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let is_local = peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback());
    match (&token.0, is_local) {
        (Some(_), _) if !token.matches(request.headers()) => unauthorized(),
        (None, false) => problem(
            StatusCode::FORBIDDEN,
            "without [admin] token_file only loopback may reload",
        ),
        (Some(_), _) | (None, true) => next.run(request).await,
    }
}

fn unauthorized() -> Response {
    let mut response = problem(StatusCode::UNAUTHORIZED, "the admin token is needed");
    let challenge = HeaderValue::from_static("Bearer realm=\"countersign admin\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response.into_response()
}

fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    let is_cross_site = headers
        .get_all("sec-fetch-site")
        .iter()
        .any(|site| site.as_bytes().eq_ignore_ascii_case(b"cross-site"));
    let has_foreign_origin = headers
        .get_all(ORIGIN)
        .iter()
        .any(|origin| !is_ours(origin, headers.get(HOST)));
    is_cross_site || has_foreign_origin
}

/// Whether an `Origin` (RFC 6454 §7) is the address that was asked.
fn is_ours(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_ascii_lowercase);
    let Some((origin, host)) = text(origin).zip(host.and_then(text)) else {
        return false;
    };
    let Some(authority) = origin.strip_prefix("http://") else {
        return false;
    };
    authority == host && is_address_or_localhost(authority)
}

fn is_address_or_localhost(authority: &str) -> bool {
    Authority::from_str(authority).is_ok_and(|authority| {
        let host = authority.host().trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok()
    })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let is_alone = values.next().is_none();
    (is_alone && scheme.eq_ignore_ascii_case("bearer")).then(|| token.trim_start())
}

fn digest(token: &str) -> TokenDigest {
    TokenDigest::of_text("admin token", &[token])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_address_that_was_asked_is_our_origin() {
        for (host, origin, ours) in [
            ("127.0.0.1:9090", "http://127.0.0.1:9090", true),
            ("[::1]:9090", "http://[::1]:9090", true),
            ("localhost:9090", "http://LOCALHOST:9090", true),
            ("127.0.0.1:9090", "http://localhost:9090", false),
            ("127.0.0.1:9090", "http://127.0.0.1:3000", false),
            ("127.0.0.1:9090", "https://127.0.0.1:9090", false),
            ("127.0.0.1:9090", "https://evil.example", false),
            ("evil.example:9090", "http://evil.example:9090", false),
            ("127.0.0.1:9090", "null", false),
        ] {
            let headers = HeaderMap::from_iter([
                (HOST, HeaderValue::from_static(host)),
                (ORIGIN, HeaderValue::from_static(origin)),
            ]);
            assert_eq!(comes_from_elsewhere(&headers), !ours, "{origin} at {host}");
        }
    }
}
