//! Ports for programs that are told theirs before they listen.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Ports of 127.0.0.1 on which nobody listens. None is one of those that the system gives to whoever connects: such a port
/// may be a client's by the time the program wants it.
pub(crate) fn free_ports<const N: usize>() -> [SocketAddr; N] {
    [(); N].map(|()| {
        loop {
            let address = SocketAddr::from(([127, 0, 0, 1], next()));
            if TcpListener::bind(address).is_ok() {
                break address;
            }
        }
    })
}

/// Each process begins elsewhere, since each test is one.
fn next() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let own = std::process::id().wrapping_mul(61);
    let place = own.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % SPAN;
    FIRST + u16::try_from(place).unwrap_or_default()
}

/// Above what is well known, below Linux's `ip_local_port_range`.
const FIRST: u16 = 10_000;
const SPAN: u32 = 22_000;
