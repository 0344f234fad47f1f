//! `[dialect.NAME]`: which login APIs are spoken, and where.

use std::time::Duration;

/// The dialects that are switched on.
#[derive(Debug, Clone, Default)]
pub struct Dialects {
    /// Seed 001.
    pub key_token: Option<KeyToken>,
    /// Seed 003.
    pub x_auth: Option<XAuth>,
    /// Seed 002.
    pub id_api: Option<IdApi>,
    /// Seed 000.
    pub namespace: Option<Namespace>,
}

/// Where a dialect lives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// Only on this host; lower case, without port. `None` for every host.
    pub host: Option<Box<str>>,
    /// Before its paths; empty, or beginning with `/` and not ending with it.
    pub prefix: Box<str>,
}

/// `[dialect.key_token]`.
#[derive(Debug, Clone)]
pub struct KeyToken {
    /// Where.
    pub place: Place,
    /// Who may register.
    pub registration: Registration,
    /// How long a keyed token is good.
    pub access_ttl: Duration,
    /// How long a refresh token is good.
    pub refresh_ttl: Duration,
    /// How long a refresh can be repeated.
    pub refresh_replay_window: Duration,
}

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Everybody.
    Open,
    /// Whoever has an invitation.
    Invite,
    /// Nobody.
    Closed,
}

/// `[dialect.x_auth]`.
#[derive(Debug, Clone)]
pub struct XAuth {
    /// Where.
    pub place: Place,
    /// What the HTTP status says.
    pub http_status: HttpStatus,
    /// How long an access token is good; `None` if it does not expire by time.
    pub access_ttl: Option<Duration>,
}

/// What the HTTP status of seed 003's answers says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpStatus {
    /// The same as `meta.code`.
    MetaCode,
    /// 200, for old clients.
    Always200,
}

/// `[dialect.id_api]`.
#[derive(Debug, Clone)]
pub struct IdApi {
    /// Where.
    pub place: Place,
    /// How long an elevated token is good.
    pub elevated_ttl: Duration,
    /// How long a mailed code is good.
    pub code_ttl: Duration,
}

/// `[dialect.namespace]`.
#[derive(Debug, Clone)]
pub struct Namespace {
    /// Where.
    pub place: Place,
    /// The path of its login page.
    pub login_path: Box<str>,
    /// How long a session token is good.
    pub session_ttl: Duration,
}
