//! All five reasons to refuse a login look the same from outside: in every byte, and in how long they take. Through the
//! whole gateway, with its own store and hashes of a usual price, in every dialect that takes a password.

use std::time::{Duration, Instant};

use countersign::auth::password::Password;
use countersign::model::account::AccountStatus;
use countersign::model::client::{Client, Handoff};
use countersign::model::id::ClientId;

use super::super::support::gateway::action;
use super::super::support::message::Message;
use super::super::support::{Client as HttpClient, Gateway};

const PASSWORD: &str = "correct horse battery staple";
const SPOKEN: &str = "[dialect.x_auth]\n[dialect.key_token]\n[dialect.namespace]\n[password]\nmemory = \"8MiB\"\niterations = 2\nconcurrency = 1\n\
    [throttle]\nper_account = \"100000/5m\"\nper_ip = \"100000/5m\"\n";

/// Whom a login names, with the right password but for the second.
const REFUSED: [(&str, &str); 5] = [
    ("unknown", PASSWORD),
    ("wrong", "not the password"),
    ("disabled", PASSWORD),
    ("refusing", PASSWORD),
    ("shadow", PASSWORD),
];

/// A way to log in with a password.
struct Way {
    path: &'static str,
    /// What it is refused with.
    status: u16,
    /// Where the page leads afterwards.
    return_to: &'static str,
    /// Whether a session is an application's, which an account may refuse. That of a browser is with none.
    has_client: bool,
}

const WAYS: [Way; 4] = [
    Way {
        path: "/auth/login",
        status: 404,
        return_to: "",
        has_client: true,
    },
    Way {
        path: "/users/token",
        status: 401,
        return_to: "",
        has_client: true,
    },
    Way {
        path: "/_countersign/login",
        status: 401,
        return_to: "/",
        has_client: false,
    },
    // The login page of `namespace`.
    Way {
        path: "/_countersign/login",
        status: 401,
        return_to: "/login?redirect_url=https%3A%2F%2Fapp.example%2Fcallback",
        has_client: false,
    },
];

#[tokio::test]
async fn five_refusals_are_one_answer() {
    let gateway = world().await;
    for way in &WAYS {
        let mut client = HttpClient::connect(gateway.address).await;
        let mut answers = Vec::new();
        for (name, password) in way.refused() {
            let answer = client.ask(way.attempt(name, password)).await;
            assert_eq!(answer.status(), way.status, "{} {name}", way.path);
            answers.push((name, without_what_differs(&answer, name)));
        }
        let [(_, first), rest @ ..] = answers.as_slice() else {
            panic!("no answers")
        };
        for (name, answer) in rest {
            assert_eq!(answer, first, "{} {name}", way.path);
        }
    }
}

#[tokio::test]
async fn five_refusals_take_as_long() {
    let gateway = world().await;
    let mut client = HttpClient::connect(gateway.address).await;
    for way in &WAYS {
        let refused = way.refused();
        let mut took = vec![Vec::new(); refused.len()];
        for round in 0..ROUNDS {
            // In another order each time, so that none always follows the same one.
            for step in 0..refused.len() {
                let which = (round + step * (1 + round % (refused.len() - 1))) % refused.len();
                let (name, password) = refused[which];
                let asked = way.attempt(name, password);
                let began = Instant::now();
                let answer = client.ask(asked).await;
                took[which].push(began.elapsed());
                assert_eq!(answer.status(), way.status, "{name}");
            }
        }
        way.judge(&refused, &took);
    }
}

impl Way {
    /// Whom it refuses.
    fn refused(&self) -> Vec<(&'static str, &'static str)> {
        let is_refused = |(name, _): &(&str, &str)| self.has_client || *name != "refusing";
        REFUSED.into_iter().filter(is_refused).collect()
    }

    fn judge(&self, refused: &[(&str, &str)], took: &[Vec<Duration>]) {
        for (one, (name, _)) in took.iter().zip(refused) {
            for (other, (than, _)) in took.iter().zip(refused) {
                let (sooner, apart) = (chance_to_be_sooner(one, other), apart(one, other));
                assert!(
                    (0.2..=0.8).contains(&sooner) || apart < 0.1,
                    "{} {name} is told from {than}: sooner in {sooner:.2} of all pairs, medians {apart:.2} apart",
                    self.path
                );
            }
        }
    }

    fn attempt(&self, name: &str, password: &str) -> String {
        let fields = [
            ("client_guid", "app"),
            ("acctname", name),
            ("acctpass", password),
            ("client", "app"),
            ("email", name),
            ("username", name),
            ("password", password),
            ("return_to", self.return_to),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let (path, length) = (self.path, body.len());
        format!(
            "POST {path} HTTP/1.1\r\nHost: app.example\r\nSec-Fetch-Site: same-origin\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    }
}

/// Of each refusal, in each dialect.
const ROUNDS: usize = 24;

/// How often one of the first is sooner than one of the others, over all pairs: a half if nobody could tell them apart
/// (Mann and Whitney's statistic). What happens beside, a slow disk or another process, does not move it far.
fn chance_to_be_sooner(ones: &[Duration], others: &[Duration]) -> f64 {
    let pairs = ones
        .iter()
        .flat_map(|one| others.iter().map(move |other| one.cmp(other)));
    let (mut sooner, mut all) = (0.0, 0.0);
    for order in pairs {
        all += 1.0;
        sooner += match order {
            std::cmp::Ordering::Less => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Greater => 0.0,
        };
    }
    sooner / all
}

/// How far their medians are apart, as a part of the larger.
fn apart(ones: &[Duration], others: &[Duration]) -> f64 {
    let median = |of: &[Duration]| {
        let mut sorted = of.to_vec();
        sorted.sort_unstable();
        sorted[sorted.len() / 2].as_secs_f64()
    };
    let (one, other) = (median(ones), median(others));
    (one - other).abs() / one.max(other)
}

/// Accounts that are refused, each for its own reason.
async fn world() -> Gateway {
    let gateway = Gateway::start(SPOKEN).await;
    let client = Client {
        id: ClientId::parse("app").unwrap(),
        name: "app".into(),
        redirect_urls: vec!["https://app.example/callback".into()],
        handoff: Handoff::Token,
        created_at: action().at,
    };
    gateway.auth.clients.add(&client, &action()).await.unwrap();
    let accounts = &gateway.auth.accounts;
    for name in ["wrong", "disabled", "refusing"] {
        let id = gateway.account(name).await.id;
        let (password, action) = (Password::new(PASSWORD), action());
        let set = accounts.set_password(&id, password, None, &action).await;
        set.unwrap();
        if name == "disabled" {
            let disabled = AccountStatus::Disabled;
            accounts.set_status(&id, disabled, &action).await.unwrap();
        }
        if name == "refusing" {
            let (clients, app) = (&gateway.auth.clients, ClientId::parse("app").unwrap());
            let refused = clients.set_refused(&id, &app, true, &action).await;
            refused.unwrap();
        }
    }
    gateway.account("shadow").await;
    gateway
}

/// All of it but the request's id, the time, and the name that was typed, which a page repeats.
fn without_what_differs(answer: &Message, name: &str) -> String {
    let kept = answer.head.lines().filter(|line| {
        let (field, _) = line.split_once(':').unwrap_or_default();
        !["x-request-id", "date", "content-length"].contains(&&*field.to_ascii_lowercase())
    });
    let head: Vec<&str> = kept.collect();
    let body = answer.text().replace(&format!("value=\"{name}\""), "value");
    format!("{}\n{body}", head.join("\n"))
}
