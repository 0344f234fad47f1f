//! Where somebody is sent after logging in: a path here, and nowhere else.

use url::Url;
use url::form_urlencoded::byte_serialize;

use super::{ELEVATE_PATH, FACTOR_PATH, LOGIN_PATH, LOGOUT_PATH};

/// A path and query on the same origin, in the bytes that were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// Takes a path that a browser cannot understand as another origin: it begins with one `/`, is printable ASCII without
    /// `\`, which browsers read as `/`, and resolves to where it was resolved from. `None` for anything else, which is
    /// then ignored, and for the login pages themselves.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let second = text.as_bytes().get(1);
        let is_local = text.starts_with('/')
            && !matches!(second, Some(b'/' | b'\\'))
            && text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        let path = text.split(['?', '#']).next().unwrap_or_default();
        let is_step = STEPS.contains(&path);
        (is_local && !is_step && stays(text)).then(|| Self(text.to_owned()))
    }

    /// The query that carries it on.
    #[must_use]
    pub fn query(&self) -> String {
        let encoded: String = byte_serialize(self.0.as_bytes()).collect();
        format!("?return_to={encoded}")
    }

    /// The path and query.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a browser would make of it. The second lock on the same door.
fn stays(text: &str) -> bool {
    let here = Url::parse("https://here.example/").ok();
    here.and_then(|here| {
        let there = here.join(text).ok()?;
        Some(there.origin() == here.origin() && !there.path().starts_with("//"))
    })
    .unwrap_or(false)
}

/// What nobody wants to come back to.
const STEPS: [&str; 4] = [LOGIN_PATH, FACTOR_PATH, ELEVATE_PATH, LOGOUT_PATH];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_here_is_taken_as_it_is() {
        for good in [
            "/",
            "/a/b?c=d&e=%2F",
            "/a//b",
            "/%2f%2fevil.example",
            "/?next=https://evil.example/",
            "/@evil.example",
            "/a#b",
        ] {
            let taken = ReturnTo::parse(good);
            assert_eq!(taken.as_ref().map(ReturnTo::as_str), Some(good));
        }
    }

    #[test]
    fn what_a_browser_could_take_elsewhere_is_ignored() {
        for bad in [
            "",
            "a",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/a\\b",
            "/\t/evil.example",
            "/\n/evil.example",
            "/\r\nSet-Cookie: a=b",
            "/ /evil.example",
            " //evil.example",
            "/.//evil.example",
            "/a/..//evil.example",
            "https://evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "evil.example",
            "@evil.example",
            "?a",
            "#a",
            "/ä",
            "/\u{2028}/evil.example",
            "/\0",
            "/_countersign/login",
            "/_countersign/login?return_to=/",
            "/_countersign/logout",
            "/_countersign/elevate?return_to=/",
        ] {
            assert_eq!(ReturnTo::parse(bad), None, "{bad:?}");
        }
    }
}
