//! What is done to accounts.

use countersign::auth::accounts::AccountError;
use countersign::model::account::{Group, Username};
use countersign::store::{Outbox, Thing, Unique};

use super::*;

fn draft(email: Option<&str>, username: Option<&str>) -> Draft {
    Draft {
        id: None,
        email: email.map(|email| Email::parse(email).unwrap()),
        username: username.map(|name| Username::parse(name).unwrap()),
        name: None,
        role: Role::member(),
        groups: vec![],
        password: None,
    }
}

#[tokio::test]
async fn an_account_needs_a_name_and_a_password_its_length() {
    let house = House::new().await;
    let (accounts, action) = (&house.auth.accounts, house.action());
    let nameless = accounts.add(draft(None, None), &action).await;
    assert!(matches!(nameless, Err(AccountError::Nameless)));
    let short = Draft {
        password: Some(Password::new("1234567")),
        ..draft(None, Some("jo"))
    };
    let short = accounts.add(short, &action).await;
    assert!(matches!(short, Err(AccountError::UnusablePassword(_))));
    let doubled = ["a", "b", "a"].map(|group| Group::parse(group).unwrap());
    let good = Draft {
        groups: doubled.into(),
        ..draft(None, Some("jo"))
    };
    let made = accounts.add(good, &action).await.unwrap();
    assert_eq!(made.groups.len(), 2);
    let taken = accounts.add(draft(None, Some("JO")), &action).await;
    let expected = StoreError::Conflict(Unique::Username);
    assert_eq!(taken.unwrap_err().to_string(), expected.to_string());
}

#[tokio::test]
async fn an_account_is_found_by_id_address_and_login_name() {
    let house = House::new().await;
    let (accounts, action) = (&house.auth.accounts, house.action());
    let made = accounts
        .add(draft(Some("jo@example.org"), Some("jo")), &action)
        .await
        .unwrap();
    for text in [made.id.as_str(), "JO@example.org", "Jo"] {
        let found = accounts.find(text).await.unwrap();
        assert_eq!(
            found.map(|account| account.id),
            Some(made.id.clone()),
            "{text}"
        );
    }
    assert!(accounts.find("al").await.unwrap().is_none());
}

#[tokio::test]
async fn a_new_password_ends_sessions_but_the_one_that_asked_and_named_tokens() {
    let house = House::new().await;
    let [(_, api)] = <[_; 1]>::try_from(house.api_tokens(1).await).unwrap();
    let (kept, ended) = (
        house.login("many@example.org").await,
        house.login("many@example.org").await,
    );
    let (accounts, action) = (&house.auth.accounts, house.action());
    let account = accounts.find("many@example.org").await.unwrap().unwrap();
    let password = Password::new("another password");
    let set = accounts.set_password(&account.id, password, Some(kept.session), &action);
    set.await.unwrap();
    for (token, expected) in [(&api, true), (&kept.token, true), (&ended.token, false)] {
        assert_eq!(house.is_good(token).await, expected);
    }
    assert!(house.try_login("many@example.org", PASSWORD).await.is_err());
    assert!(
        house
            .try_login("many@example.org", "another password")
            .await
            .is_ok()
    );
    let counted = "countersign_revocations_total{cause=\"password_changed\"} 1";
    assert!(house.metrics.render().contains(counted));
}

#[tokio::test]
async fn logging_out_everywhere_takes_named_tokens_too() {
    let house = House::new().await;
    let [(_, api)] = <[_; 1]>::try_from(house.api_tokens(1).await).unwrap();
    let login = house.login("many@example.org").await;
    let account = Arc::clone(&login.account);
    let ended = house
        .auth
        .sessions
        .revoke_all(&account.id, &house.action())
        .await;
    assert_eq!(ended.unwrap().len(), 2);
    for token in [&api, &login.token] {
        assert!(!house.is_good(token).await);
    }
}

#[tokio::test]
async fn a_named_token_has_its_scopes_and_ends_with_its_time() {
    use countersign::model::scope::Scope;
    let house = House::new().await;
    let account = house.account("jo@example.org").await;
    let token = ApiToken {
        account: account.id,
        label: "backup".into(),
        scopes: vec![Scope::parse("read").unwrap()],
        expires_at: Some(house.now().wall.after(SECOND)),
    };
    let (issuer, action) = (&house.auth.issuer, house.action());
    let (_, plain) = issuer
        .issue_api_token(token.clone(), &action)
        .await
        .unwrap();
    let (principal, _) = house.introspect(&plain).await.unwrap();
    assert_eq!(principal.unwrap().scopes.as_ref(), token.scopes);
    house.clock.advance(SECOND);
    assert!(!house.is_good(&plain).await);
    let nobodys = ApiToken {
        account: countersign::model::id::AccountId::generate(),
        ..token
    };
    let refused = issuer.issue_api_token(nobodys, &action).await;
    assert!(matches!(refused, Err(StoreError::Missing(Thing::Account))));
}

#[tokio::test]
async fn an_address_that_is_taken_stays_its_owners_who_gets_a_mail() {
    let house = House::new().await;
    house.account("owner@example.org").await;
    let account = house.account("jo@example.org").await;
    let (accounts, action) = (&house.auth.accounts, house.action());
    let taken = Email::parse("Owner@example.org").unwrap();
    let refused = accounts.update_email(&account.id, taken, &action).await;
    assert!(matches!(refused, Err(StoreError::Conflict(Unique::Email))));
    let free = Email::parse("jo@example.net").unwrap();
    let changed = accounts
        .update_email(&account.id, free, &action)
        .await
        .unwrap();
    assert_eq!(changed.email.unwrap().as_str(), "jo@example.org");
    assert_eq!(changed.pending_email.unwrap().as_str(), "jo@example.net");
    let now = house.now().wall;
    let mails = house
        .store
        .claim_mails(now, now.after(SECOND), 10)
        .await
        .unwrap();
    let to: Vec<_> = mails.iter().map(|queued| queued.mail.to.as_str()).collect();
    assert_eq!(to, ["Owner@example.org", "jo@example.net"]);
}
