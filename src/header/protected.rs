//! Names that a client may not use: what we tell the upstream, and what others told us.
//!
//! A name is compared without letter case and with `_` and `.` as `-`, because CGI, WSGI and their like fold them so: to
//! such an upstream `X_Forwarded_User` is `X-Forwarded-User`. Source: contract section 4.

use http::HeaderMap;
use http::header::{AUTHORIZATION, CONNECTION, COOKIE, HOST, HeaderName};

use super::credential::{ELEVATED_ACCESS_TOKEN, X_AUTH};
use super::forwarded::{TRACEPARENT, X_REQUEST_ID};
use crate::config::identity::IdentityMapping;
use crate::control::{Rule, holds};

/// `X-Countersign-Assertion`.
pub const ASSERTION: HeaderName = HeaderName::from_static("x-countersign-assertion");

/// The names that are ours on every route: identity headers of all presets and mappings, the assertion, and the headers
/// of credentials.
#[derive(Debug, Clone)]
pub struct Protected {
    /// In folded form, by length: few names share one, so that most of a request's names are compared with none.
    by_length: Vec<Vec<Box<[u8]>>>,
}

/// A `Connection` field that names what must arrive: 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Connection names a header that must not be removed on the way")]
pub struct Nominated;

impl Protected {
    /// All names of the presets, of some mappings, and of credentials.
    pub fn new<'a>(mappings: impl IntoIterator<Item = &'a IdentityMapping>) -> Self {
        let mut protected = Self {
            by_length: Vec::new(),
        };
        for name in PRESETS {
            protected.add(name);
        }
        for name in [ASSERTION, X_AUTH, ELEVATED_ACCESS_TOKEN] {
            protected.add(name.as_str());
        }
        for mapping in mappings {
            for (name, _) in &mapping.headers {
                protected.add(name.as_str());
            }
        }
        protected
    }

    /// Whether a name is one of them, in any spelling.
    #[must_use]
    pub fn contains(&self, name: &[u8]) -> bool {
        self.by_length
            .get(name.len())
            .is_some_and(|names| names.iter().any(|own| is_spelling(name, own)))
    }

    /// Looks whether a `Connection` field names a header that is protected, that we set, or that decides.
    ///
    /// # Errors
    /// If it does: whoever removes what it names would change who the request is from.
    pub fn check_connection(&self, headers: &HeaderMap) -> Result<(), Nominated> {
        let must_arrive = |name: &[u8]| {
            self.contains(name)
                || is_forwarding(name)
                || [COOKIE, HOST, AUTHORIZATION, X_REQUEST_ID, TRACEPARENT]
                    .iter()
                    .any(|own| is_spelling(name, own.as_str().as_bytes()))
        };
        let is_nominated = headers
            .get_all(CONNECTION)
            .iter()
            .flat_map(|field| field.as_bytes().split(|byte| *byte == b','))
            .any(|name| must_arrive(name.trim_ascii()));
        if is_nominated && holds(Rule::Nomination) {
            Err(Nominated)
        } else {
            Ok(())
        }
    }

    fn add(&mut self, name: &str) {
        let folded: Box<[u8]> = name.bytes().map(fold).collect();
        if self.by_length.len() <= folded.len() {
            self.by_length.resize(folded.len() + 1, Vec::new());
        }
        if let Some(names) = self.by_length.get_mut(folded.len())
            && !names.contains(&folded)
        {
            names.push(folded);
        }
    }
}

/// Whether a name says where a request came from or was meant for, in any spelling: `X-Forwarded-*` and its like.
#[must_use]
pub fn is_forwarding(name: &[u8]) -> bool {
    // Most of a request's names end here.
    if !name
        .first()
        .is_some_and(|first| FORWARDING_INITIALS.contains(&fold(*first)))
    {
        return false;
    }
    FORWARDING_FAMILIES.iter().any(|family| {
        name.get(..family.len())
            .is_some_and(|start| is_spelling(start, family))
    }) || FORWARDING.iter().any(|own| is_spelling(name, own))
}

/// Whether a name asks for another method than the request has, in any spelling.
#[must_use]
pub fn is_method_override(name: &[u8]) -> bool {
    METHOD_OVERRIDES.iter().any(|own| is_spelling(name, own))
}

/// Whether a name is another spelling of a header that we set whoever sent it: `_` or `.` for `-`.
#[must_use]
pub fn is_alias(name: &[u8]) -> bool {
    name.iter().any(|byte| fold(*byte) != *byte)
        && (is_forwarding(name)
            || [X_REQUEST_ID, TRACEPARENT]
                .iter()
                .any(|own| is_spelling(name, own.as_str().as_bytes())))
}

/// Whether a name is a spelling of another, which is in folded form.
fn is_spelling(name: &[u8], folded: &[u8]) -> bool {
    name.len() == folded.len() && name.iter().zip(folded).all(|(a, b)| fold(*a) == *b)
}

fn fold(byte: u8) -> u8 {
    match byte {
        b'_' | b'.' if holds(Rule::Aliases) => b'-',
        other => other.to_ascii_lowercase(),
    }
}

/// Of all presets, configured or not.
const PRESETS: [&str; 20] = [
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-preferred-username",
    "x-forwarded-groups",
    "x-forwarded-role",
    "x-forwarded-client",
    "x-forwarded-auth-method",
    "x-forwarded-elevated-until",
    "remote-user",
    "remote-email",
    "remote-name",
    "remote-groups",
    "x-auth-request-user",
    "x-auth-request-email",
    "x-auth-request-preferred-username",
    "x-auth-request-groups",
    "x-webauth-user",
    "x-webauth-email",
    "x-webauth-name",
    "x-webauth-groups",
];

/// The first letters of all of the names below.
const FORWARDING_INITIALS: &[u8] = b"xcfptw";

/// What names of forwarding headers begin with.
const FORWARDING_FAMILIES: [&[u8]; 3] = [b"x-forwarded-", b"x-original-", b"x-rewrite-"];

/// Names of forwarding headers without a family: what proxies, CDNs and frameworks believe.
const FORWARDING: [&[u8]; 21] = [
    b"forwarded",
    b"x-forwarded",
    b"x-real-ip",
    b"true-client-ip",
    b"client-ip",
    b"x-client-ip",
    b"x-cluster-client-ip",
    b"cf-connecting-ip",
    b"cf-connecting-ipv6",
    b"fastly-client-ip",
    b"fly-client-ip",
    b"x-appengine-user-ip",
    b"x-azure-clientip",
    b"x-azure-socketip",
    b"x-envoy-external-address",
    b"x-envoy-original-path",
    b"proxy-client-ip",
    b"wl-proxy-client-ip",
    b"x-host",
    b"x-scheme",
    b"front-end-https",
];

/// Names of headers that ask for another method.
const METHOD_OVERRIDES: [&[u8]; 4] = [
    b"x-http-method-override",
    b"x-http-method",
    b"x-method-override",
    b"http-method-override",
];

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::config::identity::Attribute;

    fn protected() -> Protected {
        let mapping = IdentityMapping {
            headers: vec![(HeaderName::from_static("x-my_user"), Attribute::Id)],
        };
        Protected::new([&mapping])
    }

    #[test]
    fn every_spelling_of_a_protected_name_is_protected() {
        for name in [
            "X-Forwarded-User",
            "x_forwarded_user",
            "X.Forwarded_User",
            "REMOTE_USER",
            "Remote-Name",
            "X-WEBAUTH-USER",
            "X-Auth",
            "X_Auth",
            "x.auth",
            "Elevated_Access-Token",
            "X-Countersign-Assertion",
            "x-countersign.assertion",
            "X-Auth-Request-Preferred-Username",
            "X-My-User",
            "x_my_user",
        ] {
            assert!(protected().contains(name.as_bytes()), "{name}");
        }
        for name in [
            "",
            "x",
            "user",
            "x-authx",
            "xx-auth",
            "x-forwarded-use",
            "accept",
        ] {
            assert!(!protected().contains(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn forwarding_headers_and_method_overrides_are_known_in_every_spelling() {
        for name in [
            "X-Forwarded-For",
            "x_forwarded_for",
            "X-Forwarded-Anything",
            "Forwarded",
            "X-Real-IP",
            "x_real_ip",
            "X-Original-URL",
            "X-Rewrite-Url",
            "True-Client-IP",
            "CF-Connecting-IP",
        ] {
            assert!(is_forwarding(name.as_bytes()), "{name}");
        }
        for name in FORWARDING_FAMILIES.iter().chain(&FORWARDING) {
            assert!(is_forwarding(name), "{name:?}");
        }
        for name in ["X-Forward", "X-Realm", "Via", "Host"] {
            assert!(!is_forwarding(name.as_bytes()), "{name}");
        }
        assert!(is_method_override(b"X_HTTP_Method_Override"));
        assert!(!is_method_override(b"x-http"));
    }

    #[test]
    fn an_alias_is_never_the_name_itself() {
        for (name, is) in [
            ("x-forwarded-for", false),
            ("x_forwarded-for", true),
            ("x-request.id", true),
            ("x-request-id", false),
            ("traceparent", false),
            ("x_custom", false),
        ] {
            assert_eq!(is_alias(name.as_bytes()), is, "{name}");
        }
    }

    #[test]
    fn a_connection_field_cannot_have_what_decides_removed() {
        let check = |value: &'static str| {
            let headers = HeaderMap::from_iter([(CONNECTION, HeaderValue::from_static(value))]);
            protected().check_connection(&headers)
        };
        for value in [
            "",
            "close",
            "keep-alive, Upgrade",
            "TE",
            "x-custom",
            "x-auths",
        ] {
            assert_eq!(check(value), Ok(()), "{value}");
        }
        for value in [
            "X-Forwarded-User",
            "close, x_forwarded_user",
            "close,Cookie",
            "HOST",
            " host ,close",
            "\tcookie\t",
            "Authorization",
            "X-Forwarded-For",
            "x.real.ip",
            "X-Request-Id",
            "traceparent",
            "X-Countersign-Assertion",
            "elevated_access_token",
        ] {
            assert_eq!(check(value), Err(Nominated), "{value}");
        }
    }

    #[test]
    fn every_connection_field_is_looked_at() {
        let mut headers = HeaderMap::new();
        headers.append(CONNECTION, HeaderValue::from_static("close"));
        headers.append(CONNECTION, HeaderValue::from_static("remote_user"));
        assert_eq!(protected().check_connection(&headers), Err(Nominated));
    }
}
