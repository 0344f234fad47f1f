//! `[server]` and `[limits]`.

use std::time::Duration;

use ipnet::IpNet;
use url::Url;

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
    /// Open connections in all.
    pub connections: usize,
    /// Open connections of one address.
    pub connections_per_ip: usize,
    /// Bytes of a proxied request's body.
    pub body_bytes: u64,
}

impl Server {
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
}
