//! Second factors: setting them up, and proving oneself with them.
//!
//! An app that shows codes (TOTP) counts once its owner has shown one of its codes; recovery codes count from when they are
//! made. A typed code is told from others by its form: six digits are an app's, sixteen characters are from the list, and
//! the eight of a mailed code are [`elevation`](super::elevation)'s. Wrong ones are counted on the account, whoever tried
//! and whatever for, together with those of mailed codes.
//!
//! Adding and removing mails the account. That whoever does it has proved themselves again is for those who call to see to.

use std::sync::Arc;
use std::time::Duration;

use super::elevation::TRIES_PER_ACCOUNT;
use super::letters::{FactorChange, Letters};
use super::totp::{self, TotpCode};
use super::verifier::Verifier;
use super::webauthn::RelyingParty;
use crate::model::account::{Account, Email, Username};
use crate::model::factor::{Enrolled, FactorKind, RecoveryCode, TotpSecret};
use crate::model::id::{AccountId, SecurityKeyId, SessionId};
use crate::store::factors::{FactorProof, FactorTried, FactorTry, Removal};
use crate::store::{Action, Committed, SharedStore, StoreError, Unique};

/// Sets up and checks second factors.
#[derive(Debug)]
pub struct FactorService {
    pub(super) store: SharedStore,
    pub(super) verifier: Arc<Verifier>,
    pub(super) letters: Arc<Letters>,
    /// Whose security keys are taken; `None` where browsers know none.
    pub(super) site: Option<RelyingParty>,
}

/// What an app needs to show codes. Its holder gets it once, when it is set up.
#[derive(Debug)]
pub struct TotpSetup {
    secret: TotpSecret,
    house: Box<str>,
    account: Box<str>,
}

/// A code as a person typed it; which kind it is of is not known yet.
#[derive(Clone)]
pub struct TypedCode(Box<str>);

/// The proof that an account's second factor was shown just now, and is used up.
#[derive(Debug)]
pub struct Proved {
    account: AccountId,
}

/// What a proof is for; what is written down of a wrong one.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// The second step of a login.
    Login,
    /// An elevated token of that session.
    Elevate(SessionId),
}

/// Why a factor was not set up, or does not prove anything.
#[derive(Debug, thiserror::Error)]
pub enum FactorError {
    /// There is an app already; it has to be removed before another one takes its place.
    #[error("an app for codes is set up already")]
    Exists,
    /// Nothing was begun that could be confirmed.
    #[error("no app for codes is being set up")]
    NotBegun,
    /// It is none of the account's codes, or it was used.
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
    Store(StoreError),
}

impl FactorService {
    /// What an account has.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn list(&self, of: &AccountId) -> Result<Enrolled, StoreError> {
        self.store.enrolled(of).await
    }

    /// Makes the secret of an app, which counts once one of its codes was shown. Takes the place of one that was begun
    /// before.
    ///
    /// # Errors
    /// [`FactorError::Exists`], or the store's.
    pub async fn begin_totp(
        &self,
        account: &Account,
        action: &Action,
    ) -> Result<TotpSetup, FactorError> {
        let secret = TotpSecret::generate();
        let begun = self.store.begin_totp(&account.id, &secret, action);
        begun.await?;
        Ok(self.setup(secret, account))
    }

    /// What was begun and not confirmed yet, for whoever mistyped; `None` if nothing is.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn begun_totp(&self, account: &Account) -> Result<Option<TotpSetup>, StoreError> {
        let totp = self.store.totp(&account.id).await?;
        let begun = totp.filter(|totp| totp.confirmed_at.is_none());
        Ok(begun.map(|totp| self.setup(totp.secret, account)))
    }

    /// Has an app count, whose code is shown.
    ///
    /// # Errors
    /// See [`FactorError`].
    pub async fn confirm_totp(
        &self,
        account: &Account,
        typed: &TypedCode,
        action: &Action,
    ) -> Result<(), FactorError> {
        let totp = self.store.totp(&account.id).await?;
        let totp = totp.ok_or(FactorError::NotBegun)?;
        if totp.confirmed_at.is_some() {
            return Err(FactorError::Exists);
        }
        let code = TotpCode::parse(&typed.0);
        let step = code.and_then(|code| code.step(&totp.secret, action.at));
        let tried = FactorTry {
            account: account.id.clone(),
            proof: step.map(|step| FactorProof::Totp {
                secret: totp.secret,
                step,
            }),
            event: "user.add-factor",
            session: None,
            per_account: TRIES_PER_ACCOUNT,
        };
        let action = self.mailing(account, FactorChange::Added(FactorKind::Totp), action);
        let confirmed = self.store.confirm_totp(&tried, &action).await?;
        FactorError::judge(self.forget(confirmed))
    }

    /// Makes ten recovery codes in the place of those before. From here on they are known to their holder alone.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn make_recovery_codes(
        &self,
        account: &Account,
        action: &Action,
    ) -> Result<[RecoveryCode; RECOVERY_CODES], StoreError> {
        let codes: [RecoveryCode; RECOVERY_CODES] =
            std::array::from_fn(|_| RecoveryCode::generate());
        let digests = codes.each_ref().map(|code| code.digest(&account.id));
        let action = self.mailing(
            account,
            FactorChange::Added(FactorKind::RecoveryCode),
            action,
        );
        let made = self
            .store
            .replace_recovery_codes(&account.id, &digests, &action);
        self.forget(made.await?);
        Ok(codes)
    }

    /// Gives a security key another name; false if the account has no such key.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn rename_key(
        &self,
        of: &AccountId,
        key: &SecurityKeyId,
        name: &str,
        action: &Action,
    ) -> Result<bool, StoreError> {
        self.store.rename_key(of, key, name, action).await
    }

    /// Takes a factor from an account; false if it has none such. Recovery codes go with the last app or key.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn remove(
        &self,
        account: &Account,
        which: Removal,
        action: &Action,
    ) -> Result<bool, StoreError> {
        let change = match which {
            Removal::Totp => FactorChange::Removed(FactorKind::Totp),
            Removal::SecurityKey(_) => FactorChange::Removed(FactorKind::SecurityKey),
            Removal::RecoveryCodes => FactorChange::Removed(FactorKind::RecoveryCode),
            Removal::All => FactorChange::Reset,
        };
        let action = self.mailing(account, change, action);
        let removed = self.store.remove_factor(&account.id, which, &action);
        Ok(self.forget(removed.await?))
    }

    /// Takes a code of an account's app or list, once.
    pub(super) async fn prove(
        &self,
        account: &AccountId,
        typed: &TypedCode,
        purpose: Purpose,
        action: &Action,
    ) -> Result<Proved, FactorError> {
        let proof = self.recognise(account, typed, action).await?;
        self.take_proof(account, proof, purpose, action).await
    }

    /// Takes what was found of what was shown, once; nothing good is a wrong try.
    pub(super) async fn take_proof(
        &self,
        account: &AccountId,
        proof: Option<FactorProof>,
        purpose: Purpose,
        action: &Action,
    ) -> Result<Proved, FactorError> {
        let (event, session) = match purpose {
            Purpose::Login => ("login", None),
            Purpose::Elevate(session) => ("elevate", Some(session)),
        };
        let tried = FactorTry {
            account: account.clone(),
            proof,
            event,
            session,
            per_account: TRIES_PER_ACCOUNT,
        };
        FactorError::judge(self.store.try_factor(&tried, action).await?)?;
        Ok(Proved {
            account: account.clone(),
        })
    }

    async fn recognise(
        &self,
        account: &AccountId,
        typed: &TypedCode,
        action: &Action,
    ) -> Result<Option<FactorProof>, StoreError> {
        if let Some(code) = RecoveryCode::parse(&typed.0) {
            return Ok(Some(FactorProof::RecoveryCode(code.digest(account))));
        }
        let Some(code) = TotpCode::parse(&typed.0) else {
            return Ok(None);
        };
        let totp = self.store.totp(account).await?;
        Ok(totp.and_then(|totp| {
            let step = code.step(&totp.secret, action.at)?;
            let secret = totp.secret;
            Some(FactorProof::Totp { secret, step })
        }))
    }

    fn setup(&self, secret: TotpSecret, account: &Account) -> TotpSetup {
        TotpSetup {
            secret,
            house: self.letters.house().into(),
            account: label(account).into(),
        }
    }

    pub(super) fn mailing(
        &self,
        account: &Account,
        change: FactorChange,
        action: &Action,
    ) -> Action {
        let mut action = action.clone();
        let to = account.email.as_ref();
        let mail = to.and_then(|to| {
            self.letters
                .spoken(action.language)
                .factor_changed(to, change, action.ip, action.at)
        });
        action.mails.extend(mail);
        action
    }

    pub(super) fn forget<T>(&self, committed: Committed<T>) -> T {
        self.verifier.forget(&committed.changes);
        committed.value
    }
}

impl TotpSetup {
    /// The secret as an app takes it, if it cannot read the QR code. For its holder alone.
    #[must_use]
    pub fn expose_secret(&self) -> String {
        totp::base32(&self.secret)
    }

    /// What the QR code says. For its holder alone.
    #[must_use]
    pub fn expose_uri(&self) -> String {
        totp::uri(&self.secret, &self.house, &self.account)
    }
}

impl TypedCode {
    /// Takes what was typed.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Whether it has the form of a factor's code, which no mailed code has.
    pub(super) fn is_of_a_factor(&self) -> bool {
        TotpCode::parse(&self.0).is_some() || RecoveryCode::parse(&self.0).is_some()
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for TypedCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TypedCode(…)")
    }
}

impl Proved {
    /// Whose factor it was.
    pub(super) const fn account(&self) -> &AccountId {
        &self.account
    }
}

impl FactorError {
    fn judge(tried: FactorTried) -> Result<(), Self> {
        match tried {
            FactorTried::Good => Ok(()),
            FactorTried::Wrong => Err(Self::WrongCode),
            FactorTried::UsedUp { retry_after } => Err(Self::TriesUsedUp { retry_after }),
        }
    }
}

impl From<StoreError> for FactorError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(Unique::Totp) => Self::Exists,
            StoreError::Conflict(_)
            | StoreError::Missing(_)
            | StoreError::Corrupt(_)
            | StoreError::Unavailable(_) => Self::Store(error),
        }
    }
}

/// What an app shows an account as.
pub(super) fn label(account: &Account) -> &str {
    let email = account.email.as_ref().or(account.pending_email.as_ref());
    let email = email.map(Email::as_str);
    let username = account.username.as_ref().map(Username::as_str);
    email.or(username).unwrap_or(account.id.as_str())
}

/// How many recovery codes there are at a time. Source: issue 2.
const RECOVERY_CODES: usize = 10;
