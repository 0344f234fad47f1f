//! Verification codes, and the tries and mails that are counted of them.
//!
//! A code is one session's, and a newer one takes its place. A wrong try counts on its account for a while and on every
//! code of the account that is still good, whichever session made it: a guess does not say which code it aims at.

use std::time::Duration;

use async_trait::async_trait;

use super::sessions::NewToken;
use super::{Action, StoreError};
use crate::config::section::Rate;
use crate::model::id::SessionId;
use crate::model::time::Timestamp;
use crate::model::token::TokenDigest;

/// What the store does for verification codes.
#[async_trait]
pub trait Codes {
    /// Keeps a session's new code in the place of its older one, and queues the mail that tells it, unless the account was
    /// mailed as many as `limit` allows. Not audited by itself.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the session ended.
    async fn put_code(
        &self,
        code: &NewCode,
        limit: Rate,
        action: &Action,
    ) -> Result<CodePut, StoreError>;

    /// Tries a code. A good one is used up and adds `elevated` to its session, audited as `elevate`; a wrong one is
    /// counted, and audited as a failed `elevate`. Each in one step, so that no two tries use the same count.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the session ended.
    async fn try_code(
        &self,
        tried: &CodeTry,
        elevated: &NewToken,
        action: &Action,
    ) -> Result<CodeTried, StoreError>;
}

/// A code to be kept.
#[derive(Debug, Clone)]
pub struct NewCode {
    /// Whose it is.
    pub session: SessionId,
    /// What is stored of it.
    pub digest: TokenDigest,
    /// From when on it is not good.
    pub expires_at: Timestamp,
}

/// What became of a new code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodePut {
    /// It is kept, and its mail is queued.
    Queued,
    /// The account got too many mails; nothing was done.
    TooMany {
        /// When the next may go out.
        retry_after: Duration,
    },
}

/// One try of a code.
#[derive(Debug, Clone)]
pub struct CodeTry {
    /// The session that tries.
    pub session: SessionId,
    /// The digest of what was typed; `None` if that cannot be a code.
    pub digest: Option<TokenDigest>,
    /// How many wrong tries end a code.
    pub per_code: u32,
    /// How many wrong tries an account has.
    pub per_account: Rate,
}

/// What became of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeTried {
    /// It was the session's code: that is used up, and the token is added.
    Good,
    /// It was not, and is counted.
    Wrong,
    /// No try is left; nothing was looked at or counted.
    UsedUp {
        /// When there are tries again, should no newer code come before.
        retry_after: Duration,
    },
}

/// What is counted of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// A mail with a code.
    Mail,
    /// A wrong try.
    Wrong,
}

/// A code of an account that has not expired.
#[derive(Debug, Clone)]
pub(super) struct LiveCode {
    pub(super) session: SessionId,
    pub(super) digest: TokenDigest,
    pub(super) wrong: u32,
    pub(super) expires_at: Timestamp,
}

impl Attempt {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Wrong => "wrong",
        }
    }
}

impl CodeTry {
    /// Judges a try by the account's codes that are still good. A session's own code decides; without one, a code of the
    /// account that is used up does, whoever used it up.
    pub(super) fn judge(&self, live: &[LiveCode], at: Timestamp) -> CodeTried {
        let is_own = |code: &&LiveCode| code.session == self.session;
        let is_used_up = |code: &&LiveCode| code.wrong >= self.per_code;
        let own = live.iter().find(is_own);
        let used_up = own.map_or_else(
            || live.iter().find(is_used_up),
            |own| Some(own).filter(is_used_up),
        );
        if let Some(code) = used_up {
            return CodeTried::UsedUp {
                retry_after: code.expires_at.since(at),
            };
        }
        let is_good = own
            .zip(self.digest.as_ref())
            .is_some_and(|(code, shown)| code.digest.matches(shown));
        if is_good {
            CodeTried::Good
        } else {
            CodeTried::Wrong
        }
    }
}

/// How long a rate still has to be waited for, if it is exhausted: `last` is when the attempt that counts as the first of
/// the allowed ones was made, seen from the newest.
pub(super) fn wait(limit: Rate, last: Option<Timestamp>, at: Timestamp) -> Option<Duration> {
    let free = last?.after(limit.per);
    (at < free).then(|| free.since(at))
}

/// How far from the newest the attempt is that [`wait`] wants.
pub(super) const fn reach_back(limit: Rate) -> u32 {
    limit.count.saturating_sub(1)
}

/// How long before the time of a [`sweep`](super::Sessions::sweep) attempts are kept: as long as any rate looks back.
pub const ATTEMPTS_KEPT: Duration = Duration::from_hours(1);
