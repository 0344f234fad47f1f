//! Verification codes: what a person is mailed and types in to prove themselves again.
//!
//! Eight characters of Crockford's base32, forty random bits: few enough to type, and, with the tries that the store allows,
//! too many to guess. Source: seed 002, <https://www.crockford.com/base32.html>.

use std::fmt;

use zeroize::Zeroize;

use super::id::SessionId;
use super::token::TokenDigest;

/// A code as its holder has it. Never stored, never shown but through [`Self::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct VerificationCode([u8; LENGTH]);

impl VerificationCode {
    /// A fresh code.
    ///
    /// # Panics
    /// If the operating system has no randomness, which it does not do once it has started.
    #[must_use]
    pub fn generate() -> Self {
        let mut random = [0; LENGTH];
        getrandom::fill(&mut random)
            .expect("the operating system's random source does not fail once it has started");
        // 256 is eight times 32, so that no character is likelier than another.
        Self(random.map(|byte| symbol(byte & 0x1f)))
    }

    /// Reads what a person typed: letter case, spaces and hyphens do not matter, and `O`, `I` and `L` are the digits that
    /// they look like. `None` if it cannot be a code.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut code = [0; LENGTH];
        let mut places = code.iter_mut();
        for c in text.chars().filter(|c| !matches!(c, ' ' | '-')) {
            *places.next()? = read(c)?;
        }
        places.next().is_none().then_some(Self(code))
    }

    /// The code in two groups, as it is mailed. Whoever calls this sends it to its holder and nowhere else.
    #[must_use]
    pub fn expose(&self) -> String {
        let (first, second) = self.0.split_at(LENGTH / 2);
        let group = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect::<String>();
        format!("{}-{}", group(first), group(second))
    }

    /// What is stored of it: good for one session alone.
    #[must_use]
    pub fn digest(&self, session: &SessionId) -> TokenDigest {
        TokenDigest::of_text("verification code", &[&session.to_string(), &self.expose()])
    }
}

impl Drop for VerificationCode {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for VerificationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerificationCode(…)")
    }
}

fn symbol(value: u8) -> u8 {
    ALPHABET
        .get(usize::from(value))
        .copied()
        .expect("five bits are less than 32")
}

fn read(c: char) -> Option<u8> {
    let c = match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let byte = u8::try_from(c).ok()?;
    ALPHABET.contains(&byte).then_some(byte)
}

const LENGTH: usize = 8;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_back_however_it_is_typed() {
        let code = VerificationCode(*b"0A1BZ9XY");
        assert_eq!(code.expose(), "0A1B-Z9XY");
        for typed in [
            "0A1BZ9XY",
            "0a1b-z9xy",
            " 0A1B Z9XY ",
            "0-A-1-B-Z-9-X-Y",
            "oaLbz9xy",
            "OaIbz9xy",
        ] {
            assert_eq!(
                VerificationCode::parse(typed),
                Some(code.clone()),
                "{typed}"
            );
        }
    }

    #[test]
    fn what_cannot_be_a_code_is_none() {
        for typed in [
            "",
            "0A1BZ9X",
            "0A1BZ9XYZ",
            "0A1BZ9XU",
            "0A1BZ9X*",
            "0A1B\tZ9XY",
            "0A1B_Z9XY",
            "0A1BZ9Xé",
            "０A1BZ9XY",
        ] {
            assert_eq!(VerificationCode::parse(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn fresh_codes_differ_in_every_place_and_read_back() {
        let codes: Vec<_> = (0..200).map(|_| VerificationCode::generate()).collect();
        for code in &codes {
            assert_eq!(VerificationCode::parse(&code.expose()).as_ref(), Some(code));
        }
        for place in 0..LENGTH {
            let seen: std::collections::BTreeSet<u8> =
                codes.iter().map(|code| code.0[place]).collect();
            assert!(seen.len() > 20, "place {place}: {seen:?}");
        }
    }

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
