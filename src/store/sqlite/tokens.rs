//! The steps of opening a session, giving it tokens and rotating them, inside the writer's transaction.

use rusqlite::params;

use super::clients::client_number;
use super::rows::{
    first, get, joined, maybe_time, millis, run, select_sessions, session, text, time, token_kind,
};
use super::writing::Writing;
use crate::model::account::AccountStatus;
use crate::model::id::{AccountId, SessionId, TokenId};
use crate::model::scope::Scope;
use crate::model::session::Session;
use crate::model::time::Timestamp;
use crate::model::token::RotationNonce;
use crate::store::StoreError;
use crate::store::sessions::{FirstUse, NewToken, Rotation, Use, reach};

impl Writing<'_> {
    /// Writes a session and the account's relation to the client; `None` if it may not be opened.
    pub(super) fn open(
        &self,
        session: &Session,
        tokens: &[NewToken],
    ) -> Result<Option<i64>, StoreError> {
        let Some(account) = self.active_account(&session.account)? else {
            return Ok(None);
        };
        let client = match &session.client {
            None => None,
            Some(id) => match client_number(self.connection, id)? {
                Some(client) if self.sign_in(account, client)? => Some(client),
                Some(_) | None => return Ok(None),
            },
        };
        let end = tokens.iter().fold(session.expires_at, |end, token| {
            reach(end, token.expires_at)
        });
        run(
            self.connection,
            "INSERT INTO session (id, account, client, dialect, label, scopes, remote_ip, created_at, \
             last_used_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                session.id.bytes(),
                account,
                client,
                session.dialect,
                session.label,
                joined(session.scopes.iter().map(Scope::as_str)),
                session.remote_ip.map(|ip| ip.to_string()),
                session.created_at.millis(),
                millis(session.last_used_at),
                millis(end),
            ],
        )?;
        Ok(Some(self.connection.last_insert_rowid()))
    }

    pub(super) fn add(&self, session: i64, token: &NewToken) -> Result<(), StoreError> {
        run(
            self.connection,
            "INSERT INTO token (digest, session, kind, id, issued_at, expires_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                token.digest.bytes(),
                session,
                token.kind as u8,
                token.id.as_ref().map(TokenId::bytes),
                token.issued_at.millis(),
                millis(token.expires_at),
            ],
        )?;
        Ok(())
    }

    /// Moves a session's end to where another token's is, if that is later. An endless one (NULL) is never less.
    pub(super) fn reach(&self, session: i64, end: Option<Timestamp>) -> Result<(), StoreError> {
        run(
            self.connection,
            "UPDATE session SET expires_at = ?2 WHERE number = ?1 AND (?2 IS NULL OR expires_at < ?2)",
            params![session, millis(end)],
        )?;
        Ok(())
    }

    /// The row and the account of an open session.
    pub(super) fn owner(&self, id: &SessionId) -> Result<Option<(i64, AccountId)>, StoreError> {
        let sql = "SELECT s.number, a.id FROM session s JOIN account a ON a.number = s.account WHERE s.id = ?1";
        first(self.connection, sql, [id.bytes()], |row| {
            Ok((get(row, 0)?, text(row, 1, |id| AccountId::parse(id).ok())?))
        })
    }

    /// The refresh token that was shown: its session, and what showing it means.
    pub(super) fn shown(
        &self,
        rotation: &Rotation,
    ) -> Result<Option<(i64, Session, Use)>, StoreError> {
        let digest = [rotation.refresh.bytes()];
        let found = first(self.connection, REFRESH, digest, |row| {
            let first_use = match get::<Option<_>>(row, 3)? {
                None => None,
                Some(nonce) => Some(FirstUse {
                    nonce: RotationNonce::from_bytes(nonce),
                    replay_until: time(row, 4)?,
                    issued_at: time(row, 5)?,
                    expires_at: maybe_time(row, 6)?,
                }),
            };
            let (kind, end) = (token_kind(row, 1)?, maybe_time(row, 2)?);
            let shown = Use::of(kind, end, first_use, self.action.at);
            Ok((get::<i64>(row, 0)?, shown))
        })?;
        let Some((number, Some(shown))) = found else {
            return Ok(None);
        };
        let session = first(self.connection, BY_NUMBER, [number], session)?;
        let of_client = session.filter(|session| session.client == rotation.client);
        Ok(of_client.map(|session| (number, session, shown)))
    }

    /// Puts the successors in the place of what came before.
    pub(super) fn rotate(&self, session: i64, rotation: &Rotation) -> Result<(), StoreError> {
        let first = FirstUse::of(rotation);
        let [access, refresh] = &rotation.successors;
        run(
            self.connection,
            "UPDATE token SET nonce = ?2, replay_until = ?3, successor_issued_at = ?4, successor_expires_at = ?5 \
             WHERE digest = ?1",
            params![
                rotation.refresh.bytes(),
                first.nonce.bytes(),
                first.replay_until.millis(),
                first.issued_at.millis(),
                millis(first.expires_at),
            ],
        )?;
        run(
            self.connection,
            "UPDATE token SET expires_at = ?4 WHERE session = ?1 AND kind IN (?2, ?3) AND nonce IS NULL \
             AND (expires_at IS NULL OR expires_at > ?4)",
            params![
                session,
                access.kind as u8,
                refresh.kind as u8,
                first.replay_until.millis(),
            ],
        )?;
        for token in &rotation.successors {
            self.add(session, token)?;
            self.reach(session, token.expires_at)?;
        }
        Ok(())
    }

    fn active_account(&self, id: &AccountId) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT number FROM account WHERE id = ?1 AND status = ?2";
        let active = [id.as_str(), AccountStatus::Active.as_str()];
        first(self.connection, sql, active, |row| get(row, 0))
    }

    /// Remembers that an account signs in to a client; false if it refuses it.
    fn sign_in(&self, account: i64, client: i64) -> Result<bool, StoreError> {
        let sql = "SELECT known, refused FROM relation WHERE account = ?1 AND client = ?2";
        let relation = first(self.connection, sql, [account, client], |row| {
            Ok((get(row, 0)?, get(row, 1)?))
        })?;
        match relation {
            Some((_, true)) => Ok(false),
            Some((true, false)) => Ok(true),
            Some((false, false)) | None => {
                run(
                    self.connection,
                    "INSERT INTO relation (account, client, known, refused) VALUES (?1, ?2, 1, 0) \
                     ON CONFLICT DO UPDATE SET known = 1",
                    [account, client],
                )?;
                Ok(true)
            }
        }
    }
}

const REFRESH: &str = "SELECT session, kind, expires_at, nonce, replay_until, successor_issued_at, \
    successor_expires_at FROM token WHERE digest = ?1";
const BY_NUMBER: &str = select_sessions!("WHERE s.number = ?1");
