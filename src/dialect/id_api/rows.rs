//! What seed 002's answers hold, key for key.

use serde::Serialize;

use crate::auth::elevation::Elevated;
use crate::model::account::{Account, AccountKind};
use crate::model::connection::Connection;
use crate::model::principal::Principal;

/// The answer to `GET /api/users/@me`.
#[derive(Serialize)]
pub(super) struct User {
    id: String,
    email: Option<String>,
    pending_email: Option<String>,
    name: Option<Box<str>>,
    username: Option<String>,
    role: String,
    shadow: bool,
    created_at: String,
}

/// A connection in the answer to `GET /api/users/@me/connections`.
#[derive(Serialize)]
pub(super) struct Row {
    id: String,
    provider: Box<str>,
    provider_user_id: Box<str>,
    name: Option<Box<str>>,
    linked_at: String,
}

/// The answer to `POST /api/eat/verify-code`.
#[derive(Serialize)]
pub(super) struct Exchanged {
    id: String,
    user_id: String,
    token: String,
    expires_at: String,
}

/// The answer to `GET /api/eat/verify`.
#[derive(Serialize)]
pub(super) struct Good {
    pub(super) user_id: String,
    pub(super) expires_at: String,
}

impl User {
    pub(super) fn of(account: &Account) -> Self {
        Self {
            id: account.id.to_string(),
            email: account.email.as_ref().map(ToString::to_string),
            pending_email: account.pending_email.as_ref().map(ToString::to_string),
            name: account.name.clone(),
            username: account.username.as_ref().map(ToString::to_string),
            role: account.role.to_string(),
            shadow: account.kind == AccountKind::Shadow,
            created_at: account.created_at.to_string(),
        }
    }
}

impl Row {
    pub(super) fn of(connection: &Connection) -> Self {
        Self {
            id: connection.id.to_string(),
            provider: connection.provider.clone(),
            provider_user_id: connection.provider_user_id.clone(),
            name: connection.name.clone(),
            linked_at: connection.linked_at.to_string(),
        }
    }
}

impl Exchanged {
    pub(super) fn of(elevated: &Elevated, principal: &Principal) -> Self {
        Self {
            id: elevated.id.to_string(),
            user_id: principal.account.id.to_string(),
            token: elevated.token.expose().to_owned(),
            expires_at: elevated.expires_at.to_string(),
        }
    }
}
