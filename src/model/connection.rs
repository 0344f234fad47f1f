//! Connections: accounts elsewhere that belong to the same person.

use super::id::{AccountId, ConnectionId};
use super::time::Timestamp;

/// A linked account. One at a provider is linked to one account here at most. Source: seed 002.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its name in lists.
    pub id: ConnectionId,
    /// Whose it is here.
    pub account: AccountId,
    /// Where the other account is: a short word such as `github`.
    pub provider: Box<str>,
    /// What it is called there, for good.
    pub provider_user_id: Box<str>,
    /// What people know it by.
    pub name: Option<Box<str>>,
    /// When it was linked.
    pub linked_at: Timestamp,
}
