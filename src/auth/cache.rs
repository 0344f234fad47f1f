//! What is remembered about tokens, and how it is forgotten.
//!
//! Three caches: tokens that are good, tokens that are not, and the accounts that many tokens share. What makes a cached
//! fact untrue is not looked for in the cache; it raises an *epoch*. Every invalidation takes the next number, and the
//! number is written into the slots of the subjects that it concerns. A fact carries the epoch that was read **before**
//! the store was asked, and is true as long as no slot of its account, session or client is newer. So:
//!
//! - forgetting is immediate and costs the same for one token as for a million;
//! - a load that was under way while its subject was revoked carries an older epoch than the revocation, and what it
//!   brings is stale the moment it arrives: it cannot resurrect anything;
//! - two subjects that share a slot cost each other one more look into the store and nothing else, so the table has a
//!   fixed size and nothing in it has to be evicted.
//!
//! A token takes about 320 bytes here, its tenth of an account included (`benches/memory.rs`: a million are 365 MB
//! resident). moka, on which this was built first, took 650, most of it for small allocations of its own, and its
//! housekeeping made one hit in a hundred twenty times slower. What outlived its time is not looked for: it is replaced when
//! it is asked for again, or makes room for something else.
//!
//! Knows nothing of the feed, and of who may do what.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::RwLock;
use quick_cache::sync::Cache as Map;

use crate::config::section;
use crate::control::{Rule, holds};
use crate::metrics::{CacheName, Metrics};
use crate::model::account::Account;
use crate::model::change::Subject;
use crate::model::id::{AccountId, ClientId};
use crate::model::principal::Principal;
use crate::model::token::TokenDigest;

/// The facts of tokens that were asked for lately.
pub(super) struct Cache {
    tokens: Map<TokenDigest, Fact>,
    unknown: Map<TokenDigest, Asked>,
    ttl: Duration,
    negative_ttl: Duration,
    accounts: RwLock<Accounts>,
    clients: RwLock<HashSet<ClientId>>,
    epochs: Epochs,
}

/// How far the invalidations were when something was read. Taken before the store is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Epoch(u64);

/// When the store was asked, by both clocks of the cache.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    epoch: Epoch,
    /// Monotonic.
    at: Duration,
}

/// What the cache knows of a token.
#[derive(Debug)]
pub(super) enum Found {
    /// Whom it stands for. Its expiry is for the caller to look at.
    Known(Arc<Principal>),
    /// That it is not good.
    Unknown,
    /// Something that is no longer true.
    Stale,
    /// Nothing.
    Nothing,
}

#[derive(Debug, Clone)]
struct Fact {
    principal: Arc<Principal>,
    asked: Asked,
}

/// The accounts that cached tokens share, for as long as they do.
#[derive(Debug, Default)]
struct Accounts {
    known: HashMap<AccountId, Weak<Account>>,
    /// When there are so many, those that no token shares any more are removed.
    look_through_at: usize,
}

/// The newest invalidation of every subject, by slot.
struct Epochs {
    newest: AtomicU64,
    /// Everything older than this is stale, whomever it concerns.
    floor: AtomicU64,
    slots: Box<[AtomicU64]>,
    slot_of: RandomState,
}

impl Cache {
    /// An empty cache of the configured size.
    pub(super) fn new(config: &section::Cache) -> Self {
        let size = |entries: u64| usize::try_from(entries).unwrap_or(usize::MAX);
        Self {
            tokens: Map::new(size(config.entries)),
            unknown: Map::new(size(config.entries.min(MOST_UNKNOWN))),
            ttl: config.ttl,
            negative_ttl: config.negative_ttl,
            accounts: RwLock::default(),
            clients: RwLock::default(),
            epochs: Epochs::new(),
        }
    }

    /// What is known of a token. One hash, one look; a second look for a token that is not good.
    pub(super) fn get(&self, digest: &TokenDigest, monotonic: Duration) -> Found {
        if let Some(Fact { principal, asked }) = self.tokens.get(digest) {
            let is_true = asked.is_within(self.ttl, monotonic)
                && (self.epochs.permit(asked.epoch, &principal) || !holds(Rule::Revocation));
            return if is_true {
                Found::Known(principal)
            } else {
                Found::Stale
            };
        }
        let is_true = |asked: &Asked| {
            asked.is_within(self.negative_ttl, monotonic) && self.epochs.is_above_floor(asked.epoch)
        };
        match self.unknown.get(digest).filter(is_true) {
            Some(_) => Found::Unknown,
            None => Found::Nothing,
        }
    }

    /// To be taken before the store is asked, and given back to [`Self::put`] with its answer.
    pub(super) fn asking(&self, monotonic: Duration) -> Asked {
        Asked {
            epoch: self.epochs.newest(),
            at: monotonic,
        }
    }

    /// Remembers what the store answered, and returns it with the account that its other tokens share.
    pub(super) fn put(
        &self,
        digest: TokenDigest,
        answer: Option<Principal>,
        asked: Asked,
    ) -> Option<Arc<Principal>> {
        let Some(principal) = answer else {
            self.unknown.insert(digest, asked);
            return None;
        };
        let principal = Arc::new(self.share(principal));
        let fact = Fact {
            principal: Arc::clone(&principal),
            asked,
        };
        self.tokens.insert(digest, fact);
        Some(principal)
    }

    /// Makes everything untrue that is known of a subject. In effect when it returns.
    pub(super) fn forget<'a>(&self, subjects: impl IntoIterator<Item = &'a Subject>) {
        self.epochs.raise(subjects);
    }

    /// Makes everything untrue. In effect when it returns.
    pub(super) fn forget_all(&self) {
        self.epochs.raise_floor();
        self.tokens.clear();
        self.unknown.clear();
        self.accounts.write().known.clear();
    }

    /// Says how full the caches are.
    pub(super) fn show(&self, metrics: &Metrics) {
        for (name, entries) in [
            (CacheName::Tokens, self.tokens.len()),
            (CacheName::Negative, self.unknown.len()),
            (CacheName::Accounts, self.accounts.read().known.len()),
        ] {
            metrics.set_cache_entries(name, u64::try_from(entries).unwrap_or(u64::MAX));
        }
    }

    /// Replaces a principal's account and client by equal ones that are in memory already.
    fn share(&self, principal: Principal) -> Principal {
        let known = self.accounts.read().get(&principal.account.id);
        let account = match known {
            Some(known) if known == principal.account => known,
            Some(_) | None => {
                self.accounts.write().put(&principal.account);
                principal.account
            }
        };
        let client = principal.client.map(|client| self.share_client(client));
        Principal {
            account,
            client,
            ..principal
        }
    }

    fn share_client(&self, client: ClientId) -> ClientId {
        if let Some(known) = self.clients.read().get(&client) {
            return known.clone();
        }
        let mut clients = self.clients.write();
        if clients.len() >= MOST_CLIENTS {
            clients.clear();
        }
        clients.insert(client.clone());
        client
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("tokens", &self.tokens.len())
            .field("epoch", &self.epochs.newest())
            .finish_non_exhaustive()
    }
}

impl Asked {
    fn is_within(self, ttl: Duration, monotonic: Duration) -> bool {
        monotonic.saturating_sub(self.at) < ttl
    }
}

impl Accounts {
    fn get(&self, id: &AccountId) -> Option<Arc<Account>> {
        self.known.get(id).and_then(Weak::upgrade)
    }

    fn put(&mut self, account: &Arc<Account>) {
        if self.known.len() >= self.look_through_at {
            self.known.retain(|_, account| account.strong_count() > 0);
            self.look_through_at = (2 * self.known.len()).max(FEW_ACCOUNTS);
        }
        self.known
            .insert(account.id.clone(), Arc::downgrade(account));
    }
}

impl Epochs {
    fn new() -> Self {
        Self {
            newest: AtomicU64::new(0),
            floor: AtomicU64::new(0),
            slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            slot_of: RandomState::new(),
        }
    }

    fn newest(&self) -> Epoch {
        Epoch(self.newest.load(Ordering::SeqCst))
    }

    /// Takes the next epoch and writes it to the subjects' slots. The number is taken first: a load that begins between
    /// the two carries it already, and what it reads from the store is as new as the change.
    fn raise<'a>(&self, subjects: impl IntoIterator<Item = &'a Subject>) {
        let next = self.newest.fetch_add(1, Ordering::SeqCst) + 1;
        for subject in subjects {
            let slot = match subject {
                Subject::Account(id) => self.slot(Tag::Account, id),
                Subject::Session(id) => self.slot(Tag::Session, id),
                Subject::Client(id) => self.slot(Tag::Client, id),
                Subject::SigningKeys => None,
            };
            if let Some(slot) = slot {
                slot.fetch_max(next, Ordering::SeqCst);
            }
        }
    }

    fn raise_floor(&self) {
        let next = self.newest.fetch_add(1, Ordering::SeqCst) + 1;
        self.floor.fetch_max(next, Ordering::SeqCst);
    }

    fn is_above_floor(&self, epoch: Epoch) -> bool {
        epoch.0 >= self.floor.load(Ordering::SeqCst)
    }

    /// Whether nothing that a fact rests on was invalidated after its epoch. Lock-free; two loads and a comparison while
    /// nothing at all was invalidated since.
    fn permit(&self, epoch: Epoch, principal: &Principal) -> bool {
        if epoch >= self.newest() {
            return true;
        }
        let is_older =
            |slot: Option<&AtomicU64>| slot.is_none_or(|s| s.load(Ordering::SeqCst) <= epoch.0);
        self.is_above_floor(epoch)
            && is_older(self.slot(Tag::Session, &principal.session))
            && is_older(self.slot(Tag::Account, &principal.account.id))
            && principal
                .client
                .as_ref()
                .is_none_or(|client| is_older(self.slot(Tag::Client, client)))
    }

    fn slot(&self, tag: Tag, id: &impl Hash) -> Option<&AtomicU64> {
        let hash = self.slot_of.hash_one((tag, id));
        let index = usize::try_from(hash % SLOTS).ok()?;
        self.slots.get(index)
    }
}

#[derive(Hash)]
enum Tag {
    Account,
    Session,
    Client,
}

/// 512 KiB of epochs. A thousand revocations a second over an entry's life of a minute would touch 60 % of them.
const SLOTS: u64 = 1 << 16;

/// Tokens that are not good are anybody's to make up; they get a small share of the memory.
const MOST_UNKNOWN: u64 = 1 << 16;

/// Below this, accounts that nobody shares are not worth looking for.
const FEW_ACCOUNTS: usize = 1 << 10;

/// There are few clients; this is for the case that there are not.
const MOST_CLIENTS: usize = 1 << 12;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::account::{AccountKind, AccountStatus, Role};
    use crate::model::id::SessionId;
    use crate::model::principal::LastUsed;
    use crate::model::time::Timestamp;
    use crate::model::token::{PlainToken, TokenKind};

    const NOW: Duration = Duration::from_secs(1000);

    fn cache() -> Cache {
        Cache::new(&section::Cache {
            entries: 1000,
            ttl: Duration::from_mins(1),
            negative_ttl: Duration::from_secs(2),
        })
    }

    fn digest() -> TokenDigest {
        PlainToken::generate(TokenKind::Access).digest()
    }

    fn principal(account: &str, client: Option<&str>) -> Principal {
        Principal {
            account: Arc::new(Account {
                id: AccountId::parse(account).unwrap(),
                email: None,
                pending_email: None,
                username: None,
                name: None,
                role: Role::member(),
                groups: vec![],
                kind: AccountKind::Full,
                status: AccountStatus::Active,
                created_at: Timestamp::default(),
            }),
            client: client.map(|id| ClientId::parse(id).unwrap()),
            session: SessionId::generate(),
            token: None,
            kind: TokenKind::Access,
            scopes: [].into(),
            issued_at: Timestamp::default(),
            expires_at: None,
            last_used: LastUsed::default(),
        }
    }

    #[test]
    fn each_subject_makes_its_own_facts_stale_and_no_others() {
        let (mine, other) = (principal("a", Some("c")), principal("b", Some("d")));
        let subjects = [
            Subject::Account(mine.account.id.clone()),
            Subject::Session(mine.session),
            Subject::Client(mine.client.clone().unwrap()),
        ];
        let (session, other_session) = (mine.session, other.session);
        let (cache, mine_at, other_at) = (cache(), digest(), digest());
        cache.put(other_at, Some(other), cache.asking(NOW));
        for subject in subjects {
            let again = Principal {
                session,
                ..principal("a", Some("c"))
            };
            cache.put(mine_at, Some(again), cache.asking(NOW));
            assert!(matches!(cache.get(&mine_at, NOW), Found::Known(_)));
            cache.forget([&subject]);
            assert!(
                matches!(cache.get(&mine_at, NOW), Found::Stale),
                "{subject:?}"
            );
            assert!(
                matches!(cache.get(&other_at, NOW), Found::Known(p) if p.session == other_session),
                "{subject:?}"
            );
        }
    }

    #[test]
    fn an_answer_to_a_question_asked_before_the_change_is_stale_on_arrival() {
        let (cache, at) = (cache(), digest());
        let principal = principal("a", None);
        let asked = cache.asking(NOW);
        cache.forget([&Subject::Session(principal.session)]);
        cache.put(at, Some(principal), asked);
        assert!(matches!(cache.get(&at, NOW), Found::Stale));
    }

    #[test]
    fn forgetting_all_reaches_answers_under_way_and_tokens_that_are_not_good() {
        let (cache, good, late, bad) = (cache(), digest(), digest(), digest());
        let asked = cache.asking(NOW);
        cache.put(good, Some(principal("a", None)), asked);
        cache.put(bad, None, asked);
        assert!(matches!(cache.get(&bad, NOW), Found::Unknown));
        cache.forget_all();
        cache.put(late, Some(principal("a", None)), asked);
        assert!(matches!(
            cache.get(&good, NOW),
            Found::Nothing | Found::Stale
        ));
        assert!(matches!(cache.get(&late, NOW), Found::Stale));
        assert!(matches!(cache.get(&bad, NOW), Found::Nothing));
    }

    #[test]
    fn tokens_of_one_account_share_its_facts_while_they_are_the_same() {
        let cache = cache();
        let [one, two] = [(); 2].map(|()| {
            cache
                .put(digest(), Some(principal("a", Some("c"))), cache.asking(NOW))
                .unwrap()
        });
        assert!(Arc::ptr_eq(&one.account, &two.account));
        let mut promoted = principal("a", None);
        Arc::make_mut(&mut promoted.account).role = Role::parse("admin").unwrap();
        let three = cache
            .put(digest(), Some(promoted), cache.asking(NOW))
            .unwrap();
        assert_eq!(three.account.role.as_str(), "admin");
        assert_eq!(one.account.role.as_str(), "member");
    }

    #[test]
    fn what_is_known_has_its_time_and_no_more() {
        let (cache, good, bad) = (cache(), digest(), digest());
        cache.put(good, Some(principal("a", None)), cache.asking(NOW));
        cache.put(bad, None, cache.asking(NOW));
        for (seconds, is_good_known, is_bad_known) in [
            (1, true, true),
            (2, true, false),
            (59, true, false),
            (60, false, false),
        ] {
            let later = NOW + Duration::from_secs(seconds);
            let (good, bad) = (cache.get(&good, later), cache.get(&bad, later));
            assert_eq!(matches!(good, Found::Known(_)), is_good_known, "{seconds}");
            assert_eq!(matches!(bad, Found::Unknown), is_bad_known, "{seconds}");
        }
    }

    #[test]
    fn more_than_fits_makes_room_and_accounts_go_with_their_tokens() {
        let cache = cache();
        for number in 0..20_000 {
            let principal = principal(&format!("a{number}"), None);
            cache.put(digest(), Some(principal), cache.asking(NOW));
        }
        assert!(cache.tokens.len() <= 1_100, "{}", cache.tokens.len());
        let accounts = cache.accounts.read().known.len();
        assert!(accounts <= 2 * 1_100, "{accounts}");
    }
}
