//! What a request pays for being recognised: from its head to its permit, with the answer cached and with the store asked,
//! and how often that allocates.
//!
//! A cached decision waits for nothing, so what is told of it is the thread's processor time: what else the machine does
//! does not count. The store answers on threads of its own, so what is told of that is time as it passes.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "a measurement ends where something is wrong"
)]

use std::alloc::System;
use std::hint::black_box;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign::auth::Auth;
use countersign::clock::{Clock, ManualClock};
use countersign::config::Config;
use countersign::config::environment::Environment;
use countersign::gateway::{Asked, Gateway};
use countersign::metrics::Metrics;
use countersign::model::account::{Account, AccountKind, AccountStatus, Email, Role};
use countersign::model::audit::Actor;
use countersign::model::id::{AccountId, SessionId};
use countersign::model::session::{Dialect, Session};
use countersign::model::time::Timestamp;
use countersign::model::token::{PlainToken, TokenKind};
use countersign::store::accounts::NewAccount;
use countersign::store::memory::MemoryStore;
use countersign::store::sessions::NewToken;
use countersign::store::sqlite::SqliteStore;
use countersign::store::{Action, SharedStore};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use rustix::time::{ClockId, clock_gettime};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Ten tokens for each account, so that accounts are shared as they are in use.
const TOKENS_PER_ACCOUNT: usize = 10;

/// Heads that are made before they are timed: a request's head was just read, and so is warm.
const BATCH: usize = 64;

/// A gateway over a store that holds some tokens.
struct World {
    gateway: Gateway,
    clock: Arc<ManualClock>,
    auth: Auth,
    tokens: Vec<PlainToken>,
    place: usize,
}

impl World {
    fn new(store: SharedStore, tokens: usize, cached: usize, runtime: &Runtime) -> Self {
        let text = CONFIG.replace("ENTRIES", &cached.to_string());
        let config = Config::from_text(&text, "bench.toml", Path::new("."), &Environment::empty())
            .unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let clock = Arc::new(ManualClock::at(now()));
        let metrics = Arc::new(Metrics::new());
        let ticking: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let tokens = runtime.block_on(fill(&store, tokens));
        let auth = Auth::new(&config, store, ticking, Arc::clone(&metrics));
        runtime.block_on(auth.follow_feed()).unwrap();
        Self {
            gateway: Gateway::new(&config, Arc::clone(&auth.verifier), &metrics),
            clock,
            auth,
            tokens,
            place: 0,
        }
    }

    /// Asks for every token once, so that all are cached.
    fn warm(&mut self, runtime: &Runtime) {
        let many = u64::try_from(self.tokens.len()).unwrap();
        let _ = self.admit(many, runtime, passed_time);
        runtime.block_on(self.auth.follow_feed()).unwrap();
    }

    /// The time that `times` decisions take, each about another token, far from the one before.
    fn admit(&mut self, times: u64, runtime: &Runtime, clock: fn() -> Duration) -> Duration {
        let mut left = usize::try_from(times).unwrap();
        let mut took = Duration::ZERO;
        while left > 0 {
            let size = left.min(BATCH);
            left -= size;
            let heads: Vec<HeaderMap> = (0..size).map(|_| self.next_head()).collect();
            took += runtime.block_on(async {
                let started = clock();
                for headers in &heads {
                    let admission = self.gateway.admit(&asked(headers), self.clock.now()).await;
                    assert!(black_box(admission).verdict.is_ok());
                }
                clock().saturating_sub(started)
            });
        }
        took
    }

    /// Allocations for each decision.
    fn allocations(&mut self, runtime: &Runtime) -> f64 {
        let heads: Vec<HeaderMap> = (0..1000).map(|_| self.next_head()).collect();
        runtime.block_on(async {
            let region = Region::new(ALLOCATOR);
            for headers in &heads {
                let admission = self.gateway.admit(&asked(headers), self.clock.now()).await;
                assert!(black_box(admission).verdict.is_ok());
            }
            region.change().allocations as f64 / heads.len() as f64
        })
    }

    /// A head as a browser's or client's looks, with the next token. The step is prime to the number of tokens, so that
    /// all are visited.
    fn next_head(&mut self) -> HeaderMap {
        self.place = (self.place + 7_368_787) % self.tokens.len();
        let token = &self.tokens[self.place];
        let mut headers: HeaderMap = HEAD
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        let bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose())).unwrap();
        headers.insert("authorization", bearer);
        headers
    }
}

fn asked(headers: &HeaderMap) -> Asked<'_> {
    Asked {
        method: &Method::GET,
        target: b"/reports/2026/11?sort=name",
        host: Some("app.example"),
        headers,
        peer: IpAddr::from([127, 0, 0, 1]),
        is_tls: false,
        certificate: None,
    }
}

fn cached(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("head to permit, cached");
    for tokens in [10_000, 1_000_000] {
        let mut filled = None;
        group.bench_function(BenchmarkId::from_parameter(tokens), |bencher| {
            let world = filled.get_or_insert_with(|| {
                let store: SharedStore = Arc::new(MemoryStore::new());
                let mut world = World::new(store, tokens, 2 * tokens, &runtime);
                world.warm(&runtime);
                let allocations = world.allocations(&runtime);
                println!("{allocations} allocations a decision with {tokens} cached tokens");
                world
            });
            bencher.iter_custom(|times| world.admit(times, &runtime, processor_time));
        });
    }
    group.finish();
}

fn missed(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut filled = None;
    let mut group = criterion.benchmark_group("head to permit, from SQLite");
    group.bench_function(BenchmarkId::from_parameter(1_000_000), |bencher| {
        let world = filled.get_or_insert_with(|| {
            let path = directory.path().join("store.db");
            let store: SharedStore = Arc::new(SqliteStore::open(&path).unwrap());
            World::new(store, 1_000_000, 1000, &runtime)
        });
        bencher.iter_custom(|times| world.admit(times, &runtime, passed_time));
    });
    group.finish();
}

/// What this thread has used of a processor.
fn processor_time() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(used.tv_sec).unwrap(),
        u32::try_from(used.tv_nsec).unwrap(),
    )
}

/// Time as it passes.
fn passed_time() -> Duration {
    let passed = clock_gettime(ClockId::Monotonic);
    Duration::new(
        u64::try_from(passed.tv_sec).unwrap(),
        u32::try_from(passed.tv_nsec).unwrap(),
    )
}

/// Accounts with a session each, whose tokens are returned.
async fn fill(store: &SharedStore, tokens: usize) -> Vec<PlainToken> {
    let action = Action::new(now(), Actor::Operator, None);
    let accounts: Vec<NewAccount> = (0..tokens / TOKENS_PER_ACCOUNT).map(account).collect();
    for some in accounts.chunks(1000) {
        let _ = store.create_accounts(some, None, &action).await.unwrap();
    }
    let mut opening = JoinSet::new();
    let mut all = Vec::with_capacity(tokens);
    for account in accounts {
        if opening.len() >= 64 {
            all.extend(opening.join_next().await.unwrap().unwrap());
        }
        let (store, action) = (Arc::clone(store), action.clone());
        opening.spawn(async move {
            let tokens = [(); TOKENS_PER_ACCOUNT].map(|()| PlainToken::generate(TokenKind::Access));
            let session = session(&account.account.id);
            let new = tokens.each_ref().map(new_token);
            let opened = store.open_session(&session, &new, &action).await.unwrap();
            assert!(opened.is_some());
            tokens
        });
    }
    while let Some(opened) = opening.join_next().await {
        all.extend(opened.unwrap());
    }
    all
}

fn account(number: usize) -> NewAccount {
    NewAccount {
        account: Account {
            id: AccountId::generate(),
            email: Some(Email::parse(&format!("u{number}@example.org")).unwrap()),
            pending_email: None,
            username: None,
            name: None,
            role: Role::member(),
            groups: vec![],
            kind: AccountKind::Shadow,
            status: AccountStatus::Active,
            created_at: now(),
        },
        password: None,
    }
}

fn session(account: &AccountId) -> Session {
    Session {
        id: SessionId::generate(),
        account: account.clone(),
        client: None,
        dialect: Dialect::X_AUTH.as_str().into(),
        label: None,
        scopes: vec![],
        remote_ip: None,
        created_at: now(),
        last_used_at: None,
        expires_at: None,
    }
}

fn new_token(token: &PlainToken) -> NewToken {
    NewToken {
        digest: token.digest(),
        kind: token.kind(),
        id: None,
        issued_at: now(),
        expires_at: None,
    }
}

fn now() -> Timestamp {
    Timestamp::from_seconds(1_795_000_000)
}

/// What requests carry beside their credential.
const HEAD: [(&str, &str); 8] = [
    ("host", "app.example"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    ),
    ("accept", "application/json, text/plain, */*"),
    ("accept-language", "en-GB,en;q=0.5"),
    ("accept-encoding", "gzip, deflate, br"),
    ("connection", "keep-alive"),
    ("referer", "https://app.example/reports"),
    ("cookie", "theme=dark; locale=en"),
];

const CONFIG: &str = r#"
[[listen]]
address = "127.0.0.1:8080"
[store]
url = "memory:"
[mail]
transport = "none"
[cache]
entries = ENTRIES
ttl = "1h"
[upstream.app]
servers = ["http://127.0.0.1:9000"]
[[route]]
name = "public"
path = "/pub/"
upstream = "app"
access = "none"
[[route]]
name = "admin"
path = "/adm/"
upstream = "app"
roles = ["admin"]
[[route]]
name = "app"
path = "/"
upstream = "app"
roles = ["admin", "member"]
"#;

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).measurement_time(Duration::from_secs(5));
    targets = cached, missed
}
criterion_main!(benches);
