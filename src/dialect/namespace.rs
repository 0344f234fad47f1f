//! Seed 000: send a browser here with the URL to come back to; it comes back with a session token.
//!
//! | request | answer |
//! |---|---|
//! | `GET <login_path>?redirect_url=…` | the login form; logged in, the question whether to share; answered, 303 to `<redirect_url>?sessionToken=…` |
//! | `POST <login_path>?redirect_url=…` answer | 303 there, or a page that says that nothing was shared |
//! | `GET <login_path>` on a host of its own | 303 to the account page; anywhere else the path belongs to the routes |
//! | `GET /me/<sessionToken>` | `{userId, email}`; 401 if it is not good, 429 if that comes too often from one network |
//! | `GET /me/<code>`, for a client with `handoff = "code"` | `{userId, email, sessionToken}`, once and within a minute |
//!
//! The seed lets anybody name any `redirect_url`. Here it has to be registered for a client, the same text byte for byte,
//! and that is judged anew each time it is used: when the form is shown, when its answer comes, and on the fast path of
//! somebody who is logged in and agreed before. Nothing is ever sent to a URL that came from a request: what goes into
//! `Location` is the registered text. `userId` is the account's id, which never changes; `email` is `null` until an
//! address is confirmed.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use serde::Serialize;
use url::form_urlencoded::{byte_serialize, parse};

use super::Mounted;
use super::body::Form;
use super::browser::{ACCOUNT_PATH, Browser, Stopped, Visitor, see_other};
use super::reply::{json, retry_after};
use crate::auth::Auth;
use crate::auth::handover::Handover;
use crate::auth::redirect_url::RedirectUrl;
use crate::auth::throttle::Throttle;
use crate::config::dialect::Namespace;
use crate::config::section::{self, Rate};
use crate::dialect::refused::STORE_WAIT;
use crate::gateway::endpoint::Caller;
use crate::model::account::{Account, Identifier};
use crate::model::client::Client;
use crate::model::credential::{AuthMethod, Credential};
use crate::model::token::{PlainToken, TokenKind};
use crate::pages::consent::{self, Question};
use crate::pages::{LOGIN_PATH, Language, login};
use crate::store::StoreError;

/// The dialect, to be mounted where its configuration says. `bad_tokens` is how many tokens that are not good one network
/// may show.
#[must_use]
pub fn mount(config: &Namespace, bad_tokens: Rate, browser: &Arc<Browser>) -> Mounted {
    let place = &config.place;
    let speaker = Arc::new(Speaker {
        browser: Arc::clone(browser),
        path: format!("{}{}", place.prefix, config.login_path),
        ttl: config.session_ttl,
        bad_tokens: Throttle::new(&section::Throttle {
            per_account: bad_tokens,
            per_ip: bad_tokens,
        }),
    });
    let state = || Arc::clone(&speaker);
    let path = &config.login_path;
    let without_query = place.host.is_some();
    let shown = (!without_query).then_some(REDIRECT_URL);
    Mounted::default()
        .on_query(
            place,
            (Method::GET, path, shown),
            get(enter).with_state(state()),
        )
        .on_query(
            place,
            (Method::POST, path, Some(REDIRECT_URL)),
            post(answer).with_state(state()),
        )
        .on(
            place,
            Method::GET,
            "/me/{token}",
            get(me).with_state(state()),
        )
}

struct Speaker {
    browser: Arc<Browser>,
    /// The whole path of the login page.
    path: String,
    ttl: Duration,
    bad_tokens: Throttle,
}

/// A registered URL and the client it is registered for.
struct Target {
    client: Client,
    url: RedirectUrl,
}

/// The URL that a query names.
enum Asked {
    Nothing,
    Url(String),
    /// It could be read either way.
    Twice,
}

type Speaking = State<Arc<Speaker>>;
type Calling = Extension<Caller>;

async fn enter(
    State(speaker): Speaking,
    Extension(caller): Calling,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Stopped> {
    let language = Language::of(&headers);
    let asked = Asked::by(&uri);
    if matches!(asked, Asked::Nothing) {
        return Ok(see_other(HeaderValue::from_static(ACCOUNT_PATH)));
    }
    let Some(target) = speaker.target(&asked, language).await? else {
        return Ok(consent::unregistered(language).into_response());
    };
    let Some(visitor) = speaker.browser.visitor(&caller, &headers).await? else {
        return Ok(speaker.login(&target, language));
    };
    let account = &visitor.principal.account;
    let clients = &speaker.auth().clients;
    let agreed = clients.has_consented(&account.id, &target.client).await;
    if agreed.map_err(Stopped::store(language))? {
        return speaker
            .hand_over(&target, &visitor, &caller, language)
            .await;
    }
    Ok(speaker.question(&target, &visitor, language))
}

async fn answer(
    State(speaker): Speaking,
    Extension(caller): Calling,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Result<Response, Stopped> {
    speaker.browser.check_site(&headers)?;
    let language = Language::of(&headers);
    let Some(target) = speaker.target(&Asked::by(&uri), language).await? else {
        return Ok(consent::unregistered(language).into_response());
    };
    let Some(visitor) = speaker.browser.visitor(&caller, &headers).await? else {
        return Ok(speaker.login(&target, language));
    };
    let form = Form::read(&headers, body).await;
    let form = form.map_err(Stopped::form(language))?;
    visitor.check_form(form.optional("token").ok().flatten(), language)?;
    if form.optional("answer") != Ok(Some("yes")) {
        return Ok(consent::declined(language, ACCOUNT_PATH).into_response());
    }
    let (account, action) = (&visitor.principal.account.id, visitor.action(&caller));
    let clients = &speaker.auth().clients;
    match clients.consent(account, &target.client, &action).await {
        Ok(()) => {}
        Err(StoreError::Missing(_)) => return Ok(consent::unregistered(language).into_response()),
        Err(error) => return Err(Stopped::store(language)(error)),
    }
    speaker
        .hand_over(&target, &visitor, &caller, language)
        .await
}

async fn me(
    State(speaker): Speaking,
    Extension(caller): Calling,
    Path(shown): Path<String>,
) -> Response {
    match speaker.whose(&shown, &caller).await {
        Ok(Some(me)) => json(StatusCode::OK, &me),
        Ok(None) => speaker.bad_token(&caller),
        Err(error) => {
            tracing::warn!(%error, "whom a session token stands for is not known now");
            let answer = json(StatusCode::SERVICE_UNAVAILABLE, &UNAVAILABLE);
            retry_after(answer, Some(STORE_WAIT))
        }
    }
}

impl Speaker {
    fn auth(&self) -> &Auth {
        &self.browser.auth
    }

    /// Judges a URL that a request names; `None` if it is not registered, or named twice.
    async fn target(&self, asked: &Asked, language: Language) -> Result<Option<Target>, Stopped> {
        let Asked::Url(asked) = asked else {
            return Ok(None);
        };
        let registered = self.auth().clients.registered_for(asked).await;
        let registered = registered.map_err(Stopped::store(language))?;
        Ok(registered.map(|(client, url)| Target { client, url }))
    }

    fn login(&self, target: &Target, language: Language) -> Response {
        let return_to = self.page_for(target);
        let form = login::Login {
            language,
            action: LOGIN_PATH,
            return_to: Some(&return_to),
            username: "",
            client: Some(&target.client.name),
            notice: None,
        };
        form.page().leading_to(target.url.url()).into_response()
    }

    fn question(&self, target: &Target, visitor: &Visitor, language: Language) -> Response {
        let email = visitor.principal.account.email.as_ref();
        let question = Question {
            language,
            action: &self.page_for(target),
            client: &target.client.name,
            host: target.url.url().host_str().unwrap_or_default(),
            shares: email.map_or("–", |email| email.as_str()),
            token: &visitor.form_token,
        };
        question.page().leading_to(target.url.url()).into_response()
    }

    /// The login page for a target.
    fn page_for(&self, target: &Target) -> String {
        let encoded: String = byte_serialize(target.url.as_str().as_bytes()).collect();
        format!("{}?{REDIRECT_URL}={encoded}", self.path)
    }

    async fn hand_over(
        &self,
        target: &Target,
        visitor: &Visitor,
        caller: &Caller,
        language: Language,
    ) -> Result<Response, Stopped> {
        let handover = Handover {
            principal: &visitor.principal,
            client: &target.client,
            ttl: self.ttl,
            ip: Some(caller.ip),
        };
        let token = self.auth().issuer.hand_over(&handover, caller.now).await;
        let Some(token) = token.map_err(Stopped::store(language))? else {
            return Ok(consent::declined(language, ACCOUNT_PATH).into_response());
        };
        Ok(
            match HeaderValue::from_str(&target.url.with_token(&token)) {
                Ok(location) => see_other(location),
                Err(_) => consent::unregistered(language).into_response(),
            },
        )
    }

    /// Says that a token is not good, as often as that may happen to one network.
    fn bad_token(&self, caller: &Caller) -> Response {
        let nobody = Identifier::of("");
        let (ip, now) = (Some(caller.ip), caller.now.monotonic);
        match self.bad_tokens.begin(&nobody, ip, now).map(drop) {
            Ok(()) => json(StatusCode::UNAUTHORIZED, &BAD_TOKEN),
            Err(limited) => {
                let answer = json(StatusCode::TOO_MANY_REQUESTS, &TOO_MANY);
                retry_after(answer, Some(limited.retry_after))
            }
        }
    }

    async fn whose(&self, shown: &str, caller: &Caller) -> Result<Option<Me>, StoreError> {
        let Ok(token) = PlainToken::parse(shown) else {
            return Ok(None);
        };
        if token.kind() == TokenKind::Handoff {
            let ip = Some(caller.ip);
            let issuer = &self.auth().issuer;
            let redeemed = issuer.redeem(&token, self.ttl, ip, caller.now).await?;
            return Ok(redeemed.map(|(account, token)| Me::of(&account, Some(&token))));
        }
        let is_session = token.kind() == TokenKind::Session;
        let credential = Credential::token(AuthMethod::Bearer, token).filter(|_| is_session);
        let Some(credential) = credential else {
            return Ok(None);
        };
        let found = self.auth().verifier.introspect(&credential, caller.now);
        let principal = found.await?.principal;
        let active = principal.filter(|principal| principal.is_active(caller.now.wall));
        Ok(active.map(|principal| Me::of(&principal.account, None)))
    }
}

/// Keys as the seed shows them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Me {
    user_id: String,
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<String>,
}

#[derive(Serialize)]
struct Failure {
    error: &'static str,
    message: &'static str,
}

impl Me {
    fn of(account: &Account, token: Option<&PlainToken>) -> Self {
        Self {
            user_id: account.id.to_string(),
            email: account.email.as_ref().map(ToString::to_string),
            session_token: token.map(|token| token.expose().to_owned()),
        }
    }
}

impl Asked {
    fn by(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default().as_bytes();
        let mut named = parse(query).filter(|(name, _)| name == REDIRECT_URL);
        match (named.next(), named.next()) {
            (None, _) => Self::Nothing,
            (Some((_, url)), None) => Self::Url(url.into_owned()),
            (Some(_), Some(_)) => Self::Twice,
        }
    }
}

const REDIRECT_URL: &str = "redirect_url";
const BAD_TOKEN: Failure = Failure {
    error: "unauthorized",
    message: "The token is unknown, expired or revoked.",
};
const TOO_MANY: Failure = Failure {
    error: "too_many_attempts",
    message: "Too many tokens were not good, try again later.",
};
const UNAVAILABLE: Failure = Failure {
    error: "unavailable",
    message: "No answer is possible now, try again later.",
};
