//! `[upstream.NAME]`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A group of servers that answer for the same app.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Its name.
    pub name: Arc<str>,
    /// At least one; several are balanced.
    pub servers: Vec<UpstreamServer>,
    /// How to find out which of them are up; `None` believes all of them.
    pub health: Option<HealthCheck>,
    /// To an open connection.
    pub connect_timeout: Duration,
    /// Between two reads of a response.
    pub read_timeout: Duration,
}

/// One server: `"http://127.0.0.1:9000"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamServer {
    /// Where.
    pub address: UpstreamAddress,
    /// Whether it speaks TLS, and to which name.
    pub tls: Option<Box<str>>,
    /// Whether it speaks HTTP/2: `h2://` with TLS, `h2c://` without.
    pub http2: bool,
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamAddress {
    /// An address.
    Ip(SocketAddr),
    /// A name that is looked up for each connection.
    Name(Box<str>, u16),
    /// A socket's path.
    Unix(PathBuf),
}

/// `health = { path = "/health", interval = "5s" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is asked for; any 2xx or 3xx is well.
    pub path: Box<str>,
    /// How often.
    pub interval: Duration,
}
