//! Making an account of one's own, and proving its address.

use countersign::auth::issuer::{RegisterError, Registration};
use countersign::config::dialect::Registration as Policy;
use countersign::store::Outbox;

use super::*;

/// Whether an error is the expected one.
type Refused = fn(&RegisterError) -> bool;

fn registration(email: &str) -> Registration {
    Registration {
        dialect: Dialect::KEY_TOKEN,
        policy: Policy::Open,
        client: None,
        email: email.to_owned(),
        password: Password::new(PASSWORD),
        invitation: None,
        ip: None,
        language: None,
    }
}

impl House {
    async fn register(&self, registration: Registration) -> Result<Issued, RegisterError> {
        let grant = Grant::Access { ttl: None };
        self.auth
            .issuer
            .register(registration, grant, self.now())
            .await
    }

    /// The token in the link of the newest mail to an address.
    async fn mailed_token(&self, to: &str) -> Option<PlainToken> {
        let now = self.now().wall;
        let mails = self
            .store
            .claim_mails(now, now.after(SECOND), 100)
            .await
            .unwrap();
        let mine = mails
            .iter()
            .rev()
            .find(|queued| queued.mail.to.as_str() == to)?;
        let (_, token) = mine.mail.text.split_once("?token=")?;
        PlainToken::parse(token.trim()).ok()
    }
}

#[tokio::test]
async fn an_address_is_pending_until_its_link_was_opened() {
    let house = House::new().await;
    let issued = house
        .register(registration("jo@example.org"))
        .await
        .unwrap();
    assert!(issued.account.email.is_none() && issued.account.pending_email.is_some());
    assert!(house.try_login("jo@example.org", PASSWORD).await.is_ok());
    let (principal, _) = house.introspect(&issued.token).await.unwrap();
    assert!(principal.unwrap().account.email.is_none());
    let link = house.mailed_token("jo@example.org").await.unwrap();
    let (accounts, action) = (&house.auth.accounts, house.action());
    assert!(
        accounts
            .confirm_email(&issued.token, &action)
            .await
            .unwrap()
            .is_none()
    );
    let confirmed = accounts
        .confirm_email(&link, &action)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(confirmed.email.unwrap().as_str(), "jo@example.org");
    let (principal, _) = house.introspect(&issued.token).await.unwrap();
    assert!(
        principal.unwrap().account.email.is_some(),
        "old tokens see it at once"
    );
    assert!(
        accounts
            .confirm_email(&link, &action)
            .await
            .unwrap()
            .is_none(),
        "only once"
    );
}

#[tokio::test]
async fn without_confirmation_an_address_counts_at_once() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_800_000_000)));
    let store = Arc::new(Gated::new());
    let house = House::over(store, clock, "[accounts]\nconfirm_email = false\n");
    let issued = house
        .register(registration("jo@example.org"))
        .await
        .unwrap();
    assert!(issued.account.email.is_some() && issued.account.pending_email.is_none());
    assert!(house.mailed_token("jo@example.org").await.is_none());
}

#[tokio::test]
async fn what_cannot_be_registered_is_refused_with_its_reason() {
    let house = House::new().await;
    house.account("taken@example.org").await;
    let given = || registration("jo@example.org");
    let cases: [(Registration, Refused); 7] = [
        (
            Registration {
                policy: Policy::Closed,
                ..given()
            },
            |e| matches!(e, RegisterError::Closed),
        ),
        (
            Registration {
                policy: Policy::Invite,
                ..given()
            },
            |e| matches!(e, RegisterError::InvitationMissing),
        ),
        (
            Registration {
                policy: Policy::Invite,
                invitation: Some(PlainToken::generate(
                    countersign::model::token::TokenKind::Link,
                )),
                ..given()
            },
            |e| matches!(e, RegisterError::InvitationMissing),
        ),
        (
            Registration {
                client: Some(ClientId::generate()),
                ..given()
            },
            |e| matches!(e, RegisterError::UnknownClient),
        ),
        (registration("not an address"), |e| {
            matches!(e, RegisterError::UnusableEmail(_))
        }),
        (
            Registration {
                password: Password::new("short"),
                ..given()
            },
            |e| matches!(e, RegisterError::UnusablePassword(_)),
        ),
        (registration("TAKEN@example.org"), |e| {
            matches!(e, RegisterError::EmailTaken)
        }),
    ];
    for (index, (registration, is_right)) in cases.into_iter().enumerate() {
        let error = house.register(registration).await.unwrap_err();
        assert!(is_right(&error), "{index}: {error:?}");
    }
    assert_eq!(house.auth.accounts.list().await.unwrap().len(), 1);
    assert!(house.register(given()).await.is_ok());
}

#[tokio::test]
async fn guessing_which_addresses_are_taken_is_limited() {
    let house = House::new().await;
    house.account("taken@example.org").await;
    for _ in 0..10 {
        let taken = house.register(registration("taken@example.org")).await;
        assert!(matches!(taken, Err(RegisterError::EmailTaken)));
    }
    let limited = house.register(registration("taken@example.org")).await;
    assert!(matches!(limited, Err(RegisterError::Throttled { .. })));
}

#[tokio::test]
async fn an_invitation_is_good_once_and_gives_its_role_and_address() {
    let house = House::new().await;
    let (accounts, action) = (&house.auth.accounts, house.action());
    let email = Email::parse("jo@example.org").unwrap();
    let role = Role::parse("staff").unwrap();
    let invited = accounts.invite(email, role, &action).await.unwrap();
    assert!(invited.is_mailed);
    let token = house.mailed_token("jo@example.org").await.unwrap();
    assert!(invited.link.as_str().ends_with(token.expose()));
    let with = |email: &str| Registration {
        policy: Policy::Invite,
        invitation: Some(token.clone()),
        ..registration(email)
    };
    let issued = house.register(with("jo@example.org")).await.unwrap();
    assert_eq!(issued.account.role.as_str(), "staff");
    assert!(
        issued.account.email.is_some(),
        "the invited address counts as confirmed"
    );
    let again = house.register(with("al@example.org")).await;
    assert!(matches!(again, Err(RegisterError::InvitationMissing)));
}

#[tokio::test]
async fn who_is_invited_at_one_address_and_registers_another_has_to_prove_it() {
    let house = House::new().await;
    let (accounts, action) = (&house.auth.accounts, house.action());
    let email = Email::parse("jo@example.org").unwrap();
    accounts
        .invite(email, Role::member(), &action)
        .await
        .unwrap();
    let invitation = house.mailed_token("jo@example.org").await;
    let registration = Registration {
        policy: Policy::Invite,
        invitation,
        ..registration("boss@example.org")
    };
    let issued = house.register(registration).await.unwrap();
    assert!(issued.account.email.is_none());
}
