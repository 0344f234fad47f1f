//! Names of things. An id is never a secret and may stand in a log.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// A text that cannot be an id, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not an id: use 1 to 128 characters of A–Z a–z 0–9 . _ ~ @ + - and begin with a letter or digit"
)]
pub struct InvalidId {
    text: String,
}

/// Names an account for good; what upstreams know it by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(Arc<str>);

/// Names a client application: the "client GUID" of seed 003, the `client` of seed 001.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(Arc<str>);

/// Names a session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId([u8; 16]);

/// Names a token within its session, where it has to be named: an elevated token's `id`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId([u8; 16]);

/// Names a linked account in lists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId([u8; 16]);

/// Names a security key in lists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecurityKeyId([u8; 16]);

/// Names one request in logs, here and upstream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId([u8; 16]);

macro_rules! text_id {
    ($name:ident) => {
        impl $name {
            /// A fresh random id, in the form of a version 4 UUID (RFC 9562 §5.4).
            #[must_use]
            pub fn generate() -> Self {
                Self(uuid_text(random_uuid()).into())
            }

            /// Takes an id that an operator chose or a request named.
            ///
            /// # Errors
            /// If it is empty, longer than 128 characters, or has a character that would need escaping in a header, path or log.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                if is_text_id(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidId {
                        text: text.to_owned(),
                    })
                }
            }

            /// The id as it is written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! binary_id {
    ($name:ident) => {
        impl $name {
            /// From the bytes that [`Self::bytes`] gave.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Reads the hyphenated form, either letter case; `None` if the text is not that.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                parse_uuid(text).map(Self)
            }

            /// The sixteen bytes.
            #[must_use]
            pub const fn bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&uuid_text(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

macro_rules! random_id {
    ($name:ident) => {
        impl $name {
            /// A fresh random id, in the form of a version 4 UUID (RFC 9562 §5.4).
            #[must_use]
            pub fn generate() -> Self {
                Self(random_uuid())
            }
        }
    };
}

text_id!(AccountId);
text_id!(ClientId);
binary_id!(SessionId);
binary_id!(TokenId);
binary_id!(ConnectionId);
binary_id!(SecurityKeyId);
binary_id!(RequestId);
random_id!(SessionId);
random_id!(TokenId);
random_id!(ConnectionId);
random_id!(SecurityKeyId);

impl RequestId {
    /// A fresh id, in the form of a version 4 UUID. Every request gets one, so the system is asked for randomness once
    /// only: ids are numbers in turn from a random start, spread over all bits by a bijection. Two processes meet as
    /// rarely as their random starts do; whoever knows one id may find the next, which opens nothing.
    #[must_use]
    pub fn generate() -> Self {
        static START: OnceLock<[u64; 2]> = OnceLock::new();
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let [high, low] = START.get_or_init(|| {
            let random = u128::from_be_bytes(random_uuid());
            [random >> 64, random]
                .map(|half| u64::try_from(half & u128::from(u64::MAX)).unwrap_or(0))
        });
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let half = |start: u64| u128::from(spread(start.wrapping_add(number)));
        Self(as_uuid((half(*high) << 64 | half(*low)).to_be_bytes()))
    }

    /// Its two halves as hexadecimal digits, without hyphens. Allocates nothing.
    #[must_use]
    pub fn digits(&self) -> [[u8; 16]; 2] {
        let number = u128::from_be_bytes(self.0);
        [number >> 64, number & u128::from(u64::MAX)].map(hexadecimal)
    }
}

/// The sixteen digits of a number below 2⁶⁴, lower case. All at once: its nibbles are spread over bytes, and those above
/// nine are moved on to the letters.
const fn hexadecimal(number: u128) -> [u8; 16] {
    const ONES: u128 = u128::MAX / 0xff;
    let mut spread = (number | number << 32) & 0x0000_0000_ffff_ffff_0000_0000_ffff_ffff;
    spread = (spread | spread << 16) & 0x0000_ffff_0000_ffff_0000_ffff_0000_ffff;
    spread = (spread | spread << 8) & 0x00ff_00ff_00ff_00ff_00ff_00ff_00ff_00ff;
    spread = (spread | spread << 4) & (ONES * 0x0f);
    let letters = (spread + ONES * 6) >> 4 & ONES;
    (spread + ONES * 0x30 + letters * 0x27).to_be_bytes()
}

/// The finaliser of `splitmix64`: no two numbers give the same, and each bit moves all.
const fn spread(number: u64) -> u64 {
    let mut bits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

fn is_text_id(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._~@+-".contains(&b))
}

fn random_uuid() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .expect("the operating system's random source does not fail once it has started");
    as_uuid(bytes)
}

/// The same with the version and variant of a random UUID.
fn as_uuid(mut bytes: [u8; 16]) -> [u8; 16] {
    let [
        ..,
        _,
        _,
        _,
        _,
        _,
        _,
        version,
        _,
        variant,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
    ] = &mut bytes;
    *version = *version & 0x0f | 0x40;
    *variant = *variant & 0x3f | 0x80;
    bytes
}

fn uuid_text(bytes: [u8; 16]) -> String {
    let number = u128::from_be_bytes(bytes);
    let group = |shift: u32, digits: u32| number >> shift & ((1 << (4 * digits)) - 1);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        group(96, 8),
        group(80, 4),
        group(64, 4),
        group(48, 4),
        group(0, 12)
    )
}

fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    if lengths != [8, 4, 4, 4, 12] || !text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(&text.replace('-', ""), 16)
        .ok()
        .map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_session_id_is_a_version_4_uuid_and_reads_back() {
        let id = SessionId::generate();
        let text = id.to_string();
        assert_eq!(text.as_bytes()[14], b'4', "{text}");
        assert!(b"89ab".contains(&text.as_bytes()[19]), "{text}");
        assert_eq!(SessionId::parse(&text), Some(id));
        assert_eq!(SessionId::parse(&text.to_uppercase()), Some(id));
    }

    #[test]
    fn request_ids_are_version_4_uuids_and_differ() {
        let ids: HashSet<RequestId> = (0..10_000).map(|_| RequestId::generate()).collect();
        assert_eq!(ids.len(), 10_000);
        for id in ids.iter().take(100) {
            let text = id.to_string();
            let digits = id.digits().concat();
            assert_eq!(digits, text.replace('-', "").as_bytes(), "{text}");
            assert_eq!(text.as_bytes()[14], b'4', "{text}");
            assert!(b"89ab".contains(&text.as_bytes()[19]), "{text}");
        }
    }

    #[test]
    fn what_would_need_escaping_is_no_id() {
        for bad in [
            "",
            "-x",
            "a b",
            "a,b",
            "a/b",
            "a%b",
            "ä",
            "a:b",
            "a\n",
            &"x".repeat(129),
        ] {
            assert!(AccountId::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["42", "jo@example.org", "a.b_c~d+e-f"] {
            assert_eq!(
                AccountId::parse(good).map(|id| id.to_string()),
                Ok(good.to_owned())
            );
        }
    }
}
