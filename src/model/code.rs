//! Verification codes: what a person is mailed and types in to prove themselves again.
//!
//! Eight characters of Crockford's base32, forty random bits: few enough to type, and, with the tries that the store allows,
//! too many to guess. Source: seed 002.

use std::fmt;

use super::crockford::Crockford;
use super::id::SessionId;
use super::token::TokenDigest;

/// A code as its holder has it. Never stored, never shown but through [`Self::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct VerificationCode(Crockford<8>);

impl VerificationCode {
    /// A fresh code.
    ///
    /// # Panics
    /// If the operating system has no randomness, which it does not do once it has started.
    #[must_use]
    pub fn generate() -> Self {
        Self(Crockford::generate())
    }

    /// Reads what a person typed: letter case, spaces and hyphens do not matter, and `O`, `I` and `L` are the digits that
    /// they look like. `None` if it cannot be a code.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Crockford::parse(text).map(Self)
    }

    /// The code in two groups, as it is mailed. Whoever calls this sends it to its holder and nowhere else.
    #[must_use]
    pub fn expose(&self) -> String {
        self.0.expose()
    }

    /// What is stored of it: good for one session alone.
    #[must_use]
    pub fn digest(&self, session: &SessionId) -> TokenDigest {
        TokenDigest::of_text("verification code", &[&session.to_string(), &self.expose()])
    }
}

impl fmt::Debug for VerificationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerificationCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_another_digest_for_each_session_and_shows_nothing() {
        let code = VerificationCode::generate();
        let [one, other] = [SessionId::generate(), SessionId::generate()];
        let typed = VerificationCode::parse(&code.expose()).unwrap();
        assert_eq!(code.digest(&one), typed.digest(&one));
        assert_ne!(code.digest(&one), code.digest(&other));
        assert!(!format!("{code:?}").contains(&code.expose()[..4]));
    }
}
