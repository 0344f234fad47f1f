//! The small sections: `[admin] [store] [cache] [password] [accounts] [throttle] [mail] [log]`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::account::Email;

/// `[admin]`.
#[derive(Debug, Clone)]
pub struct Admin {
    /// Where the admin listener listens.
    pub address: SocketAddr,
    /// The file that holds the bearer token for `/api` and `/reload`.
    pub token_file: Option<PathBuf>,
}

/// `[store]`.
#[derive(Debug, Clone)]
pub struct Store {
    /// Which store.
    pub url: StoreUrl,
    /// Within what time a revocation made elsewhere is honoured here.
    pub revocation_bound: Duration,
}

/// Which store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// `memory:`; forgotten when the process ends.
    Memory,
    /// `sqlite:PATH`, relative to the configuration file.
    Sqlite(PathBuf),
}

/// `[cache]`.
#[derive(Debug, Clone)]
pub struct Cache {
    /// At most so many tokens.
    pub entries: u64,
    /// How long a token's facts are kept at most.
    pub ttl: Duration,
    /// How long it is remembered that a token is not good.
    pub negative_ttl: Duration,
}

/// `[password]`.
#[derive(Debug, Clone)]
pub struct Password {
    /// Argon2id's memory in KiB.
    pub memory_kib: u32,
    /// Argon2id's passes.
    pub iterations: u32,
    /// Argon2id's lanes.
    pub parallelism: u32,
    /// Hashes at once; resolved, at least one.
    pub concurrency: usize,
    /// Hashes that may wait.
    pub queue: usize,
    /// Characters of the shortest password.
    pub min_length: usize,
}

/// `[accounts]`.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// Whether an address that a person gave counts only once its link was opened.
    pub confirm_email: bool,
}

/// `[throttle]`.
#[derive(Debug, Clone)]
pub struct Throttle {
    /// Failed logins of one account from one network.
    pub per_account: Rate,
    /// Failed logins from one network.
    pub per_ip: Rate,
}

/// So many in so long: `"10/5m"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In how long.
    pub per: Duration,
}

/// `[mail]`.
#[derive(Debug, Clone)]
pub struct Mail {
    /// How mail leaves.
    pub transport: MailTransport,
    /// From whom it is; an address, with or without a name.
    pub from: Box<str>,
    /// The address in `from`.
    pub from_address: Email,
}

/// How mail leaves.
#[derive(Clone)]
pub enum MailTransport {
    /// Not at all.
    None,
    /// One `.eml` per message in this directory, relative to the configuration file.
    File(PathBuf),
    /// Over SMTP: `smtp://`, `smtps://`, user and password in the URL or its `…_FILE`.
    Smtp(Box<str>),
}

/// `[log]`.
#[derive(Debug, Clone)]
pub struct Log {
    /// The form of a line.
    pub format: LogFormat,
    /// `error warn info debug trace`, or a filter such as `info,countersign=debug`.
    pub level: Box<str>,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// A JSON object.
    Json,
    /// For people.
    Text,
}

/// Shows everything but the URL, which may hold a password.
impl std::fmt::Debug for MailTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::File(directory) => f.debug_tuple("File").field(directory).finish(),
            Self::Smtp(_) => f.write_str("Smtp(…)"),
        }
    }
}
