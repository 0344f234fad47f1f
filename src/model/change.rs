//! The change feed: what a cache has to forget, and in what order it was changed.

use super::id::{AccountId, ClientId, SessionId};

/// Where an entry stands in the feed. Grows by at least one with every entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(pub i64);

/// One entry of the feed. It is written in the transaction of the change it tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its place.
    pub sequence: Sequence,
    /// Whom it concerns.
    pub subject: Subject,
}

/// Whose facts may have changed. Every cached fact about it is stale.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An account's attributes, or all its tokens at once.
    Account(AccountId),
    /// One session ended, or its tokens changed.
    Session(SessionId),
    /// A client was removed.
    Client(ClientId),
    /// The keys that sign assertions.
    SigningKeys,
}
