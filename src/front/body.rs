//! The strict reading of a body: where it ends, and that nothing in it can be read in two ways. Source: RFC 9112 §6 and §7.1.
//!
//! It looks at the bytes as they pass and changes none. What follows the end is the next request's and is never handed on,
//! so that what pingora takes for a body and what we take for one cannot differ.

use crate::config::server::Limits;

use crate::control::{Rule, holds};

use super::gate::{Framing, Malformed, is_field_byte, is_token};

/// How much of a body is still to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes.
    Length(u64),
    /// What chunks say.
    Chunked(Chunks),
    /// Nothing can be said: something in it was wrong, and nothing after that is read.
    Broken(Malformed),
}

/// Where in a chunked body we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunks {
    at: At,
    /// Bytes of extensions and trailers that may still come.
    extra_bytes: usize,
    /// Trailers that may still come.
    trailers: usize,
}

/// The production that is being read, by the byte that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Size { digits: u8, size: u64 },
    ExtensionName { is_empty: bool, size: u64 },
    ExtensionValue { is_empty: bool, size: u64 },
    Quoted { size: u64 },
    Escaped { size: u64 },
    AfterQuoted { size: u64 },
    SizeLineFeed { size: u64 },
    Content { left: u64 },
    ContentReturn,
    ContentLineFeed,
    Trailer,
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    LastLineFeed,
    End,
}

/// Enough for any body that fits a machine, and far from where a number of 64 bits overflows.
const SIZE_DIGITS: u8 = 15;

impl Body {
    /// The body that a head announces.
    pub(super) fn of(framing: Framing, limits: &Limits) -> Self {
        match framing {
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Chunks {
                at: At::Size { digits: 0, size: 0 },
                extra_bytes: limits.header_bytes,
                trailers: limits.header_fields,
            }),
        }
    }

    /// Whether it has been read to its end.
    pub(super) fn is_at_end(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunks) => chunks.at == At::End,
            Self::Broken(_) => false,
        }
    }

    /// Reads on: how many of these bytes are the body's, from the first one. The rest is the next request's.
    ///
    /// # Errors
    /// What is wrong with it, now and from then on.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        match self {
            Self::Length(left) => {
                let taken =
                    usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= taken as u64;
                Ok(taken)
            }
            Self::Chunked(chunks) => chunks.advance(bytes).or_else(|malformed| {
                *self = Self::Broken(malformed);
                self.advance(bytes)
            }),
            Self::Broken(malformed) if holds(Rule::Chunks) => Err(*malformed),
            Self::Broken(_) => Ok(bytes.len()),
        }
    }
}

impl Chunks {
    fn advance(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        let mut rest = bytes;
        while self.at != At::End {
            if let At::Content { left } = &mut self.at {
                let taken = usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                *left -= taken as u64;
                rest = rest.get(taken..).unwrap_or_default();
                if *left > 0 {
                    break;
                }
                self.at = At::ContentReturn;
            }
            let Some((byte, after)) = rest.split_first() else {
                break;
            };
            self.at = self.step(*byte)?;
            rest = after;
        }
        Ok(bytes.len() - rest.len())
    }

    /// What comes after this byte.
    fn step(&mut self, byte: u8) -> Result<At, Malformed> {
        match (self.at, byte) {
            (At::Size { digits, size }, _) => after_size(digits, size, byte),
            (
                At::ExtensionName { size, .. }
                | At::ExtensionValue { size, .. }
                | At::Quoted { size }
                | At::Escaped { size }
                | At::AfterQuoted { size },
                _,
            ) => {
                self.spend().ok_or(Malformed::Chunk)?;
                extension(self.at, size, byte)
            }
            (At::SizeLineFeed { size: 0 } | At::TrailerLineFeed, b'\n') => Ok(At::Trailer),
            (At::SizeLineFeed { size }, b'\n') => Ok(At::Content { left: size }),
            (At::ContentReturn, b'\r') => Ok(At::ContentLineFeed),
            (At::ContentLineFeed, b'\n') => Ok(At::Size { digits: 0, size: 0 }),
            (At::Trailer | At::TrailerName | At::TrailerValue, _) => self.trailer(byte),
            (At::LastLineFeed, b'\n') => Ok(At::End),
            (
                At::SizeLineFeed { .. }
                | At::Content { .. }
                | At::ContentReturn
                | At::ContentLineFeed
                | At::TrailerLineFeed
                | At::LastLineFeed
                | At::End,
                _,
            ) => Err(Malformed::Chunk),
        }
    }

    fn trailer(&mut self, byte: u8) -> Result<At, Malformed> {
        if self.at == At::Trailer {
            if byte == b'\r' {
                return Ok(At::LastLineFeed);
            }
            self.trailers = self.trailers.checked_sub(1).ok_or(Malformed::TooLarge)?;
        }
        self.spend().ok_or(Malformed::TooLarge)?;
        match (self.at, byte) {
            (At::Trailer | At::TrailerName, name) if is_token(name) => Ok(At::TrailerName),
            (At::TrailerName, b':') => Ok(At::TrailerValue),
            (At::TrailerValue, b'\r') => Ok(At::TrailerLineFeed),
            (At::TrailerValue, value) if is_field_byte(value) => Ok(At::TrailerValue),
            _ => Err(Malformed::Trailer),
        }
    }

    /// Counts a byte that is no content.
    fn spend(&mut self) -> Option<()> {
        self.extra_bytes = self.extra_bytes.checked_sub(1)?;
        Some(())
    }
}

/// White space around a size or an extension is what one server skips and another does not: refused, though RFC 9112
/// §7.1.1 has a rule for it.
fn after_size(digits: u8, size: u64, byte: u8) -> Result<At, Malformed> {
    let digit = char::from(byte).to_digit(16);
    match (digit, byte) {
        (Some(digit), _) if digits < SIZE_DIGITS => Ok(At::Size {
            digits: digits + 1,
            size: size << 4 | u64::from(digit),
        }),
        (None, b'\r') if digits > 0 => Ok(At::SizeLineFeed { size }),
        (None, b';') if digits > 0 => Ok(At::ExtensionName {
            is_empty: true,
            size,
        }),
        _ => Err(Malformed::Chunk),
    }
}

/// `;name`, `;name=token`, `;name="quoted"`.
fn extension(at: At, size: u64, byte: u8) -> Result<At, Malformed> {
    let goes_on = match (at, byte) {
        (At::ExtensionName { .. }, name) if is_token(name) => At::ExtensionName {
            is_empty: false,
            size,
        },
        (
            At::ExtensionName {
                is_empty: false, ..
            },
            b'=',
        ) => At::ExtensionValue {
            is_empty: true,
            size,
        },
        (At::ExtensionValue { is_empty: true, .. }, b'"') => At::Quoted { size },
        (At::ExtensionValue { .. }, value) if is_token(value) => At::ExtensionValue {
            is_empty: false,
            size,
        },
        (At::Quoted { .. }, b'"') => At::AfterQuoted { size },
        (At::Quoted { .. }, b'\\') => At::Escaped { size },
        (At::Quoted { .. } | At::Escaped { .. }, text) if is_field_byte(text) => {
            At::Quoted { size }
        }
        (
            At::ExtensionName {
                is_empty: false, ..
            }
            | At::ExtensionValue {
                is_empty: false, ..
            }
            | At::AfterQuoted { .. },
            b';',
        ) => At::ExtensionName {
            is_empty: true,
            size,
        },
        (
            At::ExtensionName {
                is_empty: false, ..
            }
            | At::ExtensionValue {
                is_empty: false, ..
            }
            | At::AfterQuoted { .. },
            b'\r',
        ) => At::SizeLineFeed { size },
        _ => return Err(Malformed::Chunk),
    };
    Ok(goes_on)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunked() -> Body {
        Body::Chunked(Chunks {
            at: At::Size { digits: 0, size: 0 },
            extra_bytes: 32,
            trailers: 2,
        })
    }

    /// How much of it is the body, if that ends in it; the same whether the bytes come at once or one by one.
    fn read(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        let mut at_once = chunked();
        let first = at_once.advance(bytes);
        let mut one_by_one = chunked();
        let mut taken = Ok(0);
        for byte in bytes {
            taken =
                taken.and_then(|taken| Ok(taken + one_by_one.advance(std::slice::from_ref(byte))?));
        }
        assert_eq!(first, taken, "{}", bytes.escape_ascii());
        assert_eq!(at_once, one_by_one);
        first.map(|taken| at_once.is_at_end().then_some(taken))
    }

    #[test]
    fn a_chunked_body_ends_where_it_says_and_not_before() {
        for whole in [
            &b"0\r\n\r\n"[..],
            b"5\r\nhello\r\n0\r\n\r\n",
            b"00A;a;b=c;d=\"e;\\\"f\"\r\n0123456789\r\n000\r\n\r\n",
            b"3\r\n0\r\n\r\n0\r\n\r\n",
            b"1;a=b\r\nx\r\n0;c\r\nTrailer: value\r\nOther:\r\n\r\n",
        ] {
            assert_eq!(read(whole), Ok(Some(whole.len())));
            let more = [whole, b"GET / HTTP/1.1\r\n"].concat();
            assert_eq!(read(&more), Ok(Some(whole.len())));
            for end in 0..whole.len() {
                assert_eq!(
                    read(&whole[..end]),
                    Ok(None),
                    "{}",
                    whole[..end].escape_ascii()
                );
            }
        }
    }

    #[test]
    fn what_two_servers_read_differently_is_refused() {
        use Malformed::{Chunk, TooLarge, Trailer};
        for (bytes, why) in [
            (&b"\r\n"[..], Chunk),
            (b"g\r\n", Chunk),
            (b"0x1\r\n", Chunk),
            (b"+1\r\n", Chunk),
            (b"-1\r\n", Chunk),
            (b" 1\r\n", Chunk),
            (b"1 \r\n", Chunk),
            (b"1\t;a\r\n", Chunk),
            (b"1;\r\n", Chunk),
            (b"1;a=\r\n", Chunk),
            (b"1; a\r\n", Chunk),
            (b"1;a \r\n", Chunk),
            (b"1;a=\"b\r\n", Chunk),
            (b"1;a=\"b\"c\r\n", Chunk),
            (b"1;a\nb\r\n", Chunk),
            (b"1;a\x00\r\n", Chunk),
            (b"1\nx", Chunk),
            (b"1\rx", Chunk),
            (b"1\r\nxy", Chunk),
            (b"1\r\nx\n0", Chunk),
            (b"1\r\nx\r0", Chunk),
            (b"1\r\n\r\n0\r\n\r\n", Chunk),
            (b"0000000000000000\r\n", Chunk),
            (b"fffffffffffffffff\r\n", Chunk),
            (b"0\n\n", Chunk),
            (b"0\r\n\n", Trailer),
            (b"0\r\n\rX", Chunk),
            (b"0\r\n a: b\r\n\r\n", Trailer),
            (b"0\r\na: b\r\n c\r\n\r\n", Trailer),
            (b"0\r\n: b\r\n\r\n", Trailer),
            (b"0\r\na : b\r\n\r\n", Trailer),
            (b"0\r\na\r\n\r\n", Trailer),
            (b"0\r\na: b\nc: d\r\n\r\n", Trailer),
            (b"0\r\na: b\rc\r\n\r\n", Chunk),
            (b"0\r\na: \x00\r\n\r\n", Trailer),
            (b"0\r\nGET / HTTP/1.1\r\n\r\n", Trailer),
            (b"0\r\na:\r\nb:\r\nc:\r\n\r\n", TooLarge),
            (
                b"0\r\na: 01234567890123456789012345678901\r\n\r\n",
                TooLarge,
            ),
            (b"1;a=01234567890123456789012345678901\r\n", Chunk),
        ] {
            assert_eq!(read(bytes), Err(why), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_is_broken_stays_broken() {
        let mut body = chunked();
        assert_eq!(body.advance(b"x"), Err(Malformed::Chunk));
        assert_eq!(body.advance(b"0\r\n\r\n"), Err(Malformed::Chunk));
        assert!(!body.is_at_end());
    }

    #[test]
    fn a_length_is_counted_down() {
        let mut body = Body::Length(5);
        assert_eq!(body.advance(b"abc"), Ok(3));
        assert!(!body.is_at_end());
        assert_eq!(body.advance(b"deGET /"), Ok(2));
        assert!(body.is_at_end());
        assert_eq!(body.advance(b"GET /"), Ok(0));
    }
}
