//! What was written down: the change feed, the audit records, and the keys that sign assertions.

use async_trait::async_trait;

use super::{Action, Committed, StoreError};
use crate::model::audit::{AuditEvent, AuditRecord, AuditResult};
use crate::model::change::{Change, Sequence};
use crate::model::id::AccountId;
use crate::model::time::Timestamp;

/// What the store does for those who look back.
#[async_trait]
pub trait Journal {
    /// Asks whether the store answers. As cheap as it can be while still touching what a read touches.
    async fn ping(&self) -> Result<(), StoreError>;

    /// The place of the newest feed entry.
    async fn last_change(&self) -> Result<Sequence, StoreError>;

    /// The feed's entries after `after`, oldest first, at most `limit`.
    async fn changes_after(&self, after: Sequence, limit: usize)
    -> Result<Vec<Change>, StoreError>;

    /// Writes down an event that changed nothing, such as a refused login.
    async fn record(&self, event: &AuditEvent, action: &Action) -> Result<(), StoreError>;

    /// Audit records from `since` on, oldest first.
    async fn audit(&self, since: Option<Timestamp>) -> Result<Vec<AuditRecord>, StoreError>;

    /// The keys that sign assertions, newest first.
    async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError>;

    /// Adds a signing key, unless one was made after `unless_after` (another node was faster), and removes those that
    /// expired before `action.at`. Feeds [`Subject::SigningKeys`](crate::model::change::Subject::SigningKeys) if it did.
    async fn add_signing_key(
        &self,
        key: &SigningKey,
        unless_after: Timestamp,
        action: &Action,
    ) -> Result<Committed<bool>, StoreError>;
}

/// A key that signs assertions.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its `kid` (RFC 7517 §4.5).
    pub id: Box<str>,
    /// The private key, PKCS #8 DER.
    pub pkcs8: Box<[u8]>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on nothing that it signed is valid.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The event of something that was done.
pub(super) fn done(
    event: &'static str,
    user: Option<&AccountId>,
    object: Option<&str>,
) -> AuditEvent {
    AuditEvent {
        event,
        result: AuditResult::Success,
        reason: None,
        user: user.cloned(),
        object: object.map(Into::into),
    }
}

/// The event of something that was refused.
pub(super) fn failed(
    event: &'static str,
    reason: &'static str,
    user: Option<&AccountId>,
    object: Option<&str>,
) -> AuditEvent {
    AuditEvent {
        result: AuditResult::Failure,
        reason: Some(reason),
        ..done(event, user, object)
    }
}
