//! Our cookies among the others: found byte for byte, and taken out without touching them.
//!
//! Source: RFC 6265 §4.2.1 (what a browser sends) and §5.4; a server must not trim or unquote what it compares.

use http::HeaderValue;

/// The names of the cookies that browsers send us with every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    /// The browser session's.
    pub session: &'static str,
    /// That of the elevated token beside it.
    pub elevation: &'static str,
}

/// What a pair is to us.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ours<'a> {
    /// Another cookie.
    No,
    /// Ours, with this value.
    Value(&'a [u8]),
    /// Ours to a lenient reader: with spaces or without `=`.
    Misspelled,
}

/// The pairs of a `Cookie` field's value, each with whatever stands around it.
pub(super) fn pairs(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b';')
}

/// Whether a pair is our cookie.
pub(super) fn ours<'a>(pair: &'a [u8], name: &str) -> Ours<'a> {
    let exact = pair.strip_prefix(b" ").unwrap_or(pair);
    if let Some(value) = exact
        .strip_prefix(name.as_bytes())
        .and_then(|rest| rest.strip_prefix(b"="))
    {
        return Ours::Value(value);
    }
    let shown = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
    if shown.trim_ascii() == name.as_bytes() {
        Ours::Misspelled
    } else {
        Ours::No
    }
}

/// What is left of a `Cookie` field's value without our cookies, in any spelling; the others stay byte for byte. `None` if
/// nothing is to be taken out.
///
/// An empty value is left if there was no other.
#[must_use]
pub fn without_ours(value: &HeaderValue, names: Names) -> Option<HeaderValue> {
    let bytes = value.as_bytes();
    let is_other = |pair: &[u8]| {
        ours(pair, names.session) == Ours::No && ours(pair, names.elevation) == Ours::No
    };
    if pairs(bytes).all(is_other) {
        return None;
    }
    let mut left = Vec::with_capacity(bytes.len());
    for pair in pairs(bytes).filter(|pair| is_other(pair)) {
        if left.is_empty() {
            left.extend_from_slice(pair.trim_ascii_start());
        } else {
            left.push(b';');
            left.extend_from_slice(pair);
        }
    }
    let left = HeaderValue::from_bytes(&left);
    Some(left.expect("bytes of a field's value make a field's value"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_cookies_are_taken_out_and_the_others_stay_as_they_are() {
        for (before, after) in [
            ("a=b", None),
            ("a=b; cs2=x", None),
            ("cs=x", Some("")),
            ("cs=x; a=b", Some("a=b")),
            ("a=b; cs=x", Some("a=b")),
            ("a=b; cs=x; c=\"d e\"", Some("a=b; c=\"d e\"")),
            ("a=b;cs=x;c=d", Some("a=b;c=d")),
            ("a=b;  c=d ; cs=x", Some("a=b;  c=d ")),
            ("cs=x; cs=y; a=b", Some("a=b")),
            ("a=b; cs ; cs =x;\tcs=y", Some("a=b")),
            ("a=cs=x; cs=y", Some("a=cs=x")),
            ("a=b;; cs=x", Some("a=b;")),
            ("cs-up=x", Some("")),
            ("cs=x; cs-up=y; a=b", Some("a=b")),
            ("cs-up=y; a=b; cs=x; cs-upper=z", Some("a=b; cs-upper=z")),
            ("a=b; cs-up ; cs-up =x;\tcs-up=y", Some("a=b")),
        ] {
            let names = Names {
                session: "cs",
                elevation: "cs-up",
            };
            let left = without_ours(&HeaderValue::from_static(before), names);
            assert_eq!(
                left.as_ref().map(HeaderValue::as_bytes),
                after.map(str::as_bytes),
                "{before}"
            );
        }
    }
}
