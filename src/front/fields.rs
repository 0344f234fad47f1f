//! The strict reading of a head that came in HTTP/2: the rules of the [gate](super::gate), for a head that is decoded.
//!
//! What a frame may hold h2 has seen to; it also cuts off a fragment (`#…`) that a `:path` should not have, which is
//! [seen](super::hpack) and refused before.
//!
//! Here the head gets the form that it has in HTTP/1.1, so that whoever decides sees one form only: an origin-form target
//! and one `Host`. Source: RFC 9113 §8.2 and §8.3, contract section 5a.

use http::header::{CONTENT_LENGTH, COOKIE, HOST, TE};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use crate::config::server::Limits;
use crate::header::host;

use super::gate::{METHOD_BYTES, Malformed, check_target, is_field_byte, is_token, plain_number};

/// Fields that belong to a connection of HTTP/1.1.
const OF_CONNECTIONS: [&str; 5] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// Takes a head as HTTP/1.1 would have brought it.
///
/// # Errors
/// The first thing that is wrong with it.
pub(super) fn take(head: &mut Parts, limits: &Limits) -> Result<(), Malformed> {
    if head.method == Method::CONNECT {
        return Err(Malformed::Connect);
    }
    if head.method.as_str().len() > METHOD_BYTES {
        return Err(Malformed::RequestLine);
    }
    let target = take_target(&head.uri, limits)?;
    check_size(&head.headers, target.as_str().len(), limits)?;
    for (name, value) in &head.headers {
        check_field(name, value)?;
    }
    check_length(&head.headers)?;
    let host = take_host(head)?;
    head.headers.insert(HOST, host);
    join_cookies(&mut head.headers);
    head.uri = Uri::from(target);
    Ok(())
}

fn take_target(uri: &Uri, limits: &Limits) -> Result<PathAndQuery, Malformed> {
    let is_ours =
        |scheme: &str| scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    if uri.scheme_str().is_some_and(|scheme| !is_ours(scheme)) {
        return Err(Malformed::Target);
    }
    let target = uri.path_and_query().ok_or(Malformed::RequestLine)?;
    if target.as_str().len() > limits.target_bytes {
        return Err(Malformed::TargetTooLong);
    }
    check_target(target.as_str().as_bytes())?;
    let is_path = target.as_str().starts_with('/') || target.as_str() == "*";
    is_path.then(|| target.clone()).ok_or(Malformed::Target)
}

/// The caps, as if it had come in HTTP/1.1: a line for the host, and one for all cookies.
fn check_size(headers: &HeaderMap, target: usize, limits: &Limits) -> Result<(), Malformed> {
    let cookies = headers.get_all(COOKIE).iter().count();
    let fields =
        headers.len() - cookies.saturating_sub(1) + usize::from(!headers.contains_key(HOST));
    let lines = headers.iter();
    let bytes: usize = lines
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if fields > limits.header_fields || bytes + target > limits.header_bytes {
        return Err(Malformed::TooLarge);
    }
    Ok(())
}

fn check_field(name: &HeaderName, value: &HeaderValue) -> Result<(), Malformed> {
    let bytes = value.as_bytes();
    let is_padded = bytes.trim_ascii().len() != bytes.len();
    // h2 takes a quote in a name.
    let is_name = name.as_str().bytes().all(is_token);
    if !is_name || is_padded || !bytes.iter().all(|byte| is_field_byte(*byte)) {
        return Err(Malformed::Field);
    }
    let is_of_connection = OF_CONNECTIONS.contains(&name.as_str());
    if is_of_connection || name == TE && !bytes.eq_ignore_ascii_case(b"trailers") {
        return Err(Malformed::Field);
    }
    Ok(())
}

fn check_length(headers: &HeaderMap) -> Result<(), Malformed> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let Some(length) = lengths.next() else {
        return Ok(());
    };
    plain_number(length.as_bytes())
        .filter(|_| lengths.next().is_none())
        .map(drop)
        .ok_or(Malformed::Length)
}

/// `:authority`, `Host`, or both if they are the same.
fn take_host(head: &Parts) -> Result<HeaderValue, Malformed> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let (field, doubled) = (hosts.next(), hosts.next());
    let field = field.map(HeaderValue::to_str).transpose();
    let field = field.map_err(|_| Malformed::Host)?;
    let authority = head.uri.authority().map(http::uri::Authority::as_str);
    let differ = field
        .zip(authority)
        .is_some_and(|(field, authority)| !field.eq_ignore_ascii_case(authority));
    let host = authority.or(field).ok_or(Malformed::Host)?;
    if doubled.is_some() || differ || host::normal(host).is_err() {
        return Err(Malformed::Host);
    }
    HeaderValue::from_str(host).map_err(|_| Malformed::Host)
}

/// A client may send every cookie in a field of its own, which HTTP/1.1 does not know. Source: RFC 9113 §8.2.3.
fn join_cookies(headers: &mut HeaderMap) {
    let mut cookies = headers.get_all(COOKIE).iter();
    let (Some(first), Some(second)) = (cookies.next(), cookies.next()) else {
        return;
    };
    let mut joined = first.as_bytes().to_vec();
    for cookie in std::iter::once(second).chain(cookies) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(cookie.as_bytes());
    }
    if let Ok(joined) = HeaderValue::from_bytes(&joined) {
        headers.insert(COOKIE, joined);
    }
}
