//! Public keys as keys write them, and their signatures. Source: RFC 9053 §2 and §7, RFC 8812 §2, RFC 8230 §4.

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};

use super::cbor::Map;
use super::{PUBLIC_KEY, Refused};

/// A public key of an algorithm that we offer.
#[derive(Debug)]
pub(super) enum PublicKey {
    /// ECDSA with P-256 and SHA-256: an uncompressed point.
    Es256(Vec<u8>),
    /// Ed25519.
    EdDsa(Vec<u8>),
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256 { modulus: Vec<u8>, exponent: Vec<u8> },
}

impl PublicKey {
    /// Reads a `COSE_Key`.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Refused> {
        if bytes.len() > PUBLIC_KEY {
            return Err(Refused::UnusableKey);
        }
        let key = Map::read(bytes)?;
        let read = match (key.number(ALG), key.number(KTY)) {
            (Some(ES256), Some(EC2)) if key.number(CRV) == Some(P_256) => point(&key),
            (Some(EDDSA), Some(OKP)) if key.number(CRV) == Some(ED25519_CURVE) => {
                coordinate(&key, X).map(|x| Self::EdDsa(x.to_vec()))
            }
            (Some(RS256), Some(RSA)) => rsa(&key),
            _ => None,
        };
        read.ok_or(Refused::UnusableKey)
    }

    /// Whether the key made a signature.
    pub(super) fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<(), Refused> {
        let verified = match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(signed, signature)
            }
            Self::EdDsa(key) => UnparsedPublicKey::new(&ED25519, key).verify(signed, signature),
            Self::Rs256 { modulus, exponent } => RsaPublicKeyComponents {
                n: modulus,
                e: exponent,
            }
            .verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature),
        };
        verified.map_err(|_| Refused::WrongSignature)
    }
}

fn point(key: &Map) -> Option<PublicKey> {
    let (x, y) = (coordinate(key, X)?, coordinate(key, Y)?);
    let point = [&[UNCOMPRESSED], x, y].concat();
    Some(PublicKey::Es256(point))
}

fn coordinate(key: &Map, name: i64) -> Option<&[u8]> {
    key.bytes(name).filter(|bytes| bytes.len() == 32)
}

/// 2048 to 4096 bits, written without leading zeros as both are.
fn rsa(key: &Map) -> Option<PublicKey> {
    let modulus = key.bytes(N)?;
    let exponent = key.bytes(E)?;
    let is_canonical = |bytes: &[u8]| bytes.first().is_some_and(|first| *first != 0);
    let fits = is_canonical(modulus)
        && is_canonical(exponent)
        && (256..=512).contains(&modulus.len())
        && exponent.len() <= 4;
    fits.then(|| PublicKey::Rs256 {
        modulus: modulus.to_vec(),
        exponent: exponent.to_vec(),
    })
}

/// What is offered, the most wanted first. Source: the IANA registry "COSE Algorithms".
pub(super) const ALGORITHMS: [i64; 3] = [ES256, EDDSA, RS256];
const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;
// Labels of every key, then of each type. Source: the IANA registries "COSE Key Common Parameters", "COSE Key Type Parameters".
const KTY: i64 = 1;
const ALG: i64 = 3;
const CRV: i64 = -1;
const X: i64 = -2;
const Y: i64 = -3;
const N: i64 = -1;
const E: i64 = -2;
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;
const P_256: i64 = 1;
const ED25519_CURVE: i64 = 6;
/// What an uncompressed point begins with. Source: SEC 1 §2.3.3.
const UNCOMPRESSED: u8 = 4;
