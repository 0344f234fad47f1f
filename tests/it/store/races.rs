//! What happens at once, happens as if one after the other.

use std::sync::Arc;

use countersign::model::account::AccountStatus;
use countersign::model::token::TokenKind;
use countersign::store::accounts::AccountChange;
use countersign::store::sessions::Rotated;
use countersign::store::{Committed, SharedStore};

use super::fixture::*;

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
