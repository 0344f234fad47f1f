//! Proving oneself again in a browser: before a security setting changes, and on the way to a route with `elevated`.
//!
//! ```text
//! a form that changes something ─▶ a proof lately? ─▶ it is made
//!                                  none ─▶ a page that asks, and carries the form on
//! a navigation to a route with `elevated` ─▶ GET …/elevate?return_to=… ─▶ the page ─▶ POST ─▶ back there
//! ```
//!
//! A code of a factor that the account has is asked for, or its security key, else a code that is mailed. Either way the
//! browser then keeps an elevated token of its session, in a cookie beside the session's: whoever stole that one alone
//! is not elevated when its owner is. The gateway takes the cookie's token as it takes one in `Elevated-Access-Token`,
//! with the same bounds, and no application sees it. The page that a navigation is led to mails nothing by itself: another
//! site could have sent the browser there.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, Uri};

use super::account::{Answer, Sent};
use super::login::in_query;
use super::return_to::ReturnTo;
use super::{
    ACCOUNT_PATH, Browser, ELEVATE_PATH, LOGIN_PATH, Stopped, Visitor, see_other, with_cookie,
};
use crate::auth::elevation::ElevationError;
use crate::dialect::refused::STORE_WAIT;
use crate::dialect::reply::retry_after;
use crate::gateway::endpoint::Caller;
use crate::header::credential::ElevationField;
use crate::pages::Language;
use crate::pages::factors::{self as page, KEY_PROOF, Obstacle, Prove, Step, Why};
use crate::pages::second_factor::Notice;

/// Whether a change may be made, with the cookie of a fresh proof, or what is asked first.
pub(super) enum Standing {
    Proved(Option<HeaderValue>),
    Asked(Response),
}

/// Who is asked for a proof, and what for.
struct Asking<'a> {
    visitor: &'a Visitor,
    caller: &'a Caller,
    step: Step<'a>,
}

/// `GET /_countersign/elevate`.
pub(super) async fn show(
    State(browser): State<Arc<Browser>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let return_to = in_query(&uri, "return_to").and_then(|path| ReturnTo::parse(&path));
    let Some(visitor) = browser.visitor(&caller, &headers).await? else {
        return Ok(to_login(return_to.as_ref()));
    };
    let asking = Asking {
        visitor: &visitor,
        caller: &caller,
        step: passage(&visitor, Language::of(&headers), return_to.as_ref()),
    };
    browser.page(asking, false, None).await
}

/// `POST /_countersign/elevate`: takes a proof, whatever was proved before, and leads back.
pub(super) async fn prove(
    State(browser): State<Arc<Browser>>,
    Extension(caller): Extension<Caller>,
    sent: Sent,
) -> Answer {
    let return_to = sent.optional("return_to").and_then(ReturnTo::parse);
    let step = passage(&sent.visitor, sent.language, return_to.as_ref());
    match browser.proof(&sent, &caller, step).await? {
        Standing::Asked(page) => Ok(page),
        Standing::Proved(cookie) => Ok(with_cookies(led_back(return_to.as_ref()), cookie)),
    }
}

impl Browser {
    /// Whether the person proved themselves a while ago at most, or does with this form.
    pub(super) async fn standing(
        &self,
        sent: &Sent,
        caller: &Caller,
        step: Step<'_>,
    ) -> Result<Standing, Stopped> {
        if let ElevationField::Token(token) = &sent.kept {
            let principal = &sent.visitor.principal;
            let elevation = self.auth.verifier.elevation(token, principal, caller.now);
            let elevation = elevation.await.map_err(Stopped::store(sent.language))?;
            if elevation.is_some() {
                return Ok(Standing::Proved(None));
            }
        }
        self.proof(sent, caller, step).await
    }

    /// Whether the person proves themselves with this form.
    async fn proof(
        &self,
        sent: &Sent,
        caller: &Caller,
        step: Step<'_>,
    ) -> Result<Standing, Stopped> {
        let asking = Asking {
            visitor: &sent.visitor,
            caller,
            step,
        };
        let principal = &sent.visitor.principal;
        let (elevator, asked) = (&self.auth.elevator, (caller.now.wall, Some(caller.ip)));
        let ttl = self.elevated_ttl;
        let (elevated, is_key) = match Proof::of(sent) {
            None => {
                let page = self.ask_for_proof(asking, sent.has("mail")).await;
                return page.map(Standing::Asked);
            }
            Some(Proof::Code(code)) => {
                let elevated = elevator.verify(principal, code, ttl, asked).await;
                (elevated, false)
            }
            Some(Proof::Key(answer)) => {
                let elevated = elevator.verify_key(principal, answer, ttl, asked).await;
                (elevated, true)
            }
        };
        match elevated {
            Ok(elevated) => {
                let cookie = self.elevation.set(elevated.token.expose(), ttl);
                Ok(Standing::Proved(Some(cookie)))
            }
            Err(refused) => {
                let refused = obstacle(&refused, is_key);
                let page = self.page(asking, sent.has("mailed"), Some(refused)).await;
                page.map(Standing::Asked)
            }
        }
    }

    /// Asks for a proof, and mails a code where the account has no factor to show, or where its owner wants that.
    async fn ask_for_proof(
        &self,
        asking: Asking<'_>,
        wants_mail: bool,
    ) -> Result<Response, Stopped> {
        let principal = &asking.visitor.principal;
        let enrolled = self.auth.factors.list(&principal.account.id).await;
        let enrolled = enrolled.map_err(Stopped::store(asking.step.language))?;
        let kinds = enrolled.kinds();
        let can_show =
            page::has_code(&kinds) || (!kinds.is_empty() && self.auth.factors.knows_keys());
        if can_show && !wants_mail {
            return self.page(asking, false, None).await;
        }
        let action = asking.visitor.action(asking.caller);
        let elevator = &self.auth.elevator;
        let mailed = elevator.request(principal, self.code_ttl, &action).await;
        let refused = mailed.as_ref().err().map(|error| obstacle(error, false));
        self.page(asking, mailed.is_ok(), refused).await
    }

    async fn page(
        &self,
        asking: Asking<'_>,
        was_mailed: bool,
        refused: Option<(Obstacle, Option<Duration>)>,
    ) -> Result<Response, Stopped> {
        let store = || Stopped::store(asking.step.language);
        let caller = asking.caller;
        let (principal, asked) = (
            &asking.visitor.principal,
            (caller.now.wall, Some(caller.ip)),
        );
        let account = &principal.account;
        let enrolled = self.auth.factors.list(&account.id).await.map_err(store())?;
        let key = self.auth.elevator.ask_key(principal, asked).await;
        let key = key.map_err(store())?;
        let (notice, wait) = refused.unzip();
        let page = Prove {
            step: asking.step,
            kinds: &enrolled.kinds(),
            key: key.as_ref(),
            mailed_to: account.email.as_ref().filter(|_| was_mailed),
            notice,
        };
        let mut response = page.page().into_response();
        if notice.is_some_and(|it| it == WRONG_CODE || it == WRONG_KEY) {
            challenge(&mut response);
        }
        Ok(retry_after(response, wait.flatten()))
    }
}

/// What was shown for a proof.
enum Proof<'a> {
    Code(&'a str),
    Key(&'a str),
}

impl<'a> Proof<'a> {
    /// `None` if nothing was, or a code is to be mailed.
    fn of(sent: &'a Sent) -> Option<Self> {
        if sent.has("mail") {
            return None;
        }
        let key = sent.optional(KEY_PROOF).map(Self::Key);
        key.or_else(|| sent.optional("code").map(Self::Code))
    }
}

/// What a 401 needs.
pub(super) fn challenge(response: &mut Response) {
    let challenge = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
}

/// The answer, with the cookie of a fresh proof if there is one.
pub(super) fn with_cookies(response: Response, cookie: Option<HeaderValue>) -> Response {
    match cookie {
        Some(cookie) => with_cookie(response, cookie),
        None => response,
    }
}

/// The form of somebody who is on the way to a path.
fn passage<'a>(
    visitor: &'a Visitor,
    language: Language,
    return_to: Option<&'a ReturnTo>,
) -> Step<'a> {
    Step {
        language,
        why: Why::Passage,
        action: ELEVATE_PATH,
        token: &visitor.form_token,
        carried: return_to
            .map(|there| (page::RETURN_TO, there.as_str()))
            .into_iter()
            .collect(),
    }
}

fn led_back(return_to: Option<&ReturnTo>) -> Response {
    let location = return_to.map_or(ACCOUNT_PATH, ReturnTo::as_str);
    let location = HeaderValue::from_str(location);
    see_other(location.unwrap_or(HeaderValue::from_static(ACCOUNT_PATH)))
}

/// Whoever is not logged in goes to the wanted path by way of the login page, which leads here again.
fn to_login(return_to: Option<&ReturnTo>) -> Response {
    let location = return_to.map_or(LOGIN_PATH.to_owned(), |there| {
        format!("{LOGIN_PATH}{}", there.query())
    });
    let location = HeaderValue::from_str(&location);
    see_other(location.unwrap_or(HeaderValue::from_static(LOGIN_PATH)))
}

fn obstacle(refused: &ElevationError, is_key: bool) -> (Obstacle, Option<Duration>) {
    match refused {
        ElevationError::WrongCode if is_key => (WRONG_KEY, None),
        ElevationError::WrongCode => (WRONG_CODE, None),
        ElevationError::TriesUsedUp { retry_after } => {
            (Obstacle::Code(Notice::TriesUsedUp), Some(*retry_after))
        }
        ElevationError::TooManyMails { retry_after } => {
            (Obstacle::TooManyMails, Some(*retry_after))
        }
        ElevationError::Unmailable => (Obstacle::Unmailable, None),
        ElevationError::Store(error) => {
            tracing::warn!(%error, "a code cannot be judged");
            (Obstacle::Code(Notice::Unavailable), Some(STORE_WAIT))
        }
    }
}

const WRONG_CODE: Obstacle = Obstacle::Code(Notice::WrongCode);
const WRONG_KEY: Obstacle = Obstacle::Code(Notice::WrongKey);
