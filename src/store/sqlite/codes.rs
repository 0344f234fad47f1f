//! Verification codes, and the tries and mails that are counted of them.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Row, params};

use super::SqliteStore;
use super::rows::{all, first, get, run, time};
use super::writing::Writing;
use crate::config::section::Rate;
use crate::model::id::{AccountId, SessionId};
use crate::model::token::TokenDigest;
use crate::store::codes::{
    Attempt, CodePut, CodeTried, CodeTry, Codes, LiveCode, NewCode, reach_back, wait,
};
use crate::store::journal::{done, failed};
use crate::store::sessions::NewToken;
use crate::store::{Action, Committed, StoreError, Thing};

#[async_trait]
impl Codes for SqliteStore {
    async fn put_code(
        &self,
        code: &NewCode,
        limit: Rate,
        action: &Action,
    ) -> Result<CodePut, StoreError> {
        let code = code.clone();
        self.write(action, move |writing| {
            let holder = writing.holder(&code.session)?;
            if let Some(retry_after) = writing.limited(holder.account, Attempt::Mail, limit)? {
                return Ok(CodePut::TooMany { retry_after });
            }
            writing.count(holder.account, Attempt::Mail)?;
            run(
                writing.connection,
                "INSERT OR REPLACE INTO code (session, digest, wrong, expires_at) VALUES (?1, ?2, 0, ?3)",
                params![
                    holder.session,
                    code.digest.bytes(),
                    code.expires_at.millis()
                ],
            )?;
            let Committed { .. } = writing.commit(())?;
            Ok(CodePut::Queued)
        })
        .await
    }

    async fn try_code(
        &self,
        tried: &CodeTry,
        elevated: &NewToken,
        action: &Action,
    ) -> Result<CodeTried, StoreError> {
        let (tried, elevated) = (tried.clone(), elevated.clone());
        self.write(action, move |writing| {
            let holder = writing.holder(&tried.session)?;
            let limit = tried.per_account;
            if let Some(retry_after) = writing.limited(holder.account, Attempt::Wrong, limit)? {
                return Ok(CodeTried::UsedUp { retry_after });
            }
            let verdict = tried.judge(&writing.live_codes(&holder)?, writing.action.at);
            let object = tried.session.to_string();
            let (user, object) = (Some(&holder.id), Some(object.as_str()));
            match verdict {
                CodeTried::Good => {
                    let consume = "DELETE FROM code WHERE session = ?1";
                    run(writing.connection, consume, [holder.session])?;
                    writing.add(holder.session, &elevated)?;
                    writing.reach(holder.session, elevated.expires_at)?;
                    writing.audit(&done("elevate", user, object))?;
                }
                CodeTried::Wrong => {
                    writing.count(holder.account, Attempt::Wrong)?;
                    let now = writing.action.at.millis();
                    run(writing.connection, COUNT_WRONG, [holder.account, now])?;
                    writing.audit(&failed("elevate", "wrong_code", user, object))?;
                }
                CodeTried::UsedUp { .. } => return Ok(verdict),
            }
            let Committed { .. } = writing.commit(())?;
            Ok(verdict)
        })
        .await
    }
}

/// An open session and whose it is, by their rows.
struct Holder {
    session: i64,
    account: i64,
    id: AccountId,
}

impl Writing<'_> {
    fn holder(&self, session: &SessionId) -> Result<Holder, StoreError> {
        let owner = self.owner(session)?;
        let (session, id) = owner.ok_or(StoreError::Missing(Thing::Session))?;
        let account = self.account_number(&id)?;
        Ok(Holder {
            session,
            account: account.ok_or(StoreError::Missing(Thing::Account))?,
            id,
        })
    }

    pub(super) fn limited(
        &self,
        account: i64,
        what: Attempt,
        limit: Rate,
    ) -> Result<Option<Duration>, StoreError> {
        let which = params![account, what.as_str(), reach_back(limit)];
        let last = first(self.connection, LAST, which, |row| time(row, 0))?;
        Ok(wait(limit, last, self.action.at))
    }

    pub(super) fn count(&self, account: i64, what: Attempt) -> Result<(), StoreError> {
        let sql = "INSERT INTO attempt (account, kind, at) VALUES (?1, ?2, ?3)";
        let row = params![account, what.as_str(), self.action.at.millis()];
        run(self.connection, sql, row).map(drop)
    }

    fn live_codes(&self, holder: &Holder) -> Result<Vec<LiveCode>, StoreError> {
        let which = [holder.account, self.action.at.millis()];
        all(self.connection, LIVE, which, live_code)
    }
}

fn live_code(row: &Row<'_>) -> Result<LiveCode, StoreError> {
    Ok(LiveCode {
        session: SessionId::from_bytes(get(row, 0)?),
        digest: TokenDigest::from_bytes(get(row, 1)?),
        wrong: get(row, 2)?,
        expires_at: time(row, 3)?,
    })
}

const LAST: &str =
    "SELECT at FROM attempt WHERE account = ?1 AND kind = ?2 ORDER BY at DESC LIMIT 1 OFFSET ?3";
const LIVE: &str = "SELECT s.id, c.digest, c.wrong, c.expires_at FROM session s \
    JOIN code c ON c.session = s.number WHERE s.account = ?1 AND c.expires_at > ?2";
const COUNT_WRONG: &str = "UPDATE code SET wrong = wrong + 1 WHERE expires_at > ?2 \
    AND session IN (SELECT number FROM session WHERE account = ?1)";
