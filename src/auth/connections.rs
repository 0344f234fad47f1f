//! What is done to linked accounts.

use crate::model::connection::Connection;
use crate::model::id::{AccountId, ConnectionId};
use crate::store::{Action, SharedStore, StoreError};

/// Lists, adds and removes connections. Nothing that a token stands for depends on them.
#[derive(Debug)]
pub struct ConnectionService {
    pub(super) store: SharedStore,
}

impl ConnectionService {
    /// Connections of one account, or of all, oldest first.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn list(&self, of: Option<&AccountId>) -> Result<Vec<Connection>, StoreError> {
        self.store.connections(of).await
    }

    /// Links an account.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the account at the provider is linked already, [`StoreError::Missing`] without the
    /// account here.
    pub async fn add(&self, connection: &Connection, action: &Action) -> Result<(), StoreError> {
        self.store.add_connection(connection, action).await
    }

    /// Removes a link; false if it was not there.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn remove(&self, id: &ConnectionId, action: &Action) -> Result<bool, StoreError> {
        self.store.remove_connection(id, action).await
    }
}
