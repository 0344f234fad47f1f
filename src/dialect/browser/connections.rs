//! Connecting an account elsewhere to the one that is logged in, through its OpenID provider, and taking it away again.
//!
//! ```text
//! POST …/account/connect ─▶ a page that goes on to the provider ─▶ … ─▶ GET /_countersign/connected/NAME ─▶ account page
//! ```
//!
//! The way back is a `GET` from another site, and so without a form's token. In its place stands the `state`: it is good
//! once, for ten minutes, and for the browser session that began ([`Attempt`]). Whoever is led here with somebody else's
//! answer is refused before the provider is asked anything. Connecting and disconnecting are for who proved themselves a
//! while ago at most ([`elevation`](super::elevation)): what is connected may be the next way in.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::header::HOST;
use http::{HeaderMap, Uri};
use url::form_urlencoded::parse;

use super::account::{Answer, PATHS, Sent, back};
use super::elevation::{Standing, with_cookies};
use super::{ACCOUNT_PATH, Browser, Stopped, Visitor, to_login};
use crate::auth::openid::{Attempt, OpenIdError, Provider, Subject};
use crate::gateway::endpoint::Caller;
use crate::model::id::ConnectionId;
use crate::pages::Language;
use crate::pages::connections::{self as page, Refusal};
use crate::pages::factors::{Step, Why};
use crate::store::{StoreError, Unique};

/// What the provider answers with. Source: RFC 6749 §4.1.2, RFC 9207.
#[derive(Default)]
struct Returned {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    issuer: Option<String>,
}

/// `POST /_countersign/account/connect`: goes to a provider.
pub(super) async fn connect(
    State(browser): State<Arc<Browser>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    sent: Sent,
) -> Answer {
    let language = sent.language;
    let provider = browser.providers.get(sent.text("provider")?);
    let provider = provider.ok_or(Stopped::Unreadable(language))?;
    if !browser.is_at_external_url(&headers) {
        let account = browser.external_url.join(ACCOUNT_PATH);
        let account = account.unwrap_or_else(|_| browser.external_url.clone());
        return Ok(page::elsewhere(language, &account).into_response());
    }
    let step = step(&sent, PATHS.connect, "provider", provider.name());
    let cookie = match browser.standing(&sent, &caller, step).await? {
        Standing::Proved(cookie) => cookie,
        Standing::Asked(page) => return Ok(page),
    };
    let left = leave(&browser, provider, &sent, &caller).await?;
    Ok(with_cookies(left, cookie))
}

async fn leave(browser: &Browser, provider: &Provider, sent: &Sent, caller: &Caller) -> Answer {
    let language = sent.language;
    let attempt = Attempt::begin(provider.name(), &sent.visitor.form_token);
    let url = match provider.authorization_url(&attempt, caller.now).await {
        Ok(url) => url,
        Err(error) => {
            let way = Way::new(browser, &sent.visitor, caller, language);
            return way.refuse(provider, &error).await;
        }
    };
    let (principal, action) = (&sent.visitor.principal, sent.visitor.action(caller));
    let connections = &browser.auth.connections;
    let begun = connections.begin(&attempt, principal, &action).await;
    if !begun.map_err(Stopped::store(language))? {
        return Ok(to_login(ACCOUNT_PATH));
    }
    Ok(page::leave(language, provider.label(), &url).into_response())
}

/// `GET /_countersign/connected/NAME`: comes back from a provider.
pub(super) async fn connected(
    State(browser): State<Arc<Browser>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let language = Language::of(&headers);
    let provider = browser.providers.get(&name);
    let provider = provider.ok_or(Stopped::Unreadable(language))?;
    let returned = Returned::of(&uri).ok_or(Stopped::Unreadable(language))?;
    let Some(visitor) = browser.visitor(&caller, &headers).await? else {
        return Ok(to_login(ACCOUNT_PATH));
    };
    let way = Way::new(&browser, &visitor, &caller, language);
    let Some(attempt) = way.attempt(provider, &returned).await? else {
        return way.say(provider, Refusal::Stale, "state").await;
    };
    let code = match (returned.code, returned.error) {
        (Some(code), None) => code,
        (None, Some(_)) => return way.say(provider, Refusal::Declined, "declined").await,
        (Some(_), Some(_)) | (None, None) => return Err(Stopped::Unreadable(language)),
    };
    match provider.identify(&code, &attempt, caller.now).await {
        Ok(subject) => way.link(provider, subject).await,
        Err(error) => way.refuse(provider, &error).await,
    }
}

/// `POST /_countersign/account/disconnect`: takes a connection away.
pub(super) async fn disconnect(
    State(browser): State<Arc<Browser>>,
    Extension(caller): Extension<Caller>,
    sent: Sent,
) -> Answer {
    let text = sent.text("id")?;
    let id = ConnectionId::parse(text).ok_or(Stopped::Unreadable(sent.language))?;
    let step = step(&sent, PATHS.disconnect, "id", text);
    let cookie = match browser.standing(&sent, &caller, step).await? {
        Standing::Proved(cookie) => cookie,
        Standing::Asked(page) => return Ok(page),
    };
    let label = |name: &str| {
        let provider = browser.providers.get(name);
        provider.map_or(name, Provider::label).into()
    };
    let (account, action) = (
        &sent.visitor.principal.account,
        sent.visitor.action(&caller),
    );
    let connections = &browser.auth.connections;
    let gone = connections.unlink(account, &id, label, &action).await;
    gone.map_err(Stopped::store(sent.language))?;
    Ok(with_cookies(back(), cookie))
}

/// The form that goes on once its sender has proved themselves.
fn step<'a>(sent: &'a Sent, action: &'static str, name: &'static str, value: &'a str) -> Step<'a> {
    Step {
        language: sent.language,
        why: Why::Change,
        action,
        token: &sent.visitor.form_token,
        carried: vec![(name, value)],
    }
}

/// Somebody on their way to a provider or back.
struct Way<'a> {
    browser: &'a Browser,
    visitor: &'a Visitor,
    caller: &'a Caller,
    language: Language,
}

impl<'a> Way<'a> {
    const fn new(
        browser: &'a Browser,
        visitor: &'a Visitor,
        caller: &'a Caller,
        language: Language,
    ) -> Self {
        Self {
            browser,
            visitor,
            caller,
            language,
        }
    }

    /// The attempt that this answer is to, used up; `None` if it is none of this session's.
    async fn attempt(
        &self,
        provider: &Provider,
        returned: &Returned,
    ) -> Result<Option<Attempt>, Stopped> {
        let is_other = |issuer: &String| !provider.is_issuer(issuer);
        if returned.issuer.as_ref().is_some_and(is_other) {
            return Ok(None);
        }
        let state = returned.state.as_deref().unwrap_or_default();
        let secret = &self.visitor.form_token;
        let Some(attempt) = Attempt::resume(state, provider.name(), secret) else {
            return Ok(None);
        };
        let (principal, action) = (&self.visitor.principal, self.visitor.action(self.caller));
        let connections = &self.browser.auth.connections;
        let resumed = connections.resume(&attempt, principal, &action).await;
        Ok(resumed
            .map_err(Stopped::store(self.language))?
            .then_some(attempt))
    }

    async fn link(&self, provider: &Provider, subject: Subject) -> Answer {
        let (account, action) = (
            &self.visitor.principal.account,
            self.visitor.action(self.caller),
        );
        let connections = &self.browser.auth.connections;
        let store = || Stopped::store(self.language);
        let wanted = subject.id.clone();
        match connections.link(account, provider, subject, &action).await {
            Ok(()) => Ok(back()),
            Err(StoreError::Conflict(Unique::Connection)) => {
                let own = connections.list(Some(&account.id)).await.map_err(store())?;
                let is_it = |it: &crate::model::connection::Connection| {
                    *it.provider == *provider.name() && it.provider_user_id == wanted
                };
                if own.iter().any(is_it) {
                    return Ok(back());
                }
                self.say(provider, Refusal::Taken, "taken").await
            }
            Err(error) => Err(store()(error)),
        }
    }

    async fn refuse(&self, provider: &Provider, error: &OpenIdError) -> Answer {
        tracing::warn!(%error, provider = provider.name(), "an account was not connected");
        let (why, reason) = match error {
            OpenIdError::Unreachable(_) | OpenIdError::Busy => {
                (Refusal::Unreachable, "unreachable")
            }
            OpenIdError::Refused(_) => (Refusal::Unbelievable, "refused"),
            OpenIdError::Unusable(_) => (Refusal::Unbelievable, "unusable"),
            OpenIdError::Unbelievable(_) => (Refusal::Unbelievable, "id_token"),
        };
        self.say(provider, why, reason).await
    }

    /// Writes down why, and says it.
    async fn say(&self, provider: &Provider, why: Refusal, reason: &'static str) -> Answer {
        let account = &self.visitor.principal.account.id;
        let action = self.visitor.action(self.caller);
        let connections = &self.browser.auth.connections;
        let written = connections.refused(account, reason, &action).await;
        written.map_err(Stopped::store(self.language))?;
        let page = page::refused(self.language, provider.label(), why, ACCOUNT_PATH);
        Ok(page.into_response())
    }
}

impl Browser {
    /// Whether the request came to the address that providers send people back to.
    fn is_at_external_url(&self, headers: &HeaderMap) -> bool {
        let host = self.external_url.host_str().unwrap_or_default();
        let authority = match self.external_url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let asked = headers.get(HOST);
        asked.is_some_and(|asked| asked.as_bytes().eq_ignore_ascii_case(authority.as_bytes()))
    }
}

impl Returned {
    /// Reads a query; `None` if one of the names stands in it twice.
    fn of(uri: &Uri) -> Option<Self> {
        let mut returned = Self::default();
        for (name, value) in parse(uri.query().unwrap_or_default().as_bytes()) {
            let place = match &*name {
                "state" => &mut returned.state,
                "code" => &mut returned.code,
                "error" => &mut returned.error,
                "iss" => &mut returned.issuer,
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                return None;
            }
        }
        Some(returned)
    }
}
