//! Answers in JSON.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

/// A JSON answer that nobody may keep. Its keys stand in the order of the struct's fields.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).unwrap_or_default();
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An answer without a body: 204.
#[must_use]
pub fn nothing() -> Response {
    empty(StatusCode::NO_CONTENT)
}

/// An answer that is told by its status alone.
#[must_use]
pub fn empty(status: StatusCode) -> Response {
    let mut response = status.into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Says when to try again, if time helps: in whole seconds, rounded up, at least one. Source: RFC 9110 §10.2.3.
#[must_use]
pub fn retry_after(mut response: Response, wait: Option<Duration>) -> Response {
    let seconds = wait.map(|wait| wait.as_millis().div_ceil(1000).max(1).to_string());
    if let Some(value) = seconds.and_then(|seconds| HeaderValue::try_from(seconds).ok()) {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}
