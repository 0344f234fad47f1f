//! What is known of one request while it is on its way, and the line that it leaves when it ends.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{EXPECT, HOST};
use http::{HeaderValue, Method, Uri};
use pingora_http::RequestHeader;

use crate::auth::Source;
use crate::config::tls::Shown;
use crate::control::{Rule, holds};
use crate::gateway::connections::Held;
use crate::gateway::endpoint::Endpoint;
use crate::gateway::route::Route;
use crate::gateway::upstream::Chosen;
use crate::gateway::{Admission, Asked, Refusal, Trail};
use crate::header::forwarded::Trace;
use crate::header::host;
use crate::metrics::ConnectionState;
use crate::model::credential::AuthMethod;
use crate::model::policy::Permit;
use crate::model::time::Now;
use crate::model::token::TokenKind;

use super::arrival::Arrival;
use super::desk::{Desk, Site};
use super::line::{Line, Upstream};

/// One request. When it is dropped it is counted and its line is written, however it ended.
#[derive(Debug)]
pub struct Context {
    pub(super) desk: Arc<Desk>,
    pub(super) site: Arc<Site>,
    pub(super) now: Now,
    pub(super) arrival: Option<Arrival>,
    pub(super) head: Option<Head>,
    pub(super) decided: Option<Decided>,
    pub(super) attempt: Option<Attempt>,
    pub(super) outcome: Outcome,
    /// When its answer was sent.
    pub(super) ended: Option<Duration>,
    held: Option<Held>,
    upgraded: Option<Upgraded>,
}

/// A connection that speaks another protocol: counted as long as this lives.
#[derive(Debug)]
struct Upgraded(Arc<Desk>);

/// The head, as far as it is needed after pingora is done with it. Clones share their bytes.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) host: Option<HeaderValue>,
    pub(super) trace: Trace,
    pub(super) client: IpAddr,
    /// The pattern of an endpoint of ours: what stands in the log, because the path may hold a secret.
    pub(super) endpoint: Option<Box<str>>,
}

/// What was decided.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) route: Option<Arc<Route>>,
    pub(super) permit: Option<Permit>,
    pub(super) trail: Trail,
    decision: &'static str,
    reason: &'static str,
}

/// The last try at an upstream's server.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) server: Chosen,
    pub(super) started: Duration,
    pub(super) status: Option<u16>,
}

/// How it ended.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) status: u16,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) reason: Option<&'static str>,
}

impl Context {
    pub(super) fn new(desk: &Arc<Desk>) -> Self {
        Self {
            site: desk.site(),
            now: desk.clock.now(),
            desk: Arc::clone(desk),
            arrival: None,
            head: None,
            decided: None,
            attempt: None,
            outcome: Outcome::default(),
            ended: None,
            held: None,
            upgraded: None,
        }
    }

    /// The other end of the connection. Whoever comes another way than through the front is not trusted.
    pub(super) fn peer(&self) -> IpAddr {
        self.arrival
            .as_ref()
            .map_or(IpAddr::from([0, 0, 0, 0]), |arrival| arrival.peer)
    }

    /// The certificate that the client was shown; `None` in the open.
    fn shown(&self) -> Option<&Shown> {
        self.arrival.as_ref()?.shown.as_deref()
    }

    /// Whether the request is for a host that the connection's certificate is not for. Source: RFC 9110 §15.5.20.
    pub(super) fn is_misdirected(&self) -> bool {
        let Some(shown) = self.shown() else {
            return false;
        };
        let host = self.head.as_ref().and_then(Head::host);
        // What is no host is refused for that.
        host.and_then(|host| host::normal(host).ok())
            .is_some_and(|host| !shown.covers(&host))
    }

    /// Takes down what is needed of a head.
    pub(super) fn take_down(&mut self, request: &RequestHeader) -> &Head {
        let peer = self.peer();
        let trusted = &self.site.trusted;
        self.head.insert(Head {
            method: request.method.clone(),
            uri: request.uri.clone(),
            host: request.headers.get(HOST).cloned(),
            trace: Trace::of(&request.headers, trusted.contains(peer)),
            client: trusted.client(peer, &request.headers),
            endpoint: None,
        })
    }

    /// One of our own endpoints, if the request is for one.
    pub(super) fn endpoint(&self) -> Option<&Endpoint> {
        let head = self.head.as_ref()?;
        let (endpoints, path) = (&self.site.own.endpoints, head.uri.path());
        // Most requests are for none, and need no host for that.
        if !endpoints.may_cover(path) {
            return None;
        }
        let host = head.host().map(host::normal)?.ok()?;
        endpoints.find(Some(&host), &head.method, head.target())
    }

    /// Asks the gateway.
    pub(super) async fn decide(&mut self, request: &RequestHeader) -> Result<(), Refusal> {
        let asked = self.asked(request);
        let admission = self.site.gateway.admit(&asked, self.now).await;
        let (decision, reason) = (admission.decision(), admission.reason());
        let Admission {
            route,
            verdict,
            trail,
        } = admission;
        let (permit, refusal) = match verdict {
            Ok(permit) => (Some(permit), Ok(())),
            Err(refusal) => (None, Err(refusal)),
        };
        self.decided = Some(Decided {
            route,
            permit,
            trail,
            decision,
            reason,
        });
        refusal
    }

    /// A request as the gateway is asked about it.
    pub(super) fn asked<'a>(&'a self, request: &'a RequestHeader) -> Asked<'a> {
        Asked {
            method: &request.method,
            target: request.raw_path(),
            host: request
                .headers
                .get(HOST)
                .and_then(|host| host.to_str().ok()),
            headers: &request.headers,
            peer: self.peer(),
            is_tls: self.shown().is_some(),
            certificate: self.shown().and_then(Shown::client),
        }
    }

    /// Whether the rest of the request's body is waited for; not where the client may wait for us to ask for it.
    pub(super) fn is_client_awaited(&self, request: &RequestHeader) -> bool {
        let arrival = self.arrival.as_ref();
        arrival.is_some_and(|it| it.course.is_client_awaited())
            && !request.headers.contains_key(EXPECT)
    }

    /// Lets the connection end with the session that opened it, however long it goes on.
    pub(super) fn hold(&mut self, is_upgraded: bool) {
        if is_upgraded && self.upgraded.is_none() {
            self.upgraded = Some(Upgraded::new(&self.desk));
        }
        let (Some(arrival), Some(decided)) = (&self.arrival, &self.decided) else {
            return;
        };
        if is_upgraded {
            arrival.course.switch();
        }
        let identity = decided.permit.as_ref().and_then(Permit::identity);
        if let (Some(identity), Some(credential)) = (identity, &decided.trail.credential) {
            let held = self
                .desk
                .connections
                .hold(identity, credential, Arc::clone(&arrival.cut));
            self.held = Some(held);
        }
    }

    /// Whether our cookie was shown and is dead.
    pub(super) fn clears_cookie(&self) -> bool {
        self.decided
            .as_ref()
            .is_some_and(|decided| decided.trail.clears_cookie)
    }

    fn count(&self, took: Duration, ended: Duration) {
        let route = self.decided.as_ref().and_then(|it| it.route.as_ref());
        let is_own = self.head.as_ref().is_some_and(|it| it.endpoint.is_some());
        let metrics = match route {
            Some(route) => &route.metrics,
            None if is_own => &self.desk.own,
            None => &self.desk.unrouted,
        };
        let method = self
            .head
            .as_ref()
            .map_or("other", |head| label(&head.method));
        metrics.count_request(method, self.outcome.status);
        metrics.request_seconds.observe(took.as_secs_f64());
        if let Some(attempt) = &self.attempt {
            metrics
                .upstream_seconds
                .observe(attempt.took(ended).as_secs_f64());
        }
    }

    fn line(&self, head: &Head, took: Duration, ended: Duration) {
        let Some(journal) = &self.desk.journal else {
            return;
        };
        let decided = self.decided.as_ref();
        let permit = decided.and_then(|decided| decided.permit.as_ref());
        let identity = permit.and_then(Permit::identity);
        let route = decided.and_then(|decided| decided.route.as_ref());
        let trail = decided.map(|decided| &decided.trail);
        let line = Line {
            at: self.now.wall.after(took),
            request_id: Some(head.trace.request_id_text()),
            trace_id: Some(head.trace.trace_id()),
            remote_ip: Some(head.client),
            method: Some(head.method.as_str()),
            host: head.host(),
            path: Some(&head.path_without_secrets()),
            route: route.map(|route| &*route.rule.name),
            status: self.outcome.status,
            bytes_in: self.outcome.bytes_in,
            bytes_out: self.outcome.bytes_out,
            duration: took,
            auth: trail.filter(|it| it.source.is_some()).map(|it| it.auth),
            upstream: self
                .attempt
                .as_ref()
                .zip(route)
                .map(|(attempt, route)| Upstream {
                    name: &route.rule.upstream,
                    status: attempt.status,
                    took: attempt.took(ended),
                }),
            user: identity.map(|it| it.principal.account.id.as_str()),
            session: identity.map(|it| it.principal.session),
            auth_kind: trail.and_then(|it| it.kind).map(AuthMethod::as_str),
            decision: decided.map(|decided| decided.decision),
            reason: self.outcome.reason.or(decided.map(|it| it.reason)),
            cache: trail.and_then(|it| it.source).map(|source| match source {
                Source::Cache => "hit",
                Source::Store => "miss",
            }),
            elevated: identity.is_some_and(|it| it.elevation.is_some()),
        };
        line.write_to(journal);
    }
}

impl Upgraded {
    fn new(desk: &Arc<Desk>) -> Self {
        desk.metrics().connections(ConnectionState::Upgraded).inc();
        Self(Arc::clone(desk))
    }
}

impl Drop for Upgraded {
    fn drop(&mut self) {
        let metrics = self.0.metrics();
        metrics.connections(ConnectionState::Upgraded).dec();
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let ended = self.ended.unwrap_or_else(|| self.desk.clock.monotonic());
        let took = ended.saturating_sub(self.now.monotonic);
        if self.outcome.status == 0
            && let Some(status) = self.attempt.as_ref().and_then(|attempt| attempt.status)
        {
            // It was dropped while its answer was on the way: cut off, or the process ends.
            self.outcome.status = status;
            self.outcome.reason = Some("cut");
        }
        let Some(head) = &self.head else { return };
        self.count(took, ended);
        self.line(head, took, ended);
    }
}

impl Head {
    /// The path as it may be logged: seed 000 puts a session token into it.
    fn path_without_secrets(&self) -> Cow<'_, str> {
        let path = self.endpoint.as_deref().unwrap_or(self.uri.path());
        if path.starts_with("/me/") {
            return "/me/:token".into();
        }
        let is_secret = |segment: &str| segment.starts_with('{') || is_token(segment);
        if !path.split('/').any(is_secret) {
            return path.into();
        }
        let segments = path.split('/').map(|segment| {
            if is_secret(segment) {
                ":token"
            } else {
                segment
            }
        });
        segments.collect::<Vec<_>>().join("/").into()
    }

    fn target(&self) -> &str {
        let target = self.uri.path_and_query();
        target.map_or("/", http::uri::PathAndQuery::as_str)
    }

    pub(super) fn host(&self) -> Option<&str> {
        self.host.as_ref().and_then(|host| host.to_str().ok())
    }
}

impl Attempt {
    fn took(&self, ended: Duration) -> Duration {
        ended.saturating_sub(self.started)
    }
}

fn is_token(segment: &str) -> bool {
    holds(Rule::Redaction) && TokenKind::of_prefix(segment).is_some()
}

/// A method as metrics know it: clients must not be able to make new series.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
