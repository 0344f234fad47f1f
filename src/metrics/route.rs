//! What is counted per route, resolved once.

use prometheus::{Histogram, IntCounter, IntCounterVec};

use crate::model::credential::AuthMethod;

/// The handles of one route.
#[derive(Debug, Clone)]
pub struct RouteMetrics {
    pub(super) name: Box<str>,
    pub(super) requests: IntCounterVec,
    pub(super) decisions: IntCounterVec,
    /// Whole requests, in seconds.
    pub request_seconds: Histogram,
    /// The upstream's share, in seconds.
    pub upstream_seconds: Histogram,
    /// `GET` answered 200, by far the most frequent.
    pub(super) get_ok: IntCounter,
    /// Requests let pass with an identity, by form of credential, in the order of [`AuthMethod::ALL`].
    pub(super) permitted: [IntCounter; AuthMethod::ALL.len()],
}

impl RouteMetrics {
    /// Counts an answered request. `method` must be from a closed set: unknown methods are `other`.
    pub fn count_request(&self, method: &'static str, code: u16) {
        if code == 200 && method == "GET" {
            self.get_ok.inc();
        } else {
            self.requests
                .with_label_values(&[&*self.name, method, &code.to_string()])
                .inc();
        }
    }

    /// Counts a request that passes with an identity.
    pub fn count_permitted(&self, method: AuthMethod) {
        if let Some(counter) = self.permitted.get(method as usize) {
            counter.inc();
        }
    }

    /// Counts any other decision; `kind` is an `accept` word or `none`, both other words are from closed sets.
    pub fn count_decision(&self, kind: &'static str, outcome: &'static str, reason: &'static str) {
        self.decisions
            .with_label_values(&[&*self.name, kind, outcome, reason])
            .inc();
    }
}
