//! Second factors, in memory.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::{MemoryStore, State, Writing};
use crate::model::change::Subject;
use crate::model::factor::{Enrolled, FactorKind, SecurityKey, Totp, TotpSecret};
use crate::model::id::{AccountId, SecurityKeyId};
use crate::model::time::Timestamp;
use crate::model::token::TokenDigest;
use crate::store::codes::Attempt;
use crate::store::factors::{
    FactorProof, FactorTried, FactorTry, Factors, Removal, confirmed, may_follow,
};
use crate::store::journal::{done, failed};
use crate::store::{Action, Committed, StoreError, Thing, Unique};

/// The factors of an account but its keys.
#[derive(Debug, Default)]
pub(super) struct Held {
    totp: Option<Totp>,
    recovery_codes: BTreeSet<TokenDigest>,
}

#[async_trait]
impl Factors for MemoryStore {
    async fn enrolled(&self, of: &AccountId) -> Result<Enrolled, StoreError> {
        let state = self.read();
        let held = state.factors.get(of);
        let own = state.keys.values().filter(|key| key.account == *of);
        let mut keys: Vec<_> = own.cloned().collect();
        keys.sort_by_key(|key| (key.created_at, key.id));
        Ok(Enrolled {
            totp: held.and_then(|held| held.totp.as_ref()?.confirmed_at),
            keys,
            recovery_codes: held.map_or(0, Held::codes_left),
        })
    }

    async fn totp(&self, of: &AccountId) -> Result<Option<Totp>, StoreError> {
        let state = self.read();
        Ok(state.factors.get(of).and_then(|held| held.totp.clone()))
    }

    async fn begin_totp(
        &self,
        of: &AccountId,
        secret: &TotpSecret,
        action: &Action,
    ) -> Result<(), StoreError> {
        let mut writing = self.write(action);
        let held = writing.state.held(of)?;
        if held.totp.as_ref().is_some_and(is_confirmed) {
            return Err(StoreError::Conflict(Unique::Totp));
        }
        held.totp = Some(Totp {
            secret: secret.clone(),
            confirmed_at: None,
            last_step: None,
        });
        let Committed { .. } = writing.commit(());
        Ok(())
    }

    async fn confirm_totp(
        &self,
        tried: &FactorTry,
        action: &Action,
    ) -> Result<Committed<FactorTried>, StoreError> {
        let mut writing = self.write(action);
        let (of, limit) = (&tried.account, tried.per_account);
        let held = writing.state.held(of)?;
        let pending = held.totp.as_ref().filter(|totp| !is_confirmed(totp));
        let proved = pending.and_then(|totp| match &tried.proof {
            Some(FactorProof::Totp { secret, step }) if *secret == totp.secret => {
                Some(confirmed(secret, *step, action.at))
            }
            _ => None,
        });
        if let Some(retry_after) = writing.state.limited(of, Attempt::Wrong, limit, action.at) {
            return Ok(Committed::unchanged(FactorTried::UsedUp { retry_after }));
        }
        let Some(totp) = proved else {
            writing.count_wrong(tried, action.at);
            return Ok(Committed::unchanged(FactorTried::Wrong));
        };
        writing.state.held(of)?.totp = Some(totp);
        writing.note_factor("user.add-factor", of, Some(FactorKind::Totp.as_str()));
        Ok(writing.commit(FactorTried::Good))
    }

    async fn add_key(
        &self,
        key: &SecurityKey,
        action: &Action,
    ) -> Result<Committed<()>, StoreError> {
        let mut writing = self.write(action);
        writing.state.held(&key.account)?;
        let mut known = writing.state.keys.values();
        if known.any(|other| other.credential == key.credential) {
            return Err(StoreError::Conflict(Unique::SecurityKey));
        }
        writing.state.keys.insert(key.id, key.clone());
        writing.note_factor("user.add-factor", &key.account, Some(&key.id.to_string()));
        Ok(writing.commit(()))
    }

    async fn rename_key(
        &self,
        of: &AccountId,
        key: &SecurityKeyId,
        name: &str,
        action: &Action,
    ) -> Result<bool, StoreError> {
        let mut writing = self.write(action);
        let found = writing.state.keys.get_mut(key);
        let Some(found) = found.filter(|key| key.account == *of) else {
            return Ok(false);
        };
        found.name = name.into();
        let object = key.to_string();
        writing.audit(done("user.rename-factor", Some(of), Some(&object)));
        Ok(writing.commit(true).value)
    }

    async fn replace_recovery_codes(
        &self,
        of: &AccountId,
        codes: &[TokenDigest],
        action: &Action,
    ) -> Result<Committed<()>, StoreError> {
        let mut writing = self.write(action);
        writing.state.held(of)?.recovery_codes = codes.iter().copied().collect();
        let object = FactorKind::RecoveryCode.as_str();
        writing.note_factor("user.add-factor", of, Some(object));
        Ok(writing.commit(()))
    }

    async fn remove_factor(
        &self,
        of: &AccountId,
        which: Removal,
        action: &Action,
    ) -> Result<Committed<bool>, StoreError> {
        let mut writing = self.write(action);
        if !writing.state.remove(of, which) {
            return Ok(Committed::unchanged(false));
        }
        writing.note_factor(which.event(), of, which.object().as_deref());
        Ok(writing.commit(true))
    }

    async fn try_factor(
        &self,
        tried: &FactorTry,
        action: &Action,
    ) -> Result<FactorTried, StoreError> {
        let mut writing = self.write(action);
        let (of, limit) = (&tried.account, tried.per_account);
        writing.state.held(of)?;
        if let Some(retry_after) = writing.state.limited(of, Attempt::Wrong, limit, action.at) {
            return Ok(FactorTried::UsedUp { retry_after });
        }
        let proof = tried.proof.as_ref();
        let used = proof.filter(|proof| writing.state.use_up(of, proof, action.at));
        let Some(proof) = used else {
            writing.count_wrong(tried, action.at);
            return Ok(FactorTried::Wrong);
        };
        let kind = proof.kind().as_str();
        writing.audit(done("user.use-factor", Some(of), Some(kind)));
        Ok(writing.commit(FactorTried::Good).value)
    }
}

impl Held {
    fn codes_left(&self) -> u32 {
        u32::try_from(self.recovery_codes.len()).unwrap_or(u32::MAX)
    }
}

impl State {
    /// What an account that is there holds.
    fn held(&mut self, of: &AccountId) -> Result<&mut Held, StoreError> {
        if !self.accounts.contains_key(of) {
            return Err(StoreError::Missing(Thing::Account));
        }
        Ok(self.factors.entry(of.clone()).or_default())
    }

    fn use_up(&mut self, of: &AccountId, proof: &FactorProof, at: Timestamp) -> bool {
        match proof {
            FactorProof::Totp { secret, step } => {
                let held = self.factors.get_mut(of);
                let totp = held.and_then(|held| held.totp.as_mut());
                let newer = totp.filter(|totp| {
                    totp.secret == *secret && totp.last_step.is_some_and(|last| last < *step)
                });
                newer.map(|totp| totp.last_step = Some(*step)).is_some()
            }
            FactorProof::SecurityKey { key, sign_count } => {
                let key = self.keys.get_mut(key);
                let follows =
                    key.filter(|key| key.account == *of && may_follow(*sign_count, key.sign_count));
                follows
                    .map(|key| {
                        key.sign_count = *sign_count;
                        key.last_used_at = Some(at);
                    })
                    .is_some()
            }
            FactorProof::RecoveryCode(digest) => {
                (self.factors.get_mut(of)).is_some_and(|held| held.recovery_codes.remove(digest))
            }
        }
    }

    fn remove(&mut self, of: &AccountId, which: Removal) -> bool {
        let Self { factors, keys, .. } = self;
        let Some(held) = factors.get_mut(of) else {
            return false;
        };
        let keys_before = keys.len();
        let was_there = match which {
            Removal::Totp => held.totp.take().is_some(),
            Removal::SecurityKey(id) => {
                keys.retain(|_, key| !(key.id == id && key.account == *of));
                keys.len() < keys_before
            }
            Removal::RecoveryCodes => !std::mem::take(&mut held.recovery_codes).is_empty(),
            Removal::All => {
                keys.retain(|_, key| key.account != *of);
                let held = std::mem::take(held);
                keys.len() < keys_before || held.totp.is_some() || !held.recovery_codes.is_empty()
            }
        };
        let has_other = held.totp.as_ref().is_some_and(is_confirmed)
            || keys.values().any(|key| key.account == *of);
        if was_there && !has_other {
            held.recovery_codes.clear();
        }
        if which == Removal::All {
            self.drop_tickets(of);
        }
        was_there
    }

    pub(super) fn drop_factors(&mut self, of: &AccountId) {
        self.factors.remove(of);
        self.keys.retain(|_, key| key.account != *of);
        self.drop_tickets(of);
    }
}

impl Writing<'_> {
    fn note_factor(&mut self, event: &'static str, of: &AccountId, object: Option<&str>) {
        self.audit(done(event, Some(of), object));
        self.feed(Subject::Account(of.clone()));
    }

    fn count_wrong(&mut self, tried: &FactorTry, at: Timestamp) {
        let attempt = (tried.account.clone(), Attempt::Wrong, at);
        self.state.attempts.push(attempt);
        let object = tried.session.map(|session| session.to_string());
        let user = Some(&tried.account);
        self.audit(failed(tried.event, "wrong_code", user, object.as_deref()));
    }
}

fn is_confirmed(totp: &Totp) -> bool {
    totp.confirmed_at.is_some()
}
