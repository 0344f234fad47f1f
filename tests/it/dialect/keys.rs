//! Security keys through `id_api`, with keys in software: both ceremonies, and what is refused in each.

use std::time::Duration;

use serde_json::{Value, json};

use super::factors::{Person, recovery_codes, refused};
use super::{Answer, CLIENT, EMAIL, PASSWORD, World};
use crate::support::authenticator::Authenticator;

const DIALECTS: &str = "[server]\nexternal_url = \"https://login.example\"\n\
    [dialect.key_token]\n[dialect.x_auth]\n[dialect.id_api]";
const ORIGIN: &str = "https://login.example";
const FACTORS: &str = "GET /api/users/@me/factors";
const OPTIONS: &str = "POST /api/users/@me/factors/keys/options";
const ADD: &str = "POST /api/users/@me/factors/keys";
const ASK: &str = "POST /api/eat/key-options";
const VERIFY: &str = "POST /api/eat/verify-key";

#[tokio::test]
async fn a_key_is_added_key_for_key_and_stands_in_for_the_mailed_code() {
    let world = World::with(DIALECTS).await;
    let jo = world.elevated().await;
    let mut key = Authenticator::es256();
    let options = jo.options(&world).await;
    assert_eq!(
        options["rp"],
        json!({"id": "login.example", "name": "login.example"})
    );
    assert_eq!(options["user"]["name"], EMAIL);
    let added = jo.answer_with_new(&world, &mut key, &options, "Blue").await;
    assert_eq!(added.status, 201, "{added:?}");
    let id = added.json()["id"].as_str().unwrap().to_owned();
    added.is(
        201,
        &format!(r#"{{"id":"{id}","name":"Blue","created_at":"2016-02-20T07:29:28Z","last_used_at":null}}"#),
    );
    let list = jo.ask(&world, FACTORS, "").await.json();
    assert_eq!(list["keys"], json!([added.json()]));
    let mails = world.mails_to(EMAIL).await.join("\n");
    assert_eq!(mails.matches("security key was").count(), 1, "{mails}");

    let options = jo.asked(&world).await;
    assert_eq!(options["rpId"], "login.example");
    let exchanged = jo.sign(&world, &mut key, &options).await;
    assert_eq!(exchanged.status, 200, "{exchanged:?}");
    let again = Person {
        bearer: jo.bearer.clone(),
        elevation: exchanged.json()["token"].as_str().unwrap().to_owned(),
    };
    assert_eq!(again.ask(&world, OPTIONS, "").await.status, 200);
    let list = jo.ask(&world, FACTORS, "").await.json();
    assert_eq!(list["keys"][0]["last_used_at"], "2016-02-20T07:29:28Z");
}

#[tokio::test]
async fn a_question_is_answered_once_in_time_and_by_who_was_asked() {
    let world = World::with(DIALECTS).await;
    world.add_account("mo@example.org", PASSWORD).await;
    let (jo, elsewhere) = (world.elevated().await, world.elevated().await);
    let mo = world.elevated_as("mo@example.org").await;
    let mut key = Authenticator::eddsa();
    jo.add(&world, &mut key).await;

    // A new key.
    let options = jo.options(&world).await;
    for other in [&elsewhere, &mo] {
        let mut new = Authenticator::es256();
        let answer = other.answer_with_new(&world, &mut new, &options, "x").await;
        refused(&answer, 422, "unusable_key");
    }
    let (mut one, mut two) = (Authenticator::es256(), Authenticator::es256());
    let added = jo.answer_with_new(&world, &mut one, &options, "x").await;
    assert_eq!(added.status, 201, "{added:?}");
    let again = jo.answer_with_new(&world, &mut two, &options, "x").await;
    refused(&again, 422, "unusable_key");
    let options = jo.options(&world).await;
    world.clock.advance(Duration::from_mins(5));
    let late = jo.answer_with_new(&world, &mut two, &options, "x").await;
    refused(&late, 422, "unusable_key");

    // A signature. Each refusal counts as a wrong try.
    let options = jo.asked(&world).await;
    wrong(&elsewhere.sign(&world, &mut key, &options).await);
    let parts = key.assertion(&options, ORIGIN);
    let sent = key.sign(&parts);
    assert_eq!(jo.verify(&world, &sent).await.status, 200);
    wrong(&jo.verify(&world, &sent).await);
    wrong(&jo.sign(&world, &mut key, &options).await);
    let for_new = jo.options(&world).await;
    let options = json!({"challenge": for_new["challenge"], "rpId": "login.example"});
    wrong(&jo.sign(&world, &mut key, &options).await);
    let options = jo.asked(&world).await;
    world.clock.advance(Duration::from_mins(5));
    wrong(&jo.sign(&world, &mut key, &options).await);
}

#[tokio::test]
async fn a_cloned_a_foreign_and_a_removed_key_prove_nothing() {
    let world = World::with(DIALECTS).await;
    world.add_account("mo@example.org", PASSWORD).await;
    let (jo, mo) = (
        world.elevated().await,
        world.elevated_as("mo@example.org").await,
    );
    let (mut key, mut mos) = (Authenticator::es256(), Authenticator::es256());
    let id = jo.add(&world, &mut key).await;
    mo.add(&world, &mut mos).await;

    let options = jo.asked(&world).await;
    assert_eq!(jo.sign(&world, &mut key, &options).await.status, 200);
    key.count -= 1;
    let options = jo.asked(&world).await;
    wrong(&jo.sign(&world, &mut key, &options).await);
    key.count += 1;
    let options = jo.asked(&world).await;
    assert_eq!(
        jo.sign(&world, &mut key, &options).await.status,
        200,
        "the true one goes on"
    );

    let options = jo.asked(&world).await;
    wrong(&jo.sign(&world, &mut mos, &options).await);
    let options = jo.asked(&world).await;
    wrong(&jo.verify(&world, &json!("not an answer")).await);
    assert_eq!(jo.sign(&world, &mut key, &options).await.status, 200);

    let mut other = Authenticator::es256();
    let kept = jo.add(&world, &mut other).await;
    let removed = jo
        .ask(
            &world,
            &format!("DELETE /api/users/@me/factors/keys/{id}"),
            "",
        )
        .await;
    removed.is(204, "");
    let options = jo.asked(&world).await;
    assert_eq!(options["allowCredentials"].as_array().unwrap().len(), 1);
    wrong(&jo.sign(&world, &mut key, &options).await);
    jo.ask(
        &world,
        &format!("DELETE /api/users/@me/factors/keys/{kept}"),
        "",
    )
    .await
    .is(204, "");
    refused(&jo.ask(&world, ASK, "").await, 404, "no_such_factor");
}

#[tokio::test]
async fn a_key_is_one_accounts_alone_and_an_account_has_twenty() {
    let world = World::with(DIALECTS).await;
    world.add_account("mo@example.org", PASSWORD).await;
    let (jo, mo) = (
        world.elevated().await,
        world.elevated_as("mo@example.org").await,
    );
    let mut key = Authenticator::es256();
    jo.add(&world, &mut key).await;
    for who in [&jo, &mo] {
        let options = who.options(&world).await;
        let again = who.answer_with_new(&world, &mut key, &options, "x").await;
        refused(&again, 409, "key_known");
    }
    for _ in 1..20 {
        jo.add(&world, &mut Authenticator::es256()).await;
    }
    refused(&jo.ask(&world, OPTIONS, "").await, 409, "too_many_keys");
}

#[tokio::test]
async fn what_is_no_good_new_key_is_refused_and_nothing_is_kept() {
    let world = World::with(DIALECTS).await;
    let jo = world.elevated().await;
    for (name, error) in [("", "unusable_name"), ("a\nb", "unusable_name")] {
        let options = jo.options(&world).await;
        let mut key = Authenticator::es256();
        let answer = jo.answer_with_new(&world, &mut key, &options, name).await;
        refused(&answer, 422, error);
    }
    let options = jo.options(&world).await;
    let mut key = Authenticator::es256();
    let elsewhere = key.registration(&options, "https://login.example.evil");
    let body = json!({"name": "x", "credential": elsewhere.attest().to_string()});
    refused(&jo.post(&world, ADD, &body).await, 422, "unusable_key");
    let body = json!({"name": "x"});
    assert_eq!(jo.post(&world, ADD, &body).await.status, 400);
    assert_eq!(jo.ask(&world, FACTORS, "").await.json()["keys"], json!([]));
}

#[tokio::test]
async fn keys_are_added_beside_an_elevated_token_alone() {
    let world = World::with(DIALECTS).await;
    let jo = world.elevated().await;
    let other = world.elevated().await;
    for elevation in ["", "cse_x", &other.elevation] {
        let jo = Person {
            bearer: jo.bearer.clone(),
            elevation: elevation.to_owned(),
        };
        for request in [OPTIONS, ADD] {
            let answer = jo.ask(&world, request, "{}").await;
            assert!(
                [400, 401].contains(&answer.status.as_u16()),
                "{elevation} {request}: {answer:?}"
            );
        }
    }
    world.end(&jo).await;
    for request in [OPTIONS, ADD, ASK, VERIFY] {
        assert_eq!(jo.ask(&world, request, "{}").await.status, 401, "{request}");
    }
}

#[tokio::test]
async fn where_browsers_know_no_keys_none_is_asked_for() {
    let plain = DIALECTS.replace("https://login.example", "http://127.0.0.1:8080");
    let world = World::with(&plain).await;
    let jo = world.elevated().await;
    refused(&jo.ask(&world, OPTIONS, "").await, 409, "keys_elsewhere");
    refused(&jo.ask(&world, ASK, "").await, 404, "no_such_factor");
}

#[tokio::test]
async fn a_login_of_a_program_names_the_key_and_takes_a_recovery_code_instead() {
    let world = World::with(DIALECTS).await;
    let jo = world.elevated().await;
    jo.add(&world, &mut Authenticator::es256()).await;
    let codes = jo
        .ask(&world, "POST /api/users/@me/factors/recovery-codes", "")
        .await;
    let codes = recovery_codes(&codes);
    let mut body = json!({"client": CLIENT, "email": EMAIL, "password": PASSWORD});
    let asked = world.send("POST /users/token", &body).await;
    refused(&asked, 401, "second_factor_required");
    assert_eq!(
        asked.json()["factors"],
        json!(["security_key", "recovery_code"])
    );
    body["code"] = json!(codes[0]);
    assert_eq!(world.send("POST /users/token", &body).await.status, 200);
}

#[tokio::test]
async fn wrong_keys_are_counted_with_wrong_codes() {
    let world = World::with(DIALECTS).await;
    let jo = world.elevated().await;
    let mut key = Authenticator::es256();
    jo.add(&world, &mut key).await;
    for _ in 0..15 {
        wrong(&jo.verify(&world, &json!({})).await);
    }
    let options = jo.asked(&world).await;
    let answer = jo.sign(&world, &mut key, &options).await;
    assert_eq!(answer.status, 429, "{answer:?}");
}

impl Person {
    async fn options(&self, world: &World) -> Value {
        let answer = self.ask(world, OPTIONS, "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    async fn asked(&self, world: &World) -> Value {
        let answer = self.ask(world, ASK, "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    async fn answer_with_new(
        &self,
        world: &World,
        key: &mut Authenticator,
        options: &Value,
        name: &str,
    ) -> Answer {
        let credential = key.registration(options, ORIGIN).attest();
        let body = json!({"name": name, "credential": credential.to_string()});
        self.post(world, ADD, &body).await
    }

    /// Adds a key and gives its id.
    async fn add(&self, world: &World, key: &mut Authenticator) -> String {
        let options = self.options(world).await;
        let added = self.answer_with_new(world, key, &options, "Blue").await;
        assert_eq!(added.status, 201, "{added:?}");
        added.json()["id"].as_str().unwrap().to_owned()
    }

    async fn sign(&self, world: &World, key: &mut Authenticator, options: &Value) -> Answer {
        let parts = key.assertion(options, ORIGIN);
        self.verify(world, &key.sign(&parts)).await
    }

    async fn verify(&self, world: &World, credential: &Value) -> Answer {
        let body = json!({"credential": credential.to_string()});
        self.post(world, VERIFY, &body).await
    }
}

fn wrong(answer: &Answer) {
    refused(answer, 401, "wrong_code");
}
