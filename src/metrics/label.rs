//! Closed sets of label values that no other room has a name for.

/// Which cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheName {
    /// Tokens that are good.
    Tokens,
    /// Tokens that are not.
    Negative,
    /// Accounts that tokens share.
    Accounts,
}

/// What a look into a cache gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheResult {
    /// Found, and still true.
    Hit,
    /// Not found.
    Miss,
    /// Found, and no longer true.
    Stale,
    /// Not looked: the feed was silent for too long.
    Bypass,
}

/// Where a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionState {
    /// Open at all.
    Open,
    /// Speaking a protocol after 101.
    Upgraded,
}

/// Why a connection was ended by us before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionEnd {
    /// Its network had as many as it may.
    PerIp,
    /// It came without a PROXY header that is whole and from a trusted proxy.
    ProxyHeader,
    /// It did not begin as its listener asks.
    Handshake,
    /// It did not begin in time.
    HandshakeTimeout,
    /// It cost too much that no request needs (HTTP/2).
    Flood,
    /// A frame broke the protocol (HTTP/2).
    Protocol,
    /// Something of it did not move for too long (HTTP/2).
    Stall,
}

impl CacheName {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Negative => "negative",
            Self::Accounts => "accounts",
        }
    }
}

impl CacheResult {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Stale => "stale",
            Self::Bypass => "bypass",
        }
    }
}

impl ConnectionState {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Upgraded => "upgraded",
        }
    }
}

impl ConnectionEnd {
    pub(super) const ALL: [Self; 7] = [
        Self::Flood,
        Self::Protocol,
        Self::Stall,
        Self::PerIp,
        Self::ProxyHeader,
        Self::Handshake,
        Self::HandshakeTimeout,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::PerIp => "per_ip",
            Self::ProxyHeader => "proxy_header",
            Self::Handshake => "handshake",
            Self::Flood => "flood",
            Self::Protocol => "protocol",
            Self::Stall => "stall",
            Self::HandshakeTimeout => "handshake_timeout",
        }
    }
}

/// The steps of elevation, and how each may end.
pub(super) const ELEVATION: [(&str, &[&str]); 2] = [
    ("request", &["success", "limited", "unmailable", "error"]),
    ("verify", &["success", "wrong", "limited", "error"]),
];

/// The steps of linking an account elsewhere, and how each may end.
pub(super) const LINKS: [(&str, &[&str]); 2] = [
    (
        "link",
        &[
            "success",
            "unreachable",
            "refused",
            "unusable",
            "id_token",
            "state",
            "declined",
            "taken",
            "error",
        ],
    ),
    ("unlink", &["success", "unknown", "error"]),
];
