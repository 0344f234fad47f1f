//! The configuration: what is read, what is refused, and in which words.

use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign::config::listen::ListenAddress;
use countersign::config::section::{MailTransport, StoreUrl};
use countersign::config::{Config, EXAMPLE, Environment, Location, Mistakes};

mod bad;
mod certificates;
mod variables;

const MINIMAL: &str = r#"[upstream.app]
servers = ["http://127.0.0.1:9000"]

[[route]]
name = "app"
upstream = "app"
"#;

fn read(text: &str) -> Result<Config, Mistakes> {
    read_with(text, &Environment::empty())
}

fn read_with(text: &str, environment: &Environment) -> Result<Config, Mistakes> {
    Config::from_text(text, "c.toml", Path::new("/etc/c"), environment)
}

#[expect(clippy::panic, reason = "the mistakes are the message")]
fn good(text: &str) -> Config {
    read(text).unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config")
}

#[test]
fn every_file_in_the_config_folder_is_good() {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().path();
        if file.extension() != Some("toml".as_ref()) {
            continue; // the systemd unit
        }
        if let Err(mistakes) = Config::load(&file, &Environment::empty()) {
            panic!("{mistakes}");
        }
        names.push(file.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(
        names,
        ["countersign.toml", "sidecar.toml", "standalone.toml"]
    );
}

#[test]
fn what_is_shown_reads_back_as_the_same() {
    for file in ["countersign.toml", "sidecar.toml", "standalone.toml"] {
        let config = Config::load(&folder().join(file), &Environment::empty()).unwrap();
        let shown = config.show();
        assert_eq!(good(&shown).show(), shown, "{file}");
    }
}

#[test]
fn the_annotated_default_says_what_is_so_without_it() {
    let sections = [
        "server", "listen", "limits", "admin", "store", "cache", "password", "accounts",
        "throttle", "mail", "log",
    ];
    let section_of = |text: &str, name: &str| {
        let shown = good(text).show();
        let of = |part: &&str| {
            part.trim_start_matches('[')
                .starts_with(&format!("{name}]"))
        };
        shown
            .split("\n\n")
            .find(of)
            .unwrap_or_else(|| panic!("no {name}"))
            .trim()
            .to_owned()
    };
    for section in sections {
        assert_eq!(section_of(EXAMPLE, section), section_of(MINIMAL, section));
    }
}

#[test]
fn what_the_annotated_default_has_commented_out_is_good_too() {
    let all: String = EXAMPLE
        .lines()
        .map(|line| {
            let setting = line
                .strip_prefix('#')
                .filter(|rest| !rest.is_empty() && !rest.starts_with(' '));
            format!("{}\n", setting.unwrap_or(line))
        })
        .filter(|line| {
            !["token_file", "tls", "client_ca", "mode"]
                .iter()
                .any(|key| line.starts_with(key))
        })
        .collect();
    let config = good(&all);
    assert!(config.identities.contains_key("mine"));
    assert_eq!(
        config.dialects.x_auth.unwrap().access_ttl,
        Some(Duration::from_hours(30 * 24))
    );
    let staff = config
        .routes
        .iter()
        .find(|route| &*route.name == "staff")
        .unwrap();
    assert_eq!(staff.requirement.scopes.len(), 1);
    assert!(
        config
            .upstreams
            .values()
            .all(|upstream| upstream.health.is_some())
    );
}

#[test]
fn paths_are_relative_to_the_file() {
    let config = good(&format!(
        "[[listen]]\naddress = \"unix:run/http.sock\"\n{MINIMAL}"
    ));
    assert_eq!(
        config.store.url,
        StoreUrl::Sqlite("/etc/c/countersign.db".into())
    );
    assert_eq!(
        config.listen[0].address,
        ListenAddress::Unix("/etc/c/run/http.sock".into())
    );
    assert!(
        matches!(&config.mail.transport, MailTransport::File(at) if at == Path::new("/etc/c/mail"))
    );
    let config = good(&format!("[store]\nurl = \"sqlite:/var/x.db\"\n{MINIMAL}"));
    assert_eq!(config.store.url, StoreUrl::Sqlite("/var/x.db".into()));
}

#[test]
fn zero_workers_and_hashes_are_resolved() {
    let config = good(MINIMAL);
    assert!(config.server.workers >= 1);
    assert_eq!(
        config.password.concurrency,
        config.server.workers.div_ceil(2)
    );
    let config = good(&format!(
        "[server]\nworkers = 3\n[password]\nconcurrency = 5\n{MINIMAL}"
    ));
    assert_eq!((config.server.workers, config.password.concurrency), (3, 5));
}

#[test]
fn addresses_are_confirmed_unless_no_mail_leaves() {
    let confirms = |mail: &str| good(&format!("{mail}\n{MINIMAL}")).accounts.confirm_email;
    assert!(confirms(""));
    assert!(!confirms("[mail]\ntransport = \"none\""));
    assert!(!confirms("[accounts]\nconfirm_email = false"));
    assert!(confirms(
        "[mail]\ntransport = \"none\"\n[accounts]\nconfirm_email = true"
    ));
}

#[test]
fn a_choice_that_was_perhaps_not_meant_is_pointed_out() {
    let secure = "[server]\nexternal_url = \"https://a.example\"";
    for (text, words) in [
        (secure, None),
        ("", Some("plain http")),
        (
            &format!("{secure}\ntrusted_proxies = [\"0.0.0.0/0\"]"),
            Some("everybody"),
        ),
        (
            &format!("{secure}\n[store]\nurl = \"memory:\""),
            Some("forgotten"),
        ),
        (
            &format!("{secure}\n[password]\nmemory = \"8MiB\""),
            Some("OWASP"),
        ),
        (
            &format!("{secure}\n[password]\nmemory = \"9MiB\"\niterations = 4"),
            None,
        ),
        (&format!("{secure}\n[mail]\ntransport = \"none\""), None),
        (
            &format!("{secure}\n[mail]\ntransport = \"none\"\n[accounts]\nconfirm_email = true"),
            Some("confirmed"),
        ),
        (
            &format!("{secure}\n[mail]\ntransport = \"none\"\n[dialect.id_api]"),
            Some("code"),
        ),
    ] {
        let advice = good(&format!("{text}\n{MINIMAL}")).advice();
        assert_eq!(
            advice.len(),
            usize::from(words.is_some()),
            "{text}\n{advice:?}"
        );
        assert!(
            advice
                .iter()
                .zip(words)
                .all(|(said, words)| said.contains(words)),
            "{advice:?}"
        );
    }
}

#[test]
fn a_route_that_no_request_gets_to_is_pointed_out() {
    let first = MINIMAL.replace(
        "upstream = \"app\"",
        "upstream = \"app\"\npath = \"/first/\"",
    );
    for (keys, is_dead) in [
        ("path = \"/first/\"", true),
        ("path = \"/first\"", true),
        ("path = \"/First\"", false),
        ("path = \"/first\"\nignore_case = true", false),
        ("path = \"/first\"\nhost = \"App.Example.\"", false),
        ("path = \"/first/second\"", false),
    ] {
        let config = good(&format!(
            "{first}\n[[route]]\nname = \"r\"\nupstream = \"app\"\n{keys}\n"
        ));
        let said = config.advice().join("\n");
        assert_eq!(
            said.contains("no request gets to route \"r\": route \"app\""),
            is_dead,
            "{keys}\n{said}"
        );
    }
    let config = good(&format!(
        "{first}ignore_case = true\n[[route]]\nname = \"r\"\nupstream = \"app\"\npath = \"/FIRST\"\n"
    ));
    assert!(config.advice().join("\n").contains("route \"r\""));
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_no_mistake() {
    let text = format!("\u{feff}{MINIMAL}").replace('\n', "\r\n");
    assert_eq!(good(&text).show(), good(MINIMAL).show());
}

#[test]
fn a_file_cut_off_anywhere_is_refused_or_is_a_whole_shorter_one() {
    let mut refused = 0;
    for end in (0..EXAMPLE.len()).filter(|end| EXAMPLE.is_char_boundary(*end)) {
        match read(&EXAMPLE[..end]) {
            Ok(config) => assert!(!config.routes.is_empty(), "{end}"),
            Err(mistakes) => {
                refused += 1;
                assert!(!mistakes.list().is_empty());
            }
        }
    }
    assert!(refused > 1000, "{refused}");
    assert!(read("").is_err());
}

#[test]
fn a_link_to_a_file_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("link.toml");
    std::os::unix::fs::symlink(folder().join("sidecar.toml"), &link).unwrap();
    Config::load(&link, &Environment::empty()).unwrap();
}

#[test]
fn what_is_no_file_of_settings_is_refused_and_named() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let file = directory.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        file
    };
    let large = vec![b'#'; (1 << 20) + 1];
    let cases = [
        (directory.path().join("absent.toml"), "cannot be read"),
        (directory.path().to_owned(), "cannot be read"),
        (write("large.toml", &large), "larger than 1MiB"),
        (
            write("latin1.toml", b"# a\n# \xe4\n"),
            ":2:1: not TOML: a character is not UTF-8",
        ),
        (write("utf16.toml", b"\xff\xfe[\0s\0"), "UTF-8"),
        (write("empty.toml", b""), "nothing to serve"),
        (PathBuf::from("/dev/zero"), "larger than 1MiB"),
    ];
    for (file, words) in cases {
        let said = Config::load(&file, &Environment::empty())
            .unwrap_err()
            .to_string();
        assert!(
            said.contains(words) && said.contains(file.to_str().unwrap()),
            "{said}"
        );
    }
    for text in [
        vec!["a"; 200_000].join("."),
        format!("a = {}", "[".repeat(200_000)),
    ] {
        let said = Config::load(&write("deep.toml", text.as_bytes()), &Environment::empty());
        assert!(said.unwrap_err().to_string().contains("not TOML"));
    }
    let most = [MINIMAL.as_bytes(), &large[..(1 << 20) - MINIMAL.len()]].concat();
    Config::load(&write("most.toml", &most), &Environment::empty()).unwrap();
}

#[test]
fn secrets_are_not_shown_in_any_form() {
    let mail = "[mail]\ntransport = \"smtp\"\nurl = \"smtp://jo:hunter2@mail.example:587\"";
    let config = good(&format!("{mail}\n{MINIMAL}"));
    let shown = config.show();
    assert!(!shown.contains("hunter2") && !format!("{config:?}").contains("hunter2"));
    assert!(
        shown.contains("smtp://jo:redacted@mail.example:587"),
        "{shown}"
    );
    assert_eq!(good(&shown).show(), shown);
    let environment = Environment::of([("COUNTERSIGN_MAIL__URL", "hunter2")]);
    assert!(!format!("{environment:?}").contains("hunter2"));
    let bad = "[mail]\nurl = \"http://jo:hunter2@x\"\n[store]\nurl = \"postgres://jo:hunter2@x/y\"\n[server]\nexternal_url = \"http://jo:hunter2@x\"\n[upstream.b]\nservers = [\"http://jo:hunter2@x\"]\n";
    let said = read(&format!("{bad}{MINIMAL}")).unwrap_err();
    assert_eq!(said.list().len(), 4, "{said}");
    assert!(!said.to_string().contains("hunter2"), "{said}");
}

/// Misspells each key of the annotated default in three ways: one letter doubled, one left out, two swapped.
#[test]
fn a_misspelt_key_is_found_and_the_right_one_suggested() {
    let lines: Vec<&str> = EXAMPLE.lines().collect();
    let mut tried = 0;
    for (number, line) in lines.iter().enumerate() {
        let Some((key, rest)) = line
            .split_once(" = ")
            .filter(|(key, _)| !key.starts_with('#') && !key.starts_with(' '))
        else {
            continue;
        };
        for wrong in misspellings(key) {
            let mut edited = lines.clone();
            let line = format!("{wrong} = {rest}");
            edited[number] = &line;
            let mistakes = read(&edited.join("\n")).unwrap_err();
            let found = mistakes.list().iter().find(|mistake| {
                mistake.location
                    == Location::Line {
                        line: number + 1,
                        column: 1,
                    }
                    && mistake.key.ends_with(&wrong)
            });
            let found =
                found.unwrap_or_else(|| panic!("{wrong} in line {}:\n{mistakes}", number + 1));
            assert!(
                found.what.contains(&format!("did you mean `{key}`?")),
                "{wrong}: {}",
                found.what
            );
            tried += 1;
        }
    }
    assert!(tried > 200, "{tried}");
}

fn misspellings(key: &str) -> Vec<String> {
    let middle = key.len() / 2;
    let doubled = format!("{}{}", &key[..=middle], &key[middle..]);
    let dropped = format!("{}{}", &key[..middle], &key[middle + 1..]);
    let mut swapped: Vec<char> = key.chars().collect();
    swapped.swap(middle - 1, middle);
    let mut all = vec![doubled, dropped, swapped.into_iter().collect()];
    all.retain(|wrong| wrong != key);
    all
}

#[test]
fn a_providers_secret_comes_from_the_file_or_another_and_is_shown_nowhere() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("secret"), "s3cret two\n").unwrap();
    let provider = "[connection.here]\nissuer = \"https://id.example\"\nclient_id = \"us\"\n";
    for (secret, is) in [
        ("client_secret = \"s3cret one\"", "s3cret one"),
        ("client_secret_file = \"secret\"", "s3cret two"),
    ] {
        let text = format!("{MINIMAL}{provider}{secret}\nscopes = [\"email\"]\n");
        let environment = Environment::empty();
        let config = Config::from_text(&text, "test", directory.path(), &environment).unwrap();
        let read = &config.connections["here"];
        assert_eq!(read.client_secret.expose(), is);
        assert_eq!(read.scopes, ["openid".into(), "email".into()]);
        let shown = config.show();
        for text in [&shown, &format!("{config:?}")] {
            assert!(!text.contains("s3cret"), "{text}");
        }
        let again = Config::from_text(&shown, "test", directory.path(), &environment).unwrap();
        assert_eq!(again.show(), shown);
    }
}
