//! Second factors, and the tries that are counted of them.
//!
//! A proof is checked by who knows how; what makes it good once only is here, in one step with the count: the time step of
//! a TOTP code goes up, a key's counter goes up, a recovery code is gone. Wrong tries are counted with those of mailed
//! codes, on the account.

use std::time::Duration;

use async_trait::async_trait;

use super::{Action, Committed, StoreError};
use crate::config::section::Rate;
use crate::model::factor::{Enrolled, FactorKind, SecurityKey, Totp, TotpSecret, TotpStep};
use crate::model::id::{AccountId, SecurityKeyId, SessionId};
use crate::model::time::Timestamp;
use crate::model::token::TokenDigest;

/// What the store does for second factors.
#[async_trait]
pub trait Factors {
    /// What an account has; nothing for one that is not there.
    async fn enrolled(&self, of: &AccountId) -> Result<Enrolled, StoreError>;

    /// What codes of an account's app are checked with, whether it counts yet or not.
    async fn totp(&self, of: &AccountId) -> Result<Option<Totp>, StoreError>;

    /// Keeps the secret of an app that does not count yet, in the place of an older one. Not audited: nothing counts yet.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if an app counts already, [`StoreError::Missing`] without the account.
    async fn begin_totp(
        &self,
        of: &AccountId,
        secret: &TotpSecret,
        action: &Action,
    ) -> Result<(), StoreError>;

    /// Has an app count from now on, if the proof is one of its secret. Audited as `user.add-factor`; a wrong try is
    /// counted and audited, and queues no mail. Feeds the account.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without the account.
    async fn confirm_totp(
        &self,
        tried: &FactorTry,
        action: &Action,
    ) -> Result<Committed<FactorTried>, StoreError>;

    /// Adds a security key. Audited as `user.add-factor`; feeds the account.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if its credential is known, of whichever account; [`StoreError::Missing`] without the
    /// account.
    async fn add_key(
        &self,
        key: &SecurityKey,
        action: &Action,
    ) -> Result<Committed<()>, StoreError>;

    /// Gives a key of an account another name; false if the account has no such key. Audited as `user.rename-factor`.
    async fn rename_key(
        &self,
        of: &AccountId,
        key: &SecurityKeyId,
        name: &str,
        action: &Action,
    ) -> Result<bool, StoreError>;

    /// Gives an account these recovery codes and no others. Audited as `user.add-factor`; feeds the account.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without the account.
    async fn replace_recovery_codes(
        &self,
        of: &AccountId,
        codes: &[TokenDigest],
        action: &Action,
    ) -> Result<Committed<()>, StoreError>;

    /// Takes a factor from an account; false if it has none such, and no mail is queued then. Recovery codes go with the
    /// last app or key: there is nothing left to recover. Audited as `user.remove-factor`, or `user.reset-factors` for
    /// [`Removal::All`]; feeds the account.
    async fn remove_factor(
        &self,
        of: &AccountId,
        which: Removal,
        action: &Action,
    ) -> Result<Committed<bool>, StoreError>;

    /// Takes a proof, once. A good one is audited as `user.use-factor`, and what it is for by those who do it; a wrong one
    /// is counted, and audited as a failure of `tried.event`. In one step, so that of two that come at once one is good.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without the account.
    async fn try_factor(
        &self,
        tried: &FactorTry,
        action: &Action,
    ) -> Result<FactorTried, StoreError>;
}

/// One try to prove oneself with a factor.
#[derive(Debug, Clone)]
pub struct FactorTry {
    /// Who is said to try.
    pub account: AccountId,
    /// What was found of what they showed; `None` if that was nothing good.
    pub proof: Option<FactorProof>,
    /// What it is for: `login`, `elevate`.
    pub event: &'static str,
    /// The session that is to be elevated by it.
    pub session: Option<SessionId>,
    /// How many wrong tries an account has.
    pub per_account: Rate,
}

/// What was shown and is good, if it was not shown before.
#[derive(Debug, Clone)]
pub enum FactorProof {
    /// A code of an app.
    Totp {
        /// What it was checked with.
        secret: TotpSecret,
        /// The step that it is of.
        step: TotpStep,
    },
    /// A signature of a key.
    SecurityKey {
        /// Whose.
        key: SecurityKeyId,
        /// The counter that it signed.
        sign_count: u32,
    },
    /// A code from the list.
    RecoveryCode(TokenDigest),
}

/// What became of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorTried {
    /// It was good, and is not again.
    Good,
    /// It was not, and is counted.
    Wrong,
    /// No try is left; nothing was looked at or counted.
    UsedUp {
        /// When there are tries again.
        retry_after: Duration,
    },
}

/// What is taken from an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Its app, whether it counts yet or not.
    Totp,
    /// One of its keys.
    SecurityKey(SecurityKeyId),
    /// All its recovery codes.
    RecoveryCodes,
    /// Everything, and logins that wait for it.
    All,
}

impl FactorProof {
    pub(super) const fn kind(&self) -> FactorKind {
        match self {
            Self::Totp { .. } => FactorKind::Totp,
            Self::SecurityKey { .. } => FactorKind::SecurityKey,
            Self::RecoveryCode(_) => FactorKind::RecoveryCode,
        }
    }
}

impl Removal {
    pub(super) const fn event(self) -> &'static str {
        match self {
            Self::Totp | Self::SecurityKey(_) | Self::RecoveryCodes => "user.remove-factor",
            Self::All => "user.reset-factors",
        }
    }

    pub(super) fn object(self) -> Option<String> {
        match self {
            Self::Totp => Some(FactorKind::Totp.as_str().to_owned()),
            Self::SecurityKey(id) => Some(id.to_string()),
            Self::RecoveryCodes => Some(FactorKind::RecoveryCode.as_str().to_owned()),
            Self::All => None,
        }
    }
}

/// Whether a key's counter may follow another: it goes up, or stays at zero if the key does not count. Another one may be
/// a copy's. Source: <https://www.w3.org/TR/webauthn-2/#sctn-sign-counter>.
pub(super) const fn may_follow(sign_count: u32, stored: u32) -> bool {
    sign_count > stored || (sign_count == 0 && stored == 0)
}

/// An app that counts from now on, and whose code of that step is taken.
pub(super) fn confirmed(secret: &TotpSecret, step: TotpStep, at: Timestamp) -> Totp {
    Totp {
        secret: secret.clone(),
        confirmed_at: Some(at),
        last_step: Some(step),
    }
}
