//! Seed 001.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Answer, CLIENT, EMAIL, PASSWORD, World};

#[tokio::test]
async fn the_seeds_walk_key_for_key() {
    let world = World::with("[dialect.key_token]").await;
    let login = world.send("POST /users/token", &credentials()).await;
    assert_eq!(login.status, 200);
    assert_eq!(login.keys(), ["role", "key", "token", "refresh", "expires"]);
    let first = login.json();
    assert_eq!(first["role"], "member");
    assert_eq!(first["expires"], "2016-03-05T07:29:28Z", "14 days later");

    let basic_of_first = basic(&first);
    let fields = [("authorization", basic_of_first.as_str())];
    let user = world.ask("GET /users", &fields, "").await;
    assert_eq!(user.keys(), ["id", "email", "role"]);
    assert_eq!(user.json()["email"], EMAIL);

    world.clock.advance(Duration::from_hours(1));
    let refreshed = world
        .send("POST /users/token/refresh", &refresh(&first))
        .await;
    assert_eq!(refreshed.status, 200);
    assert_eq!(refreshed.keys(), ["key", "token", "refresh", "expires"]);
    let second = refreshed.json();
    assert_eq!(second["key"], first["key"]);
    assert_ne!(second["token"], first["token"]);
    assert_ne!(second["refresh"], first["refresh"]);
    assert_eq!(second["expires"], "2016-03-05T08:29:28Z");

    let out = json!({"client": CLIENT}).to_string();
    let basic_of_second = basic(&second);
    let fields = [
        ("authorization", basic_of_second.as_str()),
        ("content-type", "application/json"),
    ];
    world
        .ask("DELETE /users/token", &fields, &out)
        .await
        .is(204, "");
    assert_eq!(world.ask("GET /users", &fields, "").await.status, 401);
    assert_eq!(
        world.ask("DELETE /users/token", &fields, &out).await.status,
        401
    );
    let dead = world
        .send("POST /users/token/refresh", &refresh(&second))
        .await;
    assert_eq!(dead.status, 401);
}

#[tokio::test]
async fn registering_logs_in_and_the_address_stays_pending_until_its_link_is_opened() {
    let world = World::with("[dialect.key_token]").await;
    let body = json!({"client": CLIENT, "email": "New@Example.org", "password": PASSWORD});
    let answer = world.send("POST /users", &body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(
        answer.keys(),
        ["role", "key", "token", "refresh", "expires"]
    );
    let tokens = answer.json();
    let email = || async {
        let fields = [("authorization", basic(&tokens))];
        let fields = fields
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        world.ask("GET /users", &fields, "").await.json()["email"].clone()
    };
    assert_eq!(email().await, Value::Null);
    let mut again = credentials();
    again["email"] = json!("new@example.org");
    assert_eq!(world.send("POST /users/token", &again).await.status, 200);

    let link = world.link_in_mail_to("New@Example.org").await;
    let opened = world.ask(&format!("GET {link}"), &[], "").await;
    assert!(opened.text.contains("<form method=\"post\""), "{opened:?}");
    assert_eq!(email().await, Value::Null, "a preview opens links too");
    let (path, query) = link.split_once('?').unwrap();
    let fields = [("content-type", "application/x-www-form-urlencoded")];
    let done = world.ask(&format!("POST {path}"), &fields, query).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(email().await, "New@Example.org");
    let again = world.ask(&format!("POST {path}"), &fields, query).await;
    assert_eq!(again.status, 410, "{again:?}");
}

#[tokio::test]
async fn who_may_register_is_configured() {
    let body = json!({"client": CLIENT, "email": "new@example.org", "password": PASSWORD});
    let closed = World::with("[dialect.key_token]\nregistration = \"closed\"").await;
    closed.send("POST /users", &body).await.is(
        403,
        r#"{"error":"registration_closed","message":"registration is closed"}"#,
    );

    let invite = World::with("[dialect.key_token]\nregistration = \"invite\"").await;
    let uninvited = invite.send("POST /users", &body).await;
    assert_eq!(
        (uninvited.status.as_u16(), error(&uninvited)),
        (403, "invitation_needed".into())
    );
    let code = invite.invite("new@example.org").await;
    let mut invited = body.clone();
    invited["code"] = json!(code);
    let answer = invite.send("POST /users", &invited).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let fields = [("authorization", basic(&answer.json()))];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let user = invite.ask("GET /users", &fields, "").await.json();
    assert_eq!(
        user["email"], "new@example.org",
        "who was invited reads that mail"
    );
    invited["email"] = json!("other@example.org");
    assert_eq!(invite.send("POST /users", &invited).await.status, 403);
}

#[tokio::test]
async fn every_refused_registration_has_its_words() {
    let new = json!({"client": CLIENT, "email": "new@example.org", "password": PASSWORD});
    let short = "x".repeat(7);
    for (field, value, status, word) in [
        ("email", Some(EMAIL), 409, "email_taken"),
        ("email", Some("no address"), 422, "unusable_email"),
        ("password", Some(&*short), 422, "unusable_password"),
        ("client", Some("another"), 404, "unknown_client"),
        ("client", Some("no id!"), 404, "unknown_client"),
        ("password", None, 400, "malformed"),
    ] {
        refuses("POST /users", &but(&new, field, value), status, word).await;
    }
}

#[tokio::test]
async fn every_refused_login_and_refresh_has_its_words() {
    for (field, value, status, word) in [
        ("password", Some("wrong"), 401, "unauthorized"),
        ("password", Some(""), 401, "unauthorized"),
        ("email", Some("nobody@example.org"), 401, "unauthorized"),
        ("client", Some("another"), 404, "unknown_client"),
        ("client", Some("no id!"), 404, "unknown_client"),
        ("client", None, 400, "malformed"),
        ("email", None, 400, "malformed"),
        ("password", None, 400, "malformed"),
    ] {
        let body = but(&credentials(), field, value);
        refuses("POST /users/token", &body, status, word).await;
    }
    let nonsense = json!({"client": CLIENT, "key": "x", "refresh": "y"});
    for (body, status, word) in [
        (json!(["x"]), 400, "malformed"),
        (json!({"client": 7}), 400, "malformed"),
        (json!({"client": CLIENT}), 400, "malformed"),
        (
            but(&nonsense, "client", Some("no id!")),
            404,
            "unknown_client",
        ),
        (nonsense, 401, "unauthorized"),
    ] {
        refuses("POST /users/token/refresh", &body, status, word).await;
    }
}

#[tokio::test]
async fn a_missing_field_is_named_and_a_body_can_be_too_large() {
    let world = World::with("[dialect.key_token]").await;
    let body = but(&credentials(), "password", None);
    let missing = world.send("POST /users/token", &body).await;
    missing.is(
        400,
        r#"{"error":"malformed","message":"the field `password` is missing"}"#,
    );
    let large = json!({"email": "x".repeat(17_000)});
    let answer = world.send("POST /users/token", &large).await;
    assert_eq!(
        (answer.status.as_u16(), error(&answer)),
        (413, "too_large".into())
    );
}

#[tokio::test]
async fn without_a_good_key_and_token_it_is_401_with_a_challenge_unless_a_script_asks() {
    let world = World::with("[dialect.key_token]").await;
    let tokens = login(&world).await;
    let mixed = json!({"key": login(&world).await["key"], "token": tokens["token"]});
    let bearer = format!("Bearer {}", tokens["token"].as_str().unwrap());
    let someone_else = format!("Basic {}", STANDARD.encode("user:password"));
    for value in ["", &basic(&mixed), &bearer, &someone_else] {
        let mut fields = vec![("authorization", value)];
        fields.retain(|(_, value)| !value.is_empty());
        for request in ["GET /users", "PATCH /users", "DELETE /users/token"] {
            let answer = world.ask(request, &fields, "").await;
            assert_eq!(answer.status, 401, "{request} {value}");
            assert_eq!(
                answer.headers["www-authenticate"],
                "Basic realm=\"countersign\", charset=\"UTF-8\""
            );
        }
    }
    for script in [
        ("sec-fetch-mode", "cors"),
        ("x-requested-with", "XMLHttpRequest"),
    ] {
        let answer = world.ask("GET /users", &[script], "").await;
        assert_eq!(answer.status, 401);
        let challenge = answer.headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with("Bearer "), "{script:?}: {challenge}");
    }
    let twice = [("authorization", "Basic a"), ("authorization", "Basic b")];
    assert_eq!(world.ask("GET /users", &twice, "").await.status, 400);
    let broken = [("authorization", "Basic !!!")];
    assert_eq!(world.ask("GET /users", &broken, "").await.status, 400);
}

#[tokio::test]
async fn logging_out_needs_no_body_and_takes_no_other_client() {
    let world = World::with("[dialect.key_token]").await;
    let basic = basic(&login(&world).await);
    let fields = [("authorization", basic.as_str())];
    let other = world
        .ask("DELETE /users/token", &fields, "client=another")
        .await;
    assert_eq!(
        (other.status.as_u16(), error(&other)),
        (404, "unknown_client".into())
    );
    assert_eq!(world.ask("GET /users", &fields, "").await.status, 200);
    world
        .ask("DELETE /users/token", &fields, "")
        .await
        .is(204, "");
    assert_eq!(world.ask("GET /users", &fields, "").await.status, 401);
}

#[tokio::test]
async fn a_refresh_is_repeatable_within_its_window_and_reuse_later_ends_the_session() {
    let world = World::with("[dialect.key_token]").await;
    let first = login(&world).await;
    let successor = world
        .send("POST /users/token/refresh", &refresh(&first))
        .await;
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(9));
        let replay = world
            .send("POST /users/token/refresh", &refresh(&first))
            .await;
        assert_eq!(
            (replay.status, &replay.text),
            (successor.status, &successor.text)
        );
        assert_eq!(
            is_good(&world, &first).await,
            200,
            "the old access token lives as long"
        );
        assert_eq!(is_good(&world, &successor.json()).await, 200);
    }
    world.clock.advance(Duration::from_secs(3));
    assert_eq!(is_good(&world, &first).await, 401, "30 s are over");
    assert_eq!(is_good(&world, &successor.json()).await, 200);

    let reuse = world
        .send("POST /users/token/refresh", &refresh(&first))
        .await;
    assert_eq!(
        (reuse.status.as_u16(), error(&reuse)),
        (401, "unauthorized".into())
    );
    assert_eq!(
        is_good(&world, &successor.json()).await,
        401,
        "the session is ended"
    );
    let next = world
        .send("POST /users/token/refresh", &refresh(&successor.json()))
        .await;
    assert_eq!(next.status, 401);
}

#[tokio::test]
async fn refreshes_at_the_same_time_all_get_the_same_successor() {
    let world = World::with("[dialect.key_token]").await;
    let first = refresh(&login(&world).await);
    let all = tokio::join!(
        world.send("POST /users/token/refresh", &first),
        world.send("POST /users/token/refresh", &first),
        world.send("POST /users/token/refresh", &first),
        world.send("POST /users/token/refresh", &first),
    );
    for answer in [&all.1, &all.2, &all.3] {
        assert_eq!(answer.text, all.0.text);
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn a_refresh_needs_its_own_key_and_client() {
    let world = World::with("[dialect.key_token]").await;
    world.add_client("another").await;
    let first = login(&world).await;
    let mut of_another_client = refresh(&first);
    of_another_client["client"] = json!("another");
    let mut with_another_key = refresh(&first);
    with_another_key["key"] = login(&world).await["key"].clone();
    for body in [of_another_client, with_another_key] {
        let answer = world.send("POST /users/token/refresh", &body).await;
        assert_eq!(answer.status, 401, "{body}");
    }
    let good = world
        .send("POST /users/token/refresh", &refresh(&first))
        .await;
    assert_eq!(good.status, 200, "a refused refresh uses nothing up");
}

#[tokio::test]
async fn tokens_end_when_they_say() {
    let config = "[dialect.key_token]\naccess_ttl = \"1h\"\nrefresh_ttl = \"2h\"";
    let world = World::with(config).await;
    let first = login(&world).await;
    assert_eq!(first["expires"], "2016-02-20T08:29:28Z");
    world.clock.advance(Duration::from_secs(3_599));
    assert_eq!(is_good(&world, &first).await, 200);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(is_good(&world, &first).await, 401);
    world.clock.advance(Duration::from_secs(3_599));
    let late = world
        .send("POST /users/token/refresh", &refresh(&first))
        .await;
    assert_eq!(late.status, 200);
    world.clock.advance(Duration::from_hours(2));
    let too_late = world
        .send("POST /users/token/refresh", &refresh(&late.json()))
        .await;
    assert_eq!(too_late.status, 401);
}

#[tokio::test]
async fn a_changed_address_is_pending_and_a_taken_one_refused() {
    let world = World::with("[dialect.key_token]").await;
    world.add_account("other@example.org", PASSWORD).await;
    let basic = basic(&login(&world).await);
    let fields = [
        ("authorization", basic.as_str()),
        ("content-type", "application/json"),
    ];
    for (email, status) in [
        ("other@example.org", 409),
        ("nonsense", 422),
        ("OTHER@example.org", 409),
    ] {
        let body = json!({"email": email}).to_string();
        assert_eq!(
            world.ask("PATCH /users", &fields, &body).await.status,
            status,
            "{email}"
        );
    }
    let body = json!({"email": "jo@new.example"}).to_string();
    let changed = world.ask("PATCH /users", &fields, &body).await;
    assert_eq!(changed.status, 200);
    assert_eq!(changed.keys(), ["id", "email", "role"]);
    assert_eq!(changed.json()["email"], EMAIL, "until the link is opened");
    let _ = world.link_in_mail_to("jo@new.example").await;
    assert_eq!(world.ask("PATCH /users", &fields, "{}").await.status, 400);
}

#[tokio::test]
async fn without_mail_a_changed_address_counts_at_once() {
    let world = World::with("[dialect.key_token]\n[accounts]\nconfirm_email = false").await;
    let basic = basic(&login(&world).await);
    let fields = [("authorization", basic.as_str())];
    let changed = world
        .ask("PATCH /users", &fields, "email=jo%40new.example")
        .await;
    assert_eq!(changed.status, 200);
    assert_eq!(changed.json()["email"], "jo@new.example");
}

#[tokio::test]
async fn too_many_failures_are_429_with_retry_after() {
    let world = World::with("[dialect.key_token]\n[throttle]\nper_account = \"2/5m\"").await;
    let mut wrong = credentials();
    wrong["password"] = json!("wrong");
    for _ in 0..2 {
        assert_eq!(world.send("POST /users/token", &wrong).await.status, 401);
    }
    let answer = world.send("POST /users/token", &credentials()).await;
    assert_eq!(
        (answer.status.as_u16(), error(&answer)),
        (429, "too_many_attempts".into())
    );
    assert!(answer.headers.contains_key("retry-after"));
}

/// `Authorization: Basic` of an answer's key and token.
pub(super) fn basic(tokens: &Value) -> String {
    let half = |name: &str| tokens[name].as_str().unwrap().to_owned();
    let pair = format!("{}:{}", half("key"), half("token"));
    format!("Basic {}", STANDARD.encode(pair))
}

pub(super) async fn login(world: &World) -> Value {
    world.send("POST /users/token", &credentials()).await.json()
}

async fn is_good(world: &World, tokens: &Value) -> u16 {
    let basic = basic(tokens);
    let fields = [("authorization", basic.as_str())];
    world.ask("GET /users", &fields, "").await.status.as_u16()
}

fn credentials() -> Value {
    json!({"client": CLIENT, "email": EMAIL, "password": PASSWORD})
}

/// The same with another value in one field, or without it.
fn but(body: &Value, field: &str, value: Option<&str>) -> Value {
    let mut body = body.clone();
    let fields = body.as_object_mut().unwrap();
    match value {
        Some(value) => fields.insert(field.to_owned(), json!(value)),
        None => fields.remove(field),
    };
    body
}

async fn refuses(request: &str, body: &Value, status: u16, error_word: &str) {
    let world = World::with("[dialect.key_token]").await;
    let answer = world.send(request, body).await;
    let said = (answer.status.as_u16(), error(&answer));
    assert_eq!(said, (status, error_word.to_owned()), "{request} {body}");
    assert_eq!(answer.keys(), ["error", "message"]);
}

fn refresh(tokens: &Value) -> Value {
    json!({"client": CLIENT, "key": tokens["key"], "refresh": tokens["refresh"]})
}

fn error(answer: &Answer) -> String {
    answer.json()["error"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}
