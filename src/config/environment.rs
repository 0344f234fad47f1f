//! The environment: `COUNTERSIGN_SECTION__KEY` stands over the file's key.
//!
//! The only room that reads the process's environment. A variable is put into the tree of values before that is read, so
//! an unknown or wrong one is found by the same code as an unknown or wrong key. Names are without letter case; `__` goes
//! one level down, a number picks an entry of a list of tables, `COUNTERSIGN_LISTEN__0__ADDRESS`, and may be left out where
//! there is one alone. Lists are TOML or divided by commas. `COUNTERSIGN_CONFIG` names the file itself.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::{Entries, Node, Value};
use super::mistake::{Location, Notes};

/// The variables that concern us.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, OsString>,
}

impl Environment {
    /// What this process was started with.
    #[must_use]
    pub fn from_process() -> Self {
        Self::of(std::env::vars_os())
    }

    /// These variables; those of others are left out.
    pub fn of<K: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into().to_string_lossy().into_owned(), value.into()))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        Self { variables }
    }

    /// No variables at all.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// The configuration file that `COUNTERSIGN_CONFIG` names.
    #[must_use]
    pub fn config_file(&self) -> Option<PathBuf> {
        self.variables.get(CONFIG_FILE).map(PathBuf::from)
    }

    /// Puts each variable into the tree, over what the file says.
    pub(super) fn overlay(&self, root: &mut Entries, notes: &Notes) {
        for (name, value) in &self.variables {
            if name == CONFIG_FILE {
                continue;
            }
            let at = Location::Variable(Arc::from(name.as_str()));
            let mut steps: Vec<String> = name
                .strip_prefix(PREFIX)
                .unwrap_or(name)
                .split("__")
                .map(str::to_ascii_lowercase)
                .collect();
            let value = if secret_file(&mut steps) {
                self.read_secret(name, Path::new(value))
            } else {
                let plain = value.to_str().map(Box::from);
                plain.ok_or_else(|| "is not UTF-8; write it in UTF-8".to_owned())
            };
            if steps.len() > DEEPEST {
                notes.add(at, "", "goes deeper than any key; leave it out");
                continue;
            }
            let node = |value| Node {
                value: Value::Variable(value),
                at: at.clone(),
            };
            if let Err(what) = value.and_then(|value| put(root, &steps, node(value))) {
                notes.add(at, &steps.join("."), what);
            }
        }
    }

    fn read_secret(&self, name: &str, file: &Path) -> Result<Box<str>, String> {
        let plain = name.trim_end_matches("_FILE");
        if self.variables.contains_key(plain) {
            return Err(format!("{plain} is there too; keep one of the two"));
        }
        std::fs::read_to_string(file)
            .map(|text| text.trim_end_matches(['\r', '\n']).into())
            .map_err(|error| {
                format!(
                    "cannot read the file that it names, {}: {error}",
                    file.display()
                )
            })
    }
}

/// Shows the names alone: a value may be a secret.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

/// Turns `mail.url_file` into `mail.url`, and says whether it did.
fn secret_file(steps: &mut [String]) -> bool {
    let [section, key] = steps else { return false };
    let is_secret = SECRETS
        .iter()
        .any(|(of, secret)| section == of && key.strip_suffix("_file") == Some(*secret));
    if is_secret {
        key.truncate(key.len() - "_file".len());
    }
    is_secret
}

fn put(entries: &mut Entries, steps: &[String], node: Node) -> Result<(), String> {
    let Some((first, rest)) = steps.split_first() else {
        return Ok(());
    };
    let key = written_as(entries, first);
    let is_list = !rest.is_empty() && LISTS.contains(&first.as_str());
    let place = entries.entry(key).or_insert_with(|| Node {
        value: if is_list {
            Value::List(Vec::new())
        } else {
            Value::Table(Entries::new())
        },
        at: node.at.clone(),
    });
    put_into(place, rest, node)
}

fn put_into(place: &mut Node, rest: &[String], node: Node) -> Result<(), String> {
    match (&mut place.value, rest) {
        (Value::Table(inner), []) if !inner.is_empty() => {
            Err("names a section, not a key; add `__` and the key".to_owned())
        }
        (Value::List(items), []) if items.iter().any(|i| matches!(i.value, Value::Table(_))) => {
            Err("names a list of tables; add `__0__` and the key".to_owned())
        }
        (_, []) => {
            *place = node;
            Ok(())
        }
        (Value::Table(inner), _) => put(inner, rest, node),
        (Value::List(items), _) => put_into_list(items, rest, node),
        _ => Err("goes below a key that is no section".to_owned()),
    }
}

fn put_into_list(items: &mut Vec<Node>, steps: &[String], node: Node) -> Result<(), String> {
    let (number, rest) = match steps {
        [number, rest @ ..] if number.parse::<usize>().is_ok() => (number.parse().ok(), rest),
        _ => ((items.len() <= 1).then_some(0), steps),
    };
    let count = items.len();
    if number == Some(count) {
        items.push(Node {
            value: Value::Table(Entries::new()),
            at: node.at.clone(),
        });
    }
    match number.and_then(|number| items.get_mut(number)) {
        Some(item) if !rest.is_empty() => put_into(item, rest, node),
        _ => Err(format!("write `__N__KEY` with N from 0 to {count}")),
    }
}

/// The key as the file writes it: `COUNTERSIGN_UPSTREAM__MY_APP__…` means `[upstream.my-app]` too.
fn written_as(entries: &Entries, step: &str) -> Box<str> {
    entries
        .keys()
        .find(|key| key.to_ascii_lowercase().replace('-', "_") == step)
        .cloned()
        .unwrap_or_else(|| step.into())
}

pub(super) const PREFIX: &str = "COUNTERSIGN_";
const CONFIG_FILE: &str = "COUNTERSIGN_CONFIG";
/// The keys that may hold a secret, and so can also be named by a file.
const SECRETS: [(&str, &str); 2] = [("store", "url"), ("mail", "url")];
/// How far down the deepest key is, with some room; an endless name would go on until the stack ends.
const DEEPEST: usize = 8;
const LISTS: [&str; 2] = ["listen", "route"];
