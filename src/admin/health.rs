//! Whether the process lives, has started, and can take requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

use crate::store::SharedStore;

/// What the probes ask. Shared by whoever starts, reloads and stops the process; clones are the same health.
#[derive(Debug, Clone)]
pub struct Health {
    store: SharedStore,
    flags: Arc<Flags>,
}

/// The state of each part, `ok` or what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether every part is `ok`.
    pub ready: bool,
    /// Whether the store answers.
    pub store: &'static str,
    /// Whether a configuration is loaded.
    pub configuration: &'static str,
    /// Whether the listeners take requests: not before the start is over, and not while the process drains.
    pub listeners: &'static str,
}

#[derive(Debug, Default)]
struct Flags {
    loaded: AtomicBool,
    started: AtomicBool,
    draining: AtomicBool,
}

impl Health {
    /// The health of a process that has opened its store and nothing else yet.
    #[must_use]
    pub fn new(store: SharedStore) -> Self {
        Self {
            store,
            flags: Arc::default(),
        }
    }

    /// Says that a configuration is loaded.
    pub fn set_loaded(&self) {
        self.flags.loaded.store(true, Ordering::Release);
    }

    /// Says that every listener is open.
    pub fn set_started(&self) {
        self.flags.started.store(true, Ordering::Release);
    }

    /// Says that the process takes no new requests and ends soon.
    pub fn set_draining(&self) {
        self.flags.draining.store(true, Ordering::Release);
    }

    /// Looks at every part. Asks the store, and gives it [`PATIENCE`].
    pub async fn readiness(&self) -> Readiness {
        let store = match tokio::time::timeout(PATIENCE, self.store.ping()).await {
            Ok(Ok(())) => "ok",
            Ok(Err(_)) => "it does not answer",
            Err(_) => "it answers too slowly",
        };
        let configuration = if is_set(&self.flags.loaded) {
            "ok"
        } else {
            "not loaded yet"
        };
        let listeners = match (is_set(&self.flags.started), is_set(&self.flags.draining)) {
            (_, true) => "draining",
            (false, false) => "not open yet",
            (true, false) => "ok",
        };
        Readiness {
            ready: [store, configuration, listeners] == ["ok"; 3],
            store,
            configuration,
            listeners,
        }
    }
}

/// `GET /healthz`: the process answers, whatever its parts do.
pub(super) async fn healthz() -> Response {
    Json(serde_json::json!({"healthy": true})).into_response()
}

/// `GET /readyz`: 200 if requests can be served, 503 with the part that is down.
pub(super) async fn readyz(State(health): State<Health>) -> Response {
    let readiness = health.readiness().await;
    (status_of(readiness.ready), Json(readiness)).into_response()
}

/// `GET /startupz`: 200 from the moment that every listener is open, for good.
pub(super) async fn startupz(State(health): State<Health>) -> Response {
    let started = is_set(&health.flags.started);
    let body = Json(serde_json::json!({"started": started}));
    (status_of(started), body).into_response()
}

fn status_of(good: bool) -> StatusCode {
    if good {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

fn is_set(flag: &AtomicBool) -> bool {
    flag.load(Ordering::Acquire)
}

/// How long the store may take to answer a probe; less than probes usually wait.
const PATIENCE: Duration = Duration::from_millis(800);
