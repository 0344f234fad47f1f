//! Security keys and passkeys: what a browser is asked in a WebAuthn ceremony, and whether its answer holds.
//!
//! Pure: challenge and answer in, facts about a key or a refusal out. Who may ask, where challenges wait to be used once, and
//! where keys are kept, is decided elsewhere. A key is a second factor here, so the user's presence is asked for and their
//! verification only preferred. What an attestation statement says of a key's maker is asked for by nobody and not looked
//! at. Source: <https://www.w3.org/TR/webauthn-2/>, whose steps are named where they are taken.
//!
//! ```text
//! answer ──response──▶ clientDataJSON ──client_data──▶ of this ceremony, challenge and origin
//!                      authData ──authenticator_data──▶ of this relying party, somebody is there
//!                      public key, signature ──cose──▶ verified
//! ```

mod authenticator_data;
mod cbor;
mod client_data;
mod cose;
mod options;
mod response;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use url::{Host, Url};

use crate::model::id::AccountId;
use crate::model::token::TokenDigest;

use authenticator_data::AuthenticatorData;
use client_data::Ceremony;
use cose::PublicKey;

pub use options::NewUser;
pub use response::{Assertion, Registration};

/// The site that keys are made for: the host and origin of `server.external_url`.
#[derive(Debug, Clone)]
pub struct RelyingParty {
    /// What people call it.
    name: Box<str>,
    /// The host: keys are bound to it.
    id: Box<str>,
    /// Scheme, host and port: pages of no other origin are answered.
    origin: Box<str>,
}

/// What an answer has to repeat, so that it cannot be an older one. Not a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge([u8; CHALLENGE]);

/// What a key knows an account by. Made from the account's id, so that it is nobody's name or address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UserHandle([u8; 32]);

/// What is to be kept of a new key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// What the key is called by browsers; at most 1023 bytes.
    pub credential_id: Vec<u8>,
    /// Its public key, as a `COSE_Key`; at most [`PUBLIC_KEY`] bytes.
    pub public_key: Vec<u8>,
    /// How often it has signed; 0 if it does not count.
    pub sign_count: u32,
}

/// A key that was registered before, as it was kept.
#[derive(Debug, Clone, Copy)]
pub struct KnownKey<'a> {
    /// What the key is called by browsers.
    pub credential_id: &'a [u8],
    /// Its public key, as a `COSE_Key`.
    pub public_key: &'a [u8],
    /// How often it had signed when it was last seen.
    pub sign_count: u32,
    /// Whose it is.
    pub user: UserHandle,
}

/// Why an answer does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not what a browser sends.
    #[error("the answer cannot be read: {0}")]
    Unreadable(&'static str),
    /// It answers another kind of question.
    #[error("the answer is of another ceremony")]
    OtherCeremony,
    /// It answers an older or foreign challenge.
    #[error("the answer is to another challenge")]
    OtherChallenge,
    /// A page of another origin asked, or one that another origin framed.
    #[error("the question was asked by another origin")]
    OtherOrigin,
    /// The key answered for another relying party.
    #[error("the key answered for another site")]
    OtherSite,
    /// Nobody touched the key.
    #[error("nobody was present")]
    NobodyPresent,
    /// The new key's algorithm is none that we offered, or its public key is not good.
    #[error("the public key cannot be used")]
    UnusableKey,
    /// Another key answered, or for another account.
    #[error("another key answered")]
    OtherKey,
    /// The signature is not the key's.
    #[error("the signature is wrong")]
    WrongSignature,
    /// The key counts, and has counted no further than before: there are two of it.
    #[error("the key's counter did not advance: it may have been cloned")]
    Cloned,
}

impl RelyingParty {
    /// The site at a URL; `None` where browsers know no security keys: an address instead of a host name, or plain http
    /// anywhere but on `localhost`.
    #[must_use]
    pub fn at(external_url: &Url, name: &str) -> Option<Self> {
        let Some(Host::Domain(host)) = external_url.host() else {
            return None;
        };
        let is_local = host == "localhost" || host.ends_with(".localhost");
        (external_url.scheme() == "https" || is_local).then(|| Self {
            name: name.into(),
            id: host.into(),
            origin: external_url.origin().ascii_serialization().into(),
        })
    }

    /// Checks the answer to [`creation_options`](Self::creation_options). That the key is nobody's yet, the store says.
    ///
    /// # Errors
    /// [`Refused`]. Source: WebAuthn 2 §7.1.
    pub fn verify_registration(
        &self,
        challenge: &Challenge,
        answer: &Registration,
    ) -> Result<NewKey, Refused> {
        let expected = Ceremony::Registration;
        client_data::verify(&answer.client_data, expected, challenge, &self.origin)?;
        let bytes = cbor::authenticator_data_of(&answer.attestation_object)?;
        let seen = AuthenticatorData::read(&bytes)?;
        self.verify_presence(&seen)?;
        let credential = seen
            .credential
            .ok_or(Refused::Unreadable("no credential in authData"))?;
        if credential.id != answer.credential_id.as_slice() {
            return Err(Refused::OtherKey);
        }
        PublicKey::read(credential.public_key)?;
        Ok(NewKey {
            credential_id: credential.id.to_vec(),
            public_key: credential.public_key.to_vec(),
            sign_count: seen.sign_count,
        })
    }

    /// Checks the answer to [`request_options`](Self::request_options) and gives the key's count, which is to be kept in
    /// place of the one before.
    ///
    /// # Errors
    /// [`Refused`]. Source: WebAuthn 2 §7.2.
    pub fn verify_assertion(
        &self,
        challenge: &Challenge,
        key: &KnownKey<'_>,
        answer: &Assertion,
    ) -> Result<u32, Refused> {
        let is_theirs = |user: &Vec<u8>| user.as_slice() == key.user.0;
        if key.credential_id != answer.credential_id.as_slice()
            || !answer.user_handle.as_ref().is_none_or(is_theirs)
        {
            return Err(Refused::OtherKey);
        }
        let expected = Ceremony::Assertion;
        client_data::verify(&answer.client_data, expected, challenge, &self.origin)?;
        let seen = AuthenticatorData::read(&answer.authenticator_data)?;
        self.verify_presence(&seen)?;
        let mut signed = answer.authenticator_data.clone();
        signed.extend_from_slice(sha256(&answer.client_data).as_ref());
        PublicKey::read(key.public_key)?.verify(&signed, &answer.signature)?;
        let counts = seen.sign_count != 0 || key.sign_count != 0;
        if counts && seen.sign_count <= key.sign_count {
            return Err(Refused::Cloned);
        }
        Ok(seen.sign_count)
    }

    fn verify_presence(&self, seen: &AuthenticatorData<'_>) -> Result<(), Refused> {
        if seen.site != sha256(self.id.as_bytes()).as_ref() {
            return Err(Refused::OtherSite);
        }
        if !seen.somebody_is_present {
            return Err(Refused::NobodyPresent);
        }
        Ok(())
    }
}

impl Challenge {
    /// A fresh challenge.
    ///
    /// # Panics
    /// If the operating system has no randomness, which it does not do once it has started.
    #[must_use]
    pub fn generate() -> Self {
        let mut random = [0; CHALLENGE];
        getrandom::fill(&mut random)
            .expect("the operating system's random source does not fail once it has started");
        Self(random)
    }

    /// One that was kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; CHALLENGE]) -> Self {
        Self(bytes)
    }

    /// To keep it.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; CHALLENGE] {
        &self.0
    }
}

impl UserHandle {
    /// An account's, always the same.
    #[must_use]
    pub fn of(account: &AccountId) -> Self {
        Self(*TokenDigest::of_text("webauthn user", &[account.as_str()]).bytes())
    }
}

impl fmt::Debug for UserHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserHandle({})", text_of(&self.0))
    }
}

fn sha256(bytes: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, bytes)
}

/// As WebAuthn writes bytes in JSON. Source: WebAuthn 2 §3.
fn text_of(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The longest `COSE_Key` that is taken: one of RSA with 4096 bits has some 530 bytes.
pub const PUBLIC_KEY: usize = 1024;
/// Bytes of a challenge; the specification asks for 16 at least.
pub const CHALLENGE: usize = 32;
