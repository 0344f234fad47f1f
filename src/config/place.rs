//! Hosts and paths as a configuration writes them: what a route or a dialect is for.
//!
//! A path has to be in the form in which paths are matched, so that a rule cannot be written that no request meets.

use super::value::Read;

/// A host: lower case, without port and final dot.
pub(super) fn host(text: &str) -> Read<Box<str>> {
    let lower = text.trim_end_matches('.').to_ascii_lowercase();
    let bare = lower
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let is_name = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    let fits = match bare {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => lower.len() <= 253 && lower.split('.').all(is_name),
    };
    fits.then(|| lower.into()).ok_or_else(|| {
        format!("{text:?} is not a host; write \"app.example\" without scheme, port or wildcard")
    })
}

/// What stands before a dialect's paths: empty, or a path that does not end with `/`.
pub(super) fn prefix(text: &str) -> Read<Box<str>> {
    match text.trim_end_matches('/') {
        "" => Ok("".into()),
        trimmed => path(trimmed, false, false),
    }
}

/// A path in matching form, with `encoded_slash` and `double_slash` as the route allows them.
pub(super) fn path(text: &str, encoded_slash: bool, double_slash: bool) -> Read<Box<str>> {
    if !text.starts_with('/') {
        return Err(format!("{text:?} does not begin with /; write \"/{text}\""));
    }
    if !double_slash && text.contains("//") {
        return Err(format!(
            "{text:?} has //, which no request may have; write one /"
        ));
    }
    if text.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(format!(
            "{text:?} has a . or .. segment, which no request may have; leave it out"
        ));
    }
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'%' => encoded(bytes.next(), bytes.next(), encoded_slash),
            b';' => {
                Err("has ;, which is left out where paths are matched; leave it out".to_owned())
            }
            b'?' | b'#' => Err("has a query or fragment; write the path alone".to_owned()),
            byte if byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) => Ok(()),
            _ => Err("has a character that a path cannot have; percent-encode it".to_owned()),
        };
        fits.map_err(|what| format!("{text:?} {what}"))?;
    }
    Ok(text.into())
}

fn encoded(high: Option<u8>, low: Option<u8>, slash: bool) -> Read<()> {
    let digit = |b: Option<u8>| char::from(b?).to_digit(16);
    let (Some(first), Some(second)) = (digit(high), digit(low)) else {
        return Err("has a % without two hex digits; write %25".to_owned());
    };
    let byte = u8::try_from(first * 16 + second).unwrap_or_default();
    let is_upper = ![high, low]
        .into_iter()
        .flatten()
        .any(|b| b.is_ascii_lowercase());
    match byte {
        b'/' if !slash => Err("has an encoded /; add allow = [\"encoded-slash\"]".to_owned()),
        b'.' | b'\\' | 0 => {
            Err("has an encoded . \\ or NUL, which no request may have; leave it out".to_owned())
        }
        byte if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) => {
            Err(format!("encodes {:?}; write it plainly", char::from(byte)))
        }
        _ if !is_upper => {
            Err("has lower-case hex digits after %; write them in upper case".to_owned())
        }
        _ => Ok(()),
    }
}

/// RFC 3986's `pchar` without letters, digits, `%` and `;`, with `/`, and with the `[ ] ^ |` that clients send.
const PLAIN: &[u8] = b"/-._~!$&'()*+,=:@[]^|";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_in_matching_form_or_refused() {
        for good in [
            "/", "/adm/", "/a.b/~c", "/a%20b", "/%C3%A4", "/a[0]", "/...", "/a=b,c",
        ] {
            assert_eq!(path(good, false, false).as_deref(), Ok(good));
        }
        for bad in [
            "", "adm", "/a//b", "/./a", "/a/..", "/a%2e", "/%41", "/%c3%a4", "/a%2Fb", "/a%",
            "/a%2", "/a%zz", "/a;b", "/a?b", "/a#b", "/ä", "/a b", "/a\\b", "/%00",
        ] {
            assert!(path(bad, false, false).is_err(), "{bad}");
        }
        assert!(path("/a%2Fb", true, false).is_ok());
        assert!(path("/a//b", false, true).is_ok());
    }

    #[test]
    fn a_host_is_a_name_or_address_alone() {
        for (written, read) in [
            ("App.Example.", "app.example"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(host(written).as_deref(), Ok(read));
        }
        for bad in [
            "",
            "a.example:80",
            "http://a",
            "*.example",
            "a/b",
            "a b",
            "ä.example",
            "[x]",
            "a..b",
        ] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_prefix_has_no_slash_at_its_end() {
        for (written, read) in [("", ""), ("/", ""), ("/api/", "/api"), ("/api", "/api")] {
            assert_eq!(prefix(written).as_deref(), Ok(read));
        }
        assert!(prefix("api").is_err());
    }
}
