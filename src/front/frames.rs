//! The frames of an HTTP/2 connection as they pass, both ways, by their headers alone: what a client does that no request
//! needs, and since when something of it does not move.
//!
//! h2 bounds what it keeps; it does not mind a client that costs work for nothing or that stalls for ever. Here both are
//! seen, and whoever serves the connection ends it, or the stream if that is all that stalls. And what h2 would overlook in
//! a [head](super::heads) is seen. Source: RFC 9113 §4.1, §5.2 and §10.5.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::server::Limits;

use super::frame::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Event, Frame, HEADERS, PREFACE, RST_STREAM,
    Reader, WINDOW_UPDATE,
};
use super::heads::{Heads, Opened, Unreadable};
use super::pace::Pace;

/// What is known of a connection by its frames.
#[derive(Debug)]
pub(super) struct Frames {
    received: Reader,
    sent: Reader,
    /// What a client may still do that no request needs.
    allowance: f64,
    counted_at: Instant,
    /// Since when a head, or a frame that is no DATA, is under way.
    head_since: Option<Instant>,
    /// Whether a head goes on in the next frame.
    is_head_open: bool,
    /// Why nothing more is to be read.
    stopped_by: Option<Fault>,
    heads: Heads,
    /// The stream that the last whole head opened, until whoever serves it asks.
    opened: Option<Opened>,
    /// Since when a frame of a body does not go on.
    piece_since: Option<Instant>,
    /// Since when bytes of ours wait to be taken.
    blocked_since: Option<Instant>,
    /// Requests whose bodies have not ended.
    bodies: HashMap<u32, Upload>,
    /// What a client may send on the connection, and on a stream that begins.
    window: i64,
    first_window: i64,
    /// How often the client may still say that it took something.
    updates: f64,
    /// Streams that were reset because something in them was wrong.
    pub(super) refused: usize,
}

/// A request's body.
#[derive(Debug)]
struct Upload {
    pace: Pace,
    /// What the client may send of it.
    window: i64,
}

/// What h2 may have of what came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) bytes: usize,
    /// Whether that ends with a head that opens a stream.
    pub(super) opens: bool,
}

/// Why a connection has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Too much that no request needs.
    Flood,
    /// A head, a frame or the reading of our answers does not move.
    Stall,
    /// A head that nobody could read, or a trailer that is none.
    Malformed,
}

/// What a client may do in a burst that no request needs, and how much of it it wins back in a second. A browser that
/// leaves a page resets its hundred streams at once; a client that measures its bandwidth pings some hundred times.
const ALLOWANCE: f64 = 1000.0;
const PER_SECOND: f64 = 100.0;

/// The most that is kept of how often a client may say that it took something.
const UPDATES: f64 = 10_000.0;

/// A reset costs a request that nobody reads.
const RESET_COSTS: f64 = 5.0;

/// A piece of a body that is smaller than its frame's header, and so goes on in a write of its own. A client that sends
/// what somebody types sends some in a second.
const TINY: usize = 8;
const TINY_COSTS: f64 = 0.25;

impl Frames {
    /// A connection of which nothing has passed yet. `window` is what a client may send on a stream before it is told that
    /// it may send more.
    pub(super) fn new(window: u32, now: Instant) -> Self {
        Self {
            received: Reader::new(PREFACE),
            sent: Reader::new(0),
            allowance: ALLOWANCE,
            counted_at: now,
            head_since: None,
            is_head_open: false,
            stopped_by: None,
            heads: Heads::new(),
            opened: None,
            piece_since: None,
            blocked_since: None,
            bodies: HashMap::new(),
            window: 65_535,
            first_window: i64::from(window),
            updates: 0.0,
            refused: 0,
        }
    }

    /// Bytes that the client sent. What h2 may have of them ends with a head that opens a stream, so that it is known which
    /// one it then [hands out](Self::opened).
    pub(super) fn receive(&mut self, bytes: &[u8], now: Instant) -> Taken {
        let mut rest = bytes;
        while let Some(event) = self.received.next(&mut rest) {
            match event {
                Event::Data(stream, length) => self.moved(stream, length, now),
                Event::Head(bytes) => self.heads.go_on(bytes),
                Event::Frame(frame) => self.took(frame, now),
            }
            if self.heads.has_opened() || self.stopped_by.is_some() {
                break;
            }
        }
        if self.is_head_open || self.received.is_within_head() {
            self.head_since.get_or_insert(now);
        } else {
            self.head_since = None;
        }
        let is_within = self.received.is_within();
        self.piece_since = is_within.then_some(now);
        let opened = self.heads.take_opened();
        let opens = opened.is_some();
        self.opened = opened.or(self.opened);
        if self.allowance < 0.0 {
            self.stopped_by.get_or_insert(Fault::Flood);
        }
        let bytes = bytes.len() - rest.len();
        Taken { bytes, opens }
    }

    /// Whether nothing more is to be read.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped_by.is_some()
    }

    /// The stream that h2 has handed out, which is the last that was opened; `None` if that was asked before.
    pub(super) fn opened(&mut self) -> Option<Opened> {
        self.opened.take()
    }

    /// Bytes that were sent to the client.
    pub(super) fn send(&mut self, mut bytes: &[u8], now: Instant) {
        while let Some(event) = self.sent.next(&mut bytes) {
            let Event::Frame(frame) = event else { continue };
            match frame.kind {
                DATA => self.updates = UPDATES.min(self.updates + frame.updates()),
                RST_STREAM => {
                    self.bodies.remove(&frame.stream);
                    // Cancelled and finished streams are nobody's fault.
                    if [1, 3, 5, 6, 9].contains(&frame.number) {
                        self.refused += 1;
                        self.allowance -= RESET_COSTS;
                    }
                }
                WINDOW_UPDATE => self.widen(frame, now),
                _ => {}
            }
        }
    }

    /// Whether bytes of ours wait because the client takes none.
    pub(super) fn blocked(&mut self, is_blocked: bool, now: Instant) {
        self.blocked_since = is_blocked.then(|| self.blocked_since.unwrap_or(now));
    }

    /// A request that was refused for what is in it costs like one that was reset.
    pub(super) fn note_refusal(&mut self) {
        self.allowance -= RESET_COSTS;
    }

    /// Why the connection has to end, if it has to.
    pub(super) fn fault(&self, limits: &Limits, now: Instant) -> Option<Fault> {
        if self.stopped_by.is_some() {
            return self.stopped_by;
        }
        if self.allowance < 0.0 {
            return Some(Fault::Flood);
        }
        let is_stalled = is_over(self.head_since, limits.header_deadline, now)
            || is_over(self.blocked_since, limits.body_idle, now)
            // Whoever does not finish a frame keeps every other stream waiting.
            || is_over(self.piece_since, limits.body_idle, now);
        is_stalled.then_some(Fault::Stall)
    }

    /// Streams whose bodies do not move though they may, or too slowly; each is said once.
    pub(super) fn stalled(&mut self, limits: &Limits, now: Instant) -> Vec<u32> {
        let stalls = |upload: &mut Upload| {
            upload.pace.stands_still(limits, now) || upload.pace.is_slow(limits)
        };
        let stalled = self.bodies.extract_if(|_, upload| stalls(upload));
        let stalled: Vec<u32> = stalled.map(|(stream, _)| stream).collect();
        self.allowance -= stalled.iter().map(|_| RESET_COSTS).sum::<f64>();
        stalled
    }

    /// The client may send more.
    fn widen(&mut self, frame: Frame, now: Instant) {
        let more = i64::from(frame.number);
        if frame.stream == 0 {
            self.window += more;
            self.bodies
                .values_mut()
                .for_each(|it| it.wait(self.window, now));
        } else if let Some(upload) = self.bodies.get_mut(&frame.stream) {
            upload.window += more;
            upload.wait(self.window, now);
        }
    }

    fn took(&mut self, frame: Frame, now: Instant) {
        let is_head = [HEADERS, CONTINUATION].contains(&frame.kind);
        self.is_head_open = is_head && frame.flags & END_HEADERS == 0;
        if !self.is_head_open {
            self.head_since = None;
        }
        if is_head
            && self
                .heads
                .end_frame(frame.stream, frame.kind == HEADERS, frame.flags)
                == Err(Unreadable)
        {
            self.stopped_by = Some(Fault::Malformed);
        }
        match frame.kind {
            DATA | HEADERS if frame.flags & END_STREAM != 0 => {
                self.bodies.remove(&frame.stream);
            }
            HEADERS if self.bodies.len() < MOST_BODIES => {
                let mut upload = Upload {
                    pace: Pace::default(),
                    window: self.first_window,
                };
                upload.wait(self.window, now);
                self.bodies.entry(frame.stream).or_insert(upload);
            }
            RST_STREAM => {
                self.bodies.remove(&frame.stream);
            }
            _ => {}
        }
        // Whoever takes what we send has to say so.
        if frame.kind == WINDOW_UPDATE && self.updates >= 1.0 {
            self.updates -= 1.0;
        } else {
            self.charge(frame.cost(), now);
        }
    }

    fn moved(&mut self, stream: u32, bytes: usize, now: Instant) {
        let length = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.window -= length;
        if self.window <= 0 {
            self.bodies.values_mut().for_each(|it| it.pace.take(0, now));
        }
        if let Some(upload) = self.bodies.get_mut(&stream) {
            upload.pace.take(bytes, now);
            upload.window -= length;
            upload.wait(self.window, now);
        }
    }

    fn charge(&mut self, cost: f64, now: Instant) {
        if cost > 0.0 {
            let since = now.saturating_duration_since(self.counted_at);
            self.counted_at = now;
            let won_back = since.as_secs_f64() * PER_SECOND;
            self.allowance = (self.allowance + won_back).min(ALLOWANCE) - cost;
        }
    }
}

/// More than the streams that may be open, so that every one that is fits.
const MOST_BODIES: usize = 1024;

impl Frame {
    /// What a frame costs that no request needs.
    fn cost(self) -> f64 {
        match self.kind {
            DATA if self.length == 0 && self.flags & END_STREAM == 0 => 1.0,
            DATA if self.length <= TINY => TINY_COSTS,
            DATA | HEADERS => 0.0,
            CONTINUATION if self.length > 0 => 0.0,
            RST_STREAM => RESET_COSTS,
            // SETTINGS, PING, PRIORITY, GOAWAY, WINDOW_UPDATE for nothing, empty CONTINUATION, and what nobody has defined.
            _ => 1.0,
        }
    }

    /// How often a client may say that it took this DATA: for its stream, for the connection, and in small pieces.
    fn updates(self) -> f64 {
        2.0 + f64::from(u32::try_from(self.length / 1024).unwrap_or(u32::MAX))
    }
}

impl Upload {
    /// A client that may send something is waited for; one that may not waits for us.
    fn wait(&mut self, of_connection: i64, now: Instant) {
        if self.window > 0 && of_connection > 0 {
            self.pace.wait(now);
        }
    }
}

fn is_over(since: Option<Instant>, limit: Duration, now: Instant) -> bool {
    since.is_some_and(|since| now.saturating_duration_since(since) >= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: u8, kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
    }

    #[test]
    fn a_client_is_waited_for_only_while_it_may_send() {
        let limits = &Limits {
            header_bytes: 512,
            header_fields: 4,
            target_bytes: 64,
            header_deadline: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(1),
            handshake_timeout: Duration::from_secs(1),
            body_idle: Duration::from_secs(10),
            body_rate: 1,
            connections: 1,
            connections_per_ip: 1,
            body_bytes: 1,
        };
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut frames = Frames::new(5, began);
        frames.receive(&[0; PREFACE], began);
        frames.receive(&frame(0, HEADERS, END_HEADERS, 1, &[]), began);
        assert_eq!(frames.stalled(limits, at(9)), [0; 0]);
        // All that it may send; it waits for us, however long that takes.
        frames.receive(&frame(5, DATA, 0, 1, b"hello"), at(9));
        assert_eq!(frames.stalled(limits, at(99)), [0; 0]);
        frames.send(&frame(4, WINDOW_UPDATE, 0, 1, &[0, 0, 0, 9]), at(100));
        assert_eq!(frames.stalled(limits, at(109)), [0; 0]);
        // Twice nine seconds for six bytes are too few.
        frames.receive(&frame(1, DATA, 0, 1, b"x"), at(109));
        assert_eq!(frames.stalled(limits, at(109)), [1]);
        // What stands still is too slow without a byte.
        frames.receive(&frame(0, HEADERS, END_HEADERS, 3, &[]), at(200));
        assert_eq!(frames.stalled(limits, at(209)), [0; 0]);
        assert_eq!(frames.stalled(limits, at(210)), [3]);
        assert_eq!(frames.stalled(limits, at(220)), [0; 0]);
    }
}
