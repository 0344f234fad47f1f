//! Which server of an upstream gets a request.
//!
//! The one with the fewest requests at hand, in turn where several have as few, leaving out those that a health check or a
//! failed connection marked as down. If all are, all are tried: a wrong answer about health must not be an outage. The
//! probing itself stands where there is I/O.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::config::upstream::{Upstream, UpstreamServer};
use crate::model::policy::Permit;

/// An upstream's servers and how they are.
#[derive(Debug)]
pub struct Pool {
    /// As configured.
    pub upstream: Upstream,
    servers: Vec<Arc<Server>>,
    turn: AtomicUsize,
}

/// One server of an upstream.
#[derive(Debug)]
pub struct Server {
    /// Where and how.
    pub at: UpstreamServer,
    /// What the last health check said.
    is_well: AtomicBool,
    /// Until when a failed connection keeps it out of the choice, in monotonic milliseconds.
    out_until: AtomicU64,
    at_hand: AtomicUsize,
}

/// A server that was chosen for a request, which it has at hand until this is dropped.
#[derive(Debug)]
pub struct Chosen(Arc<Server>);

impl Pool {
    /// A pool whose servers are believed to be up.
    #[must_use]
    pub fn new(upstream: Upstream) -> Self {
        let servers = upstream
            .servers
            .iter()
            .map(|at| {
                Arc::new(Server {
                    at: at.clone(),
                    is_well: AtomicBool::new(true),
                    out_until: AtomicU64::new(0),
                    at_hand: AtomicUsize::new(0),
                })
            })
            .collect();
        Self {
            upstream,
            servers,
            turn: AtomicUsize::new(0),
        }
    }

    /// Chooses a server, at a monotonic time, for a request that may pass; `None` only for an upstream without servers, which no configuration
    /// has. Allocates nothing.
    #[must_use]
    pub fn choose(&self, _: &Permit, now: Duration) -> Option<Chosen> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let in_turn = || {
            self.servers
                .iter()
                .cycle()
                .skip(turn.checked_rem(self.servers.len()).unwrap_or(0))
                .take(self.servers.len())
        };
        let least = in_turn()
            .filter(|server| server.is_up(now))
            .min_by_key(|server| server.at_hand.load(Ordering::Relaxed))
            .or_else(|| in_turn().next())?;
        least.at_hand.fetch_add(1, Ordering::Relaxed);
        Some(Chosen(Arc::clone(least)))
    }

    /// Its servers, for health checks.
    #[must_use]
    pub fn servers(&self) -> &[Arc<Server>] {
        &self.servers
    }

    /// Whether one of its servers is up.
    #[must_use]
    pub fn is_up(&self, now: Duration) -> bool {
        self.servers.iter().any(|server| server.is_up(now))
    }
}

impl Server {
    /// Notes what a health check said.
    pub fn set_well(&self, is_well: bool) {
        self.is_well.store(is_well, Ordering::Relaxed);
    }

    /// Notes that a connection to it failed: it is left out for a while.
    pub fn note_failure(&self, now: Duration) {
        self.out_until.store(millis(now + OUT), Ordering::Relaxed);
    }

    /// Whether nothing speaks against it.
    #[must_use]
    pub fn is_up(&self, now: Duration) -> bool {
        self.is_well.load(Ordering::Relaxed)
            && self.out_until.load(Ordering::Relaxed) <= millis(now)
    }
}

impl std::ops::Deref for Chosen {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

impl Drop for Chosen {
    fn drop(&mut self) {
        self.0.at_hand.fetch_sub(1, Ordering::Relaxed);
    }
}

fn millis(monotonic: Duration) -> u64 {
    u64::try_from(monotonic.as_millis()).unwrap_or(u64::MAX)
}

/// How long a server is left out after a failed connection.
const OUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::upstream::UpstreamAddress;
    use crate::model::policy::{Access, Evidence, Requirement, decide};
    use crate::model::time::Timestamp;

    fn pool(servers: u16) -> Pool {
        Pool::new(Upstream {
            name: "app".into(),
            servers: (1..=servers)
                .map(|port| UpstreamServer {
                    address: UpstreamAddress::Ip(([127, 0, 0, 1], port).into()),
                    tls: None,
                    http2: false,
                })
                .collect(),
            health: None,
            connect_timeout: Duration::from_secs(3),
            read_timeout: Duration::from_mins(1),
        })
    }

    fn permit() -> Permit {
        let public = Requirement {
            access: Access::None,
            ..Requirement::default()
        };
        decide(&public, Evidence::Absent, Timestamp::default()).unwrap()
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn port(chosen: &Chosen) -> u16 {
        match &chosen.at.address {
            UpstreamAddress::Ip(address) => address.port(),
            UpstreamAddress::Name(_, port) => *port,
            UpstreamAddress::Unix(_) => 0,
        }
    }

    fn ports(pool: &Pool, now: Duration, times: usize) -> Vec<u16> {
        let choose = || port(&pool.choose(&permit(), now).unwrap());
        std::iter::repeat_with(choose).take(times).collect()
    }

    #[test]
    fn idle_servers_take_turns() {
        assert_eq!(ports(&pool(3), at(0), 6), [1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn the_one_with_the_fewest_requests_at_hand_is_chosen() {
        let pool = pool(2);
        let held = pool.choose(&permit(), at(0)).unwrap();
        assert_eq!(port(&held), 1);
        assert_eq!(ports(&pool, at(0), 3), [2, 2, 2]);
        drop(held);
        assert!(ports(&pool, at(0), 2).contains(&1));
    }

    #[test]
    fn a_server_that_is_down_is_left_out_until_it_is_up() {
        let pool = pool(2);
        pool.servers()[0].note_failure(at(0));
        assert_eq!(ports(&pool, at(4), 3), [2, 2, 2]);
        assert!(ports(&pool, at(5), 2).contains(&1));
        pool.servers()[1].set_well(false);
        assert_eq!(ports(&pool, at(5), 3), [1, 1, 1]);
        pool.servers()[1].set_well(true);
        assert!(ports(&pool, at(5), 2).contains(&2));
    }

    #[test]
    fn when_all_are_down_all_are_tried() {
        let pool = pool(2);
        for server in pool.servers() {
            server.set_well(false);
        }
        assert!(!pool.is_up(at(0)));
        assert_eq!(ports(&pool, at(0), 4), [1, 2, 1, 2]);
    }
}
