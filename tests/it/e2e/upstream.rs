//! What stands behind the gateway in these tests: an echo, or a handful of files.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use axum::response::{Html, Json};
use axum::routing::{get, options};
use serde_json::{Value, json};

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
        Self::serve(Router::new().fallback(echo))
    }

    /// The same with what a browser meets in an app: a page with a script of its own, a way on to elsewhere, answers that
    /// other sites may read, and one that never comes.
    pub(super) fn app() -> Self {
        let page = get(async || Html(PAGE));
        let preflight = async || (StatusCode::NO_CONTENT, SHARED, MAY_BE_ASKED);
        let shared = options(preflight).fallback(async |method: Method, uri, headers| {
            (SHARED, echo(method, uri, headers).await)
        });
        let router = Router::new()
            .route("/app/page", page)
            .route("/app/onward", get(onward))
            .route("/shared/{*path}", shared)
            .route("/slow/", get(std::future::pending::<StatusCode>));
        Self::serve(router.fallback(echo))
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

/// Sends whoever comes on to the URL that is the query: an app that is a provider of logins does that.
async fn onward(uri: Uri) -> (StatusCode, [(HeaderName, String); 1]) {
    let there = uri.query().unwrap_or_default().to_owned();
    (StatusCode::FOUND, [(LOCATION, there)])
}

async fn echo(method: Method, uri: Uri, headers: HeaderMap) -> Json<Value> {
    let mut fields = serde_json::Map::new();
    for (name, value) in &headers {
        fields.insert(
            name.to_string(),
            json!(String::from_utf8_lossy(value.as_bytes())),
        );
    }
    Json(json!({ "method": method.as_str(), "target": uri.to_string(), "headers": fields }))
}

/// What lets scripts of any site read an answer. Source: the Fetch Standard, "CORS protocol".
const SHARED: [(&str, &str); 2] = [
    ("access-control-allow-origin", "*"),
    ("access-control-expose-headers", "www-authenticate"),
];
const MAY_BE_ASKED: [(&str, &str); 2] = [
    ("access-control-allow-methods", "PUT"),
    ("access-control-allow-headers", "authorization, x-note"),
];

/// Its scripts ask by `fetch` and by `XMLHttpRequest`, and say what they see of the answer.
const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en">
<title>An app</title>
<script>
const fetched = async (url, how) => {
  const answer = await fetch(url, how);
  const challenge = answer.headers.get("WWW-Authenticate");
  return { status: answer.status, url: answer.url, redirected: answer.redirected, challenge, body: await answer.text() };
};
const requested = (url) => new Promise((done) => {
  const request = new XMLHttpRequest();
  request.open("GET", url);
  request.onloadend = () => done({ status: request.status, url: request.responseURL, body: request.responseText });
  request.send();
});
</script>
"#;
