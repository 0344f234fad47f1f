//! Tickets: what a browser holds between the password and the second factor. A ticket opens nothing; it says that the
//! password was right a moment ago, and is used up by the login that it becomes.

use async_trait::async_trait;

use super::{Action, StoreError};
use crate::model::id::AccountId;
use crate::model::time::Timestamp;
use crate::model::token::TokenDigest;

/// What the store does for tickets. They go with a new password, with a disabled account, and with a reset of its factors.
#[async_trait]
pub trait Tickets {
    /// Keeps a ticket until it is used or expires. Not audited by itself.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without the account.
    async fn put_ticket(&self, ticket: &Ticket, action: &Action) -> Result<(), StoreError>;

    /// A ticket that is still good at `now`, without using it up.
    async fn ticket(
        &self,
        digest: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Ticket>, StoreError>;

    /// Uses up a ticket that is good at `action.at`; `None` if it is not. A second call with the same digest gets `None`.
    async fn take_ticket(
        &self,
        digest: &TokenDigest,
        action: &Action,
    ) -> Result<Option<Ticket>, StoreError>;
}

/// A login whose password was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// What is stored of its secret.
    pub digest: TokenDigest,
    /// Whose password it was.
    pub account: AccountId,
    /// From when on it is not good.
    pub expires_at: Timestamp,
}
