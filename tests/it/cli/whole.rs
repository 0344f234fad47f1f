//! The store as a whole, and hashes that are made by hand.

use super::Place;

#[test]
fn a_backup_brings_back_what_was_there() {
    let place = Place::new();
    place.good(&["user", "add", "--email", "a@b", "--shadow"]);
    place.good(&["backup", "copy.db"]);
    place.bad(&["backup", "copy.db"], 1, "copy.db");
    place.good(&["user", "delete", "a@b", "--yes"]);
    place.good(&["restore", "copy.db"]);
    assert_eq!(place.rows(&["user", "list"]).len(), 1);
    place.good(&["migrate"]);
}

#[test]
fn what_is_no_store_is_not_restored_and_what_is_not_there_not_backed_up() {
    let place = Place::new();
    place.write("copy.db", "nonsense");
    place.bad(&["restore", "copy.db"], 1, "copy.db");
    place.bad(&["restore", "missing.db"], 1, "missing.db");
    place.bad(&["backup", "new.db"], 1, "no store");
}

#[test]
fn a_hash_costs_what_the_configuration_says() {
    let hash = |place: &Place| place.good_with(&["hash", "--password-stdin"], "a good password\n");
    let configured = hash(&Place::new());
    assert!(
        configured.starts_with("$argon2id$v=19$m=8192,t=1,p=1$"),
        "{configured}"
    );
    let default = hash(&Place::empty());
    assert!(
        default.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{default}"
    );
    Place::empty().bad(&["hash"], 2, "--password-stdin");
}
