//! Consents.

use async_trait::async_trait;
use rusqlite::params;

use super::SqliteStore;
use super::clients::client_number;
use super::rows::{all, client, first, get, run};
use crate::model::client::Client;
use crate::model::id::{AccountId, ClientId};
use crate::store::consents::Consents;
use crate::store::journal::done;
use crate::store::{Action, Committed, StoreError, Thing};

#[async_trait]
impl Consents for SqliteStore {
    async fn has_consented(
        &self,
        account: &AccountId,
        client: &ClientId,
    ) -> Result<bool, StoreError> {
        self.readers.read(|connection| {
            let pair = [account.as_str(), client.as_str()];
            let consented = first(connection, CONSENTED, pair, |row| get(row, 0))?;
            Ok(consented.unwrap_or(false))
        })
    }

    async fn consent(
        &self,
        account: &AccountId,
        client: &ClientId,
        action: &Action,
    ) -> Result<Committed<()>, StoreError> {
        let (account, client) = (account.clone(), client.clone());
        self.write(action, move |writing| {
            let connection = writing.connection;
            let account_number =
                (writing.account_number(&account)?).ok_or(StoreError::Missing(Thing::Account))?;
            let client_number =
                client_number(connection, &client)?.ok_or(StoreError::Missing(Thing::Client))?;
            run(connection, CONSENT, params![account_number, client_number])?;
            writing.audit(&done(
                "client.consent",
                Some(&account),
                Some(client.as_str()),
            ))?;
            writing.commit(())
        })
        .await
    }

    async fn related_clients(
        &self,
        account: &AccountId,
    ) -> Result<Vec<(Client, bool)>, StoreError> {
        let account = account.clone();
        self.lists
            .ask(move |connection| {
                all(connection, RELATED, [account.as_str()], |row| {
                    Ok((client(row)?, get(row, 5)?))
                })
            })
            .await
    }
}

const CONSENTED: &str = "SELECT r.consented AND NOT r.refused FROM relation r JOIN account a ON a.number = r.account \
    JOIN client c ON c.number = r.client WHERE a.id = ?1 AND c.id = ?2";
const CONSENT: &str = "INSERT INTO relation (account, client, known, refused, consented) VALUES (?1, ?2, 0, 0, 1) \
    ON CONFLICT DO UPDATE SET consented = 1";
const RELATED: &str = "SELECT c.id, c.name, c.redirect_urls, c.handoff, c.created_at, r.refused FROM relation r \
    JOIN account a ON a.number = r.account JOIN client c ON c.number = r.client WHERE a.id = ?1 \
    ORDER BY c.created_at, c.id";
