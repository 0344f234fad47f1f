//! Who somebody is: recognising credentials, and giving and ending them.
//!
//! [`Verifier`] answers for every request whom its credential stands for, mostly from a cache that the change feed keeps
//! true. [`Auth`] bundles what the rooms above need and runs what has to go on in the background.
//!
//! Knows nothing of HTTP and decides nothing about routes.

use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::store::{SharedStore, StoreError};

mod cache;
mod feed;
mod used;
pub mod verifier;

pub use verifier::{Forgotten, Introspection, Source, Verifier};

/// Everything about who somebody is, over one store.
#[derive(Debug)]
pub struct Auth {
    /// Recognises credentials.
    pub verifier: Arc<Verifier>,
    feed: feed::Feed,
    uses: tokio::sync::Mutex<used::Recorder>,
}

impl Auth {
    /// Puts the room together. Nothing runs before [`Self::run`], and until then the cache is not believed.
    #[must_use]
    pub fn new(
        config: &Config,
        store: SharedStore,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (uses, recorder) = used::queue(Arc::clone(&store));
        let verifier = Arc::new(Verifier::new(
            &config.cache,
            Arc::clone(&store),
            uses,
            &metrics,
        ));
        let feed = feed::Feed::new(
            store,
            Arc::clone(&verifier),
            clock,
            metrics,
            config.store.revocation_bound,
        );
        Self {
            verifier,
            feed,
            uses: tokio::sync::Mutex::new(recorder),
        }
    }

    /// Follows the change feed and writes down uses until `shutdown` is true. To be run once.
    pub async fn run(&self, shutdown: watch::Receiver<bool>) {
        let mut uses = self.uses.lock().await;
        tokio::join!(self.feed.run(shutdown.clone()), uses.run(shutdown));
    }

    /// Follows the change feed to its present end, once; for those who do not [`run`](Self::run).
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn follow_feed(&self) -> Result<(), StoreError> {
        self.feed.follow().await
    }
}
