//! CORS preflights: what a browser asks before it lets a page of another origin send a request.
//!
//! A browser sends them without any credential, and the app has to answer them; so they pass to it without identity. A
//! request that could be anything more is none: one with a body, with an `Upgrade`, or with a field that some frameworks
//! take the method from. A route that narrows `methods` has to name `OPTIONS` for them. Source: the Fetch Standard,
//! "CORS-preflight fetch".

use http::Method;
use http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, CONTENT_LENGTH, ORIGIN, TRANSFER_ENCODING, UPGRADE,
};

use super::admit::Asked;
use crate::header::protected::is_method_override;

/// Whether a request is a preflight and nothing else.
pub(super) fn is_one(asked: &Asked<'_>) -> bool {
    let headers = asked.headers;
    *asked.method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        && !headers.contains_key(TRANSFER_ENCODING)
        && !headers.contains_key(UPGRADE)
        && headers
            .get(CONTENT_LENGTH)
            .is_none_or(|length| length == "0")
        && !headers
            .keys()
            .any(|name| is_method_override(name.as_str().as_bytes()))
}
