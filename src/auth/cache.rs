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
//! Knows nothing of time (but for the entries' life), of the feed, and of who may do what.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::sync::Cache as Map;
use parking_lot::RwLock;

use crate::config::section;
use crate::metrics::{CacheName, Metrics};
use crate::model::account::Account;
use crate::model::change::Subject;
use crate::model::id::{AccountId, ClientId};
use crate::model::principal::Principal;
use crate::model::token::TokenDigest;

/// The facts of tokens that were asked for lately.
pub(super) struct Cache {
    tokens: Map<TokenDigest, Fact>,
    unknown: Map<TokenDigest, Epoch>,
    accounts: Map<AccountId, Arc<Account>>,
    clients: RwLock<HashSet<ClientId>>,
    epochs: Epochs,
}

/// How far the invalidations were when something was read. Taken before the store is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Epoch(u64);

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
    epoch: Epoch,
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
        Self {
            tokens: Map::builder()
                .max_capacity(config.entries)
                .time_to_live(config.ttl)
                .build(),
            unknown: Map::builder()
                .max_capacity(config.entries.min(MOST_UNKNOWN))
                .time_to_live(config.negative_ttl)
                .build(),
            accounts: Map::builder()
                .max_capacity(config.entries)
                .time_to_live(config.ttl)
                .build(),
            clients: RwLock::default(),
            epochs: Epochs::new(),
        }
    }

    /// What is known of a token. One hash, one look; a second look for a token that is not good.
    pub(super) fn get(&self, digest: &TokenDigest) -> Found {
        if let Some(fact) = self.tokens.get(digest) {
            return if self.epochs.permit(fact.epoch, &fact.principal) {
                Found::Known(fact.principal)
            } else {
                Found::Stale
            };
        }
        match self.unknown.get(digest) {
            Some(epoch) if self.epochs.is_above_floor(epoch) => Found::Unknown,
            Some(_) | None => Found::Nothing,
        }
    }

    /// To be read before the store is asked, and given back to [`Self::put`] with its answer.
    pub(super) fn epoch(&self) -> Epoch {
        self.epochs.newest()
    }

    /// Remembers what the store answered, and returns it with the account that its other tokens share.
    pub(super) fn put(
        &self,
        digest: TokenDigest,
        answer: Option<Principal>,
        asked_at: Epoch,
    ) -> Option<Arc<Principal>> {
        let Some(principal) = answer else {
            self.unknown.insert(digest, asked_at);
            return None;
        };
        let principal = Arc::new(self.share(principal));
        let fact = Fact {
            principal: Arc::clone(&principal),
            epoch: asked_at,
        };
        self.tokens.insert(digest, fact);
        Some(principal)
    }

    /// Makes everything untrue that is known of a subject. In effect when it returns.
    pub(super) fn forget<'a>(&self, subjects: impl IntoIterator<Item = &'a Subject>) {
        self.epochs.raise(subjects);
    }

    /// Makes everything untrue. In effect when it returns; the memory comes back little by little.
    pub(super) fn forget_all(&self) {
        self.epochs.raise_floor();
        self.tokens.invalidate_all();
        self.unknown.invalidate_all();
        self.accounts.invalidate_all();
    }

    /// Does the housekeeping that would else be done by some unlucky request, and says how full the caches are.
    pub(super) fn tidy(&self, metrics: &Metrics) {
        self.tokens.run_pending_tasks();
        self.unknown.run_pending_tasks();
        self.accounts.run_pending_tasks();
        for (name, entries) in [
            (CacheName::Tokens, self.tokens.entry_count()),
            (CacheName::Negative, self.unknown.entry_count()),
            (CacheName::Accounts, self.accounts.entry_count()),
        ] {
            metrics.set_cache_entries(name, entries);
        }
    }

    /// Replaces a principal's account and client by equal ones that are in memory already.
    fn share(&self, principal: Principal) -> Principal {
        let account = match self.accounts.get(&principal.account.id) {
            Some(known) if known == principal.account => known,
            Some(_) | None => {
                let account = principal.account;
                self.accounts
                    .insert(account.id.clone(), Arc::clone(&account));
                account
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
            .field("tokens", &self.tokens.entry_count())
            .field("epoch", &self.epochs.newest())
            .finish_non_exhaustive()
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
        cache.put(other_at, Some(other), cache.epoch());
        for subject in subjects {
            let again = Principal {
                session,
                ..principal("a", Some("c"))
            };
            cache.put(mine_at, Some(again), cache.epoch());
            assert!(matches!(cache.get(&mine_at), Found::Known(_)));
            cache.forget([&subject]);
            assert!(matches!(cache.get(&mine_at), Found::Stale), "{subject:?}");
            assert!(
                matches!(cache.get(&other_at), Found::Known(p) if p.session == other_session),
                "{subject:?}"
            );
        }
    }

    #[test]
    fn an_answer_to_a_question_asked_before_the_change_is_stale_on_arrival() {
        let (cache, at) = (cache(), digest());
        let principal = principal("a", None);
        let asked_at = cache.epoch();
        cache.forget([&Subject::Session(principal.session)]);
        cache.put(at, Some(principal), asked_at);
        assert!(matches!(cache.get(&at), Found::Stale));
    }

    #[test]
    fn forgetting_all_reaches_answers_under_way_and_tokens_that_are_not_good() {
        let (cache, good, late, bad) = (cache(), digest(), digest(), digest());
        let asked_at = cache.epoch();
        cache.put(good, Some(principal("a", None)), asked_at);
        cache.put(bad, None, asked_at);
        assert!(matches!(cache.get(&bad), Found::Unknown));
        cache.forget_all();
        cache.put(late, Some(principal("a", None)), asked_at);
        assert!(matches!(cache.get(&good), Found::Nothing | Found::Stale));
        assert!(matches!(cache.get(&late), Found::Stale));
        assert!(matches!(cache.get(&bad), Found::Nothing));
    }

    #[test]
    fn tokens_of_one_account_share_its_facts_while_they_are_the_same() {
        let cache = cache();
        let [one, two] = [(); 2].map(|()| {
            cache
                .put(digest(), Some(principal("a", Some("c"))), cache.epoch())
                .unwrap()
        });
        assert!(Arc::ptr_eq(&one.account, &two.account));
        let mut promoted = principal("a", None);
        Arc::make_mut(&mut promoted.account).role = Role::parse("admin").unwrap();
        let three = cache.put(digest(), Some(promoted), cache.epoch()).unwrap();
        assert_eq!(three.account.role.as_str(), "admin");
        assert_eq!(one.account.role.as_str(), "member");
    }
}
