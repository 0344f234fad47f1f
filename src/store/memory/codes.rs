//! Verification codes, in memory.

use std::time::Duration;

use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::config::section::Rate;
use crate::model::id::AccountId;
use crate::model::time::Timestamp;
use crate::store::codes::{
    Attempt, CodePut, CodeTried, CodeTry, Codes, LiveCode, NewCode, reach_back, wait,
};
use crate::store::journal::{done, failed};
use crate::store::sessions::NewToken;
use crate::store::{Action, Committed, StoreError, Thing};

#[async_trait]
impl Codes for MemoryStore {
    async fn put_code(
        &self,
        code: &NewCode,
        limit: Rate,
        action: &Action,
    ) -> Result<CodePut, StoreError> {
        let mut writing = self.write(action);
        let account = writing.state.owner(&code.session);
        let account = account.ok_or(StoreError::Missing(Thing::Session))?;
        let state = &mut *writing.state;
        if let Some(retry_after) = state.limited(&account, Attempt::Mail, limit, action.at) {
            return Ok(CodePut::TooMany { retry_after });
        }
        state.attempts.push((account, Attempt::Mail, action.at));
        let code = LiveCode {
            session: code.session,
            digest: code.digest,
            wrong: 0,
            expires_at: code.expires_at,
        };
        state.codes.insert(code.session, code);
        let Committed { .. } = writing.commit(());
        Ok(CodePut::Queued)
    }

    async fn try_code(
        &self,
        tried: &CodeTry,
        elevated: &NewToken,
        action: &Action,
    ) -> Result<CodeTried, StoreError> {
        let mut writing = self.write(action);
        let account = writing.state.owner(&tried.session);
        let account = account.ok_or(StoreError::Missing(Thing::Session))?;
        let state = &mut *writing.state;
        let limit = tried.per_account;
        if let Some(retry_after) = state.limited(&account, Attempt::Wrong, limit, action.at) {
            return Ok(CodeTried::UsedUp { retry_after });
        }
        let verdict = tried.judge(&state.live_codes(&account, action.at), action.at);
        let object = tried.session.to_string();
        let (user, object) = (Some(&account), Some(object.as_str()));
        match verdict {
            CodeTried::Good => {
                state.check_new(std::slice::from_ref(elevated))?;
                state.codes.remove(&tried.session);
                writing.add(tried.session, elevated);
                writing.audit(done("elevate", user, object));
            }
            CodeTried::Wrong => {
                for live in state.live_codes(&account, action.at) {
                    if let Some(code) = state.codes.get_mut(&live.session) {
                        code.wrong += 1;
                    }
                }
                let attempt = (account.clone(), Attempt::Wrong, action.at);
                state.attempts.push(attempt);
                writing.audit(failed("elevate", "wrong_code", user, object));
            }
            CodeTried::UsedUp { .. } => return Ok(verdict),
        }
        let Committed { .. } = writing.commit(());
        Ok(verdict)
    }
}

impl State {
    pub(super) fn limited(
        &self,
        account: &AccountId,
        what: Attempt,
        limit: Rate,
        at: Timestamp,
    ) -> Option<Duration> {
        let of_account =
            |attempt: &&(AccountId, Attempt, Timestamp)| attempt.0 == *account && attempt.1 == what;
        let attempts = self.attempts.iter().filter(of_account);
        let mut times: Vec<Timestamp> = attempts.map(|(_, _, at)| *at).collect();
        times.sort_unstable_by_key(|at| std::cmp::Reverse(*at));
        let last = usize::try_from(reach_back(limit)).ok();
        wait(limit, last.and_then(|last| times.get(last)).copied(), at)
    }

    fn live_codes(&self, account: &AccountId, at: Timestamp) -> Vec<LiveCode> {
        let is_live = |code: &&LiveCode| {
            at < code.expires_at && self.owner(&code.session).as_ref() == Some(account)
        };
        self.codes.values().filter(is_live).cloned().collect()
    }
}
