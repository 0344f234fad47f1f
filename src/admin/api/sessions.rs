//! Sessions, named API tokens among them, and the audit events.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::given::Given;
use super::users::Of;
use super::{Api, Done, Failure};
use crate::admin::rows::{AuditRow, SessionRow, TokenRow};
use crate::auth::issuer::ApiToken;
use crate::model::id::SessionId;
use crate::model::scope::Scope;
use crate::model::session::Session;
use crate::model::time::Timestamp;

/// Which audit events to list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Since {
    since: Option<String>,
}

/// What `POST /api/tokens` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Issue {
    user: String,
    label: String,
    #[serde(default)]
    scopes: Vec<String>,
    expires_at: Option<String>,
}

/// A token's row with its secret, which is shown this once.
#[derive(Serialize)]
struct IssuedRow {
    #[serde(flatten)]
    row: TokenRow,
    token: String,
}

pub(super) async fn list(
    State(api): State<Api>,
    Query(of): Query<Of>,
) -> Done<Json<Vec<SessionRow>>> {
    let sessions = api.sessions_of(&of).await?;
    let logins = sessions.iter().filter(|session| session.label.is_none());
    Ok(Json(logins.map(SessionRow::from).collect()))
}

pub(super) async fn tokens(
    State(api): State<Api>,
    Query(of): Query<Of>,
) -> Done<Json<Vec<TokenRow>>> {
    let sessions = api.sessions_of(&of).await?;
    let tokens = sessions.iter().filter(|session| session.label.is_some());
    Ok(Json(tokens.map(TokenRow::from).collect()))
}

pub(super) async fn issue(State(api): State<Api>, Given(issue): Given<Issue>) -> Done<Response> {
    let scopes = issue.scopes.iter().map(|text| {
        Scope::parse(text).ok_or_else(|| Failure::unusable(format!("{text:?} is not a scope")))
    });
    let account = api.account(&issue.user).await?.id;
    let action = api.action();
    let token = ApiToken {
        account: account.clone(),
        label: issue.label.as_str().into(),
        scopes: scopes.collect::<Done<_>>()?,
        expires_at: expiry(issue.expires_at.as_deref(), action.at)?,
    };
    let issuer = &api.auth.issuer;
    let (id, secret) = issuer.issue_api_token(token, &action).await?;
    let sessions = api.auth.sessions.list(Some(&account)).await?;
    let session = sessions.iter().find(|session| session.id == id);
    let row = TokenRow::from(session.ok_or_else(|| Failure::missing("token"))?);
    let shown = IssuedRow {
        row,
        token: secret.expose().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

pub(super) async fn revoke(State(api): State<Api>, Path(id): Path<String>) -> Done<StatusCode> {
    api.end(&id, "session").await
}

pub(super) async fn revoke_token(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Done<StatusCode> {
    api.end(&id, "token").await
}

pub(super) async fn revoke_all(
    State(api): State<Api>,
    Path(user): Path<String>,
) -> Done<Json<Value>> {
    let account = api.account(&user).await?.id;
    let sessions = &api.auth.sessions;
    let ended = sessions.revoke_all(&account, &api.action()).await?;
    Ok(Json(json!({"revoked": ended.len()})))
}

pub(super) async fn audit(
    State(api): State<Api>,
    Query(since): Query<Since>,
) -> Done<Json<Vec<AuditRow>>> {
    let since = since.since.as_deref().map(|text| {
        let wrong = || Failure::new(StatusCode::BAD_REQUEST, "`since` is not an RFC 3339 time");
        Timestamp::parse(text).ok_or_else(wrong)
    });
    let records = api.store.audit(since.transpose()?).await?;
    Ok(Json(records.iter().map(AuditRow::from).collect()))
}

impl Api {
    async fn sessions_of(&self, of: &Of) -> Done<Vec<Session>> {
        let account = self.account_of(of).await?;
        Ok(self.auth.sessions.list(account.as_ref()).await?)
    }

    /// Ends a session. Whether it is a login or a named API token is not asked: an id names one of them alone.
    async fn end(&self, id: &str, what: &str) -> Done<StatusCode> {
        let id = SessionId::parse(id).ok_or_else(|| Failure::missing(what))?;
        let ended = self.auth.sessions.revoke(id, &self.action()).await?;
        if ended {
            Ok(StatusCode::NO_CONTENT)
        } else {
            Err(Failure::missing(what))
        }
    }
}

fn expiry(text: Option<&str>, now: Timestamp) -> Done<Option<Timestamp>> {
    let wrong = || Failure::unusable("`expires_at` is not an RFC 3339 time in the future");
    text.map(|text| {
        let at = Timestamp::parse(text).ok_or_else(wrong)?;
        if at > now { Ok(at) } else { Err(wrong()) }
    })
    .transpose()
}
