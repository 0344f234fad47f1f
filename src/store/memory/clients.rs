//! Clients, in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::model::change::Subject;
use crate::model::client::Client;
use crate::model::id::{AccountId, ClientId};
use crate::model::session::RevocationCause;
use crate::store::clients::{Clients, Standing, standing_event};
use crate::store::journal::done;
use crate::store::{Action, Committed, StoreError, Thing, Unique};

#[async_trait]
impl Clients for MemoryStore {
    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        Ok(self.read().clients.get(id).cloned())
    }

    async fn clients(&self) -> Result<Vec<Client>, StoreError> {
        let mut clients: Vec<_> = self.read().clients.values().cloned().collect();
        clients.sort_by_key(|client| client.created_at);
        Ok(clients)
    }

    async fn create_client(
        &self,
        client: &Client,
        action: &Action,
    ) -> Result<Committed<()>, StoreError> {
        let mut writing = self.write(action);
        if writing.state.clients.contains_key(&client.id) {
            return Err(StoreError::Conflict(Unique::ClientId));
        }
        writing
            .state
            .clients
            .insert(client.id.clone(), client.clone());
        writing.audit(done("client.add", None, Some(client.id.as_str())));
        Ok(writing.commit(()))
    }

    async fn delete_client(
        &self,
        id: &ClientId,
        action: &Action,
    ) -> Result<Committed<()>, StoreError> {
        let mut writing = self.write(action);
        let state = &mut *writing.state;
        if state.clients.remove(id).is_none() {
            return Err(StoreError::Missing(Thing::Client));
        }
        state.relations.retain(|(_, client), _| client != id);
        let sessions = &mut state.sessions;
        sessions.retain(|_, session| session.client.as_ref() != Some(id));
        state
            .tokens
            .retain(|_, token| sessions.contains_key(&token.session));
        writing.audit(done("client.delete", None, Some(id.as_str())));
        writing.feed(Subject::Client(id.clone()));
        Ok(writing.commit(()))
    }

    async fn standing(
        &self,
        account: &AccountId,
        client: &ClientId,
    ) -> Result<Standing, StoreError> {
        let state = self.read();
        Ok(
            match state.relations.get(&(account.clone(), client.clone())) {
                Some(relation) if relation.refused => Standing::Refused,
                Some(relation) if relation.known => Standing::Known,
                Some(_) | None => Standing::New,
            },
        )
    }

    async fn refused(&self, account: &AccountId) -> Result<Vec<ClientId>, StoreError> {
        let state = self.read();
        let refused = state
            .relations
            .iter()
            .filter(|((whose, _), relation)| whose == account && relation.refused);
        Ok(refused.map(|((_, client), _)| client.clone()).collect())
    }

    async fn set_refused(
        &self,
        account: &AccountId,
        client: &ClientId,
        refused: bool,
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
        let pair = (account.clone(), client.clone());
        let relation = state.relations.entry(pair).or_default();
        relation.refused = refused;
        relation.consented &= !refused;
        writing.audit(done(
            standing_event(refused),
            Some(account),
            Some(client.as_str()),
        ));
        if refused {
            let ended = writing.state.session_ids(|session| {
                session.account == *account && session.client.as_ref() == Some(client)
            });
            writing.end(&ended, RevocationCause::ClientRefused);
        }
        Ok(writing.commit(()))
    }
}
