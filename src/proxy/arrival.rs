//! What comes with a request from whoever accepts connections.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::config::tls::Shown;

/// What the front knows of a request that it hands over.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub(super) peer: IpAddr,
    pub(super) cut: Arc<Notify>,
    pub(super) switched: Switched,
    pub(super) shown: Option<Arc<Shown>>,
}

/// Whether a connection speaks another protocol now: set by the lane with the 101, obeyed by the front. Clones are the
/// same.
#[derive(Debug, Clone, Default)]
pub struct Switched(Arc<AtomicBool>);

impl Arrival {
    /// A request on a connection from `peer`; `cut` is notified when the connection has to end at once, `switched` set
    /// when it leaves HTTP.
    #[must_use]
    pub fn new(peer: IpAddr, cut: Arc<Notify>, switched: Switched) -> Self {
        Self {
            peer,
            cut,
            switched,
            shown: None,
        }
    }

    /// The same over TLS, with the certificate that the client was shown; `None` in the open.
    #[must_use]
    pub fn with_tls(self, shown: Option<Arc<Shown>>) -> Self {
        Self { shown, ..self }
    }
}

impl Switched {
    /// Whether it does.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
