//! The second step of logging in: what a browser shows beside the ticket that the first step gave it.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, Uri};

use super::login::{Entry, in_query};
use super::return_to::ReturnTo;
use super::{Browser, FACTOR_PATH, LOGIN_PATH, Stopped, see_other, value_of, with_cookie};
use crate::auth::factors::TypedCode;
use crate::auth::issuer::{Grant, SecondStep, Shown, StepError, TICKET_TTL, Waiting};
use crate::dialect::refused::STORE_WAIT;
use crate::dialect::reply::retry_after;
use crate::gateway::endpoint::Caller;
use crate::model::token::{PlainToken, TokenKind};
use crate::pages::login;
use crate::pages::second_factor::{self as page, Notice};
use crate::pages::{Language, Page};

/// The second step, as a browser is asked to take it.
struct Asking<'a> {
    ticket: &'a PlainToken,
    waiting: &'a Waiting,
    return_to: Option<&'a ReturnTo>,
    language: Language,
}

/// `GET /_countersign/login/factor`.
pub(super) async fn show(
    State(browser): State<Arc<Browser>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Stopped> {
    let language = Language::of(&headers);
    let return_to = in_query(&uri, "return_to").and_then(|path| ReturnTo::parse(&path));
    let Some((ticket, waiting)) = browser.waiting(&caller, &headers).await? else {
        return Ok(browser.stale(language, return_to.as_ref()));
    };
    let asking = Asking {
        ticket: &ticket,
        waiting: &waiting,
        return_to: return_to.as_ref(),
        language,
    };
    let page = browser.ask(&asking, &caller, None);
    Ok(page.await?.into_response())
}

/// `POST /_countersign/login/factor`. Always a new session, as after the first step alone.
pub(super) async fn prove(
    State(browser): State<Arc<Browser>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    entry: Entry,
) -> Result<Response, Stopped> {
    let shown = match entry.optional("credential") {
        Some(answer) => Shown::Key(answer.into()),
        None => Shown::Code(TypedCode::new(entry.text("code")?)),
    };
    let (language, return_to) = (entry.language, &entry.return_to);
    let Some((ticket, waiting)) = browser.waiting(&caller, &headers).await? else {
        return Ok(browser.stale(language, return_to.as_ref()));
    };
    let before = browser.visitor(&caller, &headers).await?;
    let is_key = matches!(shown, Shown::Key(_));
    let step = SecondStep {
        ticket: ticket.clone(),
        shown,
        ip: Some(caller.ip),
        grant: Grant::Browser { ttl: browser.ttl },
    };
    let (notice, wait) = match browser.auth.issuer.finish(step, caller.now).await {
        Ok(issued) => {
            let welcome = browser.welcome(&issued, before, return_to.as_ref(), &caller);
            let welcome = welcome.await.map_err(Stopped::store(language))?;
            return Ok(with_cookie(welcome, browser.ticket.clear()));
        }
        Err(StepError::Stale) => return Ok(browser.stale(language, return_to.as_ref())),
        Err(StepError::WrongCode) if is_key => (Notice::WrongKey, None),
        Err(refused) => notice(&refused),
    };
    let asking = Asking {
        ticket: &ticket,
        waiting: &waiting,
        return_to: return_to.as_ref(),
        language,
    };
    let page = browser.ask(&asking, &caller, Some(notice));
    let mut response = page.await?.into_response();
    if matches!(notice, Notice::WrongCode | Notice::WrongKey) {
        let challenge = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    Ok(retry_after(response, wait))
}

impl Browser {
    /// Sends a browser on to the second step, with the ticket for it.
    pub(super) async fn to_second_step(
        &self,
        waiting: &Waiting,
        return_to: Option<&ReturnTo>,
        caller: &Caller,
        language: Language,
    ) -> Result<Response, Stopped> {
        let issuer = &self.auth.issuer;
        let ticket = issuer.issue_ticket(waiting, Some(caller.ip), caller.now);
        let ticket = ticket.await.map_err(Stopped::store(language))?;
        let query = return_to.map(ReturnTo::query);
        let location = format!("{FACTOR_PATH}{}", query.unwrap_or_default());
        let location = HeaderValue::from_str(&location);
        let there = see_other(location.unwrap_or(HeaderValue::from_static(FACTOR_PATH)));
        Ok(with_cookie(
            there,
            self.ticket.set(ticket.expose(), TICKET_TTL),
        ))
    }

    /// The ticket of the browser that asks, and the login that it is of.
    async fn waiting(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
    ) -> Result<Option<(PlainToken, Waiting)>, Stopped> {
        let shown = value_of(headers, self.ticket.name);
        let ticket = shown.and_then(|text| PlainToken::parse(text).ok());
        let Some(ticket) = ticket.filter(|ticket| ticket.kind() == TokenKind::Ticket) else {
            return Ok(None);
        };
        let waiting = self.auth.issuer.waiting(&ticket, caller.now).await;
        let waiting = waiting.map_err(Stopped::store(Language::of(headers)))?;
        Ok(waiting.map(|waiting| (ticket, waiting)))
    }

    async fn ask(
        &self,
        asking: &Asking<'_>,
        caller: &Caller,
        notice: Option<Notice>,
    ) -> Result<Page, Stopped> {
        let Asking {
            ticket,
            waiting,
            return_to,
            language,
        } = *asking;
        let issuer = &self.auth.issuer;
        let key = issuer.ask_key(ticket, waiting, Some(caller.ip), caller.now);
        let key = key.await.map_err(Stopped::store(language))?;
        let form = page::SecondFactor {
            language,
            action: FACTOR_PATH,
            return_to: return_to.map(ReturnTo::as_str),
            kinds: waiting.kinds(),
            key: key.as_ref(),
            notice,
        };
        Ok(form.page())
    }

    /// The login page, for whoever took too long.
    fn stale(&self, language: Language, return_to: Option<&ReturnTo>) -> Response {
        let form = login::Login {
            language,
            action: LOGIN_PATH,
            return_to: return_to.map(ReturnTo::as_str),
            username: "",
            client: None,
            notice: Some(login::Notice::Stale),
        };
        with_cookie(form.page().into_response(), self.ticket.clear())
    }
}

fn notice(refused: &StepError) -> (Notice, Option<Duration>) {
    match refused {
        StepError::WrongCode | StepError::Stale => (Notice::WrongCode, None),
        StepError::TriesUsedUp { retry_after } => (Notice::TriesUsedUp, Some(*retry_after)),
        StepError::Store(error) => {
            tracing::warn!(%error, "a login cannot be judged");
            (Notice::Unavailable, Some(STORE_WAIT))
        }
    }
}
