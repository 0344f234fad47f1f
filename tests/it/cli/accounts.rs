//! Accounts, their tokens and sessions, as an operator manages them.

use countersign::model::audit::Actor;
use countersign::model::factor::RecoveryCode;
use countersign::model::id::AccountId;
use countersign::model::time::Timestamp;
use countersign::store::Action;

use super::{Place, keys};

#[test]
fn an_account_is_made_with_its_id_alone_on_standard_output() {
    let place = Place::new();
    let ran = place.run_with(
        &["user", "add", "--email", "a@b.example", "--password-stdin"],
        "a good password\n",
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let id = ran.out.trim_end();
    assert!(!id.is_empty() && !id.contains(char::is_whitespace), "{id}");
    assert_eq!(ran.out, format!("{id}\n"));
    let rows = place.rows(&["user", "list"]);
    assert_eq!(rows.len(), 1);
    assert_eq!(
        keys(&rows[0]),
        [
            "created_at",
            "email",
            "groups",
            "id",
            "kind",
            "name",
            "pending_email",
            "role",
            "status",
            "username"
        ]
    );
    assert_eq!(rows[0]["id"], id);
    assert_eq!(rows[0]["email"], "a@b.example");
    assert_eq!(rows[0]["role"], "member");
    assert_eq!(rows[0]["groups"], serde_json::json!([]));
    assert_eq!(rows[0]["kind"], "full");
    assert_eq!(rows[0]["status"], "active");
    assert!(rows[0]["username"].is_null() && rows[0]["pending_email"].is_null());
    assert!(rows[0]["created_at"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn everything_about_an_account_can_be_said_when_it_is_made() {
    let place = Place::new();
    let id = place.good(&[
        "user",
        "add",
        "--email",
        "a@b",
        "--username",
        "ab",
        "--name",
        "A B",
        "--role",
        "staff",
        "--group",
        "x",
        "--group",
        "y",
        "--id",
        "u-1",
        "--shadow",
    ]);
    assert_eq!(id, "u-1");
    for user in ["u-1", "a@b", "A@B", "ab"] {
        let rows = place.rows(&["user", "show", user]);
        assert_eq!(rows[0]["name"], "A B", "{user}");
        assert_eq!(rows[0]["groups"], serde_json::json!(["x", "y"]));
        assert_eq!(rows[0]["kind"], "shadow");
        assert_eq!(rows[0]["role"], "staff");
    }
    let shown = place.good(&["user", "show", "ab"]);
    assert!(shown.contains("groups") && shown.contains("x,y"), "{shown}");
    let listed = place.good(&["user", "list"]);
    assert!(
        listed.starts_with("ID ") && listed.contains("u-1"),
        "{listed}"
    );
}

#[test]
fn what_cannot_be_an_account_is_refused() {
    let place = Place::new();
    place.good(&[
        "user",
        "add",
        "--email",
        "a@b",
        "--username",
        "ab",
        "--id",
        "u-1",
        "--shadow",
    ]);
    for (arguments, code, says) in [
        (&["--shadow"][..], 2, "--email"),
        (&["--email", "nonsense", "--shadow"], 2, "e-mail address"),
        (&["--email", "c@d", "--role", "a,b", "--shadow"], 2, "role"),
        (&["--email", "c@d"], 2, "--password-stdin"),
        (
            &["--email", "c@d", "--password-stdin"],
            2,
            "first line is empty",
        ),
        (
            &["--email", "c@d", "--password-stdin", "--shadow"],
            2,
            "--shadow",
        ),
        (&["--email", "c@d", "--password", "secret"], 2, "--password"),
        (&["--email", "A@b", "--shadow"], 1, "taken"),
        (&["--username", "AB", "--shadow"], 1, "taken"),
        (&["--email", "c@d", "--id", "u-1", "--shadow"], 1, "taken"),
    ] {
        place.bad(&[&["user", "add"], arguments].concat(), code, says);
    }
    let short = place.run_with(
        &["user", "add", "--email", "c@d", "--password-stdin"],
        "short\n",
    );
    assert_eq!(short.code, 1, "{short:?}");
    assert!(short.err.contains("at least 8"), "{short:?}");
    assert_eq!(place.rows(&["user", "list"]).len(), 1);
}

#[test]
fn an_account_is_changed() {
    let place = Place::new();
    let id = place.good(&["user", "add", "--email", "a@b", "--shadow"]);
    let show = || place.rows(&["user", "show", &id]).remove(0);
    place.good(&["user", "set-role", "a@b", "admin"]);
    assert_eq!(show()["role"], "admin");
    place.good(&["user", "set-groups", "a@b", "x", "y"]);
    assert_eq!(show()["groups"], serde_json::json!(["x", "y"]));
    place.good(&["user", "set-groups", "a@b"]);
    assert_eq!(show()["groups"], serde_json::json!([]));
    place.good(&["user", "disable", &id]);
    assert_eq!(show()["status"], "disabled");
    place.good(&["user", "enable", &id]);
    assert_eq!(show()["status"], "active");
    let changed = place.good_with(
        &["user", "set-password", &id, "--password-stdin"],
        "long enough\n",
    );
    assert_eq!(changed, "");
    assert_eq!(show()["kind"], "full");
}

#[tokio::test]
async fn somebody_who_lost_their_factors_gets_in_again() {
    let place = Place::new();
    let id = place.good(&["user", "add", "--email", "a@b.example", "--shadow"]);
    let show = || place.rows(&["user", "show", &id]).remove(0);
    assert_eq!(show()["factors"], serde_json::json!([]));
    let (store, account) = (place.store(), AccountId::parse(&id).unwrap());
    let code = RecoveryCode::generate().digest(&account);
    let action = Action::new(Timestamp::from_seconds(1), Actor::System, None);
    let added = store
        .replace_recovery_codes(&account, &[code], &action)
        .await;
    assert!(added.is_ok());
    assert_eq!(show()["factors"], serde_json::json!(["recovery_code"]));
    assert!(place.good(&["user", "show", &id]).contains("recovery_code"));
    let reset = place.run(&["user", "reset-factors", "a@b.example"]);
    assert_eq!((reset.code, reset.out.as_str()), (0, ""), "{reset:?}");
    assert!(
        reset.err.contains("no second factors any more"),
        "{reset:?}"
    );
    assert_eq!(show()["factors"], serde_json::json!([]));
    let records = place.rows(&["audit", "list"]);
    let last = records.last().unwrap();
    assert_eq!(last["event"], "user.reset-factors");
    assert_eq!(
        (&last["user"], &last["actor"]),
        (&id.into(), &"operator".into())
    );
    let mails = store
        .claim_mails(Timestamp::from_millis(i64::MAX), action.at, 10)
        .await;
    assert!(
        mails
            .unwrap()
            .iter()
            .any(|it| it.mail.text.contains("An operator removed all"))
    );
    let again = place.run(&["user", "reset-factors", "a@b.example"]);
    assert!(
        again.err.contains("no second factors to remove"),
        "{again:?}"
    );
    assert_eq!(place.rows(&["audit", "list"]).len(), records.len());
}

#[test]
fn nothing_is_done_to_an_account_that_is_not_there() {
    let place = Place::new();
    for arguments in [
        &["user", "show", "no@body"][..],
        &["user", "set-role", "no@body", "x"],
        &["user", "set-groups", "no@body"],
        &["user", "set-password", "no@body", "--password-stdin"],
        &["user", "disable", "no@body"],
        &["user", "enable", "no@body"],
        &["user", "reset-factors", "no@body"],
        &["user", "delete", "no@body", "--yes"],
        &["token", "issue", "--user", "no@body", "--label", "l"],
        &["token", "list", "--user", "no@body"],
        &["session", "list", "--user", "no@body"],
        &["session", "revoke", "--user", "no@body", "--all"],
    ] {
        place.bad(arguments, 1, "no@body");
    }
}

#[test]
fn deleting_wants_a_yes() {
    let place = Place::new();
    place.good(&["user", "add", "--email", "a@b", "--shadow"]);
    place.bad(&["user", "delete", "a@b"], 2, "--yes");
    assert_eq!(place.rows(&["user", "list"]).len(), 1);
    assert_eq!(place.good(&["user", "delete", "a@b", "--yes"]), "");
    assert!(place.rows(&["user", "list"]).is_empty());
}

#[test]
fn an_invitation_is_a_link() {
    let place = Place::new();
    let ran = place.run(&[
        "user",
        "invite",
        "--email",
        "new@b.example",
        "--role",
        "staff",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("http://127.0.0.1:8080/"), "{ran:?}");
    assert_eq!(ran.out.lines().count(), 1, "{ran:?}");
    assert!(!ran.err.contains("csl_"), "{ran:?}");
}

#[test]
fn a_tokens_secret_is_alone_on_standard_output_and_nowhere_else() {
    let place = Place::new();
    let user = place.good(&["user", "add", "--email", "a@b", "--shadow"]);
    let issue = [
        "token",
        "issue",
        "--user",
        "a@b",
        "--label",
        "ci",
        "--scope",
        "read",
        "--scope",
        "write",
        "--expires",
        "90d",
    ];
    let ran = place.run(&issue);
    assert_eq!(ran.code, 0, "{ran:?}");
    let secret = ran.out.trim_end().to_owned();
    assert!(secret.starts_with("csp_"), "{secret}");
    assert_eq!(ran.out, format!("{secret}\n"));
    assert!(!ran.err.contains(&secret), "{}", ran.err);

    let rows = place.rows(&["token", "list"]);
    assert_eq!(
        keys(&rows[0]),
        [
            "created_at",
            "expires_at",
            "id",
            "label",
            "last_used_at",
            "scopes",
            "user_id"
        ]
    );
    assert_eq!(rows[0]["user_id"], user.as_str());
    assert_eq!(rows[0]["label"], "ci");
    assert_eq!(rows[0]["scopes"], serde_json::json!(["read", "write"]));
    assert!(rows[0]["last_used_at"].is_null());
    assert!(
        place.rows(&["session", "list"]).is_empty(),
        "a token is no login"
    );

    let audit = place.good(&["audit", "list", "--json"]);
    assert!(
        audit.contains("token.issue") && !audit.contains(&secret),
        "{audit}"
    );
    let id = rows[0]["id"].as_str().unwrap();
    assert_eq!(place.good(&["token", "revoke", id]), "");
    assert!(place.rows(&["token", "list"]).is_empty());
    place.bad(&["token", "revoke", id], 1, id);
    place.bad(&["session", "revoke", id], 1, id);
}

#[test]
fn tokens_and_sessions_want_usable_values() {
    let place = Place::new();
    place.good(&["user", "add", "--email", "a@b", "--shadow"]);
    let issue = ["token", "issue", "--user", "a@b"];
    for (arguments, says) in [
        (&[][..], "--label"),
        (&["--label", "l", "--scope", "a b"], "scope"),
        (&["--label", "l", "--expires", "soon"], "duration"),
    ] {
        place.bad(&[&issue[..], arguments].concat(), 2, says);
    }
    place.bad(&["session", "revoke"], 2, "<ID>");
    place.bad(&["session", "revoke", "--user", "a@b"], 2, "--all");
    place.bad(&["session", "revoke", "not-an-id"], 2, "not-an-id");
    place.good(&["user", "disable", "a@b"]);
    place.bad(&[&issue[..], &["--label", "l"]].concat(), 1, "disabled");
}

#[test]
fn everything_of_an_account_is_revoked_at_once() {
    let place = Place::new();
    place.good(&["user", "add", "--email", "a@b", "--shadow"]);
    place.good(&["user", "add", "--email", "c@d", "--shadow"]);
    for user in ["a@b", "a@b", "c@d"] {
        place.good(&["token", "issue", "--user", user, "--label", "l"]);
    }
    place.good(&["session", "revoke", "--user", "a@b", "--all"]);
    assert!(place.rows(&["token", "list", "--user", "a@b"]).is_empty());
    assert_eq!(place.rows(&["token", "list", "--user", "c@d"]).len(), 1);
}

#[test]
fn the_audit_list_tells_who_did_what_and_from_when_on() {
    let place = Place::new();
    let id = place.good(&["user", "add", "--email", "a@b", "--shadow"]);
    let rows = place.rows(&["audit", "list"]);
    let row = rows.iter().find(|row| row["event"] == "user.add").unwrap();
    assert_eq!(row["actor"], "operator");
    assert_eq!(row["result"], "success");
    assert_eq!(row["user"], id.as_str());
    assert_eq!(
        place.rows(&["audit", "list", "--since", "1h"]).len(),
        rows.len()
    );
    assert!(
        place
            .rows(&["audit", "list", "--since", "2999-01-01T00:00:00Z"])
            .is_empty()
    );
    place.bad(&["audit", "list", "--since", "yesterday"], 2, "24h");
}

#[test]
fn a_store_in_memory_is_out_of_reach() {
    let config = super::CONFIG.replace("sqlite:countersign.db", "memory:");
    let place = Place::with(&config);
    for arguments in [
        &["user", "add", "--email", "a@b", "--shadow"][..],
        &["user", "list"],
        &["client", "add", "--name", "x"],
        &["backup", "x"],
    ] {
        place.bad(arguments, 1, "memory:");
    }
}
