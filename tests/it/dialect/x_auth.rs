//! Seed 003.

use std::task::Poll;
use std::time::Duration;

use serde_json::json;

use super::{Answer, CLIENT, EMAIL, PASSWORD, World};

const UNRECOGNIZED: &str =
    r#"{"meta":{"code":404,"text":"Unrecognized Credentials"},"data":false}"#;
const INVALID: &str =
    r#"{"meta":{"code":403,"more":false},"data":"Invalid Authentication Supplied"}"#;
const INACTIVE: &str = r#"{"meta":{"code":200},"data":{"account":false,"is_active":false,"updated_at":false,"updated_unix":false}}"#;

#[tokio::test]
async fn the_seeds_walk_key_for_key() {
    let world = World::with("[dialect.x_auth]").await;
    let form = "client_guid=3f2504e0-4f89-41d3-9a0c-0305e82c3301&acctname=jo%40example.org&acctpass=correct+horse+battery%20staple";
    let fields = [("content-type", "application/x-www-form-urlencoded")];
    let answer = world.ask("POST /auth/login", &fields, form).await;
    let token = token_of(&answer);
    answer.is(
        200,
        &format!(r#"{{"meta":{{"code":200}},"data":{{"token":"{token}"}}}}"#),
    );

    let status = world
        .ask("GET /auth/status", &[("authorization", &token)], "")
        .await;
    let id = status.json()["data"]["account"]["id"].clone();
    status.is(
        200,
        &format!(
            r#"{{"meta":{{"code":200}},"data":{{"account":{{"id":{id},"email":"jo@example.org","name":null,"role":"member","created_at":"2016-02-20T07:29:28Z"}},"is_active":true,"updated_at":"2016-02-20T07:29:28Z","updated_unix":1455953368}}}}"#
        ),
    );

    world
        .ask("POST /auth/logout", &[("authorization", &token)], "")
        .await
        .is(
            200,
            r#"{"meta":{"code":200},"data":{"is_active":false,"updated_at":"2016-02-20T07:29:28Z","updated_unix":1455953368}}"#,
        );
    let again = [("authorization", token.as_str())];
    world
        .ask("POST /auth/logout", &again, "")
        .await
        .is(403, INVALID);
    world
        .ask("GET /auth/status", &again, "")
        .await
        .is(200, INACTIVE);
}

#[tokio::test]
async fn a_token_is_taken_bare_as_x_auth_and_as_bearer() {
    let world = World::with("[dialect.x_auth]").await;
    let token = login(&world).await;
    for (name, value) in [
        ("authorization", token.clone()),
        ("authorization", format!("Bearer {token}")),
        ("x-auth", token.clone()),
    ] {
        let answer = world.ask("GET /auth/status", &[(name, &value)], "").await;
        assert_eq!(answer.json()["data"]["is_active"], true, "{name}: {value}");
    }
}

#[tokio::test]
async fn a_token_that_is_none_is_inactive_and_cannot_log_out() {
    let world = World::with("[dialect.x_auth]\n[dialect.key_token]").await;
    let pair = super::key_token::basic(&super::key_token::login(&world).await);
    let mut damaged = login(&world).await;
    damaged.replace_range(
        10..11,
        if damaged[10..].starts_with('A') {
            "B"
        } else {
            "A"
        },
    );
    for fields in [
        vec![],
        vec![("authorization", damaged.as_str())],
        vec![("authorization", "somebody-elses")],
        vec![("x-auth", "csa_")],
        vec![("authorization", pair.as_str())],
        vec![("cookie", "countersign=csb_x")],
    ] {
        world
            .ask("GET /auth/status", &fields, "")
            .await
            .is(200, INACTIVE);
        world
            .ask("POST /auth/logout", &fields, "")
            .await
            .is(403, INVALID);
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_a_login_it_is_unrecognized() {
    let world = World::with("[dialect.x_auth]").await;
    for (client, name, password) in [
        ("another", EMAIL, PASSWORD),
        ("not an id!", EMAIL, PASSWORD),
        ("", EMAIL, PASSWORD),
        (CLIENT, "nobody@example.org", PASSWORD),
        (CLIENT, EMAIL, "wrong"),
        (CLIENT, EMAIL, ""),
        (CLIENT, "", ""),
    ] {
        let body = json!({"client_guid": client, "acctname": name, "acctpass": password});
        world
            .send("POST /auth/login", &body)
            .await
            .is(404, UNRECOGNIZED);
    }
}

#[tokio::test]
async fn an_account_that_refuses_the_client_is_unrecognized_until_it_allows_it() {
    let world = World::with("[dialect.x_auth]").await;
    let token = login(&world).await;
    world.set_refused(true).await;
    world
        .send("POST /auth/login", &credentials())
        .await
        .is(404, UNRECOGNIZED);
    world
        .ask("GET /auth/status", &[("x-auth", &token)], "")
        .await
        .is(200, INACTIVE);
    world.set_refused(false).await;
    let _ = login(&world).await;
}

#[tokio::test]
async fn a_missing_field_is_named_and_a_malformed_request_is_400() {
    let world = World::with("[dialect.x_auth]").await;
    for field in ["client_guid", "acctname", "acctpass"] {
        let mut body = credentials();
        body.as_object_mut().unwrap().remove(field);
        let expected = format!(
            r#"{{"meta":{{"code":400,"text":"the field `{field}` is missing"}},"data":false}}"#
        );
        world
            .send("POST /auth/login", &body)
            .await
            .is(400, &expected);
        body[field] = json!(7);
        assert_eq!(world.send("POST /auth/login", &body).await.status, 400);
    }
    let twice = [("authorization", "a"), ("x-auth", "b")];
    for request in ["POST /auth/logout", "GET /auth/status"] {
        let answer = world.ask(request, &twice, "").await;
        assert_eq!(answer.json()["meta"]["code"], 400, "{request}");
        assert_eq!(answer.json()["data"], false, "{request}");
    }
    let large = json!({"acctname": "x".repeat(17_000)});
    assert_eq!(world.send("POST /auth/login", &large).await.status, 413);
}

#[tokio::test]
async fn too_many_failures_are_429_for_that_network_and_time() {
    let world = World::with("[dialect.x_auth]\n[throttle]\nper_account = \"2/5m\"").await;
    let mut wrong = credentials();
    wrong["acctpass"] = json!("wrong");
    for _ in 0..2 {
        world
            .send("POST /auth/login", &wrong)
            .await
            .is(404, UNRECOGNIZED);
    }
    for body in [wrong, credentials()] {
        let answer = world.send("POST /auth/login", &body).await;
        assert_eq!(answer.status, 429);
        assert_eq!(answer.json()["meta"]["code"], 429);
        let wait: u64 = answer.headers["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((1..=300).contains(&wait), "{wait}");
    }
    let world = world.from([198, 51, 100, 1]);
    let _ = login(&world).await;
    let world = world.from([192, 0, 2, 1]);
    world.clock.advance(Duration::from_secs(301));
    let _ = login(&world).await;
}

#[tokio::test]
async fn when_too_many_passwords_wait_it_is_503_and_nobody_is_locked_out() {
    let world = World::with("[dialect.x_auth]\n[password]\nconcurrency = 1\nqueue = 1").await;
    let body = credentials();
    let logins = (0..8).map(|_| world.send("POST /auth/login", &body));
    let answers = futures_of(logins.collect()).await;
    let codes: Vec<_> = answers
        .iter()
        .map(|answer| answer.status.as_u16())
        .collect();
    assert!(codes.contains(&200) && codes.contains(&503), "{codes:?}");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(answer.json()["meta"]["code"], 503);
        assert!(answer.headers.contains_key("retry-after"));
    }
    let _ = login(&world).await;
}

#[tokio::test]
async fn bad_tokens_are_limited_per_network_and_lock_out_neither_good_ones_nor_logins() {
    let world = World::with("[dialect.x_auth]\n[throttle]\nper_ip = \"3/5m\"").await;
    let token = login(&world).await;
    let bad = [("x-auth", "csa_")];
    for _ in 0..3 {
        world
            .ask("GET /auth/status", &bad, "")
            .await
            .is(200, INACTIVE);
    }
    let limited = world.ask("GET /auth/status", &bad, "").await;
    assert_eq!(limited.status, 429);
    assert!(limited.headers.contains_key("retry-after"));
    assert_eq!(world.ask("POST /auth/logout", &bad, "").await.status, 429);
    let good = world
        .ask("GET /auth/status", &[("x-auth", &token)], "")
        .await;
    assert_eq!(good.json()["data"]["is_active"], true);
    let _ = login(&world).await;
    let elsewhere = world.from([198, 51, 100, 1]);
    elsewhere
        .ask("GET /auth/status", &bad, "")
        .await
        .is(200, INACTIVE);
}

#[tokio::test]
async fn old_clients_can_have_200_for_everything() {
    let world = World::with("[dialect.x_auth]\nhttp_status = \"always-200\"").await;
    let mut wrong = credentials();
    wrong["acctpass"] = json!("wrong");
    world
        .send("POST /auth/login", &wrong)
        .await
        .is(200, UNRECOGNIZED);
    world
        .ask("POST /auth/logout", &[], "")
        .await
        .is(200, INVALID);
    let bad = world.ask("POST /auth/login", &[], "{").await;
    assert_eq!(
        (bad.status.as_u16(), &bad.json()["meta"]["code"]),
        (200, &json!(400))
    );
}

#[tokio::test]
async fn a_token_does_not_expire_by_time_unless_it_is_configured_to() {
    for (config, lives) in [("", true), ("access_ttl = \"1h\"", false)] {
        let world = World::with(&format!("[dialect.x_auth]\n{config}")).await;
        let token = login(&world).await;
        world.clock.advance(Duration::from_secs(3_599));
        let is_active = || async {
            let answer = world
                .ask("GET /auth/status", &[("x-auth", &token)], "")
                .await;
            answer.json()["data"]["is_active"].clone()
        };
        assert_eq!(is_active().await, true, "{config}");
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(is_active().await, lives, "{config}");
        world.clock.advance(Duration::from_secs(1_000_000_000));
        assert_eq!(is_active().await, lives, "{config}");
    }
}

#[tokio::test]
async fn the_first_sign_in_into_a_client_mails_the_account_and_the_second_does_not() {
    let world = World::with("[dialect.x_auth]").await;
    for expected in [1, 1] {
        let _ = login(&world).await;
        assert_eq!(world.mails_to(EMAIL).await.len(), expected);
    }
}

#[tokio::test]
async fn a_prefix_and_a_host_move_the_dialect() {
    let world = World::with("[dialect.x_auth]\nprefix = \"/old\"\nhost = \"id.example\"").await;
    let endpoints: Vec<(Option<&str>, &str)> = world
        .mounted
        .endpoints
        .iter()
        .map(|endpoint| (endpoint.host.as_deref(), &*endpoint.path))
        .filter(|(_, path)| path.contains("auth"))
        .collect();
    let host = Some("id.example");
    assert_eq!(
        endpoints,
        [
            (host, "/old/auth/login"),
            (host, "/old/auth/logout"),
            (host, "/old/auth/status")
        ]
    );
}

/// Polls all of them by turns until all have answered.
async fn futures_of<F: Future<Output = Answer>>(futures: Vec<F>) -> Vec<Answer> {
    let mut waiting: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut answers = Vec::new();
    std::future::poll_fn(|context| {
        waiting.retain_mut(|future| match future.as_mut().poll(context) {
            Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
            Poll::Pending => true,
        });
        if waiting.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    answers
}

fn credentials() -> serde_json::Value {
    json!({"client_guid": CLIENT, "acctname": EMAIL, "acctpass": PASSWORD})
}

async fn login(world: &World) -> String {
    token_of(&world.send("POST /auth/login", &credentials()).await)
}

fn token_of(answer: &Answer) -> String {
    let body = answer.json();
    let token = body["data"]["token"].as_str();
    token.unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}
