//! `[dialect.NAME]`: which login APIs are spoken, and where.

use std::time::Duration;

use super::place;
use super::reader::Table;
use super::server::{DAY, HOUR};
use super::value::{duration, text, word};

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

impl Dialects {
    pub(super) fn read(mut table: Table<'_>) -> Self {
        Self {
            key_token: table.table("key_token").map(KeyToken::read),
            x_auth: table.table("x_auth").map(XAuth::read),
            id_api: table.table("id_api").map(IdApi::read),
            namespace: table.table("namespace").map(Namespace::read),
        }
    }

    /// Whether none is switched on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.key_token.is_none()
            && self.x_auth.is_none()
            && self.id_api.is_none()
            && self.namespace.is_none()
    }
}

impl Place {
    fn read(table: &mut Table<'_>) -> Self {
        Self {
            host: table.optional("host", text(place::host)),
            prefix: table.or("prefix", "".into(), text(place::prefix)),
        }
    }
}

impl KeyToken {
    fn read(mut table: Table<'_>) -> Self {
        let registrations = [
            ("open", Registration::Open),
            ("invite", Registration::Invite),
            ("closed", Registration::Closed),
        ];
        let window = duration(Duration::ZERO..=Duration::from_mins(10));
        Self {
            place: Place::read(&mut table),
            registration: table.or("registration", Registration::Open, word(&registrations)),
            access_ttl: table.or("access_ttl", 14 * DAY, duration(SECOND..=LONG)),
            refresh_ttl: table.or("refresh_ttl", 60 * DAY, duration(SECOND..=LONG)),
            refresh_replay_window: table.or("refresh_replay_window", 30 * SECOND, window),
        }
    }
}

impl XAuth {
    fn read(mut table: Table<'_>) -> Self {
        let statuses = [
            ("meta-code", HttpStatus::MetaCode),
            ("always-200", HttpStatus::Always200),
        ];
        Self {
            place: Place::read(&mut table),
            http_status: table.or("http_status", HttpStatus::MetaCode, word(&statuses)),
            access_ttl: table.optional("access_ttl", duration(SECOND..=LONG)),
        }
    }
}

impl IdApi {
    fn read(mut table: Table<'_>) -> Self {
        Self {
            place: Place::read(&mut table),
            elevated_ttl: table.or("elevated_ttl", 600 * SECOND, duration(SECOND..=DAY)),
            code_ttl: table.or("code_ttl", 300 * SECOND, duration(SECOND..=HOUR)),
        }
    }
}

impl Namespace {
    fn read(mut table: Table<'_>) -> Self {
        let login_path = text(|path| place::path(path, false, false));
        Self {
            place: Place::read(&mut table),
            login_path: table.or("login_path", "/login".into(), login_path),
            session_ttl: table.or("session_ttl", 7 * DAY, duration(SECOND..=LONG)),
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);
/// Ten years: longer is a slip of the pen.
const LONG: Duration = Duration::from_hours(10 * 365 * 24);
