//! `tls`: files are read with the configuration, and what is wrong with them is said where they are named.

use std::os::unix::fs::PermissionsExt as _;

use super::{MINIMAL, good, read};
use crate::support::tls::Authority;

/// A listener with these entries, each on a line from the fourth on.
fn listen(entries: &[String]) -> String {
    let entries = entries.join(",\n");
    format!("[[listen]]\naddress = \"127.0.0.1:443\"\ntls = [\n{entries}\n]\n{MINIMAL}")
}

#[test]
fn a_bad_file_is_a_mistake_at_its_own_key() {
    let authority = Authority::new();
    authority.sign("a", &["a.example"]);
    authority.sign("b", &["b.example"]);
    let entry = |certificate: &str, key: &str| {
        let (certificate, key) = (authority.path(certificate), authority.path(key));
        let (certificate, key) = (certificate.display(), key.display());
        format!("{{ certificate = {certificate:?}, key = {key:?} }}")
    };
    std::fs::write(authority.path("junk"), "not PEM").unwrap();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(authority.path("broken"), broken).unwrap();
    std::fs::write(authority.path("huge"), vec![b'a'; (1 << 20) + 1]).unwrap();
    let hosts = |host: &str| authority.entry("a", &format!("hosts = [{host:?}],"));
    let pair =
        |certificate, private, key, words| (vec![entry(certificate, private)], 4, key, words);
    let written = |entry: String, key, words| (vec![entry], 4, key, words);
    let (first, private) = ("[0].certificate", "[0].key");
    for (entries, line, key, words) in [
        pair("none.pem", "a.key", first, "cannot be read: No such file"),
        pair("a.pem", "none.key", private, "cannot be read: No such file"),
        pair("junk", "a.key", first, "no certificate"),
        pair("a.key", "a.key", first, "no certificate"),
        pair("broken", "a.key", first, "cannot be read; write another"),
        pair("huge", "a.key", first, "larger than 1MiB"),
        pair("a.pem", "junk", private, "no private key"),
        pair("a.pem", "a.pem", private, "no private key"),
        pair("a.pem", "b.key", private, "the key of another certificate"),
        written("{ key = \"a.key\" }".to_owned(), first, "is missing"),
        written(hosts("*"), "[0].hosts[0]", "no name of a host"),
        written(hosts("https://a"), "[0].hosts[0]", "*.example"),
        written(
            authority.entry("a", "host = [\"a\"],"),
            "[0].host",
            "did you mean `hosts`?",
        ),
        (
            vec![
                hosts("a.example"),
                authority.entry("b", "hosts = [\"A.example.\"],"),
            ],
            5,
            "[1].hosts",
            "has a certificate already",
        ),
    ] {
        let mistakes = read(&listen(&entries)).unwrap_err().to_string();
        let at = format!("c.toml:{line}:");
        let key = format!(": listen[0].tls{key}: ");
        let found = mistakes
            .lines()
            .any(|said| said.starts_with(&at) && said.contains(&key) && said.contains(words));
        assert!(found, "{at} {key} {words}\n{mistakes}");
        assert!(!mistakes.contains("PRIVATE KEY"), "{mistakes}");
    }
}

#[test]
fn a_bad_authority_is_a_mistake_and_one_that_nobody_needs_is_said() {
    let authority = Authority::new();
    authority.sign("a", &["a.example"]);
    std::fs::write(authority.path("junk"), "not PEM").unwrap();
    let with = |file: &str| {
        let line = format!(
            "client_ca = {:?}\n",
            authority.path(file).display().to_string()
        );
        let listen = listen(&[authority.entry("a", "")]);
        listen.replacen("[upstream.app]", &format!("{line}[upstream.app]"), 1)
    };
    for (file, words) in [
        ("none", "cannot be read"),
        ("junk", "no certificate of an authority"),
        ("a.key", "no certificate of an authority"),
    ] {
        let mistakes = read(&with(file)).unwrap_err().to_string();
        assert!(
            mistakes.starts_with("c.toml:6:1: listen[0].client_ca: "),
            "{mistakes}"
        );
        assert!(mistakes.contains(words), "{mistakes}");
    }
    let unused = |text: &str| good(text).advice().join("\n");
    assert!(unused(&with("ca.pem")).contains("no route accepts \"mtls\""));
    let taken = with("ca.pem") + "accept = [\"mtls\"]\n";
    assert!(!unused(&taken).contains("mtls"), "{}", unused(&taken));
    let shown = good(&taken).show();
    assert!(shown.contains("client_ca = \"/"), "{shown}");
    assert_eq!(good(&shown).show(), shown);
    let unasked = format!("{MINIMAL}accept = [\"mtls\"]\n");
    assert!(unused(&unasked).contains("no [[listen]] has client_ca"));
}

#[test]
fn what_is_doubtful_is_said_and_taken() {
    let authority = Authority::new();
    authority.sign("fine", &["a.example", "*.b.example"]);
    authority.sign_expired("old", "old.example");
    authority.sign("open", &["open.example"]);
    let open = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(authority.path("open.key"), open).unwrap();
    for (entry, words) in [
        (
            authority.entry(
                "fine",
                "hosts = [\"a.example\", \"x.b.example\", \"*.b.example\"],",
            ),
            None,
        ),
        (
            authority.entry("fine", "hosts = [\"c.example\"],"),
            Some("does not name \"c.example\""),
        ),
        (
            authority.entry("old", ""),
            Some("expired at 2021-01-01T00:00:00Z"),
        ),
        (authority.entry("open", ""), Some("chmod 600")),
    ] {
        let said = good(&listen(std::slice::from_ref(&entry))).advice();
        let said: Vec<&String> = said
            .iter()
            .filter(|it| it.contains(".pem") || it.contains(".key"))
            .collect();
        match (words, &said[..]) {
            (None, []) => {}
            (Some(words), [one]) if one.contains(words) => {}
            _ => panic!("{entry}: {said:?}"),
        }
    }
}

#[test]
fn a_listener_with_certificates_is_shown_as_it_was_read_and_without_its_key() {
    let authority = Authority::new();
    authority.sign("a", &["a.example"]);
    let shown = good(&listen(&[authority.entry("a", "")])).show();
    assert!(
        shown.contains("tls = [{ hosts = [\"a.example\"], certificate = \"/"),
        "{shown}"
    );
    assert_eq!(good(&shown).show(), shown);
    let config = good(&shown);
    let debug = format!("{config:?}");
    assert!(
        debug.contains("Certificate { hosts: [\"a.example\"]"),
        "{debug}"
    );
    assert!(!debug.contains("CertifiedKey"), "{debug}");
}
