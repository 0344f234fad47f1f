//! Whom a credential stands for.
//!
//! The one step on a request's way that may wait: the cache answers, else the store does. Source: RFC 7662, whose
//! `active: false` is `None` here, an answer and not an error. Everything that ends or changes what a token stands for
//! calls [`Verifier::forget`] before anybody is told, so that on this node a revocation holds from its acknowledgement on.
//! What other nodes change comes in through the [feed](super::feed); while that is silent for longer than the revocation
//! bound, the cache is not believed and the store is asked each time.
//!
//! Decides nothing: what a principal may do is [`decide`](crate::model::policy::decide)'s.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::broadcast;

use super::cache::{Cache, Found};
use super::used::Uses;
use crate::config::section;
use crate::metrics::{CacheName, CacheResult, Histogram, IntCounter, Metrics};
use crate::model::certificate::{ClientCertificate, Holder};
use crate::model::change::{Change, Sequence, Subject};
use crate::model::credential::Credential;
use crate::model::principal::{Elevation, Principal};
use crate::model::time::Now;
use crate::model::token::{PlainToken, TokenDigest, TokenKind};
use crate::store::accounts::AccountKey;
use crate::store::{SharedStore, StoreError};

/// Knows whom credentials stand for. Shared behind an `Arc` by everything that decides.
#[derive(Debug)]
pub struct Verifier {
    store: SharedStore,
    cache: Cache,
    /// Until when the cache may be believed, in monotonic microseconds.
    fresh_until: AtomicU64,
    uses: Uses,
    /// What this node changed itself and forgot already; the feed will tell it again.
    own: Mutex<BTreeSet<Sequence>>,
    forgotten: broadcast::Sender<Forgotten>,
    counted: Counted,
}

/// An answer about a credential.
#[derive(Debug, Clone)]
pub struct Introspection {
    /// Whom it stands for; `None` if it is unknown, expired or revoked.
    pub principal: Option<Arc<Principal>>,
    /// Who said so.
    pub source: Source,
    /// How long it took to find out.
    pub took: Duration,
}

/// Who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The cache.
    Cache,
    /// The store.
    Store,
}

/// What was just made untrue, for those who hold on to something: open connections, signing keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forgotten {
    /// Everything about one subject.
    Subject(Subject),
    /// Everything; also what a receiver that lagged behind has to assume.
    Everything,
}

#[derive(Debug)]
struct Counted {
    hit: IntCounter,
    miss: IntCounter,
    stale: IntCounter,
    bypass: IntCounter,
    negative: IntCounter,
    negative_miss: IntCounter,
    from_cache: Histogram,
    from_store: Histogram,
}

impl Verifier {
    /// A verifier with an empty cache, which it does not believe before the feed was followed once.
    pub(super) fn new(
        config: &section::Cache,
        store: SharedStore,
        uses: Uses,
        metrics: &Metrics,
    ) -> Self {
        Self {
            store,
            cache: Cache::new(config),
            fresh_until: AtomicU64::new(0),
            uses,
            own: Mutex::default(),
            forgotten: broadcast::Sender::new(MOST_UNHEARD),
            counted: Counted::new(metrics),
        }
    }

    /// Whom a credential stands for. Waits only if the store has to be asked.
    ///
    /// # Errors
    /// If the store has to be asked and cannot answer: 503, never anonymous and never 401.
    pub async fn introspect(
        &self,
        credential: &Credential,
        now: Now,
    ) -> Result<Introspection, StoreError> {
        let started = Instant::now();
        let certificate = credential.certificate();
        let mut found = self.look_up(&credential.digest(), certificate, now).await?;
        found.took = started.elapsed();
        self.counted.observe(found.source, found.took);
        // A certificate's session is none of the store's.
        if let Some(principal) = &found.principal
            && certificate.is_none()
            && principal.last_used.touch(now.wall)
        {
            self.uses.note(principal.session, now.wall);
        }
        Ok(found)
    }

    /// The elevation that a token gives to a principal; `None` if it is not an elevated token, not active, or of another
    /// account or session.
    ///
    /// # Errors
    /// If the store has to be asked and cannot answer.
    pub async fn elevation(
        &self,
        token: &PlainToken,
        of: &Principal,
        now: Now,
    ) -> Result<Option<Elevation>, StoreError> {
        if token.kind() != TokenKind::Elevated {
            return Ok(None);
        }
        let found = self.look_up(&token.digest(), None, now).await?;
        Ok(found
            .principal
            .filter(|elevated| {
                elevated.session == of.session && elevated.account.id == of.account.id
            })
            .and_then(|elevated| {
                elevated.expires_at.map(|until| Elevation {
                    since: elevated.issued_at,
                    until,
                })
            }))
    }

    /// Makes untrue what is known about the subjects of changes that this node just committed. When it returns, nothing
    /// that was true before the changes is an answer any more; only then may they be acknowledged.
    pub fn forget(&self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        self.note_own(changes);
        self.forget_subjects(changes.iter().map(|change| &change.subject));
    }

    /// Hears what is forgotten from now on.
    #[must_use]
    pub fn forgotten(&self) -> broadcast::Receiver<Forgotten> {
        self.forgotten.subscribe()
    }

    /// Forgets what the feed tells of others' changes, and returns how many there were. Own ones are forgotten already.
    pub(super) fn forget_foreign(&self, changes: &[Change]) -> usize {
        let foreign: Vec<&Change> = {
            let own = self.own.lock();
            changes
                .iter()
                .filter(|change| !own.contains(&change.sequence))
                .collect()
        };
        if !foreign.is_empty() {
            self.forget_subjects(foreign.iter().map(|change| &change.subject));
        }
        foreign.len()
    }

    /// Says that the feed told everything up to here, so that the own changes among it need not be kept in mind.
    pub(super) fn passed(&self, reached: Sequence) {
        self.own.lock().retain(|sequence| *sequence > reached);
    }

    /// Forgets everything: what was missed is not known.
    pub(super) fn forget_all(&self) {
        self.own.lock().clear();
        self.cache.forget_all();
        let _ = self.forgotten.send(Forgotten::Everything);
    }

    /// Lets the cache be believed until a monotonic time.
    pub(super) fn believe_until(&self, monotonic: Duration) {
        self.fresh_until.store(micros(monotonic), Ordering::SeqCst);
    }

    /// Says how full the cache is.
    pub(super) fn show(&self, metrics: &Metrics) {
        self.cache.show(metrics);
    }

    async fn look_up(
        &self,
        digest: &TokenDigest,
        certificate: Option<&ClientCertificate>,
        now: Now,
    ) -> Result<Introspection, StoreError> {
        if micros(now.monotonic) > self.fresh_until.load(Ordering::SeqCst) {
            self.counted.bypass.inc();
            let answer = self.ask(digest, certificate).await?.map(Arc::new);
            return Ok(Introspection::at(answer, Source::Store, now));
        }
        match self.cache.get(digest, now.monotonic) {
            Found::Known(principal) => {
                self.counted.hit.inc();
                return Ok(Introspection::at(Some(principal), Source::Cache, now));
            }
            Found::Unknown => {
                self.counted.negative.inc();
                return Ok(Introspection::at(None, Source::Cache, now));
            }
            Found::Stale => self.counted.stale.inc(),
            Found::Nothing => {
                self.counted.miss.inc();
                self.counted.negative_miss.inc();
            }
        }
        let asked = self.cache.asking(now.monotonic);
        let answer = self.ask(digest, certificate).await?;
        let answer = self.cache.put(*digest, answer, asked);
        Ok(Introspection::at(answer, Source::Store, now))
    }

    /// Asks the store: about a token, or about the account that a certificate names.
    async fn ask(
        &self,
        digest: &TokenDigest,
        certificate: Option<&ClientCertificate>,
    ) -> Result<Option<Principal>, StoreError> {
        let Some(certificate) = certificate else {
            return self.store.introspect(digest).await;
        };
        let key = match &certificate.holder {
            Holder::Id(id) => AccountKey::Id(id.clone()),
            Holder::Email(name) | Holder::Username(name) => AccountKey::Login(name.clone()),
        };
        let account = self.store.account(&key).await?;
        Ok(account.and_then(|account| certificate.principal(account)))
    }

    fn forget_subjects<'a>(&self, subjects: impl Iterator<Item = &'a Subject> + Clone) {
        self.cache.forget(subjects.clone());
        if self.forgotten.receiver_count() > 0 {
            for subject in subjects {
                let _ = self.forgotten.send(Forgotten::Subject(subject.clone()));
            }
        }
    }

    fn note_own(&self, changes: &[Change]) {
        let mut own = self.own.lock();
        if own.len() >= MOST_OWN {
            own.clear();
        }
        own.extend(changes.iter().map(|change| change.sequence));
    }
}

impl Introspection {
    fn at(principal: Option<Arc<Principal>>, source: Source, now: Now) -> Self {
        Self {
            principal: principal.filter(|principal| principal.is_active(now.wall)),
            source,
            took: Duration::ZERO,
        }
    }
}

impl Counted {
    fn new(metrics: &Metrics) -> Self {
        let tokens = |result| metrics.cache(CacheName::Tokens, result);
        Self {
            hit: tokens(CacheResult::Hit),
            miss: tokens(CacheResult::Miss),
            stale: tokens(CacheResult::Stale),
            bypass: tokens(CacheResult::Bypass),
            negative: metrics.cache(CacheName::Negative, CacheResult::Hit),
            negative_miss: metrics.cache(CacheName::Negative, CacheResult::Miss),
            from_cache: metrics.auth_from_cache(),
            from_store: metrics.auth_from_store(),
        }
    }

    fn observe(&self, source: Source, took: Duration) {
        match source {
            Source::Cache => self.from_cache.observe(took.as_secs_f64()),
            Source::Store => self.from_store.observe(took.as_secs_f64()),
        }
    }
}

fn micros(monotonic: Duration) -> u64 {
    u64::try_from(monotonic.as_micros()).unwrap_or(u64::MAX)
}

/// Own changes that the feed has not told yet. Past this they are forgotten a second time, which does no harm.
const MOST_OWN: usize = 1 << 16;

/// What a slow listener may miss before it has to assume everything.
const MOST_UNHEARD: usize = 1 << 10;
