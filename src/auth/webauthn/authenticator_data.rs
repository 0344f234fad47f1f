//! `authData`: what the key says of itself, in bytes of its own making. Source: WebAuthn 2 §6.1 and §6.5.1.

use super::{PUBLIC_KEY, Refused, cbor};

/// What was read.
#[derive(Debug)]
pub(super) struct AuthenticatorData<'a> {
    /// The SHA-256 digest of the id of the relying party that the key answered for.
    pub site: &'a [u8],
    /// Whether somebody touched the key.
    pub somebody_is_present: bool,
    /// How often the key has signed; 0 if it does not count.
    pub sign_count: u32,
    /// The new key, where one was made.
    pub credential: Option<AttestedCredential<'a>>,
}

/// A new key.
#[derive(Debug)]
pub(super) struct AttestedCredential<'a> {
    /// What it is called by browsers.
    pub id: &'a [u8],
    /// The bytes of its `COSE_Key`.
    pub public_key: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    /// Reads all of it: nothing may be left over.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Refused> {
        let mut rest = bytes;
        let site = take(&mut rest, 32)?;
        let flags = u8::from_be_bytes(array(&mut rest)?);
        let sign_count = u32::from_be_bytes(array(&mut rest)?);
        let has = |flag: u8| flags & flag != 0;
        let credential = has(ATTESTED_CREDENTIAL)
            .then(|| AttestedCredential::take(&mut rest))
            .transpose()?;
        if has(EXTENSIONS) {
            cbor::skip_map(&mut rest)?;
        }
        if !rest.is_empty() {
            return Err(Refused::Unreadable("more than authData"));
        }
        Ok(Self {
            site,
            somebody_is_present: has(USER_PRESENT),
            sign_count,
            credential,
        })
    }
}

impl<'a> AttestedCredential<'a> {
    fn take(rest: &mut &'a [u8]) -> Result<Self, Refused> {
        take(rest, MODEL)?;
        let length = usize::from(u16::from_be_bytes(array(rest)?));
        if length == 0 || length > LONGEST_ID {
            return Err(Refused::Unreadable("the length of the credential's id"));
        }
        let id = take(rest, length)?;
        let from = *rest;
        cbor::skip_map(rest)?;
        let public_key = from
            .get(..from.len() - rest.len())
            .filter(|key| key.len() <= PUBLIC_KEY)
            .ok_or(Refused::UnusableKey)?;
        Ok(Self { id, public_key })
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Refused> {
    let (taken, left) = rest.split_at_checked(length).ok_or(TOO_SHORT)?;
    *rest = left;
    Ok(taken)
}

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Refused> {
    let (taken, left) = rest.split_first_chunk().ok_or(TOO_SHORT)?;
    *rest = left;
    Ok(*taken)
}

const TOO_SHORT: Refused = Refused::Unreadable("authData is too short");
const USER_PRESENT: u8 = 1;
const ATTESTED_CREDENTIAL: u8 = 1 << 6;
const EXTENSIONS: u8 = 1 << 7;
/// Bytes of the AAGUID, which names the key's model: nobody asks.
const MODEL: usize = 16;
/// Source: WebAuthn 2 §7.1, as later editions have it: a longer one is refused.
const LONGEST_ID: usize = 1023;
