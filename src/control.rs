//! Positive controls: one rule broken on purpose, so that the tests show that they would see it.
//!
//! A table of hostile requests that finds nothing proves something only if it finds what is there. With the feature
//! `controls` a test of this package breaks a rule with `break_one`, and the table has to fail. Without the feature, which
//! is how it is built for anybody, every rule holds at compile time. With it nothing can be built for release, and no file,
//! variable or request can break anything.

/// A rule that can be broken, by the promise that falls with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Rule {
    /// Identity headers of clients are taken out.
    Strip = 1,
    /// They are, in every spelling.
    Aliases,
    /// `Connection` cannot have them taken away.
    Nomination,
    /// Where a request came from is believed from trusted proxies alone.
    Forwarding,
    /// A length beside a coding is refused.
    Framing,
    /// Chunks are checked as they pass.
    Chunks,
    /// What follows a body is the next request's.
    BodyEnd,
    /// Dot segments are refused.
    Dots,
    /// A path is matched in one form for all its spellings.
    Matching,
    /// Two credentials are nobody's.
    Doubled,
    /// Credentials stay here.
    Credentials,
    /// Our cookie stays here.
    Cookie,
    /// A bad credential does not make anybody anonymous.
    Rejected,
    /// Revoked is revoked.
    Revocation,
    /// Another site cannot open a WebSocket with our cookie.
    Origin,
    /// A token in a path is not logged.
    Redaction,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 16] = [
        Self::Strip,
        Self::Aliases,
        Self::Nomination,
        Self::Forwarding,
        Self::Framing,
        Self::Chunks,
        Self::BodyEnd,
        Self::Dots,
        Self::Matching,
        Self::Doubled,
        Self::Credentials,
        Self::Cookie,
        Self::Rejected,
        Self::Revocation,
        Self::Origin,
        Self::Redaction,
    ];
}

/// Whether a rule holds: always, but for the one that a test broke.
#[cfg(not(feature = "controls"))]
#[must_use]
#[inline]
pub const fn holds(_: Rule) -> bool {
    true
}

#[cfg(feature = "controls")]
pub use broken::{break_one, holds};

#[cfg(feature = "controls")]
mod broken {
    use std::sync::atomic::{AtomicU8, Ordering};

    use crate::control::Rule;

    #[cfg(not(debug_assertions))]
    compile_error!(
        "the feature `controls` breaks rules on purpose: it is for tests and is not built for release"
    );

    static BROKEN: AtomicU8 = AtomicU8::new(0);

    /// Breaks a rule in this process, instead of the one before; `None` mends it.
    pub fn break_one(rule: Option<Rule>) {
        BROKEN.store(rule.map_or(0, |rule| rule as u8), Ordering::SeqCst);
    }

    /// Whether a rule holds: always, but for the one that a test broke.
    #[must_use]
    pub fn holds(rule: Rule) -> bool {
        BROKEN.load(Ordering::SeqCst) != rule as u8
    }
}
