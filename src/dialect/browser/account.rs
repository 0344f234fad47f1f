//! The account page and what its forms do, each for the account that is logged in and no other.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue};

use super::{
    ACCOUNT_PATH, Browser, LOGIN_PATH, LOGOUT_EVERYWHERE_PATH, LOGOUT_PATH, Stopped, Visitor,
    see_other, to_login,
};
use crate::auth::accounts::AccountError;
use crate::auth::issuer::{ApiToken, LoginError};
use crate::auth::openid::Provider;
use crate::auth::password::Password;
use crate::dialect::body::Form;
use crate::dialect::refused::STORE_WAIT;
use crate::dialect::reply::retry_after;
use crate::gateway::endpoint::Caller;
use crate::header::credential::{self, ElevationField};
use crate::model::caption::caption;
use crate::model::id::{ClientId, SessionId};
use crate::pages::Language;
use crate::pages::account::{self as page, Notice, Overview, Paths};
use crate::pages::connections::Offered;
use crate::store::StoreError;

/// Where its forms go.
pub(super) const PATHS: Paths = Paths {
    revoke: "/_countersign/account/sessions",
    token: "/_countersign/account/tokens",
    client: "/_countersign/account/clients",
    password: "/_countersign/account/password",
    email: "/_countersign/account/email",
    connect: "/_countersign/account/connect",
    disconnect: "/_countersign/account/disconnect",
    factor: "/_countersign/account/factors",
    logout: LOGOUT_PATH,
    logout_everywhere: LOGOUT_EVERYWHERE_PATH,
};

/// A form of the page, from the person whose page it is.
pub(super) struct Sent {
    pub(super) visitor: Visitor,
    /// The elevated token that the browser keeps.
    pub(super) kept: ElevationField,
    form: Form,
    pub(super) language: Language,
}

/// What a handler gives: an answer, or why there is none.
pub(super) type Answer = Result<Response, Stopped>;

/// `GET /_countersign/account`.
pub(super) async fn show(
    State(browser): State<Arc<Browser>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Answer {
    let Some(visitor) = browser.visitor(&caller, &headers).await? else {
        return Ok(to_login(ACCOUNT_PATH));
    };
    browser
        .overview(&visitor, Language::of(&headers), None)
        .await
}

/// `POST /_countersign/account/sessions`: ends a session or named API token of the account.
pub(super) async fn revoke(
    State(browser): State<Arc<Browser>>,
    Extension(caller): Extension<Caller>,
    sent: Sent,
) -> Answer {
    let wanted = sent.text("id")?;
    let wanted = SessionId::parse(wanted).ok_or(Stopped::Unreadable(sent.language))?;
    let store = || Stopped::store(sent.language);
    let sessions = &browser.auth.sessions;
    let account = &sent.visitor.principal.account.id;
    let own = sessions.list(Some(account)).await.map_err(store())?;
    if own.iter().any(|session| session.id == wanted) {
        let action = sent.visitor.action(&caller);
        sessions.revoke(wanted, &action).await.map_err(store())?;
    }
    Ok(back())
}

/// `POST /_countersign/account/tokens`: makes a named API token. It gets no scopes: those an operator gives.
pub(super) async fn make_token(
    State(browser): State<Arc<Browser>>,
    Extension(caller): Extension<Caller>,
    sent: Sent,
) -> Answer {
    let Some(label) = caption(sent.text("label")?) else {
        let notice = Some(Notice::LabelMissing);
        return browser.overview(&sent.visitor, sent.language, notice).await;
    };
    let life = match sent.text("days")? {
        "" => None,
        days => {
            let days = days
                .parse::<u32>()
                .ok()
                .filter(|days| (1..=3650).contains(days));
            Some(DAY * days.ok_or(Stopped::Unreadable(sent.language))?)
        }
    };
    let token = ApiToken {
        account: sent.visitor.principal.account.id.clone(),
        label: label.clone(),
        scopes: Vec::new(),
        expires_at: life.map(|life| caller.now.wall.after(life)),
    };
    let action = sent.visitor.action(&caller);
    let issued = browser.auth.issuer.issue_api_token(token, &action).await;
    let (_, plain) = issued.map_err(Stopped::store(sent.language))?;
    Ok(page::new_token(sent.language, &label, &plain, ACCOUNT_PATH).into_response())
}

/// `POST /_countersign/account/clients`: refuses an application, or allows it again.
pub(super) async fn set_refused(
    State(browser): State<Arc<Browser>>,
    Extension(caller): Extension<Caller>,
    sent: Sent,
) -> Answer {
    let unreadable = || Stopped::Unreadable(sent.language);
    let client = ClientId::parse(sent.text("client")?).map_err(|_| unreadable())?;
    let is_refused = match sent.text("answer")? {
        "refuse" => true,
        "allow" => false,
        _ => return Err(unreadable()),
    };
    let account = &sent.visitor.principal.account.id;
    let action = sent.visitor.action(&caller);
    let clients = &browser.auth.clients;
    match clients
        .set_refused(account, &client, is_refused, &action)
        .await
    {
        // Removed meanwhile: there is nothing left to refuse.
        Ok(()) | Err(StoreError::Missing(_)) => Ok(back()),
        Err(error) => Err(Stopped::store(sent.language)(error)),
    }
}

/// `POST /_countersign/account/password`: changes the password of who knows the present one, which ends every session.
pub(super) async fn change_password(
    State(browser): State<Arc<Browser>>,
    Extension(caller): Extension<Caller>,
    sent: Sent,
) -> Answer {
    let (new, repeated) = (sent.text("new")?, sent.text("repeated")?);
    let current = Password::new(sent.text("current")?);
    let changed = if new == repeated {
        browser
            .try_to_change(&sent.visitor, current, Password::new(new), &caller)
            .await
    } else {
        Err((Notice::PasswordsDiffer, None))
    };
    let (notice, wait) = match changed {
        Ok(()) => {
            let there = HeaderValue::from_str(&format!("{LOGIN_PATH}?changed"));
            let there = see_other(there.unwrap_or(HeaderValue::from_static(LOGIN_PATH)));
            return Ok(browser.forgotten(there));
        }
        Err(refused) => refused,
    };
    let page = browser.overview(&sent.visitor, sent.language, Some(notice));
    Ok(retry_after(page.await?, wait))
}

/// Every form of the page comes in this way, so that no handler can leave out a check: that it is not another site's, that
/// somebody is logged in, and that the form is of their session. Whoever is logged out by now goes to the login page.
impl FromRequest<Arc<Browser>> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, browser: &Arc<Browser>) -> Result<Self, Response> {
        let (mut head, body) = request.into_parts();
        let caller = Extension::<Caller>::from_request_parts(&mut head, browser).await;
        let Extension(caller) = caller.map_err(IntoResponse::into_response)?;
        let sent = Self::read(browser, &caller, &head.headers, body).await;
        let sent = sent.map_err(IntoResponse::into_response)?;
        sent.ok_or_else(|| to_login(ACCOUNT_PATH))
    }
}

impl Browser {
    pub(super) async fn overview(
        &self,
        visitor: &Visitor,
        language: Language,
        notice: Option<Notice>,
    ) -> Answer {
        let account = &visitor.principal.account;
        let store = || Stopped::store(language);
        let sessions = self.auth.sessions.list(Some(&account.id)).await;
        let sessions = sessions.map_err(store())?;
        let clients = self.auth.clients.related_to(&account.id).await;
        let clients = clients.map_err(store())?;
        let connections = self.auth.connections.list(Some(&account.id)).await;
        let connections = connections.map_err(store())?;
        let factors = self.auth.factors.list(&account.id).await;
        let factors = factors.map_err(store())?;
        let providers: Vec<_> = self.providers.iter().map(offered).collect();
        let overview = Overview {
            language,
            account,
            sessions: &sessions,
            current: visitor.principal.session,
            clients: &clients,
            connections: &connections,
            factors: &factors,
            knows_keys: self.auth.factors.knows_keys(),
            providers: &providers,
            confirms_email: self.auth.accounts.confirms_email(),
            token: &visitor.form_token,
            paths: &PATHS,
            notice,
        };
        Ok(overview.page().into_response())
    }

    async fn try_to_change(
        &self,
        visitor: &Visitor,
        current: Password,
        new: Password,
        caller: &Caller,
    ) -> Result<(), (Notice, Option<Duration>)> {
        let account = &visitor.principal.account;
        let too_short = |least| (Notice::PasswordTooShort(least), None);
        let unavailable = |wait| (Notice::Unavailable, Some(wait));
        new.check_length(self.min_length)
            .map_err(|short| too_short(short.least))?;
        let checked =
            self.auth
                .issuer
                .check_password(account, current, Some(caller.ip), caller.now);
        checked.await.map_err(|error| match error {
            LoginError::UnknownClient
            | LoginError::Unrecognized
            | LoginError::FactorMissing(_)
            | LoginError::WrongFactor => (Notice::WrongPassword, None),
            LoginError::Throttled { retry_after }
            | LoginError::FactorTriesUsedUp { retry_after } => {
                (Notice::Throttled, Some(retry_after))
            }
            LoginError::Busy { retry_after } => unavailable(retry_after),
            LoginError::Store(_) => unavailable(STORE_WAIT),
        })?;
        let action = visitor.action(caller);
        let set = self
            .auth
            .accounts
            .set_password(&account.id, new, None, &action);
        set.await.map(drop).map_err(|error| match error {
            AccountError::UnusablePassword(short) => too_short(short.least),
            AccountError::Busy(busy) => unavailable(busy.retry_after),
            AccountError::Nameless | AccountError::Store(_) => unavailable(STORE_WAIT),
        })
    }
}

impl Sent {
    /// `None` if nobody is logged in any more.
    async fn read(
        browser: &Browser,
        caller: &Caller,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Option<Self>, Stopped> {
        browser.check_site(headers)?;
        let Some(visitor) = browser.visitor(caller, headers).await? else {
            return Ok(None);
        };
        let language = Language::of(headers);
        let form = Form::read(headers, body).await;
        let form = form.map_err(Stopped::form(language))?;
        visitor.check_form(form.optional("token").ok().flatten(), language)?;
        Ok(Some(Self {
            visitor,
            kept: credential::kept_elevation(headers, browser.elevation.name),
            form,
            language,
        }))
    }

    /// A field that may be left out, or stand there twice, and is then as good as not there.
    pub(super) fn optional(&self, name: &'static str) -> Option<&str> {
        self.form.optional(name).ok().flatten()
    }

    /// Whether a field is there.
    pub(super) fn has(&self, name: &'static str) -> bool {
        self.optional(name).is_some()
    }

    pub(super) fn text(&self, name: &'static str) -> Result<&str, Stopped> {
        self.form.text(name).map_err(Stopped::form(self.language))
    }
}

/// The account page, after a form.
pub(super) fn back() -> Response {
    see_other(HeaderValue::from_static(ACCOUNT_PATH))
}

fn offered(provider: &Provider) -> Offered<'_> {
    Offered {
        name: provider.name(),
        label: provider.label(),
    }
}

const DAY: Duration = Duration::from_hours(24);
