//! Connections that outlive their request end when what let them in ends.

use std::sync::Arc;
use std::time::Duration;

use countersign::gateway::Connections;
use countersign::model::audit::Actor;
use countersign::model::session::RevocationCause;
use countersign::store::Action;
use countersign::store::sessions::SessionSet;
use tokio::sync::{Notify, watch};

use super::{Request, World, start};

/// What the contract allows.
const BOUND: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_connection_of_a_revoked_session_is_cut_and_no_other() {
    let world = World::new().await;
    let connections = Arc::new(Connections::new(Arc::clone(&world.auth.verifier)));
    let mut held = Vec::new();
    let mut cuts = Vec::new();
    let mut sessions = Vec::new();
    for token in ["{access}", "{member}"] {
        let request = Request {
            method: "GET",
            target: "/root",
            host: "app.example",
            headers: &[("X-Auth", token)],
        };
        let admission = world.admit(request).await;
        let permit = admission.verdict.unwrap();
        let identity = permit.identity().unwrap();
        let cut = Arc::new(Notify::new());
        let credential = admission.trail.credential.as_ref().unwrap();
        held.push(connections.hold(identity, credential, Arc::clone(&cut)));
        cuts.push(cut);
        sessions.push(identity.principal.session);
    }
    let (_stop, stopped) = watch::channel(false);
    let (running, clock) = (Arc::clone(&connections), Arc::clone(&world.clock));
    tokio::spawn(async move { running.run(&*clock, stopped).await });
    let quiet = tokio::time::timeout(Duration::from_secs(1), cuts[0].notified()).await;
    assert!(quiet.is_err(), "cut before anything was revoked");
    let action = Action::new(start(), Actor::Operator, None);
    let ended = world
        .store
        .end_sessions(
            &SessionSet::One(sessions[0]),
            RevocationCause::Revoked,
            &action,
        )
        .await
        .unwrap();
    world.auth.verifier.forget(&ended.changes);
    tokio::time::timeout(BOUND, cuts[0].notified())
        .await
        .unwrap();
    let other = tokio::time::timeout(Duration::from_secs(1), cuts[1].notified()).await;
    assert!(other.is_err(), "cut though it is somebody else's");
}

#[tokio::test]
async fn what_was_revoked_between_the_decision_and_the_holding_is_cut_too() {
    let world = World::new().await;
    let connections = Arc::new(Connections::new(Arc::clone(&world.auth.verifier)));
    let request = Request {
        method: "GET",
        target: "/root",
        host: "app.example",
        headers: &[("X-Auth", "{access}")],
    };
    let admission = world.admit(request).await;
    let permit = admission.verdict.unwrap();
    let identity = permit.identity().unwrap();
    let action = Action::new(start(), Actor::Operator, None);
    let which = SessionSet::One(identity.principal.session);
    let ended = world
        .store
        .end_sessions(&which, RevocationCause::Logout, &action)
        .await
        .unwrap();
    world.auth.verifier.forget(&ended.changes);
    let cut = Arc::new(Notify::new());
    let credential = admission.trail.credential.as_ref().unwrap();
    let _held = connections.hold(identity, credential, Arc::clone(&cut));
    let (_stop, stopped) = watch::channel(false);
    let (running, clock) = (Arc::clone(&connections), Arc::clone(&world.clock));
    tokio::spawn(async move { running.run(&*clock, stopped).await });
    tokio::time::timeout(BOUND, cut.notified()).await.unwrap();
}
