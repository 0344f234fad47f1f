//! Accounts, their passwords and links.

use async_trait::async_trait;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::rows::{
    account, account_columns, all, corrupt, first, get, joined, maybe_text, run, text, time,
};
use super::sessions::of_account;
use super::writing::Writing;
use crate::model::account::{Account, Email, Group, Identifier, Role, Username};
use crate::model::change::Subject;
use crate::model::id::AccountId;
use crate::model::session::RevocationCause;
use crate::model::time::Timestamp;
use crate::model::token::TokenDigest;
use crate::store::accounts::{
    AccountChange, AccountKey, AccountSecret, Accounts, Link, LinkPurpose, NewAccount,
    PasswordHash, claims, pending_claim,
};
use crate::store::journal::done;
use crate::store::{Action, Committed, StoreError, Thing, Unique};

#[async_trait]
impl Accounts for SqliteStore {
    async fn account(&self, key: &AccountKey) -> Result<Option<Account>, StoreError> {
        let found = self.account_secret(key).await?;
        Ok(found.map(|secret| secret.account))
    }

    async fn account_secret(&self, key: &AccountKey) -> Result<Option<AccountSecret>, StoreError> {
        self.readers.read(|connection| find(connection, key))
    }

    async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        self.lists
            .ask(|connection| all(connection, ALL, [], account))
            .await
    }

    async fn create_accounts(
        &self,
        accounts: &[NewAccount],
        invitation: Option<&TokenDigest>,
        action: &Action,
    ) -> Result<Committed<Vec<Account>>, StoreError> {
        let (accounts, invitation) = (accounts.to_vec(), invitation.copied());
        self.write(action, move |writing| {
            if let Some(digest) = invitation {
                writing.take_invitation(&digest)?;
            }
            for new in &accounts {
                writing.insert(new)?;
                writing.audit(&done("user.add", Some(&new.account.id), None))?;
            }
            writing.commit(accounts.into_iter().map(|new| new.account).collect())
        })
        .await
    }

    async fn change_account(
        &self,
        id: &AccountId,
        change: &AccountChange,
        action: &Action,
    ) -> Result<Committed<Account>, StoreError> {
        let (id, change) = (id.clone(), change.clone());
        self.write(action, move |mut writing| {
            let (number, mut secret) = writing.get(&id)?;
            change.apply(&mut secret.account)?;
            if let Some(pending) = change.claimed()
                && writing.is_others(number, &pending)?
            {
                return Err(StoreError::Conflict(Unique::Email));
            }
            if change.drops_links() {
                run(writing.connection, DELETE_LINKS, [number])?;
            }
            if let Some(hash) = change.password() {
                secret.password = Some(hash.clone());
            }
            writing.update(number, &secret)?;
            writing.audit(&change.audited(&id))?;
            writing.feed(Subject::Account(id.clone()))?;
            if change.ends_tickets() {
                writing.drop_tickets(number)?;
            }
            for session in of_account(writing.connection, &id)? {
                if let Some(cause) = change.ends(&session) {
                    writing.end([&session], cause)?;
                }
            }
            writing.commit(secret.account)
        })
        .await
    }

    async fn delete_account(
        &self,
        id: &AccountId,
        action: &Action,
    ) -> Result<Committed<()>, StoreError> {
        let id = id.clone();
        self.write(action, move |mut writing| {
            let (number, _) = writing.get(&id)?;
            writing.audit(&done("user.delete", Some(&id), None))?;
            writing.feed(Subject::Account(id.clone()))?;
            let ended = of_account(writing.connection, &id)?;
            writing.end(&ended, RevocationCause::AccountDeleted)?;
            let sql = "DELETE FROM account WHERE number = ?1";
            run(writing.connection, sql, [number])?;
            writing.commit(())
        })
        .await
    }

    async fn rehash_password(
        &self,
        id: &AccountId,
        old: &str,
        new: &str,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE account SET password = ?3 WHERE id = ?1 AND password = ?2";
        let values = [id.as_str(), old, new].map(str::to_owned);
        self.writer
            .ask(move |connection| run(connection, sql, values))
            .await?;
        Ok(())
    }

    async fn put_link(&self, link: &Link, action: &Action) -> Result<(), StoreError> {
        let link = link.clone();
        self.write(action, move |writing| {
            writing.replace_link(&link)?;
            if let LinkPurpose::Invitation { email, .. } = &link.purpose {
                writing.audit(&done("user.invite", None, Some(email.as_str())))?;
            }
            let Committed { .. } = writing.commit(())?;
            Ok(())
        })
        .await
    }

    async fn link(&self, digest: &TokenDigest, now: Timestamp) -> Result<Option<Link>, StoreError> {
        self.readers
            .read(|connection| good_link(connection, digest, now))
    }

    async fn confirm_email(
        &self,
        digest: &TokenDigest,
        action: &Action,
    ) -> Result<Option<Committed<Account>>, StoreError> {
        let digest = *digest;
        self.write(action, move |mut writing| {
            let link = good_link(writing.connection, &digest, writing.action.at)?;
            let Some(LinkPurpose::ConfirmEmail { account: id, email }) = link.map(|l| l.purpose)
            else {
                return Ok(None);
            };
            let (number, mut secret) = writing.get(&id)?;
            let is_pending = secret.account.pending_email.as_ref() == Some(&email);
            if !is_pending || writing.is_others(number, &Identifier::of(email.as_str()))? {
                return Ok(None);
            }
            secret.account.email = secret.account.pending_email.take();
            run(writing.connection, DELETE_LINK, [digest.bytes()])?;
            writing.update(number, &secret)?;
            writing.audit(&done("user.confirm-email", Some(&id), None))?;
            writing.feed(Subject::Account(id))?;
            writing.commit(secret.account).map(Some)
        })
        .await
    }
}

impl Writing<'_> {
    fn get(&self, id: &AccountId) -> Result<(i64, AccountSecret), StoreError> {
        let number = self.account_number(id)?;
        let secret = find(self.connection, &AccountKey::Id(id.clone()))?;
        number
            .zip(secret)
            .ok_or(StoreError::Missing(Thing::Account))
    }

    fn insert(&self, NewAccount { account, password }: &NewAccount) -> Result<(), StoreError> {
        if self.account_number(&account.id)?.is_some() {
            return Err(StoreError::Conflict(Unique::AccountId));
        }
        run(
            self.connection,
            "INSERT INTO account (id, email, pending_email, username, name, role, groups, kind, status, password, \
             created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            rusqlite::params_from_iter(columns(account, password.as_ref())),
        )?;
        let number = self.connection.last_insert_rowid();
        self.claim(number, account)?;
        match pending_claim(account) {
            Some(pending) if !self.claim_one(number, &pending)? => {
                Err(StoreError::Conflict(Unique::Email))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn update(&self, number: i64, secret: &AccountSecret) -> Result<(), StoreError> {
        let AccountSecret { account, password } = secret;
        let pending = pending_claim(account);
        let is_held = match &pending {
            Some(pending) => self.holder_of(pending)? == Some(number),
            None => false,
        };
        let unproved = pending.as_ref().filter(|_| !is_held);
        let unproved = unproved.map(ToString::to_string);
        let values = columns(account, password.as_ref());
        run(
            self.connection,
            "UPDATE account SET id = ?1, email = ?2, pending_email = ?3, username = ?4, name = ?5, role = ?6, \
             groups = ?7, kind = ?8, status = ?9, password = ?10, created_at = ?11, unproved = ?12 WHERE number = ?13",
            rusqlite::params_from_iter(values.into_iter().chain([unproved.into(), number.into()])),
        )?;
        run(
            self.connection,
            "DELETE FROM login WHERE account = ?1",
            [number],
        )?;
        self.claim(number, account)?;
        // The one that it was made with. One that it gave later is nobody's until it is proved.
        if let Some(held) = pending.filter(|_| is_held) {
            let _ = self.claim_one(number, &held)?;
        }
        Ok(())
    }

    /// Whether another account has a text for itself.
    fn is_others(&self, number: i64, identifier: &Identifier) -> Result<bool, StoreError> {
        let holder = self.holder_of(identifier)?;
        Ok(holder.is_some_and(|holder| holder != number))
    }

    fn holder_of(&self, identifier: &Identifier) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT account FROM login WHERE identifier = ?1";
        first(self.connection, sql, [identifier.as_str()], |row| {
            get(row, 0)
        })
    }

    /// Takes what an account needs for itself.
    fn claim(&self, number: i64, account: &Account) -> Result<(), StoreError> {
        for (unique, identifier) in claims(account) {
            if !self.claim_one(number, &identifier)? {
                return Err(StoreError::Conflict(unique));
            }
        }
        Ok(())
    }

    /// Takes one text; false if another account has it. An account may hold one address as confirmed and pending.
    fn claim_one(&self, number: i64, identifier: &Identifier) -> Result<bool, StoreError> {
        let sql = "INSERT INTO login (identifier, account) VALUES (?1, ?2) \
            ON CONFLICT DO UPDATE SET account = account WHERE account = excluded.account";
        let taken = run(self.connection, sql, params![identifier.as_str(), number])?;
        Ok(taken > 0)
    }

    fn take_invitation(&self, digest: &TokenDigest) -> Result<(), StoreError> {
        match good_link(self.connection, digest, self.action.at)? {
            Some(Link {
                purpose: LinkPurpose::Invitation { .. },
                ..
            }) => run(self.connection, DELETE_LINK, [digest.bytes()]).map(drop),
            Some(_) | None => Err(StoreError::Missing(Thing::Link)),
        }
    }

    fn replace_link(&self, link: &Link) -> Result<(), StoreError> {
        let (account, invited, email, role) = match &link.purpose {
            LinkPurpose::ConfirmEmail { account, email } => {
                let number = self.account_number(account)?;
                let number = number.ok_or(StoreError::Missing(Thing::Account))?;
                (Some(number), None, email, None)
            }
            LinkPurpose::Invitation { email, role } => {
                let invited = Identifier::of(email.as_str()).to_string();
                (None, Some(invited), email, Some(role.as_str()))
            }
        };
        run(
            self.connection,
            "DELETE FROM link WHERE account = ?1 OR invited = ?2",
            params![account, invited],
        )?;
        run(
            self.connection,
            "INSERT INTO link (digest, account, invited, email, role, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                link.digest.bytes(),
                account,
                invited,
                email.as_str(),
                role,
                link.expires_at.millis()
            ],
        )?;
        Ok(())
    }
}

fn find(connection: &Connection, key: &AccountKey) -> Result<Option<AccountSecret>, StoreError> {
    let (sql, key) = match key {
        AccountKey::Id(id) => (BY_ID, id.as_str()),
        AccountKey::Login(identifier) => (BY_LOGIN, identifier.as_str()),
        AccountKey::Unproved(identifier) => (BY_UNPROVED, identifier.as_str()),
    };
    first(connection, sql, [key], |row| {
        Ok(AccountSecret {
            account: account(row)?,
            password: get::<Option<String>>(row, 10)?.map(PasswordHash::new),
        })
    })
}

fn good_link(
    connection: &Connection,
    digest: &TokenDigest,
    now: Timestamp,
) -> Result<Option<Link>, StoreError> {
    let found = first(connection, LINK, [digest.bytes()], |row| link(row, digest))?;
    Ok(found.filter(|link| now < link.expires_at))
}

fn link(row: &Row<'_>, digest: &TokenDigest) -> Result<Link, StoreError> {
    let email = text(row, 1, |email| Email::parse(email).ok())?;
    let account = maybe_text(row, 0, |id| AccountId::parse(id).ok())?;
    let role = maybe_text(row, 2, |role| Role::parse(role).ok())?;
    Ok(Link {
        digest: *digest,
        purpose: match (account, role) {
            (Some(account), None) => LinkPurpose::ConfirmEmail { account, email },
            (None, Some(role)) => LinkPurpose::Invitation { email, role },
            (Some(_), Some(_)) | (None, None) => return Err(corrupt(row, 2)),
        },
        expires_at: time(row, 3)?,
    })
}

/// The values of an account's row, in the order of its columns.
fn columns(account: &Account, password: Option<&PasswordHash>) -> [Value; 11] {
    let maybe = |text: Option<&str>| text.map(str::to_owned).into();
    [
        account.id.to_string().into(),
        maybe(account.email.as_ref().map(Email::as_str)),
        maybe(account.pending_email.as_ref().map(Email::as_str)),
        maybe(account.username.as_ref().map(Username::as_str)),
        maybe(account.name.as_deref()),
        account.role.to_string().into(),
        joined(account.groups.iter().map(Group::as_str)).into(),
        account.kind.as_str().to_owned().into(),
        account.status.as_str().to_owned().into(),
        maybe(password.map(PasswordHash::expose)),
        account.created_at.millis().into(),
    ]
}

const DELETE_LINKS: &str = "DELETE FROM link WHERE account = ?1";
const BY_ID: &str = concat!(
    "SELECT ",
    account_columns!(),
    ", a.password FROM account a WHERE a.id = ?1"
);
const BY_LOGIN: &str = concat!(
    "SELECT ",
    account_columns!(),
    ", a.password FROM login l JOIN account a ON a.number = l.account WHERE l.identifier = ?1"
);
const BY_UNPROVED: &str = concat!(
    "SELECT ",
    account_columns!(),
    ", a.password FROM account a WHERE a.unproved = ?1 ORDER BY a.number DESC LIMIT 1"
);
const ALL: &str = concat!(
    "SELECT ",
    account_columns!(),
    " FROM account a ORDER BY a.created_at, a.id"
);
const LINK: &str = "SELECT a.id, l.email, l.role, l.expires_at FROM link l \
    LEFT JOIN account a ON a.number = l.account WHERE l.digest = ?1";
const DELETE_LINK: &str = "DELETE FROM link WHERE digest = ?1";
