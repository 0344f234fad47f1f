//! Browser sessions: the login page, the account page, and the cookie.
//!
//! | request | answer |
//! |---|---|
//! | `GET /_countersign/login?return_to=…` | the login form |
//! | `POST /_countersign/login` username, password, `return_to` | 303 there with a new session's cookie, or to the second step; 401, 429, 503 with the form |
//! | `GET /_countersign/login/factor` | the form for a code, to a browser whose password was right |
//! | `POST /_countersign/login/factor` code, `return_to` | 303 there with a new session's cookie; 401, 429, 503 with the form |
//! | `GET /_countersign/elevate?return_to=…` | the form that asks for a proof, on the way to a route with `elevated` |
//! | `POST /_countersign/elevate` code or proof, `return_to` | 303 there with an elevation's cookie; 401, 429, 503 with the form |
//! | `GET`, `POST /_countersign/logout` | a button · 303 to the login page, the session ended |
//! | `POST /_countersign/logout-everywhere` | the same, for every session and token of the account |
//! | `GET /_countersign/account` | sessions, tokens, applications, connections, second factors, address, password |
//! | `POST /_countersign/account/{sessions,tokens,clients,password,email,connect,disconnect}` | what its forms do |
//! | `POST /_countersign/account/factors` change, id, code, proof, name, credential | a change of second factors, or a page that asks for a proof first ([`factors`]) |
//! | `GET /_countersign/connected/NAME?state=…&code=…` | the way back from an OpenID provider ([`connections`]) |
//!
//! The pages are there on every host, since a cookie belongs to one. The cookie is opaque, and out of reach of scripts. A
//! form that another site sent is 403 and changes nothing, no cookie either ([`guard`]). With `return_to` a browser can only
//! be led to a path on the same host ([`return_to`]). Whoever comes back to the login page within seconds is told why that
//! may be, instead of running in a circle: a marker cookie of these paths alone remembers.

pub mod guard;
pub mod return_to;

mod account;
mod connections;
mod elevation;
mod email;
mod factors;
mod keys;
mod login;
mod second_factor;

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::{CACHE_CONTROL, COOKIE, LOCATION, REFERRER_POLICY, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use url::Url;

use account::PATHS;

use super::Mounted;
use super::body::BadBody;
use super::refused::STORE_WAIT;
use super::reply::retry_after;
use crate::auth::Auth;
use crate::auth::openid::Providers;
use crate::config::Config;
use crate::config::dialect::Place;
use crate::gateway::endpoint::Caller;
use crate::header::credential::{self, Cookie};
use crate::header::own_cookie::OwnCookie;
use crate::model::audit::Actor;
use crate::model::principal::Principal;
use crate::pages::{ELEVATE_PATH, LOGIN_PATH, Language, login as page};
use crate::store::{Action, StoreError};

/// The second step of logging in, of an account that has a second factor.
const FACTOR_PATH: &str = "/_countersign/login/factor";
/// Ends the session.
pub const LOGOUT_PATH: &str = "/_countersign/logout";
/// The account page.
pub const ACCOUNT_PATH: &str = "/_countersign/account";

/// What every page needs.
#[derive(Debug)]
pub struct Browser {
    /// Knows who somebody is.
    pub auth: Arc<Auth>,
    providers: Providers,
    ttl: Duration,
    min_length: usize,
    external_url: Url,
    cookie: OwnCookie,
    marker: OwnCookie,
    ticket: OwnCookie,
    elevation: OwnCookie,
    elevated_ttl: Duration,
    code_ttl: Duration,
}

/// Who is logged in with the browser that asks.
#[derive(Debug)]
pub struct Visitor {
    /// Whom its cookie stands for.
    pub principal: Arc<Principal>,
    /// What its forms carry.
    pub form_token: String,
}

/// Why a page's request got no further.
#[derive(Debug)]
pub enum Stopped {
    /// 403.
    CrossSite(Language),
    /// 400.
    Unreadable(Language),
    /// 413.
    TooLarge(Language),
    /// 503.
    Store(Language),
}

/// The pages, on every host.
#[must_use]
pub fn mount(browser: &Arc<Browser>) -> Mounted {
    let everywhere = Place::default();
    let handlers = [
        (Method::GET, LOGIN_PATH, get(login::show)),
        (Method::POST, LOGIN_PATH, post(login::log_in)),
        (Method::GET, FACTOR_PATH, get(second_factor::show)),
        (Method::POST, FACTOR_PATH, post(second_factor::prove)),
        (Method::GET, ELEVATE_PATH, get(elevation::show)),
        (Method::POST, ELEVATE_PATH, post(elevation::prove)),
        (Method::GET, LOGOUT_PATH, get(login::ask_to_log_out)),
        (Method::POST, LOGOUT_PATH, post(login::log_out)),
        (
            Method::POST,
            LOGOUT_EVERYWHERE_PATH,
            post(login::log_out_everywhere),
        ),
        (Method::GET, ACCOUNT_PATH, get(account::show)),
        (Method::POST, PATHS.revoke, post(account::revoke)),
        (Method::POST, PATHS.token, post(account::make_token)),
        (Method::POST, PATHS.client, post(account::set_refused)),
        (Method::POST, PATHS.password, post(account::change_password)),
        (Method::POST, PATHS.email, post(email::change)),
        (Method::POST, PATHS.connect, post(connections::connect)),
        (Method::GET, CONNECTED_PATH, get(connections::connected)),
        (Method::POST, PATHS.factor, post(factors::change)),
        (
            Method::POST,
            PATHS.disconnect,
            post(connections::disconnect),
        ),
    ];
    handlers
        .into_iter()
        .fold(Mounted::default(), |mounted, (method, path, handler)| {
            let handler = handler.with_state(Arc::clone(browser));
            mounted.on(&everywhere, method, path, handler)
        })
}

impl Browser {
    /// The pages of a configuration.
    #[must_use]
    pub fn new(config: &Config, auth: Arc<Auth>) -> Self {
        let is_secure = config.server.is_secure();
        let id_api = config.dialects.id_api.as_ref();
        Self {
            auth,
            providers: Providers::new(config),
            ttl: config.accounts.session_ttl,
            min_length: config.password.min_length,
            external_url: config.server.external_url.clone(),
            cookie: OwnCookie {
                name: config.server.cookie_name(),
                path: "/",
                is_secure,
            },
            marker: OwnCookie {
                name: MARKER,
                path: LOGIN_PATH,
                is_secure,
            },
            ticket: OwnCookie {
                name: TICKET,
                path: LOGIN_PATH,
                is_secure,
            },
            elevation: OwnCookie {
                name: config.server.elevation_cookie_name(),
                path: "/",
                is_secure,
            },
            elevated_ttl: id_api.map_or(ELEVATED_TTL, |it| it.elevated_ttl),
            code_ttl: id_api.map_or(CODE_TTL, |it| it.code_ttl),
        }
    }

    /// Who is logged in; `None` if nobody is.
    ///
    /// # Errors
    /// [`Stopped`] if that cannot be said.
    pub async fn visitor(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
    ) -> Result<Option<Visitor>, Stopped> {
        let language = Language::of(headers);
        let shown = credential::read(headers, self.cookie.name);
        let shown = shown.map_err(|_| Stopped::Unreadable(language))?;
        let Cookie::Token(credential) = shown.cookie else {
            return Ok(None);
        };
        let found = self.auth.verifier.introspect(&credential, caller.now);
        let found = found.await.map_err(Stopped::store(language))?;
        let principal = found
            .principal
            .filter(|principal| principal.is_active(caller.now.wall));
        Ok(principal.map(|principal| Visitor {
            principal,
            form_token: guard::form_token(&credential),
        }))
    }

    /// An answer that takes from a browser what we gave it with its session.
    fn forgotten(&self, response: Response) -> Response {
        let response = with_cookie(response, self.cookie.clear());
        with_cookie(response, self.elevation.clear())
    }

    /// Refuses what another site sent.
    ///
    /// # Errors
    /// [`Stopped::CrossSite`].
    pub fn check_site(&self, headers: &HeaderMap) -> Result<(), Stopped> {
        if guard::is_cross_site(headers, &self.external_url, self.cookie.name) {
            return Err(Stopped::CrossSite(Language::of(headers)));
        }
        Ok(())
    }
}

impl Visitor {
    /// Refuses a form without the session's token.
    ///
    /// # Errors
    /// [`Stopped::CrossSite`].
    pub fn check_form(&self, shown: Option<&str>, language: Language) -> Result<(), Stopped> {
        if guard::is_right(shown, &self.form_token) {
            Ok(())
        } else {
            Err(Stopped::CrossSite(language))
        }
    }

    /// What they do now.
    #[must_use]
    pub fn action(&self, caller: &Caller) -> Action {
        let actor = Actor::Account(self.principal.account.id.clone());
        Action::new(caller.now.wall, actor, Some(caller.ip)).speaking(caller.language)
    }
}

impl Stopped {
    /// The store could not answer.
    pub fn store(language: Language) -> impl FnOnce(StoreError) -> Self {
        move |error| {
            tracing::warn!(%error, "a page cannot be shown");
            Self::Store(language)
        }
    }

    /// A form could not be read.
    pub fn form(language: Language) -> impl FnOnce(BadBody) -> Self {
        move |bad| match bad {
            BadBody::TooLarge => Self::TooLarge(language),
            BadBody::Malformed(_)
            | BadBody::Doubled
            | BadBody::Missing(_)
            | BadBody::NotText(_) => Self::Unreadable(language),
        }
    }
}

impl IntoResponse for Stopped {
    fn into_response(self) -> Response {
        match self {
            Self::CrossSite(language) => page::cross_site(language).into_response(),
            Self::Unreadable(language) => page::unreadable(language, false).into_response(),
            Self::TooLarge(language) => page::unreadable(language, true).into_response(),
            Self::Store(language) => retry_after(
                page::unavailable(language).into_response(),
                Some(STORE_WAIT),
            ),
        }
    }
}

/// A redirect after a form: 303, so that what follows is a `GET`. Nobody keeps it, and nobody is told where it came from.
#[must_use]
pub fn see_other(location: HeaderValue) -> Response {
    let fields = [
        (LOCATION, location),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (StatusCode::SEE_OTHER, fields).into_response()
}

/// The login page, and back to a path afterwards.
fn to_login(return_to: &'static str) -> Response {
    let location = HeaderValue::from_str(&format!("{LOGIN_PATH}?return_to={return_to}"));
    see_other(location.unwrap_or(HeaderValue::from_static(LOGIN_PATH)))
}

/// The value of a cookie that goes to our pages alone; `None` if there is none such, or more than one.
fn value_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let fields = headers.get_all(COOKIE).iter();
    let mut values = fields
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='));
    values.next().filter(|_| values.next().is_none())
}

fn with_cookie(mut response: Response, field: HeaderValue) -> Response {
    response.headers_mut().append(SET_COOKIE, field);
    response
}

/// [`CALLBACK_PATH`](crate::auth::openid::CALLBACK_PATH) and the provider's name.
const CONNECTED_PATH: &str = "/_countersign/connected/{name}";
const LOGOUT_EVERYWHERE_PATH: &str = "/_countersign/logout-everywhere";
/// Remembers that the login page was shown a moment ago. Sent to the login page alone.
const MARKER: &str = "countersign-login";
/// The ticket of a login that waits for its second step. Sent to the login pages alone.
const TICKET: &str = "countersign-ticket";
/// How long it is good where no `[dialect.id_api]` says so; its default.
const ELEVATED_TTL: Duration = Duration::from_mins(10);
/// How long a mailed code is good then.
const CODE_TTL: Duration = Duration::from_mins(5);
/// How long a moment is. Source: issue 2, "a second bounce within 10 s".
const MOMENT: Duration = Duration::from_secs(10);
