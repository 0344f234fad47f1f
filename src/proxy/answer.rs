//! Answering a request ourselves: with one of our own endpoints, or with a refusal.

use http::header::{CONTENT_LENGTH, SET_COOKIE};
use http::{HeaderValue, Method, StatusCode};
use pingora_core::{Error, ErrorType, Result};
use pingora_http::RequestHeader;
use pingora_proxy::Session;

use crate::gateway::Refusal;
use crate::gateway::endpoint::Caller;
use crate::header::forwarded::X_REQUEST_ID;
use crate::model::credential::{Accept, AuthMethod};

use crate::pages::{LOGIN_PATH, Language};

use super::bridge;
use super::context::Context;
use super::refusal::Refused;
use super::reply::{Answer, Audience};

/// Lets one of our own endpoints answer. `pattern` is its path, without the secret that may stand in the request's.
pub(super) async fn ourselves(
    session: &mut Session,
    context: &mut Context,
    pattern: Box<str>,
) -> Result<()> {
    let now = context.now;
    let Some(head) = &mut context.head else {
        return Error::e_explain(ErrorType::InternalError, "no head was taken down");
    };
    head.endpoint = Some(pattern);
    let caller = Caller {
        ip: head.client,
        now,
        request_id: head.trace.request_id_text().into(),
        language: Language::asked(&session.req_header().headers),
    };
    let id = head.trace.request_id().clone();
    bridge::answer(session, &context.site.own.router, caller, id).await
}

/// Says why a request does not pass.
pub(super) async fn refuse(
    session: &mut Session,
    context: &Context,
    refusal: &Refusal,
) -> Result<()> {
    let request = session.req_header();
    let route = context.decided.as_ref().and_then(|it| it.route.as_ref());
    let has_login = context
        .site
        .own
        .endpoints
        .all()
        .iter()
        .any(|endpoint| endpoint.method == Method::GET && &*endpoint.path == LOGIN_PATH);
    let by_cookie = context
        .decided
        .as_ref()
        .is_some_and(|it| it.trail.kind == Some(AuthMethod::Cookie));
    let answer = Refused {
        refusal,
        accept: route.map_or_else(Accept::default, |it| it.rule.requirement.accept),
        realm: &context.site.realm,
        audience: Audience::of(&request.method, &request.headers),
        return_to: request
            .uri
            .path_and_query()
            .map(http::uri::PathAndQuery::as_str)
            .filter(|_| has_login),
        is_visit: by_cookie && [Method::GET, Method::HEAD].contains(&request.method),
    }
    .answer();
    if matches!(refusal, Refusal::Malformed(_)) {
        session.set_keepalive(None);
    }
    send(session, context, answer).await
}

/// Sends an error to whoever reads this request's answer.
pub(super) async fn error(
    session: &mut Session,
    context: &Context,
    status: StatusCode,
    detail: &str,
) -> Result<()> {
    let request = session.req_header();
    let audience = Audience::of(&request.method, &request.headers);
    send(session, context, Answer::error(status, detail, audience)).await
}

/// The cookie that clears ours, if it was shown and is dead: every answer says so, ours or the upstream's.
pub(super) fn clearing_cookie(context: &Context) -> Option<&HeaderValue> {
    context
        .clears_cookie()
        .then_some(&context.site.clearing_cookie)
}

async fn send(session: &mut Session, context: &Context, answer: Answer) -> Result<()> {
    if context.desk.is_draining() {
        session.set_keepalive(None);
    }
    let mut answer = answer.branded(&context.site.brand);
    if let Some(head) = &context.head {
        answer = answer.with(X_REQUEST_ID, head.trace.request_id().clone());
    }
    if let Some(cookie) = clearing_cookie(context) {
        answer = answer.with(SET_COOKIE, cookie.clone());
    }
    answer.send(session).await
}

/// The length that a request says its body has.
pub(super) fn content_length(request: &RequestHeader) -> Option<u64> {
    let length = request.headers.get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}
