//! How often a login may fail: for one account from one network, and from one network at all.
//!
//! A try is counted when it begins and taken back when it turns out not to have been a wrong guess; so a thousand tries at
//! once are not a thousand tries before the first is counted. A success takes back itself and nothing else. An account
//! that does not exist is counted like one that does. Time is monotonic.
//!
//! The counts are exact: the times of the failures within the period are kept. Memory is bounded without ever dropping a
//! count that is still due: when all places are taken, newcomers share a fixed number of places by hash, and are limited
//! the sooner.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use parking_lot::Mutex;

use crate::config::section::{self, Rate};
use crate::model::account::Identifier;
use crate::model::token::TokenDigest;

/// Counts failed logins.
#[derive(Debug)]
pub struct Throttle {
    accounts: Mutex<Counts<TokenDigest>>,
    networks: Mutex<Counts<Option<Network>>>,
}

/// A try that was counted as failed until it says otherwise.
#[derive(Debug)]
#[must_use = "a try counts as failed unless it is taken back"]
pub struct Try<'a> {
    throttle: &'a Throttle,
    account: TokenDigest,
    network: Option<Network>,
    at: Duration,
}

/// There were too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many failed logins")]
pub struct Limited {
    /// When the next try is possible; at least a second.
    pub retry_after: Duration,
}

/// What counts as one place on the network: an IPv4 address, or the /64 that one IPv6 subscriber has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Network(IpAddr);

#[derive(Debug)]
struct Counts<K> {
    rate: Rate,
    places: HashMap<K, Failures>,
    /// Where those go for whom there is no place.
    shared: Vec<Failures>,
    /// Not before this are places looked through for free ones.
    purge_at: Duration,
    slot_of: RandomState,
}

/// When the failures within the period were, oldest first; monotonic.
type Failures = VecDeque<Duration>;

impl Throttle {
    /// A throttle that has counted nothing.
    #[must_use]
    pub fn new(config: &section::Throttle) -> Self {
        Self {
            accounts: Mutex::new(Counts::new(config.per_account)),
            networks: Mutex::new(Counts::new(config.per_ip)),
        }
    }

    /// Begins a try, unless there were too many. `None` for an address counts as one network.
    ///
    /// # Errors
    /// If there were too many failures of the account from the network, or from the network at all.
    pub fn begin(
        &self,
        account: &Identifier,
        ip: Option<IpAddr>,
        monotonic: Duration,
    ) -> Result<Try<'_>, Limited> {
        let network = ip.map(Network::of);
        let account = account_key(account, network);
        self.networks.lock().add(network, monotonic)?;
        let counted = self.accounts.lock().add(account, monotonic);
        if counted.is_err() {
            self.networks.lock().take_back(&network, monotonic);
        }
        counted.map(|()| Try {
            throttle: self,
            account,
            network,
            at: monotonic,
        })
    }
}

impl Try<'_> {
    /// Takes the try back: it succeeded, or no password was checked.
    pub fn forgive(self) {
        self.throttle
            .networks
            .lock()
            .take_back(&self.network, self.at);
        self.throttle
            .accounts
            .lock()
            .take_back(&self.account, self.at);
    }
}

impl Network {
    fn of(ip: IpAddr) -> Self {
        Self(match ip.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
        })
    }
}

impl<K: Hash + Eq> Counts<K> {
    fn new(rate: Rate) -> Self {
        Self {
            rate,
            places: HashMap::new(),
            shared: Vec::new(),
            purge_at: Duration::ZERO,
            slot_of: RandomState::new(),
        }
    }

    fn add(&mut self, key: K, now: Duration) -> Result<(), Limited> {
        let Rate { count, per } = self.rate;
        let most = usize::try_from(count).unwrap_or(usize::MAX);
        let failures = self.failures(key, now);
        while failures
            .front()
            .is_some_and(|at| now.saturating_sub(*at) >= per)
        {
            failures.pop_front();
        }
        if failures.len() >= most {
            let free_at = failures.front().map_or(per, |oldest| *oldest + per);
            let retry_after = free_at.saturating_sub(now).max(Duration::from_secs(1));
            return Err(Limited { retry_after });
        }
        failures.push_back(now);
        Ok(())
    }

    fn take_back(&mut self, key: &K, at: Duration) {
        let slot = self.slot(key);
        let failures = match self.places.get_mut(key) {
            Some(failures) => Some(failures),
            None => self.shared.get_mut(slot),
        };
        if let Some(failures) = failures
            && let Some(index) = failures.iter().rposition(|failure| *failure == at)
        {
            failures.remove(index);
        }
    }

    /// The failures that count for a key: its own, or those of everybody whom its shared place took in. It gets a place
    /// of its own only while nothing is counted in the shared one, which may be its.
    fn failures(&mut self, key: K, now: Duration) -> &mut Failures {
        let slot = self.slot(&key);
        let per = self.rate.per;
        let is_due = |failures: &Failures| {
            failures
                .back()
                .is_some_and(|at| now.saturating_sub(*at) < per)
        };
        let has_place = self.places.contains_key(&key);
        if !has_place && self.places.len() >= MOST_PLACES && now >= self.purge_at {
            self.places.retain(|_, failures| is_due(failures));
            // Going through all places is for once in a while, not for every try of a flood.
            self.purge_at = now + per / 60;
        }
        let may_have_place =
            self.places.len() < MOST_PLACES && !self.shared.get(slot).is_some_and(is_due);
        if has_place || may_have_place {
            return self.places.entry(key).or_default();
        }
        if self.shared.is_empty() {
            self.shared.resize(SHARED_PLACES, Failures::new());
        }
        self.shared
            .get_mut(slot)
            .expect("a slot is a remainder of the number of places")
    }

    fn slot(&self, key: &K) -> usize {
        let places = u64::try_from(SHARED_PLACES).unwrap_or(u64::MAX);
        usize::try_from(self.slot_of.hash_one(key) % places).unwrap_or_default()
    }
}

/// Of fixed length, whatever somebody types as a name.
fn account_key(account: &Identifier, network: Option<Network>) -> TokenDigest {
    let network = network.map_or_else(String::new, |network| network.0.to_string());
    TokenDigest::of_text("throttle", &[account.as_str(), &network])
}

/// Accounts and networks with an exact count of their own.
const MOST_PLACES: usize = 1 << 16;

/// Counts that the rest shares.
const SHARED_PLACES: usize = 1 << 12;

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn throttle(per_account: u32, per_ip: u32) -> Throttle {
        let rate = |count| Rate {
            count,
            per: 5 * MINUTE,
        };
        Throttle::new(&section::Throttle {
            per_account: rate(per_account),
            per_ip: rate(per_ip),
        })
    }

    fn fail(throttle: &Throttle, name: &str, ip: &str, at: Duration) -> Result<(), Limited> {
        let ip = (!ip.is_empty()).then(|| ip.parse().unwrap());
        let tried = throttle.begin(&Identifier::of(name), ip, at);
        tried.map(drop)
    }

    #[test]
    fn the_limit_is_exact_and_says_when_it_ends() {
        let throttle = throttle(3, 100);
        for at in [0, 60, 120] {
            let at = Duration::from_secs(at);
            assert_eq!(fail(&throttle, "jo", "192.0.2.1", at), Ok(()));
        }
        let limited = |retry_after| {
            Err(Limited {
                retry_after: Duration::from_secs(retry_after),
            })
        };
        let at = Duration::from_secs;
        assert_eq!(fail(&throttle, "jo", "192.0.2.1", at(180)), limited(120));
        assert_eq!(fail(&throttle, "JO ", "192.0.2.1", at(299)), limited(1));
        assert_eq!(fail(&throttle, "jo", "192.0.2.1", at(300)), Ok(()));
        assert_eq!(fail(&throttle, "jo", "192.0.2.1", at(301)), limited(59));
    }

    #[test]
    fn another_account_or_network_has_its_own_count() {
        let throttle = throttle(1, 100);
        for (name, ip, expected) in [
            ("jo", "192.0.2.1", true),
            ("jo", "192.0.2.1", false),
            ("jo", "::ffff:192.0.2.1", false),
            ("al", "192.0.2.1", true),
            ("jo", "192.0.2.2", true),
            ("jo", "2001:db8:0:1::1", true),
            ("jo", "2001:db8:0:1:ffff::2", false),
            ("jo", "2001:db8:0:2::1", true),
            ("jo", "", true),
            ("jo", "", false),
        ] {
            let tried = fail(&throttle, name, ip, Duration::ZERO);
            assert_eq!(tried.is_ok(), expected, "{name} from {ip:?}");
        }
    }

    #[test]
    fn many_accounts_from_one_network_are_limited_together() {
        let throttle = throttle(10, 5);
        for number in 0..5 {
            let name = format!("jo{number}");
            assert_eq!(fail(&throttle, &name, "192.0.2.1", MINUTE), Ok(()));
        }
        assert!(fail(&throttle, "another", "192.0.2.1", MINUTE).is_err());
        assert!(fail(&throttle, "another", "192.0.2.2", MINUTE).is_ok());
    }

    #[test]
    fn a_success_takes_back_itself_alone_and_a_limited_try_counts_nowhere() {
        let throttle = throttle(2, 3);
        let jo = Identifier::of("jo");
        assert_eq!(fail(&throttle, "jo", "", Duration::ZERO), Ok(()));
        for _ in 0..10 {
            throttle.begin(&jo, None, MINUTE).unwrap().forgive();
        }
        assert_eq!(fail(&throttle, "jo", "", 2 * MINUTE), Ok(()));
        for _ in 0..10 {
            assert!(fail(&throttle, "jo", "", 2 * MINUTE).is_err());
        }
        assert_eq!(fail(&throttle, "al", "", 2 * MINUTE), Ok(()));
    }

    #[test]
    fn a_flood_of_names_does_not_wash_a_count_away() {
        let throttle = throttle(1, u32::MAX);
        assert_eq!(fail(&throttle, "victim", "", Duration::ZERO), Ok(()));
        for number in 0..MOST_PLACES + 2 * SHARED_PLACES {
            let _ = fail(&throttle, &format!("name{number}"), "", MINUTE);
        }
        assert!(fail(&throttle, "victim", "", 2 * MINUTE).is_err());
        assert!(throttle.accounts.lock().places.len() <= MOST_PLACES);
        let latest = format!("name{}", MOST_PLACES + 2 * SHARED_PLACES - 1);
        assert!(fail(&throttle, &latest, "", 2 * MINUTE).is_err());
        assert_eq!(fail(&throttle, "name0", "", 6 * MINUTE), Ok(()));
    }

    #[test]
    fn tries_that_are_still_under_way_count() {
        let throttle = throttle(2, 100);
        let jo = Identifier::of("jo");
        let under_way: Vec<_> = (0..5).map(|_| throttle.begin(&jo, None, MINUTE)).collect();
        assert_eq!(under_way.iter().filter(|tried| tried.is_ok()).count(), 2);
    }
}
