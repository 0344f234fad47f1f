//! Puts everything together: configuration → store → auth → gateway → listeners; and takes it apart in order.
//!
//! The one place that knows every room. What can be replaced while the process runs is replaced whole: a reload reads the
//! configuration, and only if it is right from end to end requests begin to see it. What is bound to a socket, a file or a
//! thread needs a restart, and a reload says so.

mod audit;
mod core;
mod process;
mod reload;

use std::future::{Future, IntoFuture as _};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::admin::Health;
use crate::auth::Auth;
use crate::config::Config;
use crate::dialect::{More, Mounted};
use crate::front::{Faces, Front, Listener};
use crate::proxy;
use crate::proxy::journal::Journal;
use crate::store::SharedStore;

use self::core::Core;

pub use process::{StartError, serve};
pub use reload::Load;

/// Everything, open and ready to [`run`](Self::run).
pub struct Server {
    /// Who issues and recognises here.
    pub auth: Arc<Auth>,
    /// The store behind that.
    pub store: SharedStore,
    core: Arc<Core>,
    front: Front,
    listeners: Vec<Listener>,
    admin: TcpListener,
    token: Option<String>,
    down: watch::Sender<bool>,
}

impl Server {
    /// Opens the store and every listener. Nothing is answered before [`run`](Self::run).
    ///
    /// # Errors
    /// If one of them cannot be opened.
    pub async fn open(
        config: Config,
        load: Load,
        journal: Option<Journal>,
    ) -> Result<Self, StartError> {
        Self::open_with(config, load, journal, |_, _| Mounted::default()).await
    }

    /// The same with dialects of the caller's own beside the configured ones: `more` is asked for them with every
    /// configuration that is taken.
    ///
    /// # Errors
    /// If one of them cannot be opened.
    pub async fn open_with(
        config: Config,
        load: Load,
        journal: Option<Journal>,
        more: More,
    ) -> Result<Self, StartError> {
        let mut listeners = Vec::with_capacity(config.listen.len());
        let mut faces = Faces::default();
        for listen in &config.listen {
            let opened = Listener::bind(listen, &mut faces).await;
            listeners.push(opened.map_err(StartError::listen(format!("{:?}", listen.address)))?);
        }
        let address = config.admin.address;
        let admin = TcpListener::bind(address).await;
        let admin = admin.map_err(StartError::listen(address.to_string()))?;
        let token = config.admin.token_file.as_ref();
        let token = token.map(std::fs::read_to_string).transpose();
        let (down, shutdown) = watch::channel(false);
        let limits = config.limits.clone();
        let core = Arc::new(Core::open(config, load, journal, more)?.behind(faces));
        let lane = proxy::open(Arc::clone(&core.desk));
        Ok(Self {
            front: Front::new(lane, Arc::clone(&core.desk), &limits, shutdown),
            token: token.map_err(StartError::AdminToken)?,
            auth: Arc::clone(&core.parts.auth),
            store: Arc::clone(&core.store),
            core,
            listeners,
            admin,
            down,
        })
    }

    /// The addresses that were given to the listeners, and the admin listener's.
    #[must_use]
    pub fn addresses(&self) -> (Vec<SocketAddr>, Option<SocketAddr>) {
        let listeners = self.listeners.iter().filter_map(Listener::address);
        (listeners.collect(), self.admin.local_addr().ok())
    }

    /// Serves until `stop` ends; then takes no new connections, lets open requests finish for as long as
    /// `server.drain` says, and returns as soon as nothing is open.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let (over, when_over) = watch::channel(false);
        let core = Arc::clone(&self.core);
        core.warm_up().await;
        let beside = tokio::spawn(async move { core.run(when_over).await });
        let accept = |listener| tokio::spawn(self.front.clone().accept(listener));
        let accepting: Vec<_> = self.listeners.into_iter().map(accept).collect();
        let health = Health::new(Arc::clone(&self.core.store));
        let admin = self.core.admin(health.clone(), self.token).router();
        let admin = admin.into_make_service_with_connect_info::<SocketAddr>();
        let admin = tokio::spawn(axum::serve(self.admin, admin).into_future());
        health.set_loaded();
        health.set_started();
        self.core.parts.metrics.set_reload_successful(true);
        tracing::info!("serving");

        stop.await;
        health.set_draining();
        self.core.desk.drain();
        let drain = self.core.config.lock().server.drain;
        tracing::info!(drain_seconds = drain.as_secs(), "draining");
        self.down.send_replace(true);
        for task in accepting {
            let _ = task.await;
        }
        if !self.front.drained(drain).await {
            tracing::warn!("requests were still open when the time to drain was over");
        }
        over.send_replace(true);
        let _ = beside.await;
        admin.abort();
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}
