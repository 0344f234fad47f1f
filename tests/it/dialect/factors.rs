//! Second factors: the security settings of `id_api`, and how logins of every JSON dialect ask for them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use countersign::clock::Clock;
use countersign::model::account::AccountStatus;
use countersign::model::factor::{CredentialId, SecurityKey};
use countersign::model::id::{AccountId, SecurityKeyId};
use countersign::store::Committed;
use countersign::store::factors::Removal;
use serde_json::{Value, json};

use super::{Answer, CLIENT, EMAIL, PASSWORD, World};
use crate::support::totp::code_of_app;

const DIALECTS: &str = "[dialect.key_token]\n[dialect.x_auth]\n[dialect.id_api]";
const LIST: &str = "GET /api/users/@me/factors";
const BEGIN: &str = "POST /api/users/@me/factors/totp";
const CONFIRM: &str = "POST /api/users/@me/factors/totp/confirm";
const REMOVE_TOTP: &str = "DELETE /api/users/@me/factors/totp";
const MAKE_CODES: &str = "POST /api/users/@me/factors/recovery-codes";
const REMOVE_CODES: &str = "DELETE /api/users/@me/factors/recovery-codes";
const EXCHANGE: &str = "POST /api/eat/verify-code";
/// When a code is good for the second time.
const STEP: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_settings_key_for_key() {
    let world = World::with(DIALECTS).await;
    let jo = world.elevated().await;
    let nothing = r#"{"totp":null,"keys":[],"recovery_codes":0}"#;
    jo.ask(&world, LIST, "").await.is(200, nothing);

    let begun = jo.ask(&world, BEGIN, "").await;
    assert_eq!(begun.status, 200);
    let setup = begun.json();
    let secret = setup["secret"].as_str().unwrap();
    let uri = format!(
        "otpauth://totp/127.0.0.1:jo@example.org?secret={secret}&issuer=127.0.0.1&algorithm=SHA1&digits=6&period=30"
    );
    assert_eq!(setup["uri"], uri);
    assert!(setup["qr"].as_str().unwrap().starts_with("<svg xmlns="));
    assert_eq!(setup.as_object().unwrap().len(), 3);
    jo.ask(&world, LIST, "").await.is(200, nothing);

    let code = json!({"code": world.app(secret)});
    jo.post(&world, CONFIRM, &code).await.is(204, "");
    let one = r#"{"totp":{"confirmed_at":"2016-02-20T07:29:28Z"},"keys":[],"recovery_codes":0}"#;
    jo.ask(&world, LIST, "").await.is(200, one);
    refused(&jo.ask(&world, BEGIN, "").await, 409, "factor_exists");
    refused(&jo.post(&world, CONFIRM, &code).await, 409, "factor_exists");

    let codes = recovery_codes(&jo.ask(&world, MAKE_CODES, "").await);
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), 10);
    for code in &codes {
        assert_eq!(code.len(), 19, "80 bits in four groups: {code}");
    }
    let list = jo.ask(&world, LIST, "").await.json();
    assert_eq!(list["recovery_codes"], 10);
    let mails = world.mails_to(EMAIL).await.join("\n");
    for told in [
        "An app that shows codes was set up",
        "New recovery codes were made",
    ] {
        assert_eq!(mails.matches(told).count(), 1, "{mails}");
    }
    assert!(!mails.contains(secret) && !mails.contains(&codes[0]));
}

#[tokio::test]
async fn an_app_counts_only_once_it_works() {
    let world = World::with(DIALECTS).await;
    let jo = world.elevated().await;
    let code = json!({"code": "123456"});
    refused(&jo.post(&world, CONFIRM, &code).await, 409, "not_begun");
    let first = jo.ask(&world, BEGIN, "").await.json();
    let second = jo.ask(&world, BEGIN, "").await.json();
    let of = |setup: &Value| world.app(setup["secret"].as_str().unwrap());
    for wrong in [of(&first), "x".to_owned(), String::new()] {
        let answer = jo.post(&world, CONFIRM, &json!({"code": wrong})).await;
        refused(&answer, 401, "wrong_code");
    }
    assert_eq!(world.log_in(None).await.status, 200, "nobody is asked yet");
    let code = json!({"code": of(&second)});
    jo.post(&world, CONFIRM, &code).await.is(204, "");
    refused(&world.log_in(None).await, 401, "second_factor_required");
    // The code that confirmed is used.
    refused(&world.log_in(Some(&of(&second))).await, 401, "wrong_code");
    world.clock.advance(STEP);
    assert_eq!(world.log_in(Some(&of(&second))).await.status, 200);
}

#[tokio::test]
async fn settings_change_only_beside_an_elevated_token_of_the_same_session() {
    let world = World::with(DIALECTS).await;
    world.add_account("al@example.org", PASSWORD).await;
    let jo = world.elevated().await;
    let other_session = world.elevated().await;
    let stranger = world.elevated_as("al@example.org").await;
    let ended = world.elevated().await;
    world.end(&ended).await;
    let key = world.add_key(EMAIL).await;
    jo.ask(&world, MAKE_CODES, "").await;
    let before = jo.ask(&world, LIST, "").await.text;
    let key_path = format!("/api/users/@me/factors/keys/{key}");
    let changes = [
        (BEGIN.to_owned(), ""),
        (CONFIRM.to_owned(), r#"{"code":"123456"}"#),
        (REMOVE_TOTP.to_owned(), ""),
        (MAKE_CODES.to_owned(), ""),
        (REMOVE_CODES.to_owned(), ""),
        (format!("PATCH {key_path}"), r#"{"name":"x"}"#),
        (format!("DELETE {key_path}"), ""),
    ];
    for (request, body) in &changes {
        for token in [
            None,
            Some(&*other_session.elevation),
            Some(&*stranger.elevation),
            Some(&*ended.elevation),
            Some("cse_x"),
            Some(jo.bearer.trim_start_matches("Bearer ")),
        ] {
            let mut fields = vec![("authorization", &*jo.bearer), JSON];
            fields.extend(token.map(|token| (EAT, token)));
            refused(
                &world.ask(request, &fields, body).await,
                401,
                "not_elevated",
            );
        }
        let nobody = world
            .ask(request, &[(EAT, &*jo.elevation), JSON], body)
            .await;
        refused(&nobody, 401, "unauthorized");
    }
    world.clock.advance(Duration::from_mins(10));
    for (request, body) in &changes {
        let late = world.ask(request, &jo.fields(), body).await;
        refused(&late, 401, "not_elevated");
    }
    assert_eq!(jo.ask(&world, LIST, "").await.text, before);
}

#[tokio::test]
async fn a_key_token_login_says_what_is_missing_and_takes_it() {
    let world = World::with(DIALECTS).await;
    let (_, secret) = world.with_app().await;
    let sessions = world.sessions().await;
    world.log_in(None).await.is(
        401,
        r#"{"error":"second_factor_required","message":"a code of a second factor is needed: send the same request with it as code","factors":["totp"]}"#,
    );
    refused(&world.log_in(Some("000000")).await, 401, "wrong_code");
    refused(&world.log_in(Some("")).await, 401, "wrong_code");
    assert_eq!(
        world.sessions().await,
        sessions,
        "none before the second step"
    );
    // A wrong password says nothing of factors, with and without a code.
    let code = world.app(&secret);
    for code in [None, Some(&*code)] {
        let answer = world.log_in_as(EMAIL, "wrong", code).await;
        answer.is(
            401,
            r#"{"error":"unauthorized","message":"the credentials are not good"}"#,
        );
    }
    let good = world.log_in(Some(&code)).await;
    assert_eq!(good.status, 200, "{good:?}");
    assert_eq!(good.keys(), ["role", "key", "token", "refresh", "expires"]);
    assert_eq!(world.sessions().await, sessions + 1);
    refused(&world.log_in(Some(&code)).await, 401, "wrong_code");
    let tokens = good.json();
    let body = json!({"client": CLIENT, "key": tokens["key"], "refresh": tokens["refresh"]});
    let refreshed = world.send("POST /users/token/refresh", &body).await;
    assert_eq!(refreshed.status, 200, "a refresh does not ask again");
    let challenge = world.log_in(None).await.headers["www-authenticate"].clone();
    assert!(challenge.to_str().unwrap().starts_with("Basic "));
}

#[tokio::test]
async fn an_x_auth_login_says_what_is_missing_in_its_envelope() {
    for (status, http_status) in [(401, "meta-code"), (200, "always-200")] {
        let dialects = format!("{DIALECTS}\n").replace(
            "[dialect.x_auth]",
            &format!("[dialect.x_auth]\nhttp_status = \"{http_status}\""),
        );
        let world = World::with(&dialects).await;
        let (jo, secret) = world.with_app().await;
        jo.ask(&world, MAKE_CODES, "").await;
        let login = async |code: Option<&str>| {
            let mut body = json!({"client_guid": CLIENT, "acctname": EMAIL, "acctpass": PASSWORD});
            if let Some(code) = code {
                body["code"] = json!(code);
            }
            world.send("POST /auth/login", &body).await
        };
        let missing = r#"{"meta":{"code":401,"text":"Second Factor Required"},"data":{"error":"second_factor_required","factors":["totp","recovery_code"]}}"#;
        login(None).await.is(status, missing);
        let wrong = r#"{"meta":{"code":401,"text":"Wrong Code"},"data":{"error":"wrong_code"}}"#;
        login(Some("000000")).await.is(status, wrong);
        let good = login(Some(&world.app(&secret))).await;
        assert_eq!(
            (good.status.as_u16(), &good.json()["meta"]["code"]),
            (200, &json!(200))
        );
    }
}

#[tokio::test]
async fn a_clock_may_be_off_by_half_a_minute() {
    let world = World::with(DIALECTS).await;
    let (_, secret) = world.with_app().await;
    for (shown_at, status) in [(-60, 401), (60, 401), (-30, 200), (0, 200), (30, 200)] {
        let now = world.clock.now().wall.seconds();
        let then = countersign::model::time::Timestamp::from_seconds(now + shown_at);
        let answer = world.log_in(Some(&code_of_app(&secret, then))).await;
        assert_eq!(answer.status, status, "{shown_at}: {answer:?}");
    }
    // The newest of them is behind us now: those before it are taken no more.
    refused(
        &world.log_in(Some(&world.app(&secret))).await,
        401,
        "wrong_code",
    );
}

#[tokio::test]
async fn a_recovery_code_is_good_once_for_a_login_or_an_elevation() {
    let world = World::with(DIALECTS).await;
    let jo = world.elevated().await;
    let codes = recovery_codes(&jo.ask(&world, MAKE_CODES, "").await);
    let missing = world.log_in(None).await;
    assert_eq!(missing.json()["factors"], json!(["recovery_code"]));
    let typed = codes[0].to_lowercase().replace('-', " ");
    assert_eq!(world.log_in(Some(&typed)).await.status, 200);
    refused(&world.log_in(Some(&codes[0])).await, 401, "wrong_code");
    refused(&jo.exchange(&world, &codes[0]).await, 401, "wrong_code");
    assert_eq!(jo.exchange(&world, &codes[1]).await.status, 200);
    refused(&world.log_in(Some(&codes[1])).await, 401, "wrong_code");
    let newer = recovery_codes(&jo.ask(&world, MAKE_CODES, "").await);
    refused(&world.log_in(Some(&codes[2])).await, 401, "wrong_code");
    for code in &newer {
        assert_eq!(world.log_in(Some(code)).await.status, 200);
    }
    assert_eq!(
        world.log_in(None).await.status,
        200,
        "there is nothing left to ask for"
    );
}

#[tokio::test]
async fn an_app_stands_in_for_the_mailed_code() {
    let world = World::with(DIALECTS).await;
    let (jo, secret) = world.with_app().await;
    let mails = world.mails_to(EMAIL).await.len();
    let code = world.app(&secret);
    let exchanged = jo.exchange(&world, &code).await;
    assert_eq!(exchanged.status, 200, "{exchanged:?}");
    assert_eq!(exchanged.keys(), ["id", "user_id", "token", "expires_at"]);
    assert_eq!(
        world.mails_to(EMAIL).await.len(),
        mails,
        "nothing is mailed"
    );
    let token = exchanged.json()["token"].as_str().unwrap().to_owned();
    let fields = [("authorization", &*jo.bearer), (EAT, &*token)];
    assert_eq!(
        world.ask("GET /api/eat/verify", &fields, "").await.status,
        200
    );
    refused(&jo.exchange(&world, &code).await, 401, "wrong_code");
    refused(&world.log_in(Some(&code)).await, 401, "wrong_code");
    // A mailed code is good as before.
    let again = world.mailed_elevation(&jo.bearer).await;
    assert!(again.starts_with("cse_"));
}

#[tokio::test]
async fn wrong_codes_are_counted_on_the_account_wherever_they_are_tried() {
    let world = World::with(DIALECTS).await;
    let (jo, secret) = world.with_app().await;
    let begin =
        json!({"client_guid": CLIENT, "acctname": EMAIL, "acctpass": PASSWORD, "code": "0"});
    for _ in 0..5 {
        refused(&world.log_in(Some("000000")).await, 401, "wrong_code");
        refused(&jo.exchange(&world, "000000").await, 401, "wrong_code");
        let x_auth = world.send("POST /auth/login", &begin).await;
        assert_eq!(x_auth.json()["data"]["error"], "wrong_code");
    }
    world.clock.advance(STEP);
    let code = world.app(&secret);
    for answer in [
        world.log_in(Some(&code)).await,
        jo.exchange(&world, &code).await,
        jo.exchange(&world, "ABCD-EFGH").await,
    ] {
        refused(&answer, 429, "too_many_attempts");
        assert_eq!(answer.headers["retry-after"], "3570");
    }
    let x_auth = world.send("POST /auth/login", &begin).await;
    assert_eq!(
        (x_auth.status.as_u16(), &x_auth.headers["retry-after"]),
        (429, &"3570".parse().unwrap())
    );
    // Asking what is missing costs no try, and a stranger has tries of their own.
    refused(&world.log_in(None).await, 401, "second_factor_required");
    world.add_account("al@example.org", PASSWORD).await;
    assert_eq!(
        world
            .log_in_as("al@example.org", PASSWORD, None)
            .await
            .status,
        200
    );
    world.clock.advance(Duration::from_secs(3570));
    assert_eq!(world.log_in(Some(&world.app(&secret))).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_logins_at_once_with_one_code_one_is_let_in() {
    let world = Arc::new(World::with(DIALECTS).await);
    let (jo, secret) = world.with_app().await;
    let codes = recovery_codes(&jo.ask(&world, MAKE_CODES, "").await);
    let sessions = world.sessions().await;
    for code in [world.app(&secret), codes[0].clone()] {
        let tries: Vec<_> = (0..6)
            .map(|_| {
                let (world, code) = (Arc::clone(&world), code.clone());
                tokio::spawn(async move { world.log_in(Some(&code)).await.status.as_u16() })
            })
            .collect();
        let mut statuses = Vec::new();
        for tried in tries {
            statuses.push(tried.await.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401, 401, 401, 401, 401], "{code}");
    }
    assert_eq!(world.sessions().await, sessions + 2);
}

#[tokio::test]
async fn a_removed_factor_is_asked_for_no_more() {
    let world = World::with(DIALECTS).await;
    let (jo, _) = world.with_app().await;
    jo.ask(&world, MAKE_CODES, "").await;
    jo.ask(&world, REMOVE_TOTP, "").await.is(204, "");
    refused(
        &jo.ask(&world, REMOVE_TOTP, "").await,
        404,
        "no_such_factor",
    );
    let nothing = r#"{"totp":null,"keys":[],"recovery_codes":0}"#;
    jo.ask(&world, LIST, "").await.is(200, nothing);
    assert_eq!(world.log_in(None).await.status, 200);
    let mails = world.mails_to(EMAIL).await.join("\n");
    assert_eq!(mails.matches("was removed.").count(), 1, "{mails}");
    jo.ask(&world, MAKE_CODES, "").await;
    jo.ask(&world, REMOVE_CODES, "").await.is(204, "");
    refused(
        &jo.ask(&world, REMOVE_CODES, "").await,
        404,
        "no_such_factor",
    );
    assert_eq!(world.log_in(None).await.status, 200);
}

#[tokio::test]
async fn ones_own_keys_are_listed_renamed_and_removed() {
    let world = World::with(DIALECTS).await;
    world.add_account("al@example.org", PASSWORD).await;
    let (jo, al) = (
        world.elevated().await,
        world.elevated_as("al@example.org").await,
    );
    let key = world.add_key(EMAIL).await;
    let path = format!("/api/users/@me/factors/keys/{key}");
    let list = format!(
        r#"{{"totp":null,"keys":[{{"id":"{key}","name":"Blue","created_at":"2016-02-20T07:29:28Z","last_used_at":null}}],"recovery_codes":0}}"#
    );
    jo.ask(&world, LIST, "").await.is(200, &list);
    let missing = world.log_in(None).await;
    assert_eq!(missing.json()["factors"], json!(["security_key"]));
    let named = |name: &str| json!({"name": name}).to_string();
    let (rename, remove) = (format!("PATCH {path}"), format!("DELETE {path}"));
    for (who, request, body, status) in [
        (&al, &rename, named("x"), 404),
        (&al, &remove, String::new(), 404),
        (&jo, &rename, named(" "), 422),
        (&jo, &rename, named(&"x".repeat(201)), 422),
        (&jo, &rename, named("a\nb"), 422),
        (&jo, &rename, named(" Red "), 204),
    ] {
        let answer = who.ask(&world, request, &body).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
    }
    jo.ask(&world, LIST, "")
        .await
        .is(200, &list.replace("Blue", "Red"));
    jo.ask(&world, &remove, "").await.is(204, "");
    refused(&jo.ask(&world, &remove, "").await, 404, "no_such_factor");
    let nonsense = "DELETE /api/users/@me/factors/keys/x";
    refused(&jo.ask(&world, nonsense, "").await, 404, "no_such_factor");
}

#[tokio::test]
async fn what_an_operator_does_in_between_counts() {
    let world = World::with(DIALECTS).await;
    let (jo, secret) = world.with_app().await;
    let account = world.auth.accounts.find(EMAIL).await.unwrap().unwrap();
    world.set_status(&account.id, AccountStatus::Disabled).await;
    refused(&jo.ask(&world, REMOVE_TOTP, "").await, 401, "unauthorized");
    refused(
        &world.log_in(Some(&world.app(&secret))).await,
        401,
        "unauthorized",
    );
    world.set_status(&account.id, AccountStatus::Active).await;
    refused(&world.log_in(None).await, 401, "second_factor_required");
    let action = world.action();
    let reset = world.auth.factors.remove(&account, Removal::All, &action);
    assert!(reset.await.unwrap());
    assert_eq!(world.log_in(None).await.status, 200);
    let mails = world.mails_to(EMAIL).await.join("\n");
    assert!(
        mails.contains("An operator removed all second factors."),
        "{mails}"
    );
}

/// Somebody who is logged in and has proved themselves again.
pub(super) struct Person {
    pub(super) bearer: String,
    pub(super) elevation: String,
}

impl Person {
    fn fields(&self) -> [(&str, &str); 3] {
        [
            ("authorization", &self.bearer),
            (EAT, &self.elevation),
            JSON,
        ]
    }

    pub(super) async fn ask(&self, world: &World, request: &str, body: &str) -> Answer {
        world.ask(request, &self.fields(), body).await
    }

    pub(super) async fn post(&self, world: &World, request: &str, body: &Value) -> Answer {
        self.ask(world, request, &body.to_string()).await
    }

    pub(super) async fn exchange(&self, world: &World, code: &str) -> Answer {
        self.post(world, EXCHANGE, &json!({"code": code})).await
    }
}

impl World {
    /// What an app with this secret shows now.
    fn app(&self, secret: &str) -> String {
        code_of_app(secret, self.clock.now().wall)
    }

    /// Tries a `key_token` login of the account of every test.
    async fn log_in(&self, code: Option<&str>) -> Answer {
        self.log_in_as(EMAIL, PASSWORD, code).await
    }

    async fn log_in_as(&self, email: &str, password: &str, code: Option<&str>) -> Answer {
        let mut body = json!({"client": CLIENT, "email": email, "password": password});
        if let Some(code) = code {
            body["code"] = json!(code);
        }
        self.send("POST /users/token", &body).await
    }

    pub(super) async fn elevated(&self) -> Person {
        self.elevated_as(EMAIL).await
    }

    /// Logs in and takes a mailed code for an elevated token.
    pub(super) async fn elevated_as(&self, email: &str) -> Person {
        let body = json!({"client_guid": CLIENT, "acctname": email, "acctpass": PASSWORD});
        let token = self.send("POST /auth/login", &body).await.json();
        let bearer = format!("Bearer {}", token["data"]["token"].as_str().unwrap());
        let elevation = self.mailed_elevation_to(&bearer, email).await;
        Person { bearer, elevation }
    }

    async fn mailed_elevation(&self, bearer: &str) -> String {
        self.mailed_elevation_to(bearer, EMAIL).await
    }

    async fn mailed_elevation_to(&self, bearer: &str, email: &str) -> String {
        let fields = [("authorization", bearer), JSON];
        let asked = self.ask("POST /api/eat/request-verification", &fields, "");
        asked.await.is(202, "");
        let mails = self.mails_to(email).await;
        let is_code = |line: &&str| line.len() == 9 && line.as_bytes()[4] == b'-';
        let code = mails.iter().flat_map(|mail| mail.lines()).rfind(is_code);
        let body = json!({"code": code.unwrap()}).to_string();
        let exchanged = self.ask(EXCHANGE, &fields, &body).await;
        assert_eq!(exchanged.status, 200, "{exchanged:?}");
        exchanged.json()["token"].as_str().unwrap().to_owned()
    }

    /// Sets up an app for the account of every test and gives its secret; no code of it is used in the present step.
    async fn with_app(&self) -> (Person, String) {
        let jo = self.elevated().await;
        let setup = jo.ask(self, BEGIN, "").await.json();
        let secret = setup["secret"].as_str().unwrap().to_owned();
        let code = json!({"code": self.app(&secret)});
        jo.post(self, CONFIRM, &code).await.is(204, "");
        self.clock.advance(3 * STEP);
        (jo, secret)
    }

    async fn add_key(&self, email: &str) -> SecurityKeyId {
        let account = self.auth.accounts.find(email).await.unwrap().unwrap();
        let key = SecurityKey {
            id: SecurityKeyId::generate(),
            account: account.id,
            credential: CredentialId::new(*b"credential"),
            public_key: Box::from(*b"\xa5\x01\x02\x00"),
            sign_count: 0,
            name: "Blue".into(),
            created_at: self.clock.now().wall,
            last_used_at: None,
        };
        let Committed { .. } = self.store.add_key(&key, &self.action()).await.unwrap();
        key.id
    }

    pub(super) async fn sessions(&self) -> usize {
        self.store.sessions(None).await.unwrap().len()
    }

    pub(super) async fn end(&self, who: &Person) {
        let fields = who.fields();
        let ended = self.ask("POST /auth/logout", &fields, "").await;
        assert_eq!(ended.status, 200, "{ended:?}");
    }

    async fn set_status(&self, account: &AccountId, status: AccountStatus) {
        let (accounts, action) = (&self.auth.accounts, self.action());
        accounts.set_status(account, status, &action).await.unwrap();
    }
}

pub(super) fn recovery_codes(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let codes = answer.json()["codes"].as_array().unwrap().clone();
    let text = |code: &Value| code.as_str().unwrap().to_owned();
    let codes: Vec<String> = codes.iter().map(text).collect();
    assert_eq!(codes.len(), 10);
    codes
}

pub(super) fn refused(answer: &Answer, status: u16, error: &str) {
    let said = answer.json();
    assert_eq!(
        (answer.status.as_u16(), &said["error"]),
        (status, &json!(error)),
        "{answer:?}"
    );
    assert!(!answer.text.contains("factors") || error == "second_factor_required");
    if status == 401 {
        assert!(answer.headers.contains_key("www-authenticate"));
    }
}

const EAT: &str = "elevated-access-token";
const JSON: (&str, &str) = ("content-type", "application/json");
