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

mod answer;
mod arrival;
mod bridge;
mod context;
mod desk;
mod failure;
mod fields;
mod health;
pub mod journal;
pub mod line;
mod peer;
mod refusal;
mod reply;

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, SET_COOKIE, UPGRADE};
use pingora_core::server::configuration::ServerConf;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_core::{Error, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::{FailToProxy, HttpProxy, ProxyHttp, ProxyWarnLogContext, Session, http_proxy};

use crate::gateway::Outbound;
use crate::header::upgrade::is_websocket;

use context::{Attempt, Context};
use fields::ResponseFields;

pub use arrival::{Arrival, Course};
pub use bridge::OwnEndpoints;
pub use desk::{Desk, Site, Unreadable};
pub use failure::BrokenBody;
pub use health::{reach, watch_upstreams};

/// The full lane, ready to be handed requests. Clones are the same lane.
pub type FullLane = Arc<HttpProxy<Lane>>;

/// pingora's callbacks.
#[derive(Debug)]
pub struct Lane {
    desk: Arc<Desk>,
}

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
        // HTTP/2 brings it with the head, HTTP/1.1 with the connection.
        if let Some(arrival) = session.req_header().extensions.get::<Arrival>() {
            context.arrival = Some(arrival.clone());
        }
        context.take_down(session.req_header());
        if context.is_misdirected() {
            context.outcome.reason = Some("misdirected");
            let status = StatusCode::MISDIRECTED_REQUEST;
            answer::error(session, context, status, MISDIRECTED).await?;
            return Ok(true);
        }
        if let Some(pattern) = context.endpoint().map(|endpoint| endpoint.path.clone()) {
            answer::ourselves(session, context, pattern).await?;
            return Ok(true);
        }
        if let Err(refusal) = context.decide(session.req_header()).await {
            answer::refuse(session, context, &refusal).await?;
            return Ok(true);
        }
        let length = answer::content_length(session.req_header());
        if length.is_some_and(|length| length > context.site.limits.body_bytes) {
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            answer::error(session, context, status, TOO_LARGE).await?;
            return Ok(true);
        }
        make_plain(session, context)?;
        Ok(false)
    }

    async fn upstream_peer(
        &self,
        session: &mut Session,
        context: &mut Context,
    ) -> Result<Box<HttpPeer>> {
        let decided = context.decided.as_ref();
        let (route, permit) = decided
            .and_then(|decided| decided.route.as_ref().zip(decided.permit.as_ref()))
            .ok_or_else(|| Error::explain(ErrorType::InternalError, "not permitted"))?;
        let now = context.desk.clock.monotonic();
        let server = route
            .upstream
            .choose(permit, now)
            .ok_or_else(|| Error::explain(ErrorType::ConnectError, "no server"))?;
        let peer = peer::peer(
            &server.at,
            &route.upstream.upstream,
            session.is_upgrade_req(),
        );
        context.attempt = Some(Attempt {
            server,
            started: now,
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
        fields::change(head, |head| {
            // Once, and not on the way: the map is built anew each time it grows.
            head.reserve(STAMPED);
            gateway.prepare(head, &outbound, context.now)
        })
        .or_else(|why| failure::unsendable(&why))
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
        let is_upgraded = response.status == StatusCode::SWITCHING_PROTOCOLS;
        if is_upgraded && !session.is_upgrade_req() {
            return failure::unasked_upgrade();
        }
        if self.desk.is_draining() {
            session.set_keepalive(None);
        }
        if outlives_its_request(response) {
            context.hold(is_upgraded);
            session.set_read_timeout(None);
        }
        let mut fields = ResponseFields(response);
        context.site.gateway.clean_response(&mut fields);
        if let Some(cookie) = answer::clearing_cookie(context) {
            response.append_header(SET_COOKIE, cookie)?;
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
            attempt.server.note_failure(context.desk.clock.monotonic());
        }
        // Nothing was sent, so another server may get it, whatever its method.
        let decided = context.decided.as_ref();
        let route = decided.and_then(|decided| decided.route.as_ref());
        error.set_retry(route.is_some_and(|route| route.upstream.servers().len() > 1));
        error
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        failure: &Error,
        context: &mut Context,
    ) -> FailToProxy {
        let failed = failure::of(failure, context.is_client_awaited(session.req_header()));
        context.outcome.reason = Some(failed.reason);
        if let Some(status) = failed.status
            && session.response_written().is_none()
        {
            session.set_keepalive(None);
            // Whoever is gone cannot be told.
            let _ = answer::error(session, context, status, failed.detail).await;
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
        context.ended = Some(context.desk.clock.monotonic());
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
            .map_or_else(String::new, |head| head.trace.request_id_text().to_owned())
    }
}

const MISDIRECTED: &str = "This connection's certificate is not for that host.";
/// About as many fields as a request gets from us.
const STAMPED: usize = 16;

const TOO_LARGE: &str = "The body is larger than what is taken here.";

/// Takes away what makes a request more than a plain one where the route does not allow that, and the authority of an
/// absolute target, which was found to be the `Host`.
fn make_plain(session: &mut Session, context: &Context) -> Result<()> {
    let Some(decided) = &context.decided else {
        return Ok(());
    };
    let may_leave = decided.route.as_ref().is_some_and(|it| it.rule.websocket);
    let request = session.req_header_mut();
    let leaves_http = may_leave && is_websocket(&request.method, &request.headers);
    fields::change(request, |fields| {
        if !leaves_http {
            fields.remove(UPGRADE);
        }
    });
    match &decided.trail.origin_form {
        Some(origin_form) => request.set_raw_path(origin_form.as_bytes()),
        None => Ok(()),
    }
}

/// Whether what follows goes on for as long as both sides like.
fn outlives_its_request(response: &ResponseHeader) -> bool {
    response.status == StatusCode::SWITCHING_PROTOCOLS
        || response
            .headers
            .get(CONTENT_TYPE)
            .is_some_and(|it| it.as_bytes().starts_with(b"text/event-stream"))
}
