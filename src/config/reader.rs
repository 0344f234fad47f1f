//! A table that hands out typed values by key, notes what is wrong with them, and at its end reports the keys that nobody
//! asked for. With it, each section's file reads like the list of its keys.
//!
//! A wrong value is noted and stands for the fallback, so that reading goes on and finds the next mistake.

use std::path::{Path, PathBuf};

use super::document::{Entries, Node, Value};
use super::environment::PREFIX;
use super::mistake::{Location, Notes, nearest};
use super::value::{Read, items, path_at, text};

/// A table of the configuration while it is read. Its end reports unknown keys.
#[derive(Debug)]
pub(super) struct Table<'a> {
    entries: Entries,
    path: String,
    at: Location,
    known: Vec<&'static str>,
    context: Context<'a>,
}

/// What every table of one reading has in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) notes: &'a Notes,
    /// What relative paths are relative to.
    pub(super) base: &'a Path,
}

impl<'a> Table<'a> {
    /// The whole document.
    pub(super) const fn root(entries: Entries, context: Context<'a>) -> Self {
        Self {
            entries,
            path: String::new(),
            at: Location::File,
            known: Vec::new(),
            context,
        }
    }

    /// A value that may be left out.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Node) -> Read<T>,
    ) -> Option<T> {
        self.known.push(key);
        let node = self.entries.get(key)?;
        read(node)
            .inspect_err(|what| self.add(node.at.clone(), key, what.as_str()))
            .ok()
    }

    /// A value with a default.
    pub(super) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&Node) -> Read<T>,
    ) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// A value that has to be there; until it is, the fallback stands for it.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        fallback: T,
        read: impl FnOnce(&Node) -> Read<T>,
    ) -> T {
        if !self.has(key) {
            self.add(self.at.clone(), key, "is missing; add it");
        }
        self.or(key, fallback, read)
    }

    /// A list whose items are read one by one; `None` if it is left out.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Node) -> Read<T>,
    ) -> Option<Vec<T>> {
        let items = self.optional(key, items)?;
        let mut values = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match read(item) {
                Ok(value) => values.push(value),
                Err(what) => self.add(item.at.clone(), &format!("{key}[{index}]"), what),
            }
        }
        Some(values)
    }

    /// A path, relative to the configuration file.
    pub(super) fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        let base = self.context.base;
        self.optional(key, text(|path| path_at(base, path)))
    }

    /// A table that may be left out.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Self> {
        let node = self.optional(key, |node| Ok(node.clone()))?;
        self.inner(key, node)
    }

    /// A table that reads as an empty one if it is left out.
    pub(super) fn section(&mut self, key: &'static str) -> Self {
        let written = self.table(key);
        written.unwrap_or_else(|| self.wrap(key, Entries::new(), Location::File))
    }

    /// The tables of `[[key]]`.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<Self> {
        let list = self.optional(key, |node| {
            let Value::List(list) = &node.value else {
                return Err(node.value.not(&format!("[[{key}]]")));
            };
            Ok(list.clone())
        });
        let list = list.unwrap_or_default().into_iter().enumerate();
        list.filter_map(|(index, node)| self.inner(&format!("{key}[{index}]"), node))
            .collect()
    }

    /// The tables of `[key.NAME]`, by name.
    pub(super) fn named(&mut self, key: &'static str) -> Vec<(Box<str>, Self)> {
        let Some(mut table) = self.table(key) else {
            return Vec::new();
        };
        let named = std::mem::take(&mut table.entries).into_iter();
        named
            .filter_map(|(name, node)| table.inner(&name, node).map(|inner| (name, inner)))
            .collect()
    }

    /// Values whose keys are names that the operator chose.
    pub(super) fn all<T>(&mut self, read: impl Fn(&str, &Node) -> Read<T>) -> Vec<T> {
        let mut values = Vec::new();
        for (key, node) in std::mem::take(&mut self.entries) {
            match read(&key, &node) {
                Ok(value) => values.push(value),
                Err(what) => self.add(node.at, &key, what),
            }
        }
        values
    }

    /// Notes a mistake at a key, or at the table if the key is left out.
    pub(super) fn note(&self, key: &str, what: impl Into<Box<str>>) {
        let at = self.entries.get(key).map_or(&self.at, |node| &node.at);
        self.add(at.clone(), key, what);
    }

    /// Whether no key is written.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether the key is written as a list without items.
    pub(super) fn has_empty(&self, key: &str) -> bool {
        let list = self.entries.get(key).map(items);
        matches!(list, Some(Ok(items)) if items.is_empty())
    }

    /// Whether the key is written.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// What relative paths are relative to.
    pub(super) const fn base(&self) -> &'a Path {
        self.context.base
    }

    fn inner(&self, key: &str, node: Node) -> Option<Self> {
        let Value::Table(entries) = node.value else {
            self.add(node.at, key, node.value.not("a table of keys"));
            return None;
        };
        Some(self.wrap(key, entries, node.at))
    }

    fn wrap(&self, key: &str, entries: Entries, at: Location) -> Self {
        Self {
            entries,
            path: self.full(key),
            at,
            known: Vec::new(),
            context: self.context,
        }
    }

    fn add(&self, at: Location, key: &str, what: impl Into<Box<str>>) {
        self.context.notes.add(at, &self.full(key), what);
    }

    fn full(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            ("", key) => key.to_owned(),
            (path, "") => path.to_owned(),
            (path, key) => format!("{path}.{key}"),
        }
    }

    fn unknown(&self, key: &str, at: &Location) -> String {
        let near = nearest(key, self.known.iter().copied());
        match (at, near) {
            (Location::Variable(_), _) => {
                format!("no such variable; {}", self.variable_hint(key, near))
            }
            (_, Some(near)) => format!("no such key; did you mean `{near}`?"),
            (_, None) => format!("no such key; the keys here are {}", self.known.join(", ")),
        }
    }

    fn variable_hint(&self, key: &str, near: Option<&str>) -> String {
        let of_section = self
            .known
            .iter()
            .find(|known| key.starts_with(&format!("{known}_")));
        let name = match (of_section, near) {
            (Some(section), _) if self.path.is_empty() => {
                format!(
                    "{section}__{}",
                    key.get(section.len() + 1..).unwrap_or_default()
                )
            }
            (_, Some(near)) => self.full(near).replace('.', "__"),
            _ if KUBERNETES.iter().any(|start| key.starts_with(start)) => {
                return "if Kubernetes set it for a service of that name, write enableServiceLinks: false".to_owned();
            }
            _ => return "write COUNTERSIGN_SECTION__KEY with two underscores".to_owned(),
        };
        format!("did you mean {PREFIX}{}?", name.to_ascii_uppercase())
    }
}

/// How variables begin that Kubernetes sets for a service with the name `countersign`.
const KUBERNETES: [&str; 2] = ["service_", "port"];

impl Drop for Table<'_> {
    fn drop(&mut self) {
        let unknown = self
            .entries
            .iter()
            .filter(|(key, _)| !self.known.iter().any(|known| *known == key.as_ref()));
        for (key, node) in unknown {
            self.add(node.at.clone(), key, self.unknown(key, &node.at));
        }
    }
}
