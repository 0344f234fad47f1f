//! The queue of mails.

use countersign::model::account::Role;
use countersign::model::mail::Mail;
use countersign::store::accounts::AccountChange;
use countersign::store::{Committed, SharedStore, StoreError};

use super::fixture::*;

pub(super) async fn a_mail_is_queued_with_its_change_and_not_without(store: SharedStore) {
    peopled(&store).await;
    let with = |name| action(10).with_mail(mail(name)).with_mail(mail("both"));
    let role = AccountChange::Role(Role::member());
    let missing = store
        .change_account(&account_id("nobody"), &role, &with("x"))
        .await;
    assert!(matches!(missing, Err(StoreError::Missing(_))));
    let refused = new_session("nobody", None);
    assert!(
        store
            .open_session(&refused, &[], &with("x"))
            .await
            .unwrap()
            .is_none()
    );
    assert!(claim(&store, 1000).await.is_empty());
    let done = store
        .change_account(&account_id("jo"), &role, &with("one"))
        .await;
    let Committed { .. } = done.unwrap();
    assert!(
        claim(&store, 9).await.is_empty(),
        "not before it was queued"
    );
    let claimed = store.claim_mails(at(10), at(70), 10).await.unwrap();
    let [one, both] = claimed.as_slice() else {
        panic!("two mails")
    };
    assert_eq!((&one.mail, &both.mail), (&mail("one"), &mail("both")));
    assert_eq!((one.tries, one.queued_at), (0, at(10)));
    assert!(one.id < both.id);
}

pub(super) async fn a_claimed_mail_is_nobody_elses_for_a_while(store: SharedStore) {
    for name in ["a", "b", "c"] {
        queue(&store, name).await;
    }
    let first = store.claim_mails(at(10), at(70), 2).await.unwrap();
    let subjects: Vec<_> = first.iter().map(|m| &*m.mail.subject).collect();
    assert_eq!(subjects, ["a", "b"]);
    assert_eq!(claim(&store, 10).await, ["c"]);
    store.remove_mail(first[0].id).await.unwrap();
    assert!(claim(&store, 69).await.is_empty());
    assert_eq!(
        claim(&store, 70).await,
        ["b", "c"],
        "whoever claimed them is gone"
    );
}

pub(super) async fn a_failed_mail_waits_and_counts(store: SharedStore) {
    queue(&store, "a").await;
    let mail = store
        .claim_mails(at(10), at(70), 1)
        .await
        .unwrap()
        .remove(0);
    store.delay_mail(mail.id, at(200)).await.unwrap();
    assert!(claim(&store, 199).await.is_empty());
    let again = store
        .claim_mails(at(200), at(260), 1)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        (again.id, again.tries, again.queued_at),
        (mail.id, 1, at(10))
    );
    store.remove_mail(mail.id).await.unwrap();
    assert!(claim(&store, 1000).await.is_empty());
    store.delay_mail(mail.id, at(0)).await.unwrap();
    assert!(
        claim(&store, 1000).await.is_empty(),
        "what is gone does not come back"
    );
}

/// Claims all that is due, for a minute.
async fn claim(store: &SharedStore, seconds: u64) -> Vec<String> {
    let claimed = store.claim_mails(at(seconds), at(seconds + 60), 10).await;
    let subjects = claimed.unwrap().into_iter().map(|m| m.mail.subject.into());
    subjects.collect()
}

async fn queue(store: &SharedStore, name: &str) {
    let event = countersign::model::audit::AuditEvent {
        event: "user.invite",
        result: countersign::model::audit::AuditResult::Success,
        reason: None,
        user: None,
        object: None,
    };
    let action = action(10).with_mail(mail(name));
    store.record(&event, &action).await.unwrap();
}

fn mail(name: &str) -> Mail {
    Mail {
        to: email("jo@example.org"),
        subject: name.into(),
        text: format!("text of {name}\n").into(),
        html: format!("<p>{name}").into(),
    }
}
