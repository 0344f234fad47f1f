//! Mails that wait to be sent. They get in with the change that they tell of, through [`Action`](super::Action).

use async_trait::async_trait;

use super::StoreError;
use crate::model::mail::Mail;
use crate::model::time::Timestamp;

/// What the store does for mail.
#[async_trait]
pub trait Outbox {
    /// Takes up to `limit` mails that are due at `now`, and lets nobody else have them before `lease_until`.
    async fn claim_mails(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<QueuedMail>, StoreError>;

    /// Removes a mail that was sent or given up.
    async fn remove_mail(&self, id: i64) -> Result<(), StoreError>;

    /// Counts a failed try and makes the mail due again at `next_try`.
    async fn delay_mail(&self, id: i64, next_try: Timestamp) -> Result<(), StoreError>;
}

/// A mail in the queue.
#[derive(Debug, Clone)]
pub struct QueuedMail {
    /// Its place in the queue.
    pub id: i64,
    /// The message.
    pub mail: Mail,
    /// How often it was tried before.
    pub tries: u32,
    /// When it was queued.
    pub queued_at: Timestamp,
}
