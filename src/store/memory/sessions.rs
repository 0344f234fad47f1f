//! Sessions and tokens, in memory.

use std::sync::Arc;

use async_trait::async_trait;

use super::{MemoryStore, State, Token, Writing};
use crate::model::account::AccountStatus;
use crate::model::change::Subject;
use crate::model::id::{AccountId, SessionId};
use crate::model::principal::{LastUsed, Principal};
use crate::model::session::{RevocationCause, Session};
use crate::model::time::Timestamp;
use crate::model::token::TokenDigest;
use crate::store::codes::ATTEMPTS_KEPT;
use crate::store::journal::{done, failed};
use crate::store::sessions::{
    CHANGES_KEPT, FirstUse, NewToken, Rotated, Rotation, SessionSet, Sessions, Use, opened_event,
    reach,
};
use crate::store::{Action, Committed, StoreError};

#[async_trait]
impl Sessions for MemoryStore {
    async fn introspect(&self, digest: &TokenDigest) -> Result<Option<Principal>, StoreError> {
        Ok(self.read().principal(digest))
    }

    async fn open_session(
        &self,
        session: &Session,
        tokens: &[NewToken],
        action: &Action,
    ) -> Result<Option<Committed<()>>, StoreError> {
        let mut writing = self.write(action);
        if !writing.state.may_open(session) {
            return Ok(None);
        }
        writing.state.check_new(tokens)?;
        if writing.state.sessions.contains_key(&session.id) {
            return Err(StoreError::Corrupt("two sessions with one id".into()));
        }
        if let Some(client) = &session.client {
            let pair = (session.account.clone(), client.clone());
            writing.state.relations.entry(pair).or_default().known = true;
        }
        writing.state.sessions.insert(session.id, session.clone());
        for token in tokens {
            writing.add(session.id, token);
        }
        let object = session.id.to_string();
        writing.audit(done(
            opened_event(session),
            Some(&session.account),
            Some(&object),
        ));
        Ok(Some(writing.commit(())))
    }

    async fn add_token(
        &self,
        session: &SessionId,
        token: &NewToken,
        audited: &'static str,
        action: &Action,
    ) -> Result<Option<Committed<()>>, StoreError> {
        let mut writing = self.write(action);
        let Some(account) = writing.state.owner(session) else {
            return Ok(None);
        };
        writing.state.check_new(std::slice::from_ref(token))?;
        writing.add(*session, token);
        writing.audit(done(audited, Some(&account), Some(&session.to_string())));
        Ok(Some(writing.commit(())))
    }

    async fn rotate_refresh(
        &self,
        rotation: &Rotation,
        action: &Action,
    ) -> Result<Committed<Rotated>, StoreError> {
        let mut writing = self.write(action);
        let Some((session, account, shown)) = writing.state.shown(rotation, action.at) else {
            return Ok(Committed::unchanged(Rotated::Unknown));
        };
        let object = session.to_string();
        let (user, object) = (Some(&account), Some(object.as_str()));
        match shown {
            Use::First => {
                writing.state.check_new(&rotation.successors)?;
                writing.rotate(session, rotation);
                writing.audit(done("refresh", user, object));
                writing.feed(Subject::Session(session));
                Ok(writing.commit(Rotated::Done(session)))
            }
            Use::Again(first) => {
                writing.audit(done("refresh", user, object));
                Ok(writing.commit(first.replayed(session)))
            }
            Use::TooLate => {
                let cause = RevocationCause::RefreshReused;
                writing.audit(failed("refresh", cause.as_str(), user, object));
                writing.end(&[session], cause);
                Ok(writing.commit(Rotated::Reused(session)))
            }
        }
    }

    async fn consume_token(
        &self,
        digest: &TokenDigest,
        action: &Action,
    ) -> Result<Option<Principal>, StoreError> {
        let mut writing = self.write(action);
        let good = writing.state.principal(digest);
        let Some(principal) = good.filter(|principal| principal.is_active(action.at)) else {
            return Ok(None);
        };
        writing.state.tokens.remove(digest);
        Ok(Some(writing.commit(principal).value))
    }

    async fn redeem_token(
        &self,
        digest: &TokenDigest,
        token: &NewToken,
        action: &Action,
    ) -> Result<Option<Committed<Principal>>, StoreError> {
        let mut writing = self.write(action);
        let good = writing.state.principal(digest);
        let Some(principal) = good.filter(|principal| principal.is_active(action.at)) else {
            return Ok(None);
        };
        writing.state.check_new(std::slice::from_ref(token))?;
        writing.state.tokens.remove(digest);
        writing.add(principal.session, token);
        let (account, session) = (&principal.account.id, principal.session.to_string());
        writing.audit(done("redeem", Some(account), Some(&session)));
        Ok(Some(writing.commit(principal)))
    }

    async fn revoke_token(
        &self,
        digest: &TokenDigest,
        action: &Action,
    ) -> Result<Committed<bool>, StoreError> {
        let mut writing = self.write(action);
        let Some(Token { session, .. }) = writing.state.tokens.remove(digest) else {
            return Ok(Committed::unchanged(false));
        };
        if let Some(account) = writing.state.owner(&session) {
            writing.audit(RevocationCause::Revoked.audited(&account, &session));
        }
        writing.feed(Subject::Session(session));
        Ok(writing.commit(true))
    }

    async fn end_sessions(
        &self,
        which: &SessionSet,
        cause: RevocationCause,
        action: &Action,
    ) -> Result<Committed<Vec<SessionId>>, StoreError> {
        let mut writing = self.write(action);
        let ended = writing.state.session_ids(|session| which.contains(session));
        writing.end(&ended, cause);
        Ok(writing.commit(ended))
    }

    async fn sessions(&self, of: Option<&AccountId>) -> Result<Vec<Session>, StoreError> {
        let state = self.read();
        let wanted = (state.sessions.values())
            .filter(|session| of.is_none_or(|account| session.account == *account));
        let mut sessions: Vec<_> = wanted.cloned().collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.created_at));
        Ok(sessions)
    }

    async fn touch_sessions(&self, used: &[(SessionId, Timestamp)]) -> Result<(), StoreError> {
        let mut state = self.read();
        for (id, at) in used {
            if let Some(session) = state.sessions.get_mut(id) {
                session.last_used_at = session.last_used_at.max(Some(*at));
            }
        }
        Ok(())
    }

    async fn sweep(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let state = &mut *self.read();
        let mut left = limit;
        let mut forget = |is_old: bool| {
            let forgotten = is_old && left > 0;
            left -= usize::from(forgotten);
            forgotten
        };
        let is_over = |end: Option<Timestamp>| end.is_some_and(|end| end < before);
        let tokens = &mut state.tokens;
        tokens.retain(|_, token| !forget(is_over(token.facts.expires_at)));
        state.sessions.retain(|id, session| {
            let is_empty = || !tokens.values().any(|token| token.session == *id);
            !(is_over(session.expires_at) && is_empty() && forget(true))
        });
        state
            .links
            .retain(|_, link| !forget(link.expires_at < before));
        state
            .codes
            .retain(|_, code| !forget(code.expires_at < before));
        state
            .tickets
            .retain(|_, ticket| !forget(ticket.expires_at < before));
        let counted_since = before.before(ATTEMPTS_KEPT);
        state
            .attempts
            .retain(|(_, _, at)| !forget(*at < counted_since));
        let kept_since = before.before(CHANGES_KEPT);
        state.changes.retain(|(at, _)| !forget(*at < kept_since));
        Ok(limit - left)
    }
}

impl State {
    pub(super) fn session_ids(&self, wanted: impl Fn(&Session) -> bool) -> Vec<SessionId> {
        let sessions = self.sessions.values();
        sessions.filter(|s| wanted(s)).map(|s| s.id).collect()
    }

    pub(super) fn owner(&self, session: &SessionId) -> Option<AccountId> {
        self.sessions.get(session).map(|s| s.account.clone())
    }

    fn principal(&self, digest: &TokenDigest) -> Option<Principal> {
        let Token { session, facts, .. } = self.tokens.get(digest)?;
        let session = self.sessions.get(session)?;
        let account = &self.accounts.get(&session.account)?.account;
        (account.status == AccountStatus::Active).then(|| Principal {
            account: Arc::new(account.clone()),
            client: session.client.clone(),
            session: session.id,
            token: facts.id,
            kind: facts.kind,
            scopes: session.scopes.as_slice().into(),
            issued_at: facts.issued_at,
            expires_at: facts.expires_at,
            last_used: LastUsed::at(session.last_used_at),
        })
    }

    fn may_open(&self, session: &Session) -> bool {
        let is_active = self
            .accounts
            .get(&session.account)
            .is_some_and(|stored| stored.account.status == AccountStatus::Active);
        is_active
            && session.client.as_ref().is_none_or(|client| {
                let pair = (session.account.clone(), client.clone());
                let relation = self.relations.get(&pair);
                self.clients.contains_key(client) && !relation.is_some_and(|r| r.refused)
            })
    }

    pub(super) fn check_new(&self, tokens: &[NewToken]) -> Result<(), StoreError> {
        if tokens.iter().any(|t| self.tokens.contains_key(&t.digest)) {
            return Err(StoreError::Corrupt("two tokens with one digest".into()));
        }
        Ok(())
    }

    fn shown(&self, rotation: &Rotation, at: Timestamp) -> Option<(SessionId, AccountId, Use)> {
        let token = self.tokens.get(&rotation.refresh)?;
        let session = self.sessions.get(&token.session)?;
        let shown = Use::of(
            token.facts.kind,
            token.facts.expires_at,
            token.first_use.clone(),
            at,
        )?;
        (session.client == rotation.client).then(|| (session.id, session.account.clone(), shown))
    }
}

impl Writing<'_> {
    pub(super) fn add(&mut self, session: SessionId, token: &NewToken) {
        let state = &mut *self.state;
        if let Some(session) = state.sessions.get_mut(&session) {
            session.expires_at = reach(session.expires_at, token.expires_at);
        }
        let stored = Token {
            session,
            facts: token.clone(),
            first_use: None,
        };
        state.tokens.insert(token.digest, stored);
    }

    fn rotate(&mut self, session: SessionId, rotation: &Rotation) {
        let kinds = rotation.successors.each_ref().map(|token| token.kind);
        let of_session = (self.state.tokens.values_mut()).filter(|token| token.session == session);
        for other in of_session {
            if other.facts.digest == rotation.refresh {
                other.first_use = Some(FirstUse::of(rotation));
            } else if other.first_use.is_none() && kinds.contains(&other.facts.kind) {
                let end = other.facts.expires_at.unwrap_or(rotation.replay_until);
                other.facts.expires_at = Some(end.min(rotation.replay_until));
            }
        }
        for token in &rotation.successors {
            self.add(session, token);
        }
    }
}
