//! Who somebody is: recognising credentials, and giving and ending them.
//!
//! [`Verifier`] answers for every request whom its credential stands for, mostly from a cache that the change feed keeps
//! true. [`Auth`] bundles what the rooms above need and runs what has to go on in the background.
//!
//! Knows nothing of HTTP and decides nothing about routes.

use std::sync::Arc;

use tokio::sync::watch;

use hasher::Hasher;
use letters::Letters;
use webauthn::RelyingParty;

use crate::clock::Clock;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::store::{SharedStore, StoreError};

pub mod accounts;
pub mod addresses;
mod again;
mod cache;
pub mod connections;
pub mod elevation;
pub mod factors;
mod feed;
pub mod handover;
pub mod hasher;
pub mod import;
pub mod issuer;
pub mod keys;
pub mod letters;
mod login;
mod mail;
pub mod openid;
pub mod password;
pub mod redirect_url;
mod refresh;
mod register;
mod second_step;
pub mod sessions;
mod sweep;
pub mod throttle;
mod totp;
mod used;
pub mod verifier;
pub mod webauthn;

pub use accounts::AccountService;
pub use connections::ConnectionService;
pub use elevation::Elevator;
pub use factors::FactorService;
pub use issuer::Issuer;
pub use mail::reach_mail;
pub use sessions::{ClientService, SessionService};
pub use verifier::{Forgotten, Introspection, Source, Verifier};

/// Everything about who somebody is, over one store.
#[derive(Debug)]
pub struct Auth {
    /// Recognises credentials.
    pub verifier: Arc<Verifier>,
    /// Gives and ends sessions.
    pub issuer: Issuer,
    /// Changes accounts.
    pub accounts: AccountService,
    /// Lists and ends sessions.
    pub sessions: SessionService,
    /// Makes, lists and removes clients.
    pub clients: ClientService,
    /// Lists, adds and removes linked accounts.
    pub connections: ConnectionService,
    /// Lets people prove themselves again.
    pub elevator: Elevator,
    /// Sets up and checks second factors.
    pub factors: Arc<FactorService>,
    feed: feed::Feed,
    uses: tokio::sync::Mutex<used::Recorder>,
    postman: Option<mail::Postman>,
    sweeper: sweep::Sweeper,
}

impl Auth {
    /// Puts the room together and starts the threads that hash. Nothing else runs before [`Self::run`], and until then the
    /// cache is not believed.
    #[must_use]
    pub fn new(
        config: &Config,
        store: SharedStore,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (uses, recorder) = used::queue(Arc::clone(&store));
        let verifier = Verifier::new(&config.cache, Arc::clone(&store), uses, &metrics);
        let verifier = Arc::new(verifier);
        let hasher = Arc::new(Hasher::new(&config.password, &metrics));
        let letters = Arc::new(Letters::new(config));
        let shared = || (Arc::clone(&store), Arc::clone(&verifier));
        let factors = Arc::new(FactorService {
            store: Arc::clone(&store),
            verifier: Arc::clone(&verifier),
            letters: Arc::clone(&letters),
            site: RelyingParty::at(&config.server.external_url, letters.house()),
        });
        Self {
            issuer: Issuer::new(
                config,
                shared(),
                Arc::clone(&metrics),
                Arc::clone(&hasher),
                (Arc::clone(&letters), Arc::clone(&factors)),
            ),
            elevator: Elevator {
                store: Arc::clone(&store),
                letters: Arc::clone(&letters),
                factors: Arc::clone(&factors),
                metrics: Arc::clone(&metrics),
            },
            factors,
            connections: ConnectionService {
                store: Arc::clone(&store),
                letters: Arc::clone(&letters),
                metrics: Arc::clone(&metrics),
            },
            accounts: AccountService::new(config, shared(), Arc::clone(&metrics), hasher, letters),
            sessions: SessionService {
                store: Arc::clone(&store),
                verifier: Arc::clone(&verifier),
                metrics: Arc::clone(&metrics),
            },
            postman: mail::Postman::new(&config.mail, Arc::clone(&store), Arc::clone(&clock)),
            sweeper: sweep::Sweeper::new(Arc::clone(&store), Arc::clone(&clock)),
            feed: feed::Feed::new(
                shared(),
                clock,
                Arc::clone(&metrics),
                config.store.revocation_bound,
            ),
            uses: tokio::sync::Mutex::new(recorder),
            clients: ClientService {
                store,
                verifier: Arc::clone(&verifier),
                metrics,
            },
            verifier,
        }
    }

    /// Follows the change feed, writes down uses, sends mails and sweeps the store until `shutdown` is true. To be run
    /// once.
    pub async fn run(&self, shutdown: watch::Receiver<bool>) {
        let mut uses = self.uses.lock().await;
        let mail = async {
            if let Some(postman) = &self.postman {
                postman.run(shutdown.clone()).await;
            }
        };
        tokio::join!(
            self.feed.run(shutdown.clone()),
            uses.run(shutdown.clone()),
            self.sweeper.run(shutdown.clone()),
            mail
        );
    }

    /// Follows the change feed to its present end, once; for those who do not [`run`](Self::run).
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn follow_feed(&self) -> Result<(), StoreError> {
        self.feed.follow().await
    }
}
