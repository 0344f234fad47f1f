//! The small sections: `[admin] [store] [cache] [password] [accounts] [throttle] [mail] [log]`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use crate::model::account::Email;
use crate::model::language::Language;

use super::authorities::Authorities;
use super::quantity;
use super::reader::Table;
use super::server::{DAY, HOUR, cores};
use super::value::{Read, duration, flag, integer, path_at, size, text, word};

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
    /// How long a browser stays logged in.
    pub session_ttl: Duration,
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
    /// In which language mails are that nobody's request with an `Accept-Language` caused.
    pub language: Language,
    /// Which authorities vouch for the mail server, instead of the public ones; then it has to speak TLS.
    pub authorities: Option<Authorities>,
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

impl Admin {
    pub(super) fn read(mut table: Table<'_>) -> Self {
        let default = SocketAddr::from((Ipv4Addr::LOCALHOST, 9090));
        let admin = Self {
            address: table.or("address", default, text(socket)),
            token_file: table.path("token_file"),
        };
        if let Some(Err(error)) = admin.token_file.as_ref().map(std::fs::metadata) {
            table.note("token_file", format!("cannot be read: {error}"));
        }
        admin
    }
}

impl Store {
    pub(super) fn read(mut table: Table<'_>) -> Self {
        let base = table.base();
        let default = StoreUrl::Sqlite(base.join("countersign.db"));
        let bound = duration(Duration::from_millis(100)..=Duration::from_mins(1));
        Self {
            url: table.or("url", default, text(|url| store_url(base, url))),
            revocation_bound: table.or("revocation_bound", Duration::from_secs(1), bound),
        }
    }
}

impl Cache {
    pub(super) fn read(mut table: Table<'_>) -> Self {
        let ttl = Duration::from_mins(1);
        let negative = Duration::from_secs(2);
        Self {
            entries: table.or("entries", 1_000_000, integer(0..=100_000_000)),
            ttl: table.or("ttl", ttl, duration(Duration::from_millis(100)..=HOUR)),
            negative_ttl: table.or("negative_ttl", negative, duration(Duration::ZERO..=ttl)),
        }
    }
}

impl Password {
    pub(super) fn read(mut table: Table<'_>) -> Self {
        let concurrency = table.or("concurrency", 0, integer(0..=1024));
        let memory: u64 = table.or("memory", 19 << 20, size(8 << 10..=1 << 30));
        let password = Self {
            memory_kib: u32::try_from(memory >> 10).unwrap_or(u32::MAX),
            iterations: table.or("iterations", 2, integer(1..=64)),
            parallelism: table.or("parallelism", 1, integer(1..=16)),
            concurrency: if concurrency == 0 {
                cores().div_ceil(2)
            } else {
                concurrency
            },
            queue: table.or("queue", 64, integer(0..=100_000)),
            min_length: table.or("min_length", 8, integer(1..=128)),
        };
        if !memory.is_multiple_of(1024) {
            table.note(
                "memory",
                "is no whole number of KiB; write it in KiB or MiB",
            );
        }
        if password.memory_kib < 8 * password.parallelism {
            table.note(
                "memory",
                "is less than Argon2 needs; write at least 8KiB for each of `parallelism`",
            );
        }
        password
    }
}

impl Accounts {
    /// Reads it. An address can be confirmed only if mail leaves.
    pub(super) fn read(mut table: Table<'_>, mail: &Mail) -> Self {
        let default = !matches!(mail.transport, MailTransport::None);
        Self {
            confirm_email: table.or("confirm_email", default, flag),
            session_ttl: table.or(
                "session_ttl",
                7 * DAY,
                duration(Duration::from_secs(1)..=400 * DAY),
            ),
        }
    }
}

impl Throttle {
    pub(super) fn read(mut table: Table<'_>) -> Self {
        let per = Duration::from_mins(5);
        let rate = |count| Rate { count, per };
        Self {
            per_account: table.or("per_account", rate(10), text(quantity::rate)),
            per_ip: table.or("per_ip", rate(100), text(quantity::rate)),
        }
    }
}

impl Mail {
    pub(super) fn read(mut table: Table<'_>) -> Self {
        let directory = table
            .path("directory")
            .unwrap_or_else(|| table.base().join("mail"));
        let url = table.optional("url", text(smtp_url));
        let address = Email::parse("countersign@localhost").expect("the example's is an address");
        let default = (Box::from(address.as_str()), address);
        let (from, from_address) = table.or("from", default, text(sender));
        let transports = [("smtp", "smtp"), ("file", "file"), ("none", "none")];
        let transport = match (table.or("transport", "file", word(&transports)), url) {
            ("smtp", Some(url)) => MailTransport::Smtp(url),
            ("smtp", None) => {
                if !table.has("url") {
                    table.note(
                        "url",
                        "is missing; write \"smtp://user@host:587\" for transport = \"smtp\"",
                    );
                }
                MailTransport::None
            }
            ("none", _) => MailTransport::None,
            _ => MailTransport::File(directory),
        };
        let languages = Language::ALL.map(|language| (language.tag(), language));
        Self {
            transport,
            from,
            from_address,
            language: table.or("language", Language::default(), word(&languages)),
            authorities: Authorities::read(&mut table),
        }
    }
}

impl Log {
    pub(super) fn read(mut table: Table<'_>) -> Self {
        let formats = [("json", LogFormat::Json), ("text", LogFormat::Text)];
        Self {
            format: table.or("format", LogFormat::Json, word(&formats)),
            level: table.or("level", "info".into(), text(level)),
        }
    }
}

fn socket(text: &str) -> Read<SocketAddr> {
    text.parse().map_err(|_| {
        format!("{text:?} is not an address; write \"127.0.0.1:9090\" or \"[::1]:9090\"")
    })
}

/// Says nothing of the text: it may hold a password.
fn store_url(base: &Path, text: &str) -> Read<StoreUrl> {
    if text == "memory:" {
        return Ok(StoreUrl::Memory);
    }
    if text.starts_with("postgres:") || text.starts_with("postgresql:") {
        return Err(
            "this build does not have the PostgreSQL store yet; write \"sqlite:countersign.db\""
                .to_owned(),
        );
    }
    match text.strip_prefix("sqlite:") {
        Some(path) if path.starts_with("//") => {
            Err("has // after sqlite:, and then it is not clear where the file is; write \"sqlite:PATH\"".to_owned())
        }
        Some(path) => path_at(base, path).map(StoreUrl::Sqlite),
        None => Err("is not the URL of a store; write \"sqlite:PATH\" or \"memory:\"".to_owned()),
    }
}

/// Says nothing of the text: it may hold a password.
fn smtp_url(text: &str) -> Read<Box<str>> {
    let fits = |url: &Url| matches!(url.scheme(), "smtp" | "smtps") && url.has_host();
    Url::parse(text)
        .ok()
        .filter(fits)
        .map(|_| text.into())
        .ok_or_else(|| "is not the URL of a mail server; write \"smtp://user@host:587\" or \"smtps://user@host\"".to_owned())
}

fn sender(text: &str) -> Read<(Box<str>, Email)> {
    let address = match text.split_once('<') {
        Some((name, rest)) if !name.contains(char::is_control) => rest.strip_suffix('>'),
        Some(_) => None,
        None => Some(text),
    };
    address
        .and_then(|address| Email::parse(address).ok())
        .map(|address| (text.into(), address))
        .ok_or_else(|| {
            format!("{text:?} is not a sender; write \"a@b.example\" or \"Name <a@b.example>\"")
        })
}

fn level(text: &str) -> Read<Box<str>> {
    let is_level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
    let fits = |part: &str| match part.split_once('=') {
        Some((target, level)) => !target.is_empty() && is_level(level),
        None => is_level(part),
    };
    text.split(',')
        .all(fits)
        .then(|| text.into())
        .ok_or_else(|| {
            format!(
                "{text:?} is not a level; write one of {}, or \"info,countersign=debug\"",
                LEVELS.join(" ")
            )
        })
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
