//! Logging in and out.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, Uri};

use super::return_to::ReturnTo;
use super::{
    ACCOUNT_PATH, Browser, LOGIN_PATH, LOGOUT_PATH, MARKER, MOMENT, Stopped, Visitor, see_other,
    value_of, with_cookie,
};
use crate::auth::issuer::{Grant, Issued, Login, LoginError};
use crate::auth::password::Password;
use crate::dialect::body::Form;
use crate::dialect::refused::STORE_WAIT;
use crate::dialect::reply::retry_after;
use crate::gateway::endpoint::Caller;
use crate::model::session::Dialect;
use crate::pages::Language;
use crate::pages::login::{self as page, Notice};
use crate::store::StoreError;

/// The form of a step of logging in. Each comes in this way, so that none leaves out a check: that it is not another site's,
/// and that it leads back to a path here.
pub(super) struct Entry {
    form: Form,
    pub(super) language: Language,
    pub(super) return_to: Option<ReturnTo>,
}

/// `GET /_countersign/login`.
pub(super) async fn show(
    State(browser): State<Arc<Browser>>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let parameter = |wanted| in_query(&uri, wanted);
    let return_to = parameter("return_to").and_then(|path| ReturnTo::parse(&path));
    let notice = if parameter("changed").is_some() {
        Some(Notice::PasswordChanged)
    } else if return_to.is_some() && value_of(&headers, MARKER).is_some() {
        Some(Notice::SentTwice)
    } else {
        None
    };
    let form = page::Login {
        language: Language::of(&headers),
        action: LOGIN_PATH,
        return_to: return_to.as_ref().map(ReturnTo::as_str),
        username: "",
        client: None,
        notice,
    };
    let response = form.page().into_response();
    match return_to {
        Some(_) => with_cookie(response, browser.marker.set("1", MOMENT)),
        None => response,
    }
}

/// `POST /_countersign/login`. Always a new session; the one that the browser had before ends.
pub(super) async fn log_in(
    State(browser): State<Arc<Browser>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    entry: Entry,
) -> Result<Response, Stopped> {
    let (username, password) = (entry.text("username")?, entry.text("password")?);
    let (language, return_to) = (entry.language, &entry.return_to);
    let before = browser.visitor(&caller, &headers).await?;
    let login = Login {
        dialect: Dialect::BROWSER,
        client: None,
        identifier: username.to_owned(),
        password: Password::new(password),
        code: None,
        ip: Some(caller.ip),
        language: caller.language,
        grant: Grant::Browser { ttl: browser.ttl },
    };
    let auth = &browser.auth;
    let issued = match auth.issuer.login(login, caller.now).await {
        Ok(issued) => issued,
        Err(LoginError::FactorMissing(waiting)) => {
            let there = browser.to_second_step(&waiting, return_to.as_ref(), &caller, language);
            return there.await;
        }
        Err(error) => {
            return Ok(refuse(&error, language, username, return_to.as_ref()));
        }
    };
    let welcome = browser.welcome(&issued, before, return_to.as_ref(), &caller);
    welcome.await.map_err(Stopped::store(language))
}

/// `GET /_countersign/logout`.
pub(super) async fn ask_to_log_out(
    State(browser): State<Arc<Browser>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Result<Response, Stopped> {
    let visitor = browser.visitor(&caller, &headers).await?;
    Ok(match visitor {
        Some(visitor) => {
            let language = Language::of(&headers);
            page::log_out(language, LOGOUT_PATH, &visitor.form_token).into_response()
        }
        None => see_other(HeaderValue::from_static(LOGIN_PATH)),
    })
}

/// `POST /_countersign/logout`.
pub(super) async fn log_out(
    State(browser): State<Arc<Browser>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Stopped> {
    browser.check_site(&headers)?;
    let language = Language::of(&headers);
    if let Some(visitor) = browser.visitor(&caller, &headers).await? {
        let form = Form::read(&headers, body).await;
        let form = form.map_err(Stopped::form(language))?;
        visitor.check_form(form.optional("token").ok().flatten(), language)?;
        let ended = browser
            .auth
            .issuer
            .logout(&visitor.principal, Some(caller.ip), caller.now);
        ended.await.map_err(Stopped::store(language))?;
    }
    let there = see_other(HeaderValue::from_static(LOGIN_PATH));
    Ok(browser.forgotten(there))
}

/// `POST /_countersign/logout-everywhere`.
pub(super) async fn log_out_everywhere(
    State(browser): State<Arc<Browser>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Stopped> {
    browser.check_site(&headers)?;
    let language = Language::of(&headers);
    if let Some(visitor) = browser.visitor(&caller, &headers).await? {
        let form = Form::read(&headers, body).await;
        let form = form.map_err(Stopped::form(language))?;
        visitor.check_form(form.optional("token").ok().flatten(), language)?;
        let account = &visitor.principal.account.id;
        let action = visitor.action(&caller);
        let ended = browser.auth.sessions.revoke_all(account, &action);
        ended.await.map_err(Stopped::store(language))?;
    }
    let there = see_other(HeaderValue::from_static(LOGIN_PATH));
    Ok(browser.forgotten(there))
}

impl FromRequest<Arc<Browser>> for Entry {
    type Rejection = Stopped;

    async fn from_request(request: Request, browser: &Arc<Browser>) -> Result<Self, Stopped> {
        let (head, body) = request.into_parts();
        browser.check_site(&head.headers)?;
        let language = Language::of(&head.headers);
        let form = Form::read(&head.headers, body).await;
        let form = form.map_err(Stopped::form(language))?;
        let return_to = form.optional("return_to").ok().flatten();
        let return_to = return_to.and_then(ReturnTo::parse);
        Ok(Self {
            form,
            language,
            return_to,
        })
    }
}

impl Entry {
    pub(super) fn text(&self, name: &'static str) -> Result<&str, Stopped> {
        self.form.text(name).map_err(Stopped::form(self.language))
    }

    pub(super) fn optional(&self, name: &'static str) -> Option<&str> {
        self.form.optional(name).ok().flatten()
    }
}

impl Browser {
    /// Gives a browser its new session, and ends the one that it had before.
    pub(super) async fn welcome(
        &self,
        issued: &Issued,
        before: Option<Visitor>,
        return_to: Option<&ReturnTo>,
        caller: &Caller,
    ) -> Result<Response, StoreError> {
        if let Some(before) = before {
            let ip = Some(caller.ip);
            let ended = (self.auth.issuer).logout(&before.principal, ip, caller.now);
            ended.await?;
        }
        let location = return_to.map_or(ACCOUNT_PATH, ReturnTo::as_str);
        let location = HeaderValue::from_str(location).unwrap_or(HeaderValue::from_static("/"));
        let cookie = self.cookie.set(issued.token.expose(), self.ttl);
        let marker = self.marker.set("1", MOMENT);
        Ok(with_cookie(
            with_cookie(see_other(location), cookie),
            marker,
        ))
    }
}

/// One page for every reason that has to do with the credentials.
fn refuse(
    error: &LoginError,
    language: Language,
    username: &str,
    return_to: Option<&ReturnTo>,
) -> Response {
    let (notice, wait) = notice(error);
    let form = page::Login {
        language,
        action: LOGIN_PATH,
        return_to: return_to.map(ReturnTo::as_str),
        username,
        client: None,
        notice: Some(notice),
    };
    let mut response = form.page().into_response();
    if notice == Notice::Unrecognized {
        let challenge = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    retry_after(response, wait)
}

fn notice(error: &LoginError) -> (Notice, Option<Duration>) {
    match error {
        LoginError::UnknownClient
        | LoginError::Unrecognized
        | LoginError::FactorMissing(_)
        | LoginError::WrongFactor => (Notice::Unrecognized, None),
        LoginError::Throttled { retry_after } | LoginError::FactorTriesUsedUp { retry_after } => {
            (Notice::Throttled, Some(*retry_after))
        }
        LoginError::Busy { retry_after } => (Notice::Unavailable, Some(*retry_after)),
        LoginError::Store(error) => {
            tracing::warn!(%error, "a login cannot be judged");
            (Notice::Unavailable, Some(STORE_WAIT))
        }
    }
}

/// The first value of a query's parameter.
pub(super) fn in_query(uri: &Uri, wanted: &str) -> Option<String> {
    let query = uri.query().unwrap_or_default().as_bytes();
    url::form_urlencoded::parse(query)
        .find(|(name, _)| name == wanted)
        .map(|(_, value)| value.into_owned())
}
