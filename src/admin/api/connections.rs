//! Linked accounts.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;

use super::given::{Given, name};
use super::users::Of;
use super::{Api, Done, Failure};
use crate::admin::rows::ConnectionRow;
use crate::model::connection::Connection;
use crate::model::id::ConnectionId;

/// What `POST /api/connections` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Add {
    user: String,
    provider: String,
    provider_user_id: String,
    name: Option<String>,
}

pub(super) async fn list(
    State(api): State<Api>,
    Query(of): Query<Of>,
) -> Done<Json<Vec<ConnectionRow>>> {
    let account = api.account_of(&of).await?;
    let connections = api.auth.connections.list(account.as_ref()).await?;
    Ok(Json(connections.iter().map(ConnectionRow::from).collect()))
}

pub(super) async fn add(State(api): State<Api>, Given(add): Given<Add>) -> Done<Response> {
    let action = api.action();
    let connection = Connection {
        id: ConnectionId::generate(),
        account: api.account(&add.user).await?.id,
        provider: name(&add.provider)?,
        provider_user_id: name(&add.provider_user_id)?,
        name: add.name.as_deref().map(name).transpose()?,
        linked_at: action.at,
    };
    api.auth.connections.add(&connection, &action).await?;
    Ok((StatusCode::CREATED, Json(ConnectionRow::from(&connection))).into_response())
}

pub(super) async fn remove(State(api): State<Api>, Path(id): Path<String>) -> Done<StatusCode> {
    let id = ConnectionId::parse(&id).ok_or_else(|| Failure::missing("connection"))?;
    let was_there = api.auth.connections.remove(&id, &api.action()).await?;
    was_there
        .then_some(StatusCode::NO_CONTENT)
        .ok_or_else(|| Failure::missing("connection"))
}
