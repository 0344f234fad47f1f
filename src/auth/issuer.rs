//! Giving and ending sessions.
//!
//! The issuer makes tokens, puts their digests into the store together with the audit record and the feed entry, and has
//! the verifier forget what is no longer true before it answers. How one logs in, refreshes and registers is told in the
//! files of those names.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::factors::FactorService;
use super::hasher::Hasher;
use super::letters::Letters;
pub use super::login::{Login, LoginError};
pub use super::refresh::{Refresh, RefreshError};
pub use super::register::{RegisterError, Registration};
pub use super::second_step::{SecondStep, Shown, StepError, TICKET_TTL, Waiting};
use super::throttle::Throttle;
use super::verifier::Verifier;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::model::account::Account;
use crate::model::audit::Actor;
use crate::model::id::{AccountId, ClientId, SessionId, TokenId};
use crate::model::principal::Principal;
use crate::model::scope::Scope;
use crate::model::session::{Dialect, RevocationCause, Session};
use crate::model::time::{Now, Timestamp};
use crate::model::token::{PlainToken, TokenDigest, TokenKind};
use crate::store::sessions::{NewToken, SessionSet};
use crate::store::{Action, SharedStore, StoreError, Thing};

/// Gives tokens to those who prove who they are.
#[derive(Debug)]
pub struct Issuer {
    pub(super) store: SharedStore,
    pub(super) verifier: Arc<Verifier>,
    pub(super) hasher: Arc<Hasher>,
    pub(super) throttle: Arc<Throttle>,
    pub(super) letters: Arc<Letters>,
    pub(super) factors: Arc<FactorService>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) min_length: usize,
    pub(super) confirm_email: bool,
}

/// What a session is opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// A key, a keyed token and a refresh token (seed 001).
    Keyed {
        /// How long the keyed token is good.
        access_ttl: Duration,
        /// How long the refresh token is good.
        refresh_ttl: Duration,
    },
    /// An access token (seed 003).
    Access {
        /// How long it is good; `None` if it does not expire by time.
        ttl: Option<Duration>,
    },
    /// A session token (seed 000).
    Session {
        /// How long it is good.
        ttl: Duration,
    },
    /// A code that is changed for a session token (seed 000).
    Code {
        /// How long it is good.
        ttl: Duration,
    },
    /// The token of a browser session, for our cookie.
    Browser {
        /// How long it is good.
        ttl: Duration,
    },
}

/// A session that was opened or refreshed, with the secrets that its holder gets.
#[derive(Debug)]
pub struct Issued {
    /// Whose it is.
    pub account: Arc<Account>,
    /// Which it is.
    pub session: SessionId,
    /// The public half of a keyed pair.
    pub key: Option<PlainToken>,
    /// The token that authenticates.
    pub token: PlainToken,
    /// The refresh token, if there is one.
    pub refresh: Option<PlainToken>,
    /// When `token` expires; `None` if not by time.
    pub expires_at: Option<Timestamp>,
}

/// A named API token to be made.
#[derive(Debug, Clone)]
pub struct ApiToken {
    /// Whose it will be.
    pub account: AccountId,
    /// What it is called in lists.
    pub label: Box<str>,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it expires; `None` if not by time.
    pub expires_at: Option<Timestamp>,
}

/// The tokens of one grant, and what is stored of them.
pub(super) struct Minted {
    pub(super) key: Option<PlainToken>,
    pub(super) token: PlainToken,
    pub(super) refresh: Option<PlainToken>,
    pub(super) stored: Vec<NewToken>,
    pub(super) expires_at: Option<Timestamp>,
}

/// For whom and by which way a session is opened.
pub(super) struct Opening<'a> {
    pub(super) account: &'a AccountId,
    pub(super) client: Option<&'a ClientId>,
    pub(super) dialect: Dialect,
    pub(super) grant: Grant,
}

impl Issuer {
    pub(super) fn new(
        config: &Config,
        (store, verifier): (SharedStore, Arc<Verifier>),
        metrics: Arc<Metrics>,
        hasher: Arc<Hasher>,
        (letters, factors): (Arc<Letters>, Arc<FactorService>),
    ) -> Self {
        Self {
            store,
            verifier,
            hasher,
            throttle: Arc::new(Throttle::new(&config.throttle)),
            confirm_email: config.accounts.confirm_email,
            letters,
            factors,
            metrics,
            min_length: config.password.min_length,
        }
    }

    /// Ends a principal's session with all its tokens. In effect here when it returns.
    ///
    /// # Errors
    /// If the store cannot answer; the session goes on then.
    pub async fn logout(
        &self,
        principal: &Principal,
        ip: Option<IpAddr>,
        now: Now,
    ) -> Result<(), StoreError> {
        let actor = Actor::Account(principal.account.id.clone());
        let action = Action::new(now.wall, actor, ip);
        let (which, cause) = (SessionSet::One(principal.session), RevocationCause::Logout);
        let ended = self.store.end_sessions(&which, cause, &action).await?;
        self.verifier.forget(&ended.changes);
        self.metrics.count_revocations(cause, ended.value.len());
        Ok(())
    }

    /// Makes a named API token. Its secret is known from here on to its holder alone.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if there is no such account or it is disabled.
    pub async fn issue_api_token(
        &self,
        token: ApiToken,
        action: &Action,
    ) -> Result<(SessionId, PlainToken), StoreError> {
        let plain = PlainToken::generate(TokenKind::Api);
        let stored = NewToken::of(&plain, plain.digest(), action.at, token.expires_at);
        let session = Session {
            id: SessionId::generate(),
            account: token.account,
            client: None,
            dialect: Dialect::API.as_str().into(),
            label: Some(token.label),
            scopes: token.scopes,
            remote_ip: action.ip,
            created_at: action.at,
            last_used_at: None,
            expires_at: token.expires_at,
        };
        let opened = self.store.open_session(&session, &[stored], action).await?;
        let opened = opened.ok_or(StoreError::Missing(Thing::Account))?;
        self.verifier.forget(&opened.changes);
        Ok((session.id, plain))
    }

    /// Adds an elevated token to a principal's session (seed 002), for who has just proved themselves again; `None` if the
    /// session ended meanwhile.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn elevate(
        &self,
        principal: &Principal,
        ttl: Duration,
        action: &Action,
    ) -> Result<Option<(TokenId, PlainToken)>, StoreError> {
        let plain = PlainToken::generate(TokenKind::Elevated);
        let id = TokenId::generate();
        let stored = NewToken {
            id: Some(id),
            ..NewToken::of(
                &plain,
                plain.digest(),
                action.at,
                Some(action.at.after(ttl)),
            )
        };
        let session = &principal.session;
        let added = self.store.add_token(session, &stored, "elevate", action);
        Ok(added.await?.map(|committed| {
            self.verifier.forget(&committed.changes);
            (id, plain)
        }))
    }

    /// Opens a session for somebody who has proved who they are; `None` if the account or client does not allow it after
    /// all.
    pub(super) async fn open(
        &self,
        opening: Opening<'_>,
        action: &Action,
    ) -> Result<Option<(SessionId, Minted)>, StoreError> {
        let minted = Minted::by(opening.grant, action.at);
        let session = Session {
            id: SessionId::generate(),
            account: opening.account.clone(),
            client: opening.client.cloned(),
            dialect: opening.dialect.as_str().into(),
            label: None,
            scopes: Vec::new(),
            remote_ip: action.ip,
            created_at: action.at,
            last_used_at: Some(action.at),
            expires_at: minted.last_expiry(),
        };
        let opened = self.store.open_session(&session, &minted.stored, action);
        Ok(opened.await?.map(|committed| {
            self.verifier.forget(&committed.changes);
            (session.id, minted)
        }))
    }
}

impl Minted {
    fn by(grant: Grant, now: Timestamp) -> Self {
        match grant {
            Grant::Keyed {
                access_ttl,
                refresh_ttl,
            } => Self::keyed(now, now.after(access_ttl), now.after(refresh_ttl)),
            Grant::Access { ttl } => {
                Self::single(TokenKind::Access, now, ttl.map(|ttl| now.after(ttl)))
            }
            Grant::Session { ttl } => Self::single(TokenKind::Session, now, Some(now.after(ttl))),
            Grant::Code { ttl } => Self::single(TokenKind::Handoff, now, Some(now.after(ttl))),
            Grant::Browser { ttl } => Self::single(TokenKind::Browser, now, Some(now.after(ttl))),
        }
    }

    fn single(kind: TokenKind, now: Timestamp, expires_at: Option<Timestamp>) -> Self {
        let token = PlainToken::generate(kind);
        Self {
            stored: vec![NewToken::of(&token, token.digest(), now, expires_at)],
            key: None,
            token,
            refresh: None,
            expires_at,
        }
    }

    fn keyed(now: Timestamp, access_end: Timestamp, refresh_end: Timestamp) -> Self {
        let key = PlainToken::generate(TokenKind::Key);
        let token = PlainToken::generate(TokenKind::Keyed);
        let refresh = PlainToken::generate(TokenKind::Refresh);
        Self {
            stored: vec![
                NewToken::paired(&key, &token, now, Some(access_end)),
                NewToken::paired(&key, &refresh, now, Some(refresh_end)),
            ],
            key: Some(key),
            token,
            refresh: Some(refresh),
            expires_at: Some(access_end),
        }
    }

    fn last_expiry(&self) -> Option<Timestamp> {
        let ends: Option<Vec<Timestamp>> = self.stored.iter().map(|t| t.expires_at).collect();
        ends.and_then(|ends| ends.into_iter().max())
    }
}

impl NewToken {
    /// What is stored of a token of a pair: neither half is found without the other.
    pub(super) fn paired(
        key: &PlainToken,
        token: &PlainToken,
        issued_at: Timestamp,
        expires_at: Option<Timestamp>,
    ) -> Self {
        Self::of(
            token,
            TokenDigest::of_pair(key, token),
            issued_at,
            expires_at,
        )
    }

    pub(super) fn of(
        token: &PlainToken,
        digest: TokenDigest,
        issued_at: Timestamp,
        expires_at: Option<Timestamp>,
    ) -> Self {
        Self {
            digest,
            kind: token.kind(),
            id: None,
            issued_at,
            expires_at,
        }
    }
}
