//! From bytes to a whole head, under one deadline and the caps of `[limits]`.
//!
//! The head is read here and not by pingora, so that a client that sends a byte a minute loses its connection, that every
//! malformed request is answered and logged like any other, and that what pingora would forgive never reaches it.

use bytes::{Buf, BytesMut};
use pingora_core::protocols::Stream;
use tokio::io::AsyncReadExt;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use crate::config::server::Limits;

use super::gate::{Malformed, Scan};

/// What a connection gave when a head was asked for.
#[derive(Debug)]
pub(super) enum Head {
    /// A whole head, first in these bytes; what follows it is the body's.
    Whole(BytesMut),
    /// Nothing more will come, and nothing is owed: closed, idle for too long, or we are shutting down.
    Nothing,
    /// Something that is answered and closed.
    Refused(Malformed),
}

/// Most heads fit; a larger one grows the buffer up to the cap.
const FIRST_READ_BYTES: usize = 4096;

/// Reads the next head. Allocates its buffer; returns as soon as the outcome is known.
pub(super) async fn read(
    stream: &mut Stream,
    limits: &Limits,
    shutdown: &mut watch::Receiver<bool>,
) -> Head {
    let mut bytes = BytesMut::with_capacity(FIRST_READ_BYTES);
    let idle = timeout(limits.idle_timeout, stream.read_buf(&mut bytes));
    let first = tokio::select! {
        biased;
        first = idle => first,
        // An idle connection owes nobody anything when we go.
        _ = shutdown.wait_for(|down| *down) => return Head::Nothing,
    };
    if !matches!(first, Ok(Ok(1..))) {
        return Head::Nothing;
    }
    let deadline = Instant::now() + limits.header_deadline;
    let mut scan = Scan::default();
    loop {
        skip_empty_line(&mut bytes);
        match scan.go_on(&bytes, limits) {
            Ok(true) => return Head::Whole(bytes),
            Ok(false) => {}
            Err(malformed) => return Head::Refused(malformed),
        }
        match timeout_at(deadline, stream.read_buf(&mut bytes)).await {
            Ok(Ok(1..)) => {}
            Ok(_) => return Head::Nothing,
            Err(_) => return Head::Refused(Malformed::TooSlow),
        }
    }
}

/// One empty line before a request is forgiven. Source: RFC 9112 §2.2.
fn skip_empty_line(bytes: &mut BytesMut) {
    if bytes.starts_with(b"\r\n") {
        bytes.advance(2);
    }
}
