//! What the store costs: a cache miss with a million tokens, and durable changes with their sync shared.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a measurement ends where something is wrong"
)]

use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::model::account::{Account, AccountKind, AccountStatus, Email, Identifier, Role};
use countersign::model::audit::Actor;
use countersign::model::id::{AccountId, SessionId};
use countersign::model::session::{Dialect, Session};
use countersign::model::time::Timestamp;
use countersign::model::token::{PlainToken, TokenDigest, TokenKind};
use countersign::store::accounts::{AccountKey, NewAccount, PasswordHash};
use countersign::store::sessions::NewToken;
use countersign::store::sqlite::SqliteStore;
use countersign::store::{Accounts, Action, Committed, Journal, Sessions};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rusqlite::{Connection, params};
use tokio::runtime::Runtime;

const ACCOUNTS: usize = 100_000;
const TOKENS: usize = 1_000_000;

fn reads(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let digests = fill(&path, &runtime);
    let size = std::fs::metadata(&path).unwrap().len() / 1_000_000;
    let started = Instant::now();
    let store = SqliteStore::open(&path).unwrap();
    runtime.block_on(store.ping()).unwrap();
    println!(
        "a store of {size} MB opened and answered in {:?}",
        started.elapsed()
    );

    drop(store);
    start(directory.path());
    let store = SqliteStore::open(&path).unwrap();

    let mut group = criterion.benchmark_group("reads with 10^6 tokens");
    // A step that is prime to the number of tokens visits them all, far from each other.
    let mut places = (0..).map(|n: usize| n.wrapping_mul(7_368_787) % TOKENS);
    group.bench_function("introspect a token", |bencher| {
        bencher.iter(|| {
            let digest = &digests[places.next().unwrap()];
            let found = runtime
                .block_on(store.introspect(black_box(digest)))
                .unwrap();
            assert!(found.is_some());
        });
    });
    let unknown = PlainToken::generate(TokenKind::Access).digest();
    group.bench_function("introspect an unknown token", |bencher| {
        bencher.iter(|| {
            runtime
                .block_on(store.introspect(black_box(&unknown)))
                .unwrap()
        });
    });
    group.bench_function("an account with its secret by its address", |bencher| {
        bencher.iter(|| {
            let place = places.next().unwrap() % ACCOUNTS;
            let key = AccountKey::Login(Identifier::of(&format!("u{place}@example.org")));
            assert!(
                runtime
                    .block_on(store.account_secret(&key))
                    .unwrap()
                    .is_some()
            );
        });
    });
    group.finish();
    writes(criterion, &runtime, &Arc::new(store));
}

/// Starts `serve` over the store, again and again, and says how long it takes until it is ready.
fn start(directory: &Path) {
    let admin = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let config = format!(
        "[[listen]]\naddress = \"127.0.0.1:0\"\n[admin]\naddress = \"{admin}\"\n[store]\nurl = \"sqlite:store.db\"\n\
         [mail]\ntransport = \"none\"\n[accounts]\nconfirm_email = false\n[upstream.app]\nservers = [\"http://127.0.0.1:9\"]\n\
         [[route]]\nname = \"app\"\npath = \"/\"\nupstream = \"app\"\naccess = \"required\"\naccept = [\"bearer\"]\n"
    );
    std::fs::write(directory.join("countersign.toml"), config).unwrap();
    let mut took: Vec<Duration> = (0..11).map(|_| started(directory, admin)).collect();
    took.sort_unstable();
    println!(
        "serve is ready after {:?}, at most {:?}, of {} starts",
        took[took.len() / 2],
        took[took.len() - 1],
        took.len()
    );
}

fn started(directory: &Path, admin: SocketAddr) -> Duration {
    let begun = Instant::now();
    let mut serve = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .arg("serve")
        .current_dir(directory)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !is_ready(admin) {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "serve is not ready"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    let took = begun.elapsed();
    serve.kill().unwrap();
    serve.wait().unwrap();
    took
}

fn is_ready(admin: SocketAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(admin)?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// Logins, each with two tokens and its audit record, into the store with a million tokens.
fn writes(criterion: &mut Criterion, runtime: &Runtime, store: &Arc<SqliteStore>) {
    let mut group = criterion.benchmark_group("durable logins");
    group
        .measurement_time(Duration::from_secs(10))
        .sample_size(20);
    for at_once in [1, 64, 256] {
        group.throughput(Throughput::Elements(at_once));
        group.bench_function(BenchmarkId::from_parameter(at_once), |bencher| {
            bencher.iter(|| {
                let logins: Vec<_> = (0..at_once)
                    .map(|number| runtime.spawn(login(Arc::clone(store), number)))
                    .collect();
                for login in logins {
                    runtime.block_on(login).unwrap();
                }
            });
        });
    }
    group.finish();
}

async fn login(store: Arc<SqliteStore>, number: u64) {
    let session = Session {
        id: SessionId::generate(),
        account: AccountId::parse(&format!("u{number}")).unwrap(),
        client: None,
        dialect: Dialect::KEY_TOKEN.as_str().into(),
        label: None,
        scopes: Vec::new(),
        remote_ip: "192.0.2.1".parse().ok(),
        created_at: NOW,
        last_used_at: None,
        expires_at: None,
    };
    let tokens = [TokenKind::Keyed, TokenKind::Refresh].map(|kind| NewToken {
        digest: PlainToken::generate(kind).digest(),
        kind,
        id: None,
        issued_at: NOW,
        expires_at: Some(NOW.after(Duration::from_hours(24))),
    });
    let opened = store.open_session(&session, &tokens, &action()).await;
    let Committed { .. } = opened.unwrap().expect("an active account");
}

/// A million sessions with a token each, of a hundred thousand accounts. The accounts come in through the store; the rest
/// past it, since a million durable logins would take minutes.
fn fill(path: &Path, runtime: &Runtime) -> Vec<TokenDigest> {
    let store = SqliteStore::open(path).unwrap();
    let accounts: Vec<_> = (0..ACCOUNTS).map(account).collect();
    let made = runtime.block_on(store.create_accounts(&accounts, None, &action()));
    let Committed { .. } = made.unwrap();
    drop(store);
    let mut raw = Connection::open(path).unwrap();
    raw.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000")
        .unwrap();
    let transaction = raw.transaction().unwrap();
    let mut session = transaction
        .prepare(
            "INSERT INTO session (number, id, account, dialect, scopes, remote_ip, created_at, expires_at) \
             VALUES (?1, ?2, ?3, 'key_token', '', '192.0.2.1', ?4, ?5)",
        )
        .unwrap();
    let mut token = transaction
        .prepare(
            "INSERT INTO token (digest, session, kind, issued_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .unwrap();
    let until = NOW.after(Duration::from_hours(24 * 365 * 100));
    let (from, until) = (NOW.millis(), until.millis());
    let mut digests = Vec::with_capacity(TOKENS);
    for number in 0..TOKENS {
        let id = SessionId::generate();
        let of_account = number % ACCOUNTS + 1;
        let (row, owner) = (
            i64::try_from(number).unwrap(),
            i64::try_from(of_account).unwrap(),
        );
        session
            .execute(params![row, id.bytes(), owner, from, until])
            .unwrap();
        let digest = PlainToken::generate(TokenKind::Access).digest();
        let kind = TokenKind::Access as u8;
        token
            .execute(params![digest.bytes(), row, kind, from, until])
            .unwrap();
        digests.push(digest);
    }
    drop((session, token));
    transaction.commit().unwrap();
    digests
}

fn account(number: usize) -> NewAccount {
    NewAccount {
        account: Account {
            id: AccountId::parse(&format!("u{number}")).unwrap(),
            email: Some(Email::parse(&format!("u{number}@example.org")).unwrap()),
            pending_email: None,
            username: None,
            name: Some("Somebody Ordinary".into()),
            role: Role::member(),
            groups: Vec::new(),
            kind: AccountKind::Full,
            status: AccountStatus::Active,
            created_at: NOW,
        },
        password: Some(PasswordHash::new(
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$".repeat(2),
        )),
    }
}

fn action() -> Action {
    Action::new(NOW, Actor::Anonymous, "192.0.2.1".parse().ok())
}

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

criterion_group!(benches, reads);
criterion_main!(benches);
