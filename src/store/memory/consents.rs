//! Consents, in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::model::client::Client;
use crate::model::id::{AccountId, ClientId};
use crate::store::consents::Consents;
use crate::store::journal::done;
use crate::store::{Action, Committed, StoreError, Thing};

#[async_trait]
impl Consents for MemoryStore {
    async fn has_consented(
        &self,
        account: &AccountId,
        client: &ClientId,
    ) -> Result<bool, StoreError> {
        let state = self.read();
        let relation = state.relations.get(&(account.clone(), client.clone()));
        Ok(relation.is_some_and(|relation| relation.consented && !relation.refused))
    }

    async fn consent(
        &self,
        account: &AccountId,
        client: &ClientId,
        action: &Action,
    ) -> Result<Committed<()>, StoreError> {
        let mut writing = self.write(action);
        let state = &mut *writing.state;
        if !state.accounts.contains_key(account) {
            return Err(StoreError::Missing(Thing::Account));
        }
        if !state.clients.contains_key(client) {
            return Err(StoreError::Missing(Thing::Client));
        }
        let relation = state.relations.entry((account.clone(), client.clone()));
        relation.or_default().consented = true;
        writing.audit(done("client.consent", Some(account), Some(client.as_str())));
        Ok(writing.commit(()))
    }

    async fn related_clients(
        &self,
        account: &AccountId,
    ) -> Result<Vec<(Client, bool)>, StoreError> {
        let state = self.read();
        let mut related: Vec<_> = state
            .relations
            .iter()
            .filter(|((whose, _), _)| whose == account)
            .filter_map(|((_, id), relation)| {
                let client = state.clients.get(id)?;
                Some((client.clone(), relation.refused))
            })
            .collect();
        related.sort_by_key(|(client, _)| client.created_at);
        Ok(related)
    }
}
