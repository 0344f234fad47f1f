//! `/api`: what the command line does, over HTTP, for the holder of the admin token.
//!
//! `openapi.json` beside this file is the description that is served, and a test walks it. A handler reads its input into
//! types of the model, calls the same services as the command line, and answers with the same rows.

mod clients;
mod connections;
mod given;
mod import;
mod sessions;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};

use super::problem::problem;
use crate::auth::Auth;
use crate::auth::accounts::AccountError;
use crate::clock::Clock;
use crate::model::audit::Actor;
use crate::store::{Action, SharedStore, StoreError};

/// What the handlers work with.
#[derive(Debug, Clone)]
pub(super) struct Api {
    pub(super) auth: Arc<Auth>,
    pub(super) store: SharedStore,
    pub(super) clock: Arc<dyn Clock>,
}

/// Why something was not done.
pub(super) struct Failure {
    status: StatusCode,
    detail: String,
}

type Done<T> = Result<T, Failure>;

impl Api {
    /// The API's paths, without a guard.
    pub(super) fn router(self) -> Router {
        let imports = Router::new()
            .route("/api/imports", post(import::import))
            .layer(DefaultBodyLimit::max(import::LARGEST_BODY));
        Router::new()
            .route("/api/openapi.json", get(openapi))
            .route("/api/users", get(users::list).post(users::add))
            .route("/api/users/{user}", get(users::show).delete(users::remove))
            .route("/api/users/{user}/role", put(users::set_role))
            .route("/api/users/{user}/groups", put(users::set_groups))
            .route("/api/users/{user}/status", put(users::set_status))
            .route("/api/users/{user}/password", put(users::set_password))
            .route("/api/users/{user}/sessions", delete(sessions::revoke_all))
            .route(
                "/api/users/{user}/factors",
                get(users::factors).delete(users::reset_factors),
            )
            .route("/api/invitations", post(users::invite))
            .route("/api/clients", get(clients::list).post(clients::add))
            .route(
                "/api/clients/{client}",
                get(clients::show).delete(clients::remove),
            )
            .route(
                "/api/clients/{client}/refusals/{user}",
                put(clients::refuse).delete(clients::allow),
            )
            .route("/api/tokens", get(sessions::tokens).post(sessions::issue))
            .route("/api/tokens/{id}", delete(sessions::revoke_token))
            .route("/api/sessions", get(sessions::list))
            .route("/api/sessions/{id}", delete(sessions::revoke))
            .route(
                "/api/connections",
                get(connections::list).post(connections::add),
            )
            .route("/api/connections/{id}", delete(connections::remove))
            .route("/api/audit", get(sessions::audit))
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .merge(imports)
            .with_state(self)
    }

    /// What is written beside a change: the holder of the token did it, now.
    fn action(&self) -> Action {
        Action::new(self.clock.now().wall, Actor::Operator, None)
    }
}

impl Failure {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
        }
    }

    fn unusable(detail: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail.to_string())
    }

    fn missing(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("no such {what}"))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        problem(self.status, &self.detail)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let status = match &error {
            StoreError::Conflict(_) => StatusCode::CONFLICT,
            StoreError::Missing(_) => StatusCode::NOT_FOUND,
            StoreError::Corrupt(_) | StoreError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error.to_string())
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Nameless | AccountError::UnusablePassword(_) => Self::unusable(error),
            AccountError::Busy(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
            AccountError::Store(error) => error.into(),
        }
    }
}

async fn openapi() -> Response {
    let content_type = HeaderValue::from_static("application/json");
    ([(CONTENT_TYPE, content_type)], include_str!("openapi.json")).into_response()
}

/// How large a body may be.
const LARGEST_BODY: usize = 64 * 1024;
