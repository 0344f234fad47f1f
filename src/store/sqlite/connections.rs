//! Linked accounts.

use async_trait::async_trait;
use rusqlite::{Row, params};

use super::SqliteStore;
use super::rows::{all, first, get, run, text, time};
use crate::model::connection::Connection;
use crate::model::id::{AccountId, ConnectionId};
use crate::store::connections::Connections;
use crate::store::journal::done;
use crate::store::{Action, Committed, StoreError, Thing, Unique};

#[async_trait]
impl Connections for SqliteStore {
    async fn connections(&self, of: Option<&AccountId>) -> Result<Vec<Connection>, StoreError> {
        let of = of.cloned();
        self.lists
            .ask(move |database| match of {
                Some(account) => all(database, OF_ACCOUNT, [account.as_str()], connection),
                None => all(database, ALL, [], connection),
            })
            .await
    }

    async fn add_connection(
        &self,
        connection: &Connection,
        action: &Action,
    ) -> Result<(), StoreError> {
        let connection = connection.clone();
        self.write(action, move |writing| {
            let account = writing.account_number(&connection.account)?;
            let account = account.ok_or(StoreError::Missing(Thing::Account))?;
            let added = run(
                writing.connection,
                "INSERT INTO connection (id, account, provider, provider_user_id, name, linked_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (provider, provider_user_id) DO NOTHING",
                params![
                    connection.id.bytes(),
                    account,
                    connection.provider,
                    connection.provider_user_id,
                    connection.name,
                    connection.linked_at.millis(),
                ],
            )?;
            if added == 0 {
                return Err(StoreError::Conflict(Unique::Connection));
            }
            let object = connection.id.to_string();
            let user = Some(&connection.account);
            writing.audit(&done("user.connect", user, Some(&object)))?;
            let Committed { .. } = writing.commit(())?;
            Ok(())
        })
        .await
    }

    async fn remove_connection(
        &self,
        id: &ConnectionId,
        action: &Action,
    ) -> Result<bool, StoreError> {
        let id = *id;
        self.write(action, move |writing| {
            let Some(connection) = first(writing.connection, BY_ID, [id.bytes()], connection)?
            else {
                return Ok(false);
            };
            let sql = "DELETE FROM connection WHERE id = ?1";
            run(writing.connection, sql, [id.bytes()])?;
            let object = id.to_string();
            let user = Some(&connection.account);
            writing.audit(&done("user.disconnect", user, Some(&object)))?;
            let Committed { .. } = writing.commit(())?;
            Ok(true)
        })
        .await
    }
}

fn connection(row: &Row<'_>) -> Result<Connection, StoreError> {
    Ok(Connection {
        id: ConnectionId::from_bytes(get(row, 0)?),
        account: text(row, 1, |id| AccountId::parse(id).ok())?,
        provider: get(row, 2)?,
        provider_user_id: get(row, 3)?,
        name: get(row, 4)?,
        linked_at: time(row, 5)?,
    })
}

/// A whole statement that [`connection`] reads, but for its end.
macro_rules! select_connections {
    ($rest:literal) => {
        concat!(
            "SELECT l.id, a.id, l.provider, l.provider_user_id, l.name, l.linked_at FROM connection l \
             JOIN account a ON a.number = l.account ",
            $rest
        )
    };
}

const ALL: &str = select_connections!("ORDER BY l.linked_at, l.id");
const OF_ACCOUNT: &str = select_connections!("WHERE a.id = ?1 ORDER BY l.linked_at, l.id");
const BY_ID: &str = select_connections!("WHERE l.id = ?1");
