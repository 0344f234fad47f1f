//! Our own endpoints: axum handlers, called in this process with the request that pingora read.
//!
//! No second hop and no second parser: a handler gets the parsed head, and as much of the body as an endpoint may take
//! plus one byte, so that it sees an excess and says so in its own dialect's words.

use axum::Router;
use axum::body::{Body, HttpBody as _};
use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use pingora_core::{ErrorType, OrErr as _, Result};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;
use tower::ServiceExt as _;

use crate::gateway::endpoint::{Caller, Endpoints};
use crate::header::forwarded::X_REQUEST_ID;

/// What we answer ourselves: where, and with what.
#[derive(Debug)]
pub struct OwnEndpoints {
    pub(super) endpoints: Endpoints,
    pub(super) router: Router,
}

/// The largest body of an endpoint of ours. Source: contract section 6.
const BODY_BYTES: usize = 16 << 10;

impl OwnEndpoints {
    /// A router, and which requests are its.
    #[must_use]
    pub fn new(router: Router, endpoints: Endpoints) -> Self {
        Self { endpoints, router }
    }
}

/// Answers a request with one of our own endpoints.
///
/// # Errors
/// If the client is gone, or its body is broken.
pub(super) async fn answer(
    session: &mut Session,
    router: &Router,
    caller: Caller,
    id: HeaderValue,
) -> Result<()> {
    let body = read_body(session).await?;
    let parts = session.req_header().as_owned_parts();
    let mut request = Request::from_parts(parts, Body::from(body));
    request.extensions_mut().insert(caller);
    let mut response = match router.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    response.headers_mut().insert(X_REQUEST_ID, id);
    send(session, response).await
}

/// At most one byte more than may be.
async fn read_body(session: &mut Session) -> Result<Bytes> {
    if session.req_header().headers.contains_key(EXPECT) {
        session.write_continue_response().await?;
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = session.downstream_session.read_request_body().await? {
        let room = (BODY_BYTES + 1).saturating_sub(body.len());
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if body.len() > BODY_BYTES {
            break;
        }
    }
    Ok(body.freeze())
}

async fn send(session: &mut Session, response: Response<Body>) -> Result<()> {
    let (parts, mut body) = response.into_parts();
    // RFC 9110 §8.6: a 204 carries no Content-Length, though axum gives it one.
    let is_empty = parts.status == StatusCode::NO_CONTENT;
    let mut head = ResponseHeader::build_no_case(parts.status, Some(parts.headers.len() + 3))?;
    for (name, value) in &parts.headers {
        // The framing and the connection are ours to say.
        let is_ours = [CONNECTION, TRANSFER_ENCODING].contains(name);
        if !(is_ours || is_empty && name == CONTENT_LENGTH) {
            head.append_header(name.clone(), value.clone())?;
        }
    }
    if is_empty || session.req_header().method == Method::HEAD {
        return session.write_response_header(Box::new(head), true).await;
    }
    let length = body.size_hint().exact();
    match length {
        Some(length) if !parts.headers.contains_key(CONTENT_LENGTH) => {
            head.insert_header(CONTENT_LENGTH, length)?;
        }
        Some(_) => {}
        None => head.insert_header(TRANSFER_ENCODING, "chunked")?,
    }
    session
        .write_response_header(Box::new(head), length == Some(0))
        .await?;
    if length == Some(0) {
        return Ok(());
    }
    while let Some(frame) = body.frame().await {
        // A handler's body that breaks off has to look broken to the client too: no end is written.
        let frame = frame.or_err(ErrorType::InternalError, "an endpoint's body broke off")?;
        if let Ok(bytes) = frame.into_data() {
            session.write_response_body(Some(bytes), false).await?;
        }
    }
    session.write_response_body(None, true).await
}
