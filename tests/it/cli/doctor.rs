//! `doctor`, beside real sockets and files that are as they often are.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use super::{Place, keys};

/// A configuration whose upstream listens at a port, with more at the top of it.
fn config(port: u16, more: &str) -> String {
    format!(
        r#"
[server]
external_url = "https://id.example"
trusted_proxies = ["127.0.0.1/32"]
[[listen]]
address = "127.0.0.1:8080"
[store]
url = "sqlite:countersign.db"
[mail]
transport = "file"
directory = "mail"
[upstream.app]
servers = ["http://127.0.0.1:{port}"]
[[route]]
name = "app"
path = "/"
upstream = "app"
access = "required"
accept = ["bearer", "cookie"]
{more}
"#
    )
}

/// What is done to an installation so that something is wrong with it.
type Spoil = fn(&Place);

/// What was found, by what it is about, and whether the command was content.
fn found(place: &Place) -> (Vec<(String, String)>, bool) {
    let ran = place.run(&["doctor", "--json"]);
    let rows: Vec<Value> = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let found = rows.iter().map(|row| {
        assert_eq!(keys(row), ["detail", "verdict", "what"]);
        (text(row, "what"), text(row, "verdict"))
    });
    (found.collect(), ran.code == 0)
}

#[test]
fn a_sound_installation_gives_no_cause_for_words() {
    let app = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = Place::with(&config(app.local_addr().unwrap().port(), ""));
    let (found, content) = found(&place);
    assert!(content);
    let what: Vec<&str> = found.iter().map(|(what, _)| what.as_str()).collect();
    let expected = [
        "store",
        "clock",
        "upstream app",
        "upstream app past us",
        "mail",
        "tls",
        "cookie",
    ];
    assert_eq!(what, expected);
    assert!(
        found.iter().all(|(_, verdict)| verdict == "good"),
        "{found:?}"
    );
}

#[test]
fn each_thing_that_usually_goes_wrong_is_said() {
    let everywhere = TcpListener::bind("0.0.0.0:0").unwrap();
    let here = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let [everywhere_at, here_at, nobody_at] =
        [&everywhere, &here, &nobody].map(|it| it.local_addr().unwrap().port());
    drop(nobody);
    let nothing: Spoil = |_| ();
    let cases: [(&str, u16, &str, Spoil, &str); 7] = [
        ("past us", everywhere_at, "", nothing, "warning"),
        ("upstream app", nobody_at, "", nothing, "failure"),
        (
            "cookie",
            here_at,
            "host = \"app.example\"",
            nothing,
            "warning",
        ),
        ("listener", here_at, "", far, "warning"),
        ("tls", here_at, "", alone, "warning"),
        ("store", here_at, "", open_store, "failure"),
        ("admin token", here_at, "", open_token, "warning"),
    ];
    for (what, port, more, spoil, verdict) in cases {
        let place = Place::with(&config(port, more));
        spoil(&place);
        let (found, content) = found(&place);
        let is_said = |(about, said): &(String, String)| about.ends_with(what) && said == verdict;
        assert!(found.iter().any(is_said), "{what}: {found:?}");
        assert_eq!(content, verdict != "failure", "{what}: {found:?}");
    }
}

fn change(place: &Place, from: &str, to: &str) {
    let file = place.path().join("countersign.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(from));
    std::fs::write(file, text.replace(from, to)).unwrap();
}

fn far(place: &Place) {
    change(
        place,
        "address = \"127.0.0.1:8080\"",
        "address = \"0.0.0.0:8080\"",
    );
}

fn alone(place: &Place) {
    change(place, "[\"127.0.0.1/32\"]", "[]");
}

fn open_store(place: &Place) {
    place.good(&["user", "list"]);
    let file = place.path().join("countersign.db");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).unwrap();
}

fn open_token(place: &Place) {
    place.write("admin.token", "a-secret-of-many-letters");
    let file = place.path().join("admin.token");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).unwrap();
    change(
        place,
        "[store]",
        "[admin]\ntoken_file = \"admin.token\"\n[store]",
    );
}
