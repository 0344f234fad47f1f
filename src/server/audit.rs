//! Audit events in the log: what the store has written down, whoever wrote it, told once each with `target = "audit"`.
//!
//! Read back from the store, so that the log tells of nothing that was not done, and of what the command line did to a
//! store that is served.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::Clock;
use crate::model::audit::AuditRecord;
use crate::model::change::Sequence;
use crate::model::time::Timestamp;
use crate::store::{SharedStore, StoreError};

/// How often the store is asked.
const LOOK: Duration = Duration::from_millis(500);

/// How long before its commit an event may have happened: it has the time of its request, which may have waited.
const LATE: Duration = Duration::from_secs(15);

/// What has been told.
struct Told {
    since: Timestamp,
    last: Sequence,
}

/// Tells every event from now on, until `over` is true and the last one is told.
pub(super) async fn tell(store: SharedStore, clock: &dyn Clock, mut over: watch::Receiver<bool>) {
    let mut told = Told {
        since: clock.now().wall,
        last: Sequence::default(),
    };
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let is_over = tokio::select! {
            _ = over.wait_for(|over| *over) => true,
            _ = look.tick() => false,
        };
        // A store that cannot answer is told of by whoever needs it; the events are told once it does.
        if let Ok(records) = told.fresh(&store, clock.now().wall).await {
            records.iter().for_each(say);
        }
        if is_over {
            return;
        }
    }
}

impl Told {
    /// What was not told yet.
    async fn fresh(
        &mut self,
        store: &SharedStore,
        now: Timestamp,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let mut records = store.audit(Some(self.since)).await?;
        records.retain(|record| record.sequence > self.last);
        self.last = records.last().map_or(self.last, |record| record.sequence);
        self.since = self.since.max(now.before(LATE));
        Ok(records)
    }
}

fn say(record: &AuditRecord) {
    tracing::info!(
        target: "audit",
        at = %record.at,
        event = &*record.event,
        result = &*record.result,
        reason = record.reason.as_deref(),
        user = record.user.as_deref(),
        object = record.object.as_deref(),
        ip = record.ip.map(tracing::field::display),
        actor = &*record.actor,
    );
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::audit::{Actor, AuditEvent, AuditResult};
    use crate::store::Action;
    use crate::store::memory::MemoryStore;

    async fn record(store: &SharedStore, event: &'static str, at: Timestamp) {
        let event = AuditEvent {
            event,
            result: AuditResult::Success,
            reason: None,
            user: None,
            object: None,
        };
        let action = Action::new(at, Actor::Operator, None);
        store.record(&event, &action).await.unwrap();
    }

    #[tokio::test]
    async fn an_event_is_told_once_also_if_it_waited_for_its_commit() {
        let store: SharedStore = Arc::new(MemoryStore::new());
        let start = Timestamp::from_seconds(1000);
        let second = |seconds| start.after(Duration::from_secs(seconds));
        record(&store, "before", start.before(Duration::from_secs(1))).await;
        let mut told = Told {
            since: start,
            last: Sequence::default(),
        };
        record(&store, "late", second(9)).await;
        record(&store, "early", second(5)).await;
        for (now, expected) in [(10, vec!["late", "early"]), (11, vec![])] {
            let records = told.fresh(&store, second(now)).await.unwrap();
            let events: Vec<&str> = records.iter().map(|it| &*it.event).collect();
            assert_eq!(events, expected);
        }
        record(&store, "waited", second(2)).await;
        let records = told.fresh(&store, second(12)).await.unwrap();
        assert_eq!(records.len(), 1);
    }
}
