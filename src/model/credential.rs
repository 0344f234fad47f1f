//! What a request shows to prove who it is from.

use std::str::FromStr;
use std::sync::Arc;

use super::certificate::ClientCertificate;
use super::token::{PlainToken, TokenDigest, TokenKind};

/// The form of a credential; the words of a route's `accept` and of the `auth-method` attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthMethod {
    /// `Authorization: Basic base64(key ":" token)`. Source: RFC 7617, seed 001.
    Basic,
    /// `Authorization: <token>`. Source: seed 003.
    Bare,
    /// `X-Auth: <token>`. Source: seed 003.
    XAuth,
    /// `Authorization: Bearer <token>`. Source: RFC 6750 §2.1.
    Bearer,
    /// Our cookie.
    Cookie,
    /// The connection's certificate. Source: RFC 8446 §4.4.2.
    Mtls,
}

/// A well-formed credential of ours, with a form that may carry its kind of token. Whether it is good, the store knows.
#[derive(Debug, Clone)]
pub struct Credential {
    method: AuthMethod,
    secret: Secret,
}

/// A set of forms: what a route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accept(u8);

#[derive(Debug, Clone)]
enum Secret {
    Token(PlainToken),
    Pair {
        key: PlainToken,
        token: PlainToken,
    },
    /// No secret: its key was proven in the handshake.
    Certificate(Arc<ClientCertificate>),
}

impl AuthMethod {
    /// Every form.
    pub const ALL: [Self; 6] = [
        Self::Basic,
        Self::Bare,
        Self::XAuth,
        Self::Bearer,
        Self::Cookie,
        Self::Mtls,
    ];

    /// The forms that a route takes if it does not say: what a request carries itself.
    pub const USUAL: [Self; 5] = [
        Self::Basic,
        Self::Bare,
        Self::XAuth,
        Self::Bearer,
        Self::Cookie,
    ];

    /// Whether a browser shows it whoever asks it to.
    #[must_use]
    pub const fn is_ambient(self) -> bool {
        matches!(self, Self::Cookie | Self::Mtls)
    }

    /// Its `accept` word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Bare => "bare",
            Self::XAuth => "x-auth",
            Self::Bearer => "bearer",
            Self::Cookie => "cookie",
            Self::Mtls => "mtls",
        }
    }

    /// Whether this form may carry a single token of that kind. A keyed pair comes as `basic` alone, and a refresh,
    /// elevated or hand-off token authenticates nothing by itself.
    #[must_use]
    pub const fn carries(self, kind: TokenKind) -> bool {
        match self {
            Self::Basic | Self::Mtls => false,
            Self::Bare | Self::XAuth => matches!(kind, TokenKind::Access | TokenKind::Api),
            Self::Bearer => matches!(
                kind,
                TokenKind::Access | TokenKind::Session | TokenKind::Api
            ),
            Self::Cookie => matches!(kind, TokenKind::Browser),
        }
    }
}

impl FromStr for AuthMethod {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|method| method.as_str() == word)
            .ok_or(())
    }
}

impl Credential {
    /// A single token in a form; `None` if that form does not carry its kind.
    #[must_use]
    pub fn token(method: AuthMethod, token: PlainToken) -> Option<Self> {
        method.carries(token.kind()).then_some(Self {
            method,
            secret: Secret::Token(token),
        })
    }

    /// A keyed pair, as `basic` carries it; `None` if the halves are not a key and a keyed token.
    #[must_use]
    pub fn pair(key: PlainToken, token: PlainToken) -> Option<Self> {
        (key.kind() == TokenKind::Key && token.kind() == TokenKind::Keyed).then_some(Self {
            method: AuthMethod::Basic,
            secret: Secret::Pair { key, token },
        })
    }

    /// The certificate of the connection.
    #[must_use]
    pub const fn of_certificate(certificate: Arc<ClientCertificate>) -> Self {
        Self {
            method: AuthMethod::Mtls,
            secret: Secret::Certificate(certificate),
        }
    }

    /// The certificate, if it is one.
    #[must_use]
    pub fn certificate(&self) -> Option<&ClientCertificate> {
        match &self.secret {
            Secret::Certificate(certificate) => Some(certificate),
            Secret::Token(_) | Secret::Pair { .. } => None,
        }
    }

    /// The form that it came in.
    #[must_use]
    pub const fn method(&self) -> AuthMethod {
        self.method
    }

    /// Under what the store and the cache know it. The same token has one digest in whichever form it comes.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        match &self.secret {
            Secret::Token(token) => token.digest(),
            Secret::Pair { key, token } => TokenDigest::of_pair(key, token),
            Secret::Certificate(certificate) => certificate.digest,
        }
    }
}

impl Accept {
    /// Whether a form is among them.
    #[must_use]
    pub const fn contains(self, method: AuthMethod) -> bool {
        self.0 & 1 << method as u8 != 0
    }

    /// Whether no form is.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<AuthMethod> for Accept {
    fn from_iter<I: IntoIterator<Item = AuthMethod>>(methods: I) -> Self {
        Self(
            methods
                .into_iter()
                .fold(0, |set, method| set | 1 << method as u8),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tokens_that_authenticate_by_themselves_make_a_credential() {
        for kind in [
            TokenKind::Refresh,
            TokenKind::Elevated,
            TokenKind::Handoff,
            TokenKind::Key,
            TokenKind::Keyed,
            TokenKind::Link,
            TokenKind::Linking,
            TokenKind::Ticket,
        ] {
            for method in AuthMethod::ALL {
                assert!(
                    Credential::token(method, PlainToken::generate(kind)).is_none(),
                    "{kind:?} as {method:?}"
                );
            }
        }
    }

    #[test]
    fn a_cookies_token_is_good_in_a_cookie_only_and_nothing_else_is_good_there() {
        for kind in TokenKind::ALL {
            let cookie =
                Credential::token(AuthMethod::Cookie, PlainToken::generate(kind)).is_some();
            let bearer =
                Credential::token(AuthMethod::Bearer, PlainToken::generate(kind)).is_some();
            assert_eq!(cookie, kind == TokenKind::Browser, "{kind:?}");
            assert!(!(cookie && bearer), "{kind:?}");
        }
    }
}
