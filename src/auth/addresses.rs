//! What an account does with its e-mail address: gives another, and proves that it is its own.
//!
//! Whoever gives an address is not told whether somebody else has it: it stands there as pending, and serves to log in to
//! the account that gave it, in either case; only the mail that goes out differs. It takes nothing from the account that has
//! it, and whoever proves it first has it. Where addresses are not confirmed it is told: what nobody has to prove counts at
//! once, and cannot count for two.

use std::time::Duration;

use super::accounts::AccountService;
use super::throttle::Limited;
use crate::model::account::{Account, Email, Identifier};
use crate::model::audit::{AuditEvent, AuditResult};
use crate::model::id::AccountId;
use crate::model::token::{PlainToken, TokenKind};
use crate::store::accounts::{AccountChange, AccountKey, LinkPurpose};
use crate::store::{Action, StoreError, Unique};

/// Why an address was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The account gave too many of late.
    #[error("too many addresses were given")]
    Throttled {
        /// When the next may be given.
        retry_after: Duration,
    },
    /// The account is gone, or the store cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AccountService {
    /// Whether an address that a person gave counts only once its link was opened.
    #[must_use]
    pub const fn confirms_email(&self) -> bool {
        self.confirm_email
    }

    /// Takes an address that its account gave, and does not say whether another account has it: where addresses are
    /// confirmed it stands there as pending in either case, and its owner gets a mail. Each account may give so many in so
    /// long as it may fail to log in.
    ///
    /// # Errors
    /// [`AddressError::Throttled`], or the store's.
    pub async fn give_email(
        &self,
        id: &AccountId,
        email: Email,
        (action, monotonic): (&Action, Duration),
    ) -> Result<(), AddressError> {
        let counted = Identifier::of(id.as_str());
        let counted = self.addresses.begin(&counted, action.ip, monotonic);
        // Not taken back: every mail counts.
        let _ = counted?;
        match self.try_update_email(id, &email, action).await {
            Ok(_) => Ok(()),
            Err(StoreError::Conflict(Unique::Email)) if self.confirm_email => {
                let mut action = action.clone();
                let letters = self.letters.spoken(action.language);
                action.mails.extend(letters.address_taken(&email));
                let taken = AccountChange::TakenEmail(email);
                self.change(id, &taken, None, &action).await?;
                Ok(())
            }
            Err(StoreError::Conflict(Unique::Email)) => {
                Ok(self.tell_owner(id, &email, action).await?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes an address that its account gave: pending until the link in its mail is opened, if the configuration wants
    /// that.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it is another account's, which then gets a mail.
    pub async fn update_email(
        &self,
        id: &AccountId,
        email: Email,
        action: &Action,
    ) -> Result<Account, StoreError> {
        match self.try_update_email(id, &email, action).await {
            Err(StoreError::Conflict(Unique::Email)) => {
                self.tell_owner(id, &email, action).await?;
                Err(StoreError::Conflict(Unique::Email))
            }
            changed => changed,
        }
    }

    /// Uses up the link that confirms an address, and returns whose it is now; `None` if the link is not good. The
    /// address that the account had before is told.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn confirm_email(
        &self,
        token: &PlainToken,
        action: &Action,
    ) -> Result<Option<Account>, StoreError> {
        if token.kind() != TokenKind::Link {
            return Ok(None);
        }
        let digest = token.digest();
        let link = self.store.link(&digest, action.at).await?;
        let Some(LinkPurpose::ConfirmEmail { account, email }) = link.map(|link| link.purpose)
        else {
            return Ok(None);
        };
        let action = self.telling_old(&account, &email, action).await?;
        let confirmed = self.store.confirm_email(&digest, &action).await?;
        Ok(confirmed.map(|committed| self.forget(committed)))
    }

    async fn try_update_email(
        &self,
        id: &AccountId,
        email: &Email,
        action: &Action,
    ) -> Result<Account, StoreError> {
        if !self.confirm_email {
            let action = self.telling_old(id, email, action).await?;
            let change = AccountChange::Email(Some(email.clone()));
            return self.change(id, &change, None, &action).await;
        }
        let change = AccountChange::PendingEmail(email.clone());
        let changed = self.change(id, &change, None, action).await?;
        let asked = self.letters.ask_to_confirm(&*self.store, &changed, action);
        asked.await?;
        Ok(changed)
    }

    /// The same action, with a mail to the confirmed address that the account has until now, if it has another.
    async fn telling_old(
        &self,
        id: &AccountId,
        new: &Email,
        action: &Action,
    ) -> Result<Action, StoreError> {
        let account = self.store.account(&AccountKey::Id(id.clone())).await?;
        let is_new = |old: &Email| Identifier::of(old.as_str()) != Identifier::of(new.as_str());
        let old = account.and_then(|account| account.email).filter(is_new);
        let mail = old.and_then(|old| {
            self.letters
                .spoken(action.language)
                .address_changed(&old, new, action)
        });
        let mut action = action.clone();
        action.mails.extend(mail);
        Ok(action)
    }

    /// Lets the owner of an address know that another account gave it, and writes down which.
    async fn tell_owner(
        &self,
        asked_by: &AccountId,
        email: &Email,
        action: &Action,
    ) -> Result<(), StoreError> {
        let event = AuditEvent {
            event: "user.update-email",
            result: AuditResult::Failure,
            reason: Some("email_taken"),
            user: Some(asked_by.clone()),
            object: None,
        };
        let mut action = action.clone();
        let letters = self.letters.spoken(action.language);
        action.mails.extend(letters.address_taken(email));
        self.store.record(&event, &action).await
    }
}

impl From<Limited> for AddressError {
    fn from(limited: Limited) -> Self {
        Self::Throttled {
            retry_after: limited.retry_after,
        }
    }
}
