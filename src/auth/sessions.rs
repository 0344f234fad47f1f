//! What is done to sessions and clients from outside them: by the command line, the admin API and the account page.
//!
//! Every change has the verifier forget what it made untrue before anybody is told that it is made.

use std::sync::Arc;

use super::accounts::ended_sessions;
use super::verifier::Verifier;
use crate::metrics::Metrics;
use crate::model::client::Client;
use crate::model::id::{AccountId, ClientId, SessionId};
use crate::model::session::{RevocationCause, Session};
use crate::store::sessions::SessionSet;
use crate::store::{Action, SharedStore, StoreError};

/// Lists and ends sessions, named API tokens among them.
#[derive(Debug)]
pub struct SessionService {
    pub(super) store: SharedStore,
    pub(super) verifier: Arc<Verifier>,
    pub(super) metrics: Arc<Metrics>,
}

/// Makes, lists and removes clients.
#[derive(Debug)]
pub struct ClientService {
    pub(super) store: SharedStore,
    pub(super) verifier: Arc<Verifier>,
    pub(super) metrics: Arc<Metrics>,
}

impl SessionService {
    /// Open sessions, newest first; named API tokens have a label.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn list(&self, of: Option<&AccountId>) -> Result<Vec<Session>, StoreError> {
        self.store.sessions(of).await
    }

    /// Ends one session; false if it was not open.
    ///
    /// # Errors
    /// If the store cannot answer; the session goes on then.
    pub async fn revoke(&self, session: SessionId, action: &Action) -> Result<bool, StoreError> {
        let ended = self.end(&SessionSet::One(session), action).await?;
        Ok(!ended.is_empty())
    }

    /// Ends all sessions of an account, named API tokens included, and returns which they were.
    ///
    /// # Errors
    /// If the store cannot answer; the sessions go on then.
    pub async fn revoke_all(
        &self,
        of: &AccountId,
        action: &Action,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.end(&SessionSet::AllOf(of.clone()), action).await
    }

    async fn end(&self, which: &SessionSet, action: &Action) -> Result<Vec<SessionId>, StoreError> {
        let cause = RevocationCause::Revoked;
        let ended = self.store.end_sessions(which, cause, action).await?;
        self.verifier.forget(&ended.changes);
        self.metrics.count_revocations(cause, ended.value.len());
        Ok(ended.value)
    }
}

impl ClientService {
    /// All clients, oldest first.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn list(&self) -> Result<Vec<Client>, StoreError> {
        self.store.clients().await
    }

    /// One client, or `None`.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn find(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        self.store.client(id).await
    }

    /// Makes a client.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if its id is taken.
    pub async fn add(&self, client: &Client, action: &Action) -> Result<(), StoreError> {
        let made = self.store.create_client(client, action).await?;
        self.verifier.forget(&made.changes);
        Ok(())
    }

    /// Removes a client and ends its sessions.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without the client.
    pub async fn delete(&self, id: &ClientId, action: &Action) -> Result<(), StoreError> {
        let deleted = self.store.delete_client(id, action).await?;
        self.verifier.forget(&deleted.changes);
        let ended = ended_sessions(&deleted.changes);
        self.metrics
            .count_revocations(RevocationCause::ClientRemoved, ended);
        Ok(())
    }

    /// Refuses a client for an account and ends the account's sessions with it, or allows it again.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without the account or client.
    pub async fn set_refused(
        &self,
        account: &AccountId,
        client: &ClientId,
        refused: bool,
        action: &Action,
    ) -> Result<(), StoreError> {
        let changed = self.store.set_refused(account, client, refused, action);
        let changed = changed.await?;
        self.verifier.forget(&changed.changes);
        let ended = ended_sessions(&changed.changes);
        self.metrics
            .count_revocations(RevocationCause::ClientRefused, ended);
        Ok(())
    }
}
