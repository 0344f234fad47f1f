//! Sessions and their tokens.

use countersign::model::account::{AccountStatus, Role};
use countersign::model::change::Subject;
use countersign::model::id::{SessionId, TokenId};
use countersign::model::scope::Scope;
use countersign::model::session::{RevocationCause, Session};
use countersign::model::token::{PlainToken, TokenKind};
use countersign::store::accounts::AccountChange;
use countersign::store::sessions::{NewToken, SessionSet};
use countersign::store::{Committed, SharedStore, StoreError};

use super::fixture::*;

pub(super) async fn a_token_stands_for_its_account_as_it_is_now(store: SharedStore) {
    peopled(&store).await;
    let session = Session {
        scopes: ["read", "a:b"].map(|s| Scope::parse(s).unwrap()).into(),
        last_used_at: Some(at(3)),
        ..new_session("jo", Some("app"))
    };
    for kind in TokenKind::ALL {
        let id = Some(TokenId::generate());
        let token = NewToken {
            id,
            issued_at: at(2),
            ..new_token(kind, Some(50))
        };
        let session = Session {
            id: SessionId::generate(),
            ..session.clone()
        };
        let opened = store
            .open_session(&session, std::slice::from_ref(&token), &action(2))
            .await;
        assert!(opened.unwrap().is_some());
        let found = store.introspect(&token.digest).await.unwrap().unwrap();
        assert_eq!(*found.account, new_account("jo").account);
        assert_eq!(found.client, Some(client_id("app")));
        assert_eq!(
            (found.session, found.token, found.kind),
            (session.id, id, kind)
        );
        assert_eq!(found.scopes.as_ref(), session.scopes);
        assert_eq!((found.issued_at, found.expires_at), (at(2), Some(at(50))));
        assert!(!found.last_used.touch(at(3)), "seen then");
    }
    let endless = new_token(TokenKind::Access, None);
    let plain = new_session("al", None);
    let opened = store
        .open_session(&plain, std::slice::from_ref(&endless), &action(0))
        .await;
    assert!(opened.unwrap().is_some());
    let admin = AccountChange::Role(Role::parse("admin").unwrap());
    let Committed { .. } = store
        .change_account(&account_id("al"), &admin, &action(1))
        .await
        .unwrap();
    let found = store.introspect(&endless.digest).await.unwrap().unwrap();
    assert_eq!(
        (found.client, found.expires_at, found.scopes.len()),
        (None, None, 0)
    );
    assert_eq!(found.account.role, Role::parse("admin").unwrap());
    assert!(!is_known(&store, &PlainToken::generate(TokenKind::Access).digest()).await);
}

pub(super) async fn a_session_opens_only_for_who_may(store: SharedStore) {
    peopled(&store).await;
    let disable = AccountChange::Status(AccountStatus::Disabled);
    let Committed { .. } = store
        .change_account(&account_id("al"), &disable, &action(0))
        .await
        .unwrap();
    let Committed { .. } = store
        .create_client(&new_client("refused"), &action(0))
        .await
        .unwrap();
    let refused = store
        .set_refused(&account_id("jo"), &client_id("refused"), true, &action(0))
        .await;
    let Committed { .. } = refused.unwrap();
    let before = events(&store).await;
    for (account, client) in [
        ("nobody", None),
        ("al", None),
        ("al", Some("app")),
        ("jo", Some("unknown")),
        ("jo", Some("refused")),
    ] {
        let (session, token) = (
            new_session(account, client),
            new_token(TokenKind::Access, None),
        );
        let opened = store
            .open_session(&session, std::slice::from_ref(&token), &action(1))
            .await;
        assert!(opened.unwrap().is_none(), "{account} {client:?}");
        assert!(!is_known(&store, &token.digest).await);
    }
    assert!(store.sessions(None).await.unwrap().is_empty());
    assert_eq!(events(&store).await, before);
}

pub(super) async fn what_is_random_and_yet_there_already_is_corrupt(store: SharedStore) {
    peopled(&store).await;
    let session = new_session("jo", None);
    let (id, digests) = open(&store, &session, &[TokenKind::Access]).await;
    let before = events(&store).await;
    let new = || new_token(TokenKind::Access, None);
    let known = NewToken {
        digest: digests[0],
        ..new()
    };
    let fresh = new_session("jo", None);
    for (session, tokens) in [(&session, [new(), new()]), (&fresh, [new(), known.clone()])] {
        let opened = store.open_session(session, &tokens, &action(1)).await;
        assert!(matches!(opened, Err(StoreError::Corrupt(_))));
        assert!(!is_known(&store, &tokens[0].digest).await);
    }
    let added = store.add_token(&id, &known, "elevate", &action(1)).await;
    assert!(matches!(added, Err(StoreError::Corrupt(_))));
    assert_eq!(store.sessions(None).await.unwrap().len(), 1);
    assert_eq!(events(&store).await, before);
}

pub(super) async fn a_session_is_audited_as_what_it_is(store: SharedStore) {
    peopled(&store).await;
    let (login, _) = logged_in(&store, "jo", &[TokenKind::Access]).await;
    let api = Session {
        label: Some("ci".into()),
        ..new_session("jo", None)
    };
    open(&store, &api, &[TokenKind::Api]).await;
    let records = store.audit(None).await.unwrap();
    let [.., first, second] = records.as_slice() else {
        panic!("two records at least")
    };
    for (record, event, session) in [(first, "login", login), (second, "token.issue", api.id)] {
        assert_eq!((&*record.event, &*record.result), (event, "success"));
        assert_eq!(record.user.as_deref(), Some("jo"));
        assert_eq!(record.object.as_deref(), Some(session.to_string().as_str()));
    }
}

pub(super) async fn a_token_is_added_to_an_open_session_alone(store: SharedStore) {
    peopled(&store).await;
    let (session, _) = logged_in(&store, "jo", &[TokenKind::Browser]).await;
    let code = new_token(TokenKind::Handoff, Some(60));
    let add = async |session: &SessionId, token: &NewToken| {
        store
            .add_token(session, token, "elevate", &action(1))
            .await
            .unwrap()
    };
    assert!(add(&session, &code).await.is_some());
    let found = store.introspect(&code.digest).await.unwrap().unwrap();
    assert_eq!((found.session, found.kind), (session, TokenKind::Handoff));
    assert_eq!(events(&store).await.last().unwrap(), "elevate");
    let late = new_token(TokenKind::Handoff, Some(60));
    assert!(add(&SessionId::generate(), &late).await.is_none());
    end(&store, SessionSet::One(session), RevocationCause::Logout).await;
    assert!(add(&session, &late).await.is_none());
    assert!(!is_known(&store, &late.digest).await);
}

pub(super) async fn a_single_use_token_is_used_once_and_in_time(store: SharedStore) {
    peopled(&store).await;
    let (session, digests) = logged_in(&store, "jo", &[TokenKind::Handoff]).await;
    let consume = async |seconds| {
        store
            .consume_token(&digests[0], &action(seconds))
            .await
            .unwrap()
    };
    assert!(consume(100).await.is_none(), "expired");
    assert_eq!(consume(99).await.map(|p| p.session), Some(session));
    assert!(consume(99).await.is_none(), "used");
    assert_eq!(store.sessions(None).await.unwrap().len(), 1);
}

pub(super) async fn a_single_use_token_gives_its_place_to_another_or_stays(store: SharedStore) {
    peopled(&store).await;
    let (session, digests) = logged_in(&store, "jo", &[TokenKind::Handoff]).await;
    let successor = new_token(TokenKind::Session, Some(5000));
    let redeem = async |token: &NewToken, seconds| {
        let action = action(seconds);
        store.redeem_token(&digests[0], token, &action).await
    };
    assert!(redeem(&successor, 100).await.unwrap().is_none(), "expired");
    // What cannot be added uses nothing up.
    let (_, others) = logged_in(&store, "jo", &[TokenKind::Session]).await;
    let there_already = NewToken {
        digest: others[0],
        ..successor.clone()
    };
    assert!(redeem(&there_already, 1).await.is_err());
    let redeemed = redeem(&successor, 99).await.unwrap().unwrap();
    assert_eq!(
        (redeemed.value.session, redeemed.changes.len()),
        (session, 0)
    );
    assert_eq!(events(&store).await.last().unwrap(), "redeem");
    assert!(!is_known(&store, &digests[0]).await);
    let found = store.introspect(&successor.digest).await.unwrap().unwrap();
    assert_eq!((found.session, found.expires_at), (session, Some(at(5000))));
    let another = new_token(TokenKind::Session, Some(5000));
    assert!(redeem(&another, 99).await.unwrap().is_none(), "used");
    assert!(!is_known(&store, &another.digest).await);
}

pub(super) async fn a_revoked_token_leaves_its_session(store: SharedStore) {
    peopled(&store).await;
    let kinds = [TokenKind::Elevated, TokenKind::Access];
    let (session, digests) = logged_in(&store, "jo", &kinds).await;
    let done = store.revoke_token(&digests[0], &action(1)).await.unwrap();
    assert!(done.value);
    assert_eq!(subjects(&done.changes), [Subject::Session(session)]);
    assert!(!is_known(&store, &digests[0]).await);
    assert!(is_known(&store, &digests[1]).await);
    assert_eq!(events(&store).await.last().unwrap(), "revoke revoked");
    let again = store.revoke_token(&digests[0], &action(1)).await.unwrap();
    assert!(!again.value && again.changes.is_empty());
}

pub(super) async fn ended_sessions_are_told_of_one_by_one(store: SharedStore) {
    peopled(&store).await;
    let kinds = [TokenKind::Keyed, TokenKind::Refresh];
    let (one, one_tokens) = logged_in(&store, "jo", &kinds).await;
    let (two, two_tokens) = logged_in(&store, "jo", &kinds).await;
    let (_, other) = logged_in(&store, "al", &kinds).await;
    let ended = end(&store, SessionSet::One(one), RevocationCause::Logout).await;
    assert_eq!(ended, [one]);
    assert!(is_known(&store, &two_tokens[0]).await);
    assert!(
        end(&store, SessionSet::One(one), RevocationCause::Logout)
            .await
            .is_empty()
    );
    let all = SessionSet::AllOf(account_id("jo"));
    assert_eq!(end(&store, all, RevocationCause::Revoked).await, [two]);
    for digest in one_tokens.iter().chain(&two_tokens) {
        assert!(!is_known(&store, digest).await);
    }
    assert!(is_known(&store, &other[0]).await);
    let events = events(&store).await;
    assert_eq!(
        events[events.len() - 2..],
        ["logout logout", "revoke revoked"]
    );
}

pub(super) async fn logging_out_elsewhere_spares_this_session_and_api_tokens(store: SharedStore) {
    peopled(&store).await;
    let (this, _) = logged_in(&store, "jo", &[TokenKind::Access]).await;
    let (elsewhere, _) = logged_in(&store, "jo", &[TokenKind::Access]).await;
    let api = Session {
        label: Some("ci".into()),
        ..new_session("jo", None)
    };
    open(&store, &api, &[TokenKind::Api]).await;
    let others = SessionSet::OthersOf(account_id("jo"), this);
    assert_eq!(
        end(&store, others, RevocationCause::Revoked).await,
        [elsewhere]
    );
    let all = SessionSet::AllOf(account_id("jo"));
    let mut ended = end(&store, all, RevocationCause::Revoked).await;
    let mut expected = vec![this, api.id];
    ended.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ended, expected);
}

pub(super) async fn sessions_are_listed_newest_first_with_their_last_use(store: SharedStore) {
    peopled(&store).await;
    let mut made = Vec::new();
    for (account, age) in [("jo", 20), ("al", 40), ("jo", 30)] {
        let session = Session {
            created_at: at(age),
            ..new_session(account, Some("app"))
        };
        open(&store, &session, &[TokenKind::Access]).await;
        made.push(session);
    }
    let ids = |sessions: &[Session]| sessions.iter().map(|s| s.id).collect::<Vec<_>>();
    let listed = store.sessions(None).await.unwrap();
    assert_eq!(ids(&listed), [made[1].id, made[2].id, made[0].id]);
    let of_jo = store.sessions(Some(&account_id("jo"))).await.unwrap();
    assert_eq!(of_jo, [made[2].clone(), made[0].clone()]);
    assert!(
        store
            .sessions(Some(&account_id("nobody")))
            .await
            .unwrap()
            .is_empty()
    );
    for seconds in [50, 45] {
        let used = [
            (made[0].id, at(seconds)),
            (SessionId::generate(), at(seconds)),
        ];
        store.touch_sessions(&used).await.unwrap();
    }
    let of_jo = store.sessions(Some(&account_id("jo"))).await.unwrap();
    assert_eq!(of_jo[1].last_used_at, Some(at(50)), "never back");
    assert_eq!(of_jo[0].last_used_at, None);
}

pub(super) async fn a_session_lasts_as_long_as_its_last_token(store: SharedStore) {
    peopled(&store).await;
    let session = Session {
        expires_at: Some(at(10)),
        ..new_session("jo", Some("app"))
    };
    open(&store, &session, &[TokenKind::Access]).await;
    let end = async || store.sessions(None).await.unwrap()[0].expires_at;
    assert_eq!(end().await, Some(at(100)));
    for (token, expected) in [
        (Some(50), Some(at(100))),
        (Some(150), Some(at(150))),
        (None, None),
        (Some(200), None),
    ] {
        let token = new_token(TokenKind::Elevated, token);
        let added = store
            .add_token(&session.id, &token, "elevate", &action(1))
            .await;
        assert!(added.unwrap().is_some());
        assert_eq!(end().await, expected);
    }
}

pub(super) async fn what_expired_is_forgotten_bit_by_bit(store: SharedStore) {
    peopled(&store).await;
    let dying = Session {
        expires_at: Some(at(10)),
        ..new_session("jo", None)
    };
    let (_, dead) = open(&store, &dying, &[TokenKind::Access, TokenKind::Access]).await;
    let kinds = [TokenKind::Access, TokenKind::Refresh];
    let (alive, tokens) = logged_in(&store, "jo", &kinds).await;
    let endless = Session {
        expires_at: None,
        ..new_session("jo", None)
    };
    let opened = store
        .open_session(&endless, &[new_token(TokenKind::Access, None)], &action(0))
        .await;
    assert!(opened.unwrap().is_some());
    assert_eq!(
        store.sweep(at(100), 10).await.unwrap(),
        0,
        "nothing ended before its end"
    );
    assert_eq!(store.sweep(at(101), 2).await.unwrap(), 2);
    assert_eq!(
        store.sweep(at(101), 10).await.unwrap(),
        2,
        "a token and a session"
    );
    assert_eq!(store.sweep(at(101), 10).await.unwrap(), 0);
    for digest in dead.iter().chain([&tokens[0]]) {
        assert!(!is_known(&store, digest).await);
    }
    assert!(is_known(&store, &tokens[1]).await);
    let mut left: Vec<_> = store
        .sessions(None)
        .await
        .unwrap()
        .iter()
        .map(|s| s.id)
        .collect();
    left.sort_unstable();
    let mut expected = [alive, endless.id];
    expected.sort_unstable();
    assert_eq!(left, expected);
}

async fn end(store: &SharedStore, which: SessionSet, cause: RevocationCause) -> Vec<SessionId> {
    let done = store.end_sessions(&which, cause, &action(1)).await.unwrap();
    let fed: Vec<_> = done.value.iter().map(|id| Subject::Session(*id)).collect();
    assert_eq!(subjects(&done.changes), fed);
    done.value
}
