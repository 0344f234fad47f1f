//! Whom an active token stands for.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::account::Account;
use super::credential::AuthMethod;
use super::id::{ClientId, SessionId, TokenId};
use super::scope::Scope;
use super::time::Timestamp;
use super::token::TokenKind;

/// The facts of one token: what the store knows and the cache keeps. Never a decision. Source: RFC 7662 §2.2.
#[derive(Debug)]
pub struct Principal {
    /// Whose token it is; tokens of one account share it.
    pub account: Arc<Account>,
    /// The application that it was given to.
    pub client: Option<ClientId>,
    /// The session that it belongs to.
    pub session: SessionId,
    /// The token's own name, for an elevated token.
    pub token: Option<TokenId>,
    /// What kind of token it is.
    pub kind: TokenKind,
    /// What it may be used for; empty unless the session is a named API token's.
    pub scopes: Arc<[Scope]>,
    /// When it was made.
    pub issued_at: Timestamp,
    /// From when on it is no longer active; `None` if not by time.
    pub expires_at: Option<Timestamp>,
    /// When it was last seen.
    pub last_used: LastUsed,
}

/// A principal together with how it was proven in one request.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Who.
    pub principal: Arc<Principal>,
    /// By which form of credential.
    pub method: AuthMethod,
    /// The elevation that came beside it, if a good one did.
    pub elevation: Option<Elevation>,
}

/// A good elevated token of the same account and session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elevation {
    /// When the person proved themselves again.
    pub since: Timestamp,
    /// Until when it holds.
    pub until: Timestamp,
}

/// When a token was last seen, to the minute; shared, so that a cached fact can be stamped in place.
#[derive(Debug, Default)]
pub struct LastUsed(AtomicI64);

impl Principal {
    /// Whether the token is still active at `now`.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

impl LastUsed {
    /// Never seen, or seen at `at`.
    #[must_use]
    pub fn at(at: Option<Timestamp>) -> Self {
        Self(AtomicI64::new(at.map_or(0, Timestamp::millis)))
    }

    /// Stamps `now` and returns true if the last stamp is over a minute old. At most one caller gets true for each minute.
    pub fn touch(&self, now: Timestamp) -> bool {
        let last = self.0.load(Ordering::Relaxed);
        now.millis().saturating_sub(last) > 60_000
            && self
                .0
                .compare_exchange(last, now.millis(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_stamped_once_a_minute() {
        let used = LastUsed::default();
        let start = Timestamp::from_seconds(1_000_000);
        assert!(used.touch(start));
        assert!(!used.touch(start.after(std::time::Duration::from_mins(1))));
        assert!(used.touch(start.after(std::time::Duration::from_secs(61))));
    }
}
