//! A fifth dialect, from outside the crate: `POST /login/simple` {user, password} → {token}.
//!
//! A dialect is one function that returns [`Mounted`]: where its endpoints are, and a handler for each. It reads a body,
//! calls the issuer, and says the outcome in its own words; throttling, hashing, storing, auditing and revoking are done
//! for it. Here it is served beside the four that countersign has, and its token opens a route like any other:
//!
//! ```text
//! cargo run --example fifth_dialect
//! ```

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use countersign::auth::Auth;
use countersign::auth::accounts::Draft;
use countersign::auth::issuer::{Grant, Login};
use countersign::auth::password::Password;
use countersign::config::dialect::Place;
use countersign::config::{Config, Environment};
use countersign::dialect::Mounted;
use countersign::dialect::body::Form;
use countersign::dialect::refused::Refused;
use countersign::dialect::reply::{json, retry_after};
use countersign::gateway::endpoint::Caller;
use countersign::model::account::{Email, Role};
use countersign::model::audit::Actor;
use countersign::model::session::Dialect;
use countersign::model::time::Timestamp;
use countersign::server::Server;
use countersign::store::Action;
use http::{HeaderMap, Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

// The dialect: everything that a fifth one needs.

/// Where it is.
fn simple(_: &Config, auth: &Arc<Auth>) -> Mounted {
    let login = post(login).with_state(Arc::clone(auth));
    Mounted::default().on(&Place::default(), Method::POST, "/login/simple", login)
}

/// What it does.
async fn login(
    State(auth): State<Arc<Auth>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, InSimpleWords> {
    let form = Form::read(&headers, body).await?;
    let login = Login {
        dialect: Dialect::named("simple"),
        client: None,
        identifier: form.text("user")?.to_owned(),
        password: Password::new(form.text("password")?),
        code: None,
        ip: Some(caller.ip),
        language: caller.language,
        grant: Grant::Access { ttl: None },
    };
    let issued = auth.issuer.login(login, caller.now).await?;
    let answer = serde_json::json!({"token": issued.token.expose()});
    Ok(json(StatusCode::OK, &answer))
}

/// How it says no.
struct InSimpleWords(Refused);

impl<E: Into<Refused>> From<E> for InSimpleWords {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for InSimpleWords {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "this dialect says the same to everything else, whatever comes"
    )]
    fn into_response(self) -> Response {
        let status = match &self.0 {
            Refused::Body(_) | Refused::Malformed(_) => StatusCode::BAD_REQUEST,
            Refused::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Refused::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::FORBIDDEN,
        };
        let answer = serde_json::json!({"sorry": status.as_u16()});
        retry_after(json(status, &answer), self.0.wait())
    }
}

// A gateway that speaks it, and a client.

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let upstream = TcpListener::bind("127.0.0.1:0").await?;
    let text = CONFIG.replace("UPSTREAM", &upstream.local_addr()?.to_string());
    tokio::spawn(axum::serve(upstream, Router::new().fallback(greet)).into_future());

    let load = move || Config::from_text(&text, "example", Path::new("."), &Environment::empty());
    let config = load()?;
    let server = Server::open_with(config, Arc::new(load), None, simple).await?;
    add_account(&server.auth).await?;
    let (listeners, _) = server.addresses();
    let address = *listeners.first().ok_or("no listener")?;
    tokio::spawn(server.run(std::future::pending()));

    let refused = ask(address, "POST /login/simple", "", "user=jo&password=wrong").await?;
    expect(&refused, "403", r#"{"sorry":403}"#)?;
    let answer = ask(address, "POST /login/simple", "", LOGIN).await?;
    expect(&answer, "200", r#"{"token":"csa_"#)?;
    let token = answer.split('"').rev().nth(1).ok_or("no token")?;
    let bearer = format!("Authorization: Bearer {token}\r\n");
    expect(
        &ask(address, "GET /", &bearer, "").await?,
        "200",
        "hello jo@example.org",
    )?;
    expect(&ask(address, "GET /", "", "").await?, "401", "")?;
    let form = "client_guid=none&acctname=jo&acctpass=x";
    expect(
        &ask(address, "POST /auth/login", "", form).await?,
        "404",
        "Unrecognized Credentials",
    )?;
    println!("a fifth dialect is spoken beside the others");
    Ok(())
}

async fn greet(headers: HeaderMap) -> String {
    let user = headers.get("x-forwarded-email").map(|user| user.to_str());
    format!("hello {}", user.and_then(Result::ok).unwrap_or("nobody"))
}

async fn add_account(auth: &Auth) -> Result<(), Box<dyn Error>> {
    let draft = Draft {
        id: None,
        email: Some(Email::parse("jo@example.org")?),
        username: None,
        name: None,
        role: Role::member(),
        groups: Vec::new(),
        password: Some(Password::new("correct horse battery staple")),
    };
    let action = Action::new(Timestamp::from_seconds(0), Actor::Operator, None);
    auth.accounts.add(draft, &action).await?;
    Ok(())
}

async fn ask(
    address: std::net::SocketAddr,
    request: &str,
    fields: &str,
    body: &str,
) -> Result<String, Box<dyn Error>> {
    let mut connection = TcpStream::connect(address).await?;
    let head = format!(
        "{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n{fields}\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).await?;
    connection.write_all(body.as_bytes()).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    println!("{request} → {}", answer.lines().next().unwrap_or_default());
    Ok(answer)
}

fn expect(answer: &str, status: &str, text: &str) -> Result<(), String> {
    let says = answer.split(' ').nth(1) == Some(status) && answer.contains(text);
    says.then_some(())
        .ok_or_else(|| format!("expected {status} and {text:?}, got: {answer}"))
}

const LOGIN: &str = "user=jo@example.org&password=correct horse battery staple";

const CONFIG: &str = r#"
[[listen]]
address = "127.0.0.1:0"
[admin]
address = "127.0.0.1:0"
[store]
url = "memory:"
[mail]
transport = "none"
[accounts]
confirm_email = false
[upstream.app]
servers = ["http://UPSTREAM"]
[[route]]
name = "app"
path = "/"
upstream = "app"
access = "required"
accept = ["bearer"]
[dialect.x_auth]
"#;
