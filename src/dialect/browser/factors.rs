//! Second factors on the account page: what its forms change, and only for who has just proved themselves again.
//!
//! A form that comes without a recent proof is answered with a page that asks for one ([`elevation`](super::elevation)).
//! The page carries the change, which is made as soon as the proof is good.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::account::{Answer, PATHS, Sent, back};
use super::elevation::{Standing, challenge, with_cookies};
use super::keys;
use super::{ACCOUNT_PATH, Browser, Stopped};
use crate::auth::factors::{FactorError, TotpSetup, TypedCode};
use crate::dialect::reply::retry_after;
use crate::gateway::endpoint::Caller;
use crate::model::id::SecurityKeyId;
use crate::pages::factors::{self as page, Setup, Step, Why};
use crate::pages::second_factor::Notice;
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

/// `POST /_countersign/account/factors`.
pub(super) async fn change(
    State(browser): State<Arc<Browser>>,
    Extension(caller): Extension<Caller>,
    sent: Sent,
) -> Answer {
    let change = Change::of(&sent)?;
    let step = step(&sent, sent.text("change")?);
    let cookie = match browser.standing(&sent, &caller, step).await? {
        Standing::Proved(cookie) => cookie,
        Standing::Asked(page) => return Ok(page),
    };
    let response = browser.make(change, &sent, &caller).await?;
    Ok(with_cookies(response, cookie))
}

impl Browser {
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
    let id = sent.optional("id").map(|id| ("id", id));
    Step {
        language: sent.language,
        why: Why::Change,
        action: PATHS.factor,
        token: &sent.visitor.form_token,
        carried: [Some(("change", change)), id]
            .into_iter()
            .flatten()
            .collect(),
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

const CONFIRM: &str = "confirm-totp";
