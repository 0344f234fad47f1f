//! Tickets, in memory.

use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::model::id::AccountId;
use crate::model::time::Timestamp;
use crate::model::token::TokenDigest;
use crate::store::tickets::{Ticket, Tickets};
use crate::store::{Action, Committed, StoreError, Thing};

#[async_trait]
impl Tickets for MemoryStore {
    async fn put_ticket(&self, ticket: &Ticket, action: &Action) -> Result<(), StoreError> {
        let mut writing = self.write(action);
        if !writing.state.accounts.contains_key(&ticket.account) {
            return Err(StoreError::Missing(Thing::Account));
        }
        let tickets = &mut writing.state.tickets;
        tickets.insert(ticket.digest, ticket.clone());
        let Committed { .. } = writing.commit(());
        Ok(())
    }

    async fn ticket(
        &self,
        digest: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Ticket>, StoreError> {
        let state = self.read();
        let found = state.tickets.get(digest);
        Ok(found.filter(|ticket| now < ticket.expires_at).cloned())
    }

    async fn take_ticket(
        &self,
        digest: &TokenDigest,
        action: &Action,
    ) -> Result<Option<Ticket>, StoreError> {
        let mut writing = self.write(action);
        let taken = writing.state.tickets.remove(digest);
        let good = taken.filter(|ticket| action.at < ticket.expires_at);
        Ok(writing.commit(good).value)
    }
}

impl State {
    pub(super) fn drop_tickets(&mut self, of: &AccountId) {
        self.tickets.retain(|_, ticket| ticket.account != *of);
    }
}
