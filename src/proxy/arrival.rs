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
    pub(super) course: Course,
    pub(super) shown: Option<Arc<Shown>>,
}

/// What the front and the lane tell each other of a request while it goes on. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Course(Arc<Told>);

#[derive(Debug, Default)]
struct Told {
    has_switched: AtomicBool,
    awaits_client: AtomicBool,
}

impl Arrival {
    /// A request on a connection from `peer`; `cut` is notified when the connection has to end at once.
    #[must_use]
    pub fn new(peer: IpAddr, cut: Arc<Notify>, course: Course) -> Self {
        Self {
            peer,
            cut,
            course,
            shown: None,
        }
    }

    /// The same over TLS, with the certificate that the client was shown; `None` in the open.
    #[must_use]
    pub fn with_tls(self, shown: Option<Arc<Shown>>) -> Self {
        Self { shown, ..self }
    }
}

impl Course {
    /// Whether the connection speaks another protocol now: the lane says so with the 101.
    #[must_use]
    pub fn has_switched(&self) -> bool {
        self.0.has_switched.load(Ordering::Relaxed)
    }

    /// Says whether the rest of the request's body is waited for.
    pub fn awaits_client(&self, awaits: bool) {
        self.0.awaits_client.store(awaits, Ordering::Relaxed);
    }

    pub(super) fn switch(&self) {
        self.0.has_switched.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_client_awaited(&self) -> bool {
        self.0.awaits_client.load(Ordering::Relaxed)
    }
}
