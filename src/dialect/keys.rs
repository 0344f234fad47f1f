//! `GET /.well-known/jwks.json`: the keys with which upstreams check assertions. Source: RFC 7517 §5.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method};

use super::Mounted;
use crate::config::dialect::Place;
use crate::gateway::Signer;

/// The endpoint, on every host. A key is published a day before it signs, so what it answers may be kept for a while.
#[must_use]
pub fn mount(signer: Arc<Signer>) -> Mounted {
    let handler = get(published).with_state(signer);
    Mounted::default().on(&Place::default(), Method::GET, PATH, handler)
}

async fn published(State(signer): State<Arc<Signer>>) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("max-age=300")),
    ];
    (headers, signer.published().to_string()).into_response()
}

const PATH: &str = "/.well-known/jwks.json";
