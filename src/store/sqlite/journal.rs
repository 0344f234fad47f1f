//! The change feed, the audit records and the signing keys.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::rows::{self, all, corrupt, first, get, maybe_text, run, text, time};
use crate::model::audit::{AuditEvent, AuditRecord};
use crate::model::change::{Change, Sequence, Subject};
use crate::model::id::{AccountId, ClientId, SessionId};
use crate::model::time::Timestamp;
use crate::store::journal::{Journal, SigningKey};
use crate::store::{Action, Committed, StoreError};

#[async_trait]
impl Journal for SqliteStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.last_change().await.map(drop)
    }

    async fn last_change(&self) -> Result<Sequence, StoreError> {
        self.place.check()?;
        self.readers.read(last_change)
    }

    async fn changes_after(
        &self,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<Change>, StoreError> {
        self.place.check()?;
        self.readers.read(|connection| {
            let changes = all(
                connection,
                CHANGES,
                params![after.0, rows::limit(limit)],
                change,
            )?;
            // Another file took this one's place, from a backup. Saying "nothing new" would keep what it revoked alive.
            if changes.is_empty() && last_change(connection)? < after {
                return Err(StoreError::Corrupt("the change feed went back".to_owned()));
            }
            Ok(changes)
        })
    }

    async fn record(&self, event: &AuditEvent, action: &Action) -> Result<(), StoreError> {
        let event = event.clone();
        self.write(action, move |writing| {
            writing.audit(&event)?;
            let Committed { .. } = writing.commit(())?;
            Ok(())
        })
        .await
    }

    async fn audit(&self, since: Option<Timestamp>) -> Result<Vec<AuditRecord>, StoreError> {
        let since = since.map_or(i64::MIN, Timestamp::millis);
        self.lists
            .ask(move |connection| all(connection, AUDIT, [since], audit_record))
            .await
    }

    async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        self.readers
            .read(|connection| all(connection, KEYS, [], signing_key))
    }

    async fn add_signing_key(
        &self,
        key: &SigningKey,
        unless_after: Timestamp,
        action: &Action,
    ) -> Result<Committed<bool>, StoreError> {
        let key = key.clone();
        self.write(action, move |mut writing| {
            let (connection, now) = (writing.connection, writing.action.at.millis());
            let newer = "SELECT 1 FROM signing_key WHERE created_at > ?1";
            if first(connection, newer, [unless_after.millis()], |_| Ok(()))?.is_some() {
                return Ok(Committed::unchanged(false));
            }
            let expired = "DELETE FROM signing_key WHERE expires_at <= ?1";
            run(connection, expired, [now])?;
            run(
                connection,
                "INSERT INTO signing_key (id, pkcs8, created_at, expires_at) VALUES (?1, ?2, ?3, ?4)",
                params![
                    key.id,
                    key.pkcs8,
                    key.created_at.millis(),
                    key.expires_at.millis()
                ],
            )?;
            writing.feed(Subject::SigningKeys)?;
            writing.commit(true)
        })
        .await
    }
}

fn last_change(connection: &Connection) -> Result<Sequence, StoreError> {
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'change'";
    let last = first(connection, sql, [], |row| get(row, 0))?;
    Ok(last.map(Sequence).unwrap_or_default())
}

fn change(row: &Row<'_>) -> Result<Change, StoreError> {
    let kind: String = get(row, 1)?;
    let subject = match kind.as_str() {
        "account" => Subject::Account(text(row, 2, |id| AccountId::parse(id).ok())?),
        "session" => Subject::Session(text(row, 2, SessionId::parse)?),
        "client" => Subject::Client(text(row, 2, |id| ClientId::parse(id).ok())?),
        "signing-keys" => Subject::SigningKeys,
        _ => return Err(corrupt(row, 1)),
    };
    Ok(Change {
        sequence: Sequence(get(row, 0)?),
        subject,
    })
}

fn audit_record(row: &Row<'_>) -> Result<AuditRecord, StoreError> {
    Ok(AuditRecord {
        sequence: Sequence(get(row, 0)?),
        at: time(row, 1)?,
        event: get(row, 2)?,
        result: get(row, 3)?,
        reason: get(row, 4)?,
        user: get(row, 5)?,
        object: get(row, 6)?,
        ip: maybe_text(row, 7, |ip| ip.parse().ok())?,
        actor: get(row, 8)?,
    })
}

fn signing_key(row: &Row<'_>) -> Result<SigningKey, StoreError> {
    Ok(SigningKey {
        id: get(row, 0)?,
        pkcs8: get::<Vec<u8>>(row, 1)?.into(),
        created_at: time(row, 2)?,
        expires_at: time(row, 3)?,
    })
}

const CHANGES: &str =
    "SELECT sequence, kind, subject FROM change WHERE sequence > ?1 ORDER BY sequence LIMIT ?2";
const AUDIT: &str = "SELECT sequence, at, event, result, reason, user, object, ip, actor FROM audit \
    WHERE at >= ?1 ORDER BY sequence";
const KEYS: &str =
    "SELECT id, pkcs8, created_at, expires_at FROM signing_key ORDER BY created_at DESC, id";
