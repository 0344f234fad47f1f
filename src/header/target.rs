//! The request target: what is one, and the form in which its path is matched.
//!
//! The path that is matched and the path that is forwarded must mean the same to every server behind us, so whatever a
//! server might read in another way is refused: empty and dot segments, encoded dots, slashes, backslashes and NULs. What
//! goes upstream is the client's own bytes. Source: contract section 5a, RFC 3986 §2 and §3.3, RFC 9112 §3.2.

use std::borrow::Cow;

use http::Method;

use crate::control::{Rule, holds};

/// A request target that passed the rules, but for the two that a route can lift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<'a> {
    /// The client's own bytes, for what goes upstream: origin-form, or `*`.
    pub origin_form: &'a str,
    /// Its path, the client's own bytes.
    pub path: &'a str,
    /// Its query without the `?`.
    pub query: Option<&'a str>,
    /// Its path in matching form: encoded unreserved characters decoded, hexadecimal digits in upper case, `;…` of each
    /// segment left out.
    pub matching: Cow<'a, str>,
    /// Whether a `/` is encoded in it: a route has to allow that.
    pub has_encoded_slash: bool,
    /// Whether a segment is empty: a route has to allow that.
    pub has_double_slash: bool,
}

/// Why a request target is refused: 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// Neither a path, nor an absolute URL, nor `*` for OPTIONS.
    #[error("the target is neither a path nor a URL")]
    Form,
    /// In absolute-form, for another authority than `Host` says.
    #[error("the target's authority is not the Host")]
    Authority,
    /// A byte that may not stand there.
    #[error("the target has a byte that has to be percent-encoded")]
    Byte,
    /// `%` without two hexadecimal digits.
    #[error("the target's path has a % without two hexadecimal digits")]
    Percent,
    /// An encoded dot, backslash or NUL.
    #[error("the target's path encodes a dot, backslash or NUL")]
    Encoded,
    /// `.` or `..`, alone or before `;`, or where an encoded `/` or `//` would make one.
    #[error("the target's path has a segment . or ..")]
    Dots,
    /// An encoded `/`, where the route does not allow one.
    #[error("the target's path encodes a slash")]
    EncodedSlash,
    /// `//`, where the route does not allow it.
    #[error("the target's path has an empty segment")]
    DoubleSlash,
}

impl<'a> Target<'a> {
    /// Reads a target as it stands in the request line; `host` is the `Host` field's value.
    ///
    /// # Errors
    /// [`BadTarget`], but for the last two, which depend on the route.
    pub fn parse(target: &'a [u8], method: &Method, host: &str) -> Result<Self, BadTarget> {
        let target = std::str::from_utf8(target).map_err(|_| BadTarget::Byte)?;
        let origin_form = if target.starts_with('/') || (target == "*" && method == Method::OPTIONS)
        {
            target
        } else {
            origin_form(target, host)?
        };
        let (path, query) = match origin_form.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (origin_form, None),
        };
        if !query.is_none_or(|query| query.bytes().all(is_query_byte)) {
            return Err(BadTarget::Byte);
        }
        if path == "*" {
            return Ok(Self::asterisk(origin_form));
        }
        let facts = inspect(path)?;
        Ok(Self {
            origin_form,
            path,
            query,
            matching: if facts.is_plain || !holds(Rule::Matching) {
                Cow::Borrowed(path)
            } else {
                Cow::Owned(matching_form(path))
            },
            has_encoded_slash: facts.has_encoded_slash,
            has_double_slash: facts.has_double_slash,
        })
    }

    /// The other path that a server might see if it decodes `/` and joins `//`; `None` if there is none. A route that
    /// allows these has to be the route of both.
    #[must_use]
    pub fn alternative(&self) -> Option<String> {
        (self.has_encoded_slash || self.has_double_slash).then(|| {
            let decoded = self.matching.replace("%2F", "/");
            let mut joined = String::with_capacity(decoded.len());
            for character in decoded.chars() {
                if character != '/' || !joined.ends_with('/') {
                    joined.push(character);
                }
            }
            joined
        })
    }

    /// `OPTIONS *` is about the server as a whole: it is matched as `/`.
    fn asterisk(origin_form: &'a str) -> Self {
        Self {
            origin_form,
            path: origin_form,
            query: None,
            matching: Cow::Borrowed("/"),
            has_encoded_slash: false,
            has_double_slash: false,
        }
    }
}

/// A path in matching form, as routes are compared; it has to have passed the rules.
#[must_use]
pub fn matching_form(path: &str) -> String {
    let mut form = String::with_capacity(path.len());
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            form.push('/');
        }
        let mut rest = segment.split(';').next().unwrap_or_default();
        while let Some((before, after)) = rest.split_once('%') {
            form.push_str(before);
            match octet(after.as_bytes()) {
                Some(byte) if is_unreserved(byte) => form.push(char::from(byte)),
                _ => {
                    form.push('%');
                    form.extend(
                        after
                            .chars()
                            .take(2)
                            .map(|digit| digit.to_ascii_uppercase()),
                    );
                }
            }
            rest = after.get(2..).unwrap_or_default();
        }
        form.push_str(rest);
    }
    form
}

/// What was seen in a path.
struct Facts {
    is_plain: bool,
    has_encoded_slash: bool,
    has_double_slash: bool,
}

/// Takes the path part of an absolute-form whose authority is the host.
fn origin_form<'a>(target: &'a str, host: &str) -> Result<&'a str, BadTarget> {
    let (scheme, rest) = target.split_once("://").ok_or(BadTarget::Form)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(BadTarget::Form);
    }
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(at) => rest.split_at_checked(at).ok_or(BadTarget::Form)?,
        None => (rest, "/"),
    };
    if !authority.eq_ignore_ascii_case(host) {
        return Err(BadTarget::Authority);
    }
    if path.starts_with('/') {
        Ok(path)
    } else {
        Err(BadTarget::Form)
    }
}

fn inspect(path: &str) -> Result<Facts, BadTarget> {
    let mut facts = Facts {
        is_plain: true,
        has_encoded_slash: false,
        has_double_slash: false,
    };
    let mut rest = path.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        match *byte {
            b'%' => {
                facts.is_plain = false;
                let encoded = octet(after).ok_or(BadTarget::Percent)?;
                match encoded {
                    b'.' | b'\\' | 0 => return Err(BadTarget::Encoded),
                    b'/' => facts.has_encoded_slash = true,
                    _ => {}
                }
            }
            b';' => facts.is_plain = false,
            other if is_path_byte(other) => {}
            _ => return Err(BadTarget::Byte),
        }
        rest = after;
    }
    inspect_segments(path, &mut facts)?;
    Ok(facts)
}

fn inspect_segments(path: &str, facts: &mut Facts) -> Result<(), BadTarget> {
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let name = name_of(segment);
        if name.is_empty() && segments.peek().is_some() {
            facts.has_double_slash = true;
        }
        if is_dots(name) && holds(Rule::Dots) {
            return Err(BadTarget::Dots);
        }
    }
    if facts.has_encoded_slash {
        let decoded = path.replace("%2f", "/").replace("%2F", "/");
        if decoded.split('/').any(|segment| is_dots(name_of(segment))) {
            return Err(BadTarget::Dots);
        }
    }
    Ok(())
}

/// A segment without its parameters.
fn name_of(segment: &str) -> &str {
    segment.split(';').next().unwrap_or_default()
}

/// Also before an encoded `;`, which a server that decodes before it cuts takes for the beginning of parameters.
fn is_dots(name: &str) -> bool {
    let after = name.strip_prefix("..").or_else(|| name.strip_prefix('.'));
    after
        .is_some_and(|rest| rest.is_empty() || ["%3b", "%3B"].iter().any(|it| rest.starts_with(it)))
}

/// The byte that two hexadecimal digits stand for.
fn octet(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

/// RFC 3986 §2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// RFC 3986's `pchar` and `/`, without `%`, and four more that browsers leave as they are.
fn is_path_byte(byte: u8) -> bool {
    is_unreserved(byte) || b"/:@!$&'()*+,;=[]^|".contains(&byte)
}

/// Printable ASCII but for what a server or a log might take for an end.
fn is_query_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"<>#".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "app.example:8080";

    fn parse(target: &str) -> Result<Target<'_>, BadTarget> {
        Target::parse(target.as_bytes(), &Method::GET, HOST)
    }

    #[test]
    fn a_path_has_one_matching_form() {
        for (target, matching) in [
            ("/", "/"),
            ("/adm", "/adm"),
            ("/adm/", "/adm/"),
            ("/%61dm/x", "/adm/x"),
            ("/a%7Eb%2db", "/a~b-b"),
            ("/adm;v=1/x;y", "/adm/x"),
            ("/adm/;jsessionid=1", "/adm/"),
            ("/a%c3%a4", "/a%C3%A4"),
            ("/a%25b%3b", "/a%25b%3B"),
            ("/a:@!$&'()*+,=[]^|", "/a:@!$&'()*+,=[]^|"),
            ("/a...b/..c", "/a...b/..c"),
            ("/%41dm?x=/../%2e//", "/Adm"),
            ("/a?q=100%&u=http://b\\`{}", "/a"),
        ] {
            let parsed = parse(target).unwrap();
            assert_eq!(parsed.matching, matching, "{target}");
            assert_eq!(parsed.origin_form, target);
            assert!(parsed.alternative().is_none(), "{target}");
        }
        assert!(matches!(
            parse("/a/b-c").unwrap().matching,
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn what_servers_read_differently_is_refused() {
        for (target, why) in [
            ("", BadTarget::Form),
            ("adm", BadTarget::Form),
            ("*", BadTarget::Form),
            ("/./a", BadTarget::Dots),
            ("/a/..%3b/b", BadTarget::Dots),
            ("/.%3Bx", BadTarget::Dots),
            ("/a/.", BadTarget::Dots),
            ("/a/..", BadTarget::Dots),
            ("/../a", BadTarget::Dots),
            ("/pub/..;/adm", BadTarget::Dots),
            ("/pub/..;x=y/adm", BadTarget::Dots),
            ("/%2e%2e/a", BadTarget::Encoded),
            ("/a%2Eb", BadTarget::Encoded),
            ("/a%5cb", BadTarget::Encoded),
            ("/a%00", BadTarget::Encoded),
            ("/pub/..%2fadm", BadTarget::Dots),
            ("/pub/x%2f..%2Fadm", BadTarget::Dots),
            ("/a\\b", BadTarget::Byte),
            ("/a#b", BadTarget::Byte),
            ("/a b", BadTarget::Byte),
            ("/a\tb", BadTarget::Byte),
            ("/a\0b", BadTarget::Byte),
            ("/ä", BadTarget::Byte),
            ("/a\"b", BadTarget::Byte),
            ("/a<b", BadTarget::Byte),
            ("/a{b}", BadTarget::Byte),
            ("/a`b", BadTarget::Byte),
            ("/a%", BadTarget::Percent),
            ("/a%4", BadTarget::Percent),
            ("/a%4g", BadTarget::Percent),
            ("/a%+1", BadTarget::Percent),
            ("/a?b#c", BadTarget::Byte),
            ("/a?b c", BadTarget::Byte),
            ("/a?\"", BadTarget::Byte),
            ("/a?<", BadTarget::Byte),
            ("/a?ä", BadTarget::Byte),
            ("/a?\x7f", BadTarget::Byte),
        ] {
            assert_eq!(parse(target).map(drop), Err(why), "{target:?}");
        }
        assert!(Target::parse(b"/\xff", &Method::GET, HOST).is_err());
    }

    #[test]
    fn what_a_route_can_allow_is_noted_with_the_other_path_it_may_be() {
        for (target, encoded, double, other) in [
            ("//adm/x", false, true, "/adm/x"),
            ("/a//b", false, true, "/a/b"),
            ("/;/adm", false, true, "/adm"),
            ("/;x=1/adm", false, true, "/adm"),
            ("/adm%2fx", true, false, "/adm/x"),
            ("/%2F/adm", true, false, "/adm"),
            ("/a%2f//b", true, true, "/a/b"),
        ] {
            let parsed = parse(target).unwrap();
            assert_eq!(
                (parsed.has_encoded_slash, parsed.has_double_slash),
                (encoded, double),
                "{target}"
            );
            assert_eq!(parsed.alternative().as_deref(), Some(other), "{target}");
        }
    }

    #[test]
    fn absolute_form_is_taken_for_the_host_alone_and_becomes_origin_form() {
        for (target, expected) in [
            ("http://app.example:8080/a?b", Ok("/a?b")),
            ("HTTP://APP.example:8080/a", Ok("/a")),
            ("https://app.example:8080", Ok("/")),
            ("http://app.example/a", Err(BadTarget::Authority)),
            ("http://evil.example/a", Err(BadTarget::Authority)),
            ("http://jo@app.example:8080/a", Err(BadTarget::Authority)),
            ("http:///a", Err(BadTarget::Authority)),
            ("http://app.example:8080?a", Err(BadTarget::Form)),
            ("ftp://app.example:8080/a", Err(BadTarget::Form)),
            ("app.example:8080", Err(BadTarget::Form)),
        ] {
            assert_eq!(
                parse(target).map(|parsed| parsed.origin_form),
                expected,
                "{target}"
            );
        }
    }

    #[test]
    fn an_asterisk_is_for_options_alone() {
        let target = |method| Target::parse(b"*", &method, HOST).map(|target| target.origin_form);
        assert_eq!(target(Method::OPTIONS), Ok("*"));
        assert_eq!(target(Method::GET), Err(BadTarget::Form));
        assert!(Target::parse(b"*?x", &Method::OPTIONS, HOST).is_err());
    }
}
