//! The environment stands over the file.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use countersign::config::dialect::Registration;
use countersign::config::listen::ListenAddress;
use countersign::config::section::{MailTransport, StoreUrl};
use countersign::config::{Config, EXAMPLE, Environment, Location, default_file};
use countersign::model::policy::Access;

use super::{MINIMAL, read_with};

#[expect(clippy::panic, reason = "the mistakes are the message")]
fn with(text: &str, variables: &[(&str, &str)]) -> Config {
    let environment = Environment::of(variables.iter().copied());
    read_with(text, &environment).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[test]
fn variables_of_every_type_stand_over_the_file() {
    let config = with(
        EXAMPLE,
        &[
            ("COUNTERSIGN_SERVER__EXTERNAL_URL", "https://a.example"),
            ("COUNTERSIGN_SERVER__WORKERS", "3"),
            ("COUNTERSIGN_SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
            ("COUNTERSIGN_STORE__URL", "memory:"),
            ("COUNTERSIGN_LIMITS__BODY_IDLE", "5s"),
            ("COUNTERSIGN_ACCOUNTS__CONFIRM_EMAIL", "false"),
            ("COUNTERSIGN_DIALECT__KEY_TOKEN__REGISTRATION", "closed"),
            (
                "COUNTERSIGN_UPSTREAM__APP__SERVERS",
                "[\"http://a:1\", \"http://b:2\"]",
            ),
            ("COUNTERSIGN_UPSTREAM__APP__HEALTH__PATH", "/up"),
            ("COUNTERSIGN_LISTEN__0__ADDRESS", "0.0.0.0:80"),
            ("COUNTERSIGN_ROUTE__4__ACCESS", "optional"),
            ("PATH", "/bin"),
        ],
    );
    assert_eq!(config.server.external_url.as_str(), "https://a.example/");
    assert_eq!(config.server.workers, 3);
    assert_eq!(config.server.trusted_proxies.len(), 2);
    assert_eq!(config.store.url, StoreUrl::Memory);
    assert_eq!(config.limits.body_idle, Duration::from_secs(5));
    assert!(!config.accounts.confirm_email);
    assert_eq!(
        config.dialects.key_token.unwrap().registration,
        Registration::Closed
    );
    assert_eq!(config.upstreams["app"].servers.len(), 2);
    assert_eq!(
        &*config.upstreams["app"].health.as_ref().unwrap().path,
        "/up"
    );
    assert_eq!(
        config.listen[0].address,
        ListenAddress::Tcp("0.0.0.0:80".parse().unwrap())
    );
    assert_eq!(config.routes[4].requirement.access, Access::Optional);
}

#[test]
fn variables_alone_can_be_the_whole_configuration() {
    let config = with(
        "",
        &[
            ("COUNTERSIGN_LISTEN__0__ADDRESS", "0.0.0.0:80"),
            ("COUNTERSIGN_UPSTREAM__APP__SERVERS", "http://a:1"),
            ("COUNTERSIGN_ROUTE__0__NAME", "app"),
            ("COUNTERSIGN_ROUTE__0__UPSTREAM", "app"),
            ("COUNTERSIGN_DIALECT__X_AUTH__PREFIX", ""),
        ],
    );
    assert_eq!((config.listen.len(), config.routes.len()), (1, 1));
    assert!(config.dialects.x_auth.is_some() && config.dialects.key_token.is_none());
}

#[test]
fn where_there_is_one_entry_its_number_may_be_left_out() {
    let one = [
        ("COUNTERSIGN_LISTEN__ADDRESS", "0.0.0.0:80"),
        ("COUNTERSIGN_ROUTE__ACCESS", "none"),
    ];
    let config = with(MINIMAL, &one);
    let address = ListenAddress::Tcp("0.0.0.0:80".parse().unwrap());
    assert_eq!(
        (config.listen.len(), &config.listen[0].address),
        (1, &address)
    );
    assert_eq!(config.routes[0].requirement.access, Access::None);
    let said = read_with(EXAMPLE, &Environment::of(one))
        .unwrap_err()
        .to_string();
    assert!(
        said.starts_with("COUNTERSIGN_ROUTE__ACCESS: route.access: write `__N__KEY`"),
        "{said}"
    );
}

#[test]
fn a_name_with_a_hyphen_is_written_with_an_underscore() {
    let text = MINIMAL.replace("app", "my-app");
    let config = with(
        &text,
        &[("COUNTERSIGN_UPSTREAM__MY_APP__SERVERS", "http://other:1")],
    );
    assert_eq!(config.upstreams.len(), 1);
    assert!(config.show().contains("http://other:1"));
}

#[test]
fn a_secret_can_come_from_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "smtp://jo:hunter2@mail.example\n").unwrap();
    let path = file.path().to_str().unwrap();
    let named = ("COUNTERSIGN_MAIL__URL_FILE", path);
    let smtp = ("COUNTERSIGN_MAIL__TRANSPORT", "smtp");
    let config = with(MINIMAL, &[named, smtp]);
    assert!(
        matches!(&config.mail.transport, MailTransport::Smtp(url) if &**url == "smtp://jo:hunter2@mail.example")
    );
    let twice = Environment::of([named, smtp, ("COUNTERSIGN_MAIL__URL", "smtp://x")]);
    let said = read_with(MINIMAL, &twice).unwrap_err().to_string();
    assert!(said.contains("keep one of the two"), "{said}");
    let absent = Environment::of([("COUNTERSIGN_STORE__URL_FILE", "/no/such/file")]);
    let said = read_with(MINIMAL, &absent).unwrap_err().to_string();
    assert!(
        said.starts_with("COUNTERSIGN_STORE__URL_FILE: store.url: cannot read"),
        "{said}"
    );
}

/// A variable, its value, and words of what is wrong.
const WRONG: &[(&str, &str, &str)] = &[
    (
        "COUNTERSIGN_SERVER__WORKRS",
        "1",
        "did you mean COUNTERSIGN_SERVER__WORKERS?",
    ),
    (
        "COUNTERSIGN_SERVR__WORKERS",
        "1",
        "did you mean COUNTERSIGN_SERVER",
    ),
    (
        "COUNTERSIGN_SERVER_EXTERNAL_URL",
        "http://x",
        "did you mean COUNTERSIGN_SERVER__EXTERNAL_URL?",
    ),
    (
        "COUNTERSIGN_DIALECT__KEY_TOKEN__REGISTRATON",
        "open",
        "COUNTERSIGN_DIALECT__KEY_TOKEN__REGISTRATION?",
    ),
    (
        "COUNTERSIGN_LISTEN__0__ADRESS",
        "127.0.0.1:1",
        "no such variable",
    ),
    (
        "COUNTERSIGN_SERVER__WORKERS",
        "many",
        "server.workers: is a text; write a whole number",
    ),
    ("COUNTERSIGN_SERVER__WORKERS", "9999", "0 to 1024"),
    ("COUNTERSIGN_SERVER", "x", "add `__` and the key"),
    ("COUNTERSIGN_SERVER__WORKERS__X", "1", "no section"),
    ("COUNTERSIGN_ROUTE", "x", "add `__0__` and the key"),
    ("COUNTERSIGN_ROUTE__9__ACCESS", "none", "N from 0 to"),
    ("COUNTERSIGN_ROUTE__X__ACCESS", "none", "no such variable"),
    (
        "COUNTERSIGN_UPSTREAM__APP__SERVERS",
        "[\"http://a",
        "is no list",
    ),
    ("COUNTERSIGN_ACCOUNTS__CONFIRM_EMAIL", "1", "true or false"),
    ("COUNTERSIGN_", "1", "no such variable"),
    (
        "COUNTERSIGN_COUNTERSIGN_SERVER__WORKERS",
        "1",
        "no such variable",
    ),
    (
        "COUNTERSIGN_PORT",
        "tcp://10.0.0.1:80",
        "enableServiceLinks: false",
    ),
    (
        "COUNTERSIGN_SERVICE_HOST",
        "10.0.0.1",
        "enableServiceLinks: false",
    ),
];

#[test]
fn an_unknown_or_wrong_variable_is_a_mistake_with_a_suggestion() {
    for (name, value, words) in WRONG.iter().copied() {
        let text = format!("[server]\nworkers = 0\n{MINIMAL}");
        let environment = Environment::of([(name, value)]);
        let mistakes = read_with(&text, &environment).expect_err(name);
        let said = mistakes.to_string();
        assert!(
            said.starts_with(&format!("{name}: ")) && said.contains(words),
            "{name}\n{said}"
        );
        let location = &mistakes.list()[0].location;
        assert_eq!(*location, Location::Variable(name.into()));
    }
    let endless = format!("COUNTERSIGN_{}", vec!["A"; 30_000].join("__"));
    let said = read_with(MINIMAL, &Environment::of([(endless, "1")])).unwrap_err();
    assert!(said.to_string().contains("deeper"));
}

#[test]
fn a_variable_that_is_not_text_or_has_no_end_is_a_mistake() {
    let latin1 = OsString::from_vec(vec![0xe4]);
    let environment = Environment::of([("COUNTERSIGN_SERVER__REALM", latin1)]);
    let said = read_with(MINIMAL, &environment).unwrap_err().to_string();
    assert!(said.contains("UTF-8"), "{said}");
}

#[test]
fn a_variable_names_the_file() {
    let environment = Environment::of([("COUNTERSIGN_CONFIG", "/x/y.toml")]);
    assert_eq!(default_file(&environment), Some("/x/y.toml".into()));
    assert!(read_with(MINIMAL, &environment).is_ok());
}
