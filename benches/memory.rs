//! What a million cached tokens of a hundred thousand accounts cost: memory, and the time of a hit.
//!
//! One process fills a SQLite store, a second one, which is measured, caches all of it. Run with `cargo bench --bench memory`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement ends where something is wrong"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::auth::{Auth, Source};
use countersign::clock::{Clock, SystemClock};
use countersign::config::{Config, Environment};
use countersign::metrics::Metrics;
use countersign::model::account::{
    Account, AccountKind, AccountStatus, Email, Group, Role, Username,
};
use countersign::model::audit::Actor;
use countersign::model::client::{Client, Handoff};
use countersign::model::credential::{AuthMethod, Credential};
use countersign::model::id::{AccountId, ClientId, SessionId};
use countersign::model::time::Timestamp;
use countersign::model::token::{PlainToken, RotationNonce, TokenKind};
use countersign::store::accounts::NewAccount;
use countersign::store::sqlite::SqliteStore;
use countersign::store::{Accounts, Action, Clients, Committed};
use rusqlite::{Connection, params};
use tokio::runtime::Runtime;

const ACCOUNTS: usize = 100_000;
const TOKENS: usize = 1_000_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, path, seed] = arguments.as_slice()
        && word == "measure"
    {
        return measure(Path::new(path), &PlainToken::parse(seed).unwrap());
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let seed = PlainToken::generate(TokenKind::Access);
    fill(&path, &seed);
    let measured = std::process::Command::new(std::env::current_exe().unwrap())
        .arg("measure")
        .arg(&path)
        .arg(seed.expose())
        .status();
    assert!(measured.unwrap().success());
}

fn measure(path: &Path, seed: &PlainToken) {
    let runtime = Runtime::new().unwrap();
    let auth = Arc::new(auth(path));
    let clock = SystemClock::new();
    runtime.block_on(auth.follow_feed()).unwrap();
    let (_stop, shutdown) = tokio::sync::watch::channel(false);
    let running = Arc::clone(&auth);
    runtime.spawn(async move { running.run(shutdown).await });
    let before = resident_mb();
    println!("before: {before} MB resident");
    let started = Instant::now();
    let ask = |number: usize| {
        let credential = Credential::token(AuthMethod::Bearer, token(seed, number)).unwrap();
        let asked = Instant::now();
        let found = runtime.block_on(auth.verifier.introspect(&credential, clock.now()));
        let found = found.unwrap();
        assert!(found.principal.is_some());
        (found.source, asked.elapsed())
    };
    for number in 0..TOKENS {
        ask(number);
        if [10_000, TOKENS].contains(&(number + 1)) {
            report(number + 1, started, before, &mut |n| ask(n));
        }
    }
}

fn report(
    cached: usize,
    started: Instant,
    before: u64,
    ask: &mut dyn FnMut(usize) -> (Source, Duration),
) {
    std::thread::park_timeout(Duration::from_millis(500));
    let resident = resident_mb();
    println!(
        "{cached} tokens after {:?}: {resident} MB resident, {} MB more",
        started.elapsed(),
        resident - before
    );
    // A step that is prime to the number of tokens visits them all, far from each other.
    let asked = (0..100_000).map(|n: usize| ask(n.wrapping_mul(7_368_787) % cached));
    let answers: Vec<_> = asked.collect();
    let mut hits: Vec<_> = answers
        .iter()
        .filter(|(source, _)| *source == Source::Cache)
        .map(|(_, took)| *took)
        .collect();
    hits.sort();
    println!(
        "of 100000 questions {} were answered by the cache, in {:?} (median) and {:?} (99 %)",
        hits.len(),
        hits[hits.len() / 2],
        hits[hits.len() * 99 / 100]
    );
}

fn auth(path: &Path) -> Auth {
    let text = "[store]\nurl = \"memory:\"\n[cache]\nttl = \"1h\"\n[mail]\ntransport = \"none\"\n[dialect.x_auth]\n";
    let base = Path::new(".");
    let config = Config::from_text(text, "bench.toml", base, &Environment::empty()).unwrap();
    let store = Arc::new(SqliteStore::open(path).unwrap());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    Auth::new(&config, store, clock, Arc::new(Metrics::new()))
}

/// A million sessions with a token each, of a hundred thousand accounts and three clients. The accounts come in through
/// the store; the rest past it, since a million durable logins would take minutes.
fn fill(path: &Path, seed: &PlainToken) {
    let runtime = Runtime::new().unwrap();
    let store = SqliteStore::open(path).unwrap();
    let action = Action::new(NOW, Actor::Operator, None);
    let accounts: Vec<_> = (0..ACCOUNTS).map(account).collect();
    let made = runtime.block_on(store.create_accounts(&accounts, None, &action));
    let Committed { .. } = made.unwrap();
    for name in ["One", "Two", "Three"] {
        let client = Client {
            id: ClientId::generate(),
            name: name.into(),
            redirect_urls: vec![],
            handoff: Handoff::Token,
            created_at: NOW,
        };
        let made = runtime.block_on(store.create_client(&client, &action));
        let Committed { .. } = made.unwrap();
    }
    drop(store);
    let mut raw = Connection::open(path).unwrap();
    raw.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000")
        .unwrap();
    let transaction = raw.transaction().unwrap();
    let mut session = transaction
        .prepare(
            "INSERT INTO session (number, id, account, client, dialect, scopes, remote_ip, created_at) \
             VALUES (?1, ?2, ?3, ?4, 'x_auth', '', '192.0.2.1', ?5)",
        )
        .unwrap();
    let mut stored = transaction
        .prepare("INSERT INTO token (digest, session, kind, issued_at) VALUES (?1, ?2, ?3, ?4)")
        .unwrap();
    for number in 0..TOKENS {
        let [row, owner, client] =
            [number, number % ACCOUNTS + 1, number % 3 + 1].map(|n| i64::try_from(n).unwrap());
        let id = SessionId::generate();
        let at = NOW.millis();
        session
            .execute(params![row, id.bytes(), owner, client, at])
            .unwrap();
        let digest = token(seed, number).digest();
        let kind = TokenKind::Access as u8;
        stored
            .execute(params![digest.bytes(), row, kind, at])
            .unwrap();
    }
    drop((session, stored));
    transaction.commit().unwrap();
}

/// The token of a number: derived, so that neither process has to keep a million of them.
fn token(seed: &PlainToken, number: usize) -> PlainToken {
    let mut nonce = [0; 32];
    nonce[..8].copy_from_slice(&number.to_be_bytes());
    seed.successor(&RotationNonce::from_bytes(nonce), TokenKind::Access)
}

fn account(number: usize) -> NewAccount {
    let groups = ["staff", "team-blue"].map(|group| Group::parse(group).unwrap());
    NewAccount {
        account: Account {
            id: AccountId::generate(),
            email: Some(Email::parse(&format!("somebody{number}@example.org")).unwrap()),
            pending_email: None,
            username: Some(Username::parse(&format!("somebody{number}")).unwrap()),
            name: Some("Somebody Ordinary".into()),
            role: Role::member(),
            groups: groups.into(),
            kind: AccountKind::Shadow,
            status: AccountStatus::Active,
            created_at: NOW,
        },
        password: None,
    }
}

fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    let kb: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kb / 1024
}

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
