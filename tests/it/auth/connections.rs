//! Attempts to link an account elsewhere: how long they are good, and for whom.

use countersign::auth::connections::ATTEMPT_TTL;
use countersign::auth::openid::Attempt;

use super::*;

#[tokio::test]
async fn an_attempt_is_good_once_for_ten_minutes_and_as_long_as_its_session() {
    let house = House::new().await;
    house.account("jo@example.org").await;
    let sessions = [
        house.login("jo@example.org").await,
        house.login("jo@example.org").await,
    ];
    let [own, other] = sessions.map(|issued| issued.token);
    let [own, other] = [
        house.introspect(&own).await.unwrap().0.unwrap(),
        house.introspect(&other).await.unwrap().0.unwrap(),
    ];
    let connections = &house.auth.connections;
    let resumes = async |attempt: &Attempt, principal: &Principal| {
        let action = house.action();
        let resumed = connections.resume(attempt, principal, &action).await;
        resumed.unwrap()
    };
    let begin = async || {
        let attempt = Attempt::begin("there", "secret");
        let begun = connections.begin(&attempt, &own, &house.action()).await;
        assert!(begun.unwrap());
        Attempt::resume(attempt.state(), "there", "secret").unwrap()
    };
    assert!(
        !resumes(&Attempt::begin("there", "secret"), &own).await,
        "never begun"
    );
    let attempt = begin().await;
    assert!(!resumes(&attempt, &other).await, "another session");
    let attempt = begin().await;
    house.clock.advance(NINE_MINUTES);
    assert!(resumes(&attempt, &own).await);
    assert!(!resumes(&attempt, &own).await, "a second time");
    let attempt = begin().await;
    house.clock.advance(ATTEMPT_TTL);
    assert!(!resumes(&attempt, &own).await, "too late");
    let attempt = begin().await;
    house.revoke(own.session).await;
    assert!(!resumes(&attempt, &own).await, "the session ended");
    let again = connections.begin(&attempt, &own, &house.action()).await;
    assert!(!again.unwrap());
}

const NINE_MINUTES: Duration = Duration::from_mins(9);
