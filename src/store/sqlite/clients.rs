//! Clients and the accounts that refuse them.

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::SqliteStore;
use super::rows::{all, client, first, get, run, select_sessions, session, text};
use crate::model::change::Subject;
use crate::model::client::Client;
use crate::model::id::{AccountId, ClientId};
use crate::model::session::RevocationCause;
use crate::store::clients::{Clients, Standing, standing_event};
use crate::store::journal::done;
use crate::store::{Action, Committed, StoreError, Thing, Unique};

#[async_trait]
impl Clients for SqliteStore {
    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        let sql = "SELECT id, name, redirect_urls, handoff, created_at FROM client WHERE id = ?1";
        self.readers
            .read(|connection| first(connection, sql, [id.as_str()], client))
    }

    async fn clients(&self) -> Result<Vec<Client>, StoreError> {
        let sql = "SELECT id, name, redirect_urls, handoff, created_at FROM client ORDER BY created_at, id";
        self.lists
            .ask(move |connection| all(connection, sql, [], client))
            .await
    }

    async fn create_client(
        &self,
        client: &Client,
        action: &Action,
    ) -> Result<Committed<()>, StoreError> {
        let client = client.clone();
        let urls = serde_json::to_string(&client.redirect_urls)
            .map_err(|error| StoreError::Corrupt(error.to_string()))?;
        self.write(action, move |writing| {
            if client_number(writing.connection, &client.id)?.is_some() {
                return Err(StoreError::Conflict(Unique::ClientId));
            }
            run(
                writing.connection,
                "INSERT INTO client (id, name, redirect_urls, handoff, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    client.id.as_str(),
                    client.name,
                    urls,
                    client.handoff.as_str(),
                    client.created_at.millis()
                ],
            )?;
            writing.audit(&done("client.add", None, Some(client.id.as_str())))?;
            writing.commit(())
        })
        .await
    }

    async fn delete_client(
        &self,
        id: &ClientId,
        action: &Action,
    ) -> Result<Committed<()>, StoreError> {
        let id = id.clone();
        self.write(action, move |mut writing| {
            let sql = "DELETE FROM client WHERE id = ?1";
            if run(writing.connection, sql, [id.as_str()])? == 0 {
                return Err(StoreError::Missing(Thing::Client));
            }
            writing.audit(&done("client.delete", None, Some(id.as_str())))?;
            writing.feed(Subject::Client(id))?;
            writing.commit(())
        })
        .await
    }

    async fn standing(
        &self,
        account: &AccountId,
        client: &ClientId,
    ) -> Result<Standing, StoreError> {
        self.readers.read(|connection| {
            let pair = [account.as_str(), client.as_str()];
            let relation = first(connection, RELATION, pair, |row| {
                Ok((get(row, 0)?, get(row, 1)?))
            })?;
            Ok(match relation {
                Some((_, true)) => Standing::Refused,
                Some((true, false)) => Standing::Known,
                Some((false, false)) | None => Standing::New,
            })
        })
    }

    async fn refused(&self, account: &AccountId) -> Result<Vec<ClientId>, StoreError> {
        self.readers.read(|connection| {
            all(connection, REFUSED, [account.as_str()], |row| {
                text(row, 0, |id| ClientId::parse(id).ok())
            })
        })
    }

    async fn set_refused(
        &self,
        account: &AccountId,
        client: &ClientId,
        refused: bool,
        action: &Action,
    ) -> Result<Committed<()>, StoreError> {
        let (account, client) = (account.clone(), client.clone());
        self.write(action, move |mut writing| {
            let connection = writing.connection;
            let account_number =
                (writing.account_number(&account)?).ok_or(StoreError::Missing(Thing::Account))?;
            let client_number =
                client_number(connection, &client)?.ok_or(StoreError::Missing(Thing::Client))?;
            run(
                connection,
                "INSERT INTO relation (account, client, known, refused) VALUES (?1, ?2, 0, ?3) \
                 ON CONFLICT DO UPDATE SET refused = excluded.refused, consented = consented AND NOT excluded.refused",
                params![account_number, client_number, refused],
            )?;
            let event = standing_event(refused);
            writing.audit(&done(event, Some(&account), Some(client.as_str())))?;
            if refused {
                let pair = [account_number, client_number];
                let ended = all(connection, OF_ACCOUNT_AND_CLIENT, pair, session)?;
                writing.end(&ended, RevocationCause::ClientRefused)?;
            }
            writing.commit(())
        })
        .await
    }
}

/// The row of a client, by which others refer to it.
pub(super) fn client_number(
    connection: &Connection,
    id: &ClientId,
) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT number FROM client WHERE id = ?1";
    first(connection, sql, [id.as_str()], |row| get(row, 0))
}

const RELATION: &str = "SELECT r.known, r.refused FROM relation r JOIN account a ON a.number = r.account \
    JOIN client c ON c.number = r.client WHERE a.id = ?1 AND c.id = ?2";
const REFUSED: &str = "SELECT c.id FROM relation r JOIN account a ON a.number = r.account \
    JOIN client c ON c.number = r.client WHERE a.id = ?1 AND r.refused ORDER BY c.id";
const OF_ACCOUNT_AND_CLIENT: &str = select_sessions!("WHERE s.account = ?1 AND s.client = ?2");
