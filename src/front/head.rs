//! From bytes to a whole head, under one deadline and the caps of `[limits]`.
//!
//! The head is read here and not by pingora, so that a client that sends a byte a minute loses its connection, that every
//! malformed request is answered and logged like any other, and that what pingora would forgive never reaches it.

use std::pin::Pin;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use pingora_core::protocols::Stream;
use tokio::io::AsyncReadExt;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep, timeout_at};

use crate::config::server::Limits;

use super::gate::{Framing, Malformed, Scan, Whole};

/// What a connection gave when a head was asked for.
#[derive(Debug)]
pub(super) enum Head {
    /// A whole head, and how its body ends.
    Whole(BytesMut, Framing),
    /// Nothing more will come, and nothing is owed: closed, idle for too long, or we are shutting down.
    Nothing,
    /// Something that is answered and closed.
    Refused(Malformed),
}

/// What ends a connection between its requests: it idles for too long, or we are shutting down. One for all of its
/// requests, because to move a timer and to be woken again costs less than a new one of each.
pub(super) struct Patience {
    idle: Pin<Box<Sleep>>,
    shutdown: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Most heads fit; a larger one grows the buffer up to the cap.
const FIRST_READ_BYTES: usize = 4096;

impl Patience {
    /// For a connection that was opened just now.
    pub(super) fn new(limits: &Limits, mut shutdown: watch::Receiver<bool>) -> Self {
        Self {
            idle: Box::pin(sleep(limits.idle_timeout)),
            shutdown: Box::pin(async move {
                // Whoever could say it is gone: that is a shutdown as well.
                let _ = shutdown.wait_for(|down| *down).await;
            }),
        }
    }

    fn renew(&mut self, limit: Duration) {
        self.idle.as_mut().reset(Instant::now() + limit);
    }

    /// Waits for its end.
    async fn end(&mut self) {
        tokio::select! {
            biased;
            () = &mut self.idle => {}
            // An idle connection owes nobody anything when we go.
            () = &mut self.shutdown => {}
        }
    }
}

/// Reads the next head. `ahead` is what was read already, and after it what was read beyond the head. Returns as soon as
/// the outcome is known.
pub(super) async fn read(
    stream: &mut Stream,
    ahead: &mut BytesMut,
    limits: &Limits,
    patience: &mut Patience,
) -> Head {
    if ahead.is_empty() && !has_begun(stream, ahead, limits, patience).await {
        return Head::Nothing;
    }
    let mut deadline = None;
    let mut scan = Scan::default();
    let mut may_skip = true;
    loop {
        if may_skip && ahead.starts_with(b"\r\n") {
            // One empty line before a request is forgiven. Source: RFC 9112 §2.2.
            ahead.advance(2);
            may_skip = false;
        }
        may_skip &= matches!(**ahead, [] | [b'\r']);
        if !may_skip {
            match scan.go_on(ahead, limits) {
                Ok(Some(whole)) => return Head::Whole(take(ahead, &whole), whole.framing),
                Ok(None) => {}
                Err(malformed) => return Head::Refused(malformed),
            }
        }
        // Most heads come whole, and never look at the clock.
        let deadline = *deadline.get_or_insert_with(|| Instant::now() + limits.header_deadline);
        match timeout_at(deadline, stream.read_buf(ahead)).await {
            Ok(Ok(1..)) => {}
            Err(_) if !ahead.is_empty() => return Head::Refused(Malformed::TooSlow),
            _ => return Head::Nothing,
        }
    }
}

/// Waits for the first byte; false if none comes.
async fn has_begun(
    stream: &mut Stream,
    ahead: &mut BytesMut,
    limits: &Limits,
    patience: &mut Patience,
) -> bool {
    ahead.reserve(FIRST_READ_BYTES);
    patience.renew(limits.idle_timeout);
    tokio::select! {
        biased;
        first = stream.read_buf(ahead) => matches!(first, Ok(1..)),
        () = patience.end() => false,
    }
}

/// A head's bytes, with its target in origin-form. Most heads are all there is, and keep their buffer: pingora copies less
/// then.
pub(super) fn take(ahead: &mut BytesMut, whole: &Whole) -> BytesMut {
    let head = if whole.bytes == ahead.len() {
        std::mem::take(ahead)
    } else {
        ahead.split_to(whole.bytes)
    };
    let Some((place, origin_form)) = &whole.absolute else {
        return head;
    };
    let before = head.get(..place.start).unwrap_or_default();
    let after = head.get(place.end..).unwrap_or_default();
    BytesMut::from([before, origin_form.as_bytes(), after].concat().as_slice())
}
