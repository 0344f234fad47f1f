//! The second step of a login, of an account that has a second factor.
//!
//! ```text
//! the password is right ─▶ no factor ─────────────────────────────▶ a session
//!                          a code came with it ─▶ it is good ─────▶ a session
//!                          none came ─▶ LoginError::FactorMissing, and for browsers:
//!                              a ticket ─▶ a code beside it is good ─▶ a session
//! ```
//!
//! A program sends the code with the same request once more. A person has typed the password already: their browser keeps
//! a ticket, which opens nothing, is good for five minutes and once, and goes with a new password, a disabled account or a
//! reset of its factors. Wrong codes are counted on the account and leave the ticket.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::factors::{FactorError, Proved, Purpose, TypedCode};
use super::issuer::{Grant, Issued, Issuer, Login, LoginError, Opening};
use super::keys::Asked;
use crate::model::account::Account;
use crate::model::audit::{Actor, AuditEvent, AuditResult};
use crate::model::factor::FactorKind;
use crate::model::id::AccountId;
use crate::model::session::Dialect;
use crate::model::time::Now;
use crate::model::token::{PlainToken, TokenKind};
use crate::store::accounts::AccountKey;
use crate::store::tickets::Ticket;
use crate::store::{Action, StoreError};

/// A login whose password was right, and which waits for a second factor.
#[derive(Debug)]
pub struct Waiting {
    account: AccountId,
    kinds: Vec<FactorKind>,
}

/// A try to take the second step.
#[derive(Debug)]
pub struct SecondStep {
    /// What the first step gave.
    pub ticket: PlainToken,
    /// The factor.
    pub shown: Shown,
    /// From where.
    pub ip: Option<IpAddr>,
    /// What a success gives.
    pub grant: Grant,
}

/// What is shown of a second factor.
#[derive(Debug)]
pub enum Shown {
    /// A code, as it was typed.
    Code(TypedCode),
    /// What a browser answered to [`Issuer::ask_key`].
    Key(Box<str>),
}

/// Why the second step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The ticket is not good, or no longer: it has to be begun anew.
    #[error("the login has to be begun anew")]
    Stale,
    /// The code is not good.
    #[error("the code is not good")]
    WrongCode,
    /// No try is left.
    #[error("too many codes were tried")]
    TriesUsedUp {
        /// When there are tries again.
        retry_after: Duration,
    },
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Issuer {
    /// Makes the ticket of a login that waits.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn issue_ticket(
        &self,
        waiting: &Waiting,
        ip: Option<IpAddr>,
        now: Now,
    ) -> Result<PlainToken, StoreError> {
        let token = PlainToken::generate(TokenKind::Ticket);
        let ticket = Ticket {
            digest: token.digest(),
            account: waiting.account.clone(),
            expires_at: now.wall.after(TICKET_TTL),
        };
        let action = Action::new(now.wall, Actor::Anonymous, ip);
        self.store.put_ticket(&ticket, &action).await?;
        Ok(token)
    }

    /// The login that a ticket is of; `None` if it is not good.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn waiting(
        &self,
        ticket: &PlainToken,
        now: Now,
    ) -> Result<Option<Waiting>, StoreError> {
        let Some(ticket) = self.store.ticket(&ticket.digest(), now.wall).await? else {
            return Ok(None);
        };
        let enrolled = self.store.enrolled(&ticket.account).await?;
        let waiting = Waiting {
            account: ticket.account,
            kinds: enrolled.kinds(),
        };
        Ok(Some(waiting).filter(|waiting| !waiting.kinds.is_empty()))
    }

    /// What a browser is asked a security key of the login's account with; `None` if there is none to ask.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn ask_key(
        &self,
        ticket: &PlainToken,
        waiting: &Waiting,
        ip: Option<IpAddr>,
        now: Now,
    ) -> Result<Option<serde_json::Value>, StoreError> {
        let action = Action::new(now.wall, Actor::Anonymous, ip);
        let asked = Asked::Login(ticket);
        self.factors
            .ask_to_sign(&waiting.account, asked, &action)
            .await
    }

    /// Takes the second step: uses up the code and the ticket, and opens the session.
    ///
    /// # Errors
    /// See [`StepError`].
    pub async fn finish(&self, step: SecondStep, now: Now) -> Result<Issued, StepError> {
        let finished = self.checked_finish(step, now).await;
        let reason = match &finished {
            Ok(_) => "ok",
            Err(error) => error.reason(),
        };
        self.metrics
            .count_login(Dialect::BROWSER, finished.is_ok(), reason);
        finished
    }

    async fn checked_finish(&self, step: SecondStep, now: Now) -> Result<Issued, StepError> {
        let waiting = self.waiting(&step.ticket, now).await?;
        let account = waiting.ok_or(StepError::Stale)?.account;
        let action = Action::new(now.wall, Actor::Anonymous, step.ip);
        let factors = &self.factors;
        let proved = match &step.shown {
            Shown::Code(code) => {
                factors
                    .prove(&account, code, Purpose::Login, &action)
                    .await?
            }
            Shown::Key(answer) => {
                let asked = Asked::Login(&step.ticket);
                let proved = factors.prove_with_key(&account, asked, answer, &action);
                proved.await?
            }
        };
        self.complete(&step, &proved, now).await
    }

    async fn complete(
        &self,
        step: &SecondStep,
        proved: &Proved,
        now: Now,
    ) -> Result<Issued, StepError> {
        let actor = Actor::Account(proved.account().clone());
        let action = Action::new(now.wall, actor, step.ip);
        // Of two that come with one ticket and two good codes, one takes it.
        let taken = self
            .store
            .take_ticket(&step.ticket.digest(), &action)
            .await?;
        let theirs = taken.filter(|ticket| ticket.account == *proved.account());
        let ticket = theirs.ok_or(StepError::Stale)?;
        let key = AccountKey::Id(ticket.account);
        let account = self.store.account(&key).await?.ok_or(StepError::Stale)?;
        let opening = Opening {
            account: &account.id,
            client: None,
            dialect: Dialect::BROWSER,
            grant: step.grant,
        };
        let opened = self.open(opening, &action).await?;
        let (session, minted) = opened.ok_or(StepError::Stale)?;
        Ok(Issued {
            account: Arc::new(account),
            session,
            key: minted.key,
            token: minted.token,
            refresh: minted.refresh,
            expires_at: minted.expires_at,
        })
    }

    /// Asks for an account's second factor, if it has one, after its password was found to be right.
    pub(super) async fn check_factor(
        &self,
        account: &Account,
        login: &Login,
        now: Now,
    ) -> Result<(), LoginError> {
        let kinds = self.store.enrolled(&account.id).await?.kinds();
        if kinds.is_empty() {
            return Ok(());
        }
        let action = Action::new(now.wall, Actor::Anonymous, login.ip);
        let Some(code) = &login.code else {
            let event = AuditEvent {
                event: "login",
                result: AuditResult::Failure,
                reason: Some("second_factor_required"),
                user: Some(account.id.clone()),
                object: login.client.as_ref().map(|client| client.as_str().into()),
            };
            self.store.record(&event, &action).await?;
            let account = account.id.clone();
            return Err(LoginError::FactorMissing(Waiting { account, kinds }));
        };
        let proved = self
            .factors
            .prove(&account.id, code, Purpose::Login, &action);
        Ok(proved.await.map(drop)?)
    }
}

impl Waiting {
    /// What can be shown.
    #[must_use]
    pub fn kinds(&self) -> &[FactorKind] {
        &self.kinds
    }
}

impl StepError {
    const fn reason(&self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::WrongCode => "wrong_code",
            Self::TriesUsedUp { .. } => "tries_used_up",
            Self::Store(_) => "store",
        }
    }
}

impl From<FactorError> for StepError {
    fn from(error: FactorError) -> Self {
        match error {
            FactorError::WrongCode | FactorError::NotBegun | FactorError::Exists => Self::WrongCode,
            FactorError::TriesUsedUp { retry_after } => Self::TriesUsedUp { retry_after },
            FactorError::Store(error) => Self::Store(error),
        }
    }
}

impl From<FactorError> for LoginError {
    fn from(error: FactorError) -> Self {
        match error {
            FactorError::WrongCode | FactorError::NotBegun | FactorError::Exists => {
                Self::WrongFactor
            }
            FactorError::TriesUsedUp { retry_after } => Self::FactorTriesUsedUp { retry_after },
            FactorError::Store(error) => Self::Store(error),
        }
    }
}

/// How long a browser may wait between the password and the second factor.
pub const TICKET_TTL: Duration = Duration::from_mins(5);
