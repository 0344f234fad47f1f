//! Nothing secret is written anywhere, at level `trace`, whatever happens to it.
//!
//! Every test of this ring searches its own output when its world ends. This one takes secrets along the ways on which
//! they could be written: refused, malformed, in the wrong place, in a query, through an upstream that is down.

use std::collections::HashMap;
use std::time::Duration;

use countersign::clock::{Clock, SystemClock};
use serde_json::json;

use super::http::ask;
use super::program::wait_until;
use super::upstream::Upstream;
use super::world::{Pair, User, World, text};
use crate::support::ports::free_ports;
use crate::support::totp::code_of_app;

#[test]
fn no_token_and_no_password_is_in_any_output() {
    let upstream = Upstream::echo();
    let [nobody] = free_ports();
    let world = World::new(
        upstream.address,
        &ROUTES.replace("NOBODY", &nobody.to_string()),
    );
    let alice = world.user("alice");
    let client = world.client("tests");
    let serving = world.serve();
    let scene = Scene {
        token: world.x_auth_login(&alice, &client),
        pair: world.key_login(&alice, &client),
        api: world.api_token(&alice, "script"),
        alice,
        client,
        world: &world,
    };
    scene.good_ones_to_a_live_and_a_dead_upstream();
    scene.bad_ones_in_wrong_places();
    scene.logins_that_fail_and_a_registration();
    scene.second_factors();
    scene.the_command_line();
    drop(serving);
    // Something was written to be searched: the lines of these very requests, without the query.
    let log = world.log();
    for line in [
        r#""path":"/down/x","route":"down","status":502"#,
        r#""path":"/x","route":"app","status":400"#,
    ] {
        assert!(log.contains(line), "{log}");
    }
}

#[test]
fn the_search_finds_what_is_there() {
    let planted = ["planted-secret".to_owned()];
    let needles = Needles::new(&planted);
    assert_eq!(needles.first_in(b"log: planted-secret."), Some(5));
    assert_eq!(needles.first_in(b"log: planted-but-another"), None);
}

/// Alice, with a secret of every kind.
struct Scene<'a> {
    world: &'a World,
    alice: User,
    client: String,
    token: String,
    pair: Pair,
    api: String,
}

impl Scene<'_> {
    fn good_ones_to_a_live_and_a_dead_upstream(&self) {
        for header in [
            ("Authorization", &*self.token),
            ("X-Auth", &self.token),
            ("Authorization", &format!("Bearer {}", self.api)),
            ("Authorization", &self.pair.basic()),
        ] {
            assert_eq!(self.world.get("/x", &[header]).status, 200);
            assert_eq!(self.world.get("/down/x", &[header]).status, 502);
        }
    }

    fn bad_ones_in_wrong_places(&self) {
        let token = &*self.token;
        let mistyped = format!("{}x", &token[..token.len() - 1]);
        self.world.secret(&mistyped);
        let two = format!("Bearer {token} {}", self.api);
        for (target, headers, status) in [
            (format!("/x?access_token={token}"), vec![], 401),
            (
                "/x".into(),
                vec![("Authorization", token), ("X-Auth", token)],
                400,
            ),
            (
                "/x".into(),
                vec![("Authorization", token), ("Authorization", token)],
                400,
            ),
            ("/x".into(), vec![("Authorization", &two)], 400),
            ("/x".into(), vec![("X-Auth", &mistyped)], 401),
            ("/x".into(), vec![("X-Auth", &self.pair.refresh)], 401),
            (
                "/x".into(),
                vec![("Elevated-Access-Token", token), ("X-Auth", token)],
                200,
            ),
        ] {
            assert_eq!(
                self.world.get(&target, &headers).status,
                status,
                "{target} {headers:?}"
            );
        }
    }

    fn logins_that_fail_and_a_registration(&self) {
        let status = |target: &str, body: &str| {
            let json = [("Content-Type", "application/json")];
            ask(self.world.gateway, "POST", target, &json, body.as_bytes())
                .unwrap()
                .status
        };
        let login = |email: &str, password: &str| {
            self.world.secret(password);
            json!({ "client": self.client, "email": email, "password": password }).to_string()
        };
        assert_eq!(
            status(
                "/users/token",
                &login(&self.alice.email, "correct hoarse of alice")
            ),
            401
        );
        let half = format!("{{\"password\": \"{}\", ", self.alice.password);
        assert_eq!(status("/users/token", &half), 400);
        assert_eq!(
            status("/users", &login("bob@example.org", "a password of bob")),
            201
        );
        assert_eq!(
            status(
                "/users",
                &login("bob@example.org", "a password of bob, again")
            ),
            409
        );
    }

    /// It shows what it is asked for and nothing else.
    fn the_command_line(&self) {
        let world = self.world;
        let refresh =
            json!({ "client": self.client, "key": self.pair.key, "refresh": self.pair.refresh });
        let next = world.pair(&world.post("/users/token/refresh", &refresh).unwrap().json());
        world.secret("a new password of alice");
        let set = ["user", "set-password", &self.alice.id, "--password-stdin"];
        world.run_with_input(&set, "a new password of alice\n");
        let header = format!("Authorization: {}", next.basic());
        let url = format!("http://{}/x", world.gateway);
        world.shows_no_secret(&[
            world.run(&[
                "explain", "--method", "GET", "--url", &url, "--header", &header,
            ]),
            world.run(&["session", "list", "--json"]),
            world.run(&["token", "list", "--json"]),
            world.run(&["user", "list", "--json"]),
            world.run(&["audit", "list", "--json"]),
            world.run(&["config", "show"]),
        ]);
    }
}

impl Scene<'_> {
    /// Those of an app and of the list, elevated tokens, and what refuses them.
    fn second_factors(&self) {
        let (world, own) = (self.world, "/api/users/@me/factors");
        let elevation = self.elevate();
        let ask = |target: &str, body: &str| {
            let headers = [
                ("Authorization", &*self.token),
                ("Elevated-Access-Token", &elevation),
                ("Content-Type", "application/json"),
            ];
            ask(world.gateway, "POST", target, &headers, body.as_bytes()).unwrap()
        };
        let setup = ask(&format!("{own}/totp"), "").json();
        let secret = text(&setup, "secret");
        world.secret(&secret);
        let code = code_of_app(&secret, SystemClock::new().now().wall);
        let confirm = format!("{own}/totp/confirm");
        let confirmed = ask(&confirm, &json!({ "code": code }).to_string());
        assert_eq!(confirmed.status, 204);
        assert_eq!(
            ask(&confirm, &json!({ "code": secret }).to_string()).status,
            409
        );
        let codes = ask(&format!("{own}/recovery-codes"), "").json();
        let codes = codes["codes"].as_array().unwrap();
        let codes: Vec<_> = codes.iter().map(|code| code.as_str().unwrap()).collect();
        for code in &codes {
            world.secret(code);
        }
        let login = |code: &str| {
            let body = json!({
                "client_guid": self.client, "acctname": self.alice.email,
                "acctpass": self.alice.password, "code": code,
            });
            let answer = world.post("/auth/login", &body).unwrap();
            if answer.status == 200 {
                world.secret(&text(&answer.json()["data"], "token"));
            }
            answer.status
        };
        assert_eq!([codes[0], codes[0], &secret].map(login), [200, 401, 401]);
        world.shows_no_secret(&[
            world.run(&["user", "show", &self.alice.id]),
            world.run(&["audit", "list", "--json"]),
            world.run(&["user", "reset-factors", &self.alice.id]),
        ]);
    }

    /// An elevated token for a mailed code.
    fn elevate(&self) -> String {
        let post = |target: &str, body: &str| {
            let headers = [
                ("Authorization", &*self.token),
                ("Content-Type", "application/json"),
            ];
            ask(
                self.world.gateway,
                "POST",
                target,
                &headers,
                body.as_bytes(),
            )
            .unwrap()
        };
        assert_eq!(post("/api/eat/request-verification", "").status, 202);
        let mut code = None;
        let is_code = |line: &&str| line.len() == 9 && line.as_bytes()[4] == b'-';
        wait_until(Duration::from_secs(10), || {
            let mails = std::fs::read_dir(self.world.path("mail"))
                .into_iter()
                .flatten();
            let mut texts =
                mails.filter_map(|mail| std::fs::read_to_string(mail.unwrap().path()).ok());
            code = texts.find_map(|text| text.lines().find(is_code).map(str::to_owned));
            code.is_some()
        });
        let body = json!({ "code": code }).to_string();
        let token = text(&post("/api/eat/verify-code", &body).json(), "token");
        self.world.secret(&token);
        token
    }
}

/// Many strings to look for in one pass: by their first eight bytes, then whole.
#[derive(Debug)]
pub(super) struct Needles<'a>(HashMap<[u8; 8], Vec<&'a [u8]>>);

impl<'a> Needles<'a> {
    pub(super) fn new(needles: &'a [String]) -> Self {
        let mut by_start: HashMap<[u8; 8], Vec<&[u8]>> = HashMap::new();
        for needle in needles {
            let start = needle.as_bytes()[..8].try_into().unwrap();
            by_start.entry(start).or_default().push(needle.as_bytes());
        }
        Self(by_start)
    }

    pub(super) fn first_in(&self, bytes: &[u8]) -> Option<usize> {
        bytes.windows(8).enumerate().find_map(|(at, start)| {
            let needles = self.0.get(start)?;
            let here = &bytes[at..];
            needles
                .iter()
                .any(|needle| here.starts_with(needle))
                .then_some(at)
        })
    }
}

const ROUTES: &str = r#"
[dialect.id_api]

[mail]
transport = "file"
directory = "mail"

[upstream.down]
servers = ["http://NOBODY"]

[[route]]
name = "down"
path = "/down/"
upstream = "down"
access = "required"
accept = ["basic", "bare", "x-auth", "bearer"]

[[route]]
name = "app"
path = "/"
upstream = "app"
access = "required"
accept = ["basic", "bare", "x-auth", "bearer"]
"#;
