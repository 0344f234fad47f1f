//! What every request shares: the configuration as it is now, the clock, the metrics and the log.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::header::ALLOW;
use http::{HeaderValue, StatusCode};
use pingora_core::protocols::http::ServerSession;

use crate::clock::Clock;
use crate::config::Config;
use crate::config::server::Limits;
use crate::gateway::{Connections, Gateway, route};
use crate::header::forwarded::TrustedProxies;
use crate::header::own_cookie::OwnCookie;
use crate::metrics::{Metrics, RouteMetrics};
use crate::pages::Brand;

use super::bridge::OwnEndpoints;
use super::journal::Journal;
use super::line::Line;
use super::reply::{Answer, Audience};

/// What every request shares. One for the whole process; its [`Site`] can be replaced.
#[derive(Debug)]
pub struct Desk {
    site: ArcSwap<Site>,
    pub(super) clock: Arc<dyn Clock>,
    is_draining: AtomicBool,
    metrics: Arc<Metrics>,
    pub(super) journal: Option<Journal>,
    pub(super) connections: Arc<Connections>,
    /// Counts requests that no route covers.
    pub(super) unrouted: RouteMetrics,
    /// Counts requests to our own endpoints.
    pub(super) own: RouteMetrics,
}

/// Everything that comes from the configuration and is replaced with it, all at once.
#[derive(Debug)]
pub struct Site {
    pub(super) gateway: Arc<Gateway>,
    pub(super) own: OwnEndpoints,
    pub(super) limits: Arc<Limits>,
    pub(super) trusted: TrustedProxies,
    pub(super) realm: Box<str>,
    pub(super) brand: Brand,
    /// A `Set-Cookie` that removes ours.
    pub(super) clearing_cookie: HeaderValue,
}

/// A request that could not be read, and so has no method, host or path.
#[derive(Debug, Clone, Copy)]
pub struct Unreadable {
    /// What it is answered with.
    pub status: StatusCode,
    /// Why; a word from a closed set.
    pub reason: &'static str,
    /// From whom.
    pub peer: IpAddr,
}

impl Desk {
    /// Puts together what requests share. Without [`Self::logging_to`] no request leaves a line.
    #[must_use]
    pub fn new(
        site: Site,
        connections: Arc<Connections>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            site: ArcSwap::from_pointee(site),
            clock,
            is_draining: AtomicBool::new(false),
            journal: None,
            connections,
            unrouted: metrics.route("-"),
            own: metrics.route("countersign"),
            metrics,
        }
    }

    /// The same with a log of requests.
    #[must_use]
    pub fn logging_to(mut self, journal: Option<Journal>) -> Self {
        self.journal = journal;
        self
    }

    /// Replaces the configuration for every request that begins from now on.
    pub fn replace(&self, site: Site) {
        self.site.store(Arc::new(site));
    }

    /// From now on every answer is the last one on its connection.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// The configuration as it is now.
    #[must_use]
    pub fn site(&self) -> Arc<Site> {
        self.site.load_full()
    }

    /// The limits as they are now.
    #[must_use]
    pub fn limits(&self) -> Arc<Limits> {
        Arc::clone(&self.site.load().limits)
    }

    /// Whether an address is a trusted proxy's.
    #[must_use]
    pub fn trusts(&self, ip: IpAddr) -> bool {
        self.site.load().trusted.contains(ip)
    }

    /// The process's metrics.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The whole answer to a request that could not be read; `head` is what there is of it. Counts it and writes its line.
    #[must_use]
    pub fn refuse(&self, unreadable: &Unreadable, head: &[u8]) -> Vec<u8> {
        self.note_unreadable(unreadable);
        let answer = unreadable.answer(Audience::of_bytes(head));
        answer.branded(&self.site.load().brand).to_http1()
    }

    /// The same on a stream of HTTP/2, which ends with it.
    pub async fn refuse_stream(&self, mut session: ServerSession, unreadable: &Unreadable) {
        self.note_unreadable(unreadable);
        let head = session.req_header();
        let answer = unreadable.answer(Audience::of(&head.method, &head.headers));
        let answer = answer.branded(&self.site.load().brand);
        // A client that is gone has been answered as well as can be.
        let _ = answer.send_to(&mut session).await;
    }

    /// Counts a request that could not be read, and writes its line.
    pub fn note_unreadable(&self, unreadable: &Unreadable) {
        let status = unreadable.status;
        self.unrouted.count_request("other", status.as_u16());
        if let Some(journal) = &self.journal {
            let line = Line {
                at: self.clock.now().wall,
                request_id: None,
                trace_id: None,
                remote_ip: Some(unreadable.peer),
                method: None,
                host: None,
                path: None,
                route: None,
                status: status.as_u16(),
                bytes_in: 0,
                bytes_out: 0,
                duration: Duration::ZERO,
                auth: None,
                upstream: None,
                user: None,
                session: None,
                auth_kind: None,
                decision: None,
                reason: Some(unreadable.reason),
                cache: None,
                elevated: false,
            };
            line.write_to(journal);
        }
    }
}

impl Unreadable {
    fn answer(&self, audience: Audience) -> Answer {
        let detail = "The request is malformed or larger than what is taken here.";
        let answer = Answer::error(self.status, detail, audience);
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            return answer.with(ALLOW, route::allow(None));
        }
        answer
    }
}

impl Site {
    /// Makes a configuration ready for requests.
    #[must_use]
    pub fn new(config: &Config, gateway: Arc<Gateway>, own: OwnEndpoints) -> Self {
        Self {
            gateway,
            own,
            limits: Arc::new(config.limits.clone()),
            trusted: TrustedProxies::new(&config.server.trusted_proxies),
            realm: config.server.realm.clone(),
            brand: Brand::new(&config.pages),
            clearing_cookie: clearing_cookie(config),
        }
    }
}

fn clearing_cookie(config: &Config) -> HeaderValue {
    let cookie = OwnCookie {
        name: config.server.cookie_name(),
        path: "/",
        is_secure: config.server.is_secure(),
    };
    cookie.clear()
}
