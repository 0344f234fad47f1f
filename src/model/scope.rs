//! What a token may be used for.

use std::fmt;

/// One scope token. Source: RFC 6749 §3.3.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Box<str>);

impl Scope {
    /// Reads one scope; `None` if it is empty, over 128 bytes, or has a byte that the RFC's grammar leaves out
    /// (printable ASCII without space, `"` and `\`) or a comma, which would break lists in headers.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |b: u8| b.is_ascii_graphic() && !b"\"\\,".contains(&b);
        ((1..=128).contains(&text.len()) && text.bytes().all(fits)).then(|| Self(text.into()))
    }

    /// The scope as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_the_rfcs() {
        for good in ["read", "reports:read", "https://a/b", "!"] {
            assert!(Scope::parse(good).is_some(), "{good}");
        }
        for bad in ["", "a b", "a\"b", "a\\b", "a,b", "ä", "a\n"] {
            assert!(Scope::parse(bad).is_none(), "{bad}");
        }
    }
}
