//! Linked accounts, as an operator manages them.

use super::{Place, keys};

#[test]
fn a_connection_is_added_listed_and_removed() {
    let place = Place::new();
    let user = place.good(&["user", "add", "--email", "a@b", "--shadow"]);
    let add = ["connection", "add", "--user", "a@b", "--provider", "github"];
    let named = [
        &add[..],
        &["--provider-user-id", "42", "--name", "A at github"],
    ]
    .concat();
    let id = place.good(&named);
    let nameless = place.good(&[&add[..], &["--provider-user-id", "43"]].concat());
    let rows = place.rows(&["connection", "list"]);
    assert_eq!(rows.len(), 2);
    let row = rows.iter().find(|row| row["id"] == id.as_str()).unwrap();
    assert_eq!(
        keys(row),
        [
            "id",
            "linked_at",
            "name",
            "provider",
            "provider_user_id",
            "user_id"
        ]
    );
    assert_eq!(row["user_id"], user.as_str());
    assert_eq!(row["provider"], "github");
    assert_eq!(row["provider_user_id"], "42");
    assert_eq!(row["name"], "A at github");
    assert!(row["linked_at"].as_str().unwrap().ends_with('Z'));
    place.bad(&named, 1, "taken");
    assert_eq!(place.good(&["connection", "remove", &id]), "");
    place.bad(&["connection", "remove", &id], 1, &id);
    let left = place.rows(&["connection", "list"]);
    assert_eq!(left.len(), 1);
    assert_eq!(
        (&left[0]["id"], &left[0]["name"]),
        (&nameless.into(), &().into())
    );
    let audit = place.good(&["audit", "list"]);
    assert!(
        audit.contains("user.connect") && audit.contains("user.disconnect"),
        "{audit}"
    );
}

#[test]
fn what_cannot_be_a_connection_is_refused() {
    let place = Place::new();
    let add = [
        "connection",
        "add",
        "--provider",
        "github",
        "--provider-user-id",
        "42",
    ];
    place.bad(&add, 2, "--user");
    place.bad(&[&add[..], &["--user", "x@y"]].concat(), 1, "x@y");
    place.bad(
        &["connection", "add", "--user", "x@y", "--provider", "github"],
        2,
        "--provider-user-id",
    );
    place.bad(
        &["connection", "remove", "no-id"],
        2,
        "as the list shows it",
    );
}
