//! Tickets of logins that wait for a second factor.

use countersign::model::account::AccountStatus;
use countersign::model::id::SessionId;
use countersign::model::token::TokenDigest;
use countersign::store::accounts::{AccountChange, PasswordHash};
use countersign::store::factors::Removal;
use countersign::store::tickets::Ticket;
use countersign::store::{Committed, SharedStore, StoreError, Thing};

use super::factors::with_totp;
use super::fixture::*;

pub(super) async fn a_ticket_is_used_once_and_in_time(store: SharedStore) {
    peopled(&store).await;
    let [one, late] = [put(&store, "jo").await, put(&store, "jo").await];
    for _ in 0..2 {
        let found = store.ticket(&one.digest, at(299)).await.unwrap();
        assert_eq!(found.as_ref(), Some(&one), "looking takes nothing");
    }
    assert_eq!(store.ticket(&one.digest, at(300)).await.unwrap(), None);
    assert_eq!(take(&store, &one.digest, 299).await, Some(one.clone()));
    assert_eq!(take(&store, &one.digest, 299).await, None);
    assert_eq!(store.ticket(&one.digest, at(0)).await.unwrap(), None);
    assert_eq!(take(&store, &late.digest, 300).await, None);
    assert_eq!(take(&store, &digest("other"), 1).await, None);
}

pub(super) async fn a_ticket_goes_with_what_made_it_good(store: SharedStore) {
    peopled(&store).await;
    with_totp(&store, "jo", 1).await;
    let (jo, hash) = (account_id("jo"), PasswordHash::new("new hash"));
    let keep = Some(SessionId::generate());
    for (change, ends) in [
        (AccountChange::Password { hash, keep }, true),
        (AccountChange::Status(AccountStatus::Disabled), true),
        (AccountChange::Status(AccountStatus::Active), false),
        (AccountChange::Name(Some("Jo".into())), false),
    ] {
        let [ticket, other] = [put(&store, "jo").await, put(&store, "al").await];
        let Committed { .. } = store
            .change_account(&jo, &change, &action(1))
            .await
            .unwrap();
        let left = take(&store, &ticket.digest, 2).await.is_some();
        assert_eq!(left, !ends, "{change:?}");
        assert!(take(&store, &other.digest, 2).await.is_some());
    }
    let ticket = put(&store, "jo").await;
    let Committed { .. } = (store.remove_factor(&jo, Removal::All, &action(3)).await).unwrap();
    assert_eq!(take(&store, &ticket.digest, 4).await, None, "a reset");
    let ticket = put(&store, "jo").await;
    let Committed { .. } = store.delete_account(&jo, &action(5)).await.unwrap();
    assert_eq!(take(&store, &ticket.digest, 6).await, None);
    let put = store.put_ticket(&ticket, &action(6)).await;
    assert!(matches!(put, Err(StoreError::Missing(Thing::Account))));
}

pub(super) async fn old_tickets_are_swept(store: SharedStore) {
    peopled(&store).await;
    let ticket = put(&store, "jo").await;
    assert_eq!(store.sweep(at(300), 10).await.unwrap(), 0);
    assert_eq!(store.sweep(at(301), 10).await.unwrap(), 1);
    assert_eq!(take(&store, &ticket.digest, 1).await, None);
}

/// A ticket that is good until `at(300)`.
pub(super) async fn put(store: &SharedStore, account: &str) -> Ticket {
    let ticket = Ticket {
        digest: digest(&SessionId::generate().to_string()),
        account: account_id(account),
        expires_at: at(300),
    };
    store.put_ticket(&ticket, &action(0)).await.unwrap();
    ticket
}

pub(super) async fn take(
    store: &SharedStore,
    digest: &TokenDigest,
    seconds: u64,
) -> Option<Ticket> {
    store.take_ticket(digest, &action(seconds)).await.unwrap()
}

fn digest(text: &str) -> TokenDigest {
    TokenDigest::of_text("ticket of a test", &[text])
}
