//! One attempt to link an account: its `state`, and what hangs on that.
//!
//! Nothing of it is stored but a digest. The `state` goes through the browser and the provider; the nonce and the PKCE
//! verifier are derived from it, the provider's name and a secret of the browser session, which leaves this house in no
//! URL. So another session's, or another provider's, `state` is not even found, and whoever reads the URL cannot use the
//! code. And any node can finish what another began.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::model::token::{PlainToken, TokenDigest, TokenKind};

/// An attempt, as the browser session that makes it can always derive it again.
#[derive(Debug)]
pub struct Attempt {
    state: PlainToken,
    digest: TokenDigest,
    nonce: Derived,
    verifier: Derived,
}

/// A text that only the session can derive. Not shown.
struct Derived(String);

impl Attempt {
    /// A new attempt at a provider, of the browser session with that secret.
    #[must_use]
    pub fn begin(provider: &str, secret: &str) -> Self {
        Self::of(PlainToken::generate(TokenKind::Linking), provider, secret)
    }

    /// The attempt that a `state` is of; `None` if it is none of ours.
    #[must_use]
    pub fn resume(state: &str, provider: &str, secret: &str) -> Option<Self> {
        let state = PlainToken::parse(state).ok();
        let state = state.filter(|state| state.kind() == TokenKind::Linking)?;
        Some(Self::of(state, provider, secret))
    }

    fn of(state: PlainToken, provider: &str, secret: &str) -> Self {
        let parts = [state.expose(), provider, secret];
        let derived = |what| Derived(base64url(TokenDigest::of_text(what, &parts).bytes()));
        Self {
            digest: TokenDigest::of_text("openid state", &parts),
            nonce: derived("openid nonce"),
            verifier: derived("openid verifier"),
            state,
        }
    }

    /// What the provider hands back.
    #[must_use]
    pub fn state(&self) -> &str {
        self.state.expose()
    }

    /// What is stored of it until it is used.
    #[must_use]
    pub const fn digest(&self) -> TokenDigest {
        self.digest
    }

    /// What the ID token has to repeat.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.nonce.0
    }

    /// What proves to the token endpoint that the code is ours. Source: RFC 7636 §4.1.
    #[must_use]
    pub fn verifier(&self) -> &str {
        &self.verifier.0
    }

    /// What the provider keeps of the verifier meanwhile. Source: RFC 7636 §4.2.
    #[must_use]
    pub fn challenge(&self) -> String {
        base64url(&Sha256::digest(self.verifier()))
    }
}

impl std::fmt::Debug for Derived {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_derived_again_by_its_own_session_and_provider_alone() {
        let begun = Attempt::begin("there", "secret");
        let again = Attempt::resume(begun.state(), "there", "secret").unwrap();
        let all = |it: &Attempt| [it.nonce().to_owned(), it.verifier().into(), it.challenge()];
        assert_eq!((all(&again), again.digest()), (all(&begun), begun.digest()));
        for (provider, secret) in [("elsewhere", "secret"), ("there", "another")] {
            let other = Attempt::resume(begun.state(), provider, secret).unwrap();
            assert_ne!(other.digest(), begun.digest());
            for (one, another) in all(&other).iter().zip(all(&begun)) {
                assert_ne!(*one, another);
            }
        }
    }

    #[test]
    fn what_is_no_state_of_ours_resumes_nothing() {
        let foreign = PlainToken::generate(TokenKind::Link);
        for state in ["", "x", foreign.expose()] {
            assert!(Attempt::resume(state, "there", "secret").is_none());
        }
    }

    #[test]
    fn the_challenge_is_the_specifications() {
        // RFC 7636, appendix B.
        let attempt = Attempt {
            verifier: Derived("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned()),
            ..Attempt::begin("", "")
        };
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert_eq!(attempt.challenge(), challenge);
    }

    #[test]
    fn nothing_secret_is_shown() {
        let attempt = Attempt::begin("there", "secret");
        let shown = format!("{attempt:?}");
        for secret in [attempt.state(), attempt.nonce(), attempt.verifier()] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
