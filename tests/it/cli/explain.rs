//! What becomes of a request, told without sending it.

use super::Place;

#[test]
fn a_good_credential_is_followed_to_the_headers_that_go_upstream() {
    let place = Place::new();
    let id = place.good(&[
        "user", "add", "--email", "a@b", "--role", "staff", "--shadow",
    ]);
    let token = place.good(&["token", "issue", "--user", "a@b", "--label", "l"]);
    let told = place.good(&[
        "explain",
        "--method",
        "POST",
        "--url",
        "http://127.0.0.1:8080/x?y=1",
        "--header",
        &format!("Authorization: Bearer {token}"),
        "--header",
        "X-Forwarded-User: root",
    ]);
    for part in [
        "app",
        "bearer",
        "/x?y=1",
        &format!("x-forwarded-user: {id}"),
        "x-forwarded-role: staff",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    assert!(!told.contains(&token) && !told.contains("root"), "{told}");
}

#[test]
fn a_refusal_is_told_with_its_answer_and_exits_0() {
    let place = Place::new();
    for (arguments, parts) in [
        (
            &["--url", "/x"][..],
            &["401", "WWW-Authenticate: Bearer", "Basic"][..],
        ),
        (
            &["--url", "/x", "--header", "X-Auth: csa_broken"],
            &["401", "x-auth", "invalid_token"],
        ),
        (
            &[
                "--url",
                "/x",
                "--header",
                "X-Auth: a",
                "--header",
                "Authorization: b",
            ],
            &["400"],
        ),
        (&["--url", "/a/../b"], &["400"]),
        (&["--url", "/x", "--method", "TRACE"], &["405"]),
        (&["--url", "/pub/x"], &["public", "upstream"]),
        (
            &["--url", "/users/token", "--method", "POST"],
            &["countersign itself"],
        ),
    ] {
        let told = place.good(&[&["explain"], arguments].concat());
        for part in parts {
            assert!(
                told.contains(part),
                "{arguments:?}: {part} is not in {told}"
            );
        }
    }
}

#[test]
fn what_is_no_request_is_wrong_usage() {
    let place = Place::new();
    for (arguments, says) in [
        (&[][..], "--url"),
        (&["--url", "example.org/x"], "expected http"),
        (&["--url", "/x", "--header", "no colon"], "Name: value"),
        (&["--url", "/x", "--method", "G T"], "--method"),
    ] {
        place.bad(&[&["explain"], arguments].concat(), 2, says);
    }
}
