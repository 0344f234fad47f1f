//! Puts everything together: configuration → store → auth → gateway → listeners; and takes it apart in order.
//!
//! The one place that knows every room. What can be replaced while the process runs is one [`Site`]; a reload reads the
//! configuration, and only if it is right from end to end the new site takes the old one's place. What is bound to a
//! socket, a file or a thread needs a restart, and a reload says so.

mod reload;

use std::future::{Future, IntoFuture as _};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::admin::{Admin, Health, Reload};
use crate::auth::Auth;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::dialect::{More, Mounted};
use crate::front::{Front, Listener};
use crate::gateway::Signer;
use crate::metrics::Metrics;
use crate::proxy::journal::Journal;
use crate::proxy::{self, Desk};
use crate::store::{self, SharedStore};
use crate::telemetry::{self, TelemetryError};

pub use reload::Load;
use reload::{Parts, Reloader};

/// Why the process does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] store::OpenError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// `[admin] token_file` cannot be read.
    #[error("cannot read admin.token_file")]
    AdminToken(#[source] io::Error),
    /// The log cannot start.
    #[error(transparent)]
    Log(#[from] TelemetryError),
    /// The system refuses threads or signals.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// Everything, open and ready to [`run`](Self::run).
pub struct Server {
    /// Recognises and issues.
    pub auth: Arc<Auth>,
    /// The store behind it.
    pub store: SharedStore,
    reloader: Arc<Reloader>,
    health: Health,
    front: Front,
    listeners: Vec<Listener>,
    admin: TcpListener,
    token: Option<String>,
    clock: Arc<dyn Clock>,
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
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let metrics = Arc::new(Metrics::new());
        let store = store::open(&config.store.url)?;
        let auth = Auth::new(
            &config,
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::clone(&metrics),
        );
        let auth = Arc::new(auth);
        let signer = Signer::new(&config, Arc::clone(&store), Arc::clone(&auth.verifier));
        let parts = Parts {
            auth: Arc::clone(&auth),
            metrics: Arc::clone(&metrics),
            signer: Arc::new(signer),
            more,
        };
        let desk = Arc::new(Desk::new(
            parts.site(&config),
            Arc::clone(&clock),
            Arc::clone(&metrics),
            journal,
        ));
        let mut listeners = Vec::with_capacity(config.listen.len());
        for listen in &config.listen {
            let opened = Listener::bind(&listen.address).await;
            listeners.push(opened.map_err(cannot_listen(format!("{:?}", listen.address)))?);
        }
        let address = config.admin.address;
        let admin = TcpListener::bind(address).await;
        let admin = admin.map_err(cannot_listen(address.to_string()))?;
        let token = config
            .admin
            .token_file
            .as_ref()
            .map(std::fs::read_to_string);
        let (down, shutdown) = watch::channel(false);
        let lane = proxy::open(Arc::clone(&desk));
        Ok(Self {
            health: Health::new(Arc::clone(&store)),
            front: Front::new(lane, Arc::clone(&desk), &config.limits, shutdown),
            token: token.transpose().map_err(StartError::AdminToken)?,
            reloader: Arc::new(Reloader {
                parts,
                desk,
                config: Mutex::new(config),
                load,
            }),
            auth,
            store,
            listeners,
            admin,
            clock,
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
        let shutdown = || self.down.subscribe();
        let auth = Arc::clone(&self.auth);
        let background = shutdown();
        let background = tokio::spawn(async move { auth.run(background).await });
        let signer = Arc::clone(&self.reloader.parts.signer);
        let (clock, signing) = (Arc::clone(&self.clock), shutdown());
        let signing = tokio::spawn(async move { signer.run(&*clock, signing).await });
        let accepting: Vec<_> = self
            .listeners
            .into_iter()
            .map(|listener| tokio::spawn(self.front.clone().accept(listener)))
            .collect();
        let reloader = Arc::clone(&self.reloader);
        let admin = Admin {
            health: self.health.clone(),
            metrics: Arc::clone(&self.reloader.parts.metrics),
            reload: Reload::new(move || {
                let reloader = Arc::clone(&reloader);
                async move { reloader.reload() }
            }),
            token: self.token,
            auth: self.auth,
            store: self.store,
            clock: self.clock,
        };
        let service = admin.router();
        let service = service.into_make_service_with_connect_info::<SocketAddr>();
        let admin = tokio::spawn(axum::serve(self.admin, service).into_future());
        self.health.set_loaded();
        self.health.set_started();
        self.reloader.parts.metrics.set_reload_successful(true);
        tracing::info!("serving");

        stop.await;
        self.health.set_draining();
        self.reloader.desk.drain();
        let drain = self.reloader.config.lock().server.drain;
        tracing::info!(drain_seconds = drain.as_secs(), "draining");
        self.down.send_replace(true);
        for task in accepting {
            let _ = task.await;
        }
        if !self.front.drained(drain).await {
            tracing::warn!("requests were still open when the time to drain was over");
        }
        let _ = tokio::join!(background, signing);
        admin.abort();
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

/// Serves until SIGTERM or SIGINT, with as many threads as `server.workers` says. SIGHUP reads the configuration again.
///
/// # Errors
/// If it cannot start.
pub fn serve(config: Config, load: Load) -> Result<(), StartError> {
    let (journal, written) = Journal::open(io::stdout())?;
    telemetry::start(&config.log, journal.clone())?;
    for advice in config.advice() {
        tracing::warn!("{advice}");
    }
    let journal = telemetry::logs_requests().then_some(journal);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.server.workers)
        .enable_all()
        .build()?;
    let served = runtime.block_on(async {
        let mut stop = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        let server = Server::open(config, load, journal).await?;
        let hangups = signal(SignalKind::hangup())?;
        tokio::spawn(reload_on(hangups, Arc::clone(&server.reloader)));
        let stop = async move {
            tokio::select! {
                _ = stop.0.recv() => {}
                _ = stop.1.recv() => {}
            }
        };
        server.run(stop).await;
        Ok(())
    });
    // What is still open was given its time.
    runtime.shutdown_background();
    drop(written);
    served
}

async fn reload_on(mut hangups: Signal, reloader: Arc<Reloader>) {
    while hangups.recv().await.is_some() {
        // What is wrong stands in the log, and the old configuration stays.
        let _ = reloader.reload();
    }
}

fn cannot_listen(address: String) -> impl FnOnce(io::Error) -> StartError {
    move |source| StartError::Listen { address, source }
}
