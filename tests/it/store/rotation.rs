//! The rotation of refresh tokens.

use std::time::Duration;

use countersign::model::change::Subject;
use countersign::model::session::Session;
use countersign::model::time::Timestamp;
use countersign::model::token::{TokenDigest, TokenKind};
use countersign::store::sessions::{NewToken, Rotated, Rotation};
use countersign::store::{Committed, SharedStore};

use super::fixture::*;

const KINDS: [TokenKind; 2] = [TokenKind::Access, TokenKind::Refresh];

pub(super) async fn a_refresh_puts_successors_in_the_place_of_the_old(store: SharedStore) {
    peopled(&store).await;
    let (session, old) = logged_in(&store, "jo", &KINDS).await;
    let rotation = rotation(old[1], 10);
    let done = rotate(&store, &rotation, 10).await;
    assert_eq!(done.value, Rotated::Done(session));
    assert_eq!(subjects(&done.changes), [Subject::Session(session)]);
    assert_eq!(
        expiry(&store, &old[0]).await,
        Some(at(40)),
        "the old access token, a while"
    );
    for token in &rotation.successors {
        let found = store.introspect(&token.digest).await.unwrap().unwrap();
        assert_eq!((found.kind, found.session), (token.kind, session));
        assert_eq!(
            (found.issued_at, found.expires_at),
            (token.issued_at, token.expires_at)
        );
    }
    assert_eq!(events(&store).await.last().unwrap(), "refresh");
    let end = store.sessions(None).await.unwrap()[0].expires_at;
    assert_eq!(
        end,
        Some(at(1010)),
        "the session goes on as its new tokens do"
    );
    // And again with the successor, twice; an end that was near stays near.
    let next = super::fixture::rotation(rotation.successors[1].digest, 15);
    assert_eq!(
        rotate(&store, &next, 15).await.value,
        Rotated::Done(session)
    );
    assert_eq!(expiry(&store, &old[0]).await, Some(at(40)));
    assert_eq!(
        expiry(&store, &rotation.successors[0].digest).await,
        Some(at(45))
    );
}

pub(super) async fn a_repetition_in_time_is_answered_alike(store: SharedStore) {
    peopled(&store).await;
    let (session, old) = logged_in(&store, "jo", &KINDS).await;
    let first = rotation(old[1], 10);
    let Committed { .. } = rotate(&store, &first, 10).await;
    let next = rotation(first.successors[1].digest, 20);
    let Committed { .. } = rotate(&store, &next, 20).await;
    for seconds in [11, 39] {
        let again = rotation(old[1], seconds);
        let done = rotate(&store, &again, seconds).await;
        let expected = Rotated::Replayed {
            session,
            nonce: first.nonce,
            issued_at: at(10),
            expires_at: Some(at(110)),
        };
        assert_eq!(done.value, expected);
        assert!(done.changes.is_empty());
        for token in &again.successors {
            assert!(!is_known(&store, &token.digest).await, "nothing was added");
        }
    }
}

pub(super) async fn a_repetition_in_time_is_answered_though_the_token_expired(store: SharedStore) {
    peopled(&store).await;
    let (_, old) = logged_in(&store, "jo", &KINDS).await;
    let Committed { .. } = rotate(&store, &rotation(old[1], 990), 990).await;
    let again = rotate(&store, &rotation(old[1], 1005), 1005).await;
    assert!(matches!(again.value, Rotated::Replayed { .. }));
    let late = rotate(&store, &rotation(old[1], 1020), 1020).await;
    assert_eq!(
        late.value,
        Rotated::Unknown,
        "expired, and so no sign of theft"
    );
}

pub(super) async fn a_repetition_too_late_ends_the_session(store: SharedStore) {
    peopled(&store).await;
    let (session, old) = logged_in(&store, "jo", &KINDS).await;
    let (_, other) = logged_in(&store, "jo", &KINDS).await;
    let first = rotation(old[1], 10);
    let Committed { .. } = rotate(&store, &first, 10).await;
    let late = rotate(&store, &rotation(old[1], 40), 40).await;
    assert_eq!(late.value, Rotated::Reused(session));
    assert_eq!(subjects(&late.changes), [Subject::Session(session)]);
    for digest in old.iter().chain(first.successors.iter().map(|t| &t.digest)) {
        assert!(!is_known(&store, digest).await);
    }
    assert!(is_known(&store, &other[0]).await);
    let events = events(&store).await;
    assert_eq!(
        events[events.len() - 2..],
        ["refresh refresh_reused", "revoke refresh_reused"]
    );
    let again = rotate(&store, &rotation(old[1], 41), 41).await;
    assert_eq!(again.value, Rotated::Unknown);
}

pub(super) async fn what_is_no_good_refresh_token_is_unknown(store: SharedStore) {
    peopled(&store).await;
    let Committed { .. } = store
        .create_client(&new_client("two"), &action(0))
        .await
        .unwrap();
    let (_, old) = logged_in(&store, "jo", &KINDS).await;
    let before = events(&store).await;
    let with_client = |client: Option<&str>| Rotation {
        client: client.map(client_id),
        ..rotation(old[1], 10)
    };
    let stranger = new_token(TokenKind::Refresh, None).digest;
    for (rotation, seconds, why) in [
        (rotation(stranger, 10), 10, "never made"),
        (rotation(old[0], 10), 10, "an access token"),
        (with_client(Some("two")), 10, "another client's"),
        (with_client(None), 10, "no client's"),
        (rotation(old[1], 1000), 1000, "expired"),
    ] {
        let done = rotate(&store, &rotation, seconds).await;
        assert_eq!(done.value, Rotated::Unknown, "{why}");
        assert!(done.changes.is_empty(), "{why}");
        assert!(
            !is_known(&store, &rotation.successors[0].digest).await,
            "{why}"
        );
    }
    assert_eq!(events(&store).await, before);
    let good = rotate(&store, &rotation(old[1], 999), 999).await;
    assert!(
        matches!(good.value, Rotated::Done(_)),
        "none of them used it up"
    );
}

pub(super) async fn only_tokens_of_the_same_kind_are_replaced(store: SharedStore) {
    peopled(&store).await;
    let endless = |kind| NewToken {
        expires_at: None,
        ..new_token(kind, None)
    };
    let tokens = [
        TokenKind::Access,
        TokenKind::Refresh,
        TokenKind::Refresh,
        TokenKind::Elevated,
    ]
    .map(endless);
    let session = Session {
        expires_at: None,
        ..new_session("jo", Some("app"))
    };
    let opened = store.open_session(&session, &tokens, &action(0)).await;
    assert!(opened.unwrap().is_some());
    let Committed { .. } = rotate(&store, &rotation(tokens[1].digest, 10), 10).await;
    let ends = [Some(at(40)), None, Some(at(40)), None];
    for (token, end) in tokens.iter().zip(ends) {
        assert_eq!(expiry(&store, &token.digest).await, end, "{:?}", token.kind);
    }
    let other = store.sessions(None).await.unwrap()[0].expires_at;
    assert_eq!(other, None);
    let window = at(10).after(Duration::from_secs(30));
    assert_eq!(window, at(40));
}

async fn rotate(store: &SharedStore, rotation: &Rotation, seconds: u64) -> Committed<Rotated> {
    store
        .rotate_refresh(rotation, &action(seconds))
        .await
        .unwrap()
}

async fn expiry(store: &SharedStore, digest: &TokenDigest) -> Option<Timestamp> {
    store.introspect(digest).await.unwrap().unwrap().expires_at
}
