//! The one line that a request leaves in the log, written last.
//!
//! Built by hand into a buffer that is used again: the fields are fixed, and a serialiser would cost more than the decision
//! that the line tells of. What is absent is left out; the query never stands in it, nor a token that stood in the path.

use std::cell::RefCell;
use std::io::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use crate::header::forwarded::write_address;
use crate::model::id::SessionId;
use crate::model::time::Timestamp;

use super::journal::Journal;

/// What is told of a request. Times are how long something took.
#[derive(Debug)]
pub struct Line<'a> {
    /// When it was answered.
    pub at: Timestamp,
    /// Its `X-Request-Id`; this and the next ones are `None` for what could not be read.
    pub request_id: Option<&'a str>,
    /// Its trace, 32 hexadecimal digits.
    pub trace_id: Option<&'a str>,
    /// The client's address; `None` for a unix socket.
    pub remote_ip: Option<IpAddr>,
    /// As it was sent.
    pub method: Option<&'a str>,
    /// As it was sent.
    pub host: Option<&'a str>,
    /// Without the query; the pattern of one of our own endpoints that has a secret in its path.
    pub path: Option<&'a str>,
    /// The route's name.
    pub route: Option<&'a str>,
    /// What was answered; 0 if nothing was.
    pub status: u16,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// From the head to the end.
    pub duration: Duration,
    /// The decision's share.
    pub auth: Option<Duration>,
    /// What the upstream has to do with it.
    pub upstream: Option<Upstream<'a>>,
    /// The account's id.
    pub user: Option<&'a str>,
    /// The session's id.
    pub session: Option<SessionId>,
    /// The form of the credential.
    pub auth_kind: Option<&'static str>,
    /// What was decided.
    pub decision: Option<&'static str>,
    /// Why.
    pub reason: Option<&'static str>,
    /// What the cache said.
    pub cache: Option<&'static str>,
    /// Whether the request was elevated.
    pub elevated: bool,
}

/// The upstream's share of a request.
#[derive(Debug, Clone, Copy)]
pub struct Upstream<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it answered; `None` if it did not.
    pub status: Option<u16>,
    /// How long it took.
    pub took: Duration,
}

impl Line<'_> {
    /// Writes the line. Copies; allocates only until the thread's buffer is large enough.
    pub fn write_to(&self, journal: &Journal) {
        thread_local! {
            static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        BUFFER.with_borrow_mut(|out| {
            out.clear();
            self.write(out);
            journal.write(out);
        });
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"ts\":\"");
        write_timestamp(out, self.at);
        out.extend_from_slice(b"\",\"level\":\"");
        out.extend_from_slice(if self.status >= 500 {
            b"error"
        } else {
            b"info"
        });
        out.push(b'"');
        text(out, b",\"request_id\":", self.request_id);
        text(out, b",\"trace_id\":", self.trace_id);
        if let Some(ip) = self.remote_ip {
            out.extend_from_slice(b",\"remote_ip\":\"");
            write_address(out, ip);
            out.push(b'"');
        }
        text(out, b",\"method\":", self.method);
        text(out, b",\"host\":", self.host);
        text(out, b",\"path\":", self.path);
        text(out, b",\"route\":", self.route);
        number(out, b",\"status\":", u64::from(self.status));
        number(out, b",\"bytes_in\":", self.bytes_in);
        number(out, b",\"bytes_out\":", self.bytes_out);
        millis(out, b",\"duration_ms\":", Some(self.duration));
        millis(out, b",\"auth_ms\":", self.auth);
        text(
            out,
            b",\"upstream\":",
            self.upstream.map(|upstream| upstream.name),
        );
        if let Some(status) = self.upstream.and_then(|upstream| upstream.status) {
            number(out, b",\"upstream_status\":", u64::from(status));
        }
        millis(
            out,
            b",\"upstream_ms\":",
            self.upstream.map(|upstream| upstream.took),
        );
        text(out, b",\"user\":", self.user);
        session(out, self.session);
        text(out, b",\"auth_kind\":", self.auth_kind);
        text(out, b",\"decision\":", self.decision);
        text(out, b",\"reason\":", self.reason);
        text(out, b",\"cache\":", self.cache);
        if self.elevated {
            out.extend_from_slice(b",\"elevated\":true");
        }
        out.extend_from_slice(b"}\n");
    }
}

/// Writes a JSON string without its quotes. Bytes outside ASCII are kept if they are UTF-8, as a `&str` is.
pub fn write_escaped(out: &mut Vec<u8>, text: &str) {
    let is_plain = |byte: u8| byte >= 0x20 && byte != 0x7f && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        return out.extend_from_slice(text.as_bytes());
    }
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            // A DEL cannot break JSON, but it can confuse a terminal.
            0..=0x1f | 0x7f => {
                let hex = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
                // Writing into a vector does not fail.
                let _ = write!(out, "\\u00{}{}", hex(byte >> 4), hex(byte & 15));
            }
            _ => out.push(byte),
        }
    }
}

/// Writes RFC 3339 in UTC with milliseconds. By Howard Hinnant's `civil_from_days`, without a calendar object.
pub fn write_timestamp(out: &mut Vec<u8>, at: Timestamp) {
    let (days, millis) = (
        at.millis().div_euclid(86_400_000),
        at.millis().rem_euclid(86_400_000),
    );
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    digits(out, year, 4);
    for (separator, value, width) in [
        (b'-', month, 2),
        (b'-', day, 2),
        (b'T', millis / 3_600_000, 2),
        (b':', millis / 60_000 % 60, 2),
        (b':', millis / 1000 % 60, 2),
        (b'.', millis % 1000, 3),
    ] {
        out.push(separator);
        digits(out, value, width);
    }
    out.push(b'Z');
}

fn digits(out: &mut Vec<u8>, value: i64, width: u32) {
    for place in (0..width).rev() {
        let digit = value / 10_i64.pow(place) % 10;
        out.push(b'0' + u8::try_from(digit).unwrap_or(0));
    }
}

fn text(out: &mut Vec<u8>, key: &[u8], value: Option<&str>) {
    if let Some(value) = value {
        out.extend_from_slice(key);
        out.push(b'"');
        write_escaped(out, value);
        out.push(b'"');
    }
}

fn number(out: &mut Vec<u8>, key: &[u8], value: u64) {
    out.extend_from_slice(key);
    let mut buffer = [0; 20];
    let mut rest = value;
    let mut length = 0;
    for place in buffer.iter_mut().rev() {
        *place = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        length += 1;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(buffer.get(buffer.len() - length..).unwrap_or_default());
}

fn millis(out: &mut Vec<u8>, key: &[u8], took: Option<Duration>) {
    if let Some(took) = took {
        let millis = took.as_secs().saturating_mul(1000) + u64::from(took.subsec_millis());
        number(out, key, millis);
        let micros = i64::from(took.subsec_micros() % 1000);
        out.push(b'.');
        digits(out, micros, 3);
    }
}

fn session(out: &mut Vec<u8>, session: Option<SessionId>) {
    let Some(session) = session else { return };
    out.extend_from_slice(b",\"session\":\"");
    for (place, byte) in session.bytes().iter().enumerate() {
        if [4, 6, 8, 10].contains(&place) {
            out.push(b'-');
        }
        for nibble in [byte >> 4, byte & 15] {
            out.push(if nibble < 10 {
                b'0' + nibble
            } else {
                b'a' + nibble - 10
            });
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line<'a>() -> Line<'a> {
        Line {
            at: Timestamp::from_millis(1_455_953_368_007),
            request_id: Some("r"),
            trace_id: None,
            remote_ip: None,
            method: Some("GET"),
            host: None,
            path: Some("/"),
            route: None,
            status: 200,
            bytes_in: 0,
            bytes_out: 10,
            duration: Duration::from_micros(1_002_003),
            auth: None,
            upstream: None,
            user: None,
            session: None,
            auth_kind: None,
            decision: None,
            reason: None,
            cache: None,
            elevated: false,
        }
    }

    fn written(line: &Line<'_>) -> String {
        let mut out = Vec::new();
        line.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_absent_is_left_out() {
        assert_eq!(
            written(&line()),
            "{\"ts\":\"2016-02-20T07:29:28.007Z\",\"level\":\"info\",\"request_id\":\"r\",\"method\":\"GET\",\
             \"path\":\"/\",\"status\":200,\"bytes_in\":0,\"bytes_out\":10,\"duration_ms\":1002.003}\n"
        );
    }

    #[test]
    fn every_line_is_json_whatever_a_client_sends() {
        let session = SessionId::generate();
        let nasty = "\"},{\"status\":200,\n\r\t\\\u{7f}\u{0}ä\"";
        let line = Line {
            method: Some(nasty),
            host: Some(nasty),
            path: Some(nasty),
            user: Some("u"),
            session: Some(session),
            remote_ip: Some("::1".parse().unwrap()),
            auth: Some(Duration::from_micros(1)),
            upstream: Some(Upstream {
                name: "app",
                status: Some(204),
                took: Duration::from_millis(3),
            }),
            elevated: true,
            ..line()
        };
        let text = written(&line);
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["path"], nasty);
        assert_eq!(json["session"], session.to_string());
        assert_eq!(json["auth_ms"], 0.001);
        assert_eq!(json["upstream_ms"], 3.0);
        assert_eq!(json["upstream_status"], 204);
        assert_eq!(json["elevated"], true);
    }

    #[test]
    fn the_calendar_agrees_with_the_models() {
        for seconds in [0, 951_782_400, 1_709_164_800, 1_767_225_599, 4_102_444_800] {
            let at = Timestamp::from_seconds(seconds);
            let mut out = Vec::new();
            write_timestamp(&mut out, at);
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text.replace(".000Z", "Z"), at.to_string());
        }
    }
}
