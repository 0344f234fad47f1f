//! `[[listen]]`.

use std::net::SocketAddr;
use std::path::PathBuf;

/// One listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Where.
    pub address: ListenAddress,
}

/// Where a listener listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// `"127.0.0.1:8080"`.
    Tcp(SocketAddr),
    /// `"unix:run/http.sock"`, relative to the configuration file.
    Unix(PathBuf),
}
