//! Linked accounts.

use async_trait::async_trait;

use super::{Action, StoreError};
use crate::model::connection::Connection;
use crate::model::id::{AccountId, ConnectionId};

/// What the store does for connections.
#[async_trait]
pub trait Connections {
    /// Connections of one account, or of all, oldest first.
    async fn connections(&self, of: Option<&AccountId>) -> Result<Vec<Connection>, StoreError>;

    /// Links an account. Audited as `user.connect`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the account at the provider is linked already, [`StoreError::Missing`] without the
    /// account.
    async fn add_connection(
        &self,
        connection: &Connection,
        action: &Action,
    ) -> Result<(), StoreError>;

    /// Removes a link; false if it was not there. Audited as `user.disconnect`.
    async fn remove_connection(
        &self,
        id: &ConnectionId,
        action: &Action,
    ) -> Result<bool, StoreError>;
}
