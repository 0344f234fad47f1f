//! curl and Python's `requests`, with every form of credential.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::program::{program, python, script, wait_until};
use super::upstream::Upstream;
use super::world::World;

#[test]
fn curl_is_let_in_with_every_form_and_refused_after_a_logout() {
    let check = Check::new();
    let (token, key_pair) = (
        check.token.as_str(),
        format!("{}:{}", check.pair.key, check.pair.token),
    );
    let curl = |form: &[&str]| {
        let mut command = program("curl", &check.world.path("."));
        command
            .args(["--silent", "--show-error", "--write-out", "\n%{http_code}"])
            .args(form);
        Check::answer(command.arg(check.url()))
    };
    for (form, method) in [
        (vec!["--user", &key_pair], "basic"),
        (vec!["--oauth2-bearer", token], "bearer"),
        (vec!["--header", &format!("Authorization: {token}")], "bare"),
        (vec!["--header", &format!("X-Auth: {token}")], "x-auth"),
    ] {
        check.is_alice(&curl(&form), method);
    }
    assert_eq!(curl(&[]).0, 401, "without a credential");
    check.log_out();
    assert_eq!(
        curl(&["--header", &format!("Authorization: {token}")]).0,
        401
    );
    assert_eq!(
        curl(&["--user", &key_pair]).0,
        200,
        "the other session goes on"
    );
}

#[test]
fn python_requests_is_let_in_with_every_form_and_refused_after_a_logout() {
    let check = Check::new();
    let python = python();
    let requests = |form: &[&str]| {
        let mut command = program(&python, &check.world.path("."));
        Check::answer(
            command
                .arg(script("requests_client.py"))
                .arg(check.url())
                .args(form),
        )
    };
    for (form, method) in [
        (
            vec!["basic", check.pair.key.as_str(), &check.pair.token],
            "basic",
        ),
        (vec!["bearer", &check.token], "bearer"),
        (vec!["bare", &check.token], "bare"),
        (vec!["x-auth", &check.token], "x-auth"),
    ] {
        check.is_alice(&requests(&form), method);
    }
    check.log_out();
    assert_eq!(requests(&["bare", &check.token]).0, 401);
    assert_eq!(requests(&["x-auth", &check.token]).0, 401);
}

#[test]
fn a_named_api_token_is_good_until_it_is_revoked() {
    let check = Check::new();
    let token = check.world.api_token(&check.alice, "backup script");
    let status = || {
        check
            .world
            .get("/x", &[("Authorization", &format!("Bearer {token}"))])
            .status
    };
    assert_eq!(status(), 200);
    let tokens = check
        .world
        .run_json(&["token", "list", "--user", &check.alice.id]);
    assert_eq!(tokens[0]["label"], "backup script");
    check
        .world
        .run(&["token", "revoke", tokens[0]["id"].as_str().unwrap()]);
    assert!(wait_until(Duration::from_secs(2), || status() == 401));
}

/// A gateway before an echo, and alice with two sessions.
struct Check {
    alice: super::world::User,
    token: String,
    pair: super::world::Pair,
    _serving: super::world::Serving,
    world: World,
    _upstream: Upstream,
}

impl Check {
    fn new() -> Self {
        let upstream = Upstream::echo();
        let world = World::new(upstream.address, ROUTES);
        let alice = world.user("alice");
        let client = world.client("tests");
        let serving = world.serve();
        let token = world.x_auth_login(&alice, &client);
        let pair = world.key_login(&alice, &client);
        Self {
            alice,
            token,
            pair,
            _serving: serving,
            world,
            _upstream: upstream,
        }
    }

    fn url(&self) -> String {
        format!("http://{}/notes?page=2", self.world.gateway)
    }

    /// Runs a client that writes the body, a line break and the status.
    fn answer(command: &mut Command) -> (u16, Value) {
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{}: {said}",
            Path::new(command.get_program()).display()
        );
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.trim_end().rsplit_once('\n').unwrap();
        (status.parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    /// The echo got alice's identity and nothing of the credential.
    fn is_alice(&self, (status, echo): &(u16, Value), method: &str) {
        assert_eq!(*status, 200, "{method}: {echo}");
        assert_eq!(echo["target"], "/notes?page=2");
        let headers = &echo["headers"];
        assert_eq!(
            headers["x-forwarded-user"],
            self.alice.id.as_str(),
            "{headers}"
        );
        assert_eq!(headers["x-forwarded-email"], "alice@example.org");
        assert_eq!(headers["x-forwarded-auth-method"], method);
        assert!(
            headers["authorization"].is_null() && headers["x-auth"].is_null(),
            "{headers}"
        );
    }

    fn log_out(&self) {
        let answer = super::http::ask(
            self.world.gateway,
            "POST",
            "/auth/logout",
            &[("Authorization", &self.token), ("Content-Length", "0")],
            b"",
        );
        assert_eq!(answer.unwrap().status, 200);
    }
}

const ROUTES: &str = r#"
[[route]]
name = "app"
path = "/"
upstream = "app"
access = "required"
accept = ["basic", "bare", "x-auth", "bearer"]
"#;
