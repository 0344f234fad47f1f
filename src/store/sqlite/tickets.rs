//! Tickets.

use async_trait::async_trait;
use rusqlite::{Row, params};

use super::SqliteStore;
use super::rows::{first, get, run, text, time};
use super::writing::Writing;
use crate::model::id::AccountId;
use crate::model::time::Timestamp;
use crate::model::token::TokenDigest;
use crate::store::tickets::{Ticket, Tickets};
use crate::store::{Action, Committed, StoreError, Thing};

#[async_trait]
impl Tickets for SqliteStore {
    async fn put_ticket(&self, ticket: &Ticket, action: &Action) -> Result<(), StoreError> {
        let ticket = ticket.clone();
        self.write(action, move |writing| {
            let account = writing.account_number(&ticket.account)?;
            let account = account.ok_or(StoreError::Missing(Thing::Account))?;
            let end = ticket.expires_at.millis();
            let row = params![ticket.digest.bytes(), account, end];
            run(writing.connection, PUT, row)?;
            let Committed { .. } = writing.commit(())?;
            Ok(())
        })
        .await
    }

    async fn ticket(
        &self,
        digest: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Ticket>, StoreError> {
        let which = params![digest.bytes(), now.millis()];
        self.readers
            .read(|connection| first(connection, GOOD, which, ticket))
    }

    async fn take_ticket(
        &self,
        digest: &TokenDigest,
        action: &Action,
    ) -> Result<Option<Ticket>, StoreError> {
        let digest = *digest;
        self.write(action, move |writing| {
            let which = params![digest.bytes(), writing.action.at.millis()];
            let good = first(writing.connection, GOOD, which, ticket)?;
            let take = "DELETE FROM ticket WHERE digest = ?1";
            run(writing.connection, take, [digest.bytes()])?;
            writing.commit(good).map(|done| done.value)
        })
        .await
    }
}

impl Writing<'_> {
    pub(super) fn drop_tickets(&self, account: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM ticket WHERE account = ?1";
        run(self.connection, sql, [account]).map(drop)
    }
}

fn ticket(row: &Row<'_>) -> Result<Ticket, StoreError> {
    Ok(Ticket {
        digest: TokenDigest::from_bytes(get(row, 0)?),
        account: text(row, 1, |id| AccountId::parse(id).ok())?,
        expires_at: time(row, 2)?,
    })
}

const PUT: &str = "INSERT INTO ticket (digest, account, expires_at) VALUES (?1, ?2, ?3)";
const GOOD: &str = "SELECT t.digest, a.id, t.expires_at FROM ticket t JOIN account a ON a.number = t.account \
    WHERE t.digest = ?1 AND t.expires_at > ?2";
