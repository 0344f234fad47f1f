//! `kill -9` at any moment loses nothing that was acknowledged.
//!
//! Clients log in, refresh and log out as fast as they can and write down what was acknowledged. Every round the gateway
//! is killed under them, started again, and each line of the journal is checked against it.

use std::io;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::http::{Answer, ask};
use super::program::pause;
use super::upstream::Upstream;
use super::world::{Pair, User, World};

#[test]
fn no_acknowledged_login_refresh_or_revocation_is_lost_by_kill_9() {
    let upstream = Upstream::echo();
    let world = World::new(upstream.address, CONFIG);
    let clerk = Clerk {
        client: world.client("load"),
        users: (0..CLIENTS)
            .map(|number| world.user(&format!("user{number}")))
            .collect(),
        world: &world,
    };
    let mut kept: Vec<Entry> = Vec::new();
    let mut journal: Vec<Entry> = Vec::new();
    let mut counted = Counted::default();
    for round in 0..ROUNDS {
        let mut serving = world.serve();
        kept.extend(journal.drain(..).map(|entry| clerk.check(entry)));
        // Moments spread over the whole of an operation: from within the first one to some dozens later.
        journal = clerk.work_until(|| {
            pause(Duration::from_millis(30 + (round * 37) % 150));
            serving.kill();
        });
        for entry in &journal {
            counted.count(entry);
        }
    }
    let _serving = world.serve();
    for entry in kept.into_iter().chain(journal) {
        clerk.check(entry);
    }
    println!("{ROUNDS} kills under load: {counted:?}");
    let enough = [counted.logins, counted.refreshes, counted.revocations];
    assert!(
        enough.iter().all(|&count| count >= ROUNDS),
        "too little load to mean anything: {counted:?}"
    );
}

/// What a client knows of one session.
#[derive(Debug)]
enum Entry {
    /// Logged in, acknowledged.
    LoggedIn(Pair),
    /// Refreshed, acknowledged; this is the successor.
    Refreshed(Pair),
    /// A refresh was asked for and no answer came.
    Refreshing(Pair),
    /// Revoked, acknowledged.
    Revoked(Pair),
}

#[derive(Debug, Default)]
struct Counted {
    logins: u64,
    refreshes: u64,
    unanswered_refreshes: u64,
    revocations: u64,
}

impl Counted {
    fn count(&mut self, entry: &Entry) {
        match entry {
            Entry::LoggedIn(_) => self.logins += 1,
            Entry::Refreshed(_) => self.refreshes += 1,
            Entry::Refreshing(_) => self.unanswered_refreshes += 1,
            Entry::Revoked(_) => self.revocations += 1,
        }
    }
}

/// Who makes the load and keeps the journal.
struct Clerk<'a> {
    world: &'a World,
    client: String,
    users: Vec<User>,
}

impl Clerk<'_> {
    /// Every user opens sessions as fast as it can until the gateway is gone.
    fn work_until(&self, gone: impl FnOnce()) -> Vec<Entry> {
        thread::scope(|scope| {
            let work = |user| scope.spawn(move || self.work(user));
            let working: Vec<_> = self.users.iter().map(work).collect();
            gone();
            working
                .into_iter()
                .flat_map(|user| user.join().unwrap())
                .collect()
        })
    }

    fn work(&self, user: &User) -> Vec<Entry> {
        let mut journal = Vec::new();
        for goal in [Goal::LogOut, Goal::Refresh, Goal::LogIn]
            .into_iter()
            .cycle()
        {
            if self.one_session(user, goal, &mut journal).is_err() {
                break;
            }
        }
        journal
    }

    /// Takes one session as far as its goal; an error means that the gateway is gone.
    fn one_session(&self, user: &User, goal: Goal, journal: &mut Vec<Entry>) -> io::Result<()> {
        let login =
            json!({ "client": self.client, "email": user.email, "password": user.password });
        let answer = self.world.post("/users/token", &login)?;
        assert_eq!(
            answer.status, 200,
            "a good login is not refused: {answer:?}"
        );
        let mut pair = self.world.pair(&answer.json());
        journal.push(Entry::LoggedIn(pair.clone()));
        if matches!(goal, Goal::LogIn) {
            return Ok(());
        }
        journal.pop();
        journal.push(Entry::Refreshing(pair.clone()));
        pair = self.refresh(&pair)?;
        journal.pop();
        journal.push(Entry::Refreshed(pair.clone()));
        if matches!(goal, Goal::Refresh) {
            return Ok(());
        }
        journal.pop(); // revoked or not, until there is an answer
        self.log_out(&pair)?;
        journal.push(Entry::Revoked(pair));
        Ok(())
    }

    /// Holds an entry against the gateway, and returns what is known of the session from then on.
    fn check(&self, entry: Entry) -> Entry {
        match entry {
            Entry::LoggedIn(pair) => {
                assert_eq!(self.status(&pair), 200, "an acknowledged login is lost");
                Entry::LoggedIn(pair)
            }
            Entry::Refreshed(pair) => {
                assert_eq!(self.status(&pair), 200, "an acknowledged refresh is lost");
                let next = self.refresh(&pair).expect("its successor can be refreshed");
                assert_eq!(self.status(&next), 200);
                Entry::Refreshed(next)
            }
            Entry::Refreshing(pair) => {
                let next = self
                    .refresh(&pair)
                    .expect("a refresh without an answer can be asked for again");
                assert_eq!(self.status(&next), 200, "whether it had happened or not");
                Entry::Refreshed(next)
            }
            Entry::Revoked(pair) => {
                assert_eq!(
                    self.status(&pair),
                    401,
                    "an acknowledged revocation is lost"
                );
                let refresh = self.ask_refresh(&pair).unwrap();
                assert_eq!(refresh.status, 401, "and its refresh token is not dead");
                Entry::Revoked(pair)
            }
        }
    }

    fn status(&self, pair: &Pair) -> u16 {
        self.world
            .get("/x", &[("Authorization", &pair.basic())])
            .status
    }

    fn refresh(&self, pair: &Pair) -> io::Result<Pair> {
        let answer = self.ask_refresh(pair)?;
        assert_eq!(
            answer.status, 200,
            "a good refresh is not refused: {answer:?}"
        );
        Ok(self.world.pair(&answer.json()))
    }

    fn ask_refresh(&self, pair: &Pair) -> io::Result<Answer> {
        let body = json!({ "client": self.client, "key": pair.key, "refresh": pair.refresh });
        self.world.post("/users/token/refresh", &body)
    }

    fn log_out(&self, pair: &Pair) -> io::Result<()> {
        let body = json!({ "client": self.client }).to_string();
        let headers = [
            ("Authorization", &*pair.basic()),
            ("Content-Type", "application/json"),
        ];
        let answer = ask(
            self.world.gateway,
            "DELETE",
            "/users/token",
            &headers,
            body.as_bytes(),
        )?;
        assert_eq!(answer.status, 204, "{answer:?}");
        Ok(())
    }
}

/// How far a session is taken.
#[derive(Debug, Clone, Copy)]
enum Goal {
    LogIn,
    Refresh,
    LogOut,
}

const ROUNDS: u64 = 50;
const CLIENTS: usize = 4;
/// Cheap hashing, so that the load is on the store.
const CONFIG: &str = r#"
[password]
memory = "64KiB"
iterations = 1

[[route]]
name = "app"
path = "/"
upstream = "app"
access = "required"
accept = ["basic"]
"#;
