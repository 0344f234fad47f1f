//! Logging in with a password.

use countersign::auth::import::{ImportMode, ImportRow};
use countersign::model::account::AccountStatus;
use countersign::store::Accounts;
use countersign::store::Outbox;
use countersign::store::accounts::{AccountKey, PasswordHash};

use super::*;

#[tokio::test]
async fn each_grant_gives_its_tokens_and_they_are_good() {
    let house = House::new().await;
    house.account("jo@example.org").await;
    let hour = 3600 * SECOND;
    for (grant, has_pair, ttl) in [
        (
            Grant::Keyed {
                access_ttl: hour,
                refresh_ttl: 2 * hour,
            },
            true,
            Some(hour),
        ),
        (Grant::Access { ttl: None }, false, None),
        (Grant::Access { ttl: Some(hour) }, false, Some(hour)),
        (Grant::Session { ttl: hour }, false, Some(hour)),
        (Grant::Browser { ttl: hour }, false, Some(hour)),
    ] {
        let login = Login {
            grant,
            ..login("jo@example.org", PASSWORD)
        };
        let issued = house.auth.issuer.login(login, house.now()).await.unwrap();
        assert_eq!(
            (issued.key.is_some(), issued.refresh.is_some()),
            (has_pair, has_pair)
        );
        let expires_at = ttl.map(|ttl| house.now().wall.after(ttl));
        assert_eq!(issued.expires_at, expires_at, "{grant:?}");
        let credential = match &issued.key {
            Some(key) => Credential::pair(key.clone(), issued.token.clone()),
            None => AuthMethod::ALL
                .into_iter()
                .find_map(|method| Credential::token(method, issued.token.clone())),
        };
        let verifier = &house.auth.verifier;
        let found = verifier.introspect(&credential.unwrap(), house.now()).await;
        let principal = found.unwrap().principal.unwrap();
        assert_eq!(principal.session, issued.session);
        assert_eq!(principal.expires_at, expires_at);
    }
}

#[tokio::test]
async fn whatever_is_wrong_the_answer_is_the_same_and_the_audit_record_knows() {
    let house = House::new().await;
    let client = house.client("App").await;
    let refusing = house.account("refusing@example.org").await;
    let disabled = house.account("disabled@example.org").await;
    house.account("jo@example.org").await;
    let (accounts, action) = (&house.auth.accounts, house.action());
    let status = AccountStatus::Disabled;
    accounts
        .set_status(&disabled.id, status, &action)
        .await
        .unwrap();
    let refused = house
        .auth
        .clients
        .set_refused(&refusing.id, &client, true, &action);
    refused.await.unwrap();
    let shadow = Draft {
        id: None,
        email: Some(Email::parse("shadow@example.org").unwrap()),
        username: None,
        name: None,
        role: Role::member(),
        groups: vec![],
        password: None,
    };
    accounts.add(shadow, &action).await.unwrap();
    for (email, password, reason) in [
        ("nobody@example.org", PASSWORD, "unknown_account"),
        ("jo@example.org", "wrong password", "wrong_password"),
        ("jo@example.org", "", "wrong_password"),
        ("disabled@example.org", PASSWORD, "disabled"),
        ("refusing@example.org", PASSWORD, "client_refused"),
        ("shadow@example.org", "", "no_password"),
    ] {
        let login = Login {
            client: Some(client.clone()),
            ..login(email, password)
        };
        let refused = house.auth.issuer.login(login, house.now()).await;
        assert!(matches!(refused, Err(LoginError::Unrecognized)), "{reason}");
        let last = house.audited().await.pop().unwrap();
        let expected = (
            "login".to_owned(),
            "failure".to_owned(),
            Some(reason.to_owned()),
        );
        assert_eq!(last, expected);
    }
    let counted = "countersign_logins_total{dialect=\"x_auth\",outcome=\"failure\",reason=\"unrecognized\"} 6";
    assert!(house.metrics.render().contains(counted));
}

#[tokio::test]
async fn an_unknown_client_is_said_to_be_before_anything_of_the_account() {
    let house = House::new().await;
    for email in ["jo@example.org", "nobody@example.org"] {
        let login = Login {
            client: Some(ClientId::generate()),
            ..login(email, PASSWORD)
        };
        let refused = house.auth.issuer.login(login, house.now()).await;
        assert!(matches!(refused, Err(LoginError::UnknownClient)), "{email}");
    }
}

#[tokio::test]
async fn an_account_logs_in_by_either_name_however_it_is_typed() {
    let house = House::new().await;
    house.account("Jo@Example.org").await;
    for typed in ["jo@example.org", " JO@EXAMPLE.ORG ", "ｊｏ@example.org"] {
        assert!(house.try_login(typed, PASSWORD).await.is_ok(), "{typed}");
    }
}

#[tokio::test]
async fn a_login_that_failed_ten_times_is_limited_for_everybody_alike_and_a_success_is_not_counted()
{
    let house = House::new().await;
    house.account("jo@example.org").await;
    for email in ["jo@example.org", "nobody@example.org"] {
        for _ in 0..10 {
            let refused = house.try_login(email, "wrong password").await;
            assert!(matches!(refused, Err(LoginError::Unrecognized)));
            if email == "jo@example.org" {
                // Ends no count of failures, and adds none.
                let _ = house.try_login(email, PASSWORD).await;
            }
        }
        let limited = house.try_login(email, "wrong password").await;
        let Err(LoginError::Throttled { retry_after }) = limited else {
            panic!("{email}: {limited:?}");
        };
        assert_eq!(retry_after, 300 * SECOND, "{email}");
    }
    house.clock.advance(300 * SECOND);
    assert!(house.try_login("jo@example.org", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_store_that_is_gone_is_an_error_and_counts_as_nobodys_failure() {
    let house = House::new().await;
    house.account("jo@example.org").await;
    house.store.set_gone(true);
    for _ in 0..20 {
        let failed = house.try_login("jo@example.org", PASSWORD).await;
        assert!(matches!(failed, Err(LoginError::Store(_))));
    }
    house.store.set_gone(false);
    assert!(house.try_login("jo@example.org", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_hash_of_another_system_is_replaced_at_the_first_login() {
    let house = House::new().await;
    let old = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    let row = ImportRow {
        line: 1,
        email: Some("jo@example.org".to_owned()),
        password_hash: Some(PasswordHash::new(old)),
        ..ImportRow::default()
    };
    let (accounts, action) = (&house.auth.accounts, house.action());
    let imported = accounts
        .import(vec![Ok(row)], ImportMode::Atomic, &action)
        .await;
    let id = imported.unwrap().added.pop().unwrap().id;
    let stored = || async {
        let key = AccountKey::Id(id.clone());
        let secret = house.store.account_secret(&key).await.unwrap().unwrap();
        secret.password.unwrap().expose().to_owned()
    };
    assert!(house.try_login("jo@example.org", "wrong").await.is_err());
    assert_eq!(stored().await, old);
    assert!(house.try_login("jo@example.org", "U*U").await.is_ok());
    assert!(stored().await.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
    assert!(house.try_login("jo@example.org", "U*U").await.is_ok());
}

#[tokio::test]
async fn the_first_sign_in_to_an_application_mails_the_account_and_the_second_does_not() {
    let house = House::new().await;
    house.account("jo@example.org").await;
    let client = house.client("App").await;
    for (tries, mails) in [(1, 1), (2, 0)] {
        let login = Login {
            client: Some(client.clone()),
            ..login("jo@example.org", PASSWORD)
        };
        house.auth.issuer.login(login, house.now()).await.unwrap();
        let now = house.now().wall;
        let claimed = house
            .store
            .claim_mails(now, now.after(3600 * SECOND), 10)
            .await;
        let claimed = claimed.unwrap();
        assert_eq!(claimed.len(), mails, "login {tries}");
        assert!(
            claimed
                .iter()
                .all(|queued| queued.mail.text.contains("App"))
        );
    }
}

#[tokio::test]
async fn the_work_is_the_same_for_an_account_that_is_not_there() {
    let house = House::over(
        Arc::new(Gated::new()),
        Arc::new(ManualClock::at(Timestamp::default())),
        "[throttle]\nper_account = \"1000/5m\"\nper_ip = \"1000/5m\"\n",
    );
    house.account("jo@example.org").await;
    let measure = |email: &'static str| {
        let house = &house;
        async move {
            let mut took = vec![];
            for _ in 0..31 {
                let started = std::time::Instant::now();
                assert!(house.try_login(email, "wrong password").await.is_err());
                took.push(started.elapsed());
            }
            took.sort();
            took[15]
        }
    };
    let (known, unknown) = (
        measure("jo@example.org").await,
        measure("al@example.org").await,
    );
    let ratio = known.as_secs_f64() / unknown.as_secs_f64();
    // Without the wasted hash one of them is many times faster.
    assert!((0.4..2.5).contains(&ratio), "{known:?} and {unknown:?}");
}
