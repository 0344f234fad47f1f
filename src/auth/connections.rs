//! What is done to linked accounts: by the command line, and by the people themselves through [`openid`](super::openid).

use std::sync::Arc;

use super::letters::Letters;
use super::openid::{Attempt, Provider, Subject};
use crate::metrics::Metrics;
use crate::model::account::Account;
use crate::model::audit::{AuditEvent, AuditResult};
use crate::model::connection::Connection;
use crate::model::id::{AccountId, ConnectionId};
use crate::model::principal::Principal;
use crate::model::token::TokenKind;
use crate::store::sessions::NewToken;
use crate::store::{Action, SharedStore, StoreError};

/// Lists, adds and removes connections. Nothing that a token stands for depends on them.
#[derive(Debug)]
pub struct ConnectionService {
    pub(super) store: SharedStore,
    pub(super) letters: Arc<Letters>,
    pub(super) metrics: Arc<Metrics>,
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

    /// Remembers an attempt until it is used or [`ATTEMPT_TTL`] is over; false if the session ended.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn begin(
        &self,
        attempt: &Attempt,
        principal: &Principal,
        action: &Action,
    ) -> Result<bool, StoreError> {
        let end = action.at.after(ATTEMPT_TTL);
        let token = NewToken {
            digest: attempt.digest(),
            kind: TokenKind::Linking,
            id: None,
            issued_at: action.at,
            expires_at: Some(principal.expires_at.map_or(end, |session| session.min(end))),
        };
        let session = &principal.session;
        let added = self
            .store
            .add_token(session, &token, "user.connect-begin", action);
        Ok(added.await?.is_some())
    }

    /// Uses up an attempt; false if it is not one of this session's that is still good.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn resume(
        &self,
        attempt: &Attempt,
        principal: &Principal,
        action: &Action,
    ) -> Result<bool, StoreError> {
        let begun = self.store.consume_token(&attempt.digest(), action).await?;
        let is_own = |begun: Principal| {
            begun.session == principal.session && begun.kind == TokenKind::Linking
        };
        Ok(begun.is_some_and(is_own))
    }

    /// Links an account that its provider vouched for, and mails the account here.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it is linked already, to whomever.
    pub async fn link(
        &self,
        account: &Account,
        provider: &Provider,
        subject: Subject,
        action: &Action,
    ) -> Result<(), StoreError> {
        let connection = Connection {
            id: ConnectionId::generate(),
            account: account.id.clone(),
            provider: provider.name().into(),
            provider_user_id: subject.id,
            name: subject.name,
            linked_at: action.at,
        };
        let action = self.telling(account, provider.label(), &connection, true, action);
        let linked = self.store.add_connection(&connection, &action).await;
        match &linked {
            Ok(()) => self.metrics.count_link("link", "success"),
            // Whoever asked says what that means: it may be their own already.
            Err(StoreError::Conflict(_)) => {}
            Err(_) => self.metrics.count_link("link", "error"),
        }
        linked
    }

    /// Removes a link of an account's own, and mails it; `provider` is what people call it. False if there is none.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn unlink(
        &self,
        account: &Account,
        id: &ConnectionId,
        label: impl FnOnce(&str) -> Box<str>,
        action: &Action,
    ) -> Result<bool, StoreError> {
        let gone = self.try_to_unlink(account, id, label, action).await;
        let outcome = match gone {
            Ok(true) => "success",
            Ok(false) => "unknown",
            Err(_) => "error",
        };
        self.metrics.count_link("unlink", outcome);
        gone
    }

    async fn try_to_unlink(
        &self,
        account: &Account,
        id: &ConnectionId,
        label: impl FnOnce(&str) -> Box<str>,
        action: &Action,
    ) -> Result<bool, StoreError> {
        let own = self.store.connections(Some(&account.id)).await?;
        let Some(connection) = own.iter().find(|connection| connection.id == *id) else {
            return Ok(false);
        };
        let label = label(&connection.provider);
        let action = self.telling(account, &label, connection, false, action);
        self.store.remove_connection(id, &action).await
    }

    /// Counts and writes down that an account was not linked. `reason` is one of a closed set.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn refused(
        &self,
        account: &AccountId,
        reason: &'static str,
        action: &Action,
    ) -> Result<(), StoreError> {
        self.metrics.count_link("link", reason);
        let event = AuditEvent {
            event: "user.connect",
            result: AuditResult::Failure,
            reason: Some(reason),
            user: Some(account.clone()),
            object: None,
        };
        self.store.record(&event, action).await
    }

    fn telling(
        &self,
        account: &Account,
        label: &str,
        connection: &Connection,
        is_linked: bool,
        action: &Action,
    ) -> Action {
        let name = connection
            .name
            .as_ref()
            .unwrap_or(&connection.provider_user_id);
        let mail = account.email.as_ref().and_then(|to| {
            self.letters
                .spoken(action.language)
                .connection(to, (label, name), is_linked, action)
        });
        let mut action = action.clone();
        action.mails.extend(mail);
        action
    }
}

/// How long somebody may be at the provider before they come back.
pub const ATTEMPT_TTL: std::time::Duration = std::time::Duration::from_mins(10);
