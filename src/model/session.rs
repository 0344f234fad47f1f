//! Sessions: one login and every token that came from it.

use std::net::IpAddr;

use super::id::{AccountId, ClientId, SessionId};
use super::scope::Scope;
use super::time::Timestamp;

/// A session as lists show it. Source: NIST SP 800-63B §7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its name; for a named API token also the token's.
    pub id: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// The application that logged in, if one did.
    pub client: Option<ClientId>,
    /// How it came to be: a [`Dialect`]'s word.
    pub dialect: Box<str>,
    /// A named API token's label.
    pub label: Option<Box<str>>,
    /// What its tokens may be used for; empty for a login.
    pub scopes: Vec<Scope>,
    /// From where it was opened.
    pub remote_ip: Option<IpAddr>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When one of its tokens was last seen, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When its last token expires; `None` if it does not by time.
    pub expires_at: Option<Timestamp>,
}

/// The word for how a session came to be. Each dialect has one; a dialect outside this crate makes its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dialect(&'static str);

impl Dialect {
    /// Seed 001.
    pub const KEY_TOKEN: Self = Self("key_token");
    /// Seed 003.
    pub const X_AUTH: Self = Self("x_auth");
    /// Seed 002.
    pub const ID_API: Self = Self("id_api");
    /// Seed 000.
    pub const NAMESPACE: Self = Self("namespace");
    /// Our own login page.
    pub const BROWSER: Self = Self("browser");
    /// A named API token that an operator or its owner made.
    pub const API: Self = Self("api");

    /// A dialect of another name.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Self(name)
    }

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// Why a session ended; the `cause` of `countersign_revocations_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RevocationCause {
    /// Its holder logged out.
    Logout,
    /// An operator or its owner revoked it.
    Revoked,
    /// The password was changed.
    PasswordChanged,
    /// The account was disabled.
    AccountDisabled,
    /// The account was deleted.
    AccountDeleted,
    /// The client was removed.
    ClientRemoved,
    /// The account refused the client.
    ClientRefused,
    /// A refresh token was used again after its successor.
    RefreshReused,
}

impl RevocationCause {
    /// Every cause, for metrics that stand at zero from the start.
    pub const ALL: [Self; 8] = [
        Self::Logout,
        Self::Revoked,
        Self::PasswordChanged,
        Self::AccountDisabled,
        Self::AccountDeleted,
        Self::ClientRemoved,
        Self::ClientRefused,
        Self::RefreshReused,
    ];

    /// The word for it in metrics and audit records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Revoked => "revoked",
            Self::PasswordChanged => "password_changed",
            Self::AccountDisabled => "account_disabled",
            Self::AccountDeleted => "account_deleted",
            Self::ClientRemoved => "client_removed",
            Self::ClientRefused => "client_refused",
            Self::RefreshReused => "refresh_reused",
        }
    }
}
