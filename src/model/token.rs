//! Token strings: how they are made, recognised and digested.
//!
//! A token is 36 characters: a prefix that names its kind, then base64url of 20 random bytes and their CRC-32.
//! The checksum lets a mistyped or foreign value be refused without asking the store; it protects nothing else.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// An access token (seed 003, and what `bearer`, `x-auth` and `bare` carry).
    Access,
    /// The public half of a keyed pair (seed 001's `key`); not secret by itself.
    Key,
    /// The secret half of a keyed pair (seed 001's `token`).
    Keyed,
    /// A refresh token (seed 001).
    Refresh,
    /// A session token (seed 000's `sessionToken`).
    Session,
    /// An elevated token (seed 002).
    Elevated,
    /// A named API token.
    Api,
    /// A hand-off code (seed 000 with `handoff = "code"`).
    Handoff,
    /// A browser session, in our cookie only.
    Browser,
    /// The secret of a link that we mailed: an address to confirm, an invitation.
    Link,
    /// The `state` of an attempt to link an account elsewhere.
    Linking,
    /// What a browser holds between the password and the second factor.
    Ticket,
}

/// A token as its holder has it. Never stored, never shown but through [`Self::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct PlainToken {
    kind: TokenKind,
    text: [u8; LENGTH],
}

/// The only form of a token that is stored: SHA-256 over its kind and its length-prefixed parts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenDigest([u8; 32]);

/// Why a text is not a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAToken {
    /// It has no prefix of ours: somebody else's credential.
    #[error("not a token of ours")]
    Foreign,
    /// It has a prefix of ours and is damaged: wrong length, alphabet or checksum.
    #[error("a token of ours whose checksum is wrong")]
    Damaged,
}

/// The random value from which a refresh token's successors are derived; made once for each rotation and stored with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RotationNonce([u8; 32]);

impl TokenKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Access,
        Self::Key,
        Self::Keyed,
        Self::Refresh,
        Self::Session,
        Self::Elevated,
        Self::Api,
        Self::Handoff,
        Self::Browser,
        Self::Link,
        Self::Linking,
        Self::Ticket,
    ];

    /// What tokens of this kind begin with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Access => "csa_",
            Self::Key => "csk_",
            Self::Keyed => "cst_",
            Self::Refresh => "csr_",
            Self::Session => "css_",
            Self::Elevated => "cse_",
            Self::Api => "csp_",
            Self::Handoff => "csh_",
            Self::Browser => "csb_",
            Self::Link => "csl_",
            Self::Linking => "cso_",
            Self::Ticket => "csf_",
        }
    }

    /// The kind whose prefix a text begins with.
    #[must_use]
    pub fn of_prefix(text: &str) -> Option<Self> {
        // Prefixes differ in their third letter alone, and this is asked for every request.
        let [b'c', b's', letter, b'_', ..] = text.as_bytes() else {
            return None;
        };
        Self::ALL
            .into_iter()
            .find(|kind| kind.prefix().as_bytes().get(2) == Some(letter))
    }
}

impl PlainToken {
    /// A fresh token of 160 random bits. With [`Self::successor`] the only way to a new one.
    ///
    /// # Panics
    /// If the operating system has no randomness, which it does not do once it has started.
    #[must_use]
    pub fn generate(kind: TokenKind) -> Self {
        let mut random = [0; RANDOM];
        getrandom::fill(&mut random)
            .expect("the operating system's random source does not fail once it has started");
        Self::from_random(kind, random)
    }

    /// The token that follows this one in a rotation: the same for the same nonce, and not to be guessed without this
    /// token. So a repeated refresh gets the same answer, though the store keeps no token.
    #[must_use]
    pub fn successor(&self, nonce: &RotationNonce, kind: TokenKind) -> Self {
        let digest = Sha256::new()
            .chain_update(b"countersign successor")
            .chain_update(kind.prefix())
            .chain_update(self.text)
            .chain_update(nonce.0)
            .finalize();
        let mut random = [0; RANDOM];
        random
            .iter_mut()
            .zip(digest)
            .for_each(|(to, from)| *to = from);
        Self::from_random(kind, random)
    }

    /// Recognises a token. Allocates nothing.
    ///
    /// # Errors
    /// [`NotAToken::Foreign`] without a prefix of ours, [`NotAToken::Damaged`] with one and anything else wrong.
    pub fn parse(text: &str) -> Result<Self, NotAToken> {
        let kind = TokenKind::of_prefix(text).ok_or(NotAToken::Foreign)?;
        let whole: [u8; LENGTH] = text.as_bytes().try_into().map_err(|_| NotAToken::Damaged)?;
        let body = text.get(PREFIX..).ok_or(NotAToken::Damaged)?;
        let mut bytes = [0; RANDOM + CHECKSUM];
        let length = URL_SAFE_NO_PAD
            .decode_slice(body, &mut bytes)
            .map_err(|_| NotAToken::Damaged)?;
        let (random, sum) = bytes
            .split_first_chunk::<RANDOM>()
            .ok_or(NotAToken::Damaged)?;
        if length == bytes.len() && sum == checksum(kind, random) {
            Ok(Self { kind, text: whole })
        } else {
            Err(NotAToken::Damaged)
        }
    }

    /// What it is for.
    #[must_use]
    pub const fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The secret itself. Whoever calls this sends it to its holder and nowhere else.
    #[must_use]
    pub fn expose(&self) -> &str {
        std::str::from_utf8(&self.text).expect("a token is made of ASCII alone")
    }

    /// Its digest, as the store and the cache know it.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::over(self.kind, [self.expose()])
    }

    fn from_random(kind: TokenKind, random: [u8; RANDOM]) -> Self {
        let mut bytes = [0; RANDOM + CHECKSUM];
        bytes
            .iter_mut()
            .zip(random.iter().chain(&checksum(kind, &random)))
            .for_each(|(to, from)| *to = *from);
        let mut text = [0; LENGTH];
        let (prefix, body) = text.split_at_mut(PREFIX);
        prefix.copy_from_slice(kind.prefix().as_bytes());
        URL_SAFE_NO_PAD
            .encode_slice(bytes, body)
            .expect("32 characters hold 24 bytes in base64");
        Self { kind, text }
    }
}

impl Drop for PlainToken {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

/// Shows the kind and nothing of the secret.
impl fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", self.kind.prefix())
    }
}

impl TokenDigest {
    /// The digest of a keyed pair: neither half is found without the other.
    #[must_use]
    pub fn of_pair(key: &PlainToken, token: &PlainToken) -> Self {
        Self::over(token.kind, [key.expose(), token.expose()])
    }

    /// The digest of another secret text, such as a mailed code, in a namespace of its own.
    #[must_use]
    pub fn of_text(namespace: &str, parts: &[&str]) -> Self {
        let mut hash = Sha256::new().chain_update([0xff]);
        for part in std::iter::once(&namespace).chain(parts) {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The digest of a client's certificate, in a namespace of its own.
    #[must_use]
    pub fn of_certificate(der: &[u8]) -> Self {
        let hash = Sha256::new().chain_update([0xfe]).chain_update(der);
        Self(hash.finalize().into())
    }

    /// From the bytes that [`Self::bytes`] gave.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether two digests are the same, in time that does not depend on them.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    fn over<const N: usize>(kind: TokenKind, parts: [&str; N]) -> Self {
        let mut hash = Sha256::new().chain_update([kind as u8]);
        for part in parts {
            hash.update([u8::try_from(part.len()).unwrap_or(u8::MAX)]);
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

/// Shows four bytes, enough to tell two digests apart in a log.
impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .take(4)
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…")
    }
}

impl RotationNonce {
    /// A fresh nonce.
    ///
    /// # Panics
    /// If the operating system has no randomness, which it does not do once it has started.
    #[must_use]
    pub fn generate() -> Self {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)
            .expect("the operating system's random source does not fail once it has started");
        Self(bytes)
    }

    /// From the bytes that [`Self::bytes`] gave.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for RotationNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RotationNonce(…)")
    }
}

fn checksum(kind: TokenKind, random: &[u8; RANDOM]) -> [u8; CHECKSUM] {
    let mut crc = crc32fast::Hasher::new();
    crc.update(kind.prefix().as_bytes());
    crc.update(random);
    crc.finalize().to_be_bytes()
}

const PREFIX: usize = 4;
const RANDOM: usize = 20;
const CHECKSUM: usize = 4;
const LENGTH: usize = PREFIX + (RANDOM + CHECKSUM) * 4 / 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_every_changed_character_is_noticed() {
        let token = PlainToken::generate(TokenKind::Access);
        assert_eq!(PlainToken::parse(token.expose()).as_ref(), Ok(&token));
        for at in 4..LENGTH {
            let mut text = token.expose().to_owned().into_bytes();
            text[at] = if text[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(
                PlainToken::parse(std::str::from_utf8(&text).unwrap()),
                Err(NotAToken::Damaged),
                "at {at}"
            );
        }
    }

    #[test]
    fn another_kinds_prefix_does_not_fit_the_checksum() {
        let token = PlainToken::generate(TokenKind::Refresh);
        let moved = token.expose().replacen("csr_", "csa_", 1);
        assert_eq!(PlainToken::parse(&moved), Err(NotAToken::Damaged));
    }

    #[test]
    fn each_kind_is_known_by_its_prefix() {
        for kind in TokenKind::ALL {
            assert_eq!(TokenKind::of_prefix(kind.prefix()), Some(kind));
        }
    }

    #[test]
    fn what_has_no_prefix_of_ours_is_foreign() {
        for text in [
            "",
            "abc",
            "ghp_0123456789",
            "csa",
            "csz_0123456789",
            "csa-0123456789",
            "CSA_0123456789",
            "eyJhbGciOi",
        ] {
            assert_eq!(PlainToken::parse(text), Err(NotAToken::Foreign), "{text}");
        }
        for text in ["csa_", "csa_short", "csp_äöü"] {
            assert_eq!(PlainToken::parse(text), Err(NotAToken::Damaged), "{text}");
        }
    }

    #[test]
    fn a_pair_is_more_than_its_parts() {
        let [k1, k2] = [(); 2].map(|()| PlainToken::generate(TokenKind::Key));
        let token = PlainToken::generate(TokenKind::Keyed);
        assert_ne!(
            TokenDigest::of_pair(&k1, &token),
            TokenDigest::of_pair(&k2, &token)
        );
        assert_ne!(TokenDigest::of_pair(&k1, &token), token.digest());
    }

    #[test]
    fn a_successor_is_repeatable_for_its_nonce_alone() {
        let old = PlainToken::generate(TokenKind::Refresh);
        let [n1, n2] = [(); 2].map(|()| RotationNonce::generate());
        assert_eq!(
            old.successor(&n1, TokenKind::Keyed),
            old.successor(&n1, TokenKind::Keyed)
        );
        assert_ne!(
            old.successor(&n1, TokenKind::Keyed),
            old.successor(&n2, TokenKind::Keyed)
        );
        assert_ne!(
            old.successor(&n1, TokenKind::Keyed).expose()[4..],
            old.successor(&n1, TokenKind::Refresh).expose()[4..]
        );
        assert!(PlainToken::parse(old.successor(&n1, TokenKind::Keyed).expose()).is_ok());
    }

    #[test]
    fn the_secret_is_not_in_the_debug_text() {
        let token = PlainToken::generate(TokenKind::Api);
        assert_eq!(format!("{token:?}"), "csp_…");
    }
}
