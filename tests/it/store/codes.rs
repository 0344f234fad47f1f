//! Verification codes, and what is counted of them.

use std::time::Duration;

use countersign::config::section::Rate;
use countersign::model::code::VerificationCode;
use countersign::model::id::{SessionId, TokenId};
use countersign::model::mail::Mail;
use countersign::model::session::RevocationCause;
use countersign::model::token::{TokenDigest, TokenKind};
use countersign::store::codes::{CodePut, CodeTried, CodeTry, NewCode};
use countersign::store::sessions::{NewToken, SessionSet};
use countersign::store::{Action, Committed, SharedStore, StoreError, Thing};

use super::fixture::*;

const MAILS: Rate = Rate {
    count: 3,
    per: Duration::from_mins(5),
};

pub(super) async fn a_good_code_adds_its_token_and_is_used_up(store: SharedStore) {
    peopled(&store).await;
    let session = session_of(&store, "jo").await;
    let code = put(&store, session, 10).await;
    let elevated = elevated(5000);
    assert_eq!(
        tried(&store, session, Some(code), &elevated, 20).await,
        CodeTried::Good
    );
    let found = store.introspect(&elevated.digest).await.unwrap().unwrap();
    assert_eq!((found.session, found.token), (session, elevated.id));
    assert_eq!(
        (found.kind, found.expires_at),
        (TokenKind::Elevated, Some(at(5000)))
    );
    let listed = store.sessions(None).await.unwrap();
    assert_eq!(
        listed[0].expires_at,
        Some(at(5000)),
        "the session lasts as long"
    );
    assert_eq!(
        try_(&store, session, Some(code), 21).await,
        CodeTried::Wrong
    );
    let events = events(&store).await;
    assert_eq!(
        events[events.len() - 2..],
        ["elevate", "elevate wrong_code"]
    );
    let records = store.audit(None).await.unwrap();
    let [.., done, refused] = records.as_slice() else {
        panic!("two records")
    };
    for (record, result) in [(done, "success"), (refused, "failure")] {
        assert_eq!(
            (&*record.result, record.user.as_deref()),
            (result, Some("jo"))
        );
        assert_eq!(record.object.as_deref(), Some(&*session.to_string()));
    }
}

pub(super) async fn a_code_is_good_in_its_time_and_session_alone(store: SharedStore) {
    peopled(&store).await;
    let [one, other] = [
        session_of(&store, "jo").await,
        session_of(&store, "jo").await,
    ];
    let stranger = session_of(&store, "al").await;
    let code = put(&store, one, 0).await;
    assert_eq!(try_(&store, other, Some(code), 1).await, CodeTried::Wrong);
    assert_eq!(
        try_(&store, stranger, Some(code), 1).await,
        CodeTried::Wrong
    );
    assert_eq!(
        try_(&store, one, None, 1).await,
        CodeTried::Wrong,
        "no code at all"
    );
    assert_eq!(
        try_(&store, one, Some(code), 300).await,
        CodeTried::Wrong,
        "its end"
    );
    assert_eq!(try_(&store, one, Some(code), 299).await, CodeTried::Good);
}

pub(super) async fn a_newer_code_takes_the_place_of_the_older(store: SharedStore) {
    peopled(&store).await;
    let session = session_of(&store, "jo").await;
    let old = put(&store, session, 0).await;
    wrong(&store, session, 4, 1).await;
    let new = put(&store, session, 2).await;
    assert_eq!(try_(&store, session, Some(old), 3).await, CodeTried::Wrong);
    wrong(&store, session, 3, 3).await;
    assert_eq!(
        try_(&store, session, Some(new), 4).await,
        CodeTried::Good,
        "its own count"
    );
}

pub(super) async fn wrong_tries_end_a_code_whichever_session_made_them(store: SharedStore) {
    peopled(&store).await;
    let [one, other] = [
        session_of(&store, "jo").await,
        session_of(&store, "jo").await,
    ];
    let stranger = session_of(&store, "al").await;
    let code = put(&store, one, 0).await;
    wrong(&store, one, 3, 1).await;
    wrong(&store, other, 2, 1).await;
    let used_up = CodeTried::UsedUp {
        retry_after: Duration::from_secs(100),
    };
    for session in [one, other] {
        assert_eq!(try_(&store, session, Some(code), 200).await, used_up);
    }
    wrong(&store, stranger, 1, 200).await;
    let newer = put(&store, other, 201).await;
    assert_eq!(
        try_(&store, one, Some(code), 202).await,
        CodeTried::UsedUp {
            retry_after: Duration::from_secs(98),
        }
    );
    assert_eq!(try_(&store, other, Some(newer), 202).await, CodeTried::Good);
    wrong(&store, one, 1, 300).await;
}

pub(super) async fn an_account_has_so_many_wrong_tries_in_so_long(store: SharedStore) {
    peopled(&store).await;
    let [one, other] = [
        session_of(&store, "jo").await,
        session_of(&store, "jo").await,
    ];
    wrong(&store, one, 8, 100).await;
    wrong(&store, other, 7, 200).await;
    let code = put(&store, one, 201).await;
    for session in [one, other] {
        assert_eq!(
            try_(&store, session, Some(code), 210).await,
            CodeTried::UsedUp {
                retry_after: Duration::from_secs(3600 + 100 - 210)
            }
        );
    }
    let stranger = session_of(&store, "al").await;
    wrong(&store, stranger, 1, 210).await;
    let code = put(&store, one, 3600).await;
    assert!(matches!(
        try_(&store, one, Some(code), 3699).await,
        CodeTried::UsedUp { .. }
    ));
    wrong(&store, one, 1, 3700).await;
    assert_eq!(try_(&store, one, Some(code), 3701).await, CodeTried::Good);
}

pub(super) async fn mails_are_counted_on_the_account(store: SharedStore) {
    peopled(&store).await;
    let [one, other] = [
        session_of(&store, "jo").await,
        session_of(&store, "jo").await,
    ];
    for (session, seconds) in [(one, 0), (other, 10), (one, 20)] {
        put(&store, session, seconds).await;
    }
    assert_eq!(mails(&store).await, 3);
    let fourth = new_code(other, 60);
    let refused = store.put_code(&fourth, MAILS, &mailing(60)).await.unwrap();
    let retry_after = Duration::from_mins(4);
    assert_eq!(refused, CodePut::TooMany { retry_after });
    assert_eq!(mails(&store).await, 0, "neither code nor mail");
    assert_eq!(
        try_(&store, other, Some(fourth.digest), 61).await,
        CodeTried::Wrong
    );
    put(&store, session_of(&store, "al").await, 60).await;
    put(&store, other, 300).await;
    let refused = store.put_code(&fourth, MAILS, &mailing(301)).await.unwrap();
    let retry_after = Duration::from_secs(9);
    assert_eq!(refused, CodePut::TooMany { retry_after });
}

pub(super) async fn what_is_refused_changes_nothing(store: SharedStore) {
    peopled(&store).await;
    let session = session_of(&store, "jo").await;
    let code = put(&store, session, 0).await;
    wrong(&store, session, 5, 1).await;
    let before = events(&store).await.len();
    let token = elevated(500);
    for _ in 0..20 {
        let verdict = tried(&store, session, Some(code), &token, 2).await;
        assert!(matches!(verdict, CodeTried::UsedUp { .. }));
    }
    assert_eq!(events(&store).await.len(), before);
    assert!(!is_known(&store, &token.digest).await);
    // Had they been counted, fifteen would be over.
    put(&store, session, 3).await;
    wrong(&store, session, 5, 4).await;
}

pub(super) async fn an_ended_session_has_no_code(store: SharedStore) {
    peopled(&store).await;
    let session = session_of(&store, "jo").await;
    let code = put(&store, session, 0).await;
    let which = SessionSet::One(session);
    let cause = RevocationCause::Logout;
    let Committed { .. } = store.end_sessions(&which, cause, &action(1)).await.unwrap();
    let tried = store
        .try_code(&code_try(session, Some(code)), &elevated(500), &action(2))
        .await;
    assert!(matches!(tried, Err(StoreError::Missing(Thing::Session))));
    let again = new_code(session, 2);
    let put = store.put_code(&again, MAILS, &mailing(2)).await;
    assert!(matches!(put, Err(StoreError::Missing(Thing::Session))));
    assert_eq!(mails(&store).await, 1, "the first code's alone");
}

pub(super) async fn old_codes_and_attempts_are_swept(store: SharedStore) {
    peopled(&store).await;
    let session = open(&store, &endless(), &[TokenKind::Access]).await.0;
    let code = put(&store, session, 0).await;
    wrong(&store, session, 4, 0).await;
    swept(&store, 300).await;
    assert_eq!(
        try_(&store, session, Some(code), 299).await,
        CodeTried::Good
    );
    let code = put(&store, session, 0).await;
    // The token of the good code, then the code.
    assert_eq!(swept(&store, 301).await, 1);
    assert_eq!(
        try_(&store, session, Some(code), 299).await,
        CodeTried::Wrong
    );
    // Two mails and four wrong tries at 0, one wrong try at 299, an hour later.
    assert_eq!(swept(&store, 3600).await, 1, "the token");
    assert_eq!(swept(&store, 3601).await, 6);
    assert_eq!(swept(&store, 3900).await, 1);
}

pub(super) async fn session_of(store: &SharedStore, account: &str) -> SessionId {
    logged_in(store, account, &[TokenKind::Access]).await.0
}

/// Puts a code that is good for five minutes, with a mail, and returns its digest.
pub(super) async fn put(store: &SharedStore, session: SessionId, seconds: u64) -> TokenDigest {
    let code = new_code(session, seconds);
    let put = store.put_code(&code, MAILS, &mailing(seconds)).await;
    assert_eq!(put.unwrap(), CodePut::Queued, "at {seconds}");
    code.digest
}

pub(super) fn code_try(session: SessionId, digest: Option<TokenDigest>) -> CodeTry {
    CodeTry {
        session,
        digest,
        per_code: 5,
        per_account: Rate {
            count: 15,
            per: Duration::from_hours(1),
        },
    }
}

pub(super) fn elevated(end: u64) -> NewToken {
    NewToken {
        id: Some(TokenId::generate()),
        ..new_token(TokenKind::Elevated, Some(end))
    }
}

async fn try_(
    store: &SharedStore,
    session: SessionId,
    digest: Option<TokenDigest>,
    seconds: u64,
) -> CodeTried {
    tried(store, session, digest, &elevated(500), seconds).await
}

async fn tried(
    store: &SharedStore,
    session: SessionId,
    digest: Option<TokenDigest>,
    token: &NewToken,
    seconds: u64,
) -> CodeTried {
    let tried = code_try(session, digest);
    let verdict = store.try_code(&tried, token, &action(seconds)).await;
    let verdict = verdict.unwrap();
    if verdict != CodeTried::Good {
        assert!(!is_known(store, &token.digest).await);
    }
    verdict
}

/// So many tries that have to be taken as wrong.
pub(super) async fn wrong(store: &SharedStore, session: SessionId, times: usize, seconds: u64) {
    for time in 0..times {
        let guess = VerificationCode::generate().digest(&session);
        let verdict = try_(store, session, Some(guess), seconds).await;
        assert_eq!(verdict, CodeTried::Wrong, "try {time} at {seconds}");
    }
}

fn new_code(session: SessionId, seconds: u64) -> NewCode {
    NewCode {
        session,
        digest: VerificationCode::generate().digest(&session),
        expires_at: at(seconds + 300),
    }
}

fn endless() -> countersign::model::session::Session {
    countersign::model::session::Session {
        expires_at: None,
        ..new_session("jo", Some("app"))
    }
}

fn mailing(seconds: u64) -> Action {
    action(seconds).with_mail(Mail {
        to: email("jo@example.org"),
        subject: "code".into(),
        text: "code".into(),
        html: "code".into(),
    })
}

/// Takes all mails that wait and returns how many there were.
async fn mails(store: &SharedStore) -> usize {
    let mails = store
        .claim_mails(at(10_000), at(10_000), 100)
        .await
        .unwrap();
    for mail in &mails {
        store.remove_mail(mail.id).await.unwrap();
    }
    mails.len()
}

async fn swept(store: &SharedStore, before: u64) -> usize {
    store.sweep(at(before), 100).await.unwrap()
}
