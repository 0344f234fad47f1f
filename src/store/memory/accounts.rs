//! Accounts, in memory.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::{MemoryStore, State, Stored, Writing};
use crate::model::account::{Account, Identifier};
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
impl Accounts for MemoryStore {
    async fn account(&self, key: &AccountKey) -> Result<Option<Account>, StoreError> {
        Ok(self.read().find(key).map(|stored| stored.account.clone()))
    }

    async fn account_secret(&self, key: &AccountKey) -> Result<Option<AccountSecret>, StoreError> {
        Ok(self.read().find(key).map(|stored| AccountSecret {
            account: stored.account.clone(),
            password: stored.password.clone(),
        }))
    }

    async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let state = self.read();
        let mut accounts: Vec<_> = state.accounts.values().map(|s| s.account.clone()).collect();
        accounts.sort_by_key(|account| account.created_at);
        Ok(accounts)
    }

    async fn create_accounts(
        &self,
        accounts: &[NewAccount],
        invitation: Option<&TokenDigest>,
        action: &Action,
    ) -> Result<Committed<Vec<Account>>, StoreError> {
        let mut writing = self.write(action);
        if let Some(digest) = invitation
            && !writing.state.is_invitation(digest, action.at)
        {
            return Err(StoreError::Missing(Thing::Link));
        }
        writing.state.check_free(accounts)?;
        if let Some(digest) = invitation {
            writing.state.links.remove(digest);
        }
        for NewAccount { account, password } in accounts {
            writing.put(account, password.clone());
            writing.audit(done("user.add", Some(&account.id), None));
        }
        let made = accounts.iter().map(|new| new.account.clone()).collect();
        Ok(writing.commit(made))
    }

    async fn change_account(
        &self,
        id: &AccountId,
        change: &AccountChange,
        action: &Action,
    ) -> Result<Committed<Account>, StoreError> {
        let mut writing = self.write(action);
        let (mut account, mut password) = writing.state.copy(id)?;
        change.apply(&mut account)?;
        if let Some(hash) = change.password() {
            password = Some(hash.clone());
        }
        writing.state.check_claims(&account)?;
        let is_others = |pending| writing.state.is_others(&pending, id);
        if change.claimed().is_some_and(is_others) {
            return Err(StoreError::Conflict(Unique::Email));
        }
        if change.drops_links() {
            let links = &mut writing.state.links;
            links.retain(|_, link| link.purpose.account() != Some(id));
        }
        writing.put(&account, password);
        writing.audit(change.audited(id));
        writing.feed(Subject::Account(id.clone()));
        if change.ends_tickets() {
            writing.state.drop_tickets(id);
        }
        let ended: Vec<_> = (writing.state.sessions.values())
            .filter(|session| session.account == *id)
            .filter_map(|session| Some((session.id, change.ends(session)?)))
            .collect();
        for (session, cause) in ended {
            writing.end(&[session], cause);
        }
        Ok(writing.commit(account))
    }

    async fn delete_account(
        &self,
        id: &AccountId,
        action: &Action,
    ) -> Result<Committed<()>, StoreError> {
        let mut writing = self.write(action);
        if writing.state.accounts.remove(id).is_none() {
            return Err(StoreError::Missing(Thing::Account));
        }
        writing.audit(done("user.delete", Some(id), None));
        writing.feed(Subject::Account(id.clone()));
        let ended = writing.state.session_ids(|session| session.account == *id);
        writing.end(&ended, RevocationCause::AccountDeleted);
        let state = &mut *writing.state;
        state.logins.retain(|_, whose| whose != id);
        state
            .links
            .retain(|_, link| link.purpose.account() != Some(id));
        state.relations.retain(|(whose, _), _| whose != id);
        state.attempts.retain(|(whose, _, _)| whose != id);
        state.connections.retain(|_, link| link.account != *id);
        state.drop_factors(id);
        Ok(writing.commit(()))
    }

    async fn rehash_password(
        &self,
        id: &AccountId,
        old: &str,
        new: &str,
    ) -> Result<(), StoreError> {
        if let Some(password) = self
            .read()
            .accounts
            .get_mut(id)
            .and_then(|stored| stored.password.as_mut())
            && password.expose() == old
        {
            *password = PasswordHash::new(new);
        }
        Ok(())
    }

    async fn put_link(&self, link: &Link, action: &Action) -> Result<(), StoreError> {
        let mut writing = self.write(action);
        if let Some(account) = link.purpose.account()
            && !writing.state.accounts.contains_key(account)
        {
            return Err(StoreError::Missing(Thing::Account));
        }
        let links = &mut writing.state.links;
        links.retain(|_, other| !link.purpose.replaces(&other.purpose));
        links.insert(link.digest, link.clone());
        if let LinkPurpose::Invitation { email, .. } = &link.purpose {
            writing.audit(done("user.invite", None, Some(email.as_str())));
        }
        let Committed { .. } = writing.commit(());
        Ok(())
    }

    async fn link(&self, digest: &TokenDigest, now: Timestamp) -> Result<Option<Link>, StoreError> {
        Ok(self.read().good_link(digest, now).cloned())
    }

    async fn confirm_email(
        &self,
        digest: &TokenDigest,
        action: &Action,
    ) -> Result<Option<Committed<Account>>, StoreError> {
        let mut writing = self.write(action);
        let Some(LinkPurpose::ConfirmEmail { account: id, email }) = writing
            .state
            .good_link(digest, action.at)
            .map(|link| link.purpose.clone())
        else {
            return Ok(None);
        };
        let (mut account, password) = writing.state.copy(&id)?;
        let is_pending = account.pending_email.as_ref() == Some(&email);
        let identifier = Identifier::of(email.as_str());
        if !is_pending || writing.state.is_others(&identifier, &id) {
            return Ok(None);
        }
        account.email = account.pending_email.take();
        writing.state.links.remove(digest);
        writing.put(&account, password);
        writing.audit(done("user.confirm-email", Some(&id), None));
        writing.feed(Subject::Account(id));
        Ok(Some(writing.commit(account)))
    }
}

impl State {
    fn find(&self, key: &AccountKey) -> Option<&Stored> {
        let id = match key {
            AccountKey::Id(id) => id,
            AccountKey::Login(identifier) => self.logins.get(identifier)?,
            AccountKey::Unproved(identifier) => return self.find_unproved(identifier),
        };
        self.accounts.get(id)
    }

    fn find_unproved(&self, identifier: &Identifier) -> Option<&Stored> {
        let holder = self.logins.get(identifier);
        let gave_it = |Stored { account, .. }: &&Stored| {
            pending_claim(account).as_ref() == Some(identifier) && holder != Some(&account.id)
        };
        let all = self.accounts.values().filter(gave_it);
        all.max_by_key(|stored| stored.account.created_at)
    }

    fn copy(&self, id: &AccountId) -> Result<(Account, Option<PasswordHash>), StoreError> {
        let stored = self.accounts.get(id);
        stored
            .map(|stored| (stored.account.clone(), stored.password.clone()))
            .ok_or(StoreError::Missing(Thing::Account))
    }

    fn good_link(&self, digest: &TokenDigest, now: Timestamp) -> Option<&Link> {
        self.links.get(digest).filter(|link| now < link.expires_at)
    }

    fn is_invitation(&self, digest: &TokenDigest, now: Timestamp) -> bool {
        self.good_link(digest, now)
            .is_some_and(|link| matches!(link.purpose, LinkPurpose::Invitation { .. }))
    }

    fn check_free(&self, accounts: &[NewAccount]) -> Result<(), StoreError> {
        let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
        for NewAccount { account, .. } in accounts {
            if self.accounts.contains_key(&account.id) || !ids.insert(&account.id) {
                return Err(StoreError::Conflict(Unique::AccountId));
            }
            self.check_claims(account)?;
            let pending = pending_claim(account);
            if (pending.as_ref()).is_some_and(|pending| self.is_others(pending, &account.id)) {
                return Err(StoreError::Conflict(Unique::Email));
            }
            let claims = claims(account).map(|(unique, identifier)| (identifier, unique));
            let own: BTreeMap<_, _> = claims
                .chain(pending.map(|it| (it, Unique::Email)))
                .collect();
            for (identifier, unique) in own {
                if !taken.insert(identifier) {
                    return Err(StoreError::Conflict(unique));
                }
            }
        }
        Ok(())
    }

    fn check_claims(&self, account: &Account) -> Result<(), StoreError> {
        claims(account).try_for_each(|(unique, identifier)| {
            if self.is_others(&identifier, &account.id) {
                return Err(StoreError::Conflict(unique));
            }
            Ok(())
        })
    }

    fn is_others(&self, identifier: &Identifier, than: &AccountId) -> bool {
        let whose = self.logins.get(identifier);
        whose.is_some_and(|whose| whose != than)
    }
}

impl Writing<'_> {
    fn put(&mut self, account: &Account, password: Option<PasswordHash>) {
        let (id, state) = (&account.id, &mut *self.state);
        // The one that it was made with. One that it gave later is nobody's until it is proved.
        let is_new = !state.accounts.contains_key(id);
        let held = pending_claim(account)
            .filter(|pending| is_new || state.logins.get(pending) == Some(id));
        state.logins.retain(|_, whose| whose != id);
        state
            .logins
            .extend(claims(account).map(|(_, identifier)| (identifier, id.clone())));
        if let Some(pending) = held {
            state.logins.entry(pending).or_insert_with(|| id.clone());
        }
        let account = account.clone();
        let stored = Stored { account, password };
        state.accounts.insert(stored.account.id.clone(), stored);
    }
}
