//! From a connection to requests.
//!
//! Our own accept loop, because pingora's server ends in its own time, and our own reading of heads, because pingora
//! forgives what two servers can read in two ways.
//!
//! | file | what it knows |
//! |---|---|
//! | `listener` | sockets that listen, and how many connections each network has |
//! | `announced` | the PROXY protocol |
//! | `face` | how the connections of a listener begin: in the open, or with TLS |
//! | `holder` | whose a client's certificate is |
//! | `stream` | a connection as pingora reads and writes it |
//! | `head` | from bytes to a whole head, in time |
//! | `gate` | which heads are unambiguous |
//! | `body` | where a body ends, and that it is unambiguous |
//! | `pace` | how fast a body comes |
//! | `lent` | a connection while pingora has it, for one request |
//! | `http2` | a connection of HTTP/2, and its requests |
//! | `fields` | the gate's rules for heads of HTTP/2 |
//! | `frame`, `frames`, `watched` | which frames pass, and which connections and streams that ends |
//! | `heads`, `hpack` | which stream a head of HTTP/2 opens, and what h2 would overlook in it |
//!
//! A head that passes the gate goes to pingora together with the connection, a request at a time. The connection comes
//! back when the request is answered; what a client sent meanwhile is its next request.
//!
//! This room knows neither routes nor credentials.

mod announced;
mod body;
mod face;
mod fields;
mod frame;
mod frames;
mod gate;
mod head;
mod heads;
mod holder;
mod hpack;
mod http2;
mod lent;
mod listener;
mod pace;
#[cfg(feature = "controls")]
pub mod probe;
mod stream;
mod watched;

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use pingora_core::apps::HttpServerApp as _;
use pingora_core::protocols::Stream;
use pingora_core::protocols::http::ServerSession;
use tokio::io::AsyncWriteExt;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

use crate::config::server::Limits;
use crate::config::tls::Shown;
use crate::metrics::{ConnectionEnd, ConnectionState};
use crate::proxy::{Arrival, Course, Desk, FullLane, Unreadable};

use face::{Face, Opened, Socket};
use head::{Head, Patience};
use lent::{Home, Lent, Line};
use listener::{Accepted, PerIp, Seat};

pub use face::Faces;
pub use listener::Listener;

/// Takes connections and hands their requests on.
#[derive(Clone)]
pub struct Front {
    lane: FullLane,
    desk: Arc<Desk>,
    seats: Arc<Semaphore>,
    per_ip: PerIp,
    limit: u32,
    shutdown: watch::Receiver<bool>,
}

/// A connection that is open: counted, in all and for its network.
struct Connection {
    peer: IpAddr,
    /// The certificate that the client was shown; `None` in the open.
    shown: Option<Arc<Shown>>,
    desk: Arc<Desk>,
    of_network: Option<Seat>,
    _seat: OwnedSemaphorePermit,
}

/// How long accepting rests after the system refused a connection for want of descriptors or memory.
const BREATH: Duration = Duration::from_millis(100);

/// How long a client may take to read a refusal while it still sends.
const LINGER: Duration = Duration::from_secs(1);

impl Front {
    /// A front before `lane`, with the caps of `limits` until the process ends.
    #[must_use]
    pub fn new(
        lane: FullLane,
        desk: Arc<Desk>,
        limits: &Limits,
        shutdown: watch::Receiver<bool>,
    ) -> Self {
        let limit = u32::try_from(limits.connections).unwrap_or(u32::MAX);
        Self {
            lane,
            desk,
            seats: Arc::new(Semaphore::new(limit as usize)),
            per_ip: PerIp::new(limits.connections_per_ip),
            limit,
            shutdown,
        }
    }

    /// Takes connections until shutdown. What waits while every seat is taken waits in the system's queue.
    pub async fn accept(self, listener: Listener) {
        let mut shutdown = self.shutdown.clone();
        loop {
            tokio::select! {
                biased;
                _ = shutdown.wait_for(|down| *down) => return,
                () = self.accept_one(&listener) => {}
            }
        }
    }

    /// Waits until every connection has ended, at most for `limit`; true if they all did.
    pub async fn drained(&self, limit: Duration) -> bool {
        timeout(limit, self.seats.acquire_many(self.limit))
            .await
            .is_ok()
    }

    async fn accept_one(&self, listener: &Listener) {
        let Ok(seat) = Arc::clone(&self.seats).acquire_owned().await else {
            return;
        };
        let accepted = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                return tokio::time::sleep(BREATH).await;
            }
        };
        let face = listener.face();
        let mut connection = Connection::open(accepted.peer(), &self.desk, seat);
        // Connections that a proxy announces are not the proxy's.
        let counts = matches!(accepted, Accepted::Tcp(..)) && !face.proxy_protocol;
        if counts && !connection.sit(&self.per_ip) {
            return self.desk.metrics().count_end(ConnectionEnd::PerIp);
        }
        tokio::spawn(self.clone().meet(accepted, face, connection));
    }

    /// From a connection to the first request, within the time for that.
    async fn meet(self, accepted: Accepted, face: Arc<Face>, mut connection: Connection) {
        let limit = self.desk.limits().handshake_timeout;
        let mut shutdown = self.shutdown.clone();
        let opening = async {
            match accepted {
                Accepted::Tcp(socket, _) => self.open(socket, &face, &mut connection).await,
                Accepted::Unix(socket) => self.open(socket, &face, &mut connection).await,
            }
        };
        let opened = tokio::select! {
            biased;
            opened = timeout(limit, opening) => opened,
            // Nothing was asked yet, so nothing is owed.
            _ = shutdown.wait_for(|down| *down) => return,
        };
        let end = match opened {
            Ok(Ok(opened)) => {
                connection.shown = opened.shown;
                if opened.is_http2 {
                    self.serve_streams(opened.stream, connection).await;
                } else {
                    self.serve(opened.stream, &connection).await;
                }
                return;
            }
            Ok(Err(end)) => end,
            Err(_) => ConnectionEnd::HandshakeTimeout,
        };
        self.desk.metrics().count_end(end);
    }

    /// What comes before the first request: a proxy's word for whose it is, and TLS.
    async fn open(
        &self,
        mut socket: impl Socket,
        face: &Face,
        connection: &mut Connection,
    ) -> Result<Opened, ConnectionEnd> {
        if face.proxy_protocol {
            if !self.desk.trusts(connection.peer) {
                return Err(ConnectionEnd::ProxyHeader);
            }
            let client = announced::client(&mut socket).await;
            let client = client.map_err(|_| ConnectionEnd::ProxyHeader)?;
            connection.peer = client.unwrap_or(connection.peer);
            if !connection.sit(&self.per_ip) {
                return Err(ConnectionEnd::PerIp);
            }
        }
        face.open(socket).await.map_err(|error| {
            tracing::debug!(%error, peer = %connection.peer, "a connection did not begin");
            ConnectionEnd::Handshake
        })
    }

    async fn serve(self, stream: Stream, connection: &Connection) {
        let cut = Arc::new(Notify::new());
        let mut is_cut = pin!(cut.notified());
        let mut patience = Patience::new(&self.desk.limits(), self.shutdown.clone());
        let home = Home::default();
        let mut line = Line {
            stream,
            ahead: BytesMut::new(),
        };
        loop {
            let limits = self.desk.limits();
            let Line { stream, ahead } = &mut line;
            let (head, framing) = match head::read(stream, ahead, &limits, &mut patience).await {
                Head::Whole(head, framing) => (head, framing),
                Head::Nothing => return,
                Head::Refused(malformed) => {
                    let unreadable = Unreadable {
                        status: malformed.status(),
                        reason: malformed.reason(),
                        peer: connection.peer,
                    };
                    let answer = self.desk.refuse(&unreadable, &line.ahead);
                    return refuse(line.stream, &answer).await;
                }
            };
            let course = Course::default();
            let lent = Lent::new(line, framing, &limits, course.clone(), &home);
            let mut session = ServerSession::new_http1(Box::new(lent));
            session.set_pipelined_prefix(head);
            session.set_read_timeout(Some(limits.body_idle));
            session.set_write_timeout(Some(limits.body_idle));
            let arrival = Arrival::new(connection.peer, Arc::clone(&cut), course);
            let arrival = arrival.with_tls(connection.shown.clone());
            session.set_connection_user_context(Some(Box::new(arrival)));
            let goes_on = tokio::select! {
                biased;
                again = self.lane.process_new_http(session, &self.shutdown) => again.is_some(),
                // Dropping the request closes both of its connections; its line is written all the same.
                () = &mut is_cut => return,
            };
            line = match home.take() {
                Some(back) if goes_on && back.is_between_requests => back.line,
                Some(back) => return linger(back.line.stream).await,
                None => return,
            };
        }
    }
}

impl std::fmt::Debug for Front {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Front").finish_non_exhaustive()
    }
}

impl Connection {
    fn open(peer: IpAddr, desk: &Arc<Desk>, seat: OwnedSemaphorePermit) -> Self {
        desk.metrics().connections(ConnectionState::Open).inc();
        Self {
            peer,
            shown: None,
            desk: Arc::clone(desk),
            of_network: None,
            _seat: seat,
        }
    }

    /// Takes one of its network's seats; false if there is none.
    fn sit(&mut self, per_ip: &PerIp) -> bool {
        self.of_network = per_ip.take(self.peer);
        self.of_network.is_some()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.desk.metrics().connections(ConnectionState::Open).dec();
    }
}

async fn refuse(mut stream: Stream, answer: &[u8]) {
    // A client that is gone has been answered as well as can be.
    let _ = timeout(LINGER, stream.write_all(answer)).await;
    linger(stream).await;
}

/// Closes, but reads on for a moment: closing with unread bytes resets the connection, and a reset throws the answer away
/// before the client has read it.
async fn linger(mut stream: Stream) {
    let farewell = async {
        AsyncWriteExt::shutdown(&mut stream).await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    };
    // Whoever takes longer has had the time to read it.
    let _ = timeout(LINGER, farewell).await;
}
