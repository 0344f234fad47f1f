//! What the admin listener says when it does not do something: `application/problem+json` (RFC 9457).

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

#[derive(Serialize)]
struct Problem<'a> {
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    mistakes: &'a [String],
}

/// A problem with a sentence for whoever reads it.
pub(super) fn problem(status: StatusCode, detail: &str) -> Response {
    problem_with(status, detail, &[])
}

/// A problem with a list of mistakes.
pub(super) fn problem_with(status: StatusCode, detail: &str, mistakes: &[String]) -> Response {
    let problem = Problem {
        title: status.canonical_reason().unwrap_or_default(),
        status: status.as_u16(),
        detail,
        mistakes,
    };
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let content_type = HeaderValue::from_static("application/problem+json");
    (status, [(CONTENT_TYPE, content_type)], body).into_response()
}
