//! What most commands need first: the configuration, and the store that it names.

use std::sync::Arc;

use anyhow::{Context, Result, bail};

use tokio::runtime::{Builder, Runtime};

use crate::auth::Auth;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::config::section::StoreUrl;
use crate::metrics::Metrics;
use crate::model::account::Account;
use crate::model::audit::Actor;
use crate::model::session::Session;
use crate::model::time::Now;
use crate::store::{self, Action, SharedStore};

/// An open store with everything that works on it, for one command.
#[derive(Debug)]
pub(super) struct Setup {
    /// The store that it names.
    pub(super) store: SharedStore,
    /// What changes accounts and sessions.
    pub(super) auth: Arc<Auth>,
    /// When the command was given.
    pub(super) now: Now,
}

impl Setup {
    /// Opens the store that the configuration names, whether or not `serve` has it open too.
    ///
    /// # Errors
    /// If it cannot be opened, or lives in the memory of another process.
    pub(super) fn open(config: &Config) -> Result<Self> {
        if config.store.url == StoreUrl::Memory {
            bail!(
                "the store is \"memory:\", which lives inside the `serve` process alone and is out of reach from here; \
                 put it in a file with `[store] url = \"sqlite:countersign.db\"`"
            );
        }
        Self::open_any(config)
    }

    /// The same, where an empty store in memory is good enough.
    pub(super) fn open_any(config: &Config) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let now = clock.now();
        let store = store::open(&config.store.url)?;
        let metrics = Arc::new(Metrics::new());
        let auth = Arc::new(Auth::new(config, Arc::clone(&store), clock, metrics));
        Ok(Self { store, auth, now })
    }

    /// The circumstances of what the command changes.
    pub(super) fn action(&self) -> Action {
        Action::new(self.now.wall, Actor::Operator, None)
    }

    /// The account that USER means: its id, e-mail address or username.
    pub(super) async fn account(&self, user: &str) -> Result<Account> {
        let found = self.auth.accounts.find(user).await?;
        found.with_context(|| format!("no account has the id, e-mail address or username {user:?}"))
    }

    /// The open sessions of an account, or of all.
    pub(super) async fn sessions(&self, user: Option<&str>) -> Result<Vec<Session>> {
        let of = match user {
            Some(user) => Some(self.account(user).await?.id),
            None => None,
        };
        Ok(self.auth.sessions.list(of.as_ref()).await?)
    }
}

/// What runs one command's asynchronous part.
pub(super) fn runtime() -> Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the threads of the command")
}
