//! The process that serves: its threads, its log, and the signals that end it or let it read its configuration again.

use std::future::Future;
use std::io;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::Config;
use crate::proxy::journal::Journal;
use crate::store::OpenError;
use crate::telemetry::{self, TelemetryError};

use super::Server;
use super::core::Core;
use super::reload::Load;

/// Why the process does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// `[admin] token_file` cannot be read.
    #[error("cannot read admin.token_file: {0}")]
    AdminToken(#[source] io::Error),
    /// The log cannot start.
    #[error(transparent)]
    Log(#[from] TelemetryError),
    /// The system refuses threads or signals.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

impl StartError {
    /// That an address cannot be listened on.
    pub(super) fn listen(address: String) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Listen { address, source }
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
        let stop = stopped()?;
        let hangups = signal(SignalKind::hangup())?;
        let server = Server::open(config, load, journal).await?;
        tokio::spawn(reload_on(hangups, Arc::clone(&server.core)));
        server.run(stop).await;
        Ok(())
    });
    // What is still open was given its time.
    runtime.shutdown_background();
    drop(written);
    served
}

/// Ends with SIGTERM or SIGINT, of which none is missed from now on.
fn stopped() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

async fn reload_on(mut hangups: Signal, core: Arc<Core>) {
    while hangups.recv().await.is_some() {
        // What is wrong stands in the log, and the old configuration stays.
        let _ = core.reload().await;
    }
}
