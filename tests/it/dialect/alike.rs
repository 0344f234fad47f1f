//! All five reasons to refuse a login look the same from outside: in every byte, and in how long they take. Through the
//! whole gateway, with its own store and hashes of a usual price.

use std::time::{Duration, Instant};

use countersign::auth::password::Password;
use countersign::model::account::AccountStatus;
use countersign::model::id::ClientId;

use super::super::support::gateway::action;
use super::super::support::message::Message;
use super::super::support::{Client, Gateway};

const PASSWORD: &str = "correct horse battery staple";
const SPOKEN: &str = "[dialect.x_auth]\n[dialect.key_token]\n[password]\nmemory = \"8MiB\"\niterations = 2\nconcurrency = 1\n\
    [throttle]\nper_account = \"100000/5m\"\nper_ip = \"100000/5m\"\n";

/// Whom a login names, with the right password but for the second.
const REFUSED: [(&str, &str); 5] = [
    ("unknown", PASSWORD),
    ("wrong", "not the password"),
    ("disabled", PASSWORD),
    ("refusing", PASSWORD),
    ("shadow", PASSWORD),
];

#[tokio::test]
async fn five_refusals_are_one_answer() {
    let gateway = world().await;
    for path in ["/auth/login", "/users/token", "/_countersign/login"] {
        let mut client = Client::connect(gateway.address).await;
        let mut answers = Vec::new();
        for (name, password) in REFUSED {
            // Our page refuses no client: a browser's session is with none.
            if path.starts_with("/_") && name == "refusing" {
                continue;
            }
            let answer = client.ask(attempt(path, name, password)).await;
            answers.push((name, without_what_differs(&answer, name)));
        }
        let [(_, first), rest @ ..] = answers.as_slice() else {
            panic!("no answers")
        };
        assert!(first.starts_with("HTTP/1.1 40"), "{first}");
        for (name, answer) in rest {
            assert_eq!(answer, first, "{path} {name}");
        }
    }
}

#[tokio::test]
async fn five_refusals_take_as_long() {
    let gateway = world().await;
    let mut client = Client::connect(gateway.address).await;
    let mut took: [Vec<Duration>; 5] = Default::default();
    for round in 0..ROUNDS {
        // In another order each time, so that none always follows the same one.
        for step in 0..REFUSED.len() {
            let which = (round + step * (1 + round % 4)) % REFUSED.len();
            let (name, password) = REFUSED[which];
            let asked = attempt("/auth/login", name, password);
            let began = Instant::now();
            let answer = client.ask(asked).await;
            took[which].push(began.elapsed());
            assert_eq!(answer.status(), 404, "{name}");
        }
    }
    for (one, (name, _)) in took.iter().zip(REFUSED) {
        for (other, (than, _)) in took.iter().zip(REFUSED) {
            let (sooner, apart) = (chance_to_be_sooner(one, other), apart(one, other));
            assert!(
                (0.2..=0.8).contains(&sooner) || apart < 0.1,
                "{name} is told from {than}: sooner in {sooner:.2} of all pairs, medians {apart:.2} apart"
            );
        }
    }
}

const ROUNDS: usize = 40;

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
    gateway.client("app").await;
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

fn attempt(path: &str, name: &str, password: &str) -> String {
    let fields = [
        ("client_guid", "app"),
        ("acctname", name),
        ("acctpass", password),
        ("client", "app"),
        ("email", name),
        ("username", name),
        ("password", password),
    ];
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: app.example\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
    )
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
