//! Logging in with a password.
//!
//! One way for every dialect: throttle → client → account → password → second factor → mint → store. A client that is unknown is said to
//! be, since that tells nothing about anybody. Everything else that is wrong is [`LoginError::Unrecognized`]: no such
//! account, no password, the wrong one, a disabled account, a client that the account refuses. The five do the same work,
//! the password's hash included, so that neither the answer nor its time tells which it was; the audit record does.
//!
//! An address that an account gave and has not proved serves to log in to it, whether another account has that address or
//! not: what fails for the address's own account is tried once more for the one that gave it, or for nobody. So every
//! refusal costs two hashes, and a success by what is an account's own costs one. Whether
//! an account has a second factor is looked at, and said, only after its password was right ([`second_step`](super::second_step)).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::factors::TypedCode;
use super::hasher::Busy;
use super::issuer::{Grant, Issued, Issuer, Opening};
use super::password::{Password, Verdict};
use super::second_step::Waiting;
use super::throttle::Limited;
use crate::model::account::{AccountStatus, Identifier};
use crate::model::audit::{Actor, AuditEvent, AuditResult};
use crate::model::client::Client;
use crate::model::id::{AccountId, ClientId};
use crate::model::language::Language;
use crate::model::mail::Mail;
use crate::model::session::Dialect;
use crate::model::time::Now;
use crate::store::accounts::{AccountKey, AccountSecret};
use crate::store::clients::Standing;
use crate::store::{Action, StoreError};

/// A try to log in.
#[derive(Debug)]
pub struct Login {
    /// In whose words it came.
    pub dialect: Dialect,
    /// The application that asks.
    pub client: Option<ClientId>,
    /// An address or login name, as it was typed.
    pub identifier: String,
    /// The password, as it was typed.
    pub password: Password,
    /// A code of a second factor, if one came with it. An account without a second factor needs none.
    pub code: Option<TypedCode>,
    /// From where.
    pub ip: Option<IpAddr>,
    /// In which language the account is mailed; `None` for the configured one.
    pub language: Option<Language>,
    /// What a success gives.
    pub grant: Grant,
}

/// Why a login did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// There is no such client.
    #[error("there is no such client")]
    UnknownClient,
    /// The credentials are not good; why, is not said.
    #[error("unrecognized credentials")]
    Unrecognized,
    /// The password is right, and the account has a second factor that was not shown.
    #[error("a second factor is needed")]
    FactorMissing(Waiting),
    /// The password is right, and the second factor is not good.
    #[error("the code of the second factor is not good")]
    WrongFactor,
    /// The password is right, and too many wrong codes were tried.
    #[error("too many codes were tried")]
    FactorTriesUsedUp {
        /// When there are tries again.
        retry_after: Duration,
    },
    /// There were too many failures.
    #[error("too many failed logins")]
    Throttled {
        /// When the next try is possible.
        retry_after: Duration,
    },
    /// Too many passwords are being checked.
    #[error("too many logins at once")]
    Busy {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why credentials are not good; for the audit record and the metrics alone.
#[derive(Debug, Clone, Copy)]
enum Flaw {
    UnknownAccount,
    NoPassword,
    WrongPassword,
    Disabled,
    ClientRefused,
}

/// What is known of a login before its password is checked.
struct Claim {
    client: Option<Client>,
    standing: Standing,
    secret: Option<AccountSecret>,
}

impl Issuer {
    /// Logs an account in.
    ///
    /// # Errors
    /// See [`LoginError`].
    pub async fn login(&self, login: Login, now: Now) -> Result<Issued, LoginError> {
        let dialect = login.dialect;
        let logged_in = self.throttled_login(login, now).await;
        let reason = match &logged_in {
            Ok(_) => "ok",
            Err(error) => error.reason(),
        };
        self.metrics.count_login(dialect, logged_in.is_ok(), reason);
        logged_in
    }

    async fn throttled_login(&self, login: Login, now: Now) -> Result<Issued, LoginError> {
        let identifier = Identifier::of(&login.identifier);
        let counted = self.throttle.begin(&identifier, login.ip, now.monotonic)?;
        let logged_in = self.checked_login(login, identifier, now).await;
        match &logged_in {
            Err(LoginError::Unrecognized) => drop(counted),
            Ok(_)
            | Err(
                LoginError::UnknownClient
                | LoginError::FactorMissing(_)
                | LoginError::WrongFactor
                | LoginError::FactorTriesUsedUp { .. }
                | LoginError::Throttled { .. }
                | LoginError::Busy { .. }
                | LoginError::Store(_),
            ) => counted.forgive(),
        }
        logged_in
    }

    async fn checked_login(
        &self,
        login: Login,
        identifier: Identifier,
        now: Now,
    ) -> Result<Issued, LoginError> {
        let (mut claim, mut verdict) = self
            .weigh(&login, AccountKey::Login(identifier.clone()))
            .await?;
        if let Err(flaw) = claim.judge(verdict) {
            let unproved = AccountKey::Unproved(identifier);
            let (other, of_other) = self.weigh(&login, unproved).await?;
            if other.judge(of_other).is_err() {
                return self.refuse(flaw, &claim, &login, now).await;
            }
            (claim, verdict) = (other, of_other);
        }
        let account = match claim.judge(verdict) {
            Ok(secret) => &secret.account,
            Err(flaw) => return self.refuse(flaw, &claim, &login, now).await,
        };
        if verdict == Verdict::Outdated {
            self.rehash(&claim, login.password.clone()).await;
        }
        self.check_factor(account, &login, now).await?;
        let actor = Actor::Account(account.id.clone());
        let mut action = Action::new(now.wall, actor, login.ip);
        action.mails.extend(self.first_sign_in(&claim, &login, now));
        let opening = Opening {
            account: &account.id,
            client: login.client.as_ref(),
            dialect: login.dialect,
            grant: login.grant,
        };
        let Some((session, minted)) = self.open(opening, &action).await? else {
            // Disabled or refused since it was looked up.
            return self.refuse(Flaw::Disabled, &claim, &login, now).await;
        };
        Ok(Issued {
            account: Arc::new(account.clone()),
            session,
            key: minted.key,
            token: minted.token,
            refresh: minted.refresh,
            expires_at: minted.expires_at,
        })
    }

    /// Looks an account up and checks the password, of nobody too.
    async fn weigh(&self, login: &Login, key: AccountKey) -> Result<(Claim, Verdict), LoginError> {
        let claim = self.look_up_claim(login, key).await?;
        let hash = claim.secret.as_ref().and_then(|s| s.password.clone());
        let verdict = self.hasher.verify(login.password.clone(), hash).await?;
        Ok((claim, verdict))
    }

    async fn look_up_claim(&self, login: &Login, key: AccountKey) -> Result<Claim, LoginError> {
        let client = match &login.client {
            Some(id) => {
                let client = self.store.client(id).await?;
                Some(client.ok_or(LoginError::UnknownClient)?)
            }
            None => None,
        };
        let secret = self.store.account_secret(&key).await?;
        let standing = match &client {
            // An account that is not there has its standing looked up like another.
            Some(client) => {
                let nobody = AccountId::parse("nobody").ok();
                let account = secret.as_ref().map(|s| &s.account.id).or(nobody.as_ref());
                match account {
                    Some(account) => self.store.standing(account, &client.id).await?,
                    None => Standing::New,
                }
            }
            None => Standing::Known,
        };
        Ok(Claim {
            client,
            standing,
            secret,
        })
    }

    async fn refuse(
        &self,
        flaw: Flaw,
        claim: &Claim,
        login: &Login,
        now: Now,
    ) -> Result<Issued, LoginError> {
        let event = AuditEvent {
            event: "login",
            result: AuditResult::Failure,
            reason: Some(flaw.as_str()),
            user: claim.secret.as_ref().map(|s| s.account.id.clone()),
            object: claim
                .client
                .as_ref()
                .map(|client| client.id.as_str().into()),
        };
        let action = Action::new(now.wall, Actor::Anonymous, login.ip);
        self.store.record(&event, &action).await?;
        Err(LoginError::Unrecognized)
    }

    /// Hashes a password anew after its login; when that cannot be done now, the next login will try.
    async fn rehash(&self, claim: &Claim, password: Password) {
        let Some(AccountSecret {
            account,
            password: Some(old),
        }) = &claim.secret
        else {
            return;
        };
        let Ok(new) = self.hasher.hash(password).await else {
            return;
        };
        let replaced = self
            .store
            .rehash_password(&account.id, old.expose(), new.expose());
        if let Err(error) = replaced.await {
            tracing::warn!(%error, user = %account.id, "a password could not be hashed anew");
        }
    }

    /// Seed 003: account holders receive a mail each time they sign in to an application for the first time.
    fn first_sign_in(&self, claim: &Claim, login: &Login, now: Now) -> Option<Mail> {
        if login.dialect != Dialect::X_AUTH || claim.standing != Standing::New {
            return None;
        }
        let to = claim.secret.as_ref()?.account.email.as_ref()?;
        let client = claim.client.as_ref()?;
        let spoken = self.letters.spoken(login.language);
        spoken.first_sign_in(to, client, login.ip, now.wall)
    }
}

impl Claim {
    fn judge(&self, verdict: Verdict) -> Result<&AccountSecret, Flaw> {
        let secret = self.secret.as_ref().ok_or(Flaw::UnknownAccount)?;
        if secret.password.is_none() {
            return Err(Flaw::NoPassword);
        }
        match verdict {
            Verdict::Mismatch => return Err(Flaw::WrongPassword),
            Verdict::Match | Verdict::Outdated => {}
        }
        if secret.account.status == AccountStatus::Disabled {
            return Err(Flaw::Disabled);
        }
        if self.standing == Standing::Refused {
            return Err(Flaw::ClientRefused);
        }
        Ok(secret)
    }
}

impl LoginError {
    fn reason(&self) -> &'static str {
        match self {
            Self::UnknownClient => "unknown_client",
            Self::Unrecognized => "unrecognized",
            Self::FactorMissing(_) => "second_factor_required",
            Self::WrongFactor => "wrong_code",
            Self::FactorTriesUsedUp { .. } => "tries_used_up",
            Self::Throttled { .. } => "throttled",
            Self::Busy { .. } => "busy",
            Self::Store(_) => "store",
        }
    }
}

impl From<Limited> for LoginError {
    fn from(limited: Limited) -> Self {
        Self::Throttled {
            retry_after: limited.retry_after,
        }
    }
}

impl From<Busy> for LoginError {
    fn from(busy: Busy) -> Self {
        Self::Busy {
            retry_after: busy.retry_after,
        }
    }
}

impl Flaw {
    fn as_str(self) -> &'static str {
        match self {
            Self::UnknownAccount => "unknown_account",
            Self::NoPassword => "no_password",
            Self::WrongPassword => "wrong_password",
            Self::Disabled => "disabled",
            Self::ClientRefused => "client_refused",
        }
    }
}
