//! Passwords: what they may be, how they are hashed, how hashes are checked.
//!
//! Argon2id with the configured parameters (OWASP's by default), and the hashes of other systems that were imported: any
//! Argon2 in PHC form, and bcrypt. Those are replaced by ours at the next login; until then a login of such an account takes
//! the time that its own hash takes, which tells where the account came from and nothing else. Everything here computes for
//! tens of milliseconds and more, and is called on the threads of the [hasher](super::hasher) alone.
//!
//! Source: NIST SP 800-63B §3.1.1.2: NFKC before hashing, length in characters, no rules of composition.

use std::fmt;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::config::section;
use crate::store::accounts::PasswordHash;

/// A password as somebody typed it, in the one form that is hashed. Shown nowhere, wiped when it is dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// A password that is shorter than the configuration allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password is too short: use at least {least} characters")]
pub struct TooShort {
    /// Characters of the shortest that is allowed.
    pub least: usize,
}

/// A stored hash that no password can be checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusableHash {
    /// It is of a kind that is not known, or too weak to be kept even for a while.
    #[error(
        "not a password hash that can be checked: Argon2 in PHC form and bcrypt can, htpasswd's MD5, SHA-1 and crypt cannot"
    )]
    Unsupported,
    /// It is damaged.
    #[error("a damaged password hash")]
    Damaged,
    /// Checking it would take too much memory or time.
    #[error(
        "a password hash that asks for more than 256 MiB, 16 passes, 16 lanes or bcrypt cost 15"
    )]
    TooCostly,
}

/// What a check of a password gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the password, and its hash is as we would make it today.
    Match,
    /// It is the password, and its hash should be made anew.
    Outdated,
    /// It is not the password, or there is none.
    Mismatch,
}

/// Our parameters, and the memory that one thread uses again for each hash: fresh memory would cost a third more time.
pub(super) struct Workspace {
    ours: Params,
    blocks: Vec<Block>,
}

/// A stored hash, read and found to be within bounds.
enum Encoded<'a> {
    Argon2 {
        algorithm: Algorithm,
        version: Version,
        params: Params,
        salt: phc::Salt,
        output: phc::Output,
    },
    Bcrypt {
        cost: u32,
        text: &'a str,
    },
}

impl Password {
    /// A password as it was typed.
    #[must_use]
    pub fn new(typed: &str) -> Self {
        Self(Zeroizing::new(typed.nfkc().collect()))
    }

    /// Checks the one rule there is for a new password.
    ///
    /// # Errors
    /// If it has fewer characters than `least`.
    pub fn check_length(&self, least: usize) -> Result<(), TooShort> {
        if self.0.chars().count() < least {
            Err(TooShort { least })
        } else {
            Ok(())
        }
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Whether passwords can be checked against a hash of another system.
///
/// # Errors
/// If not, and why.
pub fn check_hash(hash: &PasswordHash) -> Result<(), UnusableHash> {
    if Encoded::parse(hash.expose())?.is_bounded() {
        Ok(())
    } else {
        Err(UnusableHash::TooCostly)
    }
}

impl Workspace {
    /// A workspace without memory; that comes with its first hash.
    ///
    /// # Errors
    /// If Argon2 does not know such parameters.
    pub(super) fn new(config: &section::Password) -> Result<Self, argon2::Error> {
        let (memory, passes, lanes) = (config.memory_kib, config.iterations, config.parallelism);
        Ok(Self {
            ours: Params::new(memory, passes, lanes, Some(OUTPUT))?,
            blocks: Vec::new(),
        })
    }

    /// Hashes a password with a fresh salt, as a PHC string.
    pub(super) fn hash(&mut self, password: &Password) -> Result<PasswordHash, argon2::Error> {
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt)
            .expect("the operating system's random source does not fail once it has started");
        let params = self.ours.clone();
        let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
        let mut output = [0; OUTPUT];
        self.run(algorithm, version, &params, (password, &salt), &mut output)?;
        let encoded = phc::PasswordHash {
            algorithm: algorithm.ident(),
            version: Some(version.into()),
            params: phc::ParamsString::try_from(&params)
                .map_err(|_| argon2::Error::AlgorithmInvalid)?,
            salt: Some(phc::Salt::new(&salt).map_err(|_| argon2::Error::SaltTooLong)?),
            hash: Some(phc::Output::new(&output).map_err(|_| argon2::Error::OutputTooLong)?),
        };
        Ok(PasswordHash::new(encoded.to_string()))
    }

    /// Checks a password. Without a hash, or with one that cannot be used, the same work is done for nothing.
    pub(super) fn verify(&mut self, password: &Password, hash: Option<&PasswordHash>) -> Verdict {
        let encoded = hash
            .and_then(|hash| Encoded::parse(hash.expose()).ok())
            .filter(|encoded| encoded.is_bounded() || encoded.is_like(&self.ours));
        let matches = match &encoded {
            Some(Encoded::Argon2 {
                algorithm,
                version,
                params,
                salt,
                output,
            }) => {
                let mut computed = vec![0; output.len()];
                let ran = self.run(
                    *algorithm,
                    *version,
                    params,
                    (password, salt),
                    &mut computed,
                );
                ran.is_ok() && bool::from(computed.ct_eq(output.as_bytes()))
            }
            Some(Encoded::Bcrypt { text, .. }) => {
                bcrypt::verify(password.bytes(), text).unwrap_or(false)
            }
            None => {
                self.waste(password);
                false
            }
        };
        match encoded {
            Some(encoded) if matches => {
                if encoded.is_like(&self.ours) {
                    Verdict::Match
                } else {
                    Verdict::Outdated
                }
            }
            Some(_) | None => Verdict::Mismatch,
        }
    }

    fn waste(&mut self, password: &Password) {
        let params = self.ours.clone();
        let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
        let mut output = [0; OUTPUT];
        let _ = self.run(
            algorithm,
            version,
            &params,
            (password, &[0; SALT]),
            &mut output,
        );
    }

    fn run(
        &mut self,
        algorithm: Algorithm,
        version: Version,
        params: &Params,
        (password, salt): (&Password, &[u8]),
        output: &mut [u8],
    ) -> Result<(), argon2::Error> {
        let needed = params.block_count();
        if self.blocks.len() < needed {
            self.blocks.resize(needed, Block::new());
        }
        let done = Argon2::new(algorithm, version, params.clone()).hash_password_into_with_memory(
            password.bytes(),
            salt,
            output,
            &mut self.blocks,
        );
        let usual = self.ours.block_count();
        if self.blocks.len() > usual {
            self.blocks.truncate(usual);
            self.blocks.shrink_to_fit();
        }
        done
    }
}

impl fmt::Debug for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workspace")
            .field("ours", &self.ours)
            .finish_non_exhaustive()
    }
}

impl<'a> Encoded<'a> {
    fn parse(text: &'a str) -> Result<Self, UnusableHash> {
        if let Some(rest) = ["$2a$", "$2b$", "$2y$"]
            .into_iter()
            .find_map(|prefix| text.strip_prefix(prefix))
        {
            return bcrypt_cost(rest).map(|cost| Self::Bcrypt { cost, text });
        }
        if !text.starts_with("$argon2") {
            return Err(UnusableHash::Unsupported);
        }
        let read = phc::PasswordHash::new(text).map_err(|_| UnusableHash::Damaged)?;
        let algorithm =
            Algorithm::try_from(read.algorithm.as_str()).map_err(|_| UnusableHash::Unsupported)?;
        // Argon2's own default where a string has no version is 1.0 (version 16).
        let version = Version::try_from(read.version.unwrap_or(0x10))
            .map_err(|_| UnusableHash::Unsupported)?;
        let params = Params::try_from(&read).map_err(|_| UnusableHash::Damaged)?;
        let (Some(salt), Some(output)) = (read.salt, read.hash) else {
            return Err(UnusableHash::Damaged);
        };
        Ok(Self::Argon2 {
            algorithm,
            version,
            params,
            salt,
            output,
        })
    }

    /// Whether checking it takes no more than an imported hash may ask for.
    fn is_bounded(&self) -> bool {
        match self {
            Self::Argon2 { params, .. } => {
                params.m_cost() <= MOST_MEMORY_KIB
                    && params.t_cost() <= MOST_PASSES
                    && params.p_cost() <= MOST_LANES
            }
            Self::Bcrypt { cost, .. } => *cost <= MOST_BCRYPT_COST,
        }
    }

    fn is_like(&self, ours: &Params) -> bool {
        match self {
            Self::Argon2 {
                algorithm,
                version,
                params,
                ..
            } => {
                *algorithm == Algorithm::Argon2id
                    && *version == Version::V0x13
                    && (params.m_cost(), params.t_cost(), params.p_cost())
                        == (ours.m_cost(), ours.t_cost(), ours.p_cost())
            }
            Self::Bcrypt { .. } => false,
        }
    }
}

/// Reads what follows bcrypt's prefix: two digits of cost, `$`, and 53 characters of salt and hash.
fn bcrypt_cost(rest: &str) -> Result<u32, UnusableHash> {
    let (cost, body) = rest.split_once('$').ok_or(UnusableHash::Damaged)?;
    let cost: u32 = cost.parse().map_err(|_| UnusableHash::Damaged)?;
    let is_body = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'/';
    if body.len() == 53 && body.bytes().all(is_body) && (4..=31).contains(&cost) {
        Ok(cost)
    } else {
        Err(UnusableHash::Damaged)
    }
}

const SALT: usize = 16;
const OUTPUT: usize = 32;

// A stored hash says itself what checking it costs; an imported one must not be able to stop the house.
const MOST_MEMORY_KIB: u32 = 256 * 1024;
const MOST_PASSES: u32 = 16;
const MOST_LANES: u32 = 16;
const MOST_BCRYPT_COST: u32 = 15;

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> Workspace {
        Workspace::new(&section::Password {
            memory_kib: 64,
            iterations: 1,
            parallelism: 1,
            concurrency: 1,
            queue: 1,
            min_length: 8,
        })
        .unwrap()
    }

    #[test]
    fn a_hash_is_of_one_password_and_salted() {
        let mut workspace = workspace();
        let password = Password::new("correct horse");
        let [one, two] = [(); 2].map(|()| workspace.hash(&password).unwrap());
        assert!(one.expose().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert_ne!(one.expose(), two.expose());
        assert_eq!(workspace.verify(&password, Some(&one)), Verdict::Match);
        let other = Password::new("correct horsf");
        assert_eq!(workspace.verify(&other, Some(&one)), Verdict::Mismatch);
        assert_eq!(workspace.verify(&password, None), Verdict::Mismatch);
    }

    #[test]
    fn hashes_of_other_systems_are_checked_and_outdated() {
        // Made by the reference implementation of Argon2 (its test.c), htpasswd -B, and OpenBSD's bcrypt.
        let known = [
            (
                "password",
                "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            ),
            (
                "password",
                "$argon2i$m=256,t=2,p=2$c29tZXNhbHQ$tsEVYKap1h6scGt5ovl9aLRGOqOth+AMB+KwHpDFZPs",
            ),
            (
                "U*U",
                "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            ),
        ];
        let mut workspace = workspace();
        for (password, hash) in known {
            let stored = PasswordHash::new(hash);
            assert_eq!(check_hash(&stored), Ok(()), "{hash}");
            let right = Password::new(password);
            assert_eq!(
                workspace.verify(&right, Some(&stored)),
                Verdict::Outdated,
                "{hash}"
            );
            let wrong = Password::new("passwore");
            assert_eq!(
                workspace.verify(&wrong, Some(&stored)),
                Verdict::Mismatch,
                "{hash}"
            );
        }
    }

    #[test]
    fn hashes_that_are_weak_damaged_or_too_costly_are_refused() {
        let salt_and_hash = "c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let costly = |params: &str| format!("$argon2id$v=19${params}${salt_and_hash}");
        let bcrypt = |cost: &str| {
            format!("$2b${cost}$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")
        };
        for (hash, why) in [
            (String::new(), UnusableHash::Unsupported),
            ("hunter2".into(), UnusableHash::Unsupported),
            (
                "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=".into(),
                UnusableHash::Unsupported,
            ),
            (
                "$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00".into(),
                UnusableHash::Unsupported,
            ),
            (
                "$argon2x$v=19$m=64,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMRnf65".into(),
                UnusableHash::Unsupported,
            ),
            (
                "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ".into(),
                UnusableHash::Damaged,
            ),
            (costly("m=262145,t=1,p=1"), UnusableHash::TooCostly),
            (costly("m=64,t=17,p=1"), UnusableHash::TooCostly),
            (costly("m=4096,t=1,p=17"), UnusableHash::TooCostly),
            (costly("m=x,t=1,p=1"), UnusableHash::Damaged),
            (bcrypt("16"), UnusableHash::TooCostly),
            (bcrypt("31"), UnusableHash::TooCostly),
            (bcrypt("05") + "x", UnusableHash::Damaged),
        ] {
            assert_eq!(
                check_hash(&PasswordHash::new(hash.as_str())),
                Err(why),
                "{hash}"
            );
        }
    }

    #[test]
    fn one_password_typed_on_two_keyboards_is_the_same() {
        let mut workspace = workspace();
        let hash = workspace
            .hash(&Password::new("p\u{e4}ssw\u{f6}rt"))
            .unwrap();
        let decomposed = Password::new("pa\u{308}sswo\u{308}rt");
        assert_eq!(workspace.verify(&decomposed, Some(&hash)), Verdict::Match);
    }

    #[test]
    fn length_counts_characters() {
        assert_eq!(Password::new("äöüäöüäö").check_length(8), Ok(()));
        assert_eq!(
            Password::new("äöüäöüä").check_length(8),
            Err(TooShort { least: 8 })
        );
    }

    #[test]
    fn a_password_is_not_in_the_debug_text() {
        assert_eq!(format!("{:?}", Password::new("secret")), "Password(…)");
    }
}
