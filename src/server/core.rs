//! What lives as long as the process, whatever the configuration becomes, and how a configuration is made ready over it.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::admin::{Admin, Health, Reload};
use crate::auth::Auth;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::dialect::{self, More};
use crate::front::Faces;
use crate::gateway::endpoint::Endpoints;
use crate::gateway::{Connections, Gateway, Signer};
use crate::metrics::Metrics;
use crate::proxy::journal::Journal;
use crate::proxy::{Desk, OwnEndpoints, Site, watch_upstreams};
use crate::store::{self, OpenError, SharedStore};

use super::audit;
use super::reload::Load;

/// The parts that stay.
pub(super) struct Core {
    pub(super) store: SharedStore,
    pub(super) parts: Parts,
    pub(super) connections: Arc<Connections>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) desk: Arc<Desk>,
    /// The configuration as it was last taken.
    pub(super) config: Mutex<Config>,
    pub(super) load: Load,
    faces: Faces,
}

/// What requests see of a configuration is made of it and these.
pub(super) struct Parts {
    pub(super) auth: Arc<Auth>,
    pub(super) signer: Arc<Signer>,
    pub(super) metrics: Arc<Metrics>,
    more: More,
}

impl Core {
    /// Opens the store and puts everything over it.
    ///
    /// # Errors
    /// If the store cannot be opened.
    pub(super) fn open(
        config: Config,
        load: Load,
        journal: Option<Journal>,
        more: More,
    ) -> Result<Self, OpenError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let metrics = Arc::new(Metrics::new());
        let store = store::open(&config.store.url)?;
        let auth = Arc::new(Auth::new(
            &config,
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::clone(&metrics),
        ));
        let verifier = &auth.verifier;
        let signer = Signer::new(&config, Arc::clone(&store), Arc::clone(verifier));
        let signer = Arc::new(signer);
        let connections = Arc::new(Connections::new(Arc::clone(verifier)));
        let parts = Parts {
            auth,
            signer,
            metrics,
            more,
        };
        let desk = Desk::new(
            parts.site(&config),
            Arc::clone(&connections),
            Arc::clone(&clock),
            Arc::clone(&parts.metrics),
        );
        Ok(Self {
            store,
            parts,
            connections,
            clock,
            desk: Arc::new(desk.logging_to(journal)),
            config: Mutex::new(config),
            load,
            faces: Faces::default(),
        })
    }

    /// The same behind these listeners, whose faces are replaced with the configuration.
    pub(super) fn behind(self, faces: Faces) -> Self {
        Self { faces, ..self }
    }

    /// Everything that goes on beside the requests, until `over` is true.
    pub(super) async fn run(&self, over: watch::Receiver<bool>) {
        tokio::join!(
            self.parts.auth.run(over.clone()),
            self.parts.signer.run(&*self.clock, over.clone()),
            self.connections.run(&*self.clock, over.clone()),
            watch_upstreams(Arc::clone(&self.desk), over.clone()),
            audit::tell(Arc::clone(&self.store), &*self.clock, over),
        );
    }

    /// Asks the store for what the first request should not have to wait for. Without an answer the first request does.
    pub(super) async fn warm_up(&self) {
        let (auth, signer) = (&self.parts.auth, &self.parts.signer);
        let now = self.clock.now().wall;
        let asked = tokio::join!(auth.follow_feed(), signer.refresh(now));
        for error in [asked.0.err(), asked.1.err()].into_iter().flatten() {
            tracing::warn!(%error, "the store does not answer yet");
        }
    }

    /// The admin listener's endpoints, over these parts.
    pub(super) fn admin(self: &Arc<Self>, health: Health, token: Option<String>) -> Admin {
        let reloaded = Arc::clone(self);
        Admin {
            health,
            metrics: Arc::clone(&self.parts.metrics),
            reload: Reload::new(move || {
                let core = Arc::clone(&reloaded);
                async move { core.reload().await }
            }),
            token,
            auth: Arc::clone(&self.parts.auth),
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
        }
    }

    /// Lets requests that begin from now on see another configuration.
    pub(super) fn replace(&self, config: &Config) {
        self.desk.replace(self.parts.site(config));
        self.faces.replace(&config.listen);
    }
}

impl Parts {
    /// A configuration, ready for requests.
    fn site(&self, config: &Config) -> Site {
        let verifier = Arc::clone(&self.auth.verifier);
        let gateway = Gateway::new(config, verifier, &self.metrics);
        let gateway = gateway.with_signer(Arc::clone(&self.signer));
        let mounted = dialect::mount(config, &self.auth)
            .and(dialect::keys::mount(Arc::clone(&self.signer)))
            .and((self.more)(config, &self.auth));
        let own = OwnEndpoints::new(mounted.router, Endpoints::new(mounted.endpoints));
        Site::new(config, Arc::new(gateway), own)
    }
}
