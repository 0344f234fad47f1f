//! `[upstream.NAME]`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use url::{Host, Url};

use super::place;
use super::reader::Table;
use super::server::HOUR;
use super::value::{Read, duration, path_at, text};

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

/// As it is written.
impl fmt::Display for UpstreamServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match (&self.tls, self.http2) {
            (None, false) => "http",
            (Some(_), false) => "https",
            (None, true) => "h2c",
            (Some(_), true) => "h2",
        };
        match &self.address {
            UpstreamAddress::Ip(address) => write!(f, "{scheme}://{address}"),
            UpstreamAddress::Name(name, port) => write!(f, "{scheme}://{name}:{port}"),
            UpstreamAddress::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Upstream {
    pub(super) fn read_all(tables: Vec<(Box<str>, Table<'_>)>) -> BTreeMap<Arc<str>, Self> {
        tables
            .into_iter()
            .map(|(name, table)| {
                let name: Arc<str> = name.into();
                (Arc::clone(&name), Self::read(name, table))
            })
            .collect()
    }

    fn read(name: Arc<str>, mut table: Table<'_>) -> Self {
        let base = table.base();
        let wait = || duration(MILLISECOND..=HOUR);
        let upstream = Self {
            servers: table
                .list("servers", |node| text(|url| server(base, url))(node))
                .unwrap_or_default(),
            health: table.table("health").map(HealthCheck::read),
            connect_timeout: table.or("connect_timeout", 3000 * MILLISECOND, wait()),
            read_timeout: table.or("read_timeout", 60_000 * MILLISECOND, wait()),
            name,
        };
        if !is_name(&upstream.name) {
            table.note("", NAME_RULE);
        }
        if !table.has("servers") {
            table.note("servers", "is missing; write [\"http://127.0.0.1:9000\"]");
        } else if table.has_empty("servers") {
            table.note(
                "servers",
                "names no server; write [\"http://127.0.0.1:9000\"]",
            );
        }
        upstream
    }
}

impl HealthCheck {
    fn read(mut table: Table<'_>) -> Self {
        let interval = duration(100 * MILLISECOND..=HOUR);
        Self {
            path: table.required(
                "path",
                "/".into(),
                text(|path| place::path(path, false, false)),
            ),
            interval: table.or("interval", 5000 * MILLISECOND, interval),
        }
    }
}

/// Whether a text can name an upstream, route or mapping: in logs, metrics and variables alike.
pub(super) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// What to do about a text that cannot be a name.
pub(super) const NAME_RULE: &str = "cannot be a name; write 1 to 64 letters, digits and . _ -";

fn server(base: &Path, text: &str) -> Read<UpstreamServer> {
    if let Some(path) = text.strip_prefix("unix:") {
        return Ok(UpstreamServer {
            address: UpstreamAddress::Unix(path_at(base, path)?),
            tls: None,
            http2: false,
        });
    }
    // Says nothing of the text: somebody may have put a password into it.
    let fail = || {
        "is not a server; write \"http://host:port\" (or https, h2, h2c) without path and user, or \"unix:PATH\"".to_owned()
    };
    let (scheme, rest) = text.split_once("://").ok_or_else(fail)?;
    let (is_tls, http2) = match scheme {
        "http" => (false, false),
        "https" => (true, false),
        "h2" => (true, true),
        "h2c" => (false, true),
        _ => return Err(fail()),
    };
    let plain = if is_tls { "https" } else { "http" };
    let url = Url::parse(&format!("{plain}://{rest}")).map_err(|_| fail())?;
    let is_bare = matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let port = url.port_or_known_default().filter(|port| *port != 0);
    let (Some(host), Some(port), true) = (url.host(), port, is_bare) else {
        return Err(fail());
    };
    let address = match host {
        Host::Ipv4(ip) => UpstreamAddress::Ip((ip, port).into()),
        Host::Ipv6(ip) => UpstreamAddress::Ip((ip, port).into()),
        Host::Domain(name) => UpstreamAddress::Name(name.into(), port),
    };
    let name = host.to_string().trim_matches(['[', ']']).into();
    Ok(UpstreamServer {
        address,
        tls: is_tls.then_some(name),
        http2,
    })
}

const MILLISECOND: Duration = Duration::from_millis(1);
