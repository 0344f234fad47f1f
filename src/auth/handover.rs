//! Handing a person who is logged in here over to a client application (seed 000), once they agreed.
//!
//! The client gets a session token, or a code that is good once and for a minute and is changed for the token: a code in
//! a URL is worth nothing by the time anybody reads it in a log.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::issuer::{Grant, Issuer, Opening};
use super::redirect_url::RedirectUrl;
use super::sessions::ClientService;
use crate::model::account::Account;
use crate::model::audit::Actor;
use crate::model::client::{Client, Handoff};
use crate::model::id::AccountId;
use crate::model::principal::Principal;
use crate::model::session::Dialect;
use crate::model::time::Now;
use crate::model::token::{PlainToken, TokenKind};
use crate::store::sessions::NewToken;
use crate::store::{Action, StoreError};

/// A person and where they are handed over to.
#[derive(Debug, Clone, Copy)]
pub struct Handover<'a> {
    /// Who is logged in here.
    pub principal: &'a Principal,
    /// Who gets to know them.
    pub client: &'a Client,
    /// How long the session token is good.
    pub ttl: Duration,
    /// From where they ask.
    pub ip: Option<IpAddr>,
}

impl Issuer {
    /// Opens a session for the client, and gives what its redirect carries; `None` if the account or client does not
    /// allow it.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn hand_over(
        &self,
        handover: &Handover<'_>,
        now: Now,
    ) -> Result<Option<PlainToken>, StoreError> {
        let account = &handover.principal.account.id;
        let grant = match handover.client.handoff {
            Handoff::Token => Grant::Session { ttl: handover.ttl },
            Handoff::Code => Grant::Code { ttl: CODE_TTL },
        };
        let opening = Opening {
            account,
            client: Some(&handover.client.id),
            dialect: Dialect::NAMESPACE,
            grant,
        };
        let action = Action::new(now.wall, Actor::Account(account.clone()), handover.ip);
        let opened = self.open(opening, &action).await?;
        Ok(opened.map(|(_, minted)| minted.token))
    }

    /// Changes a code for the session token that it stands for, once; `None` if it is not good.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn redeem(
        &self,
        code: &PlainToken,
        ttl: Duration,
        ip: Option<IpAddr>,
        now: Now,
    ) -> Result<Option<(Arc<Account>, PlainToken)>, StoreError> {
        if code.kind() != TokenKind::Handoff {
            return Ok(None);
        }
        let action = Action::new(now.wall, Actor::Anonymous, ip);
        let token = PlainToken::generate(TokenKind::Session);
        let expires_at = Some(now.wall.after(ttl));
        let stored = NewToken::of(&token, token.digest(), now.wall, expires_at);
        let digest = code.digest();
        let redeemed = self.store.redeem_token(&digest, &stored, &action).await?;
        Ok(redeemed.map(|committed| {
            self.verifier.forget(&committed.changes);
            (Arc::clone(&committed.value.account), token)
        }))
    }
}

impl ClientService {
    /// The client that a URL is registered for, and the URL. Of several clients the oldest.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn registered_for(
        &self,
        named: &str,
    ) -> Result<Option<(Client, RedirectUrl)>, StoreError> {
        let clients = self.store.clients().await?;
        let mut registered = clients.into_iter().filter_map(|client| {
            let url = RedirectUrl::of(&client, named)?;
            Some((client, url))
        });
        Ok(registered.next())
    }

    /// Whether an account agreed to share itself with a client.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn has_consented(
        &self,
        account: &AccountId,
        client: &Client,
    ) -> Result<bool, StoreError> {
        self.store.has_consented(account, &client.id).await
    }

    /// Remembers that it agreed.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without the account or client.
    pub async fn consent(
        &self,
        account: &AccountId,
        client: &Client,
        action: &Action,
    ) -> Result<(), StoreError> {
        let committed = self.store.consent(account, &client.id, action).await?;
        self.verifier.forget(&committed.changes);
        Ok(())
    }

    /// The clients that an account signed in to, agreed to or refuses; with each whether it is refused.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn related_to(&self, account: &AccountId) -> Result<Vec<(Client, bool)>, StoreError> {
        self.store.related_clients(account).await
    }
}

/// Contract section 6: a hand-off code lives a minute.
const CODE_TTL: Duration = Duration::from_mins(1);
