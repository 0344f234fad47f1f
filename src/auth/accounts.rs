//! What is done to accounts: by the command line, the admin API and the dialects alike.
//!
//! Every change has the verifier forget what it made untrue before anybody is told that it is made.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::hasher::{Busy, Hasher};
use super::letters::Letters;
use super::password::{Password, TooShort};
use super::throttle::Throttle;
use super::verifier::Verifier;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::model::account::{
    Account, AccountKind, AccountStatus, Email, Group, Identifier, Role, Username,
};
use crate::model::change::{Change, Subject};
use crate::model::id::{AccountId, SessionId};
use crate::model::session::RevocationCause;
use crate::model::token::{PlainToken, TokenKind};
use crate::store::accounts::{AccountChange, AccountKey, Link, LinkPurpose, NewAccount};
use crate::store::{Action, Committed, SharedStore, StoreError};

/// Makes, changes and removes accounts.
#[derive(Debug)]
pub struct AccountService {
    pub(super) store: SharedStore,
    pub(super) verifier: Arc<Verifier>,
    hasher: Arc<Hasher>,
    pub(super) letters: Arc<Letters>,
    metrics: Arc<Metrics>,
    min_length: usize,
    pub(super) confirm_email: bool,
    pub(super) addresses: Throttle,
}

/// An account to be made.
#[derive(Debug)]
pub struct Draft {
    /// Its id; a fresh one if there is none.
    pub id: Option<AccountId>,
    /// Its address, which counts as confirmed.
    pub email: Option<Email>,
    /// Its login name. An account has an address or a name at least.
    pub username: Option<Username>,
    /// Its display name.
    pub name: Option<Box<str>>,
    /// Its role.
    pub role: Role,
    /// Its groups.
    pub groups: Vec<Group>,
    /// Its password; `None` makes a shadow account.
    pub password: Option<Password>,
}

/// An invitation that was sent, or is to be handed over.
#[derive(Debug)]
pub struct Invitation {
    /// Where it leads. Holds the secret.
    pub link: Url,
    /// Whether it was mailed.
    pub is_mailed: bool,
}

/// Why nothing was done to an account.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// It would have neither an address nor a login name.
    #[error("an account needs an e-mail address or a username")]
    Nameless,
    /// The password is too short.
    #[error(transparent)]
    UnusablePassword(#[from] TooShort),
    /// Too many passwords are being hashed.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// Something is taken or missing, or the store cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AccountService {
    pub(super) fn new(
        config: &Config,
        (store, verifier): (SharedStore, Arc<Verifier>),
        metrics: Arc<Metrics>,
        hasher: Arc<Hasher>,
        letters: Arc<Letters>,
    ) -> Self {
        Self {
            store,
            verifier,
            hasher,
            letters,
            metrics,
            min_length: config.password.min_length,
            confirm_email: config.accounts.confirm_email,
            addresses: Throttle::new(&config.throttle),
        }
    }

    /// All accounts, oldest first.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn list(&self) -> Result<Vec<Account>, StoreError> {
        self.store.accounts().await
    }

    /// The account that a text names: its id, else an address, else a login name.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn find(&self, user: &str) -> Result<Option<Account>, StoreError> {
        if let Ok(id) = AccountId::parse(user)
            && let Some(account) = self.store.account(&AccountKey::Id(id)).await?
        {
            return Ok(Some(account));
        }
        let login = AccountKey::Login(Identifier::of(user));
        self.store.account(&login).await
    }

    /// Makes an account.
    ///
    /// # Errors
    /// See [`AccountError`].
    pub async fn add(&self, draft: Draft, action: &Action) -> Result<Account, AccountError> {
        if draft.email.is_none() && draft.username.is_none() {
            return Err(AccountError::Nameless);
        }
        let hash = match &draft.password {
            Some(password) => {
                password.check_length(self.min_length)?;
                Some(self.hasher.hash(password.clone()).await?)
            }
            None => None,
        };
        let account = Account {
            id: draft.id.unwrap_or_else(AccountId::generate),
            email: draft.email,
            pending_email: None,
            username: draft.username,
            name: draft.name,
            role: draft.role,
            groups: without_doubles(draft.groups),
            kind: if hash.is_some() {
                AccountKind::Full
            } else {
                AccountKind::Shadow
            },
            status: AccountStatus::Active,
            created_at: action.at,
        };
        let new = NewAccount {
            account: account.clone(),
            password: hash,
        };
        let made = self.store.create_accounts(&[new], None, action).await?;
        self.verifier.forget(&made.changes);
        Ok(account)
    }

    /// Gives an account a password; ends its sessions but `keep`, and no named API token.
    ///
    /// # Errors
    /// See [`AccountError`].
    pub async fn set_password(
        &self,
        id: &AccountId,
        password: Password,
        keep: Option<SessionId>,
        action: &Action,
    ) -> Result<Account, AccountError> {
        password.check_length(self.min_length)?;
        let hash = self.hasher.hash(password).await?;
        let change = AccountChange::Password { hash, keep };
        let ended = Some(RevocationCause::PasswordChanged);
        Ok(self.change(id, &change, ended, action).await?)
    }

    /// Gives a shadow account its first password; ends its sessions but `keep`, and no named API token.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] to an account that has one, else see [`AccountError`].
    pub async fn associate_password(
        &self,
        id: &AccountId,
        password: Password,
        keep: SessionId,
        action: &Action,
    ) -> Result<Account, AccountError> {
        password.check_length(self.min_length)?;
        let hash = self.hasher.hash(password).await?;
        let change = AccountChange::FirstPassword { hash, keep };
        let ended = Some(RevocationCause::PasswordChanged);
        Ok(self.change(id, &change, ended, action).await?)
    }

    /// Gives an account a role, which its tokens have at once.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without the account.
    pub async fn set_role(
        &self,
        id: &AccountId,
        role: Role,
        action: &Action,
    ) -> Result<Account, StoreError> {
        self.change(id, &AccountChange::Role(role), None, action)
            .await
    }

    /// Puts an account into these groups and no others, which its tokens have at once.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without the account.
    pub async fn set_groups(
        &self,
        id: &AccountId,
        groups: Vec<Group>,
        action: &Action,
    ) -> Result<Account, StoreError> {
        let change = AccountChange::Groups(without_doubles(groups));
        self.change(id, &change, None, action).await
    }

    /// Stops an account and ends everything it has, or lets it log in again.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without the account.
    pub async fn set_status(
        &self,
        id: &AccountId,
        status: AccountStatus,
        action: &Action,
    ) -> Result<Account, StoreError> {
        let change = AccountChange::Status(status);
        let ended = Some(RevocationCause::AccountDisabled);
        self.change(id, &change, ended, action).await
    }

    /// Removes an account and everything it has; its audit records stay.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without the account.
    pub async fn delete(&self, id: &AccountId, action: &Action) -> Result<(), StoreError> {
        let deleted = self.store.delete_account(id, action).await?;
        self.verifier.forget(&deleted.changes);
        let ended = ended_sessions(&deleted.changes);
        self.metrics
            .count_revocations(RevocationCause::AccountDeleted, ended);
        Ok(())
    }

    /// Invites somebody to register with a role, and mails the link if mail is on.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn invite(
        &self,
        email: Email,
        role: Role,
        action: &Action,
    ) -> Result<Invitation, StoreError> {
        let token = PlainToken::generate(TokenKind::Link);
        let mail = self
            .letters
            .spoken(action.language)
            .invitation(&email, &token);
        let is_mailed = mail.is_some();
        let link = Link {
            digest: token.digest(),
            purpose: LinkPurpose::Invitation { email, role },
            expires_at: action.at.after(LINK_TTL),
        };
        let mut action = action.clone();
        action.mails.extend(mail);
        self.store.put_link(&link, &action).await?;
        Ok(Invitation {
            link: self.letters.invitation_link(&token),
            is_mailed,
        })
    }

    pub(super) async fn change(
        &self,
        id: &AccountId,
        change: &AccountChange,
        ends_for: Option<RevocationCause>,
        action: &Action,
    ) -> Result<Account, StoreError> {
        let changed = self.store.change_account(id, change, action).await?;
        if let Some(cause) = ends_for {
            self.metrics
                .count_revocations(cause, ended_sessions(&changed.changes));
        }
        Ok(self.forget(changed))
    }

    pub(super) fn forget<T>(&self, committed: Committed<T>) -> T {
        self.verifier.forget(&committed.changes);
        committed.value
    }
}

/// How many sessions changes have ended.
pub(super) fn ended_sessions(changes: &[Change]) -> usize {
    changes
        .iter()
        .filter(|change| matches!(change.subject, Subject::Session(_)))
        .count()
}

/// Groups in the order they were given, each once.
pub(super) fn without_doubles(groups: Vec<Group>) -> Vec<Group> {
    let mut once: Vec<Group> = Vec::with_capacity(groups.len());
    for group in groups {
        if !once.contains(&group) {
            once.push(group);
        }
    }
    once
}

/// How long a mailed link is good.
pub(super) const LINK_TTL: Duration = Duration::from_hours(7 * 24);
