//! Accounts.

use std::fmt::Display;
use std::str::FromStr;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::given::Given;
use super::{Api, Done, Failure};
use crate::admin::rows::{self, UserRow};
use crate::auth::accounts::Draft;
use crate::auth::password::Password;
use crate::model::account::{Account, AccountStatus, Email, Group, Role, Username};
use crate::model::id::AccountId;
use crate::store::factors::Removal;

/// Whose to list; everybody's without it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Of {
    user: Option<String>,
}

/// What `POST /api/users` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Add {
    id: Option<String>,
    email: Option<String>,
    username: Option<String>,
    name: Option<String>,
    role: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
    password: Option<String>,
    #[serde(default)]
    shadow: bool,
}

/// What `PUT …/role` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ARole {
    role: String,
}

/// What `PUT …/groups` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Groups {
    groups: Vec<String>,
}

/// What `PUT …/status` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Status {
    status: String,
}

/// What `PUT …/password` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct APassword {
    password: String,
}

/// What `POST /api/invitations` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Invite {
    email: String,
    role: Option<String>,
}

type Row = Done<Json<UserRow>>;

pub(super) async fn list(State(api): State<Api>) -> Done<Json<Vec<UserRow>>> {
    let accounts = api.auth.accounts.list().await?;
    Ok(Json(accounts.iter().map(UserRow::from).collect()))
}

pub(super) async fn show(State(api): State<Api>, Path(user): Path<String>) -> Row {
    Ok(row(&api.account(&user).await?))
}

pub(super) async fn add(State(api): State<Api>, Given(add): Given<Add>) -> Done<Response> {
    let account = api
        .auth
        .accounts
        .add(add.into_draft()?, &api.action())
        .await?;
    Ok((StatusCode::CREATED, row(&account)).into_response())
}

pub(super) async fn remove(State(api): State<Api>, Path(user): Path<String>) -> Done<StatusCode> {
    let account = api.account(&user).await?;
    let accounts = &api.auth.accounts;
    accounts.delete(&account.id, &api.action()).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn set_role(
    State(api): State<Api>,
    Path(user): Path<String>,
    Given(given): Given<ARole>,
) -> Row {
    let role = Role::parse(&given.role).map_err(Failure::unusable)?;
    let id = api.account(&user).await?.id;
    let accounts = &api.auth.accounts;
    Ok(row(&accounts.set_role(&id, role, &api.action()).await?))
}

pub(super) async fn set_groups(
    State(api): State<Api>,
    Path(user): Path<String>,
    Given(given): Given<Groups>,
) -> Row {
    let groups = groups(&given.groups)?;
    let id = api.account(&user).await?.id;
    let accounts = &api.auth.accounts;
    Ok(row(&accounts
        .set_groups(&id, groups, &api.action())
        .await?))
}

pub(super) async fn set_status(
    State(api): State<Api>,
    Path(user): Path<String>,
    Given(given): Given<Status>,
) -> Row {
    let status = AccountStatus::from_str(&given.status)
        .map_err(|()| Failure::unusable("the status is `active` or `disabled`"))?;
    let id = api.account(&user).await?.id;
    let accounts = &api.auth.accounts;
    Ok(row(&accounts
        .set_status(&id, status, &api.action())
        .await?))
}

pub(super) async fn set_password(
    State(api): State<Api>,
    Path(user): Path<String>,
    Given(given): Given<APassword>,
) -> Row {
    let id = api.account(&user).await?.id;
    let password = Password::new(&given.password);
    let accounts = &api.auth.accounts;
    let changed = accounts
        .set_password(&id, password, None, &api.action())
        .await?;
    Ok(row(&changed))
}

pub(super) async fn factors(State(api): State<Api>, Path(user): Path<String>) -> Done<Response> {
    let id = api.account(&user).await?.id;
    let enrolled = api.auth.factors.list(&id).await?;
    Ok(Json(json!({"factors": rows::words(&enrolled)})).into_response())
}

pub(super) async fn reset_factors(
    State(api): State<Api>,
    Path(user): Path<String>,
) -> Done<StatusCode> {
    let account = api.account(&user).await?;
    let (factors, action) = (&api.auth.factors, api.action());
    factors.remove(&account, Removal::All, &action).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn invite(State(api): State<Api>, Given(given): Given<Invite>) -> Done<Response> {
    let email = Email::parse(&given.email).map_err(Failure::unusable)?;
    let role = role(given.role.as_deref())?;
    let accounts = &api.auth.accounts;
    let invitation = accounts.invite(email, role, &api.action()).await?;
    let body = json!({"link": invitation.link.as_str(), "mailed": invitation.is_mailed});
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

impl Api {
    /// The account that a text names: an id, an e-mail address or a username.
    pub(super) async fn account(&self, user: &str) -> Done<Account> {
        let found = self.auth.accounts.find(user).await?;
        found.ok_or_else(|| Failure::missing("account"))
    }

    /// The id of the account whose things are to be listed, if they are one's.
    pub(super) async fn account_of(&self, of: &Of) -> Done<Option<AccountId>> {
        Ok(match &of.user {
            Some(user) => Some(self.account(user).await?.id),
            None => None,
        })
    }
}

impl Add {
    fn into_draft(self) -> Done<Draft> {
        if self.shadow == self.password.is_some() {
            return Err(Failure::unusable(
                "give a password, or say that it is a shadow account",
            ));
        }
        Ok(Draft {
            id: parsed(self.id.as_deref(), AccountId::parse)?,
            email: parsed(self.email.as_deref(), Email::parse)?,
            username: parsed(self.username.as_deref(), Username::parse)?,
            name: self.name.map(Into::into),
            role: role(self.role.as_deref())?,
            groups: groups(&self.groups)?,
            password: self.password.as_deref().map(Password::new),
        })
    }
}

fn row(account: &Account) -> Json<UserRow> {
    Json(UserRow::from(account))
}

fn role(text: Option<&str>) -> Done<Role> {
    Ok(parsed(text, Role::parse)?.unwrap_or_else(Role::member))
}

fn groups(texts: &[String]) -> Done<Vec<Group>> {
    let groups = texts.iter().map(|text| Group::parse(text));
    groups.collect::<Result<_, _>>().map_err(Failure::unusable)
}

fn parsed<T, E: Display>(text: Option<&str>, parse: fn(&str) -> Result<T, E>) -> Done<Option<T>> {
    text.map(parse).transpose().map_err(Failure::unusable)
}
