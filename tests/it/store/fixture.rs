//! Stores to test, and things to put into them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use countersign::model::account::{
    Account, AccountKind, AccountStatus, Email, Group, Identifier, Role, Username,
};
use countersign::model::audit::Actor;
use countersign::model::change::{Change, Subject};
use countersign::model::client::{Client, Handoff};
use countersign::model::id::{AccountId, ClientId, SessionId};
use countersign::model::session::{Dialect, Session};
use countersign::model::time::Timestamp;
use countersign::model::token::{PlainToken, RotationNonce, TokenDigest, TokenKind};
use countersign::store::accounts::{AccountKey, NewAccount, PasswordHash};
use countersign::store::memory::MemoryStore;
use countersign::store::sessions::{NewToken, Rotation};
use countersign::store::sqlite::SqliteStore;
use countersign::store::{Action, Committed, SharedStore};
use tempfile::TempDir;

pub(super) fn memory() -> SharedStore {
    Arc::new(MemoryStore::new())
}

pub(super) fn sqlite() -> (SharedStore, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("store.db")).unwrap();
    (Arc::new(store), directory)
}

/// So many seconds after the beginning of the story.
pub(super) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000).after(Duration::from_secs(seconds))
}

pub(super) fn action(seconds: u64) -> Action {
    let ip = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
    Action::new(at(seconds), Actor::Operator, Some(ip))
}

pub(super) fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

pub(super) fn account_id(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

pub(super) fn client_id(text: &str) -> ClientId {
    ClientId::parse(text).unwrap()
}

pub(super) fn by_id(id: &str) -> AccountKey {
    AccountKey::Id(account_id(id))
}

pub(super) fn by_login(text: &str) -> AccountKey {
    AccountKey::Login(Identifier::of(text))
}

/// An account called `id`, with an address and a login name like that, and the hash `hash of id`.
pub(super) fn new_account(id: &str) -> NewAccount {
    NewAccount {
        account: Account {
            id: account_id(id),
            email: Some(email(&format!("{id}@example.org"))),
            pending_email: None,
            username: Some(Username::parse(id).unwrap()),
            name: Some(format!("{id} Müller, Ⅲ.").into()),
            role: Role::member(),
            groups: ["b-group", "a-group"]
                .map(|g| Group::parse(g).unwrap())
                .into(),
            kind: AccountKind::Full,
            status: AccountStatus::Active,
            created_at: at(0),
        },
        password: Some(PasswordHash::new(format!("hash of {id}"))),
    }
}

pub(super) fn new_client(id: &str) -> Client {
    Client {
        id: client_id(id),
        name: format!("The {id}").into(),
        redirect_urls: vec!["https://a.example/x?y=1".into(), "odd \"one\"\n".into()],
        handoff: Handoff::Code,
        created_at: at(0),
    }
}

/// A login that ends at `at(1000)`.
pub(super) fn new_session(account: &str, client: Option<&str>) -> Session {
    Session {
        id: SessionId::generate(),
        account: account_id(account),
        client: client.map(client_id),
        dialect: Dialect::KEY_TOKEN.as_str().into(),
        label: None,
        scopes: Vec::new(),
        remote_ip: "2001:db8::1".parse().ok(),
        created_at: at(0),
        last_used_at: None,
        expires_at: Some(at(1000)),
    }
}

/// A token that was made at `at(0)` and ends at `end`.
pub(super) fn new_token(kind: TokenKind, end: Option<u64>) -> NewToken {
    NewToken {
        digest: PlainToken::generate(kind).digest(),
        kind,
        id: None,
        issued_at: at(0),
        expires_at: end.map(at),
    }
}

/// A refresh at `at(at_seconds)` with half a minute for repetitions. The successors live 100 s and 1000 s.
pub(super) fn rotation(refresh: TokenDigest, at_seconds: u64) -> Rotation {
    let successor = |kind, life| NewToken {
        issued_at: at(at_seconds),
        ..new_token(kind, Some(at_seconds + life))
    };
    Rotation {
        client: Some(client_id("app")),
        refresh,
        nonce: RotationNonce::generate(),
        successors: [
            successor(TokenKind::Access, 100),
            successor(TokenKind::Refresh, 1000),
        ],
        replay_until: at(at_seconds + 30),
    }
}

/// A store with the accounts `jo` and `al` and the client `app`.
pub(super) async fn peopled(store: &SharedStore) {
    let people = ["jo", "al"].map(new_account);
    let Committed { .. } = store
        .create_accounts(&people, None, &action(0))
        .await
        .unwrap();
    let app = new_client("app");
    let Committed { .. } = store.create_client(&app, &action(0)).await.unwrap();
}

/// Opens a session with one token for each kind, which end at `at(100)` but for a refresh token, and returns its id and
/// their digests.
pub(super) async fn logged_in(
    store: &SharedStore,
    account: &str,
    kinds: &[TokenKind],
) -> (SessionId, Vec<TokenDigest>) {
    open(store, &new_session(account, Some("app")), kinds).await
}

pub(super) async fn open(
    store: &SharedStore,
    session: &Session,
    kinds: &[TokenKind],
) -> (SessionId, Vec<TokenDigest>) {
    let life = |kind| {
        if kind == TokenKind::Refresh {
            1000
        } else {
            100
        }
    };
    let tokens: Vec<_> = kinds
        .iter()
        .map(|k| new_token(*k, Some(life(*k))))
        .collect();
    let opened = store.open_session(session, &tokens, &action(0)).await;
    assert!(opened.unwrap().is_some(), "a session that may be opened");
    (
        session.id,
        tokens.iter().map(|token| token.digest).collect(),
    )
}

pub(super) async fn is_known(store: &SharedStore, digest: &TokenDigest) -> bool {
    store.introspect(digest).await.unwrap().is_some()
}

/// What was audited: event and reason, in order.
pub(super) async fn events(store: &SharedStore) -> Vec<String> {
    let records = store.audit(None).await.unwrap();
    let word = |record: &countersign::model::audit::AuditRecord| match &record.reason {
        Some(reason) => format!("{} {reason}", record.event),
        None => record.event.to_string(),
    };
    records.iter().map(word).collect()
}

pub(super) fn subjects(changes: &[Change]) -> Vec<Subject> {
    changes
        .iter()
        .map(|change| change.subject.clone())
        .collect()
}
