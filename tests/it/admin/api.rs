//! The API: what it does, and that its description is true.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use countersign::store::SharedStore;
use countersign::store::memory::MemoryStore;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::admin_over;

const TOKEN: &str = "the-admin-token";
const ID: &str = "00000000-0000-4000-8000-000000000000";

#[tokio::test]
async fn without_a_token_file_there_is_no_api_and_with_one_only_its_holder_has_it() {
    let without = api(None);
    let with = api(Some(TOKEN));
    for path in every_path(&described(&with).await) {
        let path = path
            .replace("{id}", ID)
            .replace("{client}", "c")
            .replace("{user}", "u");
        let request = |token: &str| request("GET", &path, token, None);
        assert_eq!(send(&without, request(TOKEN)).await.0, 404, "{path}");
        assert_eq!(send(&with, request("another")).await.0, 401, "{path}");
        assert_ne!(send(&with, request(TOKEN)).await.0, 401, "{path}");
    }
}

#[tokio::test]
async fn every_described_operation_is_there_and_no_other() {
    let api = api(Some(TOKEN));
    let description = described(&api).await;
    for path in every_path(&description) {
        let concrete = path
            .replace("{id}", ID)
            .replace("{client}", "c")
            .replace("{user}", "u");
        for method in ["get", "post", "put", "patch", "delete"] {
            let request = request(&method.to_uppercase(), &concrete, TOKEN, Some(&json!({})));
            let (status, body) = send(&api, request).await;
            let operation = &description["paths"][&path][method];
            if operation.is_null() {
                assert_eq!(status, 405, "{method} {path} is not described");
            } else {
                let described = &operation["responses"][status.to_string()];
                assert!(
                    !described.is_null(),
                    "{method} {path} answered {status} {body}"
                );
                assert_ne!(status, 405, "{method} {path} is described");
            }
        }
    }
}

/// The call, its status, the path under which it is described, and its body.
const CALLS: &str = r#"POST /api/users | 201 | /api/users | {"email": "jo@example.org", "password": "correct horse", "groups": ["a", "a"], "id": "u1"}
POST /api/users | 201 | /api/users | {"username": "sh", "shadow": true}
GET /api/users | 200 | /api/users |
GET /api/users/jo@example.org | 200 | /api/users/{user} |
PUT /api/users/u1/role | 200 | /api/users/{user}/role | {"role": "admin"}
PUT /api/users/u1/groups | 200 | /api/users/{user}/groups | {"groups": ["b"]}
PUT /api/users/u1/password | 200 | /api/users/{user}/password | {"password": "another one"}
PUT /api/users/u1/status | 200 | /api/users/{user}/status | {"status": "disabled"}
PUT /api/users/u1/status | 200 | /api/users/{user}/status | {"status": "active"}
POST /api/clients | 201 | /api/clients | {"name": "An app", "id": "c1", "redirect_urls": ["https://app.example/back"]}
GET /api/clients | 200 | /api/clients |
GET /api/clients/c1 | 200 | /api/clients/{client} |
PUT /api/clients/c1/refusals/u1 | 204 | /api/clients/{client}/refusals/{user} |
DELETE /api/clients/c1/refusals/u1 | 204 | /api/clients/{client}/refusals/{user} |
POST /api/tokens | 201 | /api/tokens | {"user": "jo@example.org", "label": "ci", "scopes": ["read"], "expires_at": "2999-01-01T00:00:00Z"}
GET /api/tokens?user=u1 | 200 | /api/tokens |
POST /api/connections | 201 | /api/connections | {"user": "u1", "provider": "github", "provider_user_id": "42", "name": "Jo at GitHub"}
GET /api/connections?user=u1 | 200 | /api/connections |
POST /api/imports | 200 | /api/imports | {"accounts": [{"email": "old@example.org", "password_hash": "$2y$05$abcdefghijklmnopqrstuuGeLmMPtc4K4mGZfYQ1dz6UQ3S4VZlRu"}, {"email": "none"}]}
GET /api/sessions | 200 | /api/sessions |
POST /api/invitations | 201 | /api/invitations | {"email": "new@example.org"}
GET /api/audit?since=2000-01-01T00:00:00Z | 200 | /api/audit |
GET /api/users/u1/factors | 200 | /api/users/{user}/factors |
DELETE /api/users/u1/factors | 204 | /api/users/{user}/factors |
DELETE /api/users/u1/sessions | 200 | /api/users/{user}/sessions |
DELETE /api/clients/c1 | 204 | /api/clients/{client} |
DELETE /api/users/u1 | 204 | /api/users/{user} |"#;

#[tokio::test]
async fn every_answer_is_as_described() {
    let api = api(Some(TOKEN));
    let description = described(&api).await;
    for line in CALLS.lines() {
        let parts: Vec<&str> = line.splitn(4, '|').map(str::trim).collect();
        let (call, pattern) = (parts[0], parts[2]);
        let expected: u16 = parts[1].parse().unwrap();
        let body: Option<Value> = serde_json::from_str(parts[3]).ok();
        let (method, path) = call.split_once(' ').unwrap();
        let (status, answer) = send(&api, request(method, path, TOKEN, body.as_ref())).await;
        assert_eq!(status, expected, "{call}: {answer}");
        let operation = &description["paths"][pattern][method.to_lowercase()];
        let schema =
            &operation["responses"][status.to_string()]["content"]["application/json"]["schema"];
        assert_fits(&description, schema, &answer, call);
    }
}

#[tokio::test]
async fn a_refusal_says_why_and_changes_nothing() {
    let api = api(Some(TOKEN));
    let user = json!({"email": "jo@example.org", "shadow": true});
    let made = send(&api, request("POST", "/api/users", TOKEN, Some(&user))).await;
    assert_eq!(made.0, 201);
    for (call, body, expected) in [
        (
            "POST /api/users",
            json!({"email": "JO@example.org", "shadow": true}),
            409,
        ),
        (
            "POST /api/users",
            json!({"email": "no address", "shadow": true}),
            422,
        ),
        ("POST /api/users", json!({"shadow": true}), 422),
        ("POST /api/users", json!({"email": "a@b.example"}), 422),
        (
            "POST /api/users",
            json!({"email": "a@b.example", "password": "short"}),
            422,
        ),
        (
            "POST /api/users",
            json!({"email": "a@b.example", "shadow": true, "rol": "x"}),
            422,
        ),
        ("PUT /api/users/nobody/role", json!({"role": "x"}), 404),
        (
            "PUT /api/users/jo@example.org/role",
            json!({"role": "a b"}),
            422,
        ),
        (
            "PUT /api/users/jo@example.org/status",
            json!({"status": "asleep"}),
            422,
        ),
        ("POST /api/clients", json!({"name": ""}), 422),
        (
            "POST /api/clients",
            json!({"name": "x", "redirect_urls": ["/relative"]}),
            422,
        ),
        (
            "POST /api/clients",
            json!({"name": "x", "redirect_urls": ["https://a.example/", "javascript://a.example/%0a"]}),
            422,
        ),
        (
            "POST /api/tokens",
            json!({"user": "jo@example.org", "label": "x", "expires_at": "2000-01-01T00:00:00Z"}),
            422,
        ),
        ("DELETE /api/tokens/not-an-id", json!({}), 404),
        ("GET /api/audit?since=yesterday", json!({}), 400),
    ] {
        let (method, path) = call.split_once(' ').unwrap();
        let (status, answer) = send(&api, request(method, path, TOKEN, Some(&body))).await;
        assert_eq!(status, expected, "{call} {body}: {answer}");
        assert!(
            answer["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty()),
            "{answer}"
        );
    }
    let (_, users) = send(&api, request("GET", "/api/users", TOKEN, None)).await;
    assert_eq!(users.as_array().map(Vec::len), Some(1), "{users}");
}

fn api(token: Option<&str>) -> Router {
    let store: SharedStore = Arc::new(MemoryStore::new());
    admin_over(store, token).router()
}

async fn described(api: &Router) -> Value {
    let request = request("GET", "/api/openapi.json", TOKEN, None);
    let (status, description) = send(api, request).await;
    assert_eq!(status, 200);
    description
}

fn every_path(description: &Value) -> Vec<String> {
    let paths = description["paths"].as_object().unwrap();
    paths.keys().cloned().collect()
}

fn request(method: &str, path: &str, token: &str, body: Option<&Value>) -> Request<Body> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "127.0.0.1:9090")
        .header("authorization", format!("Bearer {token}"));
    match body {
        Some(body) => request
            .header("content-type", "application/json")
            .body(Body::from(body.to_string())),
        None => request.body(Body::empty()),
    }
    .unwrap()
}

async fn send(api: &Router, request: Request<Body>) -> (u16, Value) {
    let response = api.clone().oneshot(request).await.unwrap();
    let status: StatusCode = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (
        status.as_u16(),
        serde_json::from_slice(&body).unwrap_or(Value::Null),
    )
}

/// As much of JSON Schema as the description uses.
fn assert_fits(description: &Value, schema: &Value, value: &Value, what: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.trim_start_matches('#');
        let schema = description.pointer(pointer).unwrap();
        return assert_fits(description, schema, value, what);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        assert_fits(description, part, value, what);
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        let key = required.as_str().unwrap();
        assert!(value.get(key).is_some(), "{what}: no {key} in {value}");
    }
    if schema["additionalProperties"] == false {
        for key in value.as_object().unwrap().keys() {
            let property = &schema["properties"][key];
            assert!(!property.is_null(), "{what}: {key} is not described");
        }
    }
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(key) {
            assert_fits(description, property, value, &format!("{what}.{key}"));
        }
    }
    for item in value.as_array().into_iter().flatten() {
        assert_fits(description, &schema["items"], item, what);
    }
    assert_is_of_type(&schema["type"], value, what);
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{what}: {value}");
    }
}

fn assert_is_of_type(kind: &Value, value: &Value, what: &str) {
    let actual = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let fits = match kind {
        Value::String(one) => one == actual,
        Value::Array(some) => some.contains(&json!(actual)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
    };
    assert!(fits, "{what}: {value} is no {kind}");
}
