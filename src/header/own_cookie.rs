//! `Set-Cookie` for cookies of ours. Source: RFC 6265 §4.1; contract section 3.

use std::time::Duration;

use http::HeaderValue;

/// A cookie of ours.
#[derive(Debug, Clone, Copy)]
pub struct OwnCookie {
    /// Its name, a token.
    pub name: &'static str,
    /// Under which path it is sent back.
    pub path: &'static str,
    /// Whether people reach us over TLS.
    pub is_secure: bool,
}

impl OwnCookie {
    /// The field that sets it. `value` is printable ASCII without space, quote, comma, semicolon and backslash, as every
    /// token of ours is.
    #[must_use]
    pub fn set(&self, value: &str, max_age: Duration) -> HeaderValue {
        self.field(value, max_age.as_secs())
    }

    /// The field that removes it.
    #[must_use]
    pub fn clear(&self) -> HeaderValue {
        self.field("", 0)
    }

    fn field(&self, value: &str, max_age: u64) -> HeaderValue {
        let Self {
            name,
            path,
            is_secure,
        } = self;
        let secure = if *is_secure { "; Secure" } else { "" };
        let text = format!(
            "{name}={value}; Path={path}; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}"
        );
        HeaderValue::from_str(&text)
            .expect("a constant name and path, and a value of printable ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_over_tls_is_secure_and_out_of_reach_of_scripts() {
        let cookie = OwnCookie {
            name: "__Host-countersign",
            path: "/",
            is_secure: true,
        };
        assert_eq!(
            cookie.set("csb_x", Duration::from_mins(1)),
            "__Host-countersign=csb_x; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            cookie.clear(),
            "__Host-countersign=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"
        );
    }
}
