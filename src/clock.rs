//! What time it is. Everything that depends on time takes a [`Clock`], so that tests can turn its hands.

use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::time::{Now, Timestamp};

/// A source of both times.
pub trait Clock: Debug + Send + Sync {
    /// Reads the wall clock and the monotonic clock. Costs two vDSO calls (some 30 ns each), no allocation.
    fn now(&self) -> Now;

    /// Reads the monotonic clock alone: how long something takes needs no date.
    fn monotonic(&self) -> Duration {
        self.now().monotonic
    }
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Instant,
}

/// A clock that moves only when it is told to.
#[derive(Debug)]
pub struct ManualClock {
    wall_millis: AtomicI64,
    monotonic_millis: AtomicU64,
}

impl SystemClock {
    /// A clock whose monotonic time starts at zero now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock"
    )]
    fn now(&self) -> Now {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let millis = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
        Now {
            wall: Timestamp::from_millis(millis),
            monotonic: self.monotonic(),
        }
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

impl ManualClock {
    /// A clock that stands at `wall`, with its monotonic time at zero.
    #[must_use]
    pub fn at(wall: Timestamp) -> Self {
        Self {
            wall_millis: AtomicI64::new(wall.millis()),
            monotonic_millis: AtomicU64::new(0),
        }
    }

    /// Moves both times forward.
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.monotonic_millis.fetch_add(millis, Ordering::SeqCst);
        self.wall_millis
            .fetch_add(i64::try_from(millis).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Steps the wall clock alone, as an administrator or NTP would.
    pub fn step_wall(&self, to: Timestamp) {
        self.wall_millis.store(to.millis(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        Now {
            wall: Timestamp::from_millis(self.wall_millis.load(Ordering::SeqCst)),
            monotonic: Duration::from_millis(self.monotonic_millis.load(Ordering::SeqCst)),
        }
    }
}
