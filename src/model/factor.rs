//! Second factors: what a person proves themselves with beside the password, and in the place of a mailed code.

use std::fmt;

use zeroize::Zeroize;

use super::crockford::Crockford;
use super::id::{AccountId, SecurityKeyId};
use super::time::Timestamp;
use super::token::TokenDigest;

/// What kind of factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorKind {
    /// An app that shows a new code every half minute (RFC 6238).
    Totp,
    /// A security key or passkey (`WebAuthn`).
    SecurityKey,
    /// A code from the list that its owner keeps.
    RecoveryCode,
}

/// The factors that an account has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Enrolled {
    /// Since when it has an app that shows codes; `None` if it has none, or has not yet shown that it works.
    pub totp: Option<Timestamp>,
    /// Its security keys, oldest first.
    pub keys: Vec<SecurityKey>,
    /// How many recovery codes are left.
    pub recovery_codes: u32,
}

/// The secret that an app and we share (RFC 6238). It is stored as it is, since codes are computed from it; the store's
/// file is for its owner alone.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret([u8; SECRET]);

/// What is known of an account's app.
#[derive(Debug, Clone)]
pub struct Totp {
    /// What codes are computed from.
    pub secret: TotpSecret,
    /// Since when it counts; `None` while its owner has not shown that it works.
    pub confirmed_at: Option<Timestamp>,
    /// The time step of the newest code that was taken. That one and those before it are taken no more.
    pub last_step: Option<TotpStep>,
}

/// A time step of RFC 6238 §4: half minutes since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TotpStep(pub i64);

/// A security key or passkey of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityKey {
    /// Its name in lists.
    pub id: SecurityKeyId,
    /// Whose it is.
    pub account: AccountId,
    /// What it calls itself.
    pub credential: CredentialId,
    /// Its public key, a `COSE_Key` as the key sent it (RFC 9052 §7).
    pub public_key: Box<[u8]>,
    /// The newest signature counter that it showed; zero for ever if it does not count.
    pub sign_count: u32,
    /// What its owner calls it.
    pub name: Box<str>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last taken for a proof.
    pub last_used_at: Option<Timestamp>,
}

/// A security key's own name for a credential (`WebAuthn` §4, credential id). Not a secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialId(Box<[u8]>);

/// A single-use code for when every other factor is lost: sixteen characters of Crockford's base32, eighty random bits, so
/// that its digest says nothing. Never stored, never shown but through [`Self::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(Crockford<16>);

impl FactorKind {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::SecurityKey => "security_key",
            Self::RecoveryCode => "recovery_code",
        }
    }
}

impl Enrolled {
    /// What can be shown for a proof; nothing if the account has no second factor.
    #[must_use]
    pub fn kinds(&self) -> Vec<FactorKind> {
        [
            (FactorKind::Totp, self.totp.is_some()),
            (FactorKind::SecurityKey, !self.keys.is_empty()),
            (FactorKind::RecoveryCode, self.recovery_codes > 0),
        ]
        .into_iter()
        .filter_map(|(kind, has)| has.then_some(kind))
        .collect()
    }
}

impl TotpSecret {
    /// A fresh secret of 160 bits, as RFC 4226 §4 recommends.
    ///
    /// # Panics
    /// If the operating system has no randomness, which it does not do once it has started.
    #[must_use]
    pub fn generate() -> Self {
        let mut secret = [0; SECRET];
        getrandom::fill(&mut secret)
            .expect("the operating system's random source does not fail once it has started");
        Self(secret)
    }

    /// From the bytes that [`Self::expose`] gave.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; SECRET]) -> Self {
        Self(bytes)
    }

    /// The secret itself. Whoever calls this computes with it, stores it, or shows it to its holder when it is set up.
    #[must_use]
    pub const fn expose(&self) -> &[u8; SECRET] {
        &self.0
    }
}

impl Drop for TotpSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

impl CredentialId {
    /// Takes what a key calls itself.
    #[must_use]
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl RecoveryCode {
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

    /// The code in four groups. Whoever calls this shows it to its holder and nowhere else.
    #[must_use]
    pub fn expose(&self) -> String {
        self.0.expose()
    }

    /// What is stored of it: good for one account alone.
    #[must_use]
    pub fn digest(&self, account: &AccountId) -> TokenDigest {
        TokenDigest::of_text("recovery code", &[account.as_str(), &self.expose()])
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

/// Bytes of a TOTP secret.
const SECRET: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::code::VerificationCode;

    #[test]
    fn a_recovery_code_is_one_accounts_and_is_taken_for_no_other_kind_of_code() {
        let code = RecoveryCode::generate();
        let [one, other] = ["jo", "al"].map(|id| AccountId::parse(id).unwrap());
        let typed = RecoveryCode::parse(&code.expose().to_lowercase()).unwrap();
        assert_eq!(typed.digest(&one), code.digest(&one));
        assert_ne!(code.digest(&one), code.digest(&other));
        assert_eq!(VerificationCode::parse(&code.expose()), None);
    }

    #[test]
    fn no_secret_shows_itself() {
        let code = RecoveryCode::generate();
        assert_eq!(format!("{code:?}"), "RecoveryCode(…)");
        let secret = TotpSecret::from_bytes([b'x'; SECRET]);
        assert_eq!(format!("{secret:?}"), "TotpSecret(…)");
    }

    #[test]
    fn an_account_can_show_what_it_has() {
        assert_eq!(Enrolled::default().kinds(), []);
        let enrolled = Enrolled {
            totp: Some(Timestamp::default()),
            keys: Vec::new(),
            recovery_codes: 1,
        };
        let kinds = [FactorKind::Totp, FactorKind::RecoveryCode];
        assert_eq!(enrolled.kinds(), kinds);
    }
}
