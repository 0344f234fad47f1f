//! The full lane: pingora's phases in our types.
//!
//! | phase | what happens |
//! |---|---|
//! | `request_filter` | one of our own endpoints answers ([`bridge`]), or the gateway decides: refused here, or a permit |
//! | `upstream_peer` | a server is chosen, which asks for the permit |
//! | `upstream_request_filter` | the head that goes upstream is made from the client's, last of all that touches it |
//! | `request_body_filter` | the body is counted against its limit |
//! | `response_filter` | what only we may say is taken out of the response |
//! | `fail_to_proxy` | an upstream's failure becomes an answer |
//! | `logging` | what was sent is noted; the line itself is written when the request is dropped |
//!
//! Whoever accepts connections hands requests over one by one, each with an [`Arrival`]. Knows how HTTP is carried; what
//! is allowed is decided in [`gateway`](crate::gateway).

mod bridge;
mod context;
mod desk;
mod failure;
pub mod journal;
pub mod line;
mod peer;
mod refusal;
mod reply;

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderName, SET_COOKIE, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use pingora_core::server::configuration::ServerConf;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_core::{Error, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::{FailToProxy, HttpProxy, ProxyHttp, ProxyWarnLogContext, Session, http_proxy};

use crate::gateway::Refusal;
use crate::gateway::endpoint::Caller;
use crate::gateway::outbound::Outbound;
use crate::header::fields::Fields;
use crate::header::forwarded::X_REQUEST_ID;
use crate::header::reader::Reader;
use crate::model::credential::Accept;

use context::{Attempt, Context};
use refusal::{LOGIN_PATH, Refused};
use reply::Answer;

pub use context::Arrival;
pub use desk::{Desk, Site, Unreadable};

/// The full lane, ready to be handed requests. Clones are the same lane.
pub type FullLane = Arc<HttpProxy<Lane>>;

/// pingora's callbacks.
#[derive(Debug)]
pub struct Lane {
    desk: Arc<Desk>,
}

/// A request's head as [`Fields`]: pingora keeps the spelling of names beside them.
struct RequestFields<'a>(&'a mut RequestHeader);

/// A response's head as [`Fields`].
struct ResponseFields<'a>(&'a mut ResponseHeader);

/// Connections to upstreams that are kept for later.
const POOL: usize = 1024;

/// Tries at an upstream, the first one included. pingora repeats only what is idempotent and fits its buffer.
const TRIES: usize = 2;

/// Opens a lane.
#[must_use]
pub fn open(desk: Arc<Desk>) -> FullLane {
    let conf = ServerConf {
        upstream_keepalive_pool_size: POOL,
        max_retries: TRIES,
        ..ServerConf::default()
    };
    Arc::new(http_proxy(&Arc::new(conf), Lane { desk }))
}

#[async_trait]
impl ProxyHttp for Lane {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        Context::new(&self.desk)
    }

    fn init_downstream_modules(&self, _: &mut pingora_core::modules::http::HttpModules) {}

    fn on_connection_reuse(
        &self,
        _: &mut Session,
        context: &mut Context,
        arrival: Box<dyn Any + Send + Sync>,
    ) {
        context.arrival = arrival.downcast().ok().map(|arrival| *arrival);
    }

    async fn request_filter(&self, session: &mut Session, context: &mut Context) -> Result<bool> {
        context.take_down(session.req_header());
        if let Some(pattern) = context.endpoint().map(|endpoint| endpoint.path.clone()) {
            answer_ourselves(session, context, pattern).await?;
            return Ok(true);
        }
        if let Err(refusal) = context.decide(session.req_header()).await {
            refuse(session, context, &refusal).await?;
            return Ok(true);
        }
        if is_too_large(session.req_header(), context.site.limits.body_bytes) {
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            send(session, context, error(session, status, TOO_LARGE)).await?;
            return Ok(true);
        }
        make_plain(session, context)?;
        Ok(false)
    }

    async fn upstream_peer(&self, _: &mut Session, context: &mut Context) -> Result<Box<HttpPeer>> {
        let decided = context.decided.as_ref();
        let (route, permit) = decided
            .and_then(|decided| decided.route.as_ref().zip(decided.permit.as_ref()))
            .ok_or_else(|| Error::explain(ErrorType::InternalError, "not permitted"))?;
        let now = context.desk.clock.now();
        let server = route
            .upstream
            .choose(permit, now)
            .ok_or_else(|| Error::explain(ErrorType::ConnectError, "no server"))?;
        let peer = peer::peer(&server.at, &route.upstream.upstream, route.rule.websocket);
        context.attempt = Some(Attempt {
            server,
            started: now.monotonic,
            ended: None,
            status: None,
        });
        peer
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        head: &mut RequestHeader,
        context: &mut Context,
    ) -> Result<()> {
        let asked = context.asked(session.req_header());
        let decided = context.decided.as_ref();
        let (decided, taken) = decided
            .zip(context.head.as_ref())
            .ok_or_else(|| Error::explain(ErrorType::InternalError, "not decided"))?;
        let (route, permit) = decided
            .route
            .as_ref()
            .zip(decided.permit.as_ref())
            .ok_or_else(|| Error::explain(ErrorType::InternalError, "not permitted"))?;
        let gateway = &context.site.gateway;
        let outbound = Outbound {
            route,
            permit,
            trail: &decided.trail,
            edge: gateway.edge(&asked),
            trace: &taken.trace,
        };
        gateway
            .prepare(&mut RequestFields(head), &outbound, context.now)
            .map_err(|unspeakable| {
                Error::explain(ErrorType::InternalError, unspeakable.to_string())
            })
    }

    async fn request_body_filter(
        &self,
        session: &mut Session,
        _: &mut Option<Bytes>,
        _: bool,
        context: &mut Context,
    ) -> Result<()> {
        if session.body_bytes_read() as u64 > context.site.limits.body_bytes
            && !session.was_upgraded()
        {
            return Error::e_explain(ErrorType::HTTPStatus(413), "the body is over its limit");
        }
        Ok(())
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        context: &mut Context,
    ) -> Result<()> {
        if let Some(attempt) = &mut context.attempt {
            attempt.status = Some(response.status.as_u16());
        }
        if self.desk.is_draining() {
            session.set_keepalive(None);
        }
        let mut fields = ResponseFields(response);
        context.site.gateway.clean_response(&mut fields);
        for (name, value) in own_fields(context) {
            response.append_header(name, value)?;
        }
        Ok(())
    }

    fn fail_to_connect(
        &self,
        _: &mut Session,
        _: &HttpPeer,
        context: &mut Context,
        mut error: Box<Error>,
    ) -> Box<Error> {
        if let Some(attempt) = &context.attempt {
            attempt.server.note_failure(context.desk.clock.now());
        }
        // Nothing was sent, so another server may get it, whatever its method.
        error.set_retry(true);
        error
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        failure: &Error,
        context: &mut Context,
    ) -> FailToProxy {
        let failed = failure::of(failure);
        context.outcome.reason = Some(failed.reason);
        if let Some(status) = failed.status
            && session.response_written().is_none()
        {
            session.set_keepalive(None);
            // Whoever is gone cannot be told.
            let _ = send(session, context, error(session, status, failed.detail)).await;
        }
        FailToProxy {
            error_code: failed.status.map_or(0, |status| status.as_u16()),
            can_reuse_downstream: false,
        }
    }

    async fn logging(&self, session: &mut Session, _: Option<&Error>, context: &mut Context) {
        let outcome = &mut context.outcome;
        outcome.status = session
            .response_written()
            .map_or(0, |response| response.status.as_u16());
        outcome.bytes_in = session.body_bytes_read() as u64;
        outcome.bytes_out = session.body_bytes_sent() as u64;
        if let Some(attempt) = &mut context.attempt {
            attempt.ended = Some(context.desk.clock.now().monotonic);
        }
    }

    /// The request's own line tells it, without the client's query.
    fn suppress_error_log(&self, _: &Session, _: &Context, _: &Error) -> bool {
        true
    }

    fn suppress_proxy_warn_log(
        &self,
        _: &Session,
        _: &Context,
        _: &Error,
        _: ProxyWarnLogContext,
    ) -> bool {
        true
    }

    /// pingora's own would hold the query.
    fn request_summary(&self, _: &Session, context: &Context) -> String {
        context
            .head
            .as_ref()
            .map_or_else(String::new, |head| head.trace.request_id.to_string())
    }
}

impl Fields for RequestFields<'_> {
    fn map(&self) -> &HeaderMap {
        &self.0.headers
    }

    fn remove(&mut self, name: &HeaderName) {
        self.0.remove_header(name);
    }

    fn set(&mut self, name: &HeaderName, value: HeaderValue) {
        self.0
            .insert_header(name.clone(), value)
            .expect("a name and a value that are ones already");
    }
}

impl Fields for ResponseFields<'_> {
    fn map(&self) -> &HeaderMap {
        &self.0.headers
    }

    fn remove(&mut self, name: &HeaderName) {
        self.0.remove_header(name);
    }

    fn set(&mut self, name: &HeaderName, value: HeaderValue) {
        self.0
            .insert_header(name.clone(), value)
            .expect("a name and a value that are ones already");
    }
}

const TOO_LARGE: &str = "The body is larger than what is taken here.";

async fn answer_ourselves(
    session: &mut Session,
    context: &mut Context,
    pattern: Box<str>,
) -> Result<()> {
    let now = context.now;
    let Some(head) = &mut context.head else {
        return Error::e_explain(ErrorType::InternalError, "a head was taken down");
    };
    head.endpoint = Some(pattern);
    let caller = Caller {
        ip: head.client,
        now,
        request_id: head.trace.request_id.clone(),
    };
    let id = HeaderValue::from_str(&head.trace.request_id).ok();
    bridge::answer(session, &context.site.router, caller, id).await
}

async fn refuse(session: &mut Session, context: &mut Context, refusal: &Refusal) -> Result<()> {
    let request = session.req_header();
    let route = context.decided.as_ref().and_then(|it| it.route.as_ref());
    let login = context.site.endpoints.all().iter();
    let has_login = login
        .filter(|endpoint| endpoint.method == Method::GET)
        .any(|endpoint| &*endpoint.path == LOGIN_PATH);
    let answer = Refused {
        refusal,
        accept: route.map_or_else(Accept::default, |it| it.rule.requirement.accept),
        realm: &context.site.realm,
        reader: Reader::of(&request.method, &request.headers),
        return_to: request
            .uri
            .path_and_query()
            .map(http::uri::PathAndQuery::as_str)
            .filter(|_| has_login),
    }
    .answer();
    if matches!(refusal, Refusal::Malformed(_)) {
        session.set_keepalive(None);
    }
    send(session, context, answer).await
}

/// An error for whoever reads this request's answer.
fn error(session: &Session, status: StatusCode, detail: &str) -> Answer {
    let request = session.req_header();
    Answer::error(
        status,
        detail,
        Reader::of(&request.method, &request.headers),
    )
}

async fn send(session: &mut Session, context: &Context, answer: Answer) -> Result<()> {
    own_fields(context)
        .fold(answer, |answer, (name, value)| answer.with(name, value))
        .send(session)
        .await
}

/// What every answer says, ours or the upstream's.
fn own_fields(context: &Context) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let head = context.head.as_ref();
    let id = head.and_then(|head| HeaderValue::from_str(&head.trace.request_id).ok());
    let cookie = context
        .clears_cookie()
        .then(|| context.site.clearing_cookie.clone());
    id.map(|id| (X_REQUEST_ID, id))
        .into_iter()
        .chain(cookie.map(|cookie| (SET_COOKIE, cookie)))
}

/// Takes away what makes a request more than a plain one where the route does not allow that, and the authority of an
/// absolute target, which was found to be the `Host`.
fn make_plain(session: &mut Session, context: &Context) -> Result<()> {
    let Some(decided) = &context.decided else {
        return Ok(());
    };
    let websocket = decided.route.as_ref().is_some_and(|it| it.rule.websocket);
    let request = session.req_header_mut();
    if !websocket {
        request.remove_header(&UPGRADE);
    }
    match &decided.trail.origin_form {
        Some(origin_form) => request.set_raw_path(origin_form.as_bytes()),
        None => Ok(()),
    }
}

fn is_too_large(request: &RequestHeader, limit: u64) -> bool {
    debug_assert!(request.headers.contains_key(HOST));
    let length = request.headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    length.is_some_and(|length| length > limit)
}
