//! Consents.

use countersign::model::token::TokenKind;
use countersign::store::{Committed, SharedStore, StoreError, Thing};

use super::fixture::*;

pub(super) async fn a_consent_is_remembered_until_a_refusal(store: SharedStore) {
    peopled(&store).await;
    let (jo, app) = (account_id("jo"), client_id("app"));
    let consented = async || store.has_consented(&jo, &app).await.unwrap();
    assert!(!consented().await);
    let set_refused = async |refused| {
        let Committed { .. } = store
            .set_refused(&jo, &app, refused, &action(1))
            .await
            .unwrap();
    };
    for _ in 0..2 {
        let done = store.consent(&jo, &app, &action(1)).await.unwrap();
        assert!(done.changes.is_empty());
        assert!(consented().await);
        set_refused(true).await;
        assert!(!consented().await);
        set_refused(false).await;
        assert!(!consented().await, "a refusal takes the consent back");
    }
    let told = events(&store).await;
    assert_eq!(told.iter().filter(|it| *it == "client.consent").count(), 2);
    // Who refuses has not agreed, whatever was agreed since.
    set_refused(true).await;
    let Committed { .. } = store.consent(&jo, &app, &action(2)).await.unwrap();
    assert!(!consented().await);
}

pub(super) async fn a_consent_needs_both_sides(store: SharedStore) {
    peopled(&store).await;
    let (jo, app) = (account_id("jo"), client_id("app"));
    let none = store.consent(&account_id("none"), &app, &action(1)).await;
    assert!(matches!(none, Err(StoreError::Missing(Thing::Account))));
    let none = store.consent(&jo, &client_id("none"), &action(1)).await;
    assert!(matches!(none, Err(StoreError::Missing(Thing::Client))));
    let told = events(&store).await;
    assert!(!told.iter().any(|it| it == "client.consent"));
}

pub(super) async fn an_account_knows_the_clients_it_met(store: SharedStore) {
    peopled(&store).await;
    let (jo, app) = (account_id("jo"), client_id("app"));
    let related = async || {
        let related = store.related_clients(&jo).await.unwrap();
        related
            .into_iter()
            .map(|(client, refused)| (client.id.to_string(), refused))
            .collect::<Vec<_>>()
    };
    assert_eq!(related().await, []);
    logged_in(&store, "jo", &[TokenKind::Access]).await;
    assert_eq!(related().await, [("app".to_owned(), false)]);
    let Committed { .. } = store
        .set_refused(&jo, &app, true, &action(1))
        .await
        .unwrap();
    assert_eq!(related().await, [("app".to_owned(), true)]);
    let Committed { .. } = store.delete_client(&app, &action(1)).await.unwrap();
    assert_eq!(related().await, []);
}
