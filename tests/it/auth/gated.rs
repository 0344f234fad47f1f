//! A store that can be made to stop, to fail, and to be replaced by another while it is in use.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use countersign::config::section::Rate;
use countersign::model::account::Account;
use countersign::model::audit::{AuditEvent, AuditRecord};
use countersign::model::change::{Change, Sequence};
use countersign::model::client::Client;
use countersign::model::connection::Connection;
use countersign::model::factor::{Enrolled, SecurityKey, Totp, TotpSecret};
use countersign::model::id::{AccountId, ClientId, ConnectionId, SecurityKeyId, SessionId};
use countersign::model::principal::Principal;
use countersign::model::session::{RevocationCause, Session};
use countersign::model::time::Timestamp;
use countersign::model::token::TokenDigest;
use countersign::store::accounts::{AccountChange, AccountKey, AccountSecret, Link, NewAccount};
use countersign::store::clients::Standing;
use countersign::store::codes::{CodePut, CodeTried, CodeTry, NewCode};
use countersign::store::factors::{FactorTried, FactorTry, Removal};
use countersign::store::journal::SigningKey;
use countersign::store::memory::MemoryStore;
use countersign::store::outbox::QueuedMail;
use countersign::store::sessions::{NewToken, Rotated, Rotation, SessionSet};
use countersign::store::tickets::Ticket;
use countersign::store::{
    Accounts, Action, Clients, Codes, Committed, Connections, Consents, Factors, Journal, Outbox,
    Sessions, SharedStore, StoreError, Tickets,
};

/// A store in memory behind a gate.
#[derive(Debug)]
pub(crate) struct Gated {
    inner: RwLock<SharedStore>,
    is_gone: AtomicBool,
    is_slow: AtomicBool,
    endings: AtomicUsize,
    questions: AtomicUsize,
    delayed: AtomicUsize,
    removed: AtomicUsize,
    gate: Mutex<Option<Arc<Gate>>>,
}

/// Where an introspection stops between its answer and its caller.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    reached: Notify,
    open: Notify,
}

impl Gated {
    pub(crate) fn new() -> Self {
        Self {
            inner: RwLock::new(Arc::new(MemoryStore::new())),
            is_gone: AtomicBool::new(false),
            is_slow: AtomicBool::new(false),
            endings: AtomicUsize::new(0),
            questions: AtomicUsize::new(0),
            delayed: AtomicUsize::new(0),
            removed: AtomicUsize::new(0),
            gate: Mutex::default(),
        }
    }

    /// Makes every operation fail, or lets them succeed again.
    pub(crate) fn set_gone(&self, is_gone: bool) {
        self.is_gone.store(is_gone, Ordering::SeqCst);
    }

    /// Lets others go first between an introspection's answer and its caller.
    pub(crate) fn set_slow(&self) {
        self.is_slow.store(true, Ordering::SeqCst);
    }

    /// Puts another store in this one's place.
    pub(crate) fn replace(&self, other: SharedStore) {
        *self.inner.write() = other;
    }

    /// How often a mail was put off, and how many left for good.
    pub(crate) fn mails(&self) -> (usize, usize) {
        let count = |of: &AtomicUsize| of.load(Ordering::SeqCst);
        (count(&self.delayed), count(&self.removed))
    }

    /// How often it was asked about a token.
    pub(crate) fn questions(&self) -> usize {
        self.questions.load(Ordering::SeqCst)
    }

    /// Stops the next introspection after it has read its answer.
    pub(crate) fn close(&self) -> Arc<Gate> {
        let gate = Arc::new(Gate::default());
        *self.gate.lock() = Some(Arc::clone(&gate));
        gate
    }

    pub(crate) fn inner(&self) -> SharedStore {
        Arc::clone(&self.inner.read())
    }

    /// Waits for the next ending, not for ever, and then now short, now long: most answers are out of date on arrival.
    async fn linger(&self, number: usize) {
        let before = self.endings.load(Ordering::SeqCst);
        for _ in 0..200 {
            if self.endings.load(Ordering::SeqCst) != before {
                break;
            }
            tokio::task::yield_now().await;
        }
        for _ in 0..number % 8 {
            tokio::task::yield_now().await;
        }
    }

    fn check(&self) -> Result<SharedStore, StoreError> {
        if self.is_gone.load(Ordering::SeqCst) {
            Err(StoreError::Unavailable("gone".to_owned()))
        } else {
            Ok(self.inner())
        }
    }
}

impl Gate {
    /// Waits until an introspection stands at the gate.
    pub(crate) async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Lets it go on.
    pub(crate) fn open(&self) {
        self.open.notify_one();
    }
}

macro_rules! forward {
    ($trait:ident { $($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)* }) => {
        #[async_trait]
        impl $trait for Gated {
            $(async fn $name(&self, $($argument: $type),*) -> Result<$answer, StoreError> {
                self.check()?.$name($($argument),*).await
            })*
        }
    };
}

forward!(Accounts {
    account(key: &AccountKey) -> Option<Account>;
    account_secret(key: &AccountKey) -> Option<AccountSecret>;
    accounts() -> Vec<Account>;
    create_accounts(accounts: &[NewAccount], invitation: Option<&TokenDigest>, action: &Action)
        -> Committed<Vec<Account>>;
    change_account(id: &AccountId, change: &AccountChange, action: &Action) -> Committed<Account>;
    delete_account(id: &AccountId, action: &Action) -> Committed<()>;
    rehash_password(id: &AccountId, old: &str, new: &str) -> ();
    put_link(link: &Link, action: &Action) -> ();
    link(digest: &TokenDigest, now: Timestamp) -> Option<Link>;
    confirm_email(digest: &TokenDigest, action: &Action) -> Option<Committed<Account>>;
});

forward!(Clients {
    client(id: &ClientId) -> Option<Client>;
    clients() -> Vec<Client>;
    create_client(client: &Client, action: &Action) -> Committed<()>;
    delete_client(id: &ClientId, action: &Action) -> Committed<()>;
    standing(account: &AccountId, client: &ClientId) -> Standing;
    refused(account: &AccountId) -> Vec<ClientId>;
    set_refused(account: &AccountId, client: &ClientId, refused: bool, action: &Action)
        -> Committed<()>;
});

forward!(Consents {
    has_consented(account: &AccountId, client: &ClientId) -> bool;
    consent(account: &AccountId, client: &ClientId, action: &Action) -> Committed<()>;
    related_clients(account: &AccountId) -> Vec<(Client, bool)>;
});

forward!(Factors {
    enrolled(of: &AccountId) -> Enrolled;
    totp(of: &AccountId) -> Option<Totp>;
    begin_totp(of: &AccountId, secret: &TotpSecret, action: &Action) -> ();
    confirm_totp(tried: &FactorTry, action: &Action) -> Committed<FactorTried>;
    add_key(key: &SecurityKey, action: &Action) -> Committed<()>;
    rename_key(of: &AccountId, key: &SecurityKeyId, name: &str, action: &Action) -> bool;
    replace_recovery_codes(of: &AccountId, codes: &[TokenDigest], action: &Action) -> Committed<()>;
    remove_factor(of: &AccountId, which: Removal, action: &Action) -> Committed<bool>;
    try_factor(tried: &FactorTry, action: &Action) -> FactorTried;
});

forward!(Tickets {
    put_ticket(ticket: &Ticket, action: &Action) -> ();
    ticket(digest: &TokenDigest, now: Timestamp) -> Option<Ticket>;
    take_ticket(digest: &TokenDigest, action: &Action) -> Option<Ticket>;
});

#[async_trait]
impl Sessions for Gated {
    async fn introspect(&self, digest: &TokenDigest) -> Result<Option<Principal>, StoreError> {
        let number = self.questions.fetch_add(1, Ordering::SeqCst);
        let answer = self.check()?.introspect(digest).await;
        if self.is_slow.load(Ordering::SeqCst) {
            self.linger(number).await;
        }
        let gate = self.gate.lock().take();
        if let Some(gate) = gate {
            gate.reached.notify_one();
            gate.open.notified().await;
        }
        answer
    }

    async fn open_session(
        &self,
        session: &Session,
        tokens: &[NewToken],
        action: &Action,
    ) -> Result<Option<Committed<()>>, StoreError> {
        self.check()?.open_session(session, tokens, action).await
    }

    async fn add_token(
        &self,
        session: &SessionId,
        token: &NewToken,
        audited: &'static str,
        action: &Action,
    ) -> Result<Option<Committed<()>>, StoreError> {
        let inner = self.check()?;
        inner.add_token(session, token, audited, action).await
    }

    async fn rotate_refresh(
        &self,
        rotation: &Rotation,
        action: &Action,
    ) -> Result<Committed<Rotated>, StoreError> {
        self.check()?.rotate_refresh(rotation, action).await
    }

    async fn consume_token(
        &self,
        digest: &TokenDigest,
        action: &Action,
    ) -> Result<Option<Principal>, StoreError> {
        self.check()?.consume_token(digest, action).await
    }

    async fn redeem_token(
        &self,
        digest: &TokenDigest,
        token: &NewToken,
        action: &Action,
    ) -> Result<Option<Committed<Principal>>, StoreError> {
        self.check()?.redeem_token(digest, token, action).await
    }

    async fn revoke_token(
        &self,
        digest: &TokenDigest,
        action: &Action,
    ) -> Result<Committed<bool>, StoreError> {
        self.check()?.revoke_token(digest, action).await
    }

    async fn end_sessions(
        &self,
        which: &SessionSet,
        cause: RevocationCause,
        action: &Action,
    ) -> Result<Committed<Vec<SessionId>>, StoreError> {
        let ended = self.check()?.end_sessions(which, cause, action).await;
        self.endings.fetch_add(1, Ordering::SeqCst);
        ended
    }

    async fn sessions(&self, of: Option<&AccountId>) -> Result<Vec<Session>, StoreError> {
        self.check()?.sessions(of).await
    }

    async fn touch_sessions(&self, used: &[(SessionId, Timestamp)]) -> Result<(), StoreError> {
        self.check()?.touch_sessions(used).await
    }

    async fn sweep(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.check()?.sweep(before, limit).await
    }
}

forward!(Codes {
    put_code(code: &NewCode, limit: Rate, action: &Action) -> CodePut;
    try_code(tried: &CodeTry, elevated: &NewToken, action: &Action) -> CodeTried;
});

forward!(Connections {
    connections(of: Option<&AccountId>) -> Vec<Connection>;
    add_connection(connection: &Connection, action: &Action) -> ();
    remove_connection(id: &ConnectionId, action: &Action) -> bool;
});

forward!(Journal {
    ping() -> ();
    last_change() -> Sequence;
    changes_after(after: Sequence, limit: usize) -> Vec<Change>;
    record(event: &AuditEvent, action: &Action) -> ();
    audit(since: Option<Timestamp>) -> Vec<AuditRecord>;
    signing_keys() -> Vec<SigningKey>;
    add_signing_key(key: &SigningKey, unless_after: Timestamp, action: &Action) -> Committed<bool>;
});

#[async_trait]
impl Outbox for Gated {
    async fn claim_mails(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<QueuedMail>, StoreError> {
        self.check()?.claim_mails(now, lease_until, limit).await
    }

    async fn remove_mail(&self, id: i64) -> Result<(), StoreError> {
        self.check()?.remove_mail(id).await?;
        self.removed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn delay_mail(&self, id: i64, next_try: Timestamp) -> Result<(), StoreError> {
        self.check()?.delay_mail(id, next_try).await?;
        self.delayed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}
