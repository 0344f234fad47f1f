//! `clientDataJSON`: what the browser says of the page that asked.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::{Challenge, Refused};

/// What a browser was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ceremony {
    /// A new key.
    Registration,
    /// A signature.
    Assertion,
}

/// Source: WebAuthn 2 §5.8.1; `topOrigin` is of level 3, and there only when another origin framed the page.
#[derive(Deserialize)]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: bool,
    #[serde(rename = "topOrigin")]
    top_origin: Option<String>,
    #[serde(rename = "tokenBinding")]
    token_binding: Option<TokenBinding>,
}

#[derive(Deserialize)]
struct TokenBinding {
    status: String,
}

impl Ceremony {
    const fn name(self) -> &'static str {
        match self {
            Self::Registration => "webauthn.create",
            Self::Assertion => "webauthn.get",
        }
    }
}

/// The challenge that is answered, so that it can be looked for.
pub(super) fn challenge_of(json: &[u8]) -> Result<Challenge, Refused> {
    let said: ClientData =
        serde_json::from_slice(json).map_err(|_| Refused::Unreadable("clientDataJSON"))?;
    let repeated = URL_SAFE_NO_PAD.decode(&said.challenge);
    let bytes = repeated.ok().and_then(|bytes| bytes.try_into().ok());
    bytes
        .map(Challenge::from_bytes)
        .ok_or(Refused::OtherChallenge)
}

/// Holds client data against the ceremony that was begun. Source: WebAuthn 2 §7.1 steps 5 to 10, §7.2 steps 9 to 14.
pub(super) fn verify(
    json: &[u8],
    ceremony: Ceremony,
    challenge: &Challenge,
    origin: &str,
) -> Result<(), Refused> {
    let said: ClientData =
        serde_json::from_slice(json).map_err(|_| Refused::Unreadable("clientDataJSON"))?;
    if said.r#type != ceremony.name() {
        return Err(Refused::OtherCeremony);
    }
    let repeated = URL_SAFE_NO_PAD.decode(&said.challenge);
    if !repeated.is_ok_and(|repeated| repeated == challenge.bytes()) {
        return Err(Refused::OtherChallenge);
    }
    // We bind no TLS connections, so a client that says it bound one spoke with somebody else.
    let is_bound = said
        .token_binding
        .is_some_and(|binding| binding.status == "present");
    if said.origin != origin || said.cross_origin || said.top_origin.is_some() || is_bound {
        return Err(Refused::OtherOrigin);
    }
    Ok(())
}
