//! The feed, the audit records and the signing keys.

use std::time::Duration;

use countersign::model::account::Role;
use countersign::model::audit::{Actor, AuditEvent, AuditResult};
use countersign::model::change::{Change, Sequence, Subject};
use countersign::model::session::RevocationCause;
use countersign::model::time::Timestamp;
use countersign::model::token::TokenKind;
use countersign::store::accounts::AccountChange;
use countersign::store::journal::SigningKey;
use countersign::store::sessions::{CHANGES_KEPT, SessionSet};
use countersign::store::{Action, SharedStore};

use super::fixture::*;

pub(super) async fn the_feed_is_read_in_order_and_in_portions(store: SharedStore) {
    store.ping().await.unwrap();
    assert_eq!(store.last_change().await.unwrap(), Sequence(0));
    peopled(&store).await;
    let (session, _) = logged_in(&store, "jo", &[TokenKind::Access]).await;
    let mut written: Vec<Change> = Vec::new();
    let role = AccountChange::Role(Role::member());
    written.extend(
        store
            .change_account(&account_id("jo"), &role, &action(1))
            .await
            .unwrap()
            .changes,
    );
    let one = SessionSet::One(session);
    written.extend(
        store
            .end_sessions(&one, RevocationCause::Logout, &action(1))
            .await
            .unwrap()
            .changes,
    );
    written.extend(
        store
            .delete_client(&client_id("app"), &action(1))
            .await
            .unwrap()
            .changes,
    );
    let added = store
        .add_signing_key(&key("k", 1), at(0), &action(1))
        .await
        .unwrap();
    written.extend(added.changes);
    let expected = [
        Subject::Account(account_id("jo")),
        Subject::Session(session),
        Subject::Client(client_id("app")),
        Subject::SigningKeys,
    ];
    assert_eq!(subjects(&written), expected);
    assert!(written.is_sorted_by(|a, b| a.sequence < b.sequence));
    assert_eq!(
        store.changes_after(Sequence(0), 100).await.unwrap(),
        written
    );
    let portion = store.changes_after(written[0].sequence, 2).await.unwrap();
    assert_eq!(portion, written[1..3]);
    let last = store.last_change().await.unwrap();
    assert_eq!(last, written[3].sequence);
    assert!(store.changes_after(last, 100).await.unwrap().is_empty());
}

pub(super) async fn a_forgotten_feed_goes_on_counting(store: SharedStore) {
    peopled(&store).await;
    let change = async |seconds| {
        let role = AccountChange::Role(Role::member());
        let done = store
            .change_account(&account_id("jo"), &role, &action(seconds))
            .await;
        done.unwrap().changes.remove(0)
    };
    let (old, young) = (change(1).await, change(2).await);
    let a_day = |seconds| at(seconds).after(CHANGES_KEPT);
    assert!(CHANGES_KEPT >= Duration::from_hours(24));
    assert_eq!(store.sweep(a_day(1), 10).await.unwrap(), 0);
    assert_eq!(store.sweep(a_day(2), 10).await.unwrap(), 1);
    let left = store.changes_after(Sequence(0), 10).await.unwrap();
    assert_eq!(left, std::slice::from_ref(&young));
    assert_eq!(store.sweep(a_day(3), 10).await.unwrap(), 1);
    assert_eq!(store.last_change().await.unwrap(), young.sequence);
    assert!(
        store
            .changes_after(young.sequence, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(change(3).await.sequence > young.sequence && young.sequence > old.sequence);
}

pub(super) async fn an_event_is_written_down_as_it_was(store: SharedStore) {
    let event = AuditEvent {
        event: "login",
        result: AuditResult::Failure,
        reason: Some("password"),
        user: Some(account_id("jo")),
        object: Some("app".into()),
    };
    let ip = "2001:db8::7".parse().ok();
    let whole = Action::new(at(1), Actor::Anonymous, ip);
    store.record(&event, &whole).await.unwrap();
    let empty = AuditEvent {
        reason: None,
        user: None,
        object: None,
        result: AuditResult::Success,
        ..event
    };
    let by_jo = Action::new(at(2), Actor::Account(account_id("jo")), None);
    store.record(&empty, &by_jo).await.unwrap();
    let records = store.audit(None).await.unwrap();
    let [one, two] = records.as_slice() else {
        panic!("two records")
    };
    assert_eq!(
        (one.at, &*one.event, &*one.result),
        (at(1), "login", "failure")
    );
    assert_eq!(
        (one.reason.as_deref(), one.user.as_deref()),
        (Some("password"), Some("jo"))
    );
    assert_eq!(
        (one.object.as_deref(), one.ip, &*one.actor),
        (Some("app"), ip, "anonymous")
    );
    assert_eq!(
        (two.reason.as_deref(), two.user.as_deref(), two.ip),
        (None, None, None)
    );
    assert_eq!((&*two.result, &*two.actor), ("success", "jo"));
    assert!(one.sequence < two.sequence);
    assert_eq!(
        store.last_change().await.unwrap(),
        Sequence(0),
        "nothing was changed"
    );
}

pub(super) async fn records_are_read_from_a_time_on(store: SharedStore) {
    let event = AuditEvent {
        event: "login",
        result: AuditResult::Failure,
        reason: None,
        user: None,
        object: None,
    };
    for seconds in [1, 2, 3] {
        store.record(&event, &action(seconds)).await.unwrap();
    }
    let times = async |since: Option<Timestamp>| {
        let records = store.audit(since).await.unwrap();
        records.iter().map(|record| record.at).collect::<Vec<_>>()
    };
    assert_eq!(times(None).await, [at(1), at(2), at(3)]);
    assert_eq!(times(Some(at(2))).await, [at(2), at(3)]);
    assert!(times(Some(at(4))).await.is_empty());
}

pub(super) async fn a_signing_key_is_added_by_the_first_alone(store: SharedStore) {
    let add = async |key: SigningKey, unless_after, seconds| {
        store
            .add_signing_key(&key, at(unless_after), &action(seconds))
            .await
            .unwrap()
    };
    let first = add(key("a", 10), 5, 10).await;
    assert!(first.value);
    assert_eq!(subjects(&first.changes), [Subject::SigningKeys]);
    let second = add(key("b", 11), 5, 11).await;
    assert!(
        !second.value && second.changes.is_empty(),
        "another node was faster"
    );
    assert!(add(key("c", 50), 10, 50).await.value);
    assert_eq!(
        store.signing_keys().await.unwrap(),
        [key("c", 50), key("a", 10)]
    );
    assert!(add(key("d", 110), 50, 110).await.value);
    assert_eq!(
        store.signing_keys().await.unwrap(),
        [key("d", 110), key("c", 50)],
        "a expired at 110"
    );
}

fn key(id: &str, made: u64) -> SigningKey {
    SigningKey {
        id: id.into(),
        pkcs8: Box::new([0x30, 0, 0xff]),
        created_at: at(made),
        expires_at: at(made + 100),
    }
}
