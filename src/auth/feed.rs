//! Following the store's change feed: how this node learns what others changed.
//!
//! The feed is asked five times in each revocation bound. A question that was answered lets the cache be believed for one
//! bound, counted from when the question was *asked*: what was committed before it is known then. When no question is
//! answered for longer than that, the cache is not believed (see [`Verifier`]); when answers come again, what was changed
//! meanwhile is read up and forgotten first. A feed that stands before where it stood is another store, or a restored one:
//! everything is forgotten.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::verifier::Verifier;
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::model::change::Sequence;
use crate::store::{SharedStore, StoreError};

/// Follows the feed for one verifier.
#[derive(Debug)]
pub(super) struct Feed {
    store: SharedStore,
    verifier: Arc<Verifier>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    bound: Duration,
    reached: Mutex<Option<Reached>>,
}

/// How far the feed was followed.
#[derive(Debug, Clone, Copy)]
struct Reached {
    sequence: Sequence,
    /// When the question was asked that led there; monotonic.
    asked_at: Duration,
}

impl Feed {
    /// A follower that has not begun.
    pub(super) fn new(
        (store, verifier): (SharedStore, Arc<Verifier>),
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        bound: Duration,
    ) -> Self {
        Self {
            store,
            verifier,
            clock,
            metrics,
            bound,
            reached: Mutex::default(),
        }
    }

    /// Follows the feed until `shutdown`.
    pub(super) async fn run(&self, mut shutdown: watch::Receiver<bool>) {
        let mut is_silent = false;
        loop {
            // A store that does not answer at all must not keep the lag from being shown.
            let followed = tokio::time::timeout(self.bound, self.follow()).await;
            let failure = match followed {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("no answer within the revocation bound".to_owned()),
            };
            self.show_lag();
            match (&failure, is_silent) {
                (Some(error), false) => {
                    tracing::warn!(%error, "the change feed is silent; the store is asked for every request");
                }
                (None, true) => tracing::info!("the change feed is followed again"),
                (Some(_), true) | (None, false) => {}
            }
            is_silent = failure.is_some();
            self.verifier.show(&self.metrics);
            tokio::select! {
                _ = shutdown.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(self.bound / POLLS_PER_BOUND) => {}
            }
        }
    }

    /// Follows the feed to its present end, once.
    ///
    /// # Errors
    /// If the store cannot answer; nothing that was reached before is lost.
    pub(super) async fn follow(&self) -> Result<(), StoreError> {
        let asked_at = self.clock.now().monotonic;
        let end = self.store.last_change().await?;
        let before = *self.reached.lock();
        let reached = match before {
            Some(reached)
                if end >= reached.sequence
                    && asked_at.saturating_sub(reached.asked_at) <= LONGEST_SILENCE =>
            {
                self.read_up(reached, end).await?
            }
            Some(_) | None => {
                self.verifier.forget_all();
                end
            }
        };
        *self.reached.lock() = Some(Reached {
            sequence: reached,
            asked_at,
        });
        self.verifier.passed(reached);
        self.verifier.believe_until(asked_at + self.bound);
        Ok(())
    }

    /// Forgets what changed since `from`, up to `end` at least, and returns how far that went.
    async fn read_up(&self, from: Reached, end: Sequence) -> Result<Sequence, StoreError> {
        let mut at = from.sequence;
        while at < end {
            let changes = self.store.changes_after(at, BATCH).await?;
            let Some(last) = changes.last() else {
                // There is more than the store still has.
                self.verifier.forget_all();
                return Ok(end);
            };
            at = last.sequence;
            let foreign = self.verifier.forget_foreign(&changes);
            // Not committed before the last question was asked, or it would have been in its answer: an upper bound
            // that needs no two clocks to agree.
            let took = self.clock.now().monotonic.saturating_sub(from.asked_at);
            for _ in 0..foreign {
                self.metrics
                    .revocation_propagation
                    .observe(took.as_secs_f64());
            }
        }
        Ok(at)
    }

    fn show_lag(&self) {
        let now = self.clock.now().monotonic;
        let since = self.reached.lock().map_or(Duration::ZERO, |r| r.asked_at);
        self.metrics.set_feed_lag(now.saturating_sub(since));
    }
}

/// Four tries may fail before the bound is reached.
const POLLS_PER_BOUND: u32 = 5;

/// Entries read at once.
const BATCH: usize = 1000;

/// Past this the store may have forgotten entries that were never read here, so everything is forgotten instead.
const LONGEST_SILENCE: Duration = Duration::from_mins(5);
