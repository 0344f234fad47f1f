//! What happens at once, happens as if one after the other.

use std::sync::Arc;

use countersign::model::account::AccountStatus;
use countersign::model::id::SessionId;
use countersign::model::token::{TokenDigest, TokenKind};
use countersign::store::accounts::AccountChange;
use countersign::store::codes::CodeTried;
use countersign::store::factors::FactorTried;
use countersign::store::sessions::Rotated;
use countersign::store::{Committed, SharedStore};

use super::fixture::*;
use super::{codes, factors, tickets};

pub(super) async fn of_two_refreshes_one_is_first(store: SharedStore) {
    peopled(&store).await;
    for _ in 0..20 {
        let (_, old) = logged_in(&store, "jo", &[TokenKind::Access, TokenKind::Refresh]).await;
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let (store, refresh) = (Arc::clone(&store), old[1]);
                tokio::spawn(async move {
                    let rotation = rotation(refresh, 10);
                    let done = store.rotate_refresh(&rotation, &action(10)).await;
                    (rotation.nonce, done.unwrap().value)
                })
            })
            .collect();
        let (mut first, mut answers) = (Vec::new(), Vec::new());
        for task in tasks {
            match task.await.unwrap() {
                (nonce, Rotated::Done(_)) => first.push(nonce),
                (_, Rotated::Replayed { nonce, .. }) => answers.push(nonce),
                (_, other) => panic!("{other:?}"),
            }
        }
        assert_eq!(first.len(), 1);
        assert_eq!(answers, vec![first[0]; 3]);
    }
}

pub(super) async fn a_single_use_token_is_used_by_one(store: SharedStore) {
    peopled(&store).await;
    for _ in 0..20 {
        let (_, code) = logged_in(&store, "jo", &[TokenKind::Handoff]).await;
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let (store, code) = (Arc::clone(&store), code[0]);
                tokio::spawn(async move { store.consume_token(&code, &action(1)).await.unwrap() })
            })
            .collect();
        let mut winners = 0;
        for task in tasks {
            winners += usize::from(task.await.unwrap().is_some());
        }
        assert_eq!(winners, 1);
    }
}

pub(super) async fn no_session_outlives_a_disabled_account(store: SharedStore) {
    peopled(&store).await;
    for round in 0..20 {
        let logins: Vec<_> = (0..8)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    let session = new_session("jo", Some("app"));
                    let token = [new_token(TokenKind::Access, None)];
                    store
                        .open_session(&session, &token, &action(1))
                        .await
                        .unwrap();
                })
            })
            .collect();
        set_status(&store, AccountStatus::Disabled).await;
        for login in logins {
            login.await.unwrap();
        }
        let left = store.sessions(Some(&account_id("jo"))).await.unwrap();
        assert!(left.is_empty(), "round {round}: {left:?}");
        set_status(&store, AccountStatus::Active).await;
    }
}

pub(super) async fn of_two_accounts_with_one_address_one_is_made(store: SharedStore) {
    for round in 0..20 {
        let tasks: Vec<_> = (0..4)
            .map(|number| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    let mut new = new_account(&format!("{round}-{number}"));
                    new.account.email = Some(email(&format!("{round}@example.org")));
                    let made = store.create_accounts(&[new], None, &action(0)).await;
                    made.map(drop).is_ok()
                })
            })
            .collect();
        let mut made = 0;
        for task in tasks {
            made += usize::from(task.await.unwrap());
        }
        assert_eq!(made, 1);
    }
}

async fn set_status(store: &SharedStore, status: AccountStatus) {
    let change = AccountChange::Status(status);
    let Committed { .. } = store
        .change_account(&account_id("jo"), &change, &action(1))
        .await
        .unwrap();
}

pub(super) async fn a_code_is_good_for_one(store: SharedStore) {
    peopled(&store).await;
    for round in 0..20 {
        let session = codes::session_of(&store, "jo").await;
        let code = codes::put(&store, session, round * 4000).await;
        let verdicts = try_at_once(&store, session, Some(code), 4, round * 4000 + 1).await;
        let good = verdicts.iter().filter(|v| **v == CodeTried::Good).count();
        assert_eq!(good, 1, "round {round}: {verdicts:?}");
    }
}

pub(super) async fn no_more_tries_than_there_are_count(store: SharedStore) {
    peopled(&store).await;
    for round in 0..10 {
        let session = codes::session_of(&store, "jo").await;
        codes::put(&store, session, round * 4000).await;
        let verdicts = try_at_once(&store, session, None, 20, round * 4000 + 1).await;
        let wrong = verdicts.iter().filter(|v| **v == CodeTried::Wrong).count();
        assert_eq!(wrong, 5, "round {round}: {verdicts:?}");
    }
}

pub(super) async fn a_factor_is_good_for_one(store: SharedStore) {
    peopled(&store).await;
    let secret = factors::with_totp(&store, "jo", 0).await;
    for round in 1..20 {
        let code = factors::with_codes(&store, "jo", 10).await[4];
        for proof in [factors::totp(&secret, round), factors::code(code)] {
            let tasks: Vec<_> = (0..4)
                .map(|_| {
                    let (store, tried) =
                        (Arc::clone(&store), factors::factor_try(Some(proof.clone())));
                    let seconds = round.unsigned_abs() * 4000;
                    tokio::spawn(async move { store.try_factor(&tried, &action(seconds)).await })
                })
                .collect();
            let mut good = 0;
            for task in tasks {
                good += usize::from(task.await.unwrap().unwrap() == FactorTried::Good);
            }
            assert_eq!(good, 1, "round {round}: {proof:?}");
        }
    }
}

pub(super) async fn a_ticket_is_used_by_one(store: SharedStore) {
    peopled(&store).await;
    for _ in 0..20 {
        let ticket = tickets::put(&store, "jo").await;
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let (store, digest) = (Arc::clone(&store), ticket.digest);
                tokio::spawn(async move { tickets::take(&store, &digest, 1).await })
            })
            .collect();
        let mut winners = 0;
        for task in tasks {
            winners += usize::from(task.await.unwrap().is_some());
        }
        assert_eq!(winners, 1);
    }
}

async fn try_at_once(
    store: &SharedStore,
    session: SessionId,
    digest: Option<TokenDigest>,
    times: usize,
    seconds: u64,
) -> Vec<CodeTried> {
    let tasks: Vec<_> = (0..times)
        .map(|_| {
            let store = Arc::clone(store);
            let (tried, token) = (codes::code_try(session, digest), codes::elevated(500));
            tokio::spawn(async move { store.try_code(&tried, &token, &action(seconds)).await })
        })
        .collect();
    let mut verdicts = Vec::new();
    for task in tasks {
        verdicts.push(task.await.unwrap().unwrap());
    }
    verdicts
}
