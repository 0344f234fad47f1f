//! What was written down, in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::model::audit::{AuditEvent, AuditRecord};
use crate::model::change::{Change, Sequence, Subject};
use crate::model::time::Timestamp;
use crate::store::journal::{Journal, SigningKey};
use crate::store::{Action, Committed, StoreError};

#[async_trait]
impl Journal for MemoryStore {
    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn last_change(&self) -> Result<Sequence, StoreError> {
        Ok(Sequence(self.read().last_change))
    }

    async fn changes_after(
        &self,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<Change>, StoreError> {
        let state = self.read();
        let newer = state
            .changes
            .iter()
            .map(|(_, change)| change)
            .filter(|change| change.sequence > after);
        Ok(newer.take(limit).cloned().collect())
    }

    async fn record(&self, event: &AuditEvent, action: &Action) -> Result<(), StoreError> {
        let mut writing = self.write(action);
        writing.audit(event.clone());
        let Committed { .. } = writing.commit(());
        Ok(())
    }

    async fn audit(&self, since: Option<Timestamp>) -> Result<Vec<AuditRecord>, StoreError> {
        let state = self.read();
        let wanted = state
            .audit
            .iter()
            .filter(|record| since.is_none_or(|since| record.at >= since));
        Ok(wanted.cloned().collect())
    }

    async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        let mut keys = self.read().signing_keys.clone();
        keys.sort_by_key(|key| std::cmp::Reverse(key.created_at));
        Ok(keys)
    }

    async fn add_signing_key(
        &self,
        key: &SigningKey,
        unless_after: Timestamp,
        action: &Action,
    ) -> Result<Committed<bool>, StoreError> {
        let mut writing = self.write(action);
        let keys = &mut writing.state.signing_keys;
        if keys.iter().any(|key| key.created_at > unless_after) {
            return Ok(Committed::unchanged(false));
        }
        keys.retain(|key| key.expires_at > action.at);
        keys.push(key.clone());
        writing.feed(Subject::SigningKeys);
        Ok(writing.commit(true))
    }
}
