//! The admin listener: for operators and their tools, on an address of its own.
//!
//! | request | answer |
//! |---|---|
//! | `GET /healthz` | 200 while the process answers |
//! | `GET /startupz` | 200 once every listener is open |
//! | `GET /readyz` | 200 if requests can be served, else 503; either way says which part is how |
//! | `GET /metrics` | Prometheus's text format |
//! | `POST /reload` | 200 once the configuration was read again and taken; 422 with every mistake |
//! | `/api/…` | what the command line does; described by `GET /api/openapi.json` |
//!
//! This room knows how things are asked and answered, and neither how the process starts nor how it reloads: [`Health`]
//! and [`Reload`] are handed in by whoever puts the process together. Nothing changes by `GET`, there is no CORS, and
//! [`guard`] says who may ask.

mod api;
mod guard;
mod health;
mod problem;
pub mod rows;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::State;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};

pub use self::health::{Health, Readiness};

use self::api::Api;
use self::guard::AdminToken;
use self::problem::{problem, problem_with};
use crate::auth::Auth;
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::store::SharedStore;

/// Everything that the admin listener speaks of.
pub struct Admin {
    /// How the process is.
    pub health: Health,
    /// What it counts.
    pub metrics: Arc<Metrics>,
    /// How it reads its configuration again.
    pub reload: Reload,
    /// What `[admin] token_file` holds; `None` without one.
    pub token: Option<String>,
    /// What changes accounts, clients and sessions.
    pub auth: Arc<Auth>,
    /// Where the audit events are.
    pub store: SharedStore,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// How the configuration is read again.
#[derive(Clone)]
pub struct Reload(Arc<Reloading>);

/// What a reload comes to: nothing, or every mistake of the file, each with its place and key.
pub type Reloaded = Pin<Box<dyn Future<Output = Result<(), Vec<String>>> + Send>>;

type Reloading = dyn Fn() -> Reloaded + Send + Sync;

impl Admin {
    /// The whole listener. It has to be served with connect info (`SocketAddr`), or nobody counts as local.
    pub fn router(self) -> Router {
        let token = AdminToken::new(self.token.as_deref());
        let probes = Router::new()
            .route("/healthz", get(health::healthz))
            .route(
                "/readyz",
                get(health::readyz).with_state(self.health.clone()),
            )
            .route("/startupz", get(health::startupz).with_state(self.health))
            .route("/metrics", get(metrics).with_state(self.metrics));
        let reload = Router::new()
            .route("/reload", post(reload).with_state(self.reload))
            .route_layer(from_fn_with_state(token.clone(), guard::reload));
        let api = Api {
            auth: self.auth,
            store: self.store,
            clock: self.clock,
        };
        probes
            .merge(reload)
            .merge(api.router())
            .fallback(no_such_thing)
            .method_not_allowed_fallback(not_that_way)
            .layer(from_fn_with_state(token, guard::api))
            .layer(from_fn(guard::same_origin))
            .layer(map_response(no_store))
    }
}

impl Reload {
    /// A reload that does this.
    pub fn new<F, R>(reload: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), Vec<String>>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(reload())))
    }
}

/// Shows nothing: one of the parts is a secret.
impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reload(…)")
    }
}

async fn metrics(State(metrics): State<Arc<Metrics>>) -> Response {
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(CONTENT_TYPE, content_type)], metrics.render()).into_response()
}

async fn reload(State(reload): State<Reload>) -> Response {
    match (reload.0)().await {
        Ok(()) => Json(serde_json::json!({"reloaded": true})).into_response(),
        Err(mistakes) => problem_with(
            StatusCode::UNPROCESSABLE_ENTITY,
            "the configuration has mistakes, and the one that was loaded stays",
            &mistakes,
        ),
    }
}

async fn no_such_thing() -> Response {
    problem(StatusCode::NOT_FOUND, "there is nothing at this path")
}

async fn not_that_way() -> Response {
    problem(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path does not take that method",
    )
}

async fn no_store(mut response: Response) -> Response {
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    response
}
