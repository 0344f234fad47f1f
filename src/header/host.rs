//! `Host`: what is one, and the form in which two are compared.
//!
//! Contract section 5a. Source: RFC 9110 §7.2, RFC 3986 §3.2.2 and §3.2.3.

use std::borrow::Cow;

/// A `Host` field's value that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Host is not a name or address with an optional port")]
pub struct InvalidHost;

/// Reads a `Host` field's value and gives its normal form: lower case, without port and final dot. Borrows where nothing
/// changes but an end.
///
/// # Errors
/// If it is empty, has user information, a port that is not a number, or a byte that no host has.
pub fn normal(value: &str) -> Result<Cow<'_, str>, InvalidHost> {
    let (name, port) = split(value)?;
    let port_fits = port.is_none_or(|digits| {
        digits.bytes().all(|b| b.is_ascii_digit())
            && (digits.is_empty() || digits.parse::<u16>().is_ok())
    });
    let literal = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let name_fits = match literal {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_name(name),
    };
    if !port_fits || !name_fits {
        return Err(InvalidHost);
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    Ok(if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    })
}

/// Cuts off the port, if there is a colon for one.
fn split(value: &str) -> Result<(&str, Option<&str>), InvalidHost> {
    if value.starts_with('[') {
        let end = value.find(']').ok_or(InvalidHost)?;
        let (name, rest) = value.split_at_checked(end + 1).ok_or(InvalidHost)?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((name, Some(port))),
            None if rest.is_empty() => Ok((name, None)),
            None => Err(InvalidHost),
        };
    }
    let colon = value.bytes().position(|byte| byte == b':');
    Ok(
        match colon.and_then(|colon| value.split_at_checked(colon)) {
            Some((name, port)) => (name, port.get(1..)),
            None => (value, None),
        },
    )
}

/// Letters, digits, `-`, `_` and single dots between them; one dot may end it. A label is not longer than 63 bytes, all of
/// them not longer than 253 (RFC 1035 §2.3.4). Narrower than RFC 3986's `reg-name`, which no server has.
fn is_name(name: &str) -> bool {
    let labels = name.strip_suffix('.').unwrap_or(name).as_bytes();
    let mut label = 0;
    for byte in labels {
        label = match byte {
            b'.' if label > 0 => 0,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' if label < 63 => label + 1,
            _ => return false,
        };
    }
    label > 0 && labels.len() <= 253
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_has_one_normal_form() {
        for (value, expected) in [
            ("app.example", "app.example"),
            ("APP.Example", "app.example"),
            ("app.example.", "app.example"),
            ("app.example:8080", "app.example"),
            ("App.Example.:443", "app.example"),
            ("app.example:", "app.example"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]:8080", "[::1]"),
            ("[2001:DB8::1]", "[2001:db8::1]"),
            ("my_service", "my_service"),
        ] {
            assert_eq!(normal(value).as_deref(), Ok(expected), "{value}");
        }
    }

    #[test]
    fn what_no_host_looks_like_is_refused() {
        for value in [
            "",
            ".",
            "a..b",
            "..",
            ".a",
            "a b",
            " a",
            "a ",
            "user@app.example",
            "app.example:80:80",
            "app.example:+80",
            "app.example:65536",
            "app.example:8o",
            "app.example/",
            "app.example?x",
            "app.example#x",
            "app.example\\x",
            "a,b",
            "a%2eb",
            "ä.example",
            "[::1",
            "::1",
            "[::1]x",
            "[::g]",
            "[]",
            "[1.2.3.4]",
            ":80",
        ] {
            assert_eq!(normal(value), Err(InvalidHost), "{value:?}");
        }
        assert_eq!(normal(&"a".repeat(64)), Err(InvalidHost));
    }

    #[test]
    fn a_host_in_normal_form_is_borrowed() {
        assert!(matches!(normal("app.example:80"), Ok(Cow::Borrowed(_))));
    }
}
