//! `[server]` and `[limits]`.

use std::net::IpAddr;
use std::num::NonZero;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use super::reader::Table;
use super::value::{Read, duration, integer, size, text};

/// `[server]`.
#[derive(Debug, Clone)]
pub struct Server {
    /// Where people and clients reach us; for links, cookies and `Location`. `http` or `https`, no path.
    pub external_url: Url,
    /// The realm of challenges. Printable ASCII without `"` and `\`.
    pub realm: Box<str>,
    /// Whose `X-Forwarded-*` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Worker threads; resolved, at least one.
    pub workers: usize,
    /// How long open requests may finish at shutdown.
    pub drain: Duration,
}

/// `[limits]`.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a request's whole head.
    pub header_bytes: usize,
    /// Fields of a request's head.
    pub header_fields: usize,
    /// Bytes of a request's target.
    pub target_bytes: usize,
    /// From a head's first byte to its end.
    pub header_deadline: Duration,
    /// Between requests.
    pub idle_timeout: Duration,
    /// TLS and PROXY protocol.
    pub handshake_timeout: Duration,
    /// A body that does not move, either way.
    pub body_idle: Duration,
    /// Bytes a second that a request's body moves at least, over `body_idle`.
    pub body_rate: u64,
    /// Open connections in all.
    pub connections: usize,
    /// Open connections of one address.
    pub connections_per_ip: usize,
    /// Bytes of a proxied request's body.
    pub body_bytes: u64,
}

impl Server {
    pub(super) fn read(mut table: Table<'_>) -> Self {
        let default =
            Url::parse("http://127.0.0.1:8080").expect("the example's address is an address");
        let workers = table.or("workers", 0, integer(0..=1024));
        Self {
            external_url: table.or("external_url", default, text(external_url)),
            realm: table.or("realm", "countersign".into(), text(realm)),
            trusted_proxies: table
                .list("trusted_proxies", |node| text(network)(node))
                .unwrap_or_default(),
            workers: if workers == 0 { cores() } else { workers },
            drain: table.or(
                "drain",
                Duration::from_secs(20),
                duration(Duration::ZERO..=HOUR),
            ),
        }
    }

    /// Whether people reach us over TLS: whether cookies are `Secure` and have the `__Host-` prefix.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.external_url.scheme() == "https"
    }

    /// The name of our cookie: `__Host-countersign`, or `countersign` over plain http.
    #[must_use]
    pub fn cookie_name(&self) -> &'static str {
        if self.is_secure() {
            "__Host-countersign"
        } else {
            "countersign"
        }
    }

    /// The name of the cookie that keeps a browser session's elevated token, beside [`Self::cookie_name`].
    #[must_use]
    pub fn elevation_cookie_name(&self) -> &'static str {
        if self.is_secure() {
            "__Host-countersign-elevation"
        } else {
            "countersign-elevation"
        }
    }

    /// The `Set-Cookie` that takes our cookie away from a browser.
    #[must_use]
    pub fn clearing_cookie(&self) -> String {
        let secure = if self.is_secure() { "; Secure" } else { "" };
        let name = self.cookie_name();
        format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}")
    }
}

impl Limits {
    pub(super) fn read(mut table: Table<'_>) -> Self {
        let seconds = Duration::from_secs;
        let wait = || duration(Duration::from_millis(10)..=DAY);
        let limits = Self {
            header_bytes: table.or("header_bytes", 64 * KIB, size(256..=MIB)),
            header_fields: table.or("header_fields", 100, integer(1..=10_000)),
            target_bytes: table.or("target_bytes", 8 * KIB, size(16..=MIB)),
            header_deadline: table.or("header_deadline", seconds(10), wait()),
            idle_timeout: table.or("idle_timeout", seconds(60), wait()),
            handshake_timeout: table.or("handshake_timeout", seconds(10), wait()),
            body_idle: table.or("body_idle", seconds(30), wait()),
            body_rate: table.or("body_rate", 256, size(0..=MIB)),
            connections: table.or("connections", 10_000, integer(1..=1_000_000)),
            connections_per_ip: table.or("connections_per_ip", 1000, integer(1..=1_000_000)),
            body_bytes: table.or("body_bytes", 1 << 30, size(0..=1 << 60)),
        };
        if limits.target_bytes > limits.header_bytes {
            let what = "is more than header_bytes, of which the target is a part; write less";
            table.note("target_bytes", what);
        }
        limits
    }
}

/// The processor's cores that this process may use.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

fn external_url(text: &str) -> Read<Url> {
    // Says nothing of the text: somebody may have put a password into it.
    let fail = || {
        "is not where we can be reached; write \"https://host\" without path, query and user"
            .to_owned()
    };
    let url = Url::parse(text).map_err(|_| fail())?;
    let fits = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some()
        && matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    fits.then_some(url).ok_or_else(fail)
}

fn realm(text: &str) -> Read<Box<str>> {
    let fits = |b: u8| (b' '..=b'~').contains(&b) && !b"\"\\".contains(&b);
    if (1..=128).contains(&text.len()) && text.bytes().all(fits) {
        Ok(text.into())
    } else {
        Err(
            "cannot be a realm; write 1 to 128 characters of printable ASCII without \" and \\"
                .to_owned(),
        )
    }
}

fn network(text: &str) -> Read<IpNet> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map(|network| network.trunc())
        .map_err(|_| format!("{text:?} is not a network; write \"10.0.0.0/8\" or \"::1\""))
}

const KIB: usize = 1 << 10;
const MIB: u64 = 1 << 20;
pub(super) const HOUR: Duration = Duration::from_hours(1);
pub(super) const DAY: Duration = Duration::from_hours(24);
