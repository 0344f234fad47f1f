//! An upstream that answers what it was asked: method, target, header fields and the length of the body, as JSON.
//!
//! ```console
//! $ cargo run --example echo            # listens on 127.0.0.1:9000
//! $ cargo run --example echo -- 127.0.0.1:9001
//! ```

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Json};
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:9000".to_owned());
    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("echo listens on http://{}", listener.local_addr()?);
    axum::serve(listener, Router::new().fallback(echo)).await?;
    Ok(())
}

/// Header fields as `[name, value]` pairs, since a name may come twice; bytes that are not UTF-8 are replaced.
async fn echo(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let fields: Vec<[String; 2]> = headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            [name.to_string(), value]
        })
        .collect();
    Json(json!({
        "method": method.as_str(),
        "target": uri.to_string(),
        "headers": fields,
        "body_bytes": body.len(),
    }))
}
