//! The gate and the reading of bodies for whoever tries any bytes on them: fuzzers, and nobody else. Behind the feature
//! `controls`, and so in no release.

use std::time::Duration;

use bytes::BytesMut;

use super::body::Body;
use super::gate::{Framing, Scan};
use super::head::take;
use crate::config::server::Limits;

const LIMITS: Limits = Limits {
    header_bytes: 64 << 10,
    header_fields: 100,
    target_bytes: 8 << 10,
    header_deadline: Duration::ZERO,
    idle_timeout: Duration::ZERO,
    handshake_timeout: Duration::ZERO,
    body_idle: Duration::ZERO,
    body_rate: 0,
    connections: 0,
    connections_per_ip: 0,
    body_bytes: 0,
};

/// The head that bytes begin with: how long it is, and as it is handed on. `None` if it is refused or not whole.
#[must_use]
pub fn head(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    let whole = Scan::default().go_on(bytes, &LIMITS).ok()??;
    let passed = take(&mut BytesMut::from(bytes), &whole);
    Some((whole.bytes, passed.to_vec()))
}

/// How many bytes of these pieces are a chunked body's, and whether that ends in them. `None` if it is refused.
#[must_use]
pub fn chunks(pieces: &[&[u8]]) -> Option<(usize, bool)> {
    let mut body = Body::of(Framing::Chunked, &LIMITS);
    let mut taken = 0;
    for piece in pieces {
        taken += body.advance(piece).ok()?;
    }
    Some((taken, body.is_at_end()))
}
