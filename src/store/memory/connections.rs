//! Linked accounts, in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::model::connection::Connection;
use crate::model::id::{AccountId, ConnectionId};
use crate::store::connections::Connections;
use crate::store::journal::done;
use crate::store::{Action, Committed, StoreError, Thing, Unique};

#[async_trait]
impl Connections for MemoryStore {
    async fn connections(&self, of: Option<&AccountId>) -> Result<Vec<Connection>, StoreError> {
        let state = self.read();
        let wanted = (state.connections.values())
            .filter(|connection| of.is_none_or(|account| connection.account == *account));
        let mut connections: Vec<_> = wanted.cloned().collect();
        connections.sort_by_key(|connection| (connection.linked_at, connection.id));
        Ok(connections)
    }

    async fn add_connection(
        &self,
        connection: &Connection,
        action: &Action,
    ) -> Result<(), StoreError> {
        let mut writing = self.write(action);
        let state = &mut *writing.state;
        if !state.accounts.contains_key(&connection.account) {
            return Err(StoreError::Missing(Thing::Account));
        }
        let is_same = |other: &Connection| {
            (&other.provider, &other.provider_user_id)
                == (&connection.provider, &connection.provider_user_id)
        };
        if state.connections.values().any(is_same) {
            return Err(StoreError::Conflict(Unique::Connection));
        }
        state.connections.insert(connection.id, connection.clone());
        let object = connection.id.to_string();
        writing.audit(done(
            "user.connect",
            Some(&connection.account),
            Some(&object),
        ));
        let Committed { .. } = writing.commit(());
        Ok(())
    }

    async fn remove_connection(
        &self,
        id: &ConnectionId,
        action: &Action,
    ) -> Result<bool, StoreError> {
        let mut writing = self.write(action);
        let Some(connection) = writing.state.connections.remove(id) else {
            return Ok(false);
        };
        let object = id.to_string();
        let user = Some(&connection.account);
        writing.audit(done("user.disconnect", user, Some(&object)));
        let Committed { .. } = writing.commit(());
        Ok(true)
    }
}
