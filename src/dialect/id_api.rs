//! Seed 002: who I am, my address and password, and proving myself again.
//!
//! | request | answer |
//! |---|---|
//! | `GET /api/users/@me` | 200 {id, email, `pending_email`, name, username, role, shadow, `created_at`} |
//! | `GET /api/users/@me/connections` | 200 [{id, provider, `provider_user_id`, name, `linked_at`}] |
//! | `POST /api/users/@me/update-email` {email} | 202, whether or not the address is taken |
//! | `POST /api/users/@me/associate-password` {password} | 204; 409 if the account has one |
//! | `POST /api/eat/request-verification` | 202, and a code is mailed |
//! | `POST /api/eat/verify-code` {code} | 200 {id, `user_id`, token, `expires_at`} |
//! | `GET /api/eat/verify`, `Elevated-Access-Token` | 200 {`user_id`, `expires_at`}; 401 if it is not good |
//! | `/api/eat/key-options`, `/api/eat/verify-key` | the same with a security key: [`keys`] |
//! | `/api/users/@me/factors` … | second factors: [`factors`] |
//!
//! Each takes any primary credential. With our cookie a `POST` has to come from a page of the same origin, since a browser
//! sends the cookie for others too. A wrong code is 401 and 429 once the tries are used up; a fourth code in five minutes
//! is 429; an account that has no confirmed address cannot be mailed a code and gets 409. Once an account has a second
//! factor, `verify-code` takes a code of it in the place of a mailed one.
//!
//! Errors are {error, message}; `error` is a word of a closed set.

mod factors;
mod keys;
mod refusal;
mod rows;

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{delete, get, patch, post};
use http::header::{SET_COOKIE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use refusal::Refusal;
use rows::{Exchanged, Good, Row, User};

use super::Mounted;
use super::body::Form;
use super::refused::Refused;
use super::reply::{empty, json, nothing};
use super::shown::{Proof, proof};
use crate::auth::Auth;
use crate::auth::password::Password;
use crate::config::Config;
use crate::config::dialect::IdApi;
use crate::gateway::endpoint::Caller;
use crate::header::challenge::challenges;
use crate::header::credential::{self, Authorization, Cookie, ElevationField};
use crate::header::origin;
use crate::header::reader::Reader;
use crate::model::account::{Account, AccountKind, Email};
use crate::model::audit::Actor;
use crate::model::credential::AuthMethod;
use crate::model::policy::Denial;
use crate::model::principal::Principal;
use crate::store::Action;

/// The dialect, to be mounted where its configuration says. Of the whole configuration it takes what the cookie and the
/// challenges are made of.
#[must_use]
pub fn mount(dialect: &IdApi, config: &Config, auth: Arc<Auth>) -> Mounted {
    let speaker = Arc::new(Speaker {
        auth,
        config: dialect.clone(),
        cookie_name: config.server.cookie_name(),
        clearing_cookie: HeaderValue::try_from(config.server.clearing_cookie()).ok(),
        scheme: config.server.external_url.scheme().into(),
        realm: config.server.realm.clone(),
    });
    let endpoints = [
        (Method::GET, "/api/users/@me", get(show)),
        (Method::GET, "/api/users/@me/connections", get(connections)),
        (
            Method::POST,
            "/api/users/@me/update-email",
            post(update_email),
        ),
        (
            Method::POST,
            "/api/users/@me/associate-password",
            post(associate_password),
        ),
        (
            Method::POST,
            "/api/eat/request-verification",
            post(request_verification),
        ),
        (Method::POST, "/api/eat/verify-code", post(verify_code)),
        (Method::GET, "/api/eat/verify", get(verify)),
        (
            Method::POST,
            "/api/eat/key-options",
            post(keys::ask_to_sign),
        ),
        (Method::POST, "/api/eat/verify-key", post(keys::verify_key)),
        (Method::GET, FACTORS, get(factors::list)),
    ];
    let mut mounted = Mounted::default();
    for (method, path, handler) in endpoints {
        let handler = handler.with_state(Arc::clone(&speaker));
        mounted = mounted.on(&dialect.place, method, path, handler);
    }
    mounted = mounted.and(mount_factors(dialect, &speaker));
    let challenge = from_fn_with_state(speaker, add_challenge);
    mounted.router = mounted.router.layer(challenge);
    mounted
}

fn mount_factors(dialect: &IdApi, speaker: &Arc<Speaker>) -> Mounted {
    [
        (Method::POST, "/totp", post(factors::begin_totp)),
        (Method::DELETE, "/totp", delete(factors::remove_totp)),
        (Method::POST, "/totp/confirm", post(factors::confirm_totp)),
        (
            Method::POST,
            "/recovery-codes",
            post(factors::make_recovery_codes),
        ),
        (
            Method::DELETE,
            "/recovery-codes",
            delete(factors::remove_recovery_codes),
        ),
        (Method::POST, "/keys", post(keys::add_key)),
        (Method::POST, "/keys/options", post(keys::ask_for_key)),
        (Method::PATCH, "/keys/{id}", patch(factors::rename_key)),
        (Method::DELETE, "/keys/{id}", delete(factors::remove_key)),
    ]
    .into_iter()
    .fold(Mounted::default(), |mounted, (method, path, handler)| {
        let (path, speaker) = (format!("{FACTORS}{path}"), Arc::clone(speaker));
        mounted.on(&dialect.place, method, &path, handler.with_state(speaker))
    })
}

struct Speaker {
    auth: Arc<Auth>,
    config: IdApi,
    cookie_name: &'static str,
    clearing_cookie: Option<HeaderValue>,
    scheme: Box<str>,
    realm: Box<str>,
}

type Speaking = State<Arc<Speaker>>;
type Calling = Extension<Caller>;
type Answer = Result<Response, Refusal>;

async fn show(speaker: Speaking, caller: Calling, head: Parts) -> Answer {
    let principal = speaker.proof(&caller, &head).await?.principal;
    Ok(json(StatusCode::OK, &User::of(&principal.account)))
}

async fn connections(speaker: Speaking, caller: Calling, head: Parts) -> Answer {
    let principal = speaker.proof(&caller, &head).await?.principal;
    let of = Some(&principal.account.id);
    let connections = speaker.auth.connections.list(of).await?;
    let rows: Vec<Row> = connections.iter().map(Row::of).collect();
    Ok(json(StatusCode::OK, &rows))
}

async fn update_email(speaker: Speaking, caller: Calling, head: Parts, body: Body) -> Answer {
    let principal = speaker.proof(&caller, &head).await?.principal;
    let form = Form::read(&head.headers, body).await?;
    let email = Email::parse(form.text("email")?).map_err(|_| Refused::UnusableEmail)?;
    let (id, action) = (&principal.account.id, action(&principal, &caller));
    let accounts = &speaker.auth.accounts;
    let given = accounts.give_email(id, email, (&action, caller.now.monotonic));
    given.await?;
    Ok(empty(StatusCode::ACCEPTED))
}

async fn associate_password(speaker: Speaking, caller: Calling, head: Parts, body: Body) -> Answer {
    let principal = speaker.proof(&caller, &head).await?.principal;
    let form = Form::read(&head.headers, body).await?;
    let password = Password::new(form.text("password")?);
    let Account { id, kind, .. } = &*principal.account;
    if *kind == AccountKind::Full {
        return Err(Refusal::NotShadow);
    }
    let action = action(&principal, &caller);
    let accounts = &speaker.auth.accounts;
    accounts
        .associate_password(id, password, principal.session, &action)
        .await?;
    Ok(nothing())
}

async fn request_verification(speaker: Speaking, caller: Calling, head: Parts) -> Answer {
    let principal = speaker.proof(&caller, &head).await?.principal;
    let (ttl, action) = (speaker.config.code_ttl, action(&principal, &caller));
    let elevator = &speaker.auth.elevator;
    elevator.request(&principal, ttl, &action).await?;
    Ok(empty(StatusCode::ACCEPTED))
}

async fn verify_code(speaker: Speaking, caller: Calling, head: Parts, body: Body) -> Answer {
    let principal = speaker.proof(&caller, &head).await?.principal;
    let form = Form::read(&head.headers, body).await?;
    let (ttl, asked) = (
        speaker.config.elevated_ttl,
        (caller.now.wall, Some(caller.ip)),
    );
    let elevator = &speaker.auth.elevator;
    let elevated = elevator.verify(&principal, form.text("code")?, ttl, asked);
    Ok(json(
        StatusCode::OK,
        &Exchanged::of(&elevated.await?, &principal),
    ))
}

async fn verify(speaker: Speaking, caller: Calling, head: Parts) -> Answer {
    let Proof {
        principal,
        elevation,
        ..
    } = speaker.proof(&caller, &head).await?;
    let ElevationField::Token(token) = elevation else {
        return Err(Refusal::NotElevated);
    };
    let verifier = &speaker.auth.verifier;
    let elevation = verifier.elevation(&token, &principal, caller.now).await?;
    let elevation = elevation.ok_or(Refusal::NotElevated)?;
    let good = Good {
        user_id: principal.account.id.to_string(),
        expires_at: elevation.until.to_string(),
    };
    Ok(json(StatusCode::OK, &good))
}

impl Speaker {
    /// Who is asking. A cookie alone changes nothing for a page of another origin.
    async fn proof(&self, caller: &Caller, head: &Parts) -> Result<Proof, Refusal> {
        let found = proof(&self.auth, caller, &head.headers, self.cookie_name).await?;
        let found = found.map_err(Refusal::Denied)?;
        let is_safe = head.method == Method::GET
            || found.method != AuthMethod::Cookie
            || origin::is_same(&head.headers, &head.uri, &self.scheme);
        is_safe.then_some(found).ok_or(Refusal::CrossSite)
    }

    /// Who is asking, with a good elevated token of the same account and session.
    async fn elevated(&self, caller: &Caller, head: &Parts) -> Result<Arc<Principal>, Refusal> {
        let shown = self.proof(caller, head).await?;
        let ElevationField::Token(token) = &shown.elevation else {
            return Err(Refusal::NotElevated);
        };
        let verifier = &self.auth.verifier;
        let elevation = verifier.elevation(token, &shown.principal, caller.now);
        elevation.await?.ok_or(Refusal::NotElevated)?;
        Ok(shown.principal)
    }
}

/// Adds the challenge that a 401 needs: what its refusal left beside it, else that for an elevated token. Clears our cookie
/// where it was asked whom it stands for, and that is nobody.
async fn add_challenge(speaker: Speaking, request: Request, next: Next) -> Response {
    let reader = Reader::of(request.method(), request.headers());
    let decided_by_cookie = decided_by_cookie(request.headers(), speaker.cookie_name);
    let mut response = next.run(request).await;
    if response.status() == StatusCode::UNAUTHORIZED {
        let denial = response.extensions_mut().remove::<Denial>();
        let clearing = speaker.clearing_cookie.clone();
        if let Some(cookie) = clearing.filter(|_| decided_by_cookie && denial.is_some()) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        let max_age = speaker.config.elevated_ttl;
        let denial = denial.unwrap_or(Denial::ElevationMissing { max_age });
        let accept = [AuthMethod::Bearer].into_iter().collect();
        for line in challenges(&denial, accept, &speaker.realm, reader) {
            response.headers_mut().append(WWW_AUTHENTICATE, line);
        }
    }
    response
}

fn decided_by_cookie(headers: &HeaderMap, name: &str) -> bool {
    credential::read(headers, name).is_ok_and(|shown| {
        matches!(
            shown.authorization,
            Authorization::Absent | Authorization::Foreign
        ) && !matches!(shown.cookie, Cookie::Absent)
    })
}

fn action(principal: &Principal, caller: &Caller) -> Action {
    let actor = Actor::Account(principal.account.id.clone());
    Action::new(caller.now.wall, actor, Some(caller.ip)).speaking(caller.language)
}

const FACTORS: &str = "/api/users/@me/factors";
