//! What a browser answers, in the form that `PublicKeyCredential.toJSON` gives.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::client_data::challenge_of;
use super::{Challenge, Refused};

/// The answer to creation options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// What the new key is called by browsers.
    pub credential_id: Vec<u8>,
    /// `clientDataJSON`.
    pub client_data: Vec<u8>,
    /// `attestationObject`.
    pub attestation_object: Vec<u8>,
}

/// The answer to request options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// Which key signed.
    pub credential_id: Vec<u8>,
    /// `clientDataJSON`.
    pub client_data: Vec<u8>,
    /// `authenticatorData`.
    pub authenticator_data: Vec<u8>,
    /// The signature over both.
    pub signature: Vec<u8>,
    /// Whose key it is, if the key tells.
    pub user_handle: Option<Vec<u8>>,
}

/// A `PublicKeyCredential`, with what is not listed left out of account.
#[derive(Deserialize)]
struct Credential<R> {
    id: String,
    #[serde(rename = "rawId")]
    raw_id: String,
    r#type: String,
    response: R,
}

#[derive(Deserialize)]
struct Attested {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(rename = "attestationObject")]
    attestation_object: String,
}

#[derive(Deserialize)]
struct Asserted {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(rename = "authenticatorData")]
    authenticator_data: String,
    signature: String,
    #[serde(rename = "userHandle")]
    user_handle: Option<String>,
}

impl Registration {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`Refused::Unreadable`] if it is not what a browser sends, or longer.
    pub fn parse(json: &str) -> Result<Self, Refused> {
        let credential: Credential<Attested> = read(json)?;
        let answer = &credential.response;
        Ok(Self {
            credential_id: credential.id()?,
            client_data: bytes(&answer.client_data, CLIENT_DATA)?,
            attestation_object: bytes(&answer.attestation_object, ATTESTATION_OBJECT)?,
        })
    }

    /// The challenge that it says it answers.
    ///
    /// # Errors
    /// [`Refused`] if there is none.
    pub fn challenge(&self) -> Result<Challenge, Refused> {
        challenge_of(&self.client_data)
    }
}

impl Assertion {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`Refused::Unreadable`] if it is not what a browser sends, or longer.
    pub fn parse(json: &str) -> Result<Self, Refused> {
        let credential: Credential<Asserted> = read(json)?;
        let answer = &credential.response;
        let user = answer
            .user_handle
            .as_deref()
            .filter(|user| !user.is_empty());
        Ok(Self {
            credential_id: credential.id()?,
            client_data: bytes(&answer.client_data, CLIENT_DATA)?,
            authenticator_data: bytes(&answer.authenticator_data, AUTHENTICATOR_DATA)?,
            signature: bytes(&answer.signature, SIGNATURE)?,
            user_handle: user.map(|user| bytes(user, USER_HANDLE)).transpose()?,
        })
    }

    /// The challenge that it says it answers.
    ///
    /// # Errors
    /// [`Refused`] if there is none.
    pub fn challenge(&self) -> Result<Challenge, Refused> {
        challenge_of(&self.client_data)
    }
}

impl<R> Credential<R> {
    fn id(&self) -> Result<Vec<u8>, Refused> {
        if self.r#type != "public-key" || self.id != self.raw_id {
            return Err(Refused::Unreadable("not a public-key credential"));
        }
        bytes(&self.id, CREDENTIAL_ID)
    }
}

fn read<'a, R: Deserialize<'a>>(json: &'a str) -> Result<Credential<R>, Refused> {
    if json.len() > ANSWER {
        return Err(Refused::Unreadable("too long"));
    }
    serde_json::from_str(json).map_err(|_| Refused::Unreadable("not the JSON of a credential"))
}

fn bytes(text: &str, longest: usize) -> Result<Vec<u8>, Refused> {
    let bytes = URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| Refused::Unreadable("not base64url"))?;
    if bytes.is_empty() || bytes.len() > longest {
        return Err(Refused::Unreadable("an empty or long field"));
    }
    Ok(bytes)
}

/// The longest parts that are taken. An answer travels in a body of at most 16 KiB.
const ANSWER: usize = 16 * 1024;
const CLIENT_DATA: usize = 4 * 1024;
const ATTESTATION_OBJECT: usize = 8 * 1024;
const AUTHENTICATOR_DATA: usize = 4 * 1024;
const SIGNATURE: usize = 1024;
/// Source: WebAuthn 2 §4, "Credential ID" and "User Handle".
const CREDENTIAL_ID: usize = 1023;
const USER_HANDLE: usize = 64;
