//! Security keys: adding them, and proving oneself with them.
//!
//! A browser is asked with a challenge, and whoever asked may answer it once within five minutes: a session, or a login that
//! waits for its second step. The challenge is kept as a ticket of the account, under a digest of what it is for and who may
//! answer. So it is used up by the first answer, whatever that is worth, and goes with a new password and a disabled account.
//! A key that answers wrongly is counted like a wrong code.

use serde_json::Value;

use super::factors::{FactorError, FactorService, Proved, Purpose};
use super::letters::FactorChange;
use super::webauthn::{
    Assertion, Challenge, KnownKey, NewUser, Refused, Registration, RelyingParty, UserHandle,
};
use crate::model::account::Account;
use crate::model::factor::{CredentialId, FactorKind, SecurityKey};
use crate::model::id::{AccountId, SecurityKeyId, SessionId};
use crate::model::token::{PlainToken, TokenDigest};
use crate::store::factors::FactorProof;
use crate::store::tickets::Ticket;
use crate::store::{Action, StoreError, Unique};

/// Who is asked for a signature, and alone may answer.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    /// A session, to be elevated.
    Session(SessionId),
    /// The ticket of a login.
    Login(&'a PlainToken),
}

/// A new key, as a browser and its owner tell of it.
#[derive(Debug, Clone, Copy)]
pub struct Registering<'a> {
    /// Whose it will be.
    pub account: &'a Account,
    /// The session that was asked.
    pub session: SessionId,
    /// What its owner calls it.
    pub name: &'a str,
    /// What the browser answered.
    pub answer: &'a str,
}

/// Why a key was not added.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Browsers know no security keys where we are.
    #[error("security keys need a host name and https, or localhost")]
    Elsewhere,
    /// The account has as many as it may have.
    #[error("the account has {MOST_KEYS} keys already")]
    TooMany,
    /// It is registered already, for this account or another.
    #[error("the key is known already")]
    Known,
    /// The answer is to no question that this session was asked in the last minutes.
    #[error("the question is too old, or was answered before")]
    Stale,
    /// The answer does not hold.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store cannot answer.
    #[error(transparent)]
    Store(StoreError),
}

impl FactorService {
    /// Whether browsers can use security keys where we are.
    #[must_use]
    pub const fn knows_keys(&self) -> bool {
        self.site.is_some()
    }

    /// What a browser is asked for a new key with: creation options.
    ///
    /// # Errors
    /// [`KeyError::Elsewhere`], [`KeyError::TooMany`], or the store's.
    pub async fn ask_for_key(
        &self,
        account: &Account,
        session: SessionId,
        action: &Action,
    ) -> Result<Value, KeyError> {
        let site = self.site()?;
        let keys = self.keys_with_room(&account.id).await?;
        let challenge = Challenge::generate();
        let digest = Question::New(session).digest(&challenge);
        self.keep(digest, &account.id, action).await?;
        let label = super::factors::label(account);
        let user = NewUser {
            handle: UserHandle::of(&account.id),
            username: label,
            name: account.name.as_deref().unwrap_or(label),
        };
        let known = keys.iter().map(|key| key.credential.bytes());
        Ok(site.creation_options(&challenge, &user, known))
    }

    /// Adds the key that a browser answered with, and mails the account.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub async fn add_key(
        &self,
        new: Registering<'_>,
        action: &Action,
    ) -> Result<SecurityKey, KeyError> {
        let (site, account) = (self.site()?, new.account);
        let answer = Registration::parse(new.answer)?;
        let challenge = answer.challenge()?;
        let digest = Question::New(new.session).digest(&challenge);
        if !self.take(&digest, &account.id, action).await? {
            return Err(KeyError::Stale);
        }
        let made = site.verify_registration(&challenge, &answer)?;
        self.keys_with_room(&account.id).await?;
        let key = SecurityKey {
            id: SecurityKeyId::generate(),
            account: account.id.clone(),
            credential: CredentialId::new(made.credential_id),
            public_key: made.public_key.into(),
            sign_count: made.sign_count,
            name: new.name.into(),
            created_at: action.at,
            last_used_at: None,
        };
        let added = FactorChange::Added(FactorKind::SecurityKey);
        let action = self.mailing(account, added, action);
        self.forget(self.store.add_key(&key, &action).await?);
        Ok(key)
    }

    /// What a browser is asked for a signature with: request options. `None` if the account has no key, or browsers know
    /// none where we are.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn ask_to_sign(
        &self,
        account: &AccountId,
        asked: Asked<'_>,
        action: &Action,
    ) -> Result<Option<Value>, StoreError> {
        let Some(site) = &self.site else {
            return Ok(None);
        };
        let keys = self.store.enrolled(account).await?.keys;
        if keys.is_empty() {
            return Ok(None);
        }
        let challenge = Challenge::generate();
        let digest = Question::Signature(asked).digest(&challenge);
        self.keep(digest, account, action).await?;
        let known = keys.iter().map(|key| key.credential.bytes());
        Ok(Some(site.request_options(&challenge, known)))
    }

    /// Takes the signature of a key of an account.
    pub(super) async fn prove_with_key(
        &self,
        account: &AccountId,
        asked: Asked<'_>,
        answer: &str,
        action: &Action,
    ) -> Result<Proved, FactorError> {
        let proof = match self.verify(account, asked, answer, action).await {
            Ok(proof) => Some(proof),
            Err(KeyError::Store(error)) => return Err(FactorError::Store(error)),
            Err(refused) => {
                tracing::info!(%refused, user = %account, "a security key proved nothing");
                None
            }
        };
        let purpose = match asked {
            Asked::Session(session) => Purpose::Elevate(session),
            Asked::Login(_) => Purpose::Login,
        };
        self.take_proof(account, proof, purpose, action).await
    }

    async fn verify(
        &self,
        account: &AccountId,
        asked: Asked<'_>,
        answer: &str,
        action: &Action,
    ) -> Result<FactorProof, KeyError> {
        let site = self.site()?;
        let answer = Assertion::parse(answer)?;
        let challenge = answer.challenge()?;
        let digest = Question::Signature(asked).digest(&challenge);
        if !self.take(&digest, account, action).await? {
            return Err(KeyError::Stale);
        }
        let keys = self.store.enrolled(account).await?.keys;
        let credential = answer.credential_id.as_slice();
        let key = keys.iter().find(|key| key.credential.bytes() == credential);
        let key = key.ok_or(Refused::OtherKey)?;
        let known = KnownKey {
            credential_id: key.credential.bytes(),
            public_key: &key.public_key,
            sign_count: key.sign_count,
            user: UserHandle::of(account),
        };
        let sign_count = site.verify_assertion(&challenge, &known, &answer)?;
        Ok(FactorProof::SecurityKey {
            key: key.id,
            sign_count,
        })
    }

    fn site(&self) -> Result<&RelyingParty, KeyError> {
        self.site.as_ref().ok_or(KeyError::Elsewhere)
    }

    async fn keys_with_room(&self, of: &AccountId) -> Result<Vec<SecurityKey>, KeyError> {
        let keys = self.store.enrolled(of).await?.keys;
        if keys.len() >= MOST_KEYS {
            return Err(KeyError::TooMany);
        }
        Ok(keys)
    }

    async fn keep(
        &self,
        digest: TokenDigest,
        account: &AccountId,
        action: &Action,
    ) -> Result<(), StoreError> {
        let ticket = Ticket {
            digest,
            account: account.clone(),
            expires_at: action.at.after(super::issuer::TICKET_TTL),
        };
        self.store.put_ticket(&ticket, action).await
    }

    /// Uses up a challenge; false if it is none that this account may answer.
    async fn take(
        &self,
        digest: &TokenDigest,
        account: &AccountId,
        action: &Action,
    ) -> Result<bool, StoreError> {
        let taken = self.store.take_ticket(digest, action).await?;
        Ok(taken.is_some_and(|ticket| ticket.account == *account))
    }
}

/// What a challenge is for, and who may answer.
enum Question<'a> {
    New(SessionId),
    Signature(Asked<'a>),
}

impl Question<'_> {
    fn digest(&self, challenge: &Challenge) -> TokenDigest {
        let (what, who) = match self {
            Self::New(session) => ("new key", session.to_string()),
            Self::Signature(Asked::Session(session)) => ("elevate", session.to_string()),
            Self::Signature(Asked::Login(ticket)) => ("login", hex(ticket.digest().bytes())),
        };
        TokenDigest::of_text("webauthn challenge", &[what, &who, &hex(challenge.bytes())])
    }
}

impl From<StoreError> for KeyError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(Unique::SecurityKey) => Self::Known,
            StoreError::Conflict(_)
            | StoreError::Missing(_)
            | StoreError::Corrupt(_)
            | StoreError::Unavailable(_) => Self::Store(error),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// How many keys an account may have.
const MOST_KEYS: usize = 20;
