//! The configuration as it is used: every value checked, every default filled in, nothing left to validate per request.
//!
//! A file per section. Each holds the section as it is used and how it is read from the file; mistakes are collected, so
//! that an operator sees all of them at once, each with its file, line and key.

pub mod dialect;
pub mod identity;
pub mod listen;
pub mod route;
pub mod section;
pub mod server;
pub mod upstream;

use std::collections::BTreeMap;
use std::sync::Arc;

use identity::IdentityMapping;

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
    /// `[log]`.
    pub log: section::Log,
}
