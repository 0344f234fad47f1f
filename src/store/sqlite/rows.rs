//! Rows to nouns. What does not read as what it should be is [`StoreError::Corrupt`], with the column's name.

use std::sync::Arc;

use rusqlite::types::{FromSql, Value};
use rusqlite::{Connection, ErrorCode, Params, Row};

use crate::model::account::{Account, AccountKind, AccountStatus, Email, Group, Role, Username};
use crate::model::client::{Client, Handoff};
use crate::model::id::{AccountId, ClientId, SessionId, TokenId};
use crate::model::principal::{LastUsed, Principal};
use crate::model::scope::Scope;
use crate::model::session::Session;
use crate::model::time::Timestamp;
use crate::model::token::TokenKind;
use crate::store::StoreError;

/// The columns that [`account`] reads, of a table called `a`.
macro_rules! account_columns {
    () => {
        "a.id, a.email, a.pending_email, a.username, a.name, a.role, a.groups, a.kind, a.status, a.created_at"
    };
}

/// A whole statement that [`session`] reads, but for its end.
macro_rules! select_sessions {
    ($rest:literal) => {
        concat!(
            "SELECT s.id, a.id, c.id, s.dialect, s.label, s.scopes, s.remote_ip, s.created_at, s.last_used_at, \
             s.expires_at FROM session s JOIN account a ON a.number = s.account \
             LEFT JOIN client c ON c.number = s.client ",
            $rest
        )
    };
}

pub(super) use {account_columns, select_sessions};

/// Whom a token stands for. Three lookups by key and one in a small table.
pub(super) const INTROSPECT: &str = concat!(
    "SELECT ",
    account_columns!(),
    ", c.id, s.id, t.id, t.kind, s.scopes, t.issued_at, t.expires_at, s.last_used_at FROM token t \
     JOIN session s ON s.number = t.session JOIN account a ON a.number = s.account \
     LEFT JOIN client c ON c.number = s.client WHERE t.digest = ?1 AND a.status = 'active'"
);

/// Runs a statement that gives no rows.
pub(super) fn run(
    connection: &Connection,
    sql: &str,
    params: impl Params,
) -> Result<usize, StoreError> {
    Ok(connection.prepare_cached(sql)?.execute(params)?)
}

/// The first row of a statement, or `None`.
pub(super) fn first<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

/// Every row of a statement.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(read(row)?);
    }
    Ok(all)
}

pub(super) fn account(row: &Row<'_>) -> Result<Account, StoreError> {
    Ok(Account {
        id: text(row, 0, |id| AccountId::parse(id).ok())?,
        email: maybe_text(row, 1, |email| Email::parse(email).ok())?,
        pending_email: maybe_text(row, 2, |email| Email::parse(email).ok())?,
        username: maybe_text(row, 3, |name| Username::parse(name).ok())?,
        name: get(row, 4)?,
        role: text(row, 5, |role| Role::parse(role).ok())?,
        groups: words(row, 6, |group| Group::parse(group).ok())?,
        kind: text(row, 7, |kind| kind.parse::<AccountKind>().ok())?,
        status: text(row, 8, |status| status.parse::<AccountStatus>().ok())?,
        created_at: time(row, 9)?,
    })
}

pub(super) fn principal(row: &Row<'_>) -> Result<Principal, StoreError> {
    let scopes = words(row, 14, Scope::parse)?;
    Ok(Principal {
        account: Arc::new(account(row)?),
        client: maybe_text(row, 10, |id| ClientId::parse(id).ok())?,
        session: SessionId::from_bytes(get(row, 11)?),
        token: get::<Option<_>>(row, 12)?.map(TokenId::from_bytes),
        kind: token_kind(row, 13)?,
        scopes: scopes.into(),
        issued_at: time(row, 15)?,
        expires_at: maybe_time(row, 16)?,
        last_used: LastUsed::at(maybe_time(row, 17)?),
    })
}

pub(super) fn session(row: &Row<'_>) -> Result<Session, StoreError> {
    Ok(Session {
        id: SessionId::from_bytes(get(row, 0)?),
        account: text(row, 1, |id| AccountId::parse(id).ok())?,
        client: maybe_text(row, 2, |id| ClientId::parse(id).ok())?,
        dialect: get(row, 3)?,
        label: get(row, 4)?,
        scopes: words(row, 5, Scope::parse)?,
        remote_ip: maybe_text(row, 6, |ip| ip.parse().ok())?,
        created_at: time(row, 7)?,
        last_used_at: maybe_time(row, 8)?,
        expires_at: maybe_time(row, 9)?,
    })
}

/// Of `id, name, redirect_urls, handoff, created_at`.
pub(super) fn client(row: &Row<'_>) -> Result<Client, StoreError> {
    Ok(Client {
        id: text(row, 0, |id| ClientId::parse(id).ok())?,
        name: get(row, 1)?,
        redirect_urls: text(row, 2, |urls| serde_json::from_str(urls).ok())?,
        handoff: text(row, 3, |handoff| handoff.parse::<Handoff>().ok())?,
        created_at: time(row, 4)?,
    })
}

pub(super) fn get<T: FromSql>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    row.get(column).map_err(|_| corrupt(row, column))
}

pub(super) fn text<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, StoreError> {
    maybe_text(row, column, parse)?.ok_or_else(|| corrupt(row, column))
}

pub(super) fn maybe_text<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    match row.get_ref(column)?.as_str_or_null() {
        Ok(None) => Ok(None),
        Ok(Some(text)) => parse(text).map(Some).ok_or_else(|| corrupt(row, column)),
        Err(_) => Err(corrupt(row, column)),
    }
}

pub(super) fn time(row: &Row<'_>, column: usize) -> Result<Timestamp, StoreError> {
    get(row, column).map(Timestamp::from_millis)
}

pub(super) fn maybe_time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>, StoreError> {
    Ok(get::<Option<_>>(row, column)?.map(Timestamp::from_millis))
}

pub(super) fn token_kind(row: &Row<'_>, column: usize) -> Result<TokenKind, StoreError> {
    let number: u8 = get(row, column)?;
    let kind = TokenKind::ALL
        .into_iter()
        .find(|kind| *kind as u8 == number);
    kind.ok_or_else(|| corrupt(row, column))
}

/// A limit, as SQL takes it.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Words with a space between them, as [`words`] reads them.
pub(super) fn joined<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().collect::<Vec<_>>().join(" ")
}

/// A time that may be none, as a value.
pub(super) fn millis(at: Option<Timestamp>) -> Value {
    at.map(Timestamp::millis).into()
}

pub(super) fn corrupt(row: &Row<'_>, column: usize) -> StoreError {
    let name = row.as_ref().column_name(column).unwrap_or("a column");
    StoreError::Corrupt(format!("{name} is not what was written"))
}

fn words<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, StoreError> {
    text(row, column, |list| {
        list.split_terminator(' ').map(&parse).collect()
    })
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(
                ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch,
            ) => Self::Corrupt(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::super::connection::{Purpose, connect, prepare};
    use super::*;

    #[test]
    fn a_lookup_is_planned_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        prepare(&path).unwrap();
        let connection = connect(&path, Purpose::Read).unwrap();
        for _ in 0..5 {
            let nobody = first(&connection, INTROSPECT, [[7_u8; 32]], principal);
            assert!(nobody.unwrap().is_none());
        }
        let statement = connection.prepare_cached(INTROSPECT).unwrap();
        assert_eq!(statement.get_status(StatementStatus::Run), 5);
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
