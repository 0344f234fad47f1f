//! Random characters that people read and type: Crockford's base32.
//!
//! Letter case, spaces and hyphens do not matter when it is read back, and `O`, `I` and `L` are the digits that they look
//! like. Source: <https://www.crockford.com/base32.html>.

use std::fmt;

use zeroize::Zeroize;

/// So many characters, each of five random bits.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Crockford<const LENGTH: usize>([u8; LENGTH]);

impl<const LENGTH: usize> Crockford<LENGTH> {
    pub(super) fn generate() -> Self {
        let mut random = [0; LENGTH];
        getrandom::fill(&mut random)
            .expect("the operating system's random source does not fail once it has started");
        // 256 is eight times 32, so that no character is likelier than another.
        Self(random.map(|byte| symbol(byte & 0x1f)))
    }

    /// Reads what a person typed; `None` if it cannot be that.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut read_back = [0; LENGTH];
        let mut places = read_back.iter_mut();
        for c in text.chars().filter(|c| !matches!(c, ' ' | '-')) {
            *places.next()? = read(c)?;
        }
        places.next().is_none().then_some(Self(read_back))
    }

    /// The characters in groups of four.
    pub(super) fn expose(&self) -> String {
        let groups: Vec<String> = (self.0.chunks(GROUP))
            .map(|group| group.iter().copied().map(char::from).collect())
            .collect();
        groups.join("-")
    }
}

impl<const LENGTH: usize> Drop for Crockford<LENGTH> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const LENGTH: usize> fmt::Debug for Crockford<LENGTH> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
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

const GROUP: usize = 4;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_back_however_it_is_typed() {
        let code = Crockford(*b"0A1BZ9XY");
        assert_eq!(code.expose(), "0A1B-Z9XY");
        for typed in [
            "0A1BZ9XY",
            "0a1b-z9xy",
            " 0A1B Z9XY ",
            "0-A-1-B-Z-9-X-Y",
            "oaLbz9xy",
            "OaIbz9xy",
        ] {
            assert_eq!(Crockford::parse(typed), Some(code.clone()), "{typed}");
        }
    }

    #[test]
    fn what_cannot_be_one_is_none() {
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
            assert_eq!(Crockford::<8>::parse(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn fresh_ones_differ_in_every_place_and_read_back() {
        let codes: Vec<_> = (0..200).map(|_| Crockford::<16>::generate()).collect();
        for code in &codes {
            assert_eq!(Crockford::parse(&code.expose()).as_ref(), Some(code));
        }
        for place in 0..16 {
            let seen: std::collections::BTreeSet<u8> =
                codes.iter().map(|code| code.0[place]).collect();
            assert!(seen.len() > 20, "place {place}: {seen:?}");
        }
    }
}
