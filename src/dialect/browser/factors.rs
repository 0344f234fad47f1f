//! Second factors on the account page: what its forms change, and only for who has just proved themselves again.
//!
//! A form that comes without a recent proof is answered with a page that asks for one: a code of a factor that the account
//! has, or its security key, else a code that is mailed. The page carries the change, which is made as soon as the code is good. The browser then
//! keeps the elevated token of its session for a while, in a cookie of the account page alone.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue};

use super::account::{Answer, PATHS, Sent, back};
use super::keys;
use super::{ACCOUNT_PATH, Browser, Stopped, value_of, with_cookie};
use crate::auth::elevation::ElevationError;
use crate::auth::factors::{FactorError, TotpSetup, TypedCode};
use crate::dialect::refused::STORE_WAIT;
use crate::dialect::reply::retry_after;
use crate::gateway::endpoint::Caller;
use crate::model::id::SecurityKeyId;
use crate::model::token::PlainToken;
use crate::pages::factors::{self as page, KEY_PROOF, Obstacle, Prove, Setup, Step};
use crate::pages::second_factor::Notice;
use crate::store::StoreError;
use crate::store::factors::Removal;

/// What a form wants.
#[derive(Clone, Copy)]
enum Change {
    BeginTotp,
    ConfirmTotp,
    MakeRecoveryCodes,
    AddKey,
    Remove(Removal),
}

/// Whether a change may be made, with the cookie of a fresh proof, or what is asked first.
enum Standing {
    Proved(Option<HeaderValue>),
    Asked(Response),
}

/// `POST /_countersign/account/factors`.
pub(super) async fn change(
    State(browser): State<Arc<Browser>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    sent: Sent,
) -> Answer {
    let change = Change::of(&sent)?;
    let cookie = match browser.standing(&sent, &caller, &headers).await? {
        Standing::Proved(cookie) => cookie,
        Standing::Asked(page) => return Ok(page),
    };
    let response = browser.make(change, &sent, &caller).await?;
    Ok(match cookie {
        Some(cookie) => with_cookie(response, cookie),
        None => response,
    })
}

impl Browser {
    /// Whether the person proved themselves a while ago at most, or does with this form.
    async fn standing(
        &self,
        sent: &Sent,
        caller: &Caller,
        headers: &HeaderMap,
    ) -> Result<Standing, Stopped> {
        let principal = &sent.visitor.principal;
        let kept = value_of(headers, self.elevation.name);
        if let Some(token) = kept.and_then(|text| PlainToken::parse(text).ok()) {
            let elevation = self.auth.verifier.elevation(&token, principal, caller.now);
            let elevation = elevation.await.map_err(Stopped::store(sent.language))?;
            if elevation.is_some() {
                return Ok(Standing::Proved(None));
            }
        }
        let (elevator, asked) = (&self.auth.elevator, (caller.now.wall, Some(caller.ip)));
        let ttl = self.elevated_ttl;
        let elevated = match Proof::of(sent) {
            None => return self.ask_for_proof(sent, caller).await.map(Standing::Asked),
            Some(Proof::Code(code)) => elevator.verify(principal, code, ttl, asked).await,
            Some(Proof::Key(answer)) => elevator.verify_key(principal, answer, ttl, asked).await,
        };
        match elevated {
            Ok(elevated) => {
                let cookie = self.elevation.set(elevated.token.expose(), ttl);
                Ok(Standing::Proved(Some(cookie)))
            }
            Err(refused) => {
                let was_mailed = sent.has("mailed");
                let page = self.prove(sent, caller, was_mailed, Some(&refused)).await;
                page.map(Standing::Asked)
            }
        }
    }

    /// Asks for a proof, and mails a code where the account has no factor to show, or where its owner wants that.
    async fn ask_for_proof(&self, sent: &Sent, caller: &Caller) -> Result<Response, Stopped> {
        let principal = &sent.visitor.principal;
        let enrolled = self.auth.factors.list(&principal.account.id).await;
        let enrolled = enrolled.map_err(Stopped::store(sent.language))?;
        let kinds = enrolled.kinds();
        let can_show =
            page::has_code(&kinds) || (!kinds.is_empty() && self.auth.factors.knows_keys());
        if can_show && !sent.has("mail") {
            return self.prove(sent, caller, false, None).await;
        }
        let asked = (caller.now.wall, Some(caller.ip));
        let elevator = &self.auth.elevator;
        let mailed = elevator.request(principal, self.code_ttl, asked).await;
        self.prove(sent, caller, mailed.is_ok(), mailed.as_ref().err())
            .await
    }

    async fn prove(
        &self,
        sent: &Sent,
        caller: &Caller,
        was_mailed: bool,
        refused: Option<&ElevationError>,
    ) -> Result<Response, Stopped> {
        let store = || Stopped::store(sent.language);
        let (principal, asked) = (&sent.visitor.principal, (caller.now.wall, Some(caller.ip)));
        let account = &principal.account;
        let enrolled = self.auth.factors.list(&account.id).await.map_err(store())?;
        let key = self.auth.elevator.ask_key(principal, asked).await;
        let key = key.map_err(store())?;
        let (mut obstacle, wait) = refused.map(obstacle).unzip();
        if obstacle == Some(WRONG_CODE) && sent.has(KEY_PROOF) {
            obstacle = Some(WRONG_KEY);
        }
        let page = Prove {
            step: step(sent, sent.text("change")?),
            kinds: &enrolled.kinds(),
            key: key.as_ref(),
            mailed_to: account.email.as_ref().filter(|_| was_mailed),
            notice: obstacle,
        };
        let mut response = page.page().into_response();
        if obstacle.is_some_and(|it| it == WRONG_CODE || it == WRONG_KEY) {
            challenge(&mut response);
        }
        Ok(retry_after(response, wait.flatten()))
    }

    async fn make(&self, change: Change, sent: &Sent, caller: &Caller) -> Answer {
        let store = Stopped::store(sent.language);
        let account = &sent.visitor.principal.account;
        let (factors, action) = (&self.auth.factors, sent.visitor.action(caller));
        match change {
            Change::BeginTotp => match factors.begin_totp(account, &action).await {
                Ok(setup) => Ok(set_up(sent, &setup, None)),
                Err(FactorError::Store(error)) => Err(store(error)),
                Err(
                    FactorError::Exists
                    | FactorError::NotBegun
                    | FactorError::WrongCode
                    | FactorError::TriesUsedUp { .. },
                ) => Ok(back()),
            },
            Change::ConfirmTotp => self.confirm(sent, caller).await,
            Change::AddKey => self.add_key(sent, caller).await,
            Change::MakeRecoveryCodes => {
                let codes = factors.make_recovery_codes(account, &action).await;
                let codes = codes.map_err(store)?;
                Ok(page::new_recovery_codes(sent.language, &codes, ACCOUNT_PATH).into_response())
            }
            Change::Remove(which) => {
                let removed = factors.remove(account, which, &action).await;
                removed.map_err(store)?;
                Ok(back())
            }
        }
    }

    async fn confirm(&self, sent: &Sent, caller: &Caller) -> Answer {
        let store = || Stopped::store(sent.language);
        let account = &sent.visitor.principal.account;
        let (factors, action) = (&self.auth.factors, sent.visitor.action(caller));
        let refused = match sent.optional("app_code") {
            Some(code) => {
                let code = TypedCode::new(code);
                match factors.confirm_totp(account, &code, &action).await {
                    Ok(()) => return Ok(back()),
                    Err(refused) => Some(refused),
                }
            }
            None => None,
        };
        let (notice, wait) = match refused {
            None => (None, None),
            Some(FactorError::WrongCode) => (Some(Notice::WrongCode), None),
            Some(FactorError::TriesUsedUp { retry_after }) => {
                (Some(Notice::TriesUsedUp), Some(retry_after))
            }
            Some(FactorError::Exists | FactorError::NotBegun) => return Ok(back()),
            Some(FactorError::Store(error)) => return Err(store()(error)),
        };
        let begun = factors.begun_totp(account).await.map_err(store())?;
        let Some(setup) = begun else {
            return Ok(back());
        };
        let mut response = set_up(sent, &setup, notice);
        if notice == Some(Notice::WrongCode) {
            challenge(&mut response);
        }
        Ok(retry_after(response, wait))
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

impl Change {
    fn of(sent: &Sent) -> Result<Self, Stopped> {
        let removal = |which| Ok(Self::Remove(which));
        match sent.text("change")? {
            "totp" => Ok(Self::BeginTotp),
            CONFIRM => Ok(Self::ConfirmTotp),
            "remove-totp" => removal(Removal::Totp),
            "recovery-codes" => Ok(Self::MakeRecoveryCodes),
            keys::ADD => Ok(Self::AddKey),
            "remove-recovery-codes" => removal(Removal::RecoveryCodes),
            "remove-key" => {
                let id = SecurityKeyId::parse(sent.text("id")?);
                let id = id.ok_or(Stopped::Unreadable(sent.language))?;
                removal(Removal::SecurityKey(id))
            }
            _ => Err(Stopped::Unreadable(sent.language)),
        }
    }
}

pub(super) fn step<'a>(sent: &'a Sent, change: &'a str) -> Step<'a> {
    Step {
        language: sent.language,
        action: PATHS.factor,
        token: &sent.visitor.form_token,
        change,
        id: sent.optional("id"),
    }
}

fn set_up(sent: &Sent, setup: &TotpSetup, notice: Option<Notice>) -> Response {
    let page = Setup {
        step: step(sent, CONFIRM),
        secret: &setup.expose_secret(),
        uri: &setup.expose_uri(),
        notice,
    };
    page.page().into_response()
}

fn obstacle(refused: &ElevationError) -> (Obstacle, Option<Duration>) {
    match refused {
        ElevationError::WrongCode => (Obstacle::Code(Notice::WrongCode), None),
        ElevationError::TriesUsedUp { retry_after } => {
            (Obstacle::Code(Notice::TriesUsedUp), Some(*retry_after))
        }
        ElevationError::TooManyMails { retry_after } => {
            (Obstacle::TooManyMails, Some(*retry_after))
        }
        ElevationError::Unmailable => (Obstacle::Unmailable, None),
        ElevationError::Store(error) => unavailable(error),
    }
}

fn unavailable(error: &StoreError) -> (Obstacle, Option<Duration>) {
    tracing::warn!(%error, "a code cannot be judged");
    (Obstacle::Code(Notice::Unavailable), Some(STORE_WAIT))
}

/// What a 401 needs.
fn challenge(response: &mut Response) {
    let challenge = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
}

const CONFIRM: &str = "confirm-totp";
const WRONG_CODE: Obstacle = Obstacle::Code(Notice::WrongCode);
const WRONG_KEY: Obstacle = Obstacle::Code(Notice::WrongKey);
