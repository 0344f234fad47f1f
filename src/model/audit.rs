//! What is written down about who did what.

use std::net::IpAddr;

use super::change::Sequence;
use super::id::AccountId;
use super::time::Timestamp;

/// One audit event, before it has a place in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// What was tried: `login`, `refresh`, `user.add` …
    pub event: &'static str,
    /// Whether it was done.
    pub result: AuditResult,
    /// Why not, or the cause; a word from a closed set.
    pub reason: Option<&'static str>,
    /// The account that it concerns.
    pub user: Option<AccountId>,
    /// The thing that it concerns, where that is not the account: a client's or session's id.
    pub object: Option<Box<str>>,
}

/// Whether what an event tells of was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditResult {
    /// It was.
    Success,
    /// It was refused.
    Failure,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// An account, for itself.
    Account(AccountId),
    /// Somebody who is not known, yet or at all.
    Anonymous,
    /// Whoever runs the command line or holds the admin token.
    Operator,
    /// countersign itself.
    System,
}

/// An audit event as the store gives it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its place; grows.
    pub sequence: Sequence,
    /// When.
    pub at: Timestamp,
    /// See [`AuditEvent::event`].
    pub event: Box<str>,
    /// `success` or `failure`.
    pub result: Box<str>,
    /// See [`AuditEvent::reason`].
    pub reason: Option<Box<str>>,
    /// See [`AuditEvent::user`].
    pub user: Option<Box<str>>,
    /// See [`AuditEvent::object`].
    pub object: Option<Box<str>>,
    /// From where.
    pub ip: Option<IpAddr>,
    /// An account's id, `anonymous`, `operator` or `system`.
    pub actor: Box<str>,
}

impl AuditResult {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

impl Actor {
    /// The word for it: an account's id, or what it is.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Account(id) => id.as_str(),
            Self::Anonymous => "anonymous",
            Self::Operator => "operator",
            Self::System => "system",
        }
    }
}
