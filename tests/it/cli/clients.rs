//! Client applications, as an operator manages them.

use super::{Place, keys};

#[test]
fn a_client_is_made_with_its_id_alone_on_standard_output() {
    let place = Place::new();
    let id = place.good(&["client", "add", "--name", "My App"]);
    let rows = place.rows(&["client", "list"]);
    assert_eq!(
        keys(&rows[0]),
        ["created_at", "handoff", "id", "name", "redirect_urls"]
    );
    assert_eq!(rows[0]["id"], id.as_str());
    assert_eq!(rows[0]["name"], "My App");
    assert_eq!(rows[0]["handoff"], "token");
    assert_eq!(rows[0]["redirect_urls"], serde_json::json!([]));
}

#[test]
fn everything_about_a_client_can_be_said_when_it_is_made() {
    let place = Place::new();
    let urls = ["https://a.example/back?x=1", "http://127.0.0.1:3000/"];
    let id = place.good(&[
        "client",
        "add",
        "--name",
        "N",
        "--id",
        "c-1",
        "--redirect-url",
        urls[0],
        "--redirect-url",
        urls[1],
        "--handoff",
        "code",
    ]);
    assert_eq!(id, "c-1");
    let row = place.rows(&["client", "show", "c-1"]).remove(0);
    assert_eq!(row["redirect_urls"], serde_json::json!(urls));
    assert_eq!(row["handoff"], "code");
}

#[test]
fn what_cannot_be_a_client_is_refused() {
    let place = Place::new();
    place.good(&["client", "add", "--name", "N", "--id", "c-1"]);
    let add = ["client", "add", "--name", "N"];
    for (arguments, code, says) in [
        (&["--redirect-url", "/back"][..], 2, "absolute"),
        (
            &["--redirect-url", "javascript:alert(1)"],
            2,
            "http or https",
        ),
        (&["--redirect-url", "https://a.example/#x"], 2, "fragment"),
        (&["--redirect-url", "https:a.example"], 2, "absolute"),
        (&["--handoff", "cookie"], 2, "token or code"),
        (&["--id", "a b"], 2, "not an id"),
        (&["--id", "c-1"], 1, "taken"),
    ] {
        place.bad(&[&add[..], arguments].concat(), code, says);
    }
    place.bad(&["client", "add", "--name", ""], 2, "--name");
    place.bad(&["client", "show", "c-2"], 1, "c-2");
}

#[test]
fn a_client_is_refused_allowed_and_deleted() {
    let place = Place::new();
    place.good(&["user", "add", "--email", "a@b", "--shadow"]);
    place.good(&["client", "add", "--name", "N", "--id", "c-1"]);
    for command in ["refuse", "allow"] {
        assert_eq!(place.good(&["client", command, "c-1", "--user", "a@b"]), "");
        place.bad(&["client", command, "c-2", "--user", "a@b"], 1, "c-2");
        place.bad(&["client", command, "c-1", "--user", "x@y"], 1, "x@y");
    }
    let audit = place.good(&["audit", "list"]);
    assert!(
        audit.contains("client.refuse") && audit.contains("client.allow"),
        "{audit}"
    );
    place.bad(&["client", "delete", "c-1"], 2, "--yes");
    assert_eq!(place.good(&["client", "delete", "c-1", "--yes"]), "");
    assert!(place.rows(&["client", "list"]).is_empty());
    place.bad(&["client", "delete", "c-1", "--yes"], 1, "c-1");
}
