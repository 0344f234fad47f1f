//! The configuration as it is used: every value checked, every default filled in, nothing left to validate per request.
//!
//! A file per section. Each holds the section as it is used and how it is read from the file; mistakes are collected, so
//! that an operator sees all of them at once, each with its file, line and key. The way of a value: `document` (the tree as
//! written) ← [`environment`] (variables stand over keys) → `reader` (typed values by key) → a section.

pub mod authorities;
pub mod client_ca;
pub mod colour;
pub mod connection;
pub mod dialect;
pub mod environment;
pub mod identity;
pub mod listen;
pub mod mistake;
pub mod pages;
pub mod route;
pub mod section;
pub mod server;
pub mod tls;
pub mod upstream;

mod advice;
mod document;
mod place;
mod quantity;
mod reader;
mod show;
mod value;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use environment::Environment;
pub use mistake::{Location, Mistake, Mistakes};
pub use quantity::duration;

use identity::IdentityMapping;
use mistake::Notes;
use reader::{Context, Table};

/// A whole, valid configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[server]`.
    pub server: server::Server,
    /// `[[listen]]`, at least one.
    pub listen: Vec<listen::Listen>,
    /// `[limits]`.
    pub limits: server::Limits,
    /// `[admin]`.
    pub admin: section::Admin,
    /// `[store]`.
    pub store: section::Store,
    /// `[cache]`.
    pub cache: section::Cache,
    /// `[password]`.
    pub password: section::Password,
    /// `[accounts]`.
    pub accounts: section::Accounts,
    /// `[throttle]`.
    pub throttle: section::Throttle,
    /// `[mail]`.
    pub mail: section::Mail,
    /// `[upstream.NAME]`.
    pub upstreams: BTreeMap<Arc<str>, upstream::Upstream>,
    /// The presets and `[identity.NAME]`.
    pub identities: BTreeMap<Arc<str>, Arc<IdentityMapping>>,
    /// `[[route]]`, in the order of the file.
    pub routes: Vec<route::Route>,
    /// `[dialect.NAME]`.
    pub dialects: dialect::Dialects,
    /// `[connection.NAME]`.
    pub connections: BTreeMap<Box<str>, connection::Provider>,
    /// `[pages]`.
    pub pages: pages::Pages,
    /// `[log]`.
    pub log: section::Log,
}

impl Config {
    /// Reads a file, with the environment over it. Blocks.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn load(file: &Path, environment: &Environment) -> Result<Self, Mistakes> {
        let name = file.display().to_string();
        let bytes = read_file(file).map_err(|what| Mistakes::one(&name, Location::File, what))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = error
                .as_bytes()
                .iter()
                .take(error.utf8_error().valid_up_to());
            let line = 1 + before.filter(|byte| **byte == b'\n').count();
            let what = "not TOML: a character is not UTF-8; save the file as UTF-8";
            Mistakes::one(&name, Location::Line { line, column: 1 }, what)
        })?;
        let base = file.parent().unwrap_or(Path::new(""));
        Self::from_text(&text, &name, base, environment)
    }

    /// Reads a text that stands in for the file of that name, with relative paths below `base`.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn from_text(
        text: &str,
        file: &str,
        base: &Path,
        environment: &Environment,
    ) -> Result<Self, Mistakes> {
        let text = text.trim_start_matches('\u{feff}');
        let notes = Notes::default();
        let mut entries = document::parse(text, &notes);
        if let Some(mistakes) = notes.take(file) {
            return Err(mistakes);
        }
        environment.overlay(&mut entries, &notes);
        let context = Context {
            notes: &notes,
            base,
        };
        let config = Self::read(Table::root(entries, context));
        notes.take(file).map_or(Ok(config), Err)
    }

    fn read(mut table: Table<'_>) -> Self {
        let mail = section::Mail::read(table.section("mail"));
        let upstreams = upstream::Upstream::read_all(table.named("upstream"));
        let identities = IdentityMapping::read_all(table.named("identity"));
        let named = route::Named {
            upstreams: &upstreams,
            identities: &identities,
        };
        let config = Self {
            server: server::Server::read(table.section("server")),
            listen: listen::Listen::read_all(table.tables("listen")),
            limits: server::Limits::read(table.section("limits")),
            admin: section::Admin::read(table.section("admin")),
            store: section::Store::read(table.section("store")),
            cache: section::Cache::read(table.section("cache")),
            password: section::Password::read(table.section("password")),
            accounts: section::Accounts::read(table.section("accounts"), &mail),
            throttle: section::Throttle::read(table.section("throttle")),
            routes: route::Route::read_all(table.tables("route"), named),
            dialects: dialect::Dialects::read(table.section("dialect")),
            connections: connection::Provider::read_all(table.named("connection")),
            pages: pages::Pages::read(table.section("pages")),
            log: section::Log::read(table.section("log")),
            mail,
            upstreams,
            identities,
        };
        config.check_admin(&table);
        config.check_proxies(&table);
        if config.routes.is_empty() && config.dialects.is_empty() && !table.has("route") {
            table.note(
                "route",
                "there is nothing to serve; add a [[route]] or a [dialect.NAME]",
            );
        }
        config
    }

    /// The PROXY protocol is taken from trusted proxies alone.
    fn check_proxies(&self, table: &Table<'_>) {
        let is_asked = self.listen.iter().any(|listen| listen.proxy_protocol);
        if is_asked && self.server.trusted_proxies.is_empty() {
            let what = "has a listener with proxy_protocol, and nobody may say whom a connection is from; name the \
                        proxies in server.trusted_proxies";
            table.note("listen", what);
        }
    }

    /// The admin listener has an address of its own.
    fn check_admin(&self, table: &Table<'_>) {
        let admin = listen::ListenAddress::Tcp(self.admin.address);
        if self.admin.address.port() != 0
            && self.listen.iter().any(|listen| listen.address == admin)
        {
            table.note(
                "admin",
                "has the address of a [[listen]]; give it one of its own",
            );
        }
    }
}

/// Where the configuration is if nobody says: what `COUNTERSIGN_CONFIG` names, else the first of `./countersign.toml` and
/// `/etc/countersign/countersign.toml` that is there; `None` if neither is.
#[must_use]
pub fn default_file(environment: &Environment) -> Option<PathBuf> {
    environment.config_file().or_else(|| {
        DEFAULT_FILES
            .iter()
            .map(PathBuf::from)
            .find(|file| file.exists())
    })
}

/// Reads at most [`LARGEST`] bytes, whatever the file says of its size.
fn read_file(file: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error| format!("cannot be read: {error}");
    let mut bytes = Vec::new();
    std::fs::File::open(file)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(cannot)?;
    if bytes.len() as u64 > LARGEST {
        return Err("is larger than 1MiB, and so no configuration".to_owned());
    }
    Ok(bytes)
}

/// The annotated default file: every key, its default and what it means.
pub const EXAMPLE: &str = include_str!("../../config/countersign.toml");
/// Where a configuration is looked for.
pub const DEFAULT_FILES: [&str; 2] = ["countersign.toml", "/etc/countersign/countersign.toml"];
const LARGEST: u64 = 1 << 20;
