//! The queue of mails, in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::model::time::Timestamp;
use crate::store::StoreError;
use crate::store::outbox::{Outbox, QueuedMail};

#[async_trait]
impl Outbox for MemoryStore {
    async fn claim_mails(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<QueuedMail>, StoreError> {
        let mut state = self.read();
        let due = state
            .mails
            .values_mut()
            .filter(|waiting| waiting.due_at <= now);
        Ok(due
            .take(limit)
            .map(|waiting| {
                waiting.due_at = lease_until;
                waiting.mail.clone()
            })
            .collect())
    }

    async fn remove_mail(&self, id: i64) -> Result<(), StoreError> {
        self.read().mails.remove(&id);
        Ok(())
    }

    async fn delay_mail(&self, id: i64, next_try: Timestamp) -> Result<(), StoreError> {
        if let Some(waiting) = self.read().mails.get_mut(&id) {
            waiting.mail.tries += 1;
            waiting.due_at = next_try;
        }
        Ok(())
    }
}
