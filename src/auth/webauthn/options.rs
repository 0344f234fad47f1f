//! What a browser is asked, in the form that `PublicKeyCredential.parse…OptionsFromJSON` takes.

use serde_json::{Value, json};

use super::cose::ALGORITHMS;
use super::{Challenge, RelyingParty, UserHandle, text_of};

/// For whom a key is made.
#[derive(Debug, Clone, Copy)]
pub struct NewUser<'a> {
    /// What the key knows them by.
    pub handle: UserHandle,
    /// What they log in with. The key may keep and show it; it is the reader's own.
    pub username: &'a str,
    /// What people call them.
    pub name: &'a str,
}

impl RelyingParty {
    /// Asks for a new key that is none of `known`. Source: WebAuthn 2 §5.4.
    #[must_use]
    pub fn creation_options<'a>(
        &self,
        challenge: &Challenge,
        user: &NewUser<'_>,
        known: impl IntoIterator<Item = &'a [u8]>,
    ) -> Value {
        let algorithms = ALGORITHMS.map(|alg| json!({"type": "public-key", "alg": alg}));
        json!({
            "rp": {"id": self.id, "name": self.name},
            "user": {
                "id": text_of(&user.handle.0),
                "name": user.username,
                "displayName": user.name,
            },
            "challenge": text_of(challenge.bytes()),
            "pubKeyCredParams": algorithms,
            "timeout": TIMEOUT_MILLISECONDS,
            "excludeCredentials": descriptors(known),
            // A second factor is asked for by its id: it need not take a place in the key's memory.
            "authenticatorSelection": {
                "residentKey": "discouraged",
                "requireResidentKey": false,
                "userVerification": "preferred",
            },
            "attestation": "none",
        })
    }

    /// Asks one of the keys `known` to sign. Source: WebAuthn 2 §5.5.
    #[must_use]
    pub fn request_options<'a>(
        &self,
        challenge: &Challenge,
        known: impl IntoIterator<Item = &'a [u8]>,
    ) -> Value {
        json!({
            "rpId": self.id,
            "challenge": text_of(challenge.bytes()),
            "timeout": TIMEOUT_MILLISECONDS,
            "allowCredentials": descriptors(known),
            "userVerification": "preferred",
        })
    }
}

fn descriptors<'a>(known: impl IntoIterator<Item = &'a [u8]>) -> Vec<Value> {
    known
        .into_iter()
        .map(|id| json!({"type": "public-key", "id": text_of(id)}))
        .collect()
}

/// How long a browser asks: no longer than a challenge is good for.
const TIMEOUT_MILLISECONDS: u32 = 300_000;
