//! The pages behind the links in our mails, and the stylesheet and logo of every page.
//!
//! | request | answer |
//! |---|---|
//! | `GET /_countersign/confirm?token=…` | a page with a button; nothing is used up |
//! | `POST /_countersign/confirm` token=… | the address is confirmed, or the link is no longer good |
//! | `GET /_countersign/invitation?token=…` | a page with the code to register with |
//! | `GET /_countersign/style.css` | the stylesheet |
//! | `GET /_countersign/logo` | the logo, if the configuration names one |
//! | `GET /_countersign/keys.js` | the script that asks security keys, on the pages that do |

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, Method, StatusCode, Uri};

use super::Mounted;
use super::body::{BadBody, Form};
use super::refused::STORE_WAIT;
use super::reply::retry_after;
use crate::auth::Auth;
use crate::auth::letters::{CONFIRM_PATH, INVITATION_PATH};
use crate::config::dialect::Place;
use crate::gateway::endpoint::Caller;
use crate::model::audit::Actor;
use crate::model::token::{PlainToken, TokenKind};
use crate::pages::brand::{Brand, LOGO_PATH};
use crate::pages::key::{self, SCRIPT_PATH};
use crate::pages::{Language, Page, STYLESHEET_PATH, confirm, invitation, login};
use crate::store::Action;

/// The pages, on every host.
pub(super) fn mount(auth: Arc<Auth>, brand: &Arc<Brand>) -> Mounted {
    let everywhere = Place::default();
    let style = get(style).with_state(Arc::clone(brand));
    let logo = get(logo).with_state(Arc::clone(brand));
    Mounted::default()
        .on(&everywhere, Method::GET, CONFIRM_PATH, get(ask))
        .on(
            &everywhere,
            Method::POST,
            CONFIRM_PATH,
            post(confirm).with_state(auth),
        )
        .on(&everywhere, Method::GET, INVITATION_PATH, get(invite))
        .on(&everywhere, Method::GET, STYLESHEET_PATH, style)
        .on(&everywhere, Method::GET, LOGO_PATH, logo)
        .on(&everywhere, Method::GET, SCRIPT_PATH, get(script))
}

async fn ask(uri: Uri, headers: HeaderMap) -> Page {
    let language = Language::of(&headers);
    match token_in(&uri) {
        Some(token) => confirm::ask(language, CONFIRM_PATH, &token),
        None => confirm::stale(language),
    }
}

async fn invite(uri: Uri, headers: HeaderMap) -> Page {
    let language = Language::of(&headers);
    match token_in(&uri) {
        Some(code) => invitation::show(language, &code),
        None => invitation::damaged(language),
    }
}

async fn confirm(
    State(auth): State<Arc<Auth>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let language = Language::of(&headers);
    let form = match Form::read(&headers, body).await {
        Ok(form) => form,
        Err(bad) => return login::unreadable(language, bad == BadBody::TooLarge).into_response(),
    };
    let Some(token) = form.text("token").ok().and_then(link_token) else {
        return confirm::stale(language).into_response();
    };
    let action =
        Action::new(caller.now.wall, Actor::Anonymous, Some(caller.ip)).speaking(caller.language);
    match auth.accounts.confirm_email(&token, &action).await {
        Ok(Some(account)) => confirm::done(language, account.email.as_ref()).into_response(),
        Ok(None) => confirm::stale(language).into_response(),
        Err(_) => retry_after(
            confirm::unavailable(language).into_response(),
            Some(STORE_WAIT),
        ),
    }
}

async fn style(State(brand): State<Arc<Brand>>) -> Response {
    brand.stylesheet()
}

async fn logo(State(brand): State<Arc<Brand>>, headers: HeaderMap) -> Response {
    let missing = || {
        Page::refusal(
            Language::of(&headers),
            StatusCode::NOT_FOUND,
            "There is no logo.",
        )
    };
    brand.logo().unwrap_or_else(|| missing().into_response())
}

async fn script() -> Response {
    key::script()
}

fn token_in(uri: &Uri) -> Option<PlainToken> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let (_, token) = url::form_urlencoded::parse(query).find(|(name, _)| name == "token")?;
    link_token(&token)
}

fn link_token(text: &str) -> Option<PlainToken> {
    PlainToken::parse(text)
        .ok()
        .filter(|token| token.kind() == TokenKind::Link)
}
