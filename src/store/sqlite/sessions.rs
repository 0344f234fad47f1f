//! Sessions and the digests of their tokens.

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::SqliteStore;
use super::rows::{self, INTROSPECT, all, first, principal, run, select_sessions, session};
use crate::model::change::Subject;
use crate::model::id::{AccountId, SessionId};
use crate::model::principal::Principal;
use crate::model::session::{RevocationCause, Session};
use crate::model::time::Timestamp;
use crate::model::token::TokenDigest;
use crate::store::codes::ATTEMPTS_KEPT;
use crate::store::journal::{done, failed};
use crate::store::sessions::{
    CHANGES_KEPT, NewToken, Rotated, Rotation, SessionSet, Sessions, Use, opened_event,
};
use crate::store::{Action, Committed, StoreError};

#[async_trait]
impl Sessions for SqliteStore {
    async fn introspect(&self, digest: &TokenDigest) -> Result<Option<Principal>, StoreError> {
        self.readers
            .read(|connection| first(connection, INTROSPECT, [digest.bytes()], principal))
    }

    async fn open_session(
        &self,
        session: &Session,
        tokens: &[NewToken],
        action: &Action,
    ) -> Result<Option<Committed<()>>, StoreError> {
        let (session, tokens) = (session.clone(), tokens.to_vec());
        self.write(action, move |writing| {
            let Some(number) = writing.open(&session, &tokens)? else {
                return Ok(None);
            };
            for token in &tokens {
                writing.add(number, token)?;
            }
            let object = session.id.to_string();
            writing.audit(&done(
                opened_event(&session),
                Some(&session.account),
                Some(&object),
            ))?;
            writing.commit(()).map(Some)
        })
        .await
    }

    async fn add_token(
        &self,
        session: &SessionId,
        token: &NewToken,
        audited: &'static str,
        action: &Action,
    ) -> Result<Option<Committed<()>>, StoreError> {
        let (id, token) = (*session, token.clone());
        self.write(action, move |writing| {
            let Some((number, account)) = writing.owner(&id)? else {
                return Ok(None);
            };
            writing.add(number, &token)?;
            writing.reach(number, token.expires_at)?;
            writing.audit(&done(audited, Some(&account), Some(&id.to_string())))?;
            writing.commit(()).map(Some)
        })
        .await
    }

    async fn rotate_refresh(
        &self,
        rotation: &Rotation,
        action: &Action,
    ) -> Result<Committed<Rotated>, StoreError> {
        let rotation = rotation.clone();
        self.write(action, move |mut writing| {
            let Some((number, session, shown)) = writing.shown(&rotation)? else {
                return Ok(Committed::unchanged(Rotated::Unknown));
            };
            let object = session.id.to_string();
            let (user, object) = (Some(&session.account), Some(object.as_str()));
            match shown {
                Use::First => {
                    writing.rotate(number, &rotation)?;
                    writing.audit(&done("refresh", user, object))?;
                    writing.feed(Subject::Session(session.id))?;
                    writing.commit(Rotated::Done(session.id))
                }
                Use::Again(first) => {
                    writing.audit(&done("refresh", user, object))?;
                    writing.commit(first.replayed(session.id))
                }
                Use::TooLate => {
                    let cause = RevocationCause::RefreshReused;
                    writing.audit(&failed("refresh", cause.as_str(), user, object))?;
                    writing.end([&session], cause)?;
                    writing.commit(Rotated::Reused(session.id))
                }
            }
        })
        .await
    }

    async fn consume_token(
        &self,
        digest: &TokenDigest,
        action: &Action,
    ) -> Result<Option<Principal>, StoreError> {
        let digest = *digest;
        self.write(action, move |writing| {
            let found = first(writing.connection, INTROSPECT, [digest.bytes()], principal)?;
            let Some(principal) = found.filter(|found| found.is_active(writing.action.at)) else {
                return Ok(None);
            };
            run(writing.connection, DELETE_TOKEN, [digest.bytes()])?;
            writing.commit(Some(principal)).map(|done| done.value)
        })
        .await
    }

    async fn redeem_token(
        &self,
        digest: &TokenDigest,
        token: &NewToken,
        action: &Action,
    ) -> Result<Option<Committed<Principal>>, StoreError> {
        let (digest, token) = (*digest, token.clone());
        self.write(action, move |writing| {
            let found = first(writing.connection, INTROSPECT, [digest.bytes()], principal)?;
            let Some(principal) = found.filter(|found| found.is_active(writing.action.at)) else {
                return Ok(None);
            };
            let Some((number, account)) = writing.owner(&principal.session)? else {
                return Ok(None);
            };
            run(writing.connection, DELETE_TOKEN, [digest.bytes()])?;
            writing.add(number, &token)?;
            writing.reach(number, token.expires_at)?;
            let session = principal.session.to_string();
            writing.audit(&done("redeem", Some(&account), Some(&session)))?;
            writing.commit(principal).map(Some)
        })
        .await
    }

    async fn revoke_token(
        &self,
        digest: &TokenDigest,
        action: &Action,
    ) -> Result<Committed<bool>, StoreError> {
        let digest = *digest;
        self.write(action, move |mut writing| {
            let whose = first(writing.connection, OF_TOKEN, [digest.bytes()], session)?;
            let Some(Session { id, account, .. }) = whose else {
                return Ok(Committed::unchanged(false));
            };
            run(writing.connection, DELETE_TOKEN, [digest.bytes()])?;
            writing.audit(&RevocationCause::Revoked.audited(&account, &id))?;
            writing.feed(Subject::Session(id))?;
            writing.commit(true)
        })
        .await
    }

    async fn end_sessions(
        &self,
        which: &SessionSet,
        cause: RevocationCause,
        action: &Action,
    ) -> Result<Committed<Vec<SessionId>>, StoreError> {
        let which = which.clone();
        self.write(action, move |mut writing| {
            let candidates = match &which {
                SessionSet::One(id) => all(writing.connection, ONE, [id.bytes()], session)?,
                SessionSet::AllOf(account) | SessionSet::OthersOf(account, _) => {
                    of_account(writing.connection, account)?
                }
            };
            let ended = candidates.iter().filter(|one| which.contains(one));
            writing.end(ended.clone(), cause)?;
            let ids = ended.map(|session| session.id).collect();
            writing.commit(ids)
        })
        .await
    }

    async fn sessions(&self, of: Option<&AccountId>) -> Result<Vec<Session>, StoreError> {
        let of = of.cloned();
        self.lists
            .ask(move |connection| match of {
                Some(account) => of_account(connection, &account),
                None => all(connection, ALL, [], session),
            })
            .await
    }

    async fn touch_sessions(&self, used: &[(SessionId, Timestamp)]) -> Result<(), StoreError> {
        let used = used.to_vec();
        self.writer
            .ask(move |connection| {
                for (id, at) in used {
                    run(connection, TOUCH, params![id.bytes(), at.millis()])?;
                }
                Ok(())
            })
            .await
    }

    async fn sweep(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let ends = [
            before,
            before,
            before,
            before,
            before,
            before.before(ATTEMPTS_KEPT),
            before.before(CHANGES_KEPT),
        ];
        let steps = SWEEP.into_iter().zip(ends);
        let (mut left, steps) = (limit, steps.collect::<Vec<_>>());
        self.writer
            .ask(move |connection| {
                for (sql, before) in steps {
                    left -= run(connection, sql, params![before.millis(), rows::limit(left)])?
                        .min(left);
                }
                Ok(limit - left)
            })
            .await
    }
}

/// The sessions of an account, newest first.
pub(super) fn of_account(
    connection: &Connection,
    account: &AccountId,
) -> Result<Vec<Session>, StoreError> {
    all(connection, OF_ACCOUNT, [account.as_str()], session)
}

const ONE: &str = select_sessions!("WHERE s.id = ?1");
const ALL: &str = select_sessions!("ORDER BY s.created_at DESC, s.id");
const OF_ACCOUNT: &str = select_sessions!("WHERE a.id = ?1 ORDER BY s.created_at DESC, s.id");
const OF_TOKEN: &str =
    select_sessions!("WHERE s.number = (SELECT session FROM token WHERE digest = ?1)");
const DELETE_TOKEN: &str = "DELETE FROM token WHERE digest = ?1";
const TOUCH: &str =
    "UPDATE session SET last_used_at = MAX(COALESCE(last_used_at, ?2), ?2) WHERE id = ?1";

/// Tokens before their sessions. The feed's old entries stand at its beginning: no more than those are looked at.
const SWEEP: [&str; 7] = [
    "DELETE FROM token WHERE digest IN (SELECT digest FROM token WHERE expires_at < ?1 LIMIT ?2)",
    "DELETE FROM session WHERE number IN (SELECT number FROM session s WHERE expires_at < ?1 \
     AND NOT EXISTS (SELECT 1 FROM token WHERE session = s.number) LIMIT ?2)",
    "DELETE FROM link WHERE digest IN (SELECT digest FROM link WHERE expires_at < ?1 LIMIT ?2)",
    "DELETE FROM code WHERE session IN (SELECT session FROM code WHERE expires_at < ?1 LIMIT ?2)",
    "DELETE FROM ticket WHERE digest IN (SELECT digest FROM ticket WHERE expires_at < ?1 LIMIT ?2)",
    "DELETE FROM attempt WHERE number IN (SELECT number FROM attempt WHERE at < ?1 LIMIT ?2)",
    "DELETE FROM change WHERE sequence IN (SELECT sequence FROM change ORDER BY sequence LIMIT ?2) \
     AND at < ?1",
];
