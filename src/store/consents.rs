//! Which client applications an account shares itself with (seed 000), and which it knows at all.

use async_trait::async_trait;

use super::{Action, Committed, StoreError};
use crate::model::client::Client;
use crate::model::id::{AccountId, ClientId};

/// What the store does for consents.
#[async_trait]
pub trait Consents {
    /// Whether an account agreed to share its id and address with a client, and has not refused it since.
    async fn has_consented(
        &self,
        account: &AccountId,
        client: &ClientId,
    ) -> Result<bool, StoreError>;

    /// Remembers that it agreed. A refusal ends that, and is not ended by it. Audited as `client.consent`.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without the account or client.
    async fn consent(
        &self,
        account: &AccountId,
        client: &ClientId,
        action: &Action,
    ) -> Result<Committed<()>, StoreError>;

    /// The clients that an account signed in to, agreed to or refuses, oldest client first; with each whether it is
    /// refused.
    async fn related_clients(&self, account: &AccountId)
    -> Result<Vec<(Client, bool)>, StoreError>;
}
