//! Why a request was decided as it was.
#![expect(clippy::too_many_lines, reason = "a table")]

use std::net::IpAddr;

use countersign::clock::Clock;
use countersign::gateway::Asked;
use countersign::gateway::explain::{Explanation, Verdict};
use http::Method;

use super::World;

async fn explain(world: &World, target: &str, fields: &[(&str, &str)]) -> Explanation {
    let headers = world.headers(fields);
    let asked = Asked {
        method: &Method::GET,
        target: target.as_bytes(),
        host: Some("app.example"),
        headers: &headers,
        peer: IpAddr::from([127, 0, 0, 1]),
        is_tls: false,
        certificate: None,
    };
    world.gateway.explain(&asked, world.clock.now()).await
}

/// The step that a walk stopped at.
fn stopped(explanation: &Explanation) -> &'static str {
    let stop = [Verdict::Stopped, Verdict::Overlooked];
    let at = explanation
        .steps
        .iter()
        .position(|step| stop.contains(&step.verdict));
    let Some(at) = at else { return "nowhere" };
    let (before, after) = (&explanation.steps[..at], &explanation.steps[at + 1..]);
    assert!(before.iter().all(|step| step.verdict == Verdict::Passed));
    let is_overlooked = explanation.steps[at].verdict == Verdict::Overlooked;
    assert!(is_overlooked || after.iter().all(|step| step.verdict == Verdict::NotReached));
    explanation.steps[at].name
}

#[tokio::test]
async fn an_explanation_names_the_step_and_the_answer() {
    let world = World::new().await;
    for (target, fields, route, kind, step, status) in [
        ("/pub/", &[][..], Some("public"), "none", "nowhere", None),
        (
            "/root",
            &[("X-Auth", "{access}")],
            Some("root"),
            "x-auth",
            "nowhere",
            None,
        ),
        ("/a//b", &[], None, "none", "request", Some(400)),
        ("/nowhere", &[], None, "none", "route", Some(404)),
        (
            "/root",
            &[("Authorization", "Bearer")],
            Some("root"),
            "none",
            "credential",
            Some(400),
        ),
        ("/root", &[], Some("root"), "none", "credential", Some(401)),
        (
            "/root",
            &[("Sec-Fetch-Mode", "navigate")],
            Some("root"),
            "none",
            "credential",
            Some(302),
        ),
        (
            "/root",
            &[("Authorization", "Digest x")],
            Some("root"),
            "foreign",
            "introspection",
            Some(401),
        ),
        (
            "/roles",
            &[("X-Auth", "{member}")],
            Some("roles"),
            "x-auth",
            "role",
            Some(403),
        ),
        (
            "/adm",
            &[("X-Auth", "{access}")],
            Some("elevated"),
            "x-auth",
            "elevation",
            Some(401),
        ),
        (
            "/shadow",
            &[("X-Auth", "{member}")],
            Some("shadow"),
            "x-auth",
            "role",
            None,
        ),
    ] {
        let explanation = explain(&world, target, fields).await;
        let told = (
            explanation.route.as_deref(),
            explanation.kind,
            stopped(&explanation),
            explanation.status,
            explanation.upstream.is_some(),
        );
        assert_eq!(
            told,
            (route, kind, step, status, status.is_none()),
            "{target} {fields:?}"
        );
    }
}

#[tokio::test]
async fn an_explanation_shows_the_head_that_would_go_upstream_without_its_secrets() {
    let world = World::new().await;
    let fields = [
        ("Authorization", "Digest secret"),
        ("Cookie", "__Host-countersign={browser}; a=secret"),
        ("X-Forwarded-User", "root"),
    ];
    let upstream = explain(&world, "/pass/x?y", &fields)
        .await
        .upstream
        .unwrap();
    assert_eq!(&*upstream.target, "/pass/x?y");
    let value = |name: &str| {
        let field = upstream.fields.iter().find(|(own, _)| own == name);
        field.map(|(_, value)| value.to_str().unwrap())
    };
    assert_eq!(value("x-forwarded-user"), Some("jo"));
    assert_eq!(value("authorization"), Some("(redacted)"));
    assert_eq!(value("cookie"), Some("(redacted)"));
    let signed = explain(&world, "/signed", &[("X-Auth", "{access}")]).await;
    let all = format!("{:?}", signed.upstream.unwrap().fields);
    assert!(
        all.contains("\"x-countersign-assertion\", \"(redacted)\""),
        "{all}"
    );
    assert!(!world.metrics.render().contains("countersign_auth_decisions_total{kind=\"x-auth\",outcome=\"permit\",reason=\"ok\",route=\"signed\"} 1"));
}
