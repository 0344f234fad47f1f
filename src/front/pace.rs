//! How fast a client sends a body: its bytes against the time that we waited for them.
//!
//! A deadline between two bytes is kept by whoever sends one just before each. What counts is what comes within the whole of
//! it; the time for which the client waits for us does not.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::server::Limits;

/// What came of a body, and how long that took.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Since when the client is waited for; `None` while it waits for us.
    awaited_since: Option<Instant>,
    /// Since the last verdict.
    waited: Duration,
    bytes: u64,
}

impl Pace {
    /// The client is waited for from now on, unless it is already.
    pub(super) fn wait(&mut self, now: Instant) {
        self.awaited_since.get_or_insert(now);
    }

    /// So many bytes came. Who waits for whom then is for the caller to say.
    pub(super) fn take(&mut self, bytes: usize, now: Instant) {
        self.waited += self.waiting(now);
        self.awaited_since = None;
        self.bytes += bytes as u64;
    }

    /// Whether nothing has come for as long as a body may stand still.
    pub(super) fn stands_still(&self, limits: &Limits, now: Instant) -> bool {
        self.awaited_since.is_some() && self.waiting(now) >= limits.body_idle
    }

    /// Whether less has come than has to, once the client was waited for as long as a body may stand still.
    pub(super) fn is_slow(&mut self, limits: &Limits) -> bool {
        if self.waited < limits.body_idle {
            return false;
        }
        let least = u128::from(limits.body_rate) * self.waited.as_millis() / 1000;
        let is_slow = u128::from(self.bytes) < least;
        self.waited = Duration::ZERO;
        self.bytes = 0;
        is_slow
    }

    fn waiting(&self, now: Instant) -> Duration {
        let since = self.awaited_since;
        since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }
}
