//! Exchanging refresh tokens.

use countersign::auth::issuer::{Refresh, RefreshError};

use countersign::model::token::TokenKind;

use super::*;

const ACCESS_TTL: Duration = Duration::from_hours(1);
const REFRESH_TTL: Duration = Duration::from_hours(24);
const WINDOW: Duration = Duration::from_secs(30);

/// An account with a keyed login through a client.
async fn keyed() -> (House, ClientId, Issued) {
    let house = House::new().await;
    house.account("jo@example.org").await;
    let client = house.client("App").await;
    let login = Login {
        dialect: Dialect::KEY_TOKEN,
        client: Some(client.clone()),
        grant: Grant::Keyed {
            access_ttl: ACCESS_TTL,
            refresh_ttl: REFRESH_TTL,
        },
        ..login("jo@example.org", PASSWORD)
    };
    let issued = house.auth.issuer.login(login, house.now()).await.unwrap();
    (house, client, issued)
}

fn refresh(client: &ClientId, issued: &Issued) -> Refresh {
    Refresh {
        client: Some(client.clone()),
        key: issued.key.clone().unwrap(),
        refresh: issued.refresh.clone().unwrap(),
        ip: None,
        access_ttl: ACCESS_TTL,
        refresh_ttl: REFRESH_TTL,
        replay_window: WINDOW,
    }
}

impl House {
    async fn refresh(&self, refresh: Refresh) -> Result<Issued, RefreshError> {
        self.auth.issuer.refresh(refresh, self.now()).await
    }

    async fn pair_is_good(&self, issued: &Issued) -> bool {
        let pair = Credential::pair(issued.key.clone().unwrap(), issued.token.clone()).unwrap();
        let found = self.auth.verifier.introspect(&pair, self.now()).await;
        found.unwrap().principal.is_some()
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.auth.follow_feed().await.unwrap();
    }
}

#[tokio::test]
async fn the_key_stays_and_the_tokens_change() {
    let (house, client, first) = keyed().await;
    house.pass(SECOND).await;
    let second = house.refresh(refresh(&client, &first)).await.unwrap();
    assert_eq!(second.key, first.key);
    assert_ne!(second.token, first.token);
    assert_ne!(second.refresh, first.refresh);
    assert_eq!(second.session, first.session);
    assert_eq!(second.expires_at, Some(house.now().wall.after(ACCESS_TTL)));
    assert!(house.pair_is_good(&second).await);
    let third = house.refresh(refresh(&client, &second)).await.unwrap();
    assert!(house.pair_is_good(&third).await);
}

#[tokio::test]
async fn a_replay_within_the_window_gets_the_same_answer_and_the_old_token_lives_that_long() {
    let (house, client, first) = keyed().await;
    assert!(house.pair_is_good(&first).await);
    let second = house.refresh(refresh(&client, &first)).await.unwrap();
    house.pass(29 * SECOND).await;
    let again = house.refresh(refresh(&client, &first)).await.unwrap();
    assert_eq!(again.token, second.token);
    assert_eq!(again.refresh, second.refresh);
    assert_eq!(again.expires_at, second.expires_at);
    assert!(house.pair_is_good(&first).await);
    house.pass(SECOND).await;
    assert!(!house.pair_is_good(&first).await);
    assert!(house.pair_is_good(&second).await);
}

#[tokio::test]
async fn reuse_after_the_window_ends_the_session_and_is_written_down() {
    let (house, client, first) = keyed().await;
    let second = house.refresh(refresh(&client, &first)).await.unwrap();
    assert!(house.pair_is_good(&second).await);
    house.pass(WINDOW + SECOND).await;
    let reused = house.refresh(refresh(&client, &first)).await;
    assert!(matches!(reused, Err(RefreshError::Unrecognized)));
    assert!(!house.pair_is_good(&second).await);
    let after = house.refresh(refresh(&client, &second)).await;
    assert!(matches!(after, Err(RefreshError::Unrecognized)));
    let reason = Some("refresh_reused".to_owned());
    let expected = ("refresh".to_owned(), "failure".to_owned(), reason);
    assert!(house.audited().await.contains(&expected));
    let text = house.metrics.render();
    for line in [
        "countersign_refreshes_total{outcome=\"rotated\"} 1",
        "countersign_refreshes_total{outcome=\"reused\"} 1",
        "countersign_refreshes_total{outcome=\"unknown\"} 1",
        "countersign_revocations_total{cause=\"refresh_reused\"} 1",
    ] {
        assert!(text.contains(line), "{line}");
    }
}

#[tokio::test]
async fn many_refreshes_at_once_are_one() {
    let (house, client, first) = keyed().await;
    let house = Arc::new(house);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let (house, refresh) = (Arc::clone(&house), refresh(&client, &first));
        tasks.spawn(async move { house.refresh(refresh).await.unwrap() });
    }
    let answers = tasks.join_all().await;
    assert!(
        answers
            .iter()
            .all(|issued| issued.token == answers[0].token)
    );
    assert!(
        answers
            .iter()
            .all(|issued| issued.refresh == answers[0].refresh)
    );
    assert!(house.pair_is_good(&answers[0]).await);
}

#[tokio::test]
async fn what_does_not_fit_together_is_refused_and_consumes_nothing() {
    let (house, client, issued) = keyed().await;
    let other_client = house.client("Other").await;
    let token = |kind| PlainToken::generate(kind);
    let good = || refresh(&client, &issued);
    let wrong = [
        Refresh {
            client: Some(other_client),
            ..good()
        },
        Refresh {
            client: None,
            ..good()
        },
        Refresh {
            key: token(TokenKind::Key),
            ..good()
        },
        Refresh {
            refresh: token(TokenKind::Refresh),
            ..good()
        },
        Refresh {
            refresh: issued.token.clone(),
            ..good()
        },
        Refresh {
            key: issued.token.clone(),
            ..good()
        },
    ];
    for (index, wrong) in wrong.into_iter().enumerate() {
        let refused = house.refresh(wrong).await;
        assert!(
            matches!(refused, Err(RefreshError::Unrecognized)),
            "{index}: {refused:?}"
        );
    }
    let unknown = house
        .refresh(Refresh {
            client: Some(ClientId::generate()),
            ..good()
        })
        .await;
    assert!(matches!(unknown, Err(RefreshError::UnknownClient)));
    assert!(house.refresh(good()).await.is_ok());
}

#[tokio::test]
async fn a_refresh_token_ends_with_its_time_and_its_session() {
    let (house, client, issued) = keyed().await;
    house.pass(REFRESH_TTL).await;
    let expired = house.refresh(refresh(&client, &issued)).await;
    assert!(matches!(expired, Err(RefreshError::Unrecognized)));
    let (house, client, issued) = keyed().await;
    house.revoke(issued.session).await;
    let ended = house.refresh(refresh(&client, &issued)).await;
    assert!(matches!(ended, Err(RefreshError::Unrecognized)));
}
