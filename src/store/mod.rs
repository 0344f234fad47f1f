//! Where accounts, clients, sessions and digests of tokens live.
//!
//! [`Store`] is used as `Arc<dyn Store>`. Each method is one whole, atomic operation, so that no transaction leaks out of
//! this room: a change, its audit record, its mails and its [`Change`] entries are written together or not at all. The
//! traits are grouped by what they are about; `memory` is their readable specification, and one conformance suite
//! (`tests/it/store`) runs over every implementation.
//!
//! This room knows nothing of HTTP, caches, policies or passwords' plain text.

use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::Arc;

use crate::config::section::StoreUrl;
use crate::model::audit::Actor;
use crate::model::change::Change;
use crate::model::language::Language;
use crate::model::mail::Mail;
use crate::model::time::Timestamp;

pub mod accounts;
pub mod clients;
pub mod codes;
pub mod connections;
pub mod consents;
pub mod factors;
pub mod journal;
pub mod memory;
pub mod outbox;
pub mod sessions;
pub mod sqlite;
pub mod tickets;

pub use accounts::Accounts;
pub use clients::Clients;
pub use codes::Codes;
pub use connections::Connections;
pub use consents::Consents;
pub use factors::Factors;
pub use journal::Journal;
pub use outbox::Outbox;
pub use sessions::Sessions;
pub use sqlite::OpenError;
pub use tickets::Tickets;

use memory::MemoryStore;
use sqlite::SqliteStore;

/// A store of everything that countersign must not forget.
pub trait Store:
    Accounts
    + Clients
    + Consents
    + Sessions
    + Codes
    + Factors
    + Tickets
    + Connections
    + Journal
    + Outbox
    + Debug
    + Send
    + Sync
{
}

impl<T> Store for T where
    T: Accounts
        + Clients
        + Consents
        + Sessions
        + Codes
        + Factors
        + Tickets
        + Connections
        + Journal
        + Outbox
        + Debug
        + Send
        + Sync
{
}

/// A store as the rooms above share it.
pub type SharedStore = Arc<dyn Store>;

/// Opens the store that the configuration names. Blocks for some milliseconds.
///
/// # Errors
/// If it cannot be used; the message says what to do.
pub fn open(url: &StoreUrl) -> Result<SharedStore, OpenError> {
    Ok(match url {
        StoreUrl::Memory => Arc::new(MemoryStore::new()),
        StoreUrl::Sqlite(path) => Arc::new(SqliteStore::open(path)?),
    })
}

/// The circumstances of a change: what is written beside it.
#[derive(Debug, Clone)]
pub struct Action {
    /// When it happens.
    pub at: Timestamp,
    /// Who does it.
    pub actor: Actor,
    /// From where, if over the network.
    pub ip: Option<IpAddr>,
    /// In which language mails because of it are; `None` for the configured one.
    pub language: Option<Language>,
    /// Mails that go out because of it.
    pub mails: Vec<Mail>,
}

/// What a change led to, once it is durable.
#[derive(Debug)]
#[must_use = "the changes have to be forgotten by the cache before anyone is told that they are made"]
pub struct Committed<T> {
    /// The result.
    pub value: T,
    /// The feed entries that were written with it, in order.
    pub changes: Vec<Change>,
}

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// What was to be unique is taken; nothing was changed.
    #[error("{0} is taken")]
    Conflict(Unique),
    /// What it should concern is not there; nothing was changed.
    #[error("no such {0}")]
    Missing(Thing),
    /// What was read is not what was once written. Somebody has to look.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
    /// It cannot answer now: gone, locked, full. Trying later may help.
    #[error("the store cannot answer: {0}")]
    Unavailable(String),
}

/// What can be there only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique {
    /// An account's id.
    AccountId,
    /// An address, confirmed or pending, over all accounts.
    Email,
    /// A login name.
    Username,
    /// A client's id.
    ClientId,
    /// An account at a provider.
    Connection,
    /// An account's first password.
    Password,
    /// An account's app that shows codes.
    Totp,
    /// A security key's credential.
    SecurityKey,
}

/// What can be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// An account.
    Account,
    /// A client.
    Client,
    /// A session or named API token.
    Session,
    /// An invitation or mailed link that is good.
    Link,
}

impl Action {
    /// A change without mails.
    #[must_use]
    pub fn new(at: Timestamp, actor: Actor, ip: Option<IpAddr>) -> Self {
        Self {
            at,
            actor,
            ip,
            language: None,
            mails: Vec::new(),
        }
    }

    /// The same, of somebody whose language is known.
    #[must_use]
    pub fn speaking(mut self, language: Option<Language>) -> Self {
        self.language = language;
        self
    }

    /// The same with a mail.
    #[must_use]
    pub fn with_mail(mut self, mail: Mail) -> Self {
        self.mails.push(mail);
        self
    }
}

impl<T> Committed<T> {
    /// A result that nothing had to be changed for.
    pub(in crate::store) const fn unchanged(value: T) -> Self {
        Self {
            value,
            changes: Vec::new(),
        }
    }

    /// The same changes with another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Committed<U> {
        Committed {
            value: f(self.value),
            changes: self.changes,
        }
    }
}

impl std::fmt::Display for Unique {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AccountId => "that account id",
            Self::Email => "that e-mail address",
            Self::Username => "that username",
            Self::ClientId => "that client id",
            Self::Connection => "that account at the provider",
            Self::Password => "the account's password",
            Self::Totp => "the place of the account's app for codes",
            Self::SecurityKey => "that security key",
        })
    }
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Account => "account",
            Self::Client => "client",
            Self::Session => "session or token",
            Self::Link => "link",
        })
    }
}
