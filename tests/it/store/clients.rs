//! Clients and refusals.

use countersign::model::change::Subject;
use countersign::model::client::{Client, Handoff};
use countersign::model::token::TokenKind;
use countersign::store::clients::Standing;
use countersign::store::{Committed, SharedStore, StoreError, Thing, Unique};

use super::fixture::*;

pub(super) async fn a_client_reads_back_and_its_id_is_taken(store: SharedStore) {
    let bare = Client {
        redirect_urls: Vec::new(),
        handoff: Handoff::Token,
        created_at: at(5),
        ..new_client("bare")
    };
    for client in [&bare, &new_client("app")] {
        let Committed { .. } = store.create_client(client, &action(0)).await.unwrap();
        let read = store.client(&client.id).await.unwrap();
        assert_eq!(read.as_ref(), Some(client));
        let again = store.create_client(client, &action(0)).await;
        assert!(matches!(again, Err(StoreError::Conflict(Unique::ClientId))));
    }
    assert_eq!(store.clients().await.unwrap(), [new_client("app"), bare]);
    assert_eq!(store.client(&client_id("none")).await.unwrap(), None);
    assert_eq!(events(&store).await, ["client.add", "client.add"]);
}

pub(super) async fn a_removed_client_takes_its_sessions_along(store: SharedStore) {
    peopled(&store).await;
    let (_, gone) = logged_in(&store, "jo", &[TokenKind::Access, TokenKind::Refresh]).await;
    let (_, kept) = open(&store, &new_session("jo", None), &[TokenKind::Access]).await;
    let app = client_id("app");
    let done = store.delete_client(&app, &action(1)).await.unwrap();
    assert_eq!(subjects(&done.changes), [Subject::Client(app.clone())]);
    for digest in &gone {
        assert!(!is_known(&store, digest).await);
    }
    assert!(is_known(&store, &kept[0]).await);
    assert_eq!(store.sessions(None).await.unwrap().len(), 1);
    assert_eq!(store.client(&app).await.unwrap(), None);
    let again = store.delete_client(&app, &action(1)).await;
    assert!(matches!(again, Err(StoreError::Missing(Thing::Client))));
    assert_eq!(events(&store).await.last().unwrap(), "client.delete");
    // Another client of that id is another client.
    let Committed { .. } = store
        .create_client(&new_client("app"), &action(2))
        .await
        .unwrap();
    assert_eq!(
        store.standing(&account_id("jo"), &app).await.unwrap(),
        Standing::New
    );
}

pub(super) async fn an_account_stands_to_a_client_as_it_behaved(store: SharedStore) {
    peopled(&store).await;
    let (jo, app) = (account_id("jo"), client_id("app"));
    let standing = async || store.standing(&jo, &app).await.unwrap();
    let refuse = async |refused| {
        let done = store.set_refused(&jo, &app, refused, &action(1)).await;
        done.unwrap().changes.len()
    };
    assert_eq!(standing().await, Standing::New);
    refuse(true).await;
    assert_eq!(standing().await, Standing::Refused);
    assert_eq!(
        store.refused(&jo).await.unwrap(),
        std::slice::from_ref(&app)
    );
    refuse(false).await;
    assert_eq!(standing().await, Standing::New);
    logged_in(&store, "jo", &[TokenKind::Access]).await;
    assert_eq!(standing().await, Standing::Known);
    refuse(true).await;
    assert_eq!(standing().await, Standing::Refused);
    refuse(false).await;
    assert_eq!(standing().await, Standing::Known);
    assert!(store.refused(&jo).await.unwrap().is_empty());
    let other = store.standing(&account_id("al"), &app).await.unwrap();
    assert_eq!(other, Standing::New);
}

pub(super) async fn a_refusal_ends_the_sessions_with_that_client_alone(store: SharedStore) {
    peopled(&store).await;
    let Committed { .. } = store
        .create_client(&new_client("two"), &action(0))
        .await
        .unwrap();
    let (session, gone) = logged_in(&store, "jo", &[TokenKind::Access]).await;
    let mut kept = Vec::new();
    for (account, client) in [("jo", Some("two")), ("jo", None), ("al", Some("app"))] {
        let (_, digests) = open(&store, &new_session(account, client), &[TokenKind::Access]).await;
        kept.extend(digests);
    }
    let refused = store
        .set_refused(&account_id("jo"), &client_id("app"), true, &action(1))
        .await;
    assert_eq!(
        subjects(&refused.unwrap().changes),
        [Subject::Session(session)]
    );
    assert!(!is_known(&store, &gone[0]).await);
    for digest in &kept {
        assert!(is_known(&store, digest).await);
    }
    let allowed = store
        .set_refused(&account_id("jo"), &client_id("app"), false, &action(2))
        .await;
    assert!(allowed.unwrap().changes.is_empty());
    let events = events(&store).await;
    assert_eq!(
        events[events.len() - 3..],
        ["client.refuse", "revoke client_refused", "client.allow"]
    );
}

pub(super) async fn a_refusal_needs_both_sides(store: SharedStore) {
    peopled(&store).await;
    for (account, client, thing) in [
        ("none", "app", Thing::Account),
        ("jo", "none", Thing::Client),
    ] {
        let (account, client) = (account_id(account), client_id(client));
        let refused = store.set_refused(&account, &client, true, &action(1)).await;
        assert!(matches!(refused, Err(StoreError::Missing(what)) if what == thing));
    }
}
