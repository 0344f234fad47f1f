//! Seed 001: a key and a token, sent as HTTP Basic, with a refresh token that replaces itself.
//!
//! | request | answer |
//! |---|---|
//! | `POST /users` {client, email, password} | 201 {role, key, token, refresh, expires} |
//! | `POST /users/token` {client, email, password, code?} | 200 {role, key, token, refresh, expires} |
//! | `POST /users/token/refresh` {client, key, refresh} | 200 {key, token, refresh, expires} |
//! | `DELETE /users/token` {client}, Basic | 204 |
//! | `GET /users`, `PATCH /users` {email}, Basic | 200 {id, email, role} |
//!
//! `expires` is when the token ends, RFC 3339. A refresh replaces token and refresh token and keeps the key; the same
//! refresh again within the replay window gets the same answer. `email` is the confirmed address: one that was just given
//! stays out of it until its link is opened. Where registration is by invitation, `POST /users` takes its secret as `code`.
//! The client of `DELETE` may be left out; one that is not the session's own is unknown.
//!
//! To an account that has a second factor `POST /users/token` answers 401 {error: `second_factor_required`, message,
//! factors}, once its password was right; factors are `totp`, `security_key`, `recovery_code`, those that it has. The same
//! request is sent once more with `code`, of its app or its list; a wrong or used one is 401 `wrong_code`, and 429 after too
//! many. A refresh asks for none.
//!
//! Errors are {error, message}; `error` is a word of a closed set.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{delete, get, patch, post};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;

use super::Mounted;
use super::body::Form;
use super::refused::Refused;
use super::reply::{json, nothing};
use super::shown::principal;
use super::words::Refusal;
use crate::auth::Auth;
use crate::auth::factors::TypedCode;
use crate::auth::issuer::{Grant, Issued, Login, Refresh, Registration};
use crate::auth::password::Password;
use crate::config::dialect::KeyToken;
use crate::gateway::endpoint::Caller;
use crate::header::challenge::challenges;
use crate::header::reader::Reader;
use crate::model::account::{Account, Email};
use crate::model::audit::Actor;
use crate::model::credential::AuthMethod;
use crate::model::id::ClientId;
use crate::model::policy::Denial;
use crate::model::principal::Principal;
use crate::model::session::Dialect;
use crate::model::token::PlainToken;
use crate::store::{Action, StoreError};

/// The dialect, to be mounted where its configuration says. `realm` is that of its challenges.
#[must_use]
pub fn mount(config: &KeyToken, realm: &str, auth: Arc<Auth>) -> Mounted {
    let place = &config.place;
    let speaker = Arc::new(Speaker {
        auth,
        config: config.clone(),
    });
    let state = || Arc::clone(&speaker);
    let mut mounted = Mounted::default()
        .on(
            place,
            Method::POST,
            "/users",
            post(register).with_state(state()),
        )
        .on(place, Method::GET, "/users", get(show).with_state(state()))
        .on(
            place,
            Method::PATCH,
            "/users",
            patch(change).with_state(state()),
        )
        .on(
            place,
            Method::POST,
            "/users/token",
            post(login).with_state(state()),
        )
        .on(
            place,
            Method::DELETE,
            "/users/token",
            delete(logout).with_state(state()),
        )
        .on(
            place,
            Method::POST,
            "/users/token/refresh",
            post(refresh).with_state(state()),
        );
    let realm: Arc<str> = realm.into();
    mounted.router = mounted
        .router
        .layer(from_fn_with_state(realm, add_challenge));
    mounted
}

struct Speaker {
    auth: Arc<Auth>,
    config: KeyToken,
}

type Speaking = State<Arc<Speaker>>;
type Calling = Extension<Caller>;
type Answer = Result<Response, Refusal>;

async fn register(speaker: Speaking, caller: Calling, headers: HeaderMap, body: Body) -> Answer {
    let form = Form::read(&headers, body).await?;
    let code = form.optional("code")?;
    let registration = Registration {
        dialect: Dialect::KEY_TOKEN,
        policy: speaker.config.registration,
        client: Some(client(&form)?),
        email: form.text("email")?.to_owned(),
        password: Password::new(form.text("password")?),
        invitation: code.and_then(|code| PlainToken::parse(code).ok()),
        ip: Some(caller.ip),
        language: caller.language,
    };
    let issued = speaker
        .auth
        .issuer
        .register(registration, speaker.grant(), caller.now)
        .await?;
    Ok(json(StatusCode::CREATED, &Opened::of(&issued)))
}

async fn login(speaker: Speaking, caller: Calling, headers: HeaderMap, body: Body) -> Answer {
    let form = Form::read(&headers, body).await?;
    let login = Login {
        dialect: Dialect::KEY_TOKEN,
        client: Some(client(&form)?),
        identifier: form.text("email")?.to_owned(),
        password: Password::new(form.text("password")?),
        code: form.optional("code")?.map(TypedCode::new),
        ip: Some(caller.ip),
        language: caller.language,
        grant: speaker.grant(),
    };
    let issued = speaker.auth.issuer.login(login, caller.now).await?;
    Ok(json(StatusCode::OK, &Opened::of(&issued)))
}

async fn refresh(speaker: Speaking, caller: Calling, headers: HeaderMap, body: Body) -> Answer {
    let form = Form::read(&headers, body).await?;
    let half = |name| PlainToken::parse(form.text(name)?).map_err(|_| Refused::Unrecognized);
    let refresh = Refresh {
        client: Some(client(&form)?),
        key: half("key")?,
        refresh: half("refresh")?,
        ip: Some(caller.ip),
        access_ttl: speaker.config.access_ttl,
        refresh_ttl: speaker.config.refresh_ttl,
        replay_window: speaker.config.refresh_replay_window,
    };
    let issued = speaker.auth.issuer.refresh(refresh, caller.now).await?;
    Ok(json(StatusCode::OK, &Refreshed::of(&issued)))
}

async fn logout(speaker: Speaking, caller: Calling, headers: HeaderMap, body: Body) -> Answer {
    let principal = speaker.principal(&caller, &headers).await?;
    let form = Form::read(&headers, body).await?;
    if let Some(named) = form.optional("client")?
        && principal.client.as_ref().map(ClientId::as_str) != Some(named)
    {
        return Err(Refused::UnknownClient.into());
    }
    speaker
        .auth
        .issuer
        .logout(&principal, Some(caller.ip), caller.now)
        .await?;
    Ok(nothing())
}

async fn show(speaker: Speaking, caller: Calling, headers: HeaderMap) -> Answer {
    let principal = speaker.principal(&caller, &headers).await?;
    Ok(json(StatusCode::OK, &User::of(&principal.account)))
}

async fn change(speaker: Speaking, caller: Calling, headers: HeaderMap, body: Body) -> Answer {
    let principal = speaker.principal(&caller, &headers).await?;
    let form = Form::read(&headers, body).await?;
    let email = Email::parse(form.text("email")?).map_err(|_| Refused::UnusableEmail)?;
    let id = &principal.account.id;
    let actor = Actor::Account(id.clone());
    let action = Action::new(caller.now.wall, actor, Some(caller.ip)).speaking(caller.language);
    let account = speaker.auth.accounts.update_email(id, email, &action).await;
    let account = account.map_err(|error| match error {
        StoreError::Conflict(_) => Refused::EmailTaken,
        StoreError::Missing(_) => Refused::NoCredential,
        StoreError::Corrupt(_) | StoreError::Unavailable(_) => error.into(),
    })?;
    Ok(json(StatusCode::OK, &User::of(&account)))
}

impl Speaker {
    fn grant(&self) -> Grant {
        Grant::Keyed {
            access_ttl: self.config.access_ttl,
            refresh_ttl: self.config.refresh_ttl,
        }
    }

    /// Whom the key and token in the headers stand for.
    async fn principal(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
    ) -> Result<Arc<Principal>, Refused> {
        let shown = principal(&self.auth, caller, headers, &[AuthMethod::Basic]).await?;
        shown.ok_or(Refused::NoCredential)
    }
}

/// Adds the challenge that a 401 needs.
async fn add_challenge(State(realm): State<Arc<str>>, request: Request, next: Next) -> Response {
    let reader = Reader::of(request.method(), request.headers());
    let mut response = next.run(request).await;
    if response.status() == StatusCode::UNAUTHORIZED {
        let accept = [AuthMethod::Basic].into_iter().collect();
        for line in challenges(&Denial::CredentialMissing, accept, &realm, reader) {
            response.headers_mut().append(WWW_AUTHENTICATE, line);
        }
    }
    response
}

fn client(form: &Form) -> Result<ClientId, Refused> {
    ClientId::parse(form.text("client")?).map_err(|_| Refused::UnknownClient)
}

/// The answer to `POST /users` and `POST /users/token`.
#[derive(Serialize)]
struct Opened {
    role: String,
    #[serde(flatten)]
    tokens: Refreshed,
}

/// The answer to `POST /users/token/refresh`.
#[derive(Serialize)]
struct Refreshed {
    key: Option<String>,
    token: String,
    refresh: Option<String>,
    expires: Option<String>,
}

/// The answer to `GET` and `PATCH /users`.
#[derive(Serialize)]
struct User {
    id: String,
    email: Option<String>,
    role: String,
}

impl Opened {
    fn of(issued: &Issued) -> Self {
        Self {
            role: issued.account.role.to_string(),
            tokens: Refreshed::of(issued),
        }
    }
}

impl Refreshed {
    fn of(issued: &Issued) -> Self {
        let exposed =
            |token: &Option<PlainToken>| token.as_ref().map(|token| token.expose().to_owned());
        Self {
            key: exposed(&issued.key),
            token: issued.token.expose().to_owned(),
            refresh: exposed(&issued.refresh),
            expires: issued.expires_at.as_ref().map(ToString::to_string),
        }
    }
}

impl User {
    fn of(account: &Account) -> Self {
        Self {
            id: account.id.to_string(),
            email: account.email.as_ref().map(ToString::to_string),
            role: account.role.to_string(),
        }
    }
}
