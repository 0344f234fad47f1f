//! HTTP/2: a connection with many requests at once, each handed on like one of HTTP/1.1.
//!
//! h2 reads the frames and pingora makes requests of them; what a client does beside them is [seen](super::frames), and
//! ends the connection when it is a flood or a stall. A request that is wrong costs its stream alone, and so does an upload
//! that stalls beside others.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use http::Method;
use http::request::Parts;
use parking_lot::Mutex;
use pingora_core::apps::HttpServerApp as _;
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::http::v2::server::{
    H2Accept, H2Options, HttpSession, default_h2_options, handshake,
};
use pingora_core::protocols::{Digest, Stream};
use pingora_http::RequestHeader;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::config::server::Limits;
use crate::metrics::ConnectionEnd;
use crate::proxy::{Arrival, Course, Unreadable};

use super::frames::Fault;
use super::gate::Malformed;
use super::watched::{Watch, Watched};
use super::{Connection, Front, LINGER, fields};

/// A connection that is served.
struct Served {
    connection: Arc<Connection>,
    frames: h2::server::Connection<Stream, Bytes>,
    watch: Arc<Watch>,
    digest: Arc<Digest>,
    open: Streams,
    /// Since when no request is open.
    idle_since: Instant,
    /// Since when it is to end, once its requests have.
    leaving_since: Option<Instant>,
    /// Streams whose refusal h2 sent, as far as they are counted.
    counted: usize,
}

/// What comes next of a connection.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives for one turn, on the stack"
)]
enum Next {
    Request(HttpSession),
    /// A request that pingora refused.
    Refused,
    Ended,
    /// h2 ended it, or the client did without a word.
    Broken(Box<pingora_core::Error>),
    /// Time has passed.
    Tick,
    Leaving,
}

/// The streams that are open, each with what ends it.
type Streams = Arc<Mutex<HashMap<u32, Arc<Notify>>>>;

/// A stream that is open, as long as this lives.
struct Open {
    stream: u32,
    cut: Arc<Notify>,
    /// What was wrong with its head that h2 does not show.
    malformed: Option<Malformed>,
    all: Streams,
}

/// Streams at once; a client that opens more is told to try again.
const STREAMS: u32 = 100;

/// What a client may send on one stream, and on all of them, before we have read it.
const WINDOW: u32 = 64 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;

/// What is written to a stream before the client has taken it.
const SEND_BUFFER: usize = 128 << 10;

impl Front {
    /// Serves a connection that speaks HTTP/2 until it ends.
    pub(super) async fn serve_streams(self, stream: Stream, connection: Connection) {
        let limits = self.desk.limits();
        let (watched, watch) = Watched::new(stream, WINDOW);
        let greeting = handshake(Box::new(watched), Some(options(&limits)));
        let frames = match timeout(limits.handshake_timeout, greeting).await {
            Ok(Ok(frames)) => frames,
            Ok(Err(_)) => return self.desk.metrics().count_end(ConnectionEnd::Handshake),
            Err(_) => {
                return self
                    .desk
                    .metrics()
                    .count_end(ConnectionEnd::HandshakeTimeout);
            }
        };
        let served = Served {
            connection: Arc::new(connection),
            frames,
            watch,
            digest: Arc::new(Digest::default()),
            open: Arc::default(),
            idle_since: Instant::now(),
            leaving_since: None,
            counted: 0,
        };
        served.run(self).await;
    }

    /// Serves one request until it is answered or its stream is cut.
    async fn serve_stream(
        self,
        session: HttpSession,
        served: Arc<Connection>,
        open: Open,
        watch: Arc<Watch>,
    ) {
        let serving = self.answer_stream(session, &served, &open, &watch);
        tokio::select! {
            biased;
            () = serving => {}
            // Dropping the request resets its stream; its line is written all the same.
            () = open.cut.notified() => {}
        }
    }

    /// Hands one request on, or answers that it is malformed.
    async fn answer_stream(
        &self,
        mut session: HttpSession,
        served: &Connection,
        open: &Open,
        watch: &Watch,
    ) {
        let limits = self.desk.limits();
        let arrival = Arrival::new(served.peer, Arc::clone(&open.cut), Course::default());
        let arrival = arrival.with_tls(served.shown.clone());
        let taken = take(session.req_header_mut(), arrival, &limits);
        let taken = open.malformed.map_or(taken, Err);
        session.set_write_timeout(Some(limits.body_idle));
        // A body of no bytes is believed to be empty before it has ended, and may not be.
        let is_empty = session.is_body_empty();
        if taken.is_ok() && is_empty && !matches!(session.read_body_bytes().await, Ok(None)) {
            return;
        }
        let session = ServerSession::new_http2(session);
        if let Err(malformed) = taken {
            watch.frames.lock().note_refusal();
            let unreadable = unreadable(served, malformed);
            return self.desk.refuse_stream(session, &unreadable).await;
        }
        self.lane.process_new_http(session, &self.shutdown).await;
    }
}

impl Served {
    async fn run(mut self, front: Front) {
        let limits = front.desk.limits();
        let shortest = limits
            .header_deadline
            .min(limits.body_idle)
            .min(limits.idle_timeout);
        let mut ticks = interval((shortest / 4).clamp(SHORTEST_TICK, LONGEST_TICK));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut shutdown = front.shutdown.clone();
        loop {
            let is_leaving = self.leaving_since.is_some();
            let next = tokio::select! {
                biased;
                _ = shutdown.wait_for(|down| *down), if !is_leaving => Next::Leaving,
                () = self.watch.stopped.notified() => Next::Tick,
                accepted = HttpSession::from_h2_conn(&mut self.frames, Arc::clone(&self.digest)) => match accepted {
                    Ok(Some(H2Accept::Session(session))) => Next::Request(session),
                    Ok(Some(H2Accept::Rejected)) => Next::Refused,
                    Ok(None) => Next::Ended,
                    Err(error) => Next::Broken(error),
                },
                _ = ticks.tick() => Next::Tick,
            };
            self.count_refusals(&front);
            match next {
                Next::Request(session) => {
                    // It may be answered before the next tick looks.
                    self.idle_since = Instant::now();
                    let (connection, watch) =
                        (Arc::clone(&self.connection), Arc::clone(&self.watch));
                    let serving =
                        front
                            .clone()
                            .serve_stream(session, connection, self.open(), watch);
                    tokio::spawn(serving);
                }
                Next::Refused => {
                    let _ = self.watch.frames.lock().opened();
                    self.watch.frames.lock().note_refusal();
                    let unreadable = unreadable(&self.connection, Malformed::Field);
                    front.desk.note_unreadable(&unreadable);
                }
                Next::Leaving => self.leave(),
                Next::Ended => return,
                Next::Broken(error) => return self.note_broken(&front, &error),
                Next::Tick => {
                    let now = Instant::now();
                    let fault = self.watch.frames.lock().fault(&limits, now);
                    if let Some(fault) = fault {
                        return self.end(&front, fault).await;
                    }
                    let stalled = self.watch.frames.lock().stalled(&limits, now);
                    if !stalled.is_empty() && !self.cut(&stalled) {
                        return self.end(&front, Fault::Stall).await;
                    }
                    if self.is_over(&limits, now) {
                        return;
                    }
                }
            }
        }
    }

    /// One more stream: the one that was opened last, and what h2 does not show of its head.
    fn open(&self) -> Open {
        let opened = self.watch.frames.lock().opened();
        let malformed = match opened {
            Some(opened) if opened.has_fragment => Some(Malformed::Target),
            Some(_) => None,
            // A request whose head was not seen is nobody's.
            None => Some(Malformed::Stream),
        };
        let stream = opened.map_or(0, |opened| opened.stream);
        let cut = Arc::new(Notify::new());
        self.open.lock().insert(stream, Arc::clone(&cut));
        Open {
            stream,
            cut,
            malformed,
            all: Arc::clone(&self.open),
        }
    }

    /// Ends these streams; false if no others are open, and the connection may go with them.
    fn cut(&self, streams: &[u32]) -> bool {
        let open = self.open.lock();
        for cut in streams.iter().filter_map(|stream| open.get(stream)) {
            cut.notify_one();
        }
        open.keys().any(|stream| !streams.contains(stream))
    }

    /// Says that no further request is taken; those that are open go on.
    fn leave(&mut self) {
        self.leaving_since = Some(Instant::now());
        self.frames.graceful_shutdown();
    }

    /// Whether it has been idle for so long that it ends; a client is given a moment to agree.
    fn is_over(&mut self, limits: &Limits, now: Instant) -> bool {
        if !self.open.lock().is_empty() {
            self.idle_since = now;
            return false;
        }
        if let Some(since) = self.leaving_since {
            return now.saturating_duration_since(since.max(self.idle_since)) >= LINGER;
        }
        if now.saturating_duration_since(self.idle_since) >= limits.idle_timeout {
            self.leave();
        }
        false
    }

    /// Says why, and closes.
    async fn end(mut self, front: &Front, fault: Fault) {
        let (end, reason) = match fault {
            Fault::Flood => (ConnectionEnd::Flood, Reason::ENHANCE_YOUR_CALM),
            Fault::Stall => (ConnectionEnd::Stall, Reason::NO_ERROR),
            Fault::Malformed => (ConnectionEnd::Protocol, Reason::PROTOCOL_ERROR),
        };
        front.desk.metrics().count_end(end);
        tracing::debug!(?fault, peer = %self.connection.peer, "an HTTP/2 connection is ended");
        self.frames.abrupt_shutdown(reason);
        let farewell = async { while let Some(Ok(_)) = self.frames.accept().await {} };
        // A client that takes nothing is not told.
        let _ = timeout(LINGER, farewell).await;
    }

    /// Counts a connection that h2 ended.
    fn note_broken(&self, front: &Front, error: &pingora_core::Error) {
        let cause = error
            .cause
            .as_ref()
            .and_then(|it| it.downcast_ref::<h2::Error>());
        let Some(error) = cause.filter(|it| it.is_go_away() && it.is_library()) else {
            return;
        };
        let end = match error.reason() {
            Some(Reason::ENHANCE_YOUR_CALM) => ConnectionEnd::Flood,
            _ => ConnectionEnd::Protocol,
        };
        tracing::debug!(%error, peer = %self.connection.peer, "an HTTP/2 connection is ended");
        front.desk.metrics().count_end(end);
    }

    /// Counts the streams that h2 refused by itself.
    fn count_refusals(&mut self, front: &Front) {
        let refused = self.watch.frames.lock().refused;
        for _ in self.counted..refused {
            let unreadable = unreadable(&self.connection, Malformed::Stream);
            front.desk.note_unreadable(&unreadable);
        }
        self.counted = refused;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.all.lock().remove(&self.stream);
    }
}

const SHORTEST_TICK: Duration = Duration::from_millis(20);
const LONGEST_TICK: Duration = Duration::from_secs(1);

fn options(limits: &Limits) -> H2Options {
    let mut options = default_h2_options();
    options
        .max_concurrent_streams(STREAMS)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX));
    options
}

/// Puts a head into the form of HTTP/1.1, with what we know of its connection.
fn take(header: &mut RequestHeader, arrival: Arrival, limits: &Limits) -> Result<(), Malformed> {
    let nothing = RequestHeader::build(Method::GET, b"/", None);
    let nothing = nothing.map_err(|_| Malformed::RequestLine)?;
    let mut head: Parts = std::mem::replace(header, nothing).into();
    let taken = fields::take(&mut head, limits);
    head.extensions.insert(arrival);
    *header = head.into();
    taken
}

fn unreadable(connection: &Connection, malformed: Malformed) -> Unreadable {
    Unreadable {
        status: malformed.status(),
        reason: malformed.reason(),
        peer: connection.peer,
    }
}
