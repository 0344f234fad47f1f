//! What is counted and measured, with labels from closed sets only.
//!
//! One struct, made once and handed down; no statics. What the hot path counts is resolved to a handle when the
//! configuration is loaded ([`RouteMetrics`]), so that a request looks nothing up.

use std::time::Duration;

use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Registry, TextEncoder,
};
/// What a handle counts with; others name it here.
pub use prometheus::{Histogram, IntCounter, IntGauge};

use crate::model::credential::AuthMethod;
use crate::model::session::{Dialect, RevocationCause};

mod label;
mod registered;
mod route;

pub use label::{CacheName, CacheResult, ConnectionEnd, ConnectionState};
pub use route::RouteMetrics;

use label::{ELEVATION, LINKS};
use registered::{auth_seconds, counters, gauges, register, seconds};

/// Every metric of the process. Cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    upstream_seconds: HistogramVec,
    decisions: IntCounterVec,
    auth_cache_seconds: Histogram,
    auth_store_seconds: Histogram,
    cache_requests: IntCounterVec,
    cache_entries: IntGaugeVec,
    logins: IntCounterVec,
    refreshes: IntCounterVec,
    elevations: IntCounterVec,
    links: IntCounterVec,
    revocations: IntCounterVec,
    /// From a revocation's commit elsewhere to its effect here, in seconds.
    pub revocation_propagation: Histogram,
    /// How long ago the feed was last known to be followed to its end, in milliseconds; shown in seconds.
    feed_lag: prometheus::Gauge,
    /// Passwords that wait to be hashed.
    pub hash_queue: IntGauge,
    store_seconds: HistogramVec,
    upstream_up: IntGaugeVec,
    reload_successful: IntGauge,
    connections: IntGaugeVec,
    connection_ends: IntCounterVec,
}

impl Metrics {
    /// All metrics at zero.
    ///
    /// # Panics
    /// If two metrics here had the same name, which a test would see.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a table of the metrics, a row each")]
    pub fn new() -> Self {
        let registry = Registry::new();
        let metrics = Self {
            requests: counters(
                &registry,
                "requests_total",
                "Requests answered.",
                &["route", "method", "code"],
            ),
            request_seconds: seconds(
                &registry,
                "request_duration_seconds",
                "From head to answer.",
                &["route"],
            ),
            upstream_seconds: seconds(
                &registry,
                "upstream_duration_seconds",
                "The upstream's share.",
                &["route"],
            ),
            decisions: counters(
                &registry,
                "auth_decisions_total",
                "Decisions, by form of credential.",
                &["route", "kind", "outcome", "reason"],
            ),
            auth_cache_seconds: auth_seconds(&registry, "cache"),
            auth_store_seconds: auth_seconds(&registry, "store"),
            cache_requests: counters(
                &registry,
                "cache_requests_total",
                "Looks into a cache.",
                &["cache", "result"],
            ),
            cache_entries: gauges(
                &registry,
                "cache_entries",
                "Entries of a cache.",
                &["cache"],
            ),
            logins: counters(
                &registry,
                "logins_total",
                "Logins.",
                &["dialect", "outcome", "reason"],
            ),
            refreshes: counters(&registry, "refreshes_total", "Refreshes.", &["outcome"]),
            elevations: counters(
                &registry,
                "elevations_total",
                "Steps of elevation.",
                &["step", "outcome"],
            ),
            links: counters(
                &registry,
                "links_total",
                "Accounts elsewhere that people linked, or did not, and unlinked.",
                &["step", "outcome"],
            ),
            revocations: counters(
                &registry,
                "revocations_total",
                "Sessions that were ended.",
                &["cause"],
            ),
            revocation_propagation: register(
                &registry,
                Histogram::with_opts(
                    HistogramOpts::new(
                        "countersign_revocation_propagation_seconds",
                        "From a revocation's commit elsewhere to its effect here.",
                    )
                    .buckets(vec![0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0]),
                ),
            ),
            feed_lag: register(
                &registry,
                prometheus::Gauge::new(
                    "countersign_feed_lag_seconds",
                    "Since the change feed was last followed to its end.",
                ),
            ),
            hash_queue: register(
                &registry,
                IntGauge::new(
                    "countersign_hash_queue_length",
                    "Passwords that wait to be hashed.",
                ),
            ),
            store_seconds: seconds(
                &registry,
                "store_operation_duration_seconds",
                "The store's operations.",
                &["op"],
            ),
            upstream_up: gauges(
                &registry,
                "upstream_up",
                "Whether an upstream answers.",
                &["upstream"],
            ),
            reload_successful: register(
                &registry,
                IntGauge::new(
                    "countersign_config_last_reload_successful",
                    "Whether the last configuration was taken.",
                ),
            ),
            connections: gauges(&registry, "connections", "Open connections.", &["state"]),
            connection_ends: counters(
                &registry,
                "connections_ended_total",
                "Connections that were ended before their time.",
                &["cause"],
            ),
            registry,
        };
        metrics.stand_at_zero();
        metrics
    }

    /// The handles of a route, by its configured name.
    #[must_use]
    pub fn route(&self, name: &str) -> RouteMetrics {
        RouteMetrics {
            name: name.into(),
            requests: self.requests.clone(),
            decisions: self.decisions.clone(),
            request_seconds: self.request_seconds.with_label_values(&[name]),
            upstream_seconds: self.upstream_seconds.with_label_values(&[name]),
            get_ok: self.requests.with_label_values(&[name, "GET", "200"]),
            permitted: AuthMethod::ALL.map(|method| {
                self.decisions
                    .with_label_values(&[name, method.as_str(), "permit", "ok"])
            }),
        }
    }

    /// Counts a look into a cache.
    #[must_use]
    pub fn cache(&self, cache: CacheName, result: CacheResult) -> IntCounter {
        self.cache_requests
            .with_label_values(&[cache.as_str(), result.as_str()])
    }

    /// Says how many entries a cache has.
    pub fn set_cache_entries(&self, cache: CacheName, entries: u64) {
        self.cache_entries
            .with_label_values(&[cache.as_str()])
            .set(i64::try_from(entries).unwrap_or(i64::MAX));
    }

    /// How long introspection took when the cache answered.
    #[must_use]
    pub fn auth_from_cache(&self) -> Histogram {
        self.auth_cache_seconds.clone()
    }

    /// How long introspection took when the store answered.
    #[must_use]
    pub fn auth_from_store(&self) -> Histogram {
        self.auth_store_seconds.clone()
    }

    /// Counts a login; `reason` is from a closed set, `ok` for a success.
    pub fn count_login(&self, dialect: Dialect, succeeded: bool, reason: &'static str) {
        self.logins
            .with_label_values(&[dialect.as_str(), outcome(succeeded), reason])
            .inc();
    }

    /// Counts a refresh: `rotated`, `replayed`, `reused`, `unknown`, `error`.
    pub fn count_refresh(&self, outcome: &'static str) {
        self.refreshes.with_label_values(&[outcome]).inc();
    }

    /// Counts a step of elevation; both words are from closed sets.
    pub fn count_elevation(&self, step: &'static str, outcome: &'static str) {
        self.elevations.with_label_values(&[step, outcome]).inc();
    }

    /// Counts a step of linking an account elsewhere: `link` or `unlink`, and how it ended.
    pub fn count_link(&self, step: &'static str, outcome: &'static str) {
        self.links.with_label_values(&[step, outcome]).inc();
    }

    /// Counts ended sessions.
    pub fn count_revocations(&self, cause: RevocationCause, sessions: usize) {
        self.revocations
            .with_label_values(&[cause.as_str()])
            .inc_by(u64::try_from(sessions).unwrap_or(u64::MAX));
    }

    /// Says how long ago the feed was last followed to its end.
    pub fn set_feed_lag(&self, lag: Duration) {
        self.feed_lag.set(lag.as_secs_f64());
    }

    /// Notes how long an operation of the store took.
    pub fn observe_store(&self, operation: &'static str, took: Duration) {
        self.store_seconds
            .with_label_values(&[operation])
            .observe(took.as_secs_f64());
    }

    /// Says whether an upstream answers.
    pub fn set_upstream_up(&self, upstream: &str, up: bool) {
        self.upstream_up
            .with_label_values(&[upstream])
            .set(i64::from(up));
    }

    /// Says whether the last configuration was taken.
    pub fn set_reload_successful(&self, successful: bool) {
        self.reload_successful.set(i64::from(successful));
    }

    /// The number of connections in a state, to be raised and lowered.
    #[must_use]
    pub fn connections(&self, state: ConnectionState) -> IntGauge {
        self.connections.with_label_values(&[state.as_str()])
    }

    /// Counts a connection that we ended before its time.
    pub fn count_end(&self, cause: ConnectionEnd) {
        let ends = &self.connection_ends;
        ends.with_label_values(&[cause.as_str()]).inc();
    }

    /// Everything in the Prometheus text format, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        let encoded = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        encoded
            .ok()
            .and_then(|()| String::from_utf8(text).ok())
            .unwrap_or_default()
    }

    fn stand_at_zero(&self) {
        for cache in [CacheName::Tokens, CacheName::Negative, CacheName::Accounts] {
            self.set_cache_entries(cache, 0);
            for result in [
                CacheResult::Hit,
                CacheResult::Miss,
                CacheResult::Stale,
                CacheResult::Bypass,
            ] {
                let _ = self.cache(cache, result);
            }
        }
        for cause in RevocationCause::ALL {
            self.count_revocations(cause, 0);
        }
        for outcome in ["rotated", "replayed", "reused", "unknown", "error"] {
            let _ = self.refreshes.with_label_values(&[outcome]);
        }
        for (step, outcomes) in ELEVATION {
            for outcome in outcomes {
                let _ = self.elevations.with_label_values(&[step, *outcome]);
            }
        }
        for (step, outcomes) in LINKS {
            for outcome in outcomes {
                let _ = self.links.with_label_values(&[step, *outcome]);
            }
        }
        for state in [ConnectionState::Open, ConnectionState::Upgraded] {
            let _ = self.connections(state);
        }
        for cause in ConnectionEnd::ALL {
            let cause = [cause.as_str()];
            let _ = self.connection_ends.with_label_values(&cause);
        }
        let build = gauges(
            &self.registry,
            "build_info",
            "What is running.",
            &["version"],
        );
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn outcome(succeeded: bool) -> &'static str {
    if succeeded { "success" } else { "failure" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_known_label_stands_at_zero_from_the_start() {
        let text = Metrics::new().render();
        for line in [
            "countersign_cache_requests_total{cache=\"tokens\",result=\"hit\"} 0",
            "countersign_revocations_total{cause=\"logout\"} 0",
            "countersign_refreshes_total{outcome=\"reused\"} 0",
            "countersign_elevations_total{outcome=\"wrong\",step=\"verify\"} 0",
            "countersign_links_total{outcome=\"declined\",step=\"link\"} 0",
            "countersign_hash_queue_length 0",
            "countersign_auth_duration_seconds_count{source=\"store\"} 0",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_route_counts_under_its_own_name() {
        let metrics = Metrics::new();
        let route = metrics.route("app");
        route.count_request("GET", 200);
        route.count_request("POST", 403);
        route.count_permitted(AuthMethod::Bearer);
        let text = metrics.render();
        for line in [
            "countersign_requests_total{code=\"200\",method=\"GET\",route=\"app\"} 1",
            "countersign_requests_total{code=\"403\",method=\"POST\",route=\"app\"} 1",
            "countersign_auth_decisions_total{kind=\"bearer\",outcome=\"permit\",reason=\"ok\",route=\"app\"} 1",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
