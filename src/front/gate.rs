//! The strict reading of a head: every ambiguity that two servers could read in two ways is refused. Source: RFC 9112.
//!
//! Line by line, as the bytes arrive, so that a bare line feed is refused when it is seen and not when a deadline ends. It
//! decides about framing alone; which host and path are whose is the gateway's business, by the same bytes.

use std::ops::Range;

use http::{Method, StatusCode};
use memchr::memchr;

use crate::config::server::Limits;
use crate::control::{Rule, holds};
use crate::header::host;
use crate::header::target::Target;

/// Why a head is refused. The connection closes, because nobody knows where the next request would begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Malformed {
    /// Not `method SP target SP version`.
    RequestLine,
    /// A version that exists, and that we do not speak.
    Version,
    /// `CONNECT`, which is for another kind of proxy.
    Connect,
    /// A target that pingora would change, or whose authority is not the `Host`.
    Target,
    /// A target longer than the cap.
    TargetTooLong,
    /// A line that does not end with CRLF, or has a CR within.
    LineEnd,
    /// A line that begins with white space.
    Folded,
    /// A name or value that is none.
    Field,
    /// More fields, or a longer head, than the caps.
    TooLarge,
    /// Not exactly one valid `Host`.
    Host,
    /// A `Content-Length` that is doubled, no plain number, or beside a `Transfer-Encoding`.
    Length,
    /// A `Transfer-Encoding` that is doubled or in HTTP/1.0.
    Coding,
    /// A transfer coding other than `chunked` alone.
    CodingUnknown,
    /// A chunk whose size, extension or end is none.
    Chunk,
    /// A trailer that is no field.
    Trailer,
    /// The head did not end within its deadline.
    TooSlow,
    /// A stream of HTTP/2 that h2 resets: its head is none, or its body is not as long as it says.
    Stream,
}

/// A head that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Whole {
    /// How many bytes it has, its empty line included.
    pub(super) bytes: usize,
    pub(super) framing: Framing,
    /// A target in absolute-form: where it stands, and the same in origin-form.
    pub(super) absolute: Option<(Range<usize>, Box<str>)>,
}

/// How the body that follows a head says where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// After so many bytes.
    Length(u64),
    /// With its last chunk.
    Chunked,
}

/// How far a head was read, and what has been seen in it.
#[derive(Debug, Default)]
pub(super) struct Scan {
    line: usize,
    searched: usize,
    version: Option<Version>,
    /// A target that is not a path, to be compared with the host, and where it stands.
    absolute: Option<(usize, Box<[u8]>)>,
    fields: usize,
    hosts: usize,
    /// The `Host`, where it is needed to judge the target.
    host: Box<str>,
    length: Option<u64>,
    has_coding: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

/// The longest method that is read; the longest registered one has 17 letters.
pub(super) const METHOD_BYTES: usize = 32;

impl Malformed {
    /// What the client is told.
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::RequestLine
            | Self::Target
            | Self::LineEnd
            | Self::Folded
            | Self::Field
            | Self::Host
            | Self::Length
            | Self::Coding
            | Self::Chunk
            | Self::Trailer
            | Self::Stream => StatusCode::BAD_REQUEST,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::Connect => StatusCode::METHOD_NOT_ALLOWED,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::CodingUnknown => StatusCode::NOT_IMPLEMENTED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
        }
    }

    /// The word for it in the log.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::RequestLine => "request_line",
            Self::Version => "http_version",
            Self::Connect => "method_not_allowed",
            Self::Target => "target",
            Self::TargetTooLong => "target_too_long",
            Self::LineEnd => "line_end",
            Self::Folded => "folded_field",
            Self::Field => "field",
            Self::TooLarge => "head_too_large",
            Self::Host => "host",
            Self::Length => "content_length",
            Self::Coding => "transfer_encoding",
            Self::CodingUnknown => "transfer_coding_unknown",
            Self::Chunk => "chunk",
            Self::Trailer => "trailer",
            Self::TooSlow => "head_too_slow",
            Self::Stream => "stream",
        }
    }
}

impl Scan {
    /// Goes on where it stopped; `None` until the head is whole and unambiguous.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub(super) fn go_on(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Option<Whole>, Malformed> {
        while let Some(end) = self.find_line_feed(bytes) {
            let line = bytes.get(self.line..end).unwrap_or_default();
            self.line = end + 1;
            self.searched = self.line;
            if self.line > limits.header_bytes {
                return Err(Malformed::TooLarge);
            }
            let line = line.strip_suffix(b"\r").ok_or(Malformed::LineEnd)?;
            if self.version.is_none() {
                self.request_line(line, limits)?;
            } else if line.is_empty() {
                return self.finish().map(Some);
            } else {
                self.field(line, limits)?;
            }
        }
        self.searched = bytes.len();
        if self.version.is_none() && bytes.len() > limits.target_bytes + METHOD_BYTES + 16 {
            return Err(Malformed::TargetTooLong);
        }
        if bytes.len() > limits.header_bytes {
            return Err(Malformed::TooLarge);
        }
        Ok(None)
    }

    fn find_line_feed(&self, bytes: &[u8]) -> Option<usize> {
        let rest = bytes.get(self.searched..)?;
        memchr(b'\n', rest).map(|found| self.searched + found)
    }

    fn request_line(&mut self, line: &[u8], limits: &Limits) -> Result<(), Malformed> {
        let mut parts = line.split(|byte| *byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Malformed::RequestLine);
        };
        if method.is_empty() || method.len() > METHOD_BYTES || !method.iter().all(|b| is_token(*b))
        {
            return Err(Malformed::RequestLine);
        }
        if target.len() > limits.target_bytes {
            return Err(Malformed::TargetTooLong);
        }
        if target.is_empty() || !target.iter().all(u8::is_ascii_graphic) {
            return Err(Malformed::RequestLine);
        }
        self.version = Some(read_version(version)?);
        if method == b"CONNECT" {
            return Err(Malformed::Connect);
        }
        check_target(target)?;
        if !target.starts_with(b"/") && target != b"*" {
            self.absolute = Some((method.len() + 1, target.into()));
        }
        Ok(())
    }

    fn field(&mut self, line: &[u8], limits: &Limits) -> Result<(), Malformed> {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            return Err(Malformed::Folded);
        }
        self.fields += 1;
        if self.fields > limits.header_fields {
            return Err(Malformed::TooLarge);
        }
        let colon = memchr(b':', line);
        let (name, value) = colon
            .and_then(|colon| line.split_at_checked(colon))
            .ok_or(Malformed::Field)?;
        let value = without_white_space(value.get(1..).unwrap_or_default());
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            return Err(Malformed::Field);
        }
        // Without a short cut, so that many bytes are looked at at a time.
        if !value
            .iter()
            .fold(true, |all, byte| all & is_field_byte(*byte))
        {
            let is_cr = value.contains(&b'\r');
            return Err(if is_cr {
                Malformed::LineEnd
            } else {
                Malformed::Field
            });
        }
        self.framing(name, value)
    }

    fn framing(&mut self, name: &[u8], value: &[u8]) -> Result<(), Malformed> {
        if name.eq_ignore_ascii_case(b"host") {
            self.hosts += 1;
            let text = std::str::from_utf8(value).map_err(|_| Malformed::Host)?;
            host::normal(text).map_err(|_| Malformed::Host)?;
            if self.absolute.is_some() {
                self.host = text.into();
            }
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let is_first = self.length.is_none();
            self.length = plain_number(value).filter(|_| is_first);
            self.length.ok_or(Malformed::Length)?;
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if std::mem::replace(&mut self.has_coding, true) {
                return Err(Malformed::Coding);
            }
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Malformed::CodingUnknown);
            }
        }
        Ok(())
    }

    fn finish(&self) -> Result<Whole, Malformed> {
        if self.hosts != 1 {
            return Err(Malformed::Host);
        }
        let absolute = self.absolute.as_ref().map(|(start, target)| {
            // The method matters for `*` alone.
            let parsed = Target::parse(target, &Method::GET, &self.host);
            let origin_form = parsed.map_err(|_| Malformed::Target)?.origin_form;
            Ok((*start..start + target.len(), origin_form.into()))
        });
        let framing = match (self.has_coding, self.length) {
            (true, Some(_)) if holds(Rule::Framing) => return Err(Malformed::Length),
            (true, _) if self.version == Some(Version::Http10) => return Err(Malformed::Coding),
            (true, _) => Framing::Chunked,
            (false, length) => Framing::Length(length.unwrap_or_default()),
        };
        Ok(Whole {
            bytes: self.line,
            framing,
            absolute: absolute.transpose()?,
        })
    }
}

/// Refuses what pingora would encode, or cut off, in a target of printable ASCII.
///
/// # Errors
/// If there is such a byte.
pub(super) fn check_target(target: &[u8]) -> Result<(), Malformed> {
    let mut parts = target.split(|byte| *byte == b'?');
    let path = parts.next().unwrap_or_default();
    if target.iter().any(|byte| b"\"#<>".contains(byte)) || path.contains(&b'`') {
        return Err(Malformed::Target);
    }
    Ok(())
}

fn read_version(version: &[u8]) -> Result<Version, Malformed> {
    match version {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(Malformed::Version)
        }
        _ => Err(Malformed::RequestLine),
    }
}

/// Spaces and tabs around a value are none of it; other bytes that some trim are, and refused. Source: RFC 9110 §5.6.3.
fn without_white_space(value: &[u8]) -> &[u8] {
    let is_part = |byte: &u8| !b" \t".contains(byte);
    let start = value.iter().position(is_part).unwrap_or(value.len());
    let end = value
        .iter()
        .rposition(is_part)
        .map_or(start, |last| last + 1);
    value.get(start..end).unwrap_or_default()
}

/// A `tchar`. Source: RFC 9110 §5.6.2.
pub(super) fn is_token(byte: u8) -> bool {
    matches!(
        byte,
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'!' | b'#' | b'$' | b'%'
            | b'&' | b'\'' | b'*' | b'+' | b'^' | b'`' | b'|'
    )
}

/// What may stand in a field's value. Source: RFC 9110 §5.5.
pub(super) fn is_field_byte(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Digits without a sign, a list or leading zeros, that fit.
pub(super) fn plain_number(value: &[u8]) -> Option<u64> {
    let has_digits = value.len() <= 18 && value.iter().all(u8::is_ascii_digit);
    let is_plain = has_digits && (value == b"0" || !value.starts_with(b"0"));
    let text = std::str::from_utf8(value).ok().filter(|_| is_plain)?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limits() -> Limits {
        Limits {
            header_bytes: 512,
            header_fields: 4,
            target_bytes: 64,
            header_deadline: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(1),
            handshake_timeout: Duration::from_secs(1),
            body_idle: Duration::from_secs(1),
            body_rate: 0,
            connections: 1,
            connections_per_ip: 1,
            body_bytes: 1,
        }
    }

    fn read(head: &[u8]) -> Result<Option<Whole>, Malformed> {
        Scan::default().go_on(head, &limits())
    }

    #[test]
    fn a_plain_head_is_whole_at_its_empty_line_and_not_before() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa4 b\tc\r\n\r\nrest";
        let whole = Whole {
            bytes: head.len() - 4,
            framing: Framing::Length(0),
            absolute: None,
        };
        assert_eq!(read(head), Ok(Some(whole.clone())));
        let mut scan = Scan::default();
        for end in 0..head.len() - 5 {
            assert_eq!(scan.go_on(&head[..end], &limits()), Ok(None), "{end}");
        }
        assert_eq!(scan.go_on(head, &limits()), Ok(Some(whole)));
    }

    #[test]
    fn a_head_says_how_its_body_ends() {
        for (field, framing) in [
            ("X: y", Framing::Length(0)),
            ("Content-Length: 0", Framing::Length(0)),
            ("content-length:\t12 ", Framing::Length(12)),
            ("Transfer-Encoding: Chunked", Framing::Chunked),
        ] {
            let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n");
            assert_eq!(
                read(head.as_bytes()).map(|whole| whole.map(|it| it.framing)),
                Ok(Some(framing))
            );
        }
    }

    #[test]
    fn every_ambiguity_is_refused() {
        use Malformed::*;
        let table: &[(&[u8], Malformed)] = &[
            (b"GET / HTTP/1.1\nHost: a\n\n", LineEnd),
            (b"GET / HTTP/1.1\r\nHost: a\n\r\n", LineEnd),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", LineEnd),
            (b"GET  / HTTP/1.1\r\n", RequestLine),
            (b"GET / HTTP/1.1 \r\n", RequestLine),
            (b"GET /\r\n", RequestLine),
            (b"GET /\x80 HTTP/1.1\r\n", RequestLine),
            (b"GET /\t HTTP/1.1\r\n", RequestLine),
            (b"G\x00T / HTTP/1.1\r\n", RequestLine),
            (b"GET / http/1.1\r\n", RequestLine),
            (b"CONNECT a:1 HTTP/1.1\r\n", Connect),
            (b"GET /#a HTTP/1.1\r\n", Target),
            (b"GET /<a> HTTP/1.1\r\n", Target),
            (b"GET /`a HTTP/1.1\r\n", Target),
            (b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", Target),
            (b"GET a/b HTTP/1.1\r\nHost: a\r\n\r\n", Target),
            (b"GET / HTTP/1.2\r\n", Version),
            (b"GET / HTTP/2.0\r\n", Version),
            (b"GET / HTTP/1.1\r\n\r\n", Host),
            (b"GET / HTTP/1.0\r\n\r\n", Host),
            (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", Host),
            (b"GET / HTTP/1.1\r\nHost: \r\n\r\n", Host),
            (b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Host),
            (b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Host),
            (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", Field),
            (b"GET / HTTP/1.1\r\n: a\r\n\r\n", Field),
            (b"GET / HTTP/1.1\r\nHost\r\n\r\n", Field),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", Field),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\r\n\r\n", LineEnd),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: \x0ca\r\n\r\n", Field),
            (b"GET / HTTP/1.1\r\nHost: a\r\n X: b\r\n\r\n", Folded),
            (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", Length),
            (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", Length),
            (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", Length),
            (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 01\r\n\r\n", Length),
            (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1234567890123456789\r\n\r\n", Length),
            (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", Length),
            (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", Coding),
            (b"GET / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", Coding),
            (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", CodingUnknown),
            (b"GET / HTTP/1.1\r\nHost: a\r\n1: \r\n2: \r\n3: \r\n4: \r\n\r\n", TooLarge),
        ];
        for (head, malformed) in table {
            assert_eq!(read(head), Err(*malformed), "{}", head.escape_ascii());
        }
    }

    #[test]
    fn caps_hold_before_the_head_is_whole() {
        let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(64));
        assert_eq!(read(long.as_bytes()), Err(Malformed::TargetTooLong));
        let fits = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(63));
        assert!(read(fits.as_bytes()).is_ok_and(|whole| whole.is_some()));
        assert_eq!(read(&[b'a'; 200]), Err(Malformed::TargetTooLong));
        let wide = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "a".repeat(600));
        assert_eq!(read(wide.as_bytes()), Err(Malformed::TooLarge));
    }
}
