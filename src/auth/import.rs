//! Taking over the accounts of another system, with their password hashes.
//!
//! A hash is taken if passwords can be checked against it; at its account's first login it is replaced by one of ours.
//! Everything that is wrong with a file is said at once, each with its line.

use std::collections::HashSet;

use super::accounts::{AccountService, without_doubles};
use super::password::check_hash;
use crate::model::account::{
    Account, AccountKind, AccountStatus, Email, Group, Identifier, Role, Username,
};
use crate::model::id::AccountId;
use crate::model::time::Timestamp;
use crate::store::accounts::{AccountKey, NewAccount, PasswordHash};
use crate::store::{Action, StoreError};

/// One account as another system has it, unchecked.
#[derive(Debug, Clone, Default)]
pub struct ImportRow {
    /// The line that it begins on, for messages.
    pub line: usize,
    /// Its address.
    pub email: Option<String>,
    /// Its login name.
    pub username: Option<String>,
    /// Its display name.
    pub name: Option<String>,
    /// Its role; `member` if there is none.
    pub role: Option<String>,
    /// Its groups.
    pub groups: Vec<String>,
    /// Its password's hash; `None` makes a shadow account.
    pub password_hash: Option<PasswordHash>,
}

/// What to do with the good rows of a file that has bad ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportMode {
    /// Nothing: all or none.
    Atomic,
    /// Import them.
    EachItself,
}

/// What an import did.
#[derive(Debug, Default)]
pub struct Imported {
    /// The accounts that were made.
    pub added: Vec<Account>,
    /// The rows that were not, with their lines and what is wrong with them.
    pub refused: Vec<Refused>,
}

/// The line of a row that was not imported, and what is wrong with it.
pub type Refused = (usize, String);

impl AccountService {
    /// Makes the accounts of another system. A row that could not even be read is refused with the rest.
    ///
    /// # Errors
    /// If the store cannot answer; what was made before stays, except with [`ImportMode::Atomic`].
    pub async fn import(
        &self,
        rows: Vec<Result<ImportRow, Refused>>,
        mode: ImportMode,
        action: &Action,
    ) -> Result<Imported, StoreError> {
        let mut imported = Imported::default();
        let mut good = Vec::with_capacity(rows.len());
        let mut seen = HashSet::new();
        for row in rows {
            let checked = row.and_then(|row| {
                let line = row.line;
                let new = row.check(action.at).map_err(|why| (line, why))?;
                Ok((line, new))
            });
            let (line, new) = match checked {
                Ok(checked) => checked,
                Err(refused) => {
                    imported.refused.push(refused);
                    continue;
                }
            };
            match self.check_free(new, &mut seen).await? {
                Ok(new) => good.push((line, new)),
                Err(why) => imported.refused.push((line, why)),
            }
        }
        match mode {
            ImportMode::Atomic if !imported.refused.is_empty() => return Ok(imported),
            ImportMode::Atomic => {
                let all: Vec<NewAccount> = good.into_iter().map(|(_, new)| new).collect();
                imported.added = self.create(&all, action).await?;
            }
            ImportMode::EachItself => {
                for batch in good.chunks(BATCH) {
                    self.create_each(batch, &mut imported, action).await?;
                }
            }
        }
        Ok(imported)
    }

    /// Whether the row's names are neither another row's nor an account's.
    async fn check_free(
        &self,
        new: NewAccount,
        seen: &mut HashSet<Identifier>,
    ) -> Result<Result<NewAccount, String>, StoreError> {
        let account = &new.account;
        let email = account.email.as_ref().map(Email::as_str);
        let username = account.username.as_ref().map(Username::as_str);
        for name in [email, username].into_iter().flatten() {
            let identifier = Identifier::of(name);
            if !seen.insert(identifier.clone()) {
                return Ok(Err(format!("{name} is in the file twice")));
            }
            let key = AccountKey::Login(identifier);
            if self.store.account(&key).await?.is_some() {
                return Ok(Err(format!("{name} is an account already")));
            }
        }
        Ok(Ok(new))
    }

    /// Makes a batch in one transaction, or, if something was taken meanwhile, each account in its own.
    async fn create_each(
        &self,
        batch: &[(usize, NewAccount)],
        imported: &mut Imported,
        action: &Action,
    ) -> Result<(), StoreError> {
        let all: Vec<NewAccount> = batch.iter().map(|(_, new)| new.clone()).collect();
        match self.create(&all, action).await {
            Ok(made) => imported.added.extend(made),
            Err(StoreError::Conflict(_)) => {
                for (line, new) in batch {
                    match self.create(std::slice::from_ref(new), action).await {
                        Ok(made) => imported.added.extend(made),
                        Err(StoreError::Conflict(taken)) => {
                            imported.refused.push((*line, format!("{taken} is taken")));
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn create(
        &self,
        new: &[NewAccount],
        action: &Action,
    ) -> Result<Vec<Account>, StoreError> {
        let made = self.store.create_accounts(new, None, action).await?;
        self.verifier.forget(&made.changes);
        Ok(made.value)
    }
}

impl ImportRow {
    fn check(self, now: Timestamp) -> Result<NewAccount, String> {
        if let Some(hash) = &self.password_hash {
            check_hash(hash).map_err(|why| why.to_string())?;
        }
        let email = read(self.email.as_deref(), Email::parse)?;
        let username = read(self.username.as_deref(), Username::parse)?;
        if email.is_none() && username.is_none() {
            return Err("an account needs an e-mail address or a username".to_owned());
        }
        let groups: Result<Vec<Group>, _> = self.groups.iter().map(|g| Group::parse(g)).collect();
        let kind = if self.password_hash.is_some() {
            AccountKind::Full
        } else {
            AccountKind::Shadow
        };
        let account = Account {
            id: AccountId::generate(),
            email,
            pending_email: None,
            username,
            name: self.name.filter(|name| !name.is_empty()).map(Into::into),
            role: read(self.role.as_deref(), Role::parse)?.unwrap_or_else(Role::member),
            groups: without_doubles(groups.map_err(|why| why.to_string())?),
            kind,
            status: AccountStatus::Active,
            created_at: now,
        };
        Ok(NewAccount {
            account,
            password: self.password_hash,
        })
    }
}

/// Reads a field; one that is empty is one that is not there.
fn read<T, E: ToString>(
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, String> {
    text.filter(|text| !text.is_empty())
        .map(|text| parse(text).map_err(|why| why.to_string()))
        .transpose()
}

/// Accounts in one transaction.
const BATCH: usize = 500;
