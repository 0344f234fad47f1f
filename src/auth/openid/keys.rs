//! A provider's public keys, and whether one of them made a signature. Source: RFC 7517, RFC 7518 §3.3 §3.4 §6.2 §6.3.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

/// The algorithms that a token may be signed with. There is none without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
}

/// A provider's keys: those that sign with an algorithm of ours.
#[derive(Debug, Deserialize)]
#[serde(from = "Written")]
pub(super) struct KeySet(Vec<Key>);

struct Key {
    id: Option<Box<str>>,
    public: Public,
}

enum Public {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point on P-256, uncompressed.
    P256(Vec<u8>),
}

/// Which key a token names does not exist, or it is not clear which it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoSuchKey;

impl Algorithm {
    /// The algorithm of that name, if it is one of ours.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }
}

impl KeySet {
    /// Whether the key that is meant made a signature with that algorithm. Without a name there has to be one key alone
    /// that could have: OpenID Connect Core §10.1.
    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, NoSuchKey> {
        let is_meant = |key: &&Key| {
            key.public.algorithm() == algorithm && id.is_none_or(|id| key.id.as_deref() == Some(id))
        };
        let mut meant = self.0.iter().filter(is_meant);
        match (meant.next(), meant.next()) {
            (Some(key), None) => Ok(key.public.made(message, signature)),
            _ => Err(NoSuchKey),
        }
    }
}

impl Public {
    const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa { .. } => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
        }
    }

    /// Ring refuses RSA keys below 2048 bits, and points that are not on the curve.
    fn made(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa { n, e } => RsaPublicKeyComponents { n, e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            Self::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(message, signature)
                .is_ok(),
        }
    }
}

/// Shows which key it is.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id.as_deref().unwrap_or("no id");
        write!(f, "{:?} {id}", self.public.algorithm())
    }
}

/// A key set as it is written. Keys that we do not understand are left out: RFC 7517 §5.
#[derive(Deserialize)]
struct Written {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct WrittenKey {
    kty: String,
    kid: Option<Box<str>>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl From<Written> for KeySet {
    fn from(written: Written) -> Self {
        let keys = written.keys.into_iter().take(MOST_KEYS);
        let keys = keys.filter_map(|key| serde_json::from_value::<WrittenKey>(key).ok()?.read());
        Self(keys.collect())
    }
}

impl WrittenKey {
    fn read(self) -> Option<Key> {
        let public = match (&*self.kty, self.crv.as_deref()) {
            ("RSA", None) => Public::Rsa {
                n: number(self.n.as_deref()?)?,
                e: number(self.e.as_deref()?)?,
            },
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(self.x.as_deref()?)?, bytes(self.y.as_deref()?)?);
                let fits = x.len() == COORDINATE && y.len() == COORDINATE;
                fits.then(|| Public::P256([&[UNCOMPRESSED], &*x, &*y].concat()))?
            }
            _ => return None,
        };
        let is_for = |named: &str| Algorithm::named(named) == Some(public.algorithm());
        let fits = self
            .purpose
            .as_deref()
            .is_none_or(|purpose| purpose == "sig")
            && self.alg.as_deref().is_none_or(is_for);
        fits.then_some(Key {
            id: self.kid,
            public,
        })
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// A number without the zeros before it, which some write and ring does not take.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = bytes(text)?;
    let digits = bytes.iter().position(|byte| *byte != 0)?;
    bytes.get(digits..).map(<[u8]>::to_vec)
}

const MOST_KEYS: usize = 64;
const COORDINATE: usize = 32;
const UNCOMPRESSED: u8 = 4;
