//! Clients, and the accounts that refuse them.

use std::str::FromStr;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;

use super::given::{Given, name};
use super::{Api, Done, Failure};
use crate::admin::rows::ClientRow;
use crate::auth::redirect_url::RedirectUrl;
use crate::model::client::{Client, Handoff};
use crate::model::id::ClientId;

/// What `POST /api/clients` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Add {
    id: Option<String>,
    name: String,
    #[serde(default)]
    redirect_urls: Vec<String>,
    handoff: Option<String>,
}

pub(super) async fn list(State(api): State<Api>) -> Done<Json<Vec<ClientRow>>> {
    let clients = api.auth.clients.list().await?;
    Ok(Json(clients.iter().map(ClientRow::from).collect()))
}

pub(super) async fn show(
    State(api): State<Api>,
    Path(client): Path<String>,
) -> Done<Json<ClientRow>> {
    let found = api.auth.clients.find(&id(&client)?).await?;
    let found = found.ok_or_else(|| Failure::missing("client"))?;
    Ok(Json(ClientRow::from(&found)))
}

pub(super) async fn add(State(api): State<Api>, Given(add): Given<Add>) -> Done<Response> {
    let action = api.action();
    let client = Client {
        id: match add.id {
            Some(id) => ClientId::parse(&id).map_err(Failure::unusable)?,
            None => ClientId::generate(),
        },
        name: name(&add.name)?,
        redirect_urls: redirect_urls(&add.redirect_urls)?,
        handoff: handoff(add.handoff.as_deref())?,
        created_at: action.at,
    };
    api.auth.clients.add(&client, &action).await?;
    Ok((StatusCode::CREATED, Json(ClientRow::from(&client))).into_response())
}

pub(super) async fn remove(State(api): State<Api>, Path(client): Path<String>) -> Done<StatusCode> {
    let clients = &api.auth.clients;
    clients.delete(&id(&client)?, &api.action()).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn refuse(
    State(api): State<Api>,
    Path((client, user)): Path<(String, String)>,
) -> Done<StatusCode> {
    api.set_refused(&client, &user, true).await
}

pub(super) async fn allow(
    State(api): State<Api>,
    Path((client, user)): Path<(String, String)>,
) -> Done<StatusCode> {
    api.set_refused(&client, &user, false).await
}

impl Api {
    async fn set_refused(&self, client: &str, user: &str, refused: bool) -> Done<StatusCode> {
        let client = id(client)?;
        let account = self.account(user).await?.id;
        let clients = &self.auth.clients;
        clients
            .set_refused(&account, &client, refused, &self.action())
            .await?;
        Ok(StatusCode::NO_CONTENT)
    }
}

fn id(text: &str) -> Done<ClientId> {
    ClientId::parse(text).map_err(|_| Failure::missing("client"))
}

fn redirect_urls(texts: &[String]) -> Done<Vec<Box<str>>> {
    let urls = texts.iter().map(|text| match RedirectUrl::parse(text) {
        Ok(url) => Ok(url.as_str().into()),
        Err(error) => Err(Failure::unusable(format!("{text:?}: {error}"))),
    });
    urls.collect()
}

fn handoff(text: Option<&str>) -> Done<Handoff> {
    Handoff::from_str(text.unwrap_or("token"))
        .map_err(|()| Failure::unusable("the hand-off is `token` or `code`"))
}
