//! The command line revokes while the gateway serves the same store.

use std::time::{Duration, Instant};

use super::program::pause;
use super::upstream::Upstream;
use super::world::{Pair, User, World};

#[test]
fn what_the_command_line_revokes_is_refused_within_a_second() {
    let upstream = Upstream::echo();
    let world = World::new(upstream.address, ROUTES);
    let _serving = world.serve();
    for (what, revoke) in REVOCATIONS {
        let name = what.replace(' ', "-");
        let case = Case::new(&world, &name);
        case.is_let_in();
        world.run_with_input(
            &revoke(&case).iter().map(String::as_str).collect::<Vec<_>>(),
            NEW_PASSWORD,
        );
        case.is_refused_in_time(what);
    }
}

#[test]
fn a_role_taken_by_the_command_line_is_gone_within_a_second() {
    let upstream = Upstream::echo();
    let world = World::new(upstream.address, ROUTES);
    let _serving = world.serve();
    let case = Case::new(&world, "carol");
    assert_eq!(case.status("/staff/"), 403, "a member is not staff");
    world.run(&["user", "set-role", &case.user.id, "staff"]);
    case.turns_in_time("/staff/", 200, "given");
    world.run(&["user", "set-role", &case.user.id, "member"]);
    case.turns_in_time("/staff/", 403, "taken");
    assert_eq!(case.status("/x"), 200, "the session itself goes on");
}

type Revocation = fn(&Case<'_>) -> Vec<String>;

/// Every way to revoke from the command line; `revocation` asks an account's session to end, the rest follows from it.
const REVOCATIONS: [(&str, Revocation); 8] = [
    ("session revoke", |case| {
        words(&["session", "revoke", &case.session()])
    }),
    ("session revoke all", |case| {
        words(&["session", "revoke", "--user", &case.user.id, "--all"])
    }),
    ("user disable", |case| {
        words(&["user", "disable", &case.user.id])
    }),
    ("user delete", |case| {
        words(&["user", "delete", &case.user.id, "--yes"])
    }),
    ("user set-password", |case| {
        words(&["user", "set-password", &case.user.id, "--password-stdin"])
    }),
    ("user by email", |case| {
        words(&["session", "revoke", "--user", &case.user.email, "--all"])
    }),
    ("client refuse", |case| {
        words(&["client", "refuse", &case.client, "--user", &case.user.id])
    }),
    ("client delete", |case| {
        words(&["client", "delete", &case.client, "--yes"])
    }),
];

/// An account with a session, and a second account whose session must go on.
struct Case<'a> {
    world: &'a World,
    user: User,
    client: String,
    pair: Pair,
    other: Pair,
}

impl<'a> Case<'a> {
    fn new(world: &'a World, name: &str) -> Self {
        let user = world.user(name);
        let client = world.client(name);
        let pair = world.key_login(&user, &client);
        let bystander = world.user(&format!("{name}-bystander"));
        let other = world.key_login(&bystander, &world.client(&format!("{name}-other")));
        Self {
            world,
            user,
            client,
            pair,
            other,
        }
    }

    fn session(&self) -> String {
        let sessions = self
            .world
            .run_json(&["session", "list", "--user", &self.user.id]);
        sessions[0]["id"].as_str().unwrap().to_owned()
    }

    fn status(&self, target: &str) -> u16 {
        self.world
            .get(target, &[("Authorization", &self.pair.basic())])
            .status
    }

    fn is_let_in(&self) {
        assert_eq!(self.status("/x"), 200);
    }

    fn is_refused_in_time(&self, what: &str) {
        self.turns_in_time("/x", 401, what);
        let other = self
            .world
            .get("/x", &[("Authorization", &self.other.basic())]);
        assert_eq!(other.status, 200, "{what}: the other account goes on");
    }

    /// Asks without a break from the acknowledgement on. The last answer of the old kind must have been asked for within
    /// the bound; how long one question took at most in this very run is the machine's noise, and allowed on top.
    fn turns_in_time(&self, target: &str, status: u16, what: &str) {
        let acknowledged = Instant::now();
        let mut slowest = Duration::ZERO;
        loop {
            let asked = Instant::now();
            if self.status(target) == status {
                return;
            }
            slowest = slowest.max(asked.elapsed());
            let late = asked - acknowledged;
            assert!(
                late <= BOUND + slowest,
                "{what}: not yet {status} {late:?} after it was acknowledged"
            );
            pause(Duration::from_millis(5));
        }
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// Contract section 7.
const BOUND: Duration = Duration::from_secs(1);
const NEW_PASSWORD: &str = "another password than before\n";
const ROUTES: &str = r#"
[[route]]
name = "staff"
path = "/staff/"
upstream = "app"
access = "required"
accept = ["basic"]
roles = ["staff"]

[[route]]
name = "app"
path = "/"
upstream = "app"
access = "required"
accept = ["basic"]
"#;
