//! Making an account of one's own.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::hasher::Busy;
use super::issuer::{Grant, Issued, Issuer, Opening};
use super::password::{Password, TooShort};
use super::throttle::Limited;
use crate::config::dialect::Registration as Policy;
use crate::model::account::{
    Account, AccountKind, AccountStatus, Email, Identifier, InvalidName, Role,
};
use crate::model::audit::Actor;
use crate::model::id::{AccountId, ClientId};
use crate::model::language::Language;
use crate::model::session::Dialect;
use crate::model::time::Now;
use crate::model::token::{PlainToken, TokenDigest, TokenKind};
use crate::store::accounts::{Link, LinkPurpose, NewAccount};
use crate::store::{Action, StoreError, Thing};

/// A try to register.
#[derive(Debug)]
pub struct Registration {
    /// In whose words it came.
    pub dialect: Dialect,
    /// Who may register there.
    pub policy: Policy,
    /// The application that asks.
    pub client: Option<ClientId>,
    /// The address, as it was typed.
    pub email: String,
    /// The password, as it was typed.
    pub password: Password,
    /// The secret of an invitation, if one was shown.
    pub invitation: Option<PlainToken>,
    /// From where.
    pub ip: Option<IpAddr>,
    /// In which language the account is mailed; `None` for the configured one.
    pub language: Option<Language>,
}

/// Why a registration did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Nobody may register here.
    #[error("registration is closed")]
    Closed,
    /// An invitation is needed, and none that is good was shown.
    #[error("an invitation is needed")]
    InvitationMissing,
    /// There is no such client.
    #[error("there is no such client")]
    UnknownClient,
    /// The address is none.
    #[error(transparent)]
    UnusableEmail(#[from] InvalidName),
    /// The password is too short.
    #[error(transparent)]
    UnusablePassword(#[from] TooShort),
    /// The address is another account's.
    #[error("that e-mail address is taken")]
    EmailTaken,
    /// There were too many tries that failed.
    #[error("too many failed tries")]
    Throttled {
        /// When the next try is possible.
        retry_after: Duration,
    },
    /// Too many passwords are being hashed.
    #[error("too many logins at once")]
    Busy {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The store cannot answer.
    #[error(transparent)]
    Store(StoreError),
}

/// An invitation that was found to be good.
struct Invitation {
    digest: TokenDigest,
    email: Email,
    role: Role,
}

impl Issuer {
    /// Makes an account and logs it in. Its address is pending until its link was opened, if the configuration wants that
    /// and it was not invited at that very address.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub async fn register(
        &self,
        registration: Registration,
        grant: Grant,
        now: Now,
    ) -> Result<Issued, RegisterError> {
        let identifier = Identifier::of(&registration.email);
        let ip = registration.ip;
        let counted = self.throttle.begin(&identifier, ip, now.monotonic)?;
        let registered = self.unthrottled_register(registration, grant, now).await;
        match &registered {
            // The answer tells that the address is somebody's, or whether an invitation is good: worth guessing.
            Err(RegisterError::EmailTaken | RegisterError::InvitationMissing) => drop(counted),
            Ok(_)
            | Err(
                RegisterError::Closed
                | RegisterError::UnknownClient
                | RegisterError::UnusableEmail(_)
                | RegisterError::UnusablePassword(_)
                | RegisterError::Throttled { .. }
                | RegisterError::Busy { .. }
                | RegisterError::Store(_),
            ) => counted.forgive(),
        }
        registered
    }

    async fn unthrottled_register(
        &self,
        registration: Registration,
        grant: Grant,
        now: Now,
    ) -> Result<Issued, RegisterError> {
        if registration.policy == Policy::Closed {
            return Err(RegisterError::Closed);
        }
        if let Some(client) = &registration.client
            && self.store.client(client).await?.is_none()
        {
            return Err(RegisterError::UnknownClient);
        }
        let email = Email::parse(&registration.email)?;
        registration.password.check_length(self.min_length)?;
        let invitation = self.invitation(&registration, now).await?;
        let password = self.hasher.hash(registration.password.clone()).await?;
        let account = self.new_account(email, invitation.as_ref(), now);
        let actor = Actor::Account(account.id.clone());
        let action = Action::new(now.wall, actor, registration.ip).speaking(registration.language);
        let new = NewAccount {
            account: account.clone(),
            password: Some(password),
        };
        let consumed = invitation.as_ref().map(|invitation| &invitation.digest);
        let created = self
            .store
            .create_accounts(&[new], consumed, &action)
            .await?;
        self.verifier.forget(&created.changes);
        // The account is made already: without the link its address stays pending until another is asked for.
        let asked = self.letters.ask_to_confirm(&*self.store, &account, &action);
        if let Err(error) = asked.await {
            tracing::warn!(%error, user = %account.id, "no link to confirm an address could be kept");
        }
        let opening = Opening {
            account: &account.id,
            client: registration.client.as_ref(),
            dialect: registration.dialect,
            grant,
        };
        let opened = self.open(opening, &action).await?;
        // Only a client that was removed within these milliseconds is not let in.
        let (session, minted) = opened.ok_or(RegisterError::UnknownClient)?;
        Ok(Issued {
            account: Arc::new(account),
            session,
            key: minted.key,
            token: minted.token,
            refresh: minted.refresh,
            expires_at: minted.expires_at,
        })
    }

    async fn invitation(
        &self,
        registration: &Registration,
        now: Now,
    ) -> Result<Option<Invitation>, RegisterError> {
        let shown = registration
            .invitation
            .as_ref()
            .filter(|token| token.kind() == TokenKind::Link)
            .map(PlainToken::digest);
        let Some(digest) = shown else {
            return match registration.policy {
                Policy::Open => Ok(None),
                Policy::Invite | Policy::Closed => Err(RegisterError::InvitationMissing),
            };
        };
        match self.store.link(&digest, now.wall).await? {
            Some(Link {
                purpose: LinkPurpose::Invitation { email, role },
                ..
            }) => Ok(Some(Invitation {
                digest,
                email,
                role,
            })),
            Some(_) | None => Err(RegisterError::InvitationMissing),
        }
    }

    fn new_account(&self, email: Email, invitation: Option<&Invitation>, now: Now) -> Account {
        let same = |invited: &Invitation| {
            Identifier::of(invited.email.as_str()) == Identifier::of(email.as_str())
        };
        let is_confirmed = !self.confirm_email || invitation.is_some_and(same);
        let (email, pending_email) = if is_confirmed {
            (Some(email), None)
        } else {
            (None, Some(email))
        };
        Account {
            id: AccountId::generate(),
            email,
            pending_email,
            username: None,
            name: None,
            role: invitation.map_or_else(Role::member, |invitation| invitation.role.clone()),
            groups: Vec::new(),
            kind: AccountKind::Full,
            status: AccountStatus::Active,
            created_at: now.wall,
        }
    }
}

impl From<StoreError> for RegisterError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(_) => Self::EmailTaken,
            StoreError::Missing(Thing::Link) => Self::InvitationMissing,
            StoreError::Missing(Thing::Account | Thing::Client | Thing::Session)
            | StoreError::Corrupt(_)
            | StoreError::Unavailable(_) => Self::Store(error),
        }
    }
}

impl From<Limited> for RegisterError {
    fn from(limited: Limited) -> Self {
        Self::Throttled {
            retry_after: limited.retry_after,
        }
    }
}

impl From<Busy> for RegisterError {
    fn from(busy: Busy) -> Self {
        Self::Busy {
            retry_after: busy.retry_after,
        }
    }
}
