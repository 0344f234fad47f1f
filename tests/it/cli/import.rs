//! Accounts of other systems.

use super::Place;

#[test]
fn each_format_is_known_by_the_files_name() {
    let place = Place::new();
    let hash = place.good_with(&["hash", "--password-stdin"], "their password\n");
    let row = |email: &str| {
        format!(
            r#"{{"email": "{email}", "role": "staff", "groups": ["x"], "password_hash": "{hash}"}}"#
        )
    };
    for (name, text) in [
        ("a.json", format!("[{}]", row("json@b"))),
        ("a.jsonl", format!("{}\n", row("jsonl@b"))),
        (
            "a.csv",
            format!("email,role,groups,password_hash\ncsv@b,staff,x,\"{hash}\"\n"),
        ),
        (".htpasswd", format!("htpasswd@b:{hash}\n")),
    ] {
        place.write(name, &text);
        place.good(&["user", "import", name]);
    }
    let rows = place.rows(&["user", "list"]);
    assert_eq!(rows.len(), 4);
    for row in &rows {
        assert_eq!(row["kind"], "full", "{row}");
    }
    assert_eq!(rows[2]["email"], "csv@b");
    assert_eq!(rows[2]["role"], "staff");
    assert_eq!(rows[2]["groups"], serde_json::json!(["x"]));
    assert_eq!(rows[3]["role"], "member");
}

#[test]
fn every_bad_row_is_told_with_its_line_and_the_good_ones_are_imported() {
    let place = Place::new();
    place.good(&["user", "add", "--email", "there@b", "--shadow"]);
    place.write(
        "a.jsonl",
        "{\"email\":\"a@b\"}\n{\"email\":\"nonsense\"}\nbroken\n{\"email\":\"there@b\"}\n{\"email\":\"A@B\"}\n{\"email\":\"c@d\"}\n",
    );
    let atomic = place.run(&["user", "import", "a.jsonl", "--atomic"]);
    assert_eq!(atomic.code, 1, "{atomic:?}");
    assert_eq!(place.rows(&["user", "list"]).len(), 1);
    let ran = place.run(&["user", "import", "a.jsonl"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(place.rows(&["user", "list"]).len(), 3);
    for line in ["a.jsonl:2:", "a.jsonl:3:", "a.jsonl:4:", "a.jsonl:5:"] {
        assert!(ran.err.contains(line), "{line}: {}", ran.err);
        assert!(atomic.err.contains(line), "{line}: {}", atomic.err);
    }
    assert!(
        !ran.err.contains("a.jsonl:1:") && !ran.err.contains("a.jsonl:6:"),
        "{}",
        ran.err
    );
}

#[test]
fn a_file_that_is_whole_is_imported_whole() {
    let place = Place::new();
    place.write("a.json", r#"[{"username": "a"}, {"username": "b"}]"#);
    place.good(&["user", "import", "a.json", "--atomic"]);
    let rows = place.rows(&["user", "list"]);
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["kind"], "shadow");
}

#[test]
fn the_format_has_to_be_known_and_the_file_there() {
    let place = Place::new();
    place.write("a.txt", "jo:x\n");
    place.bad(&["user", "import", "a.txt"], 2, "--format");
    place.bad(&["user", "import", "a.txt", "--format", "xml"], 2, "xml");
    place.bad(&["user", "import", "b.json"], 1, "b.json");
    place.bad(
        &["user", "import", "a.txt", "--format", "htpasswd"],
        1,
        "1 of 1",
    );
}
