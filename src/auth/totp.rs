//! Codes that an app computes from the time: RFC 6238 over HMAC-SHA-1, half minutes, six digits, as every app does it.
//!
//! Pure. That a code is good once only is the store's part.

use ring::hmac;
use subtle::ConstantTimeEq;
use url::Url;

use crate::model::factor::{TotpSecret, TotpStep};
use crate::model::time::Timestamp;

/// Six digits that a person typed.
pub(super) struct TotpCode(u32);

impl TotpCode {
    /// Reads them; spaces and hyphens do not matter. `None` if they are not six digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let typed = text.chars().filter(|c| !matches!(c, ' ' | '-'));
        let digits: Option<Vec<u32>> = typed.map(|c| c.to_digit(10)).collect();
        let digits = digits.filter(|digits| digits.len() == DIGITS)?;
        Some(Self(digits.iter().fold(0, |code, digit| code * 10 + digit)))
    }

    /// The step that it is of: the present one, or one beside it, since clocks differ (RFC 6238 §5.2).
    pub(super) fn step(&self, secret: &TotpSecret, now: Timestamp) -> Option<TotpStep> {
        let present = now.seconds().div_euclid(PERIOD);
        [0, -1, 1]
            .map(|beside| TotpStep(present.saturating_add(beside)))
            .into_iter()
            .find(|step| {
                let right = code(secret, *step).to_be_bytes();
                right.ct_eq(&self.0.to_be_bytes()).into()
            })
    }
}

/// What an app reads from the QR code.
/// Source: <https://github.com/google/google-authenticator/wiki/Key-Uri-Format>.
pub(super) fn uri(secret: &TotpSecret, house: &str, account: &str) -> String {
    let mut uri = Url::parse("otpauth://totp").expect("a constant");
    if let Ok(mut path) = uri.path_segments_mut() {
        path.push(&format!("{house}:{account}"));
    }
    let period = PERIOD.to_string();
    uri.query_pairs_mut()
        .append_pair("secret", &base32(secret))
        .append_pair("issuer", house)
        .append_pair("algorithm", "SHA1")
        .append_pair("digits", "6")
        .append_pair("period", &period);
    // A space in a form is `+`, and apps read a URI.
    uri.as_str().replace('+', "%20")
}

/// The secret as an app takes it: base32 without padding (RFC 4648 §6).
pub(super) fn base32(secret: &TotpSecret) -> String {
    // 160 bits are 32 characters to the bit.
    let (chunks, _) = secret.expose().as_chunks::<5>();
    chunks.iter().copied().flat_map(characters).collect()
}

fn characters(bytes: [u8; 5]) -> [char; 8] {
    let bits = (bytes.into_iter()).fold(0, |bits, byte| bits << 8 | u64::from(byte));
    [35, 30, 25, 20, 15, 10, 5, 0].map(|shift| {
        let place = usize::try_from(bits >> shift & 0x1f).unwrap_or_default();
        let character = ALPHABET.get(place).copied();
        char::from(character.expect("five bits are less than 32"))
    })
}

/// RFC 4226 §5.3 over the step as the counter.
fn code(secret: &TotpSecret, TotpStep(step): TotpStep) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.expose());
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let offset = tag
        .as_ref()
        .last()
        .map_or(0, |byte| usize::from(byte & 0x0f));
    let four = tag.as_ref().get(offset..).and_then(<[u8]>::first_chunk);
    let four = four.expect("an offset of four bits leaves four of twenty bytes");
    (u32::from_be_bytes(*four) & 0x7fff_ffff) % 1_000_000
}

const DIGITS: usize = 6;
/// Seconds.
const PERIOD: i64 = 30;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

#[cfg(test)]
mod tests {
    use super::*;

    const RFC: TotpSecret = TotpSecret::from_bytes(*b"12345678901234567890");

    #[test]
    fn the_rfcs_examples_come_out() {
        // RFC 6238, appendix B, the last six of eight digits.
        for (seconds, right) in [
            (59, 287_082),
            (1_111_111_109, 81_804),
            (1_111_111_111, 50_471),
            (1_234_567_890, 5_924),
            (2_000_000_000, 279_037),
            (20_000_000_000, 353_130),
        ] {
            assert_eq!(code(&RFC, TotpStep(seconds / 30)), right, "{seconds}");
        }
        // RFC 4226, appendix D.
        for (step, right) in [(0, 755_224), (1, 287_082), (9, 520_489)] {
            assert_eq!(code(&RFC, TotpStep(step)), right, "{step}");
        }
    }

    #[test]
    fn a_code_is_of_its_own_step_or_one_beside_it() {
        let typed = TotpCode::parse("287 082").unwrap();
        for (seconds, step) in [
            (29, Some(TotpStep(1))),
            (0, Some(TotpStep(1))),
            (30, Some(TotpStep(1))),
            (59, Some(TotpStep(1))),
            (89, Some(TotpStep(1))),
            (90, None),
            (-1, None),
        ] {
            let now = Timestamp::from_seconds(seconds);
            assert_eq!(typed.step(&RFC, now), step, "{seconds}");
        }
    }

    #[test]
    fn six_digits_are_a_code_and_nothing_else_is() {
        for typed in ["000000", " 123-456 ", "1 2 3 4 5 6"] {
            assert!(TotpCode::parse(typed).is_some(), "{typed}");
        }
        for typed in ["", "12345", "1234567", "12345x", "１23456", "+12345"] {
            assert!(TotpCode::parse(typed).is_none(), "{typed}");
        }
    }

    #[test]
    fn an_app_is_told_all_it_needs() {
        assert_eq!(base32(&RFC), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(
            uri(&RFC, "id.example", "jo & co@example.org"),
            "otpauth://totp/id.example:jo%20&%20co@example.org\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=id.example&algorithm=SHA1&digits=6&period=30"
        );
    }
}
