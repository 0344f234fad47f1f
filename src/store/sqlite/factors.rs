//! Second factors, and the tries that are counted of them.

use async_trait::async_trait;
use rusqlite::{Row, params};

use super::SqliteStore;
use super::rows::{all, first, get, maybe_time, millis, run, text, time};
use super::writing::Writing;
use crate::model::change::Subject;
use crate::model::factor::{
    CredentialId, Enrolled, FactorKind, SecurityKey, Totp, TotpSecret, TotpStep,
};
use crate::model::id::{AccountId, SecurityKeyId};
use crate::model::token::TokenDigest;
use crate::store::codes::Attempt;
use crate::store::factors::{FactorProof, FactorTried, FactorTry, Factors, Removal, may_follow};
use crate::store::journal::{done, failed};
use crate::store::{Action, Committed, StoreError, Thing, Unique};

#[async_trait]
impl Factors for SqliteStore {
    async fn enrolled(&self, of: &AccountId) -> Result<Enrolled, StoreError> {
        self.readers.read(|connection| {
            let of = [of.as_str()];
            let held = first(connection, HELD, of, |row| {
                Ok((maybe_time(row, 0)?, get(row, 1)?))
            })?;
            let (totp, recovery_codes) = held.unwrap_or_default();
            Ok(Enrolled {
                totp,
                keys: all(connection, KEYS, of, key)?,
                recovery_codes,
            })
        })
    }

    async fn totp(&self, of: &AccountId) -> Result<Option<Totp>, StoreError> {
        self.readers
            .read(|connection| first(connection, TOTP, [of.as_str()], totp))
    }

    async fn begin_totp(
        &self,
        of: &AccountId,
        secret: &TotpSecret,
        action: &Action,
    ) -> Result<(), StoreError> {
        let (of, secret) = (of.clone(), secret.clone());
        self.write(action, move |writing| {
            let account = writing.holding(&of)?;
            let row = params![account, secret.expose()];
            if run(writing.connection, BEGIN_TOTP, row)? == 0 {
                return Err(StoreError::Conflict(Unique::Totp));
            }
            let Committed { .. } = writing.commit(())?;
            Ok(())
        })
        .await
    }

    async fn confirm_totp(
        &self,
        tried: &FactorTry,
        action: &Action,
    ) -> Result<Committed<FactorTried>, StoreError> {
        let tried = tried.clone();
        self.write(action, move |mut writing| {
            let (of, limit) = (&tried.account, tried.per_account);
            let account = writing.holding(of)?;
            if let Some(retry_after) = writing.limited(account, Attempt::Wrong, limit)? {
                return Ok(Committed::unchanged(FactorTried::UsedUp { retry_after }));
            }
            if !writing.confirm(account, tried.proof.as_ref())? {
                writing.count_wrong(account, &tried)?;
                return Ok(Committed::unchanged(FactorTried::Wrong));
            }
            writing.note_factor("user.add-factor", of, Some(FactorKind::Totp.as_str()))?;
            writing.commit(FactorTried::Good)
        })
        .await
    }

    async fn add_key(
        &self,
        key: &SecurityKey,
        action: &Action,
    ) -> Result<Committed<()>, StoreError> {
        let key = key.clone();
        self.write(action, move |mut writing| {
            let account = writing.holding(&key.account)?;
            let row = params![
                key.id.bytes(),
                account,
                key.credential.bytes(),
                key.public_key,
                key.sign_count,
                key.name,
                key.created_at.millis(),
                millis(key.last_used_at),
            ];
            if run(writing.connection, ADD_KEY, row)? == 0 {
                return Err(StoreError::Conflict(Unique::SecurityKey));
            }
            let object = key.id.to_string();
            writing.note_factor("user.add-factor", &key.account, Some(&object))?;
            writing.commit(())
        })
        .await
    }

    async fn rename_key(
        &self,
        of: &AccountId,
        key: &SecurityKeyId,
        name: &str,
        action: &Action,
    ) -> Result<bool, StoreError> {
        let (of, key, name) = (of.clone(), *key, name.to_owned());
        self.write(action, move |writing| {
            let account = writing.account_number(&of)?;
            let row = params![key.bytes(), account, name];
            if run(writing.connection, RENAME_KEY, row)? == 0 {
                return Ok(false);
            }
            let object = key.to_string();
            writing.audit(&done("user.rename-factor", Some(&of), Some(&object)))?;
            writing.commit(true).map(|done| done.value)
        })
        .await
    }

    async fn replace_recovery_codes(
        &self,
        of: &AccountId,
        codes: &[TokenDigest],
        action: &Action,
    ) -> Result<Committed<()>, StoreError> {
        let (of, codes) = (of.clone(), codes.to_vec());
        self.write(action, move |mut writing| {
            let account = writing.holding(&of)?;
            run(writing.connection, DROP_CODES, [account])?;
            for code in &codes {
                run(writing.connection, ADD_CODE, params![code.bytes(), account])?;
            }
            let object = FactorKind::RecoveryCode.as_str();
            writing.note_factor("user.add-factor", &of, Some(object))?;
            writing.commit(())
        })
        .await
    }

    async fn remove_factor(
        &self,
        of: &AccountId,
        which: Removal,
        action: &Action,
    ) -> Result<Committed<bool>, StoreError> {
        let of = of.clone();
        self.write(action, move |mut writing| {
            let Some(account) = writing.account_number(&of)? else {
                return Ok(Committed::unchanged(false));
            };
            if !writing.remove_factor(account, which)? {
                return Ok(Committed::unchanged(false));
            }
            writing.note_factor(which.event(), &of, which.object().as_deref())?;
            writing.commit(true)
        })
        .await
    }

    async fn try_factor(
        &self,
        tried: &FactorTry,
        action: &Action,
    ) -> Result<FactorTried, StoreError> {
        let tried = tried.clone();
        self.write(action, move |writing| {
            let (of, limit) = (&tried.account, tried.per_account);
            let account = writing.holding(of)?;
            if let Some(retry_after) = writing.limited(account, Attempt::Wrong, limit)? {
                return Ok(FactorTried::UsedUp { retry_after });
            }
            let good = match &tried.proof {
                Some(proof) if writing.use_up(account, proof)? => proof,
                Some(_) | None => {
                    writing.count_wrong(account, &tried)?;
                    return Ok(FactorTried::Wrong);
                }
            };
            let kind = good.kind().as_str();
            writing.audit(&done("user.use-factor", Some(of), Some(kind)))?;
            writing.commit(FactorTried::Good).map(|done| done.value)
        })
        .await
    }
}

impl Writing<'_> {
    /// The row of an account that is there.
    fn holding(&self, of: &AccountId) -> Result<i64, StoreError> {
        let account = self.account_number(of)?;
        account.ok_or(StoreError::Missing(Thing::Account))
    }

    fn confirm(&self, account: i64, proof: Option<&FactorProof>) -> Result<bool, StoreError> {
        let Some(FactorProof::Totp { secret, step }) = proof else {
            return Ok(false);
        };
        let row = params![account, secret.expose(), self.action.at.millis(), step.0];
        Ok(run(self.connection, CONFIRM_TOTP, row)? > 0)
    }

    fn use_up(&self, account: i64, proof: &FactorProof) -> Result<bool, StoreError> {
        let connection = self.connection;
        let used = match proof {
            FactorProof::Totp { secret, step } => {
                let row = params![account, secret.expose(), step.0];
                run(connection, USE_TOTP, row)?
            }
            FactorProof::SecurityKey { key, sign_count } => {
                let which = params![key.bytes(), account];
                let stored = first(connection, SIGN_COUNT, which, |row| get(row, 0))?;
                if !stored.is_some_and(|stored| may_follow(*sign_count, stored)) {
                    return Ok(false);
                }
                let row = params![key.bytes(), sign_count, self.action.at.millis()];
                run(connection, USE_KEY, row)?
            }
            FactorProof::RecoveryCode(digest) => {
                run(connection, USE_CODE, params![digest.bytes(), account])?
            }
        };
        Ok(used > 0)
    }

    fn remove_factor(&self, account: i64, which: Removal) -> Result<bool, StoreError> {
        let connection = self.connection;
        let removed = match which {
            Removal::Totp => run(connection, DROP_TOTP, [account])?,
            Removal::SecurityKey(id) => run(connection, DROP_KEY, params![account, id.bytes()])?,
            Removal::RecoveryCodes => run(connection, DROP_CODES, [account])?,
            Removal::All => {
                self.drop_tickets(account)?;
                run(connection, DROP_TOTP, [account])?
                    + run(connection, DROP_KEYS, [account])?
                    + run(connection, DROP_CODES, [account])?
            }
        };
        if removed > 0 {
            run(connection, DROP_CODES_ALONE, [account])?;
        }
        Ok(removed > 0)
    }

    fn note_factor(
        &mut self,
        event: &'static str,
        of: &AccountId,
        object: Option<&str>,
    ) -> Result<(), StoreError> {
        self.audit(&done(event, Some(of), object))?;
        self.feed(Subject::Account(of.clone()))
    }

    fn count_wrong(&self, account: i64, tried: &FactorTry) -> Result<(), StoreError> {
        self.count(account, Attempt::Wrong)?;
        let object = tried.session.map(|session| session.to_string());
        let user = Some(&tried.account);
        self.audit(&failed(tried.event, "wrong_code", user, object.as_deref()))
    }
}

fn totp(row: &Row<'_>) -> Result<Totp, StoreError> {
    Ok(Totp {
        secret: TotpSecret::from_bytes(get(row, 0)?),
        confirmed_at: maybe_time(row, 1)?,
        last_step: get::<Option<_>>(row, 2)?.map(TotpStep),
    })
}

fn key(row: &Row<'_>) -> Result<SecurityKey, StoreError> {
    Ok(SecurityKey {
        id: SecurityKeyId::from_bytes(get(row, 0)?),
        account: text(row, 1, |id| AccountId::parse(id).ok())?,
        credential: CredentialId::new(get::<Vec<u8>>(row, 2)?),
        public_key: get::<Vec<u8>>(row, 3)?.into(),
        sign_count: get(row, 4)?,
        name: get(row, 5)?,
        created_at: time(row, 6)?,
        last_used_at: maybe_time(row, 7)?,
    })
}

const HELD: &str = "SELECT t.confirmed_at, (SELECT COUNT(*) FROM recovery_code WHERE account = a.number) \
    FROM account a LEFT JOIN totp t ON t.account = a.number WHERE a.id = ?1";
const KEYS: &str = "SELECT k.id, a.id, k.credential, k.public_key, k.sign_count, k.name, k.created_at, k.last_used_at \
    FROM security_key k JOIN account a ON a.number = k.account WHERE a.id = ?1 ORDER BY k.created_at, k.id";
const TOTP: &str = "SELECT t.secret, t.confirmed_at, t.last_step FROM totp t \
    JOIN account a ON a.number = t.account WHERE a.id = ?1";
const BEGIN_TOTP: &str = "INSERT INTO totp (account, secret) VALUES (?1, ?2) \
    ON CONFLICT DO UPDATE SET secret = ?2 WHERE confirmed_at IS NULL";
const CONFIRM_TOTP: &str = "UPDATE totp SET confirmed_at = ?3, last_step = ?4 \
    WHERE account = ?1 AND secret = ?2 AND confirmed_at IS NULL";
const USE_TOTP: &str =
    "UPDATE totp SET last_step = ?3 WHERE account = ?1 AND secret = ?2 AND last_step < ?3";
const DROP_TOTP: &str = "DELETE FROM totp WHERE account = ?1";
const ADD_KEY: &str = "INSERT INTO security_key (id, account, credential, public_key, sign_count, name, created_at, \
    last_used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (credential) DO NOTHING";
const RENAME_KEY: &str = "UPDATE security_key SET name = ?3 WHERE id = ?1 AND account = ?2";
const SIGN_COUNT: &str = "SELECT sign_count FROM security_key WHERE id = ?1 AND account = ?2";
const USE_KEY: &str = "UPDATE security_key SET sign_count = ?2, last_used_at = ?3 WHERE id = ?1";
const DROP_KEY: &str = "DELETE FROM security_key WHERE account = ?1 AND id = ?2";
const DROP_KEYS: &str = "DELETE FROM security_key WHERE account = ?1";
const ADD_CODE: &str = "INSERT INTO recovery_code (digest, account) VALUES (?1, ?2)";
const USE_CODE: &str = "DELETE FROM recovery_code WHERE digest = ?1 AND account = ?2";
const DROP_CODES: &str = "DELETE FROM recovery_code WHERE account = ?1";
/// The codes of an account that has nothing else.
const DROP_CODES_ALONE: &str = "DELETE FROM recovery_code WHERE account = ?1 \
    AND NOT EXISTS (SELECT 1 FROM totp WHERE account = ?1 AND confirmed_at IS NOT NULL) \
    AND NOT EXISTS (SELECT 1 FROM security_key WHERE account = ?1)";
