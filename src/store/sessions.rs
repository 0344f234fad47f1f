//! Sessions and the digests of their tokens.

use std::time::Duration;

use async_trait::async_trait;

use super::journal::done;
use super::{Action, Committed, StoreError};
use crate::model::audit::AuditEvent;
use crate::model::id::{AccountId, ClientId, SessionId, TokenId};
use crate::model::principal::Principal;
use crate::model::session::{RevocationCause, Session};
use crate::model::time::Timestamp;
use crate::model::token::{RotationNonce, TokenDigest, TokenKind};

/// What the store does for sessions.
#[async_trait]
pub trait Sessions {
    /// Whom a token stands for, whatever it is allowed to do; `None` if it is unknown, its session ended, or its account
    /// is not active. It may have expired: the caller has the clock. One point read, 6–25 µs on SQLite.
    async fn introspect(&self, digest: &TokenDigest) -> Result<Option<Principal>, StoreError>;

    /// Opens a session with its first tokens. In the same transaction the account must be active and the client, if one
    /// is named, known and not refused: `None` if not, and nothing is written. Remembers that the account signed in to
    /// the client. Audited as `login` for a login, as `token.issue` for a named API token.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if its id or a digest is there already, which randomness does not let happen.
    async fn open_session(
        &self,
        session: &Session,
        tokens: &[NewToken],
        action: &Action,
    ) -> Result<Option<Committed<()>>, StoreError>;

    /// Adds a token to a session that is still open; `None` if it is not. Audited as `audited` says.
    async fn add_token(
        &self,
        session: &SessionId,
        token: &NewToken,
        audited: &'static str,
        action: &Action,
    ) -> Result<Option<Committed<()>>, StoreError>;

    /// Takes a refresh token once and puts its successors in its place, in one atomic step. Audited as `refresh`, unless
    /// it is unknown, and as `revoke` too if it ended the session; feeds the session if it changed.
    async fn rotate_refresh(
        &self,
        rotation: &Rotation,
        action: &Action,
    ) -> Result<Committed<Rotated>, StoreError>;

    /// Takes a single-use token (the `state` of an attempt to link an account) that is good at `action.at` and returns whom
    /// it stood for; `None` if it is not. A second call with the same digest gets `None`.
    async fn consume_token(
        &self,
        digest: &TokenDigest,
        action: &Action,
    ) -> Result<Option<Principal>, StoreError>;

    /// Takes a single-use token (a hand-off code) that is good at `action.at` and adds another to its session in its place;
    /// `None` if it is not. In one step, so that nothing is used up for nothing. Audited as `redeem`.
    async fn redeem_token(
        &self,
        digest: &TokenDigest,
        token: &NewToken,
        action: &Action,
    ) -> Result<Option<Committed<Principal>>, StoreError>;

    /// Revokes one token and leaves its session; false if it was not there. Audited as `revoke`; feeds the session.
    async fn revoke_token(
        &self,
        digest: &TokenDigest,
        action: &Action,
    ) -> Result<Committed<bool>, StoreError>;

    /// Ends sessions and every token of theirs, and returns those that ended. Audited as `logout` for
    /// [`RevocationCause::Logout`], as `revoke` otherwise; feeds each session.
    async fn end_sessions(
        &self,
        which: &SessionSet,
        cause: RevocationCause,
        action: &Action,
    ) -> Result<Committed<Vec<SessionId>>, StoreError>;

    /// Open sessions, newest first; those of named API tokens have a label.
    async fn sessions(&self, of: Option<&AccountId>) -> Result<Vec<Session>, StoreError>;

    /// Notes when sessions were last used. Not audited, not fed, may be lost in a crash.
    async fn touch_sessions(&self, used: &[(SessionId, Timestamp)]) -> Result<(), StoreError>;

    /// Forgets up to `limit` tokens, sessions, links, codes and tickets that expired before `before`, attempts an hour older than
    /// that, and feed entries a day older; returns how many. Call until zero.
    async fn sweep(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}

/// How long before the time of a [`Sessions::sweep`] feed entries are kept: far longer than any follower may lag.
pub const CHANGES_KEPT: Duration = Duration::from_hours(24);

/// A token to be stored.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What is stored of it; for a keyed token the digest of the pair.
    pub digest: TokenDigest,
    /// Its kind.
    pub kind: TokenKind,
    /// Its own name, if it has one.
    pub id: Option<TokenId>,
    /// When it was made.
    pub issued_at: Timestamp,
    /// From when on it is not good; `None` if not by time.
    pub expires_at: Option<Timestamp>,
}

/// One refresh.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The client that shows it; another session's client makes it unknown.
    pub client: Option<ClientId>,
    /// The digest of the refresh token that was shown; of its pair with the key, where it came with one.
    pub refresh: TokenDigest,
    /// What the successors were derived with, should this be the first time.
    pub nonce: RotationNonce,
    /// The successors: an access or keyed token, and a refresh token.
    pub successors: [NewToken; 2],
    /// How long the same refresh token gets the same answer, and the tokens before it stay good, counted from its first
    /// use.
    pub replay_until: Timestamp,
}

/// What became of a refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotated {
    /// It was the first time: the successors are stored, and the session's other tokens of their kinds expire at
    /// `replay_until` at the latest.
    Done(SessionId),
    /// It was done before, within the window: derive the successors with this nonce.
    Replayed {
        /// Whose refresh it is.
        session: SessionId,
        /// The first rotation's nonce.
        nonce: RotationNonce,
        /// When the successor access token was made.
        issued_at: Timestamp,
        /// When it expires.
        expires_at: Option<Timestamp>,
    },
    /// It was done before, outside the window: the session is ended.
    Reused(SessionId),
    /// It is unknown, expired, or its session ended.
    Unknown,
}

/// Which sessions to end.
#[derive(Debug, Clone)]
pub enum SessionSet {
    /// One.
    One(SessionId),
    /// All of an account, named API tokens included.
    AllOf(AccountId),
    /// All logins of an account but one; named API tokens stay.
    OthersOf(AccountId, SessionId),
}

/// The first use of a refresh token: what a repetition is answered with.
#[derive(Debug, Clone)]
pub(super) struct FirstUse {
    pub(super) nonce: RotationNonce,
    pub(super) replay_until: Timestamp,
    pub(super) issued_at: Timestamp,
    pub(super) expires_at: Option<Timestamp>,
}

/// What showing a refresh token means.
#[derive(Debug)]
pub(super) enum Use {
    First,
    Again(FirstUse),
    TooLate,
}

impl FirstUse {
    pub(super) fn of(rotation: &Rotation) -> Self {
        let [access, _] = &rotation.successors;
        Self {
            nonce: rotation.nonce,
            replay_until: rotation.replay_until,
            issued_at: access.issued_at,
            expires_at: access.expires_at,
        }
    }

    pub(super) const fn replayed(&self, session: SessionId) -> Rotated {
        Rotated::Replayed {
            session,
            nonce: self.nonce,
            issued_at: self.issued_at,
            expires_at: self.expires_at,
        }
    }
}

impl Use {
    /// Judges a refresh token that was found; `None` if it means nothing. A repetition within the window gets its answer
    /// even if the token expired meanwhile.
    pub(super) fn of(
        kind: TokenKind,
        expires_at: Option<Timestamp>,
        first_use: Option<FirstUse>,
        at: Timestamp,
    ) -> Option<Self> {
        let is_expired = expires_at.is_some_and(|end| end <= at);
        match first_use {
            _ if kind != TokenKind::Refresh => None,
            Some(first) if at < first.replay_until => Some(Self::Again(first)),
            _ if is_expired => None,
            Some(_) => Some(Self::TooLate),
            None => Some(Self::First),
        }
    }
}

impl SessionSet {
    pub(super) fn contains(&self, session: &Session) -> bool {
        match self {
            Self::One(id) => session.id == *id,
            Self::AllOf(account) => session.account == *account,
            Self::OthersOf(account, but) => {
                session.account == *account && session.id != *but && session.label.is_none()
            }
        }
    }
}

impl RevocationCause {
    /// The record of a session that ended.
    pub(super) fn audited(self, account: &AccountId, session: &SessionId) -> AuditEvent {
        let event = if self == Self::Logout {
            "logout"
        } else {
            "revoke"
        };
        AuditEvent {
            reason: Some(self.as_str()),
            ..done(event, Some(account), Some(&session.to_string()))
        }
    }
}

/// What opening a session is audited as.
pub(super) const fn opened_event(session: &Session) -> &'static str {
    if session.label.is_some() {
        "token.issue"
    } else {
        "login"
    }
}

/// The end of a session that gets another token; `None` is never.
pub(super) fn reach(session: Option<Timestamp>, token: Option<Timestamp>) -> Option<Timestamp> {
    Some(session?.max(token?))
}
