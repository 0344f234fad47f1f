//! The rows of lists, for `--json` and the API alike: the contract's keys, a struct per list. An absent value is `null`,
//! so that every key is always there. Times are RFC 3339 in UTC.

use serde::{Deserialize, Serialize};

use crate::auth::import::ImportRow;
use crate::model::account::Account;
use crate::model::audit::AuditRecord;
use crate::model::client::Client;
use crate::model::connection::Connection;
use crate::model::factor::Enrolled;
use crate::model::session::Session;
use crate::store::accounts::PasswordHash;

/// An account.
#[derive(Debug, Serialize)]
pub struct UserRow {
    id: String,
    email: Option<String>,
    pending_email: Option<String>,
    name: Option<String>,
    username: Option<String>,
    role: String,
    groups: Vec<String>,
    kind: &'static str,
    status: &'static str,
    created_at: String,
}

/// An account, looked at alone.
#[derive(Debug, Serialize)]
pub struct ShownUserRow {
    #[serde(flatten)]
    user: UserRow,
    factors: Vec<&'static str>,
}

/// A client.
#[derive(Debug, Serialize)]
pub struct ClientRow {
    id: String,
    name: String,
    redirect_urls: Vec<String>,
    handoff: &'static str,
    created_at: String,
}

/// A named API token.
#[derive(Debug, Serialize)]
pub struct TokenRow {
    id: String,
    user_id: String,
    label: Option<String>,
    scopes: Vec<String>,
    created_at: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
}

/// A session.
#[derive(Debug, Serialize)]
pub struct SessionRow {
    id: String,
    user_id: String,
    client_id: Option<String>,
    dialect: String,
    remote_ip: Option<String>,
    created_at: String,
    last_used_at: Option<String>,
    expires_at: Option<String>,
}

/// A linked account.
#[derive(Debug, Serialize)]
pub struct ConnectionRow {
    id: String,
    user_id: String,
    provider: String,
    provider_user_id: String,
    name: Option<String>,
    linked_at: String,
}

/// An audit event.
#[derive(Debug, Serialize)]
pub struct AuditRow {
    id: i64,
    at: String,
    event: String,
    result: String,
    reason: Option<String>,
    user: Option<String>,
    object: Option<String>,
    ip: Option<String>,
    actor: String,
}

/// An account of another system, as a file or the API has it.
#[derive(Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedRow {
    /// Its address.
    #[serde(default)]
    pub email: Option<String>,
    /// Its login name.
    #[serde(default)]
    pub username: Option<String>,
    /// Its display name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its role; `member` if there is none.
    #[serde(default)]
    pub role: Option<String>,
    /// Its groups.
    #[serde(default)]
    pub groups: Option<Vec<String>>,
    /// Its password's hash; without one it is a shadow account.
    #[serde(default)]
    pub password_hash: Option<String>,
}

impl ShownUserRow {
    /// An account with what it shows besides the password.
    #[must_use]
    pub fn of(account: &Account, enrolled: &Enrolled) -> Self {
        Self {
            user: account.into(),
            factors: words(enrolled),
        }
    }
}

/// The words for what an account shows besides the password.
pub(super) fn words(enrolled: &Enrolled) -> Vec<&'static str> {
    enrolled.kinds().iter().map(|kind| kind.as_str()).collect()
}

impl From<&Account> for UserRow {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id.to_string(),
            email: text(account.email.as_ref()),
            pending_email: text(account.pending_email.as_ref()),
            name: text(account.name.as_ref()),
            username: text(account.username.as_ref()),
            role: account.role.to_string(),
            groups: texts(&account.groups),
            kind: account.kind.as_str(),
            status: account.status.as_str(),
            created_at: account.created_at.to_string(),
        }
    }
}

impl From<&Client> for ClientRow {
    fn from(client: &Client) -> Self {
        Self {
            id: client.id.to_string(),
            name: client.name.to_string(),
            redirect_urls: texts(&client.redirect_urls),
            handoff: client.handoff.as_str(),
            created_at: client.created_at.to_string(),
        }
    }
}

impl From<&Session> for TokenRow {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id.to_string(),
            user_id: session.account.to_string(),
            label: text(session.label.as_ref()),
            scopes: texts(&session.scopes),
            created_at: session.created_at.to_string(),
            expires_at: text(session.expires_at.as_ref()),
            last_used_at: text(session.last_used_at.as_ref()),
        }
    }
}

impl From<&Session> for SessionRow {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id.to_string(),
            user_id: session.account.to_string(),
            client_id: text(session.client.as_ref()),
            dialect: session.dialect.to_string(),
            remote_ip: text(session.remote_ip.as_ref()),
            created_at: session.created_at.to_string(),
            last_used_at: text(session.last_used_at.as_ref()),
            expires_at: text(session.expires_at.as_ref()),
        }
    }
}

/// Without the hash.
impl std::fmt::Debug for ImportedRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImportedRow")
            .field("email", &self.email)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl ImportedRow {
    /// The row, on this line of its file or at this place of its request.
    #[must_use]
    pub fn on(self, line: usize) -> ImportRow {
        ImportRow {
            line,
            email: self.email,
            username: self.username,
            name: self.name,
            role: self.role,
            groups: self.groups.unwrap_or_default(),
            password_hash: self.password_hash.map(PasswordHash::new),
        }
    }
}

impl From<&Connection> for ConnectionRow {
    fn from(connection: &Connection) -> Self {
        Self {
            id: connection.id.to_string(),
            user_id: connection.account.to_string(),
            provider: connection.provider.to_string(),
            provider_user_id: connection.provider_user_id.to_string(),
            name: text(connection.name.as_ref()),
            linked_at: connection.linked_at.to_string(),
        }
    }
}

impl From<&AuditRecord> for AuditRow {
    fn from(record: &AuditRecord) -> Self {
        Self {
            id: record.sequence.0,
            at: record.at.to_string(),
            event: record.event.to_string(),
            result: record.result.to_string(),
            reason: text(record.reason.as_ref()),
            user: text(record.user.as_ref()),
            object: text(record.object.as_ref()),
            ip: text(record.ip.as_ref()),
            actor: record.actor.to_string(),
        }
    }
}

fn text(value: Option<&impl ToString>) -> Option<String> {
    value.map(ToString::to_string)
}

fn texts(values: &[impl ToString]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}
