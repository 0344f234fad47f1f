//! Linked accounts.

use countersign::model::connection::Connection;
use countersign::model::id::ConnectionId;
use countersign::store::{Committed, SharedStore, StoreError, Thing, Unique};

use super::fixture::*;

pub(super) async fn a_connection_reads_back_and_is_linked_once(store: SharedStore) {
    peopled(&store).await;
    let link = connection("jo", "github", "42", 1);
    let nameless = Connection {
        name: None,
        ..connection("jo", "github", "43", 2)
    };
    for link in [&link, &nameless] {
        store.add_connection(link, &action(1)).await.unwrap();
    }
    let jo = account_id("jo");
    let listed = store.connections(Some(&jo)).await.unwrap();
    assert_eq!(listed, [link.clone(), nameless.clone()]);
    for account in ["jo", "al"] {
        let again = connection(account, "github", "42", 3);
        let refused = store.add_connection(&again, &action(3)).await;
        assert!(matches!(
            refused,
            Err(StoreError::Conflict(Unique::Connection))
        ));
    }
    let nobodys = connection("nobody", "github", "44", 3);
    let refused = store.add_connection(&nobodys, &action(3)).await;
    assert!(matches!(refused, Err(StoreError::Missing(Thing::Account))));
    assert_eq!(store.connections(None).await.unwrap().len(), 2);
    let elsewhere = connection("al", "gitlab", "42", 3);
    store.add_connection(&elsewhere, &action(3)).await.unwrap();
    let audited = store.audit(None).await.unwrap();
    let last = audited.last().unwrap();
    assert_eq!(
        (&*last.event, last.user.as_deref()),
        ("user.connect", Some("al"))
    );
    assert_eq!(last.object.as_deref(), Some(&*elsewhere.id.to_string()));
    let count = audited
        .iter()
        .filter(|r| &*r.event == "user.connect")
        .count();
    assert_eq!(count, 3);
}

pub(super) async fn connections_are_listed_oldest_first_and_removed_once(store: SharedStore) {
    peopled(&store).await;
    let [old, new] = [
        connection("al", "github", "1", 1),
        connection("jo", "github", "2", 2),
    ];
    for link in [&new, &old] {
        store.add_connection(link, &action(2)).await.unwrap();
    }
    let listed = store.connections(None).await.unwrap();
    assert_eq!(listed, [old.clone(), new.clone()]);
    assert!(store.remove_connection(&old.id, &action(3)).await.unwrap());
    assert!(!store.remove_connection(&old.id, &action(3)).await.unwrap());
    assert_eq!(store.connections(None).await.unwrap(), [new]);
    let audited = store.audit(None).await.unwrap();
    let last = audited.last().unwrap();
    assert_eq!(
        (&*last.event, last.user.as_deref()),
        ("user.disconnect", Some("al"))
    );
    store.add_connection(&old, &action(4)).await.unwrap();
}

pub(super) async fn a_connection_goes_with_its_account(store: SharedStore) {
    peopled(&store).await;
    for link in [
        connection("jo", "github", "1", 1),
        connection("al", "github", "2", 1),
    ] {
        store.add_connection(&link, &action(1)).await.unwrap();
    }
    let Committed { .. } = store
        .delete_account(&account_id("jo"), &action(2))
        .await
        .unwrap();
    let left = store.connections(None).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].account, account_id("al"));
}

fn connection(account: &str, provider: &str, there: &str, seconds: u64) -> Connection {
    Connection {
        id: ConnectionId::generate(),
        account: account_id(account),
        provider: provider.into(),
        provider_user_id: there.into(),
        name: Some(format!("{there} at {provider}, ü").into()),
        linked_at: at(seconds),
    }
}
