//! Sessions and the digests of their tokens.

use async_trait::async_trait;

use super::{Action, Committed, StoreError};
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

    /// Takes a refresh token once and puts its successors in its place, in one atomic step. Audited as `refresh`; feeds
    /// the session.
    async fn rotate_refresh(
        &self,
        rotation: &Rotation,
        action: &Action,
    ) -> Result<Committed<Rotated>, StoreError>;

    /// Takes a single-use token (a hand-off code) that is good at `action.at` and returns whom it stood for; `None` if it
    /// is not. A second call with the same digest gets `None`.
    async fn consume_token(
        &self,
        digest: &TokenDigest,
        action: &Action,
    ) -> Result<Option<Principal>, StoreError>;

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

    /// Forgets up to `limit` tokens, sessions and links that expired before `before`; returns how many. Call until zero.
    async fn sweep(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}

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
