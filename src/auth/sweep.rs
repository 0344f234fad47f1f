//! Forgetting, in the store, what expired long ago.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::model::time::{Now, Timestamp};
use crate::store::{SharedStore, StoreError};

/// Sweeps the store now and then.
#[derive(Debug)]
pub(super) struct Sweeper {
    store: SharedStore,
    clock: Arc<dyn Clock>,
    started: Now,
}

impl Sweeper {
    pub(super) fn new(store: SharedStore, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            started: clock.now(),
            clock,
        }
    }

    /// Sweeps until `shutdown`.
    pub(super) async fn run(&self, mut shutdown: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                _ = shutdown.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "what expired could not be swept from the store");
            }
        }
    }

    /// Sweeps everything that expired long ago, in small steps.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub(super) async fn sweep(&self) -> Result<(), StoreError> {
        let before = self.believed_time().before(GRACE);
        while self.store.sweep(before, STEP).await? > 0 {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// The wall clock, as far as it did not run ahead of the monotonic one: a clock that is set to next year by mistake
    /// must not remove every session.
    fn believed_time(&self) -> Timestamp {
        let now = self.clock.now();
        let passed = now.monotonic.saturating_sub(self.started.monotonic);
        now.wall.min(self.started.wall.after(passed))
    }
}

const PAUSE: Duration = Duration::from_mins(10);
const GRACE: Duration = Duration::from_hours(1);
const STEP: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::store::memory::MemoryStore;

    #[test]
    fn a_wall_clock_that_jumps_ahead_is_not_believed() {
        let start = Timestamp::from_seconds(1_700_000_000);
        let clock = Arc::new(ManualClock::at(start));
        let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let sweeper = Sweeper::new(Arc::new(MemoryStore::new()), shared);
        clock.advance(Duration::from_mins(5));
        clock.step_wall(Timestamp::from_seconds(4_000_000_000));
        assert_eq!(sweeper.believed_time(), start.after(Duration::from_mins(5)));
        clock.step_wall(start);
        assert_eq!(sweeper.believed_time(), start);
    }
}
