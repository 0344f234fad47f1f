//! Proving oneself again (seed 002): a code by mail or of a second factor, and the elevated token that it is exchanged for.
//!
//! The code goes to the address that was confirmed and to no other. An account that has second factors may show a code of
//! theirs instead, for which nothing is mailed. How often it may be mailed and tried is counted by the
//! store, in the step that mails or tries it. What an elevated token opens is the routes' matter.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::factors::{FactorError, FactorService, Proved, Purpose, TypedCode};
use super::keys::Asked;
use super::letters::Letters;
use crate::config::section::Rate;
use crate::metrics::Metrics;
use crate::model::audit::Actor;
use crate::model::code::VerificationCode;
use crate::model::id::{SessionId, TokenId};
use crate::model::principal::Principal;
use crate::model::time::Timestamp;
use crate::model::token::{PlainToken, TokenKind};
use crate::store::codes::{CodePut, CodeTried, CodeTry, NewCode};
use crate::store::sessions::NewToken;
use crate::store::{Action, Committed, SharedStore, StoreError, Thing};

/// Mails codes, and takes them for elevated tokens.
#[derive(Debug)]
pub struct Elevator {
    pub(super) store: SharedStore,
    pub(super) letters: Arc<Letters>,
    pub(super) factors: Arc<FactorService>,
    pub(super) metrics: Arc<Metrics>,
}

/// An elevated token, as its holder gets it.
#[derive(Debug)]
pub struct Elevated {
    /// Its own name.
    pub id: TokenId,
    /// The secret.
    pub token: PlainToken,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Why there is no code or no elevated token.
#[derive(Debug, thiserror::Error)]
pub enum ElevationError {
    /// The account has no confirmed address, or mail is off.
    #[error("no code can be mailed: the account has no confirmed e-mail address, or mail is off")]
    Unmailable,
    /// The account was mailed a code too often of late.
    #[error("too many codes were mailed")]
    TooManyMails {
        /// When the next may be asked for.
        retry_after: Duration,
    },
    /// It is neither the newest code that this session asked for nor one of a second factor, or it is no longer good.
    #[error("the code is not good")]
    WrongCode,
    /// No try is left.
    #[error("too many codes were tried")]
    TriesUsedUp {
        /// When there are tries again.
        retry_after: Duration,
    },
    /// The session ended, or the store cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Elevator {
    /// Makes a code for a principal's session and mails it, good for `ttl`. Older codes of the session are good no longer.
    /// The mail is queued: when it leaves, and whether it can, nobody waits for.
    ///
    /// # Errors
    /// [`ElevationError::Unmailable`], [`ElevationError::TooManyMails`], or the store's.
    pub async fn request(
        &self,
        principal: &Principal,
        ttl: Duration,
        action: &Action,
    ) -> Result<(), ElevationError> {
        let sent = self.send(principal, ttl, action).await;
        self.count("request", sent.as_ref().err());
        sent
    }

    /// Takes a code for an elevated token of the principal's session, good for `ttl`.
    ///
    /// # Errors
    /// [`ElevationError::WrongCode`], [`ElevationError::TriesUsedUp`], or the store's.
    pub async fn verify(
        &self,
        principal: &Principal,
        typed: &str,
        ttl: Duration,
        (at, ip): (Timestamp, Option<IpAddr>),
    ) -> Result<Elevated, ElevationError> {
        let elevated = self.exchange(principal, typed, ttl, at, ip).await;
        self.count("verify", elevated.as_ref().err());
        elevated
    }

    /// What a browser is asked a security key of the principal's account with; `None` if there is none to ask.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn ask_key(
        &self,
        principal: &Principal,
        (at, ip): (Timestamp, Option<IpAddr>),
    ) -> Result<Option<serde_json::Value>, StoreError> {
        let asked = Asked::Session(principal.session);
        let action = action(principal, at, ip);
        let account = &principal.account.id;
        self.factors.ask_to_sign(account, asked, &action).await
    }

    /// Takes a security key's signature, asked for with [`Self::ask_key`], for an elevated token of the principal's session.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub async fn verify_key(
        &self,
        principal: &Principal,
        answer: &str,
        ttl: Duration,
        (at, ip): (Timestamp, Option<IpAddr>),
    ) -> Result<Elevated, ElevationError> {
        let elevated = self.exchange_key(principal, answer, ttl, at, ip).await;
        self.count("verify", elevated.as_ref().err());
        elevated
    }

    async fn exchange_key(
        &self,
        principal: &Principal,
        answer: &str,
        ttl: Duration,
        at: Timestamp,
        ip: Option<IpAddr>,
    ) -> Result<Elevated, ElevationError> {
        let (account, asked) = (&principal.account.id, Asked::Session(principal.session));
        let action = action(principal, at, ip);
        let proved = self.factors.prove_with_key(account, asked, answer, &action);
        let proved = proved.await?;
        self.elevate(&proved, principal.session, ttl, &action).await
    }

    async fn send(
        &self,
        principal: &Principal,
        ttl: Duration,
        action: &Action,
    ) -> Result<(), ElevationError> {
        let code = VerificationCode::generate();
        let expires_at = action.at.after(ttl);
        let letters = self.letters.spoken(action.language);
        let mail = principal
            .account
            .email
            .as_ref()
            .and_then(|to| letters.verification_code(to, &code, expires_at, action.ip));
        let mail = mail.ok_or(ElevationError::Unmailable)?;
        let new = NewCode {
            session: principal.session,
            digest: code.digest(&principal.session),
            expires_at,
        };
        let action = action.clone().with_mail(mail);
        match self.store.put_code(&new, MAILS, &action).await? {
            CodePut::Queued => Ok(()),
            CodePut::TooMany { retry_after } => Err(ElevationError::TooManyMails { retry_after }),
        }
    }

    async fn exchange(
        &self,
        principal: &Principal,
        typed: &str,
        ttl: Duration,
        at: Timestamp,
        ip: Option<IpAddr>,
    ) -> Result<Elevated, ElevationError> {
        let typed = TypedCode::new(typed);
        if typed.is_of_a_factor() && self.has_factors(principal).await? {
            return self.exchange_factor(principal, &typed, ttl, at, ip).await;
        }
        let session = principal.session;
        let tried = CodeTry {
            session,
            digest: VerificationCode::parse(typed.expose()).map(|code| code.digest(&session)),
            per_code: TRIES_PER_CODE,
            per_account: TRIES_PER_ACCOUNT,
        };
        let (elevated, stored) = mint(ttl, at);
        let action = action(principal, at, ip);
        match self.store.try_code(&tried, &stored, &action).await? {
            CodeTried::Good => Ok(elevated),
            CodeTried::Wrong => Err(ElevationError::WrongCode),
            CodeTried::UsedUp { retry_after } => Err(ElevationError::TriesUsedUp { retry_after }),
        }
    }

    async fn has_factors(&self, principal: &Principal) -> Result<bool, StoreError> {
        let enrolled = self.factors.list(&principal.account.id).await?;
        Ok(!enrolled.kinds().is_empty())
    }

    /// A second factor in the place of a mailed code.
    async fn exchange_factor(
        &self,
        principal: &Principal,
        typed: &TypedCode,
        ttl: Duration,
        at: Timestamp,
        ip: Option<IpAddr>,
    ) -> Result<Elevated, ElevationError> {
        let (account, session) = (&principal.account.id, principal.session);
        let action = action(principal, at, ip);
        let purpose = Purpose::Elevate(session);
        let proved = self.factors.prove(account, typed, purpose, &action).await?;
        self.elevate(&proved, session, ttl, &action).await
    }

    /// Adds an elevated token to a session of an account whose factor was shown.
    async fn elevate(
        &self,
        _: &Proved,
        session: SessionId,
        ttl: Duration,
        action: &Action,
    ) -> Result<Elevated, ElevationError> {
        let (elevated, stored) = mint(ttl, action.at);
        let added = self.store.add_token(&session, &stored, "elevate", action);
        let Committed { .. } = (added.await?).ok_or(StoreError::Missing(Thing::Session))?;
        Ok(elevated)
    }

    fn count(&self, step: &'static str, failed: Option<&ElevationError>) {
        let outcome = match failed {
            None => "success",
            Some(ElevationError::WrongCode) => "wrong",
            Some(ElevationError::TooManyMails { .. } | ElevationError::TriesUsedUp { .. }) => {
                "limited"
            }
            Some(ElevationError::Unmailable) => "unmailable",
            Some(ElevationError::Store(_)) => "error",
        };
        self.metrics.count_elevation(step, outcome);
    }
}

fn mint(ttl: Duration, at: Timestamp) -> (Elevated, NewToken) {
    let elevated = Elevated {
        id: TokenId::generate(),
        token: PlainToken::generate(TokenKind::Elevated),
        expires_at: at.after(ttl),
    };
    let stored = NewToken {
        digest: elevated.token.digest(),
        kind: TokenKind::Elevated,
        id: Some(elevated.id),
        issued_at: at,
        expires_at: Some(elevated.expires_at),
    };
    (elevated, stored)
}

impl From<FactorError> for ElevationError {
    fn from(error: FactorError) -> Self {
        match error {
            FactorError::WrongCode | FactorError::NotBegun | FactorError::Exists => Self::WrongCode,
            FactorError::TriesUsedUp { retry_after } => Self::TriesUsedUp { retry_after },
            FactorError::Store(error) => Self::Store(error),
        }
    }
}

fn action(principal: &Principal, at: Timestamp, ip: Option<IpAddr>) -> Action {
    Action::new(at, Actor::Account(principal.account.id.clone()), ip)
}

/// Source: contract section 6, as the two below.
const MAILS: Rate = Rate {
    count: 3,
    per: Duration::from_mins(5),
};
const TRIES_PER_CODE: u32 = 5;
pub(super) const TRIES_PER_ACCOUNT: Rate = Rate {
    count: 15,
    per: Duration::from_hours(1),
};
