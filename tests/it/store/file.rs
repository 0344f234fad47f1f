//! What only a file can do wrong.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::config::section::StoreUrl;
use countersign::model::mail::Mail;
use countersign::model::token::TokenKind;
use countersign::store::sqlite::SqliteStore;
use countersign::store::{Accounts, Committed, Journal, OpenError, SharedStore, StoreError};
use rusqlite::Connection;

use super::fixture::*;

#[tokio::test]
async fn what_was_acknowledged_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = open_at(&path);
    peopled(&store).await;
    let (session, tokens) = logged_in(&store, "jo", &[TokenKind::Access]).await;
    let before = (store.last_change().await.unwrap(), events(&store).await);
    drop(store);
    let store = open_at(&path);
    let found = store.introspect(&tokens[0]).await.unwrap().unwrap();
    assert_eq!(found.session, session);
    assert_eq!(
        (store.last_change().await.unwrap(), events(&store).await),
        before
    );
}

#[test]
fn a_new_store_is_its_owners_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/store.db");
    let _store = open_at(&path);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(&directory.path().join("a")), 0o700);
    for beside in ["store.db-wal", "store.db-shm"] {
        let beside = path.with_file_name(beside);
        assert!(
            !beside.exists() || mode(&beside) == 0o600,
            "{}",
            beside.display()
        );
    }
}

#[test]
fn a_store_that_others_may_read_is_refused_with_what_to_do() {
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        drop(SqliteStore::open(&path).unwrap());
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let error = SqliteStore::open(&path).unwrap_err();
        assert!(matches!(error, OpenError::TooOpen { .. }), "{error}");
        assert!(
            error
                .to_string()
                .contains(&format!("chmod 600 {}", path.display()))
        );
    }
}

#[test]
fn a_file_that_is_not_a_store_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("text");
    std::fs::write(&text, "x".repeat(5000)).unwrap();
    let other = directory.path().join("other.db");
    let foreign = Connection::open(&other).unwrap();
    foreign.execute_batch("CREATE TABLE mine (x)").unwrap();
    drop(foreign);
    for path in [&text, &other] {
        std::fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
        let before = std::fs::read(path).unwrap();
        let error = SqliteStore::open(path).unwrap_err();
        assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
        assert!(std::fs::read(path).unwrap() == before);
    }
    let unreachable = SqliteStore::open(&text.join("store.db")).unwrap_err();
    assert!(
        matches!(unreachable, OpenError::Unreachable { .. }),
        "{unreachable}"
    );
}

#[test]
fn a_newer_schema_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    drop(SqliteStore::open(&path).unwrap());
    let raw = Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(
        matches!(error, OpenError::Newer { found: 99, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("schema 99"), "{error}");
}

#[tokio::test]
async fn an_older_schema_is_brought_up_to_date_with_what_is_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch(include_str!("../../../src/store/schema/0001_start.sql"))
        .unwrap();
    raw.execute_batch(
        "INSERT INTO account (id, email, role, groups, kind, status, created_at) \
         VALUES ('jo', 'jo@example.org', 'member', '', 'shadow', 'active', 1); \
         PRAGMA application_id = 0x6373676e; PRAGMA user_version = 1",
    )
    .unwrap();
    drop(raw);
    let store = open_at(&path);
    assert!(store.account(&by_id("jo")).await.unwrap().is_some());
    let (session, _) = open(&store, &new_session("jo", None), &[TokenKind::Access]).await;
    super::codes::put(&store, session, 0).await;
    assert!(store.connections(None).await.unwrap().is_empty());
    drop(store);
    let raw = Connection::open(&path).unwrap();
    let version = raw.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    assert_eq!(version.unwrap(), 5);
}

#[test]
fn many_processes_may_make_one_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    std::thread::scope(|scope| {
        let opening: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| SqliteStore::open(&path)))
            .collect();
        for result in opening {
            result.join().unwrap().unwrap();
        }
    });
}

#[test]
fn the_configured_store_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    countersign::store::open(&StoreUrl::Sqlite(path.clone())).unwrap();
    assert!(path.exists());
    countersign::store::open(&StoreUrl::Memory).unwrap();
}

#[tokio::test]
async fn two_processes_see_each_others_changes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let (serving, beside) = (open_at(&path), open_at(&path));
    peopled(&serving).await;
    let (_, tokens) = logged_in(&serving, "jo", &[TokenKind::Access]).await;
    assert!(is_known(&beside, &tokens[0]).await);
    let before = serving.last_change().await.unwrap();
    let done = beside
        .delete_account(&account_id("jo"), &action(1))
        .await
        .unwrap();
    assert!(!is_known(&serving, &tokens[0]).await);
    let fed = serving.changes_after(before, 10).await.unwrap();
    assert_eq!(fed, done.changes);
    assert_eq!(fed.len(), 2);
}

#[tokio::test]
async fn a_store_that_vanishes_is_unavailable_until_it_is_back() {
    let directory = tempfile::tempdir().unwrap();
    let (home, away) = (directory.path().join("home"), directory.path().join("away"));
    let store = open_at(&home.join("store.db"));
    peopled(&store).await;
    let (_, tokens) = logged_in(&store, "jo", &[TokenKind::Access]).await;
    for _ in 0..2 {
        std::fs::rename(&home, &away).unwrap();
        assert!(matches!(
            store.ping().await,
            Err(StoreError::Unavailable(_))
        ));
        assert!(matches!(
            store.introspect(&tokens[0]).await,
            Err(StoreError::Unavailable(_))
        ));
        assert!(matches!(
            store.accounts().await,
            Err(StoreError::Unavailable(_))
        ));
        let lost = store.delete_account(&account_id("jo"), &action(1)).await;
        assert!(matches!(lost, Err(StoreError::Unavailable(_))));
        std::fs::rename(&away, &home).unwrap();
        store.ping().await.unwrap();
        assert!(
            is_known(&store, &tokens[0]).await,
            "what was refused was not done"
        );
        assert_eq!(store.accounts().await.unwrap().len(), 2);
    }
    let Committed { .. } = store
        .delete_account(&account_id("jo"), &action(1))
        .await
        .unwrap();
    assert!(!is_known(&store, &tokens[0]).await);
}

#[tokio::test]
async fn nothing_is_acknowledged_that_went_into_a_file_that_was_moved_away() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = open_at(&path);
    peopled(&store).await;
    std::fs::rename(&path, directory.path().join("moved.db")).unwrap();
    // Nobody looked since: the connection would still take it.
    let lost = store.delete_account(&account_id("jo"), &action(1)).await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
}

#[tokio::test]
async fn a_store_in_anothers_place_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = open_at(&path);
    peopled(&store).await;
    let (_, tokens) = logged_in(&store, "jo", &[TokenKind::Access]).await;
    let deleted = store
        .delete_account(&account_id("al"), &action(1))
        .await
        .unwrap();
    let other = open_at(&directory.path().join("other.db"));
    drop(other);
    for end in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{end}", path.display())));
    }
    std::fs::rename(directory.path().join("other.db"), &path).unwrap();
    let feed = store.changes_after(deleted.changes[0].sequence, 10).await;
    assert!(feed.is_err(), "the feed went back: {feed:?}");
    assert!(!is_known(&store, &tokens[0]).await);
    assert!(store.accounts().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_change_that_fails_among_others_fails_alone() {
    let (store, _directory) = sqlite();
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                // What is made first has to be undone when the second is taken.
                let own = new_account(&format!("own{number}"));
                let shared = new_account(&format!("shared{}", number / 2));
                let made = store
                    .create_accounts(&[own, shared], None, &action(0))
                    .await;
                made.map(drop).is_ok()
            })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        made += usize::from(task.await.unwrap());
    }
    assert_eq!((made, store.accounts().await.unwrap().len()), (100, 200));
    assert_eq!(events(&store).await.len(), 200);
}

#[tokio::test]
async fn a_session_that_was_not_ended_is_no_way_around_a_disabled_account() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = open_at(&path);
    peopled(&store).await;
    let (_, tokens) = logged_in(&store, "jo", &[TokenKind::Access]).await;
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("UPDATE account SET status = 'disabled' WHERE id = 'jo'")
        .unwrap();
    assert!(!is_known(&store, &tokens[0]).await);
}

#[tokio::test]
async fn no_token_is_in_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = open_at(&path);
    peopled(&store).await;
    let secret = countersign::model::token::PlainToken::generate(TokenKind::Access);
    let token = countersign::store::sessions::NewToken {
        digest: secret.digest(),
        ..new_token(TokenKind::Access, None)
    };
    let opened = store
        .open_session(&new_session("jo", None), &[token], &action(0))
        .await;
    assert!(opened.unwrap().is_some());
    drop(store);
    let bytes = std::fs::read(&path).unwrap();
    let holds = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    assert!(holds(secret.digest().bytes()), "the digest is");
    assert!(!holds(secret.expose().as_bytes()));
    assert!(!holds(&secret.expose().as_bytes()[4..]));
}

#[tokio::test]
async fn a_mail_that_was_sent_is_no_longer_in_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = open_at(&path);
    let mail = Mail {
        to: email("jo@example.org"),
        subject: "Hello".into(),
        text: "https://x.example/?link=SECRET-OF-THE-LINK".into(),
        html: "<p>SECRET-OF-THE-LINK".into(),
    };
    let people = [new_account("jo")];
    let with_mail = action(0).with_mail(mail);
    let Committed { .. } = store
        .create_accounts(&people, None, &with_mail)
        .await
        .unwrap();
    let claimed = store.claim_mails(at(0), at(60), 1).await.unwrap();
    store.remove_mail(claimed[0].id).await.unwrap();
    drop(store);
    let bytes = std::fs::read(&path).unwrap();
    let holds = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    assert!(holds(b"jo@example.org") && !holds(b"SECRET-OF-THE-LINK"));
}

#[tokio::test]
async fn what_does_not_read_is_corrupt_and_names_the_column() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = open_at(&path);
    peopled(&store).await;
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("UPDATE account SET email = 'no address' WHERE id = 'jo'")
        .unwrap();
    let read = store.account(&by_id("jo")).await;
    assert!(
        matches!(&read, Err(StoreError::Corrupt(why)) if why.contains("email")),
        "{read:?}"
    );
    assert!(store.account(&by_id("al")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_backup_of_a_store_in_use_is_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("store.db")).unwrap();
    let shared: SharedStore = Arc::new(store);
    peopled(&shared).await;
    let (_, tokens) = logged_in(&shared, "jo", &[TokenKind::Access]).await;
    let beside = SqliteStore::open(&directory.path().join("store.db")).unwrap();
    let backup = directory.path().join("backup.db");
    beside.backup(&backup).unwrap();
    assert!(
        beside.backup(&backup).is_err(),
        "a backup is not written over"
    );
    let names: Vec<_> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert!(
        !names
            .iter()
            .any(|n| n.to_string_lossy().contains("partial")),
        "{names:?}"
    );
    let mode = std::fs::metadata(&backup).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let copy = open_at(&backup);
    assert!(is_known(&copy, &tokens[0]).await);
}

#[tokio::test]
async fn a_restore_needs_a_store_that_nobody_uses() {
    let directory = tempfile::tempdir().unwrap();
    let (path, backup) = (
        directory.path().join("store.db"),
        directory.path().join("backup.db"),
    );
    let store = SqliteStore::open(&path).unwrap();
    let people = ["jo"].map(new_account);
    let Committed { .. } = store
        .create_accounts(&people, None, &action(0))
        .await
        .unwrap();
    store.backup(&backup).unwrap();
    let Committed { .. } = store
        .delete_account(&account_id("jo"), &action(1))
        .await
        .unwrap();
    let refused = SqliteStore::restore(&backup, &path).unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    assert!(
        store.accounts().await.unwrap().is_empty(),
        "and changes nothing"
    );
    drop(store);
    SqliteStore::restore(&backup, &path).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.accounts().await.unwrap().len(), 1);
    store.ping().await.unwrap();
    drop(store);
    let fresh = directory.path().join("new/store.db");
    SqliteStore::restore(&backup, &fresh).unwrap();
    assert_eq!(open_at(&fresh).accounts().await.unwrap().len(), 1);
    let nothing = directory.path().join("nothing.db");
    assert!(SqliteStore::restore(&nothing, &path).is_err());
    assert!(!nothing.exists());
    assert_eq!(open_at(&path).accounts().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_damaged_backup_replaces_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (path, backup) = (
        directory.path().join("store.db"),
        directory.path().join("backup.db"),
    );
    let store = SqliteStore::open(&path).unwrap();
    let people: Vec<_> = (0..500).map(|n| new_account(&format!("a{n}"))).collect();
    let Committed { .. } = store
        .create_accounts(&people, None, &action(0))
        .await
        .unwrap();
    store.backup(&backup).unwrap();
    drop(store);
    let mut bytes = std::fs::read(&backup).unwrap();
    let half = bytes.len() / 2;
    bytes[half..half + 8192].fill(0xa5);
    std::fs::write(&backup, bytes).unwrap();
    let refused = SqliteStore::restore(&backup, &path).unwrap_err();
    assert!(matches!(refused, OpenError::Refused { .. }), "{refused}");
    assert_eq!(open_at(&path).accounts().await.unwrap().len(), 500);
}

#[tokio::test]
async fn a_writer_that_is_held_up_elsewhere_says_so_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = open_at(&path);
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    let started = Instant::now();
    let blocked = store
        .create_accounts(&[new_account("jo")], None, &action(0))
        .await;
    assert!(matches!(blocked, Err(StoreError::Unavailable(_))));
    assert!(started.elapsed() < Duration::from_secs(20));
    store.ping().await.unwrap();
    raw.execute_batch("ROLLBACK").unwrap();
    let Committed { .. } = store
        .create_accounts(&[new_account("jo")], None, &action(0))
        .await
        .unwrap();
}

fn open_at(path: &Path) -> SharedStore {
    Arc::new(SqliteStore::open(path).unwrap())
}
