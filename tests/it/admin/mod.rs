//! The admin listener's router: what it answers, and to whom.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's helpers fail by panicking too"
)]

mod api;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use countersign::admin::{Admin, Health, Reload};
use countersign::auth::Auth;
use countersign::clock::{Clock, SystemClock};
use countersign::config::{Config, Environment};
use countersign::metrics::Metrics;
use countersign::store::SharedStore;
use countersign::store::memory::MemoryStore;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

#[tokio::test]
async fn readiness_names_the_part_that_is_down() {
    let admin = admin_over(Arc::new(MemoryStore::new()), None);
    let health = admin.health.clone();
    let admin = admin.router();
    let expected = |ready, configuration, listeners| json!({"ready": ready, "store": "ok", "configuration": configuration, "listeners": listeners});

    let (status, body) = ask(&admin, "GET /readyz", &[]).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body, expected(false, "not loaded yet", "not open yet"));

    health.set_loaded();
    assert_eq!(
        status_of(&admin, "GET /startupz").await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    health.set_started();
    assert_eq!(status_of(&admin, "GET /startupz").await, StatusCode::OK);
    let (status, body) = ask(&admin, "GET /readyz", &[]).await;
    assert_eq!((status, body), (StatusCode::OK, expected(true, "ok", "ok")));

    health.set_draining();
    let (status, body) = ask(&admin, "GET /readyz", &[]).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body, expected(false, "ok", "draining"));
    assert_eq!(status_of(&admin, "GET /healthz").await, StatusCode::OK);
    assert_eq!(status_of(&admin, "GET /startupz").await, StatusCode::OK);
}

#[tokio::test]
async fn metrics_are_there_from_the_start() {
    let (status, body) = ask(&serving(None), "GET /metrics", &[]).await;
    assert_eq!(status, StatusCode::OK);
    let text = body.as_str().expect("metrics are text");
    for name in [
        "countersign_build_info",
        "countersign_feed_lag_seconds",
        "countersign_revocations_total{cause=\"logout\"} 0",
    ] {
        assert!(text.contains(name), "{name}");
    }
}

#[tokio::test]
async fn only_post_reloads_and_a_failure_lists_every_mistake() {
    let admin = serving(None);
    assert_eq!(status_of(&admin, "POST /reload").await, StatusCode::OK);
    assert_eq!(
        status_of(&admin, "GET /reload").await,
        StatusCode::METHOD_NOT_ALLOWED
    );

    let mistakes = || vec!["a.toml:1: one".to_owned(), "a.toml:2: two".to_owned()];
    let failing = Admin {
        reload: Reload::new(move || async move { Err(mistakes()) }),
        ..admin_over(Arc::new(MemoryStore::new()), None)
    };
    let (status, body) = ask(&failing.router(), "POST /reload", &[]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(body["mistakes"], json!(mistakes()));
}

#[tokio::test]
async fn without_a_token_file_only_loopback_reloads() {
    let admin = serving(None);
    for (peer, status) in [
        ("127.0.0.1:5000", StatusCode::OK),
        ("[::1]:5000", StatusCode::OK),
        ("[::ffff:127.0.0.1]:5000", StatusCode::OK),
        ("192.0.2.1:5000", StatusCode::FORBIDDEN),
        ("[2001:db8::1]:5000", StatusCode::FORBIDDEN),
    ] {
        let (answer, _) = ask_from(&admin, Some(peer), "POST /reload", &[]).await;
        assert_eq!(answer, status, "{peer}");
    }
    let (unknown_peer, _) = ask_from(&admin, None, "POST /reload", &[]).await;
    assert_eq!(unknown_peer, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn with_a_token_file_only_its_token_reloads_even_from_loopback() {
    let admin = serving(Some("s3cret-of-the-admin\n"));
    let good = "Bearer s3cret-of-the-admin";
    for (fields, status) in [
        (vec![("authorization", good)], StatusCode::OK),
        (
            vec![("authorization", "bearer  s3cret-of-the-admin")],
            StatusCode::OK,
        ),
        (vec![], StatusCode::UNAUTHORIZED),
        (
            vec![("authorization", "Bearer s3cret-of-the-admi")],
            StatusCode::UNAUTHORIZED,
        ),
        (
            vec![("authorization", "Basic s3cret-of-the-admin")],
            StatusCode::UNAUTHORIZED,
        ),
        (
            vec![("authorization", good), ("authorization", good)],
            StatusCode::UNAUTHORIZED,
        ),
    ] {
        let (answer, _) = ask(&admin, "POST /reload", &fields).await;
        assert_eq!(answer, status, "{fields:?}");
        let (elsewhere, _) = ask_from(&admin, Some("192.0.2.1:9"), "POST /reload", &fields).await;
        assert_eq!(elsewhere, status, "{fields:?}");
    }
}

#[tokio::test]
async fn what_a_page_of_another_origin_sends_is_refused() {
    let admin = serving(None);
    for fields in [
        [("origin", "https://evil.example")],
        [("origin", "null")],
        [("sec-fetch-site", "cross-site")],
    ] {
        for request in [
            "POST /reload",
            "GET /metrics",
            "GET /readyz",
            "GET /nothing",
        ] {
            let (status, _) = ask(&admin, request, &fields).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{request} {fields:?}");
        }
    }
    for fields in [
        [("origin", "http://127.0.0.1:9090")],
        [("sec-fetch-site", "same-origin")],
        [("sec-fetch-site", "none")],
    ] {
        let (status, _) = ask(&admin, "POST /reload", &fields).await;
        assert_eq!(status, StatusCode::OK, "{fields:?}");
    }
}

fn serving(token: Option<&str>) -> Router {
    let store: SharedStore = Arc::new(MemoryStore::new());
    admin_over(store, token).router()
}

fn admin_over(store: SharedStore, token: Option<&str>) -> Admin {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let metrics = Arc::new(Metrics::new());
    let config = Config::from_text(CONFIG, "test.toml", Path::new("."), &Environment::empty());
    let auth = Auth::new(
        &config.expect("a good configuration"),
        Arc::clone(&store),
        Arc::clone(&clock),
        Arc::clone(&metrics),
    );
    Admin {
        health: Health::new(Arc::clone(&store)),
        metrics,
        reload: Reload::new(|| async { Ok(()) }),
        token: token.map(Into::into),
        auth: Arc::new(auth),
        store,
        clock,
    }
}

async fn status_of(admin: &Router, request: &str) -> StatusCode {
    ask(admin, request, &[]).await.0
}

async fn ask(admin: &Router, request: &str, fields: &[(&str, &str)]) -> (StatusCode, Value) {
    ask_from(admin, Some("127.0.0.1:5000"), request, fields).await
}

/// Sends `"METHOD /path"` and gives the status and the body, parsed if it is JSON.
async fn ask_from(
    admin: &Router,
    peer: Option<&str>,
    request: &str,
    fields: &[(&str, &str)],
) -> (StatusCode, Value) {
    let (method, path) = request.split_once(' ').expect("a method and a path");
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "127.0.0.1:9090");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::empty()).expect("a request");
    if let Some(peer) = peer {
        let peer: SocketAddr = peer.parse().expect("an address");
        request.extensions_mut().insert(ConnectInfo(peer));
    }
    let response = admin.clone().oneshot(request).await.expect("an answer");
    let status = response.status();
    assert_is_closed(response.headers());
    let body = response.into_body().collect().await.expect("a body");
    let body = body.to_bytes();
    let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
    (
        status,
        serde_json::from_slice(&body).unwrap_or_else(|_| text()),
    )
}

fn assert_is_closed(headers: &HeaderMap) {
    assert_eq!(headers["cache-control"], "no-store");
    assert!(!headers.contains_key("access-control-allow-origin"));
}

const CONFIG: &str = r#"
[store]
url = "memory:"
[password]
memory = "64KiB"
iterations = 1
[upstream.app]
servers = ["http://127.0.0.1:9"]
[[route]]
name = "app"
path = "/"
upstream = "app"
access = "required"
accept = ["bearer"]
"#;
