//! The cache never says what is no longer true.

use std::sync::atomic::{AtomicUsize, Ordering};

use countersign::model::account::AccountStatus;
use countersign::store::Sessions;
use countersign::store::memory::MemoryStore;

use super::*;

#[tokio::test]
async fn a_token_is_answered_by_the_store_once_and_then_by_the_cache() {
    let house = House::new().await;
    house.account("jo@example.org").await;
    let token = house.login("jo@example.org").await.token;
    for source in [Source::Store, Source::Cache, Source::Cache] {
        let (principal, from) = house.introspect(&token).await.unwrap();
        assert_eq!(from, source);
        let email = principal.unwrap().account.email.clone().unwrap();
        assert_eq!(email.as_str(), "jo@example.org");
    }
    assert_eq!(house.store.questions(), 1);
}

#[tokio::test]
async fn a_token_that_is_not_good_is_remembered_too() {
    let house = House::new().await;
    let token = PlainToken::generate(countersign::model::token::TokenKind::Access);
    for source in [Source::Store, Source::Cache, Source::Cache] {
        let (principal, from) = house.introspect(&token).await.unwrap();
        assert_eq!((principal.is_none(), from), (true, source));
    }
    assert_eq!(house.store.questions(), 1);
}

#[tokio::test]
async fn a_cached_token_ends_with_its_time() {
    let house = House::new().await;
    house.account("jo@example.org").await;
    let login = Login {
        grant: Grant::Access {
            ttl: Some(SECOND / 2),
        },
        ..login("jo@example.org", PASSWORD)
    };
    let issued = house.auth.issuer.login(login, house.now()).await.unwrap();
    assert!(house.is_good(&issued.token).await);
    house.clock.advance(SECOND / 2);
    let (principal, source) = house.introspect(&issued.token).await.unwrap();
    assert_eq!((principal.is_none(), source), (true, Source::Cache));
}

#[tokio::test]
async fn what_ends_a_token_here_ends_it_at_once() {
    type Ends = for<'a> fn(&'a House, &'a Account, &'a Principal) -> Ending<'a>;
    type Ending<'a> = std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;
    let ways: [(&str, Ends); 6] = [
        ("logout", |house, _, principal| {
            Box::pin(async move {
                let issuer = &house.auth.issuer;
                issuer.logout(principal, None, house.now()).await.unwrap();
            })
        }),
        ("revoke", |house, _, principal| {
            Box::pin(async move {
                let sessions = &house.auth.sessions;
                assert!(
                    sessions
                        .revoke(principal.session, &house.action())
                        .await
                        .unwrap()
                );
            })
        }),
        ("revoke all", |house, account, _| {
            Box::pin(async move {
                let action = house.action();
                let ended = house.auth.sessions.revoke_all(&account.id, &action);
                assert_eq!(ended.await.unwrap().len(), 1);
            })
        }),
        ("password", |house, account, _| {
            Box::pin(async move {
                let password = Password::new("another password");
                let accounts = &house.auth.accounts;
                let action = house.action();
                let set = accounts.set_password(&account.id, password, None, &action);
                set.await.unwrap();
            })
        }),
        ("disable", |house, account, _| {
            Box::pin(async move {
                let accounts = &house.auth.accounts;
                let status = AccountStatus::Disabled;
                accounts
                    .set_status(&account.id, status, &house.action())
                    .await
                    .unwrap();
            })
        }),
        ("delete", |house, account, _| {
            Box::pin(async move {
                let accounts = &house.auth.accounts;
                accounts.delete(&account.id, &house.action()).await.unwrap();
            })
        }),
    ];
    for (name, end) in ways {
        let house = House::new().await;
        let account = house.account("jo@example.org").await;
        house.account("al@example.org").await;
        let token = house.login("jo@example.org").await.token;
        let other = house.login("al@example.org").await.token;
        let (principal, _) = house.introspect(&token).await.unwrap();
        assert!(house.is_good(&other).await);
        end(&house, &account, &principal.unwrap()).await;
        assert!(!house.is_good(&token).await, "{name}");
        let (_, source) = house.introspect(&other).await.unwrap();
        assert_eq!(source, Source::Cache, "{name}: others stay cached");
    }
}

#[tokio::test]
async fn a_client_that_is_removed_or_refused_ends_its_sessions_at_once() {
    for removed in [true, false] {
        let house = House::new().await;
        let account = house.account("jo@example.org").await;
        let client = house.client("App").await;
        let login = Login {
            client: Some(client.clone()),
            ..login("jo@example.org", PASSWORD)
        };
        let token = house
            .auth
            .issuer
            .login(login, house.now())
            .await
            .unwrap()
            .token;
        assert!(house.is_good(&token).await);
        let (clients, action) = (&house.auth.clients, house.action());
        if removed {
            clients.delete(&client, &action).await.unwrap();
        } else {
            let refused = clients.set_refused(&account.id, &client, true, &action);
            refused.await.unwrap();
        }
        assert!(!house.is_good(&token).await, "removed: {removed}");
    }
}

#[tokio::test]
async fn a_new_role_is_seen_by_old_tokens_at_once() {
    let house = House::new().await;
    let account = house.account("jo@example.org").await;
    let token = house.login("jo@example.org").await.token;
    assert!(house.is_good(&token).await);
    let role = Role::parse("admin").unwrap();
    house.set_role(&account, role).await;
    let (principal, source) = house.introspect(&token).await.unwrap();
    assert_eq!(principal.unwrap().account.role.as_str(), "admin");
    assert_eq!(source, Source::Store);
}

/// The answer is read before the revocation and arrives after it. Without the epoch of the question the revoked token
/// would be put into the cache and live there for a minute.
#[tokio::test]
async fn an_answer_that_races_a_revocation_does_not_resurrect() {
    let house = Arc::new(House::new().await);
    house.account("jo@example.org").await;
    let issued = house.login("jo@example.org").await;
    let gate = house.store.close();
    let (racing, token) = (Arc::clone(&house), issued.token.clone());
    let question = tokio::spawn(async move { racing.introspect(&token).await.unwrap().0 });
    gate.reached().await;
    house.revoke(issued.session).await;
    gate.open();
    assert!(question.await.unwrap().is_some(), "it was asked before");
    assert!(!house.is_good(&issued.token).await);
    assert!(!house.is_good(&issued.token).await);
}

/// The same with two nodes: the revocation is heard over the feed while the answer is under way.
#[tokio::test]
async fn an_answer_that_races_the_feed_does_not_resurrect() {
    let here = Arc::new(House::new().await);
    let there = House::over(Arc::clone(&here.store), Arc::clone(&here.clock), "");
    here.account("jo@example.org").await;
    let issued = here.login("jo@example.org").await;
    here.auth.follow_feed().await.unwrap();
    let gate = here.store.close();
    let (racing, token) = (Arc::clone(&here), issued.token.clone());
    let question = tokio::spawn(async move { racing.introspect(&token).await.unwrap().0 });
    gate.reached().await;
    there.revoke(issued.session).await;
    here.auth.follow_feed().await.unwrap();
    gate.open();
    question.await.unwrap();
    assert!(!here.is_good(&issued.token).await);
}

#[tokio::test]
async fn what_another_node_ends_ends_here_when_the_feed_is_followed() {
    let here = House::new().await;
    let there = House::over(Arc::clone(&here.store), Arc::clone(&here.clock), "");
    here.account("jo@example.org").await;
    let issued = here.login("jo@example.org").await;
    assert!(here.is_good(&issued.token).await);
    here.auth.follow_feed().await.unwrap();
    here.clock.advance(SECOND / 5);
    there.revoke(issued.session).await;
    assert!(here.is_good(&issued.token).await, "nobody told it yet");
    here.auth.follow_feed().await.unwrap();
    assert!(!here.is_good(&issued.token).await);
    let told = "countersign_revocation_propagation_seconds_count 1";
    assert!(here.metrics.render().contains(told));
}

#[tokio::test]
async fn own_changes_are_not_forgotten_a_second_time() {
    let house = House::new().await;
    let account = house.account("jo@example.org").await;
    let token = house.login("jo@example.org").await.token;
    let role = Role::parse("admin").unwrap();
    house.set_role(&account, role).await;
    assert!(house.is_good(&token).await);
    house.auth.follow_feed().await.unwrap();
    let (_, source) = house.introspect(&token).await.unwrap();
    assert_eq!(source, Source::Cache);
    let none = "countersign_revocation_propagation_seconds_count 0";
    assert!(house.metrics.render().contains(none));
}

#[tokio::test]
async fn while_the_feed_is_silent_for_longer_than_the_bound_the_store_is_asked_each_time() {
    let house = House::new().await;
    house.account("jo@example.org").await;
    let token = house.login("jo@example.org").await.token;
    assert!(house.is_good(&token).await);
    house.clock.advance(SECOND);
    let (_, source) = house.introspect(&token).await.unwrap();
    assert_eq!(source, Source::Cache, "the bound itself is within it");
    house.clock.advance(SECOND / 1000);
    for _ in 0..3 {
        let (principal, source) = house.introspect(&token).await.unwrap();
        assert_eq!((principal.is_some(), source), (true, Source::Store));
    }
    house.auth.follow_feed().await.unwrap();
    let (_, source) = house.introspect(&token).await.unwrap();
    assert_eq!(source, Source::Cache);
}

#[tokio::test]
async fn without_store_and_feed_the_answer_is_an_error_and_never_nobody() {
    let house = House::new().await;
    house.account("jo@example.org").await;
    let token = house.login("jo@example.org").await.token;
    assert!(house.is_good(&token).await);
    house.store.set_gone(true);
    assert!(house.auth.follow_feed().await.is_err());
    assert!(
        house.is_good(&token).await,
        "within the bound the cache is good enough"
    );
    house.clock.advance(2 * SECOND);
    assert!(house.introspect(&token).await.is_err());
    house.store.set_gone(false);
    assert!(house.is_good(&token).await);
    house.auth.follow_feed().await.unwrap();
    let (_, source) = house.introspect(&token).await.unwrap();
    assert_eq!(
        source,
        Source::Cache,
        "an error is not remembered, and neither is it forgotten what was known"
    );
}

#[tokio::test]
async fn what_was_ended_while_the_store_was_gone_from_here_is_learnt_when_it_comes_back() {
    let here = House::new().await;
    let there = House::over(Arc::clone(&here.store), Arc::clone(&here.clock), "");
    here.account("jo@example.org").await;
    let issued = here.login("jo@example.org").await;
    assert!(here.is_good(&issued.token).await);
    here.store.set_gone(true);
    assert!(here.auth.follow_feed().await.is_err());
    here.clock.advance(30 * SECOND);
    here.store.set_gone(false);
    there.revoke(issued.session).await;
    assert!(!here.is_good(&issued.token).await);
    here.auth.follow_feed().await.unwrap();
    assert!(!here.is_good(&issued.token).await);
}

#[tokio::test]
async fn a_store_whose_feed_stands_before_ours_makes_everything_untrue() {
    let house = House::new().await;
    let account = house.account("jo@example.org").await;
    let token = house.login("jo@example.org").await.token;
    // The feed has to have moved for another store to be behind it.
    let role = Role::parse("admin").unwrap();
    house.set_role(&account, role).await;
    house.auth.follow_feed().await.unwrap();
    assert!(house.is_good(&token).await);
    house.store.replace(Arc::new(MemoryStore::new()));
    assert!(house.is_good(&token).await, "nobody told it yet");
    house.auth.follow_feed().await.unwrap();
    assert!(!house.is_good(&token).await);
}

#[tokio::test]
async fn listeners_hear_what_is_forgotten() {
    use countersign::auth::Forgotten;
    use countersign::model::change::Subject;
    let house = House::new().await;
    house.account("jo@example.org").await;
    let issued = house.login("jo@example.org").await;
    let mut heard = house.auth.verifier.forgotten();
    house.revoke(issued.session).await;
    let expected = Forgotten::Subject(Subject::Session(issued.session));
    assert_eq!(heard.recv().await.unwrap(), expected);
}

#[tokio::test]
async fn an_elevated_token_elevates_its_own_session_alone() {
    let house = House::new().await;
    house.account("jo@example.org").await;
    house.account("al@example.org").await;
    let mut principals = vec![];
    for name in ["jo@example.org", "jo@example.org", "al@example.org"] {
        let token = house.login(name).await.token;
        principals.push(house.introspect(&token).await.unwrap().0.unwrap());
    }
    let token = house.elevate(&principals[0]).await;
    let verifier = &house.auth.verifier;
    let since = house.now().wall;
    for (index, expected) in [(0, true), (1, false), (2, false)] {
        let elevation = verifier.elevation(&token, &principals[index], house.now());
        let elevation = elevation.await.unwrap();
        assert_eq!(elevation.is_some(), expected, "{index}");
        assert!(elevation.is_none_or(|e| e.since == since && e.until == since.after(10 * SECOND)));
    }
    let access = house.login("jo@example.org").await.token;
    let not_elevated = verifier.elevation(&access, &principals[0], house.now());
    assert!(not_elevated.await.unwrap().is_none());
    house.clock.advance(10 * SECOND);
    house.auth.follow_feed().await.unwrap();
    let expired = verifier.elevation(&token, &principals[0], house.now());
    assert!(expired.await.unwrap().is_none());
}

#[tokio::test]
async fn an_elevation_ends_with_its_session() {
    let house = House::new().await;
    house.account("jo@example.org").await;
    let issued = house.login("jo@example.org").await;
    let principal = house.introspect(&issued.token).await.unwrap().0.unwrap();
    let token = house.elevate(&principal).await;
    let verifier = &house.auth.verifier;
    let good = verifier.elevation(&token, &principal, house.now()).await;
    assert!(good.unwrap().is_some());
    house.revoke(issued.session).await;
    let ended = verifier.elevation(&token, &principal, house.now()).await;
    assert!(ended.unwrap().is_none());
}

#[tokio::test]
async fn a_use_is_written_down_once_a_minute() {
    let house = Arc::new(House::new().await);
    house.account("jo@example.org").await;
    let issued = house.login("jo@example.org").await;
    let opened_at = house.now().wall;
    let last_used = || async {
        let sessions = house.store.sessions(None).await.unwrap();
        sessions.first().and_then(|session| session.last_used_at)
    };
    house.clock.advance(90 * SECOND);
    house.auth.follow_feed().await.unwrap();
    assert!(house.is_good(&issued.token).await);
    assert_eq!(last_used().await, Some(opened_at));
    let (stop, shutdown) = tokio::sync::watch::channel(false);
    stop.send(true).unwrap();
    house.auth.run(shutdown).await;
    assert_eq!(last_used().await, Some(house.now().wall));
}

/// Four threads ask about a token while a fifth revokes it, over a store whose answers take their time. A question that is
/// asked after the revocation was acknowledged must never be answered with yes. 10⁵ questions over 2000 revocations.
#[test]
fn no_acceptance_after_an_acknowledgement_in_a_hundred_thousand_questions() {
    const SESSIONS: usize = 2_000;
    const ASKERS: usize = 4;
    const QUESTIONS: usize = 13;
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let (house, issued) = runtime().block_on(async {
        let house = House::new().await;
        let issued = house.api_tokens(SESSIONS).await;
        (house, issued)
    });
    house.store.set_slow();
    let acknowledged = AtomicUsize::new(0);
    let barrier = std::sync::Barrier::new(ASKERS + 1);
    let wrong = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..ASKERS {
            scope.spawn(|| {
                let runtime = runtime();
                for (index, (_, token)) in issued.iter().enumerate() {
                    barrier.wait();
                    for _ in 0..QUESTIONS {
                        let was_acknowledged = acknowledged.load(Ordering::SeqCst) > index;
                        let is_good = runtime.block_on(house.is_good(token));
                        wrong.fetch_add(usize::from(is_good && was_acknowledged), Ordering::SeqCst);
                    }
                }
            });
        }
        let runtime = runtime();
        for (index, (session, _)) in issued.iter().enumerate() {
            barrier.wait();
            runtime.block_on(house.revoke(*session));
            acknowledged.store(index + 1, Ordering::SeqCst);
        }
    });
    assert_eq!(wrong.into_inner(), 0, "accepted after the acknowledgement");
}
