//! What `src/lib.rs` says of the rooms, held against the sources: no import from a room of the same or a higher rank, no
//! crate outside its door, no file that is too long, no file that does not say what it is.

use std::fs;
use std::io;
use std::path::Path;

/// Every room and its rank; a room sees lower ranks only.
const RANKS: &[(&str, u8)] = &[
    ("main", 10),
    ("cli", 9),
    ("server", 8),
    ("telemetry", 7),
    ("front", 7),
    ("proxy", 6),
    ("fast", 6),
    ("forward_auth", 6),
    ("admin", 6),
    ("dialect", 6),
    ("pages", 5),
    ("gateway", 5),
    ("auth", 4),
    ("store", 3),
    ("header", 3),
    ("config", 2),
    ("metrics", 1),
    ("clock", 1),
    ("control", 0),
    ("model", 0),
];

/// Crates, and the only places that may name them; a place ends with `/` if it is a folder.
const DOORS: &[(&str, &[&str])] = &[
    ("clap", &["cli/", "main.rs"]),
    ("clap_complete", &["cli/"]),
    ("anyhow", &["cli/", "main.rs"]),
    ("tracing_subscriber", &["telemetry.rs"]),
    ("pingora_core", &["proxy/", "front/"]),
    ("pingora_proxy", &["proxy/", "front/"]),
    ("pingora_http", &["proxy/", "front/"]),
    (
        "axum",
        &[
            "admin/",
            "dialect/",
            "pages/",
            "proxy/bridge.rs",
            "server.rs",
        ],
    ),
    ("qrcode", &["pages/qr.rs"]),
    ("quick_cache", &["auth/cache.rs"]),
    ("argon2", &["auth/password.rs"]),
    ("lettre", &["auth/mail.rs"]),
    (
        "base64",
        &[
            "header/",
            "model/token.rs",
            "gateway/assertion.rs",
            "auth/webauthn/",
            "auth/openid/",
        ],
    ),
    ("rusqlite", &["store/sqlite/"]),
    ("toml", &["config/"]),
    ("prometheus", &["metrics/"]),
    (
        "ring",
        &[
            "gateway/assertion.rs",
            "auth/totp.rs",
            "auth/webauthn/",
            "auth/openid/",
        ],
    ),
    ("ciborium", &["auth/webauthn/"]),
    ("h2", &["front/http2.rs"]),
    ("ppp", &["front/announced.rs"]),
    ("hyper", &["auth/openid/fetch.rs"]),
    ("hyper_util", &["auth/openid/fetch.rs"]),
    (
        "rustls",
        &[
            "config/tls.rs",
            "config/authorities.rs",
            "config/client_ca.rs",
            "front/",
            "auth/openid/fetch.rs",
        ],
    ),
    ("tokio_rustls", &["front/", "auth/openid/fetch.rs"]),
    ("webpki_roots", &["auth/openid/fetch.rs"]),
    ("x509_parser", &["config/tls.rs", "front/holder.rs"]),
];

/// Lines of a file, its tests not counted.
const LONGEST: usize = 400;

#[test]
fn every_file_keeps_to_the_rules_of_the_house() {
    let faults: Vec<String> = sources().iter().flat_map(faults).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_folder_and_file_of_the_root_is_a_room_with_a_rank() {
    for source in sources() {
        assert!(
            source.path == "lib.rs" || rank(source.room()).is_some(),
            "no rank: {}",
            source.path
        );
    }
}

#[test]
fn every_test_that_the_security_page_names_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/security.md")).unwrap_or_default();
    let mut sources = sources();
    read_into(&mut sources, &root.join("tests"), root).expect("the tests can be read");
    let names: Vec<&str> = page
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.matches('_').count() > 2)
        .collect();
    assert!(names.len() > 30, "{names:?}");
    let missing = names.iter().filter(|name| !is_test(&sources, name));
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn no_text_has_two_versions_of_itself() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["README.md", "CHANGELOG.md", "docs/security.md", "tests/run"] {
        let text = fs::read_to_string(root.join(name)).expect("it is there");
        let marks = text
            .lines()
            .filter(|line| line.starts_with("<<<<<<<") || line.starts_with(">>>>>>>"));
        assert_eq!(marks.count(), 0, "{name} was merged by halves");
    }
}

#[test]
fn each_rule_finds_what_breaks_it() {
    for (path, text, fault) in [
        (
            "auth/x.rs",
            "//! X.\nuse crate::gateway::Gateway;\n",
            "gateway",
        ),
        (
            "auth/x.rs",
            "//! X.\nuse crate::{model::id, proxy};\n",
            "proxy",
        ),
        (
            "gateway/x.rs",
            "//! X.\nfn f() { crate::pages::g() }\n",
            "pages",
        ),
        (
            "gateway/x.rs",
            "//! X.\nuse rusqlite::Connection;\n",
            "rusqlite",
        ),
        (
            "auth/x.rs",
            "//! X.\nfn f(c: quick_cache::sync::Cache) {}\n",
            "quick_cache",
        ),
        (
            "auth/x.rs",
            "//! X.\nuse super::super::gateway::Gateway;\n",
            "super::",
        ),
        ("auth/mod.rs", "//! X.\nuse super::gateway;\n", "super::"),
        (
            "auth/x.rs",
            "//! X.\n#[cfg(test)]\nuse std::fmt;\nuse crate::gateway::Gateway;\n",
            "gateway",
        ),
        ("auth/x.rs", "use crate::model::id;\n", "//!"),
        (
            "auth/x.rs",
            &format!("//! X.\n{}", "\n".repeat(LONGEST)),
            "lines",
        ),
    ] {
        let faults = faults(&Source {
            path: path.to_owned(),
            text: text.to_owned(),
        });
        assert!(
            faults.len() == 1 && faults[0].contains(fault),
            "{text}: {faults:?}"
        );
    }
    for text in [
        "//! X, as crate::gateway does.\n/// [`crate::gateway`]\nuse crate::auth::y;\nuse crate::{model::{a, b}, store};\n",
        "//! X.\nuse super::y;\nuse crate::config::toml::Value;\n\n#[cfg(test)]\nmod tests {\n    use crate::gateway::Gateway;\n}\n",
    ] {
        let faults = faults(&Source {
            path: "auth/x.rs".to_owned(),
            text: text.to_owned(),
        });
        assert!(faults.is_empty(), "{faults:?}");
    }
}

/// A file under `src/`.
struct Source {
    /// Relative to `src/`.
    path: String,
    text: String,
}

impl Source {
    fn room(&self) -> &str {
        let end = self.path.find(['/', '.']).unwrap_or(self.path.len());
        &self.path[..end]
    }

    /// How many modules it is below the root: `a.rs` and `a/mod.rs` one, `a/b.rs` two.
    fn depth(&self) -> usize {
        self.path.trim_end_matches("/mod.rs").split('/').count()
    }

    /// Without comments and without tests; a file called `tests.rs` is nothing but tests.
    fn code(&self) -> String {
        if self.path.ends_with("/tests.rs") || self.path.contains("/tests/") {
            return String::new();
        }
        without_tests(&self.text)
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .fold(String::new(), |code, line| code + line + "\n")
    }
}

fn faults(source: &Source) -> Vec<String> {
    let code = source.code();
    let mut faults = Vec::new();
    let mut say = |fault: String| faults.push(format!("src/{}: {fault}", source.path));
    if !source.text.starts_with("//!") {
        say("does not begin with //!, what it is and why".to_owned());
    }
    let lines = without_tests(&source.text).lines().count();
    if lines > LONGEST && !code.is_empty() {
        say(format!(
            "has {lines} lines without its tests, more than {LONGEST}"
        ));
    }
    for room in rooms_named_in(&code) {
        if room != source.room() && rank(&room) >= rank(source.room()) && rank(&room).is_some() {
            say(format!(
                "names {room}, which is not below {}",
                source.room()
            ));
        }
    }
    if longest_climb(&code) >= source.depth() {
        say("leaves its room by super::, where no rank is asked for".to_owned());
    }
    for (name, places) in DOORS {
        let allowed = places.iter().any(|place| match place.strip_suffix('/') {
            Some(folder) => source.room() == folder || source.path.starts_with(place),
            None => source.path == *place,
        });
        if !allowed && names_crate(&code, name) {
            say(format!(
                "names {name}, which stands behind {}",
                places.join(" ")
            ));
        }
    }
    faults
}

/// The text before the tests: a module of its own, not any item that only tests see.
fn without_tests(text: &str) -> &str {
    let tests = text.find("#[cfg(test)]\nmod ");
    &text[..tests.unwrap_or(text.len())]
}

/// The most `super::` in a row.
fn longest_climb(code: &str) -> usize {
    let climb = |from: &str| {
        let between = from.split("super::");
        between.take_while(|between| between.is_empty()).count()
    };
    let climbs = code
        .match_indices("super::")
        .map(|(at, _)| climb(&code[at..]));
    climbs.max().unwrap_or_default()
}

fn rank(room: &str) -> Option<u8> {
    RANKS
        .iter()
        .find(|(name, _)| *name == room)
        .map(|(_, rank)| *rank)
}

/// The first word after each `crate::`, and each first word of a `crate::{…}`.
fn rooms_named_in(code: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            rooms.push(word(rest));
            continue;
        };
        let mut depth = 1;
        let mut at_start = true;
        for (at, letter) in group.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => at_start = true,
                _ if at_start && letter.is_alphabetic() => {
                    rooms.push(word(&group[at..]));
                    at_start = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    rooms
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
        .collect()
}

/// `name::` that is not the end of a longer name or path.
fn names_crate(code: &str, name: &str) -> bool {
    let path = format!("{name}::");
    code.match_indices(&path).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_' || letter == ':')
    })
}

/// Declared as one, or a line of a macro's that declares it.
fn is_test(sources: &[Source], name: &str) -> bool {
    let spellings = [format!("fn {name}()"), format!("\n    {name}: \"")];
    let is_in = |source: &Source| spellings.iter().any(|it| source.text.contains(it));
    sources.iter().any(is_in)
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    read_into(&mut sources, &root, &root).expect("the sources can be read");
    assert!(sources.len() > 20, "the sources are not where they were");
    sources
}

fn read_into(sources: &mut Vec<Source>, folder: &Path, root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read_into(sources, &path, root)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            let path = path
                .strip_prefix(root)
                .unwrap_or(&path)
                .to_string_lossy()
                .into_owned();
            sources.push(Source { path, text });
        }
    }
    Ok(())
}
