//! Seed 002.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::auth::accounts::Draft;
use countersign::auth::issuer::{ApiToken, Grant, Login};
use countersign::auth::password::Password;
use countersign::clock::Clock;
use countersign::gateway::{Asked, Refusal};
use countersign::model::account::{Role, Username};
use countersign::model::connection::Connection;
use countersign::model::id::{AccountId, ConnectionId, SessionId};
use countersign::model::policy::Denial;
use countersign::model::principal::Principal;
use countersign::model::session::{Dialect, Session};
use countersign::model::token::{PlainToken, TokenKind};
use countersign::store::SharedStore;
use countersign::store::sessions::NewToken;
use http::{HeaderMap, HeaderName, Method};
use serde_json::{Value, json};

use super::{Answer, CLIENT, EMAIL, PASSWORD, World};
use crate::auth::gated::Gated;

const SPOKEN: &str = "[dialect.id_api]";
const EAT: &str = "elevated-access-token";
const ASK: &str = "POST /api/eat/request-verification";
const EXCHANGE: &str = "POST /api/eat/verify-code";
const VERIFY: &str = "GET /api/eat/verify";
const ME: &str = "GET /api/users/@me";
const UPDATE: &str = "POST /api/users/@me/update-email";
const ASSOCIATE: &str = "POST /api/users/@me/associate-password";
const ALL: [&str; 7] = [
    ME,
    "GET /api/users/@me/connections",
    UPDATE,
    ASSOCIATE,
    ASK,
    EXCHANGE,
    VERIFY,
];

#[tokio::test]
async fn the_seeds_walk_key_for_key() {
    let world = World::with(SPOKEN).await;
    let jo = world.session().await;
    world.ask(ASK, &[jo.field()], "").await.is(202, "");
    let code = world.code().await;
    let id = world.auth.accounts.find(EMAIL).await.unwrap().unwrap().id;
    let exchanged = jo.exchange(&world, &code).await;
    assert_eq!(exchanged.status, 200);
    assert_eq!(exchanged.keys(), ["id", "user_id", "token", "expires_at"]);
    let token = exchanged.json();
    assert_eq!(token["user_id"], id.as_str());
    assert_eq!(
        token["expires_at"], "2016-02-20T07:39:28Z",
        "10 minutes later"
    );
    assert!(token["token"].as_str().unwrap().starts_with("cse_"));
    let fields = [jo.field(), (EAT, token["token"].as_str().unwrap())];
    world.ask(VERIFY, &fields, "").await.is(
        200,
        &format!(r#"{{"user_id":"{id}","expires_at":"2016-02-20T07:39:28Z"}}"#),
    );
    let stored = world.principal_of(token["token"].as_str().unwrap()).await;
    assert_eq!(token["id"], stored.token.unwrap().to_string());

    world.clock.advance(Duration::from_secs(599));
    assert_eq!(world.ask(VERIFY, &fields, "").await.status, 200);
    world.clock.advance(Duration::from_secs(1));
    not_elevated(&world.ask(VERIFY, &fields, "").await);
}

#[tokio::test]
async fn i_am_told_who_i_am_key_for_key() {
    let world = World::with(SPOKEN).await;
    let id = world.auth.accounts.find(EMAIL).await.unwrap().unwrap().id;
    let me = world.session().await;
    world.ask(ME, &[me.field()], "").await.is(
        200,
        &format!(
            r#"{{"id":"{id}","email":"jo@example.org","pending_email":null,"name":null,"username":null,"role":"member","shadow":false,"created_at":"2016-02-20T07:29:28Z"}}"#
        ),
    );
    let shadow = world.shadow("al").await;
    world.ask(ME, &[shadow.field()], "").await.is(
        200,
        r#"{"id":"id-of-al","email":null,"pending_email":null,"name":"The al","username":"al","role":"admin","shadow":true,"created_at":"2016-02-20T07:29:28Z"}"#,
    );
}

#[tokio::test]
async fn i_am_told_my_connections_alone() {
    let world = World::with(SPOKEN).await;
    let (jo, al) = (world.session().await, world.shadow("al").await);
    let mut ids = Vec::new();
    for (whose, there, name) in [
        (EMAIL, "1", Some("jo at github")),
        (EMAIL, "2", None),
        ("al", "3", None),
    ] {
        let link = Connection {
            id: ConnectionId::generate(),
            account: world.auth.accounts.find(whose).await.unwrap().unwrap().id,
            provider: "github".into(),
            provider_user_id: there.into(),
            name: name.map(Into::into),
            linked_at: world.clock.now().wall,
        };
        let (connections, action) = (&world.auth.connections, world.action());
        connections.add(&link, &action).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
        ids.push(link.id);
    }
    let request = "GET /api/users/@me/connections";
    world.ask(request, &[jo.field()], "").await.is(
        200,
        &format!(
            r#"[{{"id":"{}","provider":"github","provider_user_id":"1","name":"jo at github","linked_at":"2016-02-20T07:29:28Z"}},{{"id":"{}","provider":"github","provider_user_id":"2","name":null,"linked_at":"2016-02-20T07:29:29Z"}}]"#,
            ids[0], ids[1]
        ),
    );
    let als = world.ask(request, &[al.field()], "").await.json();
    assert_eq!(als.as_array().unwrap().len(), 1);
    assert_eq!(als[0]["id"], ids[2].to_string());
}

#[tokio::test]
async fn every_primary_credential_is_taken_and_elevates_itself() {
    let world = World::with("[dialect.id_api]\nprefix = \"/id\"").await;
    let access = world.open(Grant::Access { ttl: None }).await;
    let ttl = Duration::from_hours(1);
    let session = world.open(Grant::Session { ttl }).await;
    let browser = world.open(Grant::Browser { ttl }).await;
    let keyed = world
        .open(Grant::Keyed {
            access_ttl: ttl,
            refresh_ttl: ttl,
        })
        .await;
    let account = world.auth.accounts.find(EMAIL).await.unwrap().unwrap().id;
    let api = ApiToken {
        account,
        label: "a script".into(),
        scopes: vec![],
        expires_at: None,
    };
    let (_, api) = world
        .auth
        .issuer
        .issue_api_token(api, &world.action())
        .await
        .unwrap();
    for (name, value) in [
        ("authorization", format!("Bearer {access}")),
        ("authorization", access.clone()),
        ("x-auth", access.clone()),
        ("authorization", format!("Bearer {session}")),
        ("authorization", format!("Bearer {}", api.expose())),
        ("authorization", format!("Basic {}", STANDARD.encode(keyed))),
        ("cookie", format!("countersign={browser}")),
    ] {
        let own_page = ("sec-fetch-site", "same-origin");
        let fields = [(name, value.as_str()), own_page];
        let me = world.ask("GET /id/api/users/@me", &fields[..1], "").await;
        assert_eq!(me.json()["email"], EMAIL, "{name}: {value}");
        let asked = world.ask("POST /id/api/eat/request-verification", &fields, "");
        asked.await.is(202, "");
        let body = format!("code={}", world.code().await);
        let token = world
            .ask("POST /id/api/eat/verify-code", &fields, &body)
            .await;
        let token = token.json()["token"].as_str().unwrap().to_owned();
        let beside = [fields[0], (EAT, token.as_str())];
        let verified = world.ask("GET /id/api/eat/verify", &beside, "").await;
        assert_eq!(verified.status, 200, "{name}: {value}");
        world.clock.advance(Duration::from_mins(5));
    }
}

#[tokio::test]
async fn without_a_good_credential_nothing_is_answered_but_a_challenge() {
    let world = World::with(SPOKEN).await;
    let ended = world.session().await;
    world.logout(&ended).await;
    let elevated = PlainToken::generate(TokenKind::Elevated);
    let unknown = PlainToken::generate(TokenKind::Access);
    let dead = PlainToken::generate(TokenKind::Browser);
    let bearer = |token: &PlainToken| format!("Bearer {}", token.expose());
    let cookie = format!("countersign={}", dead.expose());
    let missing = r#"Bearer realm="countersign""#;
    let rejected = r#"Bearer realm="countersign", error="invalid_token""#;
    for (name, value, challenge) in [
        ("x-other", "y".to_owned(), missing),
        (EAT, elevated.expose().to_owned(), missing),
        ("cookie", cookie, missing),
        ("cookie", "countersign=junk".to_owned(), missing),
        ("authorization", "somebody-elses".to_owned(), rejected),
        ("authorization", bearer(&unknown), rejected),
        ("authorization", bearer(&elevated), rejected),
        ("authorization", "csa_damaged".to_owned(), rejected),
        ("authorization", ended.0.clone(), rejected),
    ] {
        for request in ALL {
            let answer = world.ask(request, &[(name, &value)], "").await;
            assert_eq!(answer.status, 401, "{request} {name}: {value}");
            assert_eq!(answer.json()["error"], "unauthorized");
            assert_eq!(answer.keys(), ["error", "message"]);
            let lines: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
            assert_eq!(lines, [challenge], "{request} {name}: {value}");
            let cleared = answer
                .headers
                .get("set-cookie")
                .map(|c| c.to_str().unwrap());
            let expected = "countersign=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax";
            assert_eq!(cleared, (name == "cookie").then_some(expected), "{value}");
        }
    }
    let jo = world.session().await;
    for doubled in [
        [jo.field(), jo.field()],
        [jo.field(), ("x-auth", "csa_x")],
        [("authorization", "Bearer a b"), ("x-other", "y")],
    ] {
        for request in ALL {
            let answer = world.ask(request, &doubled, "").await;
            assert_eq!(
                (answer.status.as_u16(), &answer.json()["error"]),
                (400, &json!("malformed"))
            );
        }
    }
}

#[tokio::test]
async fn a_cookie_changes_nothing_for_a_page_of_another_origin() {
    let world = World::with(SPOKEN).await;
    let ttl = Duration::from_hours(1);
    let cookie = format!("countersign={}", world.open(Grant::Browser { ttl }).await);
    let cookie = ("cookie", cookie.as_str());
    let host = ("host", "id.example");
    for beside in [
        &[][..],
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[
            ("sec-fetch-site", "same-origin"),
            ("origin", "http://evil.example"),
        ],
        &[("authorization", "somebody-elses")],
    ] {
        let fields = [&[cookie, host], beside].concat();
        for request in [UPDATE, ASSOCIATE, ASK, EXCHANGE] {
            let answer = world.ask(request, &fields, "email=new@example.org").await;
            assert_eq!(answer.status, 403, "{request} {beside:?}");
            assert_eq!(answer.json()["error"], "cross_site");
        }
        assert_eq!(world.ask(ME, &fields, "").await.status, 200, "{beside:?}");
    }
    assert!(world.mails_to(EMAIL).await.is_empty());
    for beside in [
        ("origin", "http://id.example"),
        ("sec-fetch-site", "same-origin"),
    ] {
        let answer = world.ask(ASK, &[cookie, host, beside], "").await;
        assert_eq!(answer.status, 202, "{beside:?}");
    }
    // A header is no cookie: no page of another origin makes a browser send it.
    let jo = world.session().await;
    let fields = [jo.field(), cookie, ("origin", "http://evil.example")];
    assert_eq!(world.ask(ASK, &fields, "").await.status, 202);
}

#[tokio::test]
async fn an_address_is_taken_in_and_one_that_is_taken_is_answered_alike() {
    let world = World::with(SPOKEN).await;
    world.add_account("al@example.org", PASSWORD).await;
    world.auth.follow_feed().await.unwrap();
    let jo = world.session().await;
    let update = async |email: &str| jo.post(&world, UPDATE, &json!({"email": email})).await;
    let pending = async || world.ask(ME, &[jo.field()], "").await.json()["pending_email"].clone();
    update("new@example.org").await.is(202, "");
    assert_eq!(pending().await, "new@example.org");
    assert_eq!(world.mails_to("new@example.org").await.len(), 1);
    update("al@example.org").await.is(202, "");
    assert_eq!(pending().await, "al@example.org");
    let told = world.mails_to("al@example.org").await;
    assert!(
        told.len() == 1 && told[0].contains("Another account"),
        "{told:?}"
    );
    for (body, status, error) in [
        (json!({"email": "no address"}), 422, "unusable_email"),
        (json!({"email": ""}), 422, "unusable_email"),
        (json!({}), 400, "malformed"),
        (json!({"email": 1}), 400, "malformed"),
        (json!({"email": "x".repeat(17_000)}), 413, "too_large"),
    ] {
        let answer = jo.post(&world, UPDATE, &body).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]),
            (status, &json!(error))
        );
    }
    for _ in 0..8 {
        assert_eq!(update("al@example.org").await.status, 202);
    }
    limited(&update("al@example.org").await, "300");
}

#[tokio::test]
async fn no_answer_tells_whether_an_address_is_another_accounts() {
    let world = World::with(
        "[dialect.id_api]\n[dialect.x_auth]\n[dialect.key_token]\nregistration = \"closed\"",
    )
    .await;
    world
        .add_account("al@example.org", "the password of al")
        .await;
    world.auth.follow_feed().await.unwrap();
    let jo = world.session().await;
    let fields = [("content-type", "application/json")];
    let ask =
        async |request: &str, body: Value| world.ask(request, &fields, &body.to_string()).await;
    let mut seen = Vec::new();
    for address in ["al@example.org", "xy@example.org"] {
        let mut answers = vec![
            jo.post(&world, UPDATE, &json!({"email": address})).await,
            world.ask(ME, &[jo.field()], "").await,
        ];
        for password in [PASSWORD, "not the password"] {
            let x_auth = json!({"client_guid": CLIENT, "acctname": address, "acctpass": password});
            answers.push(ask("POST /auth/login", x_auth).await);
            let keyed = json!({"client": CLIENT, "email": address, "password": password});
            answers.push(ask("POST /users/token", keyed).await);
        }
        answers.push(world.ask(ME, &[jo.field()], "").await);
        let statuses: Vec<_> = answers.iter().map(|it| it.status.as_u16()).collect();
        assert_eq!(statuses, [202, 200, 200, 200, 404, 401, 200], "{address}");
        let token = answers[2].json()["data"]["token"].clone();
        let bearer = format!("Bearer {}", token.as_str().unwrap());
        let who = world.ask(ME, &[("authorization", &bearer)], "").await;
        assert_eq!(who.json()["email"], EMAIL, "each logs in to their own");
        let told = answers.iter().map(|answer| {
            let text = without_tokens(&answer.text).replace(address, "ADDRESS");
            format!("{} {:?} {text}", answer.status, answer.headers)
        });
        seen.push(told.collect::<Vec<_>>());
    }
    assert_eq!(seen[0], seen[1]);
    assert!(
        seen[0][1].contains("\"pending_email\":\"ADDRESS\""),
        "{:?}",
        seen[0]
    );
    let owner = json!({"client_guid": CLIENT, "acctname": "al@example.org", "acctpass": "the password of al"});
    assert_eq!(ask("POST /auth/login", owner).await.status, 200);
}

#[tokio::test]
async fn a_mail_is_in_the_language_of_the_request_that_caused_it() {
    let german = "[dialect.id_api]\n[mail]\nlanguage = \"de\"";
    for (config, accepted, says) in [
        (SPOKEN, None, "asked from 192.0.2.1 for this code"),
        (SPOKEN, Some("*"), "asked from 192.0.2.1 for this code"),
        (
            SPOKEN,
            Some("fr, de;q=0.5"),
            "hat von 192.0.2.1 aus nach diesem Code gefragt",
        ),
        (
            german,
            None,
            "hat von 192.0.2.1 aus nach diesem Code gefragt",
        ),
        (
            german,
            Some("fr"),
            "hat von 192.0.2.1 aus nach diesem Code gefragt",
        ),
        (german, Some("en-GB"), "asked from 192.0.2.1 for this code"),
    ] {
        let world = World::with(config).await;
        world.auth.follow_feed().await.unwrap();
        let jo = world.session().await;
        let mut fields = vec![jo.field()];
        fields.extend(accepted.map(|accepted| ("accept-language", accepted)));
        world.ask(ASK, &fields, "").await.is(202, "");
        let mails = world.mails_to(EMAIL).await;
        assert!(mails[0].contains(says), "{accepted:?}: {mails:?}");
        // Whoever's address was given is told in the asker's language too: nobody knows theirs.
        world.add_account("al@example.org", PASSWORD).await;
        let given = json!({"email": "al@example.org"}).to_string();
        fields.push(("content-type", "application/json"));
        world.ask(UPDATE, &fields, &given).await.is(202, "");
        let told = world.mails_to("al@example.org").await;
        let is_german = told[0].contains("Ein anderes Konto");
        assert_eq!(is_german, says.starts_with("hat"), "{told:?}");
    }
}

/// A text with every token of ours replaced.
fn without_tokens(text: &str) -> String {
    let mut parts = text.split("\"cs");
    let mut left = parts.next().unwrap().to_owned();
    for part in parts {
        let (_, rest) = part.split_once('"').unwrap();
        left.extend(["\"TOKEN\"", rest]);
    }
    left
}

#[tokio::test]
async fn a_shadow_account_gets_a_password_once() {
    let world = World::with(SPOKEN).await;
    world.auth.follow_feed().await.unwrap();
    let (al, other) = (
        world.shadow("al").await,
        world.session_of_shadow("al").await,
    );
    let associate = async |who: &Shown, password: &str| {
        let answer = who
            .post(&world, ASSOCIATE, &json!({"password": password}))
            .await;
        (answer.status.as_u16(), answer.text)
    };
    let (status, text) = associate(&al, "1234567").await;
    assert!(
        status == 422 && text.contains("unusable_password"),
        "{text}"
    );
    assert_eq!(associate(&al, PASSWORD).await, (204, String::new()));
    assert!(world.login("al", PASSWORD).await.is_some());
    let me = world.ask(ME, &[al.field()], "").await;
    assert_eq!(me.json()["shadow"], false, "this session goes on");
    assert_eq!(world.ask(ME, &[other.field()], "").await.status, 401);
    for (who, password) in [
        (&al, "another password"),
        (&al, "1234567"),
        (&world.session().await, "another password"),
    ] {
        let (status, text) = associate(who, password).await;
        assert!(status == 409 && text.contains("password_exists"), "{text}");
    }
    assert!(world.login("al", "another password").await.is_none());
    assert!(world.login(EMAIL, PASSWORD).await.is_some());
}

#[tokio::test]
async fn of_two_first_passwords_at_once_one_is_taken() {
    // Slow enough that both are looked at before either is set.
    let slow = "[password]\nmemory = \"16MiB\"\niterations = 3";
    let world = World::with(&format!("{SPOKEN}\n{slow}")).await;
    let al = world.shadow("al").await;
    let (one, other) = (
        json!({"password": "password one"}),
        json!({"password": "password two"}),
    );
    let (one, other) = tokio::join!(
        al.post(&world, ASSOCIATE, &one),
        al.post(&world, ASSOCIATE, &other)
    );
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409]);
}

#[tokio::test]
async fn a_code_is_read_however_it_is_typed() {
    let world = World::with(SPOKEN).await;
    let jo = world.session().await;
    for typed in [
        |code: &str| code.to_lowercase(),
        |code: &str| code.replace('-', ""),
        |code: &str| format!(" {} ", code.replace('-', " - ")),
    ] {
        assert_eq!(world.ask(ASK, &[jo.field()], "").await.status, 202);
        let answer = jo.exchange(&world, &typed(&world.code().await)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[tokio::test]
async fn a_wrong_code_is_refused_and_five_of_them_end_the_right_one() {
    let world = World::with(SPOKEN).await;
    let [jo, other] = [world.session().await, world.session().await];
    world.ask(ASK, &[jo.field()], "").await.is(202, "");
    let code = world.code().await;
    for body in [json!({}), json!({"code": 1}), json!({"code": null})] {
        let answer = jo.post(&world, EXCHANGE, &body).await;
        assert_eq!(answer.status, 400, "and is no try: {answer:?}");
    }
    for (who, typed) in [
        (&jo, "00000000"),
        (&jo, "no code"),
        (&jo, ""),
        (&other, &code),
        (&other, "ZZZZ-ZZZZ"),
    ] {
        wrong(&who.exchange(&world, typed).await);
    }
    for who in [&jo, &other] {
        limited(&who.exchange(&world, &code).await, "300");
    }
    world.ask(ASK, &[jo.field()], "").await.is(202, "");
    let newer = world.code().await;
    assert_eq!(jo.exchange(&world, &newer).await.status, 200);
}

#[tokio::test]
async fn a_code_is_good_for_its_time_once_and_until_there_is_a_newer_one() {
    let world = World::with(SPOKEN).await;
    let [jo, other] = [world.session().await, world.session().await];
    let ask = async |who: &Shown| {
        world.ask(ASK, &[who.field()], "").await.is(202, "");
        world.code().await
    };
    let (old, newer) = (ask(&jo).await, ask(&jo).await);
    wrong(&jo.exchange(&world, &old).await);
    wrong(&other.exchange(&world, &newer).await);
    assert_eq!(jo.exchange(&world, &newer).await.status, 200);
    wrong(&jo.exchange(&world, &newer).await);
    let late = ask(&jo).await;
    world.clock.advance(Duration::from_mins(5));
    wrong(&jo.exchange(&world, &late).await);
    let in_time = ask(&jo).await;
    world.clock.advance(Duration::from_secs(299));
    assert_eq!(jo.exchange(&world, &in_time).await.status, 200);
}

#[tokio::test]
async fn fifteen_wrong_codes_an_hour_are_all_an_account_has() {
    let world = World::with(SPOKEN).await;
    let [jo, other] = [world.session().await, world.session().await];
    for (who, _) in [&jo, &other, &jo].into_iter().zip(0..3) {
        for _ in 0..5 {
            wrong(&who.exchange(&world, "00000000").await);
        }
    }
    world.ask(ASK, &[other.field()], "").await.is(202, "");
    let code = world.code().await;
    for who in [&jo, &other] {
        limited(&who.exchange(&world, &code).await, "3600");
    }
    world.clock.advance(Duration::from_hours(1));
    world.ask(ASK, &[other.field()], "").await.is(202, "");
    let code = world.code().await;
    assert_eq!(other.exchange(&world, &code).await.status, 200);
}

#[tokio::test]
async fn a_fourth_mail_in_five_minutes_is_refused() {
    let world = World::with(SPOKEN).await;
    let [jo, other] = [world.session().await, world.session().await];
    for who in [&jo, &other, &jo] {
        world.ask(ASK, &[who.field()], "").await.is(202, "");
        world.clock.advance(Duration::from_secs(10));
    }
    for who in [&jo, &other] {
        limited(&world.ask(ASK, &[who.field()], "").await, "270");
    }
    assert_eq!(world.mails_to(EMAIL).await.len(), 3);
    world.clock.advance(Duration::from_secs(270));
    world.ask(ASK, &[other.field()], "").await.is(202, "");
}

#[tokio::test]
async fn a_mail_server_that_is_down_changes_no_answer_and_the_mail_waits() {
    let down = "[mail]\ntransport = \"smtp\"\nurl = \"smtp://localhost:1\"";
    let world = World::with(&format!("{SPOKEN}\n{down}")).await;
    let jo = world.session().await;
    world.ask(ASK, &[jo.field()], "").await.is(202, "");
    assert_eq!(world.mails_to(EMAIL).await.len(), 1);
}

#[tokio::test]
async fn who_cannot_be_mailed_is_told_so() {
    let world = World::with(SPOKEN).await;
    let off = World::with(&format!("{SPOKEN}\n[mail]\ntransport = \"none\"")).await;
    for (world, who) in [
        (&world, world.shadow("al").await),
        (&off, off.session().await),
    ] {
        let answer = world.ask(ASK, &[who.field()], "").await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]),
            (409, &json!("unmailable"))
        );
    }
    let al = world.shadow("bo").await;
    let pending = json!({"email": "pending@example.org"});
    assert_eq!(al.post(&world, UPDATE, &pending).await.status, 202);
    let answer = world.ask(ASK, &[al.field()], "").await;
    assert_eq!(answer.status, 409, "nobody proved that address");
}

#[tokio::test]
async fn an_elevated_token_opens_an_elevated_route_for_its_session_alone() {
    let world = World::with(&format!("{SPOKEN}\n{ELEVATED_ROUTE}")).await;
    world.auth.follow_feed().await.unwrap();
    let [jo, other] = [world.session().await, world.session().await];
    let mut tokens = Vec::new();
    for who in [&jo, &other] {
        world.ask(ASK, &[who.field()], "").await.is(202, "");
        let token = who.exchange(&world, &world.code().await).await.json();
        tokens.push(token["token"].as_str().unwrap().to_owned());
    }
    let max_age = Duration::from_mins(5);
    let needed = Err(Denial::ElevationMissing { max_age });
    assert_eq!(world.admit(&[jo.field()]).await, needed);
    assert_eq!(world.admit(&[jo.field(), (EAT, &tokens[0])]).await, Ok(()));
    assert_eq!(world.admit(&[jo.field(), (EAT, &tokens[1])]).await, needed);
    not_elevated(
        &world
            .ask(VERIFY, &[jo.field(), (EAT, &tokens[1])], "")
            .await,
    );
    world.clock.advance(max_age);
    world.auth.follow_feed().await.unwrap();
    assert_eq!(world.admit(&[jo.field(), (EAT, &tokens[0])]).await, Ok(()));
    world.clock.advance(Duration::from_secs(1));
    world.auth.follow_feed().await.unwrap();
    assert_eq!(
        world.admit(&[jo.field(), (EAT, &tokens[0])]).await,
        needed,
        "too old"
    );
    let verified = world
        .ask(VERIFY, &[jo.field(), (EAT, &tokens[0])], "")
        .await;
    assert_eq!(verified.status, 200, "and not yet expired");
}

#[tokio::test]
async fn an_elevation_ends_with_its_session_at_once() {
    let world = World::with(&format!("{SPOKEN}\n{ELEVATED_ROUTE}")).await;
    world.auth.follow_feed().await.unwrap();
    let [jo, other] = [world.session().await, world.session().await];
    world.ask(ASK, &[jo.field()], "").await.is(202, "");
    let code = world.code().await;
    world.ask(ASK, &[other.field()], "").await.is(202, "");
    let unused = world.code().await;
    let token = jo.exchange(&world, &code).await.json();
    let token = token["token"].as_str().unwrap();
    assert_eq!(world.admit(&[jo.field(), (EAT, token)]).await, Ok(()));
    world.logout(&jo).await;
    let rejected = Err(Denial::CredentialRejected);
    assert_eq!(world.admit(&[jo.field(), (EAT, token)]).await, rejected);
    let needed = world.admit(&[other.field(), (EAT, token)]).await;
    assert!(matches!(needed, Err(Denial::ElevationMissing { .. })));
    assert_eq!(
        world
            .ask(VERIFY, &[jo.field(), (EAT, token)], "")
            .await
            .status,
        401
    );
    world.logout(&other).await;
    let ended = other.exchange(&world, &unused).await;
    assert_eq!(
        (ended.status.as_u16(), &ended.json()["error"]),
        (401, &json!("unauthorized"))
    );
}

#[tokio::test]
async fn what_is_no_elevated_token_of_this_session_is_none() {
    let world = World::with(SPOKEN).await;
    let jo = world.session().await;
    let unknown = PlainToken::generate(TokenKind::Elevated);
    not_elevated(&world.ask(VERIFY, &[jo.field()], "").await);
    for value in ["", "junk", jo.token(), unknown.expose()] {
        not_elevated(&world.ask(VERIFY, &[jo.field(), (EAT, value)], "").await);
    }
    let twice = [jo.field(), (EAT, unknown.expose()), (EAT, unknown.expose())];
    assert_eq!(world.ask(VERIFY, &twice, "").await.status, 400);
}

#[tokio::test]
async fn elevating_is_audited_and_counted() {
    let world = World::with(SPOKEN).await;
    let jo = world.session().await;
    world.ask(ASK, &[jo.field()], "").await.is(202, "");
    let code = world.code().await;
    wrong(&jo.exchange(&world, "00000000").await);
    assert_eq!(jo.exchange(&world, &code).await.status, 200);
    let records = world.store.audit(None).await.unwrap();
    let [.., wrong, good] = records.as_slice() else {
        panic!("{records:?}")
    };
    for (record, result, reason) in [
        (wrong, "failure", Some("wrong_code")),
        (good, "success", None),
    ] {
        assert_eq!((&*record.event, &*record.result), ("elevate", result));
        assert_eq!(record.reason.as_deref(), reason);
        assert_eq!(record.ip, Some(world.from));
        assert_eq!(Some(&*record.actor), record.user.as_deref());
    }
    let text = world.metrics.render();
    for (step, outcome) in [
        ("request", "success"),
        ("verify", "wrong"),
        ("verify", "success"),
    ] {
        let line =
            format!(r#"countersign_elevations_total{{outcome="{outcome}",step="{step}"}} 1"#);
        assert!(text.contains(&line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn a_store_that_is_gone_is_503_everywhere() {
    let gated = Arc::new(Gated::new());
    let store: SharedStore = Arc::<Gated>::clone(&gated);
    let world = World::over(store, SPOKEN).await;
    let jo = world.session().await;
    gated.set_gone(true);
    for request in ALL {
        let answer = world.ask(request, &[jo.field()], "").await;
        assert_eq!(answer.status, 503, "{request}");
        assert_eq!(answer.headers["retry-after"], "1");
    }
}

/// What a client shows: a whole `Authorization`.
struct Shown(String);

impl Shown {
    fn field(&self) -> (&str, &str) {
        ("authorization", &self.0)
    }

    fn token(&self) -> &str {
        self.0.trim_start_matches("Bearer ")
    }

    async fn post(&self, world: &World, request: &str, body: &Value) -> Answer {
        let fields = [self.field(), ("content-type", "application/json")];
        world.ask(request, &fields, &body.to_string()).await
    }

    async fn exchange(&self, world: &World, code: &str) -> Answer {
        self.post(world, EXCHANGE, &json!({"code": code})).await
    }
}

impl World {
    /// Logs in as the account of every test.
    async fn session(&self) -> Shown {
        Shown(format!(
            "Bearer {}",
            self.open(Grant::Access { ttl: None }).await
        ))
    }

    async fn login(&self, name: &str, password: &str) -> Option<String> {
        self.issue(name, password, Grant::Access { ttl: None })
            .await
    }

    /// Opens a session and gives its token, after its key if it has one.
    async fn open(&self, grant: Grant) -> String {
        self.issue(EMAIL, PASSWORD, grant).await.unwrap()
    }

    async fn issue(&self, name: &str, password: &str, grant: Grant) -> Option<String> {
        let login = Login {
            dialect: Dialect::ID_API,
            client: None,
            identifier: name.to_owned(),
            password: Password::new(password),
            code: None,
            ip: Some(self.from),
            language: None,
            grant,
        };
        let issued = self.auth.issuer.login(login, self.clock.now()).await.ok()?;
        let key = issued.key.map(|key| format!("{}:", key.expose()));
        Some(format!(
            "{}{}",
            key.unwrap_or_default(),
            issued.token.expose()
        ))
    }

    /// Makes a shadow account without an address, and a session of it.
    async fn shadow(&self, name: &str) -> Shown {
        let draft = Draft {
            id: Some(id_of(name)),
            email: None,
            username: Some(Username::parse(name).unwrap()),
            name: Some(format!("The {name}").into()),
            role: Role::parse("admin").unwrap(),
            groups: Vec::new(),
            password: None,
        };
        let made = self.auth.accounts.add(draft, &self.action()).await;
        made.unwrap();
        self.session_of_shadow(name).await
    }

    /// A shadow account has no password to log in with; what it has came from elsewhere.
    async fn session_of_shadow(&self, name: &str) -> Shown {
        let token = PlainToken::generate(TokenKind::Access);
        let now = self.clock.now().wall;
        let session = Session {
            id: SessionId::generate(),
            account: id_of(name),
            client: None,
            dialect: Dialect::ID_API.as_str().into(),
            label: None,
            scopes: Vec::new(),
            remote_ip: None,
            created_at: now,
            last_used_at: None,
            expires_at: None,
        };
        let stored = NewToken {
            digest: token.digest(),
            kind: TokenKind::Access,
            id: None,
            issued_at: now,
            expires_at: None,
        };
        let (store, action) = (&self.store, self.action());
        let opened = store.open_session(&session, &[stored], &action).await;
        assert!(opened.unwrap().is_some());
        Shown(format!("Bearer {}", token.expose()))
    }

    /// The code in the newest mail to the account of every test.
    async fn code(&self) -> String {
        let mails = self.mails_to(EMAIL).await;
        let is_code = |line: &&str| line.len() == 9 && line.as_bytes()[4] == b'-';
        let code = mails.last().unwrap().lines().find(is_code);
        code.unwrap().to_owned()
    }

    async fn logout(&self, who: &Shown) {
        let principal = self.principal_of(who.token()).await;
        let (issuer, now) = (&self.auth.issuer, self.clock.now());
        issuer.logout(&principal, None, now).await.unwrap();
    }

    async fn principal_of(&self, token: &str) -> Principal {
        let digest = PlainToken::parse(token).unwrap().digest();
        self.store.introspect(&digest).await.unwrap().unwrap()
    }

    /// What the gateway says of a request to the elevated route.
    async fn admit(&self, fields: &[(&str, &str)]) -> Result<(), Denial> {
        let headers: HeaderMap = fields
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        let asked = Asked {
            method: &Method::GET,
            target: b"/admin/x",
            host: Some("app.example"),
            headers: &headers,
            peer: self.from,
            is_tls: false,
            certificate: None,
        };
        match self.gateway.admit(&asked, self.clock.now()).await.verdict {
            Ok(_) => Ok(()),
            Err(Refusal::Denied(denial)) => Err(denial),
            Err(other) => panic!("{other}"),
        }
    }
}

fn id_of(name: &str) -> AccountId {
    AccountId::parse(&format!("id-of-{name}")).unwrap()
}

fn wrong(answer: &Answer) {
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(answer.json()["error"], "wrong_code");
    challenges_for_elevation(answer);
}

fn not_elevated(answer: &Answer) {
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(answer.json()["error"], "not_elevated");
    challenges_for_elevation(answer);
}

/// RFC 9470 §3; not `invalid_token`, after which a client would throw its credential away.
fn challenges_for_elevation(answer: &Answer) {
    let challenge = answer.headers["www-authenticate"].to_str().unwrap();
    for part in [
        "Bearer ",
        "insufficient_user_authentication",
        "max_age=\"600\"",
    ] {
        assert!(challenge.contains(part), "{challenge}");
    }
}

fn limited(answer: &Answer, retry_after: &str) {
    assert_eq!(answer.status, 429, "{answer:?}");
    assert_eq!(answer.json()["error"], "too_many_attempts");
    assert_eq!(answer.headers["retry-after"], retry_after);
}

const ELEVATED_ROUTE: &str = r#"
[[route]]
name = "admin"
path = "/admin"
upstream = "app"
access = "required"
accept = ["bearer"]
elevated = "5m"
"#;
