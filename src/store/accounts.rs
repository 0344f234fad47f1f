//! Accounts, their passwords, and the links that prove an address.

use async_trait::async_trait;

use super::journal::{done, failed};
use super::{Action, Committed, StoreError, Unique};
use crate::model::account::{
    Account, AccountKind, AccountStatus, Email, Group, Identifier, Role, Username,
};
use crate::model::audit::AuditEvent;
use crate::model::id::{AccountId, SessionId};
use crate::model::session::{RevocationCause, Session};
use crate::model::time::Timestamp;
use crate::model::token::TokenDigest;

/// What the store does for accounts.
#[async_trait]
pub trait Accounts {
    /// One account, or `None`.
    async fn account(&self, key: &AccountKey) -> Result<Option<Account>, StoreError>;

    /// One account with its password's hash, for a login. The same cost whether it is there or not.
    async fn account_secret(&self, key: &AccountKey) -> Result<Option<AccountSecret>, StoreError>;

    /// All accounts, oldest first.
    async fn accounts(&self) -> Result<Vec<Account>, StoreError>;

    /// Makes accounts, all or none. Audited as `user.add` each. `invitation` is consumed in the same transaction.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if an id, address or name is taken; [`StoreError::Missing`] if the invitation is not good.
    async fn create_accounts(
        &self,
        accounts: &[NewAccount],
        invitation: Option<&TokenDigest>,
        action: &Action,
    ) -> Result<Committed<Vec<Account>>, StoreError>;

    /// Changes one thing of an account, ends the sessions that the change ends (see [`AccountChange`]), and returns the
    /// account as it is now. Feeds [`Subject::Account`](crate::model::change::Subject::Account) and each session that ended;
    /// each of them is audited as `revoke` too.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without the account, [`StoreError::Conflict`] if an address or name is taken.
    async fn change_account(
        &self,
        id: &AccountId,
        change: &AccountChange,
        action: &Action,
    ) -> Result<Committed<Account>, StoreError>;

    /// Removes an account and everything that hangs on it; its audit records stay. Audited as `user.delete`, and each
    /// session that ended as `revoke`; feeds the account and those sessions.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without the account.
    async fn delete_account(
        &self,
        id: &AccountId,
        action: &Action,
    ) -> Result<Committed<()>, StoreError>;

    /// Replaces a hash by one of the same password with newer parameters. Ends nothing and is not audited; does nothing
    /// if the hash is no longer `old`.
    async fn rehash_password(&self, id: &AccountId, old: &str, new: &str)
    -> Result<(), StoreError>;

    /// Keeps a link until it is used or expires. A newer link replaces an older one of the same purpose and account, or
    /// address for an invitation. Audited as the purpose says.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without the account.
    async fn put_link(&self, link: &Link, action: &Action) -> Result<(), StoreError>;

    /// A link that is still good at `now`, without using it up.
    async fn link(&self, digest: &TokenDigest, now: Timestamp) -> Result<Option<Link>, StoreError>;

    /// Uses up a link that confirms an address: `pending_email` becomes `email`. `None` if the link is not good, the address
    /// is no longer pending, or another account has it by now. Audited as `user.confirm-email`.
    async fn confirm_email(
        &self,
        digest: &TokenDigest,
        action: &Action,
    ) -> Result<Option<Committed<Account>>, StoreError>;
}

/// How an account is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountKey {
    /// By its id.
    Id(AccountId),
    /// By what a person types and what is one account's alone: a confirmed address, one that it was made with, or a login
    /// name.
    Login(Identifier),
    /// By a pending address that it gave later, whoever has that address for itself. Of several accounts that gave it, the
    /// newest.
    Unproved(Identifier),
}

/// An account and what its password is checked against.
#[derive(Debug, Clone)]
pub struct AccountSecret {
    /// The account.
    pub account: Account,
    /// A PHC string, or a hash of another system as it was imported; `None` for a shadow account.
    pub password: Option<PasswordHash>,
}

/// A stored password hash. Not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Box<str>);

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// As it will be.
    pub account: Account,
    /// Its password's hash, unless it is a shadow account.
    pub password: Option<PasswordHash>,
}

/// One change of an account, and what it ends.
#[derive(Debug, Clone)]
pub enum AccountChange {
    /// Audited as `user.set-role`; ends nothing.
    Role(Role),
    /// Audited as `user.set-groups`; ends nothing.
    Groups(Vec<Group>),
    /// Audited as `user.disable` or `user.enable`; disabling ends all sessions, named API tokens included.
    Status(AccountStatus),
    /// Audited as `user.set-password`; makes a shadow account full and ends all sessions but `keep` and named API tokens.
    Password {
        /// The new hash.
        hash: PasswordHash,
        /// The session that asked for it and goes on, if one did.
        keep: Option<SessionId>,
    },
    /// Audited as `user.associate-password`; makes a shadow account full and ends all sessions but `keep` and named API
    /// tokens. Refused as [`Unique::Password`] to an account that is full already.
    FirstPassword {
        /// The hash.
        hash: PasswordHash,
        /// The session that asked for it and goes on.
        keep: SessionId,
    },
    /// A confirmed address, from an operator. Audited as `user.set-email`; a pending one is dropped; ends nothing.
    Email(Option<Email>),
    /// An address that a person gave and nobody else has. It stays free for others until it is proved. Audited as
    /// `user.update-email`; ends nothing.
    PendingEmail(Email),
    /// An address that a person gave and another account has: it stands there as pending, and the account's older link is
    /// good no longer, so that it looks like any other to whoever gave it. Audited as a failed `user.update-email`; ends
    /// nothing.
    TakenEmail(Email),
    /// Audited as `user.set-username`; ends nothing.
    Username(Option<Username>),
    /// Audited as `user.set-name`; ends nothing.
    Name(Option<Box<str>>),
}

/// A mailed link, known by the digest of its secret.
#[derive(Debug, Clone)]
pub struct Link {
    /// The digest of the token in the link.
    pub digest: TokenDigest,
    /// What opening it does.
    pub purpose: LinkPurpose,
    /// From when on it does nothing.
    pub expires_at: Timestamp,
}

/// What opening a link does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkPurpose {
    /// Proves that the account reads mail at the address. Not audited by itself.
    ConfirmEmail {
        /// Whose address.
        account: AccountId,
        /// Which.
        email: Email,
    },
    /// Lets one person register. Audited as `user.invite`.
    Invitation {
        /// The address that was invited; it counts as confirmed.
        email: Email,
        /// The role that the new account gets.
        role: Role,
    },
}

impl LinkPurpose {
    /// Whose account it is about, if there is one yet.
    pub(super) const fn account(&self) -> Option<&AccountId> {
        match self {
            Self::ConfirmEmail { account, .. } => Some(account),
            Self::Invitation { .. } => None,
        }
    }

    /// Whether a link for this makes one for the other useless.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::ConfirmEmail { account: a, .. }, Self::ConfirmEmail { account: b, .. }) => {
                a == b
            }
            (Self::Invitation { email: a, .. }, Self::Invitation { email: b, .. }) => {
                Identifier::of(a.as_str()) == Identifier::of(b.as_str())
            }
            (Self::ConfirmEmail { .. }, Self::Invitation { .. })
            | (Self::Invitation { .. }, Self::ConfirmEmail { .. }) => false,
        }
    }
}

impl AccountChange {
    /// What it is audited as.
    pub(super) const fn event(&self) -> &'static str {
        match self {
            Self::Role(_) => "user.set-role",
            Self::Groups(_) => "user.set-groups",
            Self::Status(AccountStatus::Active) => "user.enable",
            Self::Status(AccountStatus::Disabled) => "user.disable",
            Self::Password { .. } => "user.set-password",
            Self::FirstPassword { .. } => "user.associate-password",
            Self::Email(_) => "user.set-email",
            Self::PendingEmail(_) | Self::TakenEmail(_) => "user.update-email",
            Self::Username(_) => "user.set-username",
            Self::Name(_) => "user.set-name",
        }
    }

    /// What is written down of it, done to an account.
    pub(super) fn audited(&self, id: &AccountId) -> AuditEvent {
        if matches!(self, Self::TakenEmail(_)) {
            failed(self.event(), "email_taken", Some(id), None)
        } else {
            done(self.event(), Some(id), None)
        }
    }

    /// The address that has to be nobody else's, though it is only pending.
    pub(super) fn claimed(&self) -> Option<Identifier> {
        let Self::PendingEmail(email) = self else {
            return None;
        };
        Some(Identifier::of(email.as_str()))
    }

    /// Whether the links of the account that confirm an address are good no longer.
    pub(super) const fn drops_links(&self) -> bool {
        matches!(self, Self::TakenEmail(_))
    }

    /// The hash of the password that it sets, if it sets one.
    pub(super) const fn password(&self) -> Option<&PasswordHash> {
        match self {
            Self::Password { hash, .. } | Self::FirstPassword { hash, .. } => Some(hash),
            Self::Role(_)
            | Self::Groups(_)
            | Self::Status(_)
            | Self::Email(_)
            | Self::PendingEmail(_)
            | Self::TakenEmail(_)
            | Self::Username(_)
            | Self::Name(_) => None,
        }
    }

    /// Makes the change to an account that was read.
    pub(super) fn apply(&self, account: &mut Account) -> Result<(), StoreError> {
        match self {
            Self::FirstPassword { .. } if account.kind == AccountKind::Full => {
                return Err(StoreError::Conflict(Unique::Password));
            }
            Self::Role(role) => account.role = role.clone(),
            Self::Groups(groups) => account.groups.clone_from(groups),
            Self::Status(status) => account.status = *status,
            Self::Password { .. } | Self::FirstPassword { .. } => account.kind = AccountKind::Full,
            Self::Email(email) => {
                account.email.clone_from(email);
                account.pending_email = None;
            }
            Self::PendingEmail(email) | Self::TakenEmail(email) => {
                account.pending_email = Some(email.clone());
            }
            Self::Username(username) => account.username.clone_from(username),
            Self::Name(name) => account.name.clone_from(name),
        }
        Ok(())
    }

    /// Whether a login that waits for a second factor ends with it.
    pub(super) const fn ends_tickets(&self) -> bool {
        self.password().is_some() || matches!(self, Self::Status(AccountStatus::Disabled))
    }

    /// Why a session ends with it, if it does.
    pub(super) fn ends(&self, session: &Session) -> Option<RevocationCause> {
        match self {
            Self::Status(AccountStatus::Disabled) => Some(RevocationCause::AccountDisabled),
            Self::Password { keep, .. } if session.label.is_none() && *keep != Some(session.id) => {
                Some(RevocationCause::PasswordChanged)
            }
            Self::FirstPassword { keep, .. } if session.label.is_none() && *keep != session.id => {
                Some(RevocationCause::PasswordChanged)
            }
            Self::Role(_)
            | Self::Groups(_)
            | Self::Status(AccountStatus::Active)
            | Self::Password { .. }
            | Self::FirstPassword { .. }
            | Self::Email(_)
            | Self::PendingEmail(_)
            | Self::TakenEmail(_)
            | Self::Username(_)
            | Self::Name(_) => None,
        }
    }
}

/// What an account takes for itself alone: every text that finds it at a login, in its canonical form. A pending address
/// is among them only if the account was made with it: [`pending_claim`].
pub(super) fn claims(account: &Account) -> impl Iterator<Item = (Unique, Identifier)> {
    let address = account
        .email
        .iter()
        .map(|email| (Unique::Email, Identifier::of(email.as_str())));
    let name = account
        .username
        .iter()
        .map(|name| (Unique::Username, Identifier::of(name.as_str())));
    address.chain(name)
}

/// What its pending address is looked up by.
pub(super) fn pending_claim(account: &Account) -> Option<Identifier> {
    let email = account.pending_email.as_ref()?;
    Some(Identifier::of(email.as_str()))
}

impl PasswordHash {
    /// Takes a hash.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The hash itself, to be checked or stored.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}
