//! What stands behind the gateway in these tests: an echo, or a handful of files.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Json;
use serde_json::json;

/// Paths and what is there; may be filled while the server runs.
pub(super) type Files = Arc<Mutex<HashMap<String, Vec<u8>>>>;

/// A server that lives as long as this value.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Upstream {
    /// Answers method, target and header fields.
    pub(super) fn echo() -> Self {
        Self::serve(Router::new().fallback(async |method: Method, uri: Uri, headers: HeaderMap| {
            let mut fields = serde_json::Map::new();
            for (name, value) in &headers {
                fields.insert(name.to_string(), json!(String::from_utf8_lossy(value.as_bytes())));
            }
            Json(json!({ "method": method.as_str(), "target": uri.to_string(), "headers": fields }))
        }))
    }

    /// Answers what was put there.
    pub(super) fn files(files: &Files) -> Self {
        let files = Arc::clone(files);
        Self::serve(Router::new().fallback(async move |uri: Uri| {
            match files.lock().unwrap().get(uri.path()) {
                Some(bytes) => (StatusCode::OK, bytes.clone()),
                None => (StatusCode::NOT_FOUND, Vec::new()),
            }
        }))
    }

    fn serve(router: Router) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            _runtime: runtime,
        }
    }
}
