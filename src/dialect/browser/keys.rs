//! A new security key on the account page: asked for, and added with what the browser answered.

use axum::response::IntoResponse;

use super::account::{Answer, Sent, back};
use super::factors::step;
use super::{Browser, Stopped};
use crate::auth::keys::{KeyError, Registering};
use crate::gateway::endpoint::Caller;
use crate::model::caption::caption;
use crate::pages::key::{self as page, NewKey, Notice};
use crate::store::StoreError;

/// What the form of a new key wants.
pub(super) const ADD: &str = "add-key";

impl Browser {
    /// Adds the key that a form answers with, or shows the form that asks for one.
    pub(super) async fn add_key(&self, sent: &Sent, caller: &Caller) -> Answer {
        let Some(answer) = sent.optional("credential") else {
            return self.ask_for_key(sent, caller, None).await;
        };
        let Some(name) = caption(sent.text("name")?) else {
            let notice = Some(Notice::NameMissing);
            return self.ask_for_key(sent, caller, notice).await;
        };
        let principal = &sent.visitor.principal;
        let new = Registering {
            account: &principal.account,
            session: principal.session,
            name: &name,
            answer,
        };
        let action = sent.visitor.action(caller);
        match self.auth.factors.add_key(new, &action).await {
            Ok(_) => Ok(back()),
            Err(refused) => {
                let notice = notice(refused).map_err(Stopped::store(sent.language))?;
                self.ask_for_key(sent, caller, Some(notice)).await
            }
        }
    }

    async fn ask_for_key(&self, sent: &Sent, caller: &Caller, said: Option<Notice>) -> Answer {
        let principal = &sent.visitor.principal;
        let (factors, action) = (&self.auth.factors, sent.visitor.action(caller));
        let options = factors.ask_for_key(&principal.account, principal.session, &action);
        let options = match options.await {
            Ok(options) => options,
            Err(refused) => {
                let notice = notice(refused).map_err(Stopped::store(sent.language))?;
                return Ok(page::no_more(sent.language, notice).into_response());
            }
        };
        let form = NewKey {
            step: step(sent, ADD),
            options: &options,
            name: sent.optional("name").unwrap_or_default(),
            notice: said,
        };
        Ok(form.page().into_response())
    }
}

fn notice(refused: KeyError) -> Result<Notice, StoreError> {
    match refused {
        KeyError::Elsewhere => Ok(Notice::Elsewhere),
        KeyError::TooMany => Ok(Notice::TooMany),
        KeyError::Known => Ok(Notice::Known),
        KeyError::Stale | KeyError::Refused(_) => Ok(Notice::Unusable),
        KeyError::Store(error) => Err(error),
    }
}
