//! The base64 of `Basic`, in one spelling: standard alphabet, canonical padding, no stray bits.
//!
//! A foreign value may be as long as the head allows, so it is decoded in pieces into one buffer. Source: RFC 7617 §2,
//! RFC 4648 §3.5.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::credential::{Malformed, is_ours};

/// What a `Basic` value holds.
pub(super) enum Pair {
    /// A user-id without a prefix of ours.
    Foreign,
    /// A user-id with a prefix of ours, in something longer or shorter than a key and a token.
    Unfit,
    /// Both halves as long as a key and a token are.
    Ours {
        /// Before the first colon.
        key: [u8; TOKEN],
        /// After it.
        token: [u8; TOKEN],
    },
}

/// Decodes a `Basic` value.
///
/// # Errors
/// If it is not canonical base64, has no colon, or has a control byte.
pub(super) fn pair(encoded: &[u8]) -> Result<Pair, Malformed> {
    let mut pieces = encoded.chunks(PIECE).peekable();
    let mut first = [0; DECODED];
    let mut first_length = 0;
    let mut length = 0;
    let mut has_colon = false;
    while let Some(piece) = pieces.next() {
        let mut decoded = [0; DECODED];
        let fits = pieces.peek().is_none() || !piece.contains(&b'=');
        let decoded_length = STANDARD
            .decode_slice(piece, &mut decoded)
            .ok()
            .filter(|_| fits)
            .ok_or(Malformed::BasicEncoding)?;
        let bytes = decoded.get(..decoded_length).unwrap_or_default();
        if bytes.iter().any(u8::is_ascii_control) {
            return Err(Malformed::BasicControl);
        }
        has_colon |= bytes.contains(&b':');
        if length == 0 {
            (first, first_length) = (decoded, decoded_length);
        }
        length += decoded_length;
    }
    if !has_colon {
        return Err(Malformed::BasicColon);
    }
    let whole = first.get(..first_length).unwrap_or_default();
    if !is_ours(whole) {
        return Ok(Pair::Foreign);
    }
    let halves = split(whole).filter(|_| length == first_length);
    Ok(halves.map_or(Pair::Unfit, |(key, token)| Pair::Ours { key, token }))
}

/// At the first colon, which stands where a key ends.
fn split(bytes: &[u8]) -> Option<([u8; TOKEN], [u8; TOKEN])> {
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let (key, rest) = bytes.split_at_checked(colon)?;
    Some((key.try_into().ok()?, rest.get(1..)?.try_into().ok()?))
}

/// Bytes of a token of ours.
const TOKEN: usize = 36;

/// Characters that are decoded at once; a pair of ours fits into one piece.
const PIECE: usize = 128;

/// Bytes that a piece decodes to.
const DECODED: usize = PIECE / 4 * 3;
