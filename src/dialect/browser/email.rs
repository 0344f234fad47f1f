//! Changing the address of the account that is logged in.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use http::HeaderMap;

use super::account::{Answer, Sent, back};
use super::{ACCOUNT_PATH, Browser, Stopped, to_login};
use crate::auth::addresses::AddressError;
use crate::dialect::reply::retry_after;
use crate::gateway::endpoint::Caller;
use crate::model::account::Email;
use crate::pages::account::Notice;
use crate::store::{StoreError, Thing};

/// `POST /_countersign/account/email`: gives another address. The page that follows is the same whoever has it.
pub(super) async fn change(
    State(browser): State<Arc<Browser>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    sent: Sent,
) -> Answer {
    let (visitor, language) = (&sent.visitor, sent.language);
    let Ok(email) = Email::parse(sent.text("email")?) else {
        let notice = Some(Notice::UnusableEmail);
        return browser.overview(visitor, language, notice).await;
    };
    let (id, action) = (&visitor.principal.account.id, visitor.action(&caller));
    let accounts = &browser.auth.accounts;
    let given = accounts.give_email(id, email, (&action, caller.now.monotonic));
    let (notice, wait) = match given.await {
        Ok(()) if accounts.confirms_email() => (Notice::EmailGiven, None),
        Ok(()) => return Ok(back()),
        Err(AddressError::Throttled { retry_after }) => (Notice::Throttled, Some(retry_after)),
        Err(AddressError::Store(StoreError::Missing(Thing::Account))) => {
            return Ok(to_login(ACCOUNT_PATH));
        }
        Err(AddressError::Store(error)) => return Err(Stopped::store(language)(error)),
    };
    // What it is shown with was read before the address was given.
    let fresh = browser.visitor(&caller, &headers).await?;
    let page = browser.overview(fresh.as_ref().unwrap_or(visitor), language, Some(notice));
    Ok(retry_after(page.await?, wait))
}
