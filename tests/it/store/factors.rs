//! Second factors: what is kept of them, and that each proof is good once.

use std::time::Duration;

use countersign::config::section::Rate;
use countersign::model::change::Subject;
use countersign::model::factor::{
    CredentialId, Enrolled, RecoveryCode, SecurityKey, TotpSecret, TotpStep,
};
use countersign::model::id::SecurityKeyId;
use countersign::model::mail::Mail;
use countersign::model::token::TokenDigest;
use countersign::store::factors::{FactorProof, FactorTried, FactorTry, Removal};
use countersign::store::{Action, Committed, SharedStore, StoreError, Thing, Unique};

use super::fixture::*;

pub(super) async fn an_app_counts_from_its_first_code_on(store: SharedStore) {
    peopled(&store).await;
    let (jo, first, second) = (
        account_id("jo"),
        TotpSecret::generate(),
        TotpSecret::generate(),
    );
    for secret in [&first, &second] {
        store.begin_totp(&jo, secret, &action(1)).await.unwrap();
    }
    assert_eq!(enrolled(&store, "jo").await, Enrolled::default());
    assert_eq!(
        try_(&store, Some(totp(&second, 10)), 2).await,
        FactorTried::Wrong
    );
    assert_eq!(
        confirm(&store, Some(totp(&first, 10)), 3).await,
        FactorTried::Wrong
    );
    assert_eq!(confirm(&store, None, 3).await, FactorTried::Wrong);
    assert_eq!(mails(&store).await, 0, "nothing was added yet");
    assert_eq!(
        confirm(&store, Some(totp(&second, 10)), 4).await,
        FactorTried::Good
    );
    assert_eq!(mails(&store).await, 1);
    assert_eq!(enrolled(&store, "jo").await.totp, Some(at(4)));
    assert_eq!(
        confirm(&store, Some(totp(&second, 11)), 5).await,
        FactorTried::Wrong
    );
    let again = store.begin_totp(&jo, &first, &action(5)).await;
    assert!(matches!(again, Err(StoreError::Conflict(Unique::Totp))));
    let kept = store.totp(&jo).await.unwrap().unwrap();
    assert_eq!(kept.secret, second);
    assert_eq!(
        (kept.confirmed_at, kept.last_step),
        (Some(at(4)), Some(TotpStep(10)))
    );
    assert_eq!(enrolled(&store, "al").await, Enrolled::default());
    let events = events(&store).await;
    assert_eq!(
        events[events.len() - 5..],
        [
            "login wrong_code",
            "user.confirm wrong_code",
            "user.confirm wrong_code",
            "user.add-factor",
            "user.confirm wrong_code",
        ]
    );
}

pub(super) async fn a_totp_code_is_taken_once_and_none_before_it(store: SharedStore) {
    peopled(&store).await;
    let secret = with_totp(&store, "jo", 10).await;
    for (step, verdict) in [
        (10, FactorTried::Wrong),
        (9, FactorTried::Wrong),
        (12, FactorTried::Good),
        (12, FactorTried::Wrong),
        (11, FactorTried::Wrong),
        (13, FactorTried::Good),
    ] {
        assert_eq!(
            try_(&store, Some(totp(&secret, step)), 1).await,
            verdict,
            "{step}"
        );
    }
    let other = TotpSecret::generate();
    assert_eq!(
        try_(&store, Some(totp(&other, 20)), 1).await,
        FactorTried::Wrong
    );
    let records = store.audit(None).await.unwrap();
    let used = records.iter().filter(|r| &*r.event == "user.use-factor");
    let used: Vec<_> = used
        .map(|r| (r.user.as_deref(), r.object.as_deref()))
        .collect();
    assert_eq!(used, [(Some("jo"), Some("totp")); 2]);
}

pub(super) async fn a_recovery_code_is_good_once_and_for_its_account(store: SharedStore) {
    peopled(&store).await;
    let old = with_codes(&store, "jo", 10).await;
    let codes = with_codes(&store, "jo", 10).await;
    assert_eq!(enrolled(&store, "jo").await.recovery_codes, 10);
    assert_eq!(
        try_(&store, Some(code(old[0])), 1).await,
        FactorTried::Wrong,
        "replaced"
    );
    assert_eq!(
        try_(&store, Some(code(codes[3])), 1).await,
        FactorTried::Good
    );
    assert_eq!(
        try_(&store, Some(code(codes[3])), 1).await,
        FactorTried::Wrong
    );
    assert_eq!(enrolled(&store, "jo").await.recovery_codes, 9);
    let of_al = FactorTry {
        account: account_id("al"),
        ..factor_try(Some(code(codes[4])))
    };
    let tried = store.try_factor(&of_al, &action(1)).await.unwrap();
    assert_eq!(tried, FactorTried::Wrong);
    assert_eq!(
        try_(&store, Some(code(codes[4])), 1).await,
        FactorTried::Good
    );
}

pub(super) async fn keys_read_back_and_each_is_known_once(store: SharedStore) {
    peopled(&store).await;
    let [one, two] = [key("jo", b"one", 5), key("jo", b"two", 0)];
    let two = SecurityKey {
        created_at: at(9),
        ..two
    };
    for key in [&two, &one] {
        let added = store.add_key(key, &action(1)).await.unwrap();
        assert_eq!(
            subjects(&added.changes),
            [Subject::Account(account_id("jo"))]
        );
    }
    assert_eq!(
        enrolled(&store, "jo").await.keys,
        [one.clone(), two.clone()]
    );
    let elsewhere = SecurityKey {
        account: account_id("al"),
        ..key("al", b"one", 0)
    };
    let taken = store.add_key(&elsewhere, &action(1)).await;
    assert!(matches!(
        taken,
        Err(StoreError::Conflict(Unique::SecurityKey))
    ));
    let rename = async |of: &str, name: &'static str| {
        let (of, action) = (account_id(of), action(2));
        let renamed = store.rename_key(&of, &one.id, name, &action).await;
        renamed.unwrap()
    };
    assert!(!rename("al", "stolen").await);
    assert!(rename("jo", "Blue one").await);
    assert_eq!(&*enrolled(&store, "jo").await.keys[0].name, "Blue one");
    let remove = async |of: &str| remove(&store, of, Removal::SecurityKey(one.id)).await;
    assert!(!remove("al").await);
    assert!(remove("jo").await && !remove("jo").await);
    assert_eq!(enrolled(&store, "jo").await.keys, [two]);
}

pub(super) async fn a_keys_counter_goes_up_or_stays_at_zero(store: SharedStore) {
    peopled(&store).await;
    let [counting, silent] = [key("jo", b"one", 5), key("jo", b"two", 0)];
    for key in [&counting, &silent] {
        let Committed { .. } = store.add_key(key, &action(0)).await.unwrap();
    }
    for (key, sign_count, verdict) in [
        (counting.id, 5, FactorTried::Wrong),
        (counting.id, 0, FactorTried::Wrong),
        (counting.id, 7, FactorTried::Good),
        (counting.id, 6, FactorTried::Wrong),
        (silent.id, 0, FactorTried::Good),
        (silent.id, 0, FactorTried::Good),
        (silent.id, u32::MAX, FactorTried::Good),
        (silent.id, 0, FactorTried::Wrong),
        (SecurityKeyId::generate(), 1, FactorTried::Wrong),
    ] {
        let proof = FactorProof::SecurityKey { key, sign_count };
        assert_eq!(try_(&store, Some(proof), 8).await, verdict, "{sign_count}");
    }
    let keys = enrolled(&store, "jo").await.keys;
    let seen: Vec<_> = keys
        .iter()
        .map(|k| (k.sign_count, k.last_used_at))
        .collect();
    assert_eq!(seen.len(), 2);
    assert!(seen.contains(&(7, Some(at(8)))) && seen.contains(&(u32::MAX, Some(at(8)))));
    let proof = FactorProof::SecurityKey {
        key: counting.id,
        sign_count: 100,
    };
    let of_al = FactorTry {
        account: account_id("al"),
        ..factor_try(Some(proof))
    };
    let tried = store.try_factor(&of_al, &action(9)).await.unwrap();
    assert_eq!(tried, FactorTried::Wrong);
}

pub(super) async fn wrong_factors_are_counted_with_wrong_codes(store: SharedStore) {
    peopled(&store).await;
    let secret = with_totp(&store, "jo", 10).await;
    let session = super::codes::session_of(&store, "jo").await;
    super::codes::wrong(&store, session, 5, 100).await;
    for _ in 0..10 {
        assert_eq!(try_(&store, None, 200).await, FactorTried::Wrong);
    }
    let used_up = FactorTried::UsedUp {
        retry_after: Duration::from_secs(3600 + 100 - 210),
    };
    let before = events(&store).await.len();
    for proof in [None, Some(totp(&secret, 20))] {
        assert_eq!(try_(&store, proof.clone(), 210).await, used_up);
        assert_eq!(confirm(&store, proof, 210).await, used_up);
    }
    assert_eq!(events(&store).await.len(), before, "nothing is written");
    assert_eq!(
        try_(&store, Some(totp(&secret, 20)), 3700).await,
        FactorTried::Good
    );
}

pub(super) async fn recovery_codes_go_with_the_last_other_factor(store: SharedStore) {
    peopled(&store).await;
    let one = key("jo", b"one", 0);
    let Committed { .. } = store.add_key(&one, &action(0)).await.unwrap();
    with_totp(&store, "jo", 10).await;
    with_codes(&store, "jo", 10).await;
    assert!(remove(&store, "jo", Removal::Totp).await);
    assert_eq!(enrolled(&store, "jo").await.recovery_codes, 10);
    assert!(!remove(&store, "jo", Removal::Totp).await);
    assert!(remove(&store, "jo", Removal::SecurityKey(one.id)).await);
    assert_eq!(enrolled(&store, "jo").await, Enrolled::default());
    with_codes(&store, "jo", 3).await;
    assert!(!remove(&store, "jo", Removal::Totp).await);
    assert_eq!(enrolled(&store, "jo").await.recovery_codes, 3);
    assert!(remove(&store, "jo", Removal::RecoveryCodes).await);
    assert_eq!(enrolled(&store, "jo").await, Enrolled::default());
}

pub(super) async fn a_removal_is_told_and_a_reset_takes_everything(store: SharedStore) {
    peopled(&store).await;
    let jo = account_id("jo");
    for _ in 0..2 {
        let Committed { .. } = store
            .add_key(&key("jo", b"one", 0), &action(0))
            .await
            .unwrap();
        let secret = with_totp(&store, "jo", 10).await;
        with_codes(&store, "jo", 10).await;
        with_totp(&store, "al", 10).await;
        let reset = store.remove_factor(&jo, Removal::All, &mailing(5)).await;
        let reset = reset.unwrap();
        assert!(reset.value);
        assert_eq!(subjects(&reset.changes), [Subject::Account(jo.clone())]);
        assert_eq!(mails(&store).await, 1);
        assert_eq!(enrolled(&store, "jo").await, Enrolled::default());
        assert!(store.totp(&jo).await.unwrap().is_none());
        assert_eq!(
            try_(&store, Some(totp(&secret, 30)), 6).await,
            FactorTried::Wrong
        );
        assert_eq!(
            events(&store).await.iter().rev().nth(1).unwrap(),
            "user.reset-factors"
        );
        assert!(remove(&store, "al", Removal::Totp).await);
    }
    let nothing = store
        .remove_factor(&jo, Removal::All, &mailing(7))
        .await
        .unwrap();
    assert!(!nothing.value && nothing.changes.is_empty());
    assert_eq!(mails(&store).await, 0);
}

pub(super) async fn factors_need_an_account_and_go_with_it(store: SharedStore) {
    peopled(&store).await;
    let jo = account_id("jo");
    let secret = with_totp(&store, "jo", 10).await;
    let one = key("jo", b"one", 0);
    let Committed { .. } = store.add_key(&one, &action(0)).await.unwrap();
    with_codes(&store, "jo", 10).await;
    let Committed { .. } = store.delete_account(&jo, &action(1)).await.unwrap();
    assert_eq!(enrolled(&store, "jo").await, Enrolled::default());
    let missing = |result: Result<(), StoreError>| {
        assert!(matches!(result, Err(StoreError::Missing(Thing::Account))));
    };
    missing(store.begin_totp(&jo, &secret, &action(2)).await);
    missing(store.add_key(&one, &action(2)).await.map(drop));
    missing(
        store
            .replace_recovery_codes(&jo, &[], &action(2))
            .await
            .map(drop),
    );
    let tried = factor_try(Some(totp(&secret, 20)));
    missing(store.try_factor(&tried, &action(2)).await.map(drop));
    missing(store.confirm_totp(&tried, &action(2)).await.map(drop));
    assert!(!remove(&store, "jo", Removal::All).await);
    let elsewhere = key("al", b"one", 0);
    let added = store.add_key(&elsewhere, &action(3)).await;
    assert!(added.is_ok(), "the credential is free again");
}

/// Gives an account an app that counts, whose code of that step was taken.
pub(super) async fn with_totp(store: &SharedStore, account: &str, step: i64) -> TotpSecret {
    let secret = TotpSecret::generate();
    let of = account_id(account);
    store.begin_totp(&of, &secret, &action(0)).await.unwrap();
    let tried = FactorTry {
        account: of,
        ..factor_try(Some(totp(&secret, step)))
    };
    let confirmed = store.confirm_totp(&tried, &action(0)).await.unwrap();
    assert_eq!(confirmed.value, FactorTried::Good);
    secret
}

pub(super) async fn with_codes(
    store: &SharedStore,
    account: &str,
    count: usize,
) -> Vec<TokenDigest> {
    let of = account_id(account);
    let codes = (0..count).map(|_| RecoveryCode::generate().digest(&of));
    let codes: Vec<_> = codes.collect();
    let replaced = store.replace_recovery_codes(&of, &codes, &action(0)).await;
    assert_eq!(subjects(&replaced.unwrap().changes), [Subject::Account(of)]);
    codes
}

pub(super) fn totp(secret: &TotpSecret, step: i64) -> FactorProof {
    FactorProof::Totp {
        secret: secret.clone(),
        step: TotpStep(step),
    }
}

pub(super) fn code(digest: TokenDigest) -> FactorProof {
    FactorProof::RecoveryCode(digest)
}

/// A try of `jo`'s to log in.
pub(super) fn factor_try(proof: Option<FactorProof>) -> FactorTry {
    FactorTry {
        account: account_id("jo"),
        proof,
        event: "login",
        session: None,
        per_account: Rate {
            count: 15,
            per: Duration::from_hours(1),
        },
    }
}

async fn enrolled(store: &SharedStore, account: &str) -> Enrolled {
    store.enrolled(&account_id(account)).await.unwrap()
}

async fn try_(store: &SharedStore, proof: Option<FactorProof>, seconds: u64) -> FactorTried {
    let tried = store.try_factor(&factor_try(proof), &action(seconds)).await;
    tried.unwrap()
}

async fn confirm(store: &SharedStore, proof: Option<FactorProof>, seconds: u64) -> FactorTried {
    let tried = FactorTry {
        event: "user.confirm",
        ..factor_try(proof)
    };
    let tried = store.confirm_totp(&tried, &mailing(seconds)).await;
    tried.unwrap().value
}

async fn remove(store: &SharedStore, account: &str, which: Removal) -> bool {
    let (of, action) = (account_id(account), action(1));
    let removed = store.remove_factor(&of, which, &action).await;
    removed.unwrap().value
}

fn key(account: &str, credential: &[u8], sign_count: u32) -> SecurityKey {
    SecurityKey {
        id: SecurityKeyId::generate(),
        account: account_id(account),
        credential: CredentialId::new(credential),
        public_key: Box::from(*b"\xa5\x01\x02\x00"),
        sign_count,
        name: "Grüner Schlüssel".into(),
        created_at: at(0),
        last_used_at: None,
    }
}

fn mailing(seconds: u64) -> Action {
    action(seconds).with_mail(Mail {
        to: email("jo@example.org"),
        subject: "factor".into(),
        text: "factor".into(),
        html: "factor".into(),
    })
}

/// Takes all mails that wait and returns how many there were.
async fn mails(store: &SharedStore) -> usize {
    let mails = store.claim_mails(at(10_000), at(10_000), 100);
    let mails = mails.await.unwrap();
    for mail in &mails {
        store.remove_mail(mail.id).await.unwrap();
    }
    mails.len()
}
