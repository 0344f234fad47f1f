//! Client applications and the accounts that refuse them.

use async_trait::async_trait;

use super::{Action, Committed, StoreError};
use crate::model::client::Client;
use crate::model::id::{AccountId, ClientId};

/// What the store does for clients.
#[async_trait]
pub trait Clients {
    /// One client, or `None`.
    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError>;

    /// All clients, oldest first.
    async fn clients(&self) -> Result<Vec<Client>, StoreError>;

    /// Makes a client. Audited as `client.add`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if its id is taken.
    async fn create_client(
        &self,
        client: &Client,
        action: &Action,
    ) -> Result<Committed<()>, StoreError>;

    /// Removes a client and ends its sessions. Audited as `client.delete`; feeds
    /// [`Subject::Client`](crate::model::change::Subject::Client).
    ///
    /// # Errors
    /// [`StoreError::Missing`] without the client.
    async fn delete_client(
        &self,
        id: &ClientId,
        action: &Action,
    ) -> Result<Committed<()>, StoreError>;

    /// How an account stands to a client.
    async fn standing(
        &self,
        account: &AccountId,
        client: &ClientId,
    ) -> Result<Standing, StoreError>;

    /// The clients that an account refuses.
    async fn refused(&self, account: &AccountId) -> Result<Vec<ClientId>, StoreError>;

    /// Refuses a client for an account and ends the account's sessions with it, or allows it again. Audited as
    /// `client.refuse` or `client.allow`; feeds each session that ended. Whoever refuses has not agreed to share anything
    /// any more ([`Consents`](super::Consents)).
    ///
    /// # Errors
    /// [`StoreError::Missing`] without the account or client.
    async fn set_refused(
        &self,
        account: &AccountId,
        client: &ClientId,
        refused: bool,
        action: &Action,
    ) -> Result<Committed<()>, StoreError>;
}

/// How an account stands to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It never signed in there.
    New,
    /// It signed in before.
    Known,
    /// It does not want it.
    Refused,
}

/// What a refusal, or its end, is audited as.
pub(super) const fn standing_event(refused: bool) -> &'static str {
    if refused {
        "client.refuse"
    } else {
        "client.allow"
    }
}
