//! The configuration as it is written: a tree of values, each of which knows where it stands.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{Location, Notes};

/// One value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) at: Location,
}

/// A value as written.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(Box<str>),
    Integer(i64),
    Flag(bool),
    List(Vec<Node>),
    Table(Entries),
    /// From the environment, and so of whichever type is asked for.
    Variable(Box<str>),
    /// Of a type that no key has; its name.
    Other(&'static str),
}

/// The keys of a table.
pub(super) type Entries = BTreeMap<Box<str>, Node>;

impl Value {
    /// Says that this is something else than what is asked for.
    pub(super) fn not(&self, wanted: &str) -> String {
        let kind = match self {
            Self::Text(_) | Self::Variable(_) => "a text",
            Self::Integer(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(name) => name,
        };
        format!("is {kind}; write {wanted}")
    }
}

/// Reads TOML. Syntax errors are noted, and then the result is empty.
pub(super) fn parse(text: &str, notes: &Notes) -> Entries {
    let lines = Lines::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return entries(table.get_ref(), &lines);
    }
    for error in errors {
        let at = lines.location(error.span().map_or(text.len(), |span| span.start));
        notes.add(at, "", format!("not TOML: {}", error.message()));
    }
    Entries::new()
}

fn entries(table: &DeTable<'_>, lines: &Lines<'_>) -> Entries {
    table
        .iter()
        .map(|(key, value)| {
            let mut node = node(value, lines);
            node.at = lines.location(key.span().start);
            (key.get_ref().as_ref().into(), node)
        })
        .collect()
}

fn node(value: &Spanned<DeValue<'_>>, lines: &Lines<'_>) -> Node {
    let at = lines.location(value.span().start);
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.as_ref().into()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("a number that is too large"), Value::Integer),
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(list) => Value::List(list.iter().map(|item| node(item, lines)).collect()),
        DeValue::Table(table) => Value::Table(entries(table, lines)),
    };
    Node { value, at }
}

/// Where the lines of a text begin.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self { text, starts }
    }

    fn location(&self, offset: usize) -> Location {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line
            .checked_sub(1)
            .and_then(|index| self.starts.get(index))
            .copied()
            .unwrap_or_default();
        let column = self
            .text
            .get(start..offset)
            .map_or(0, |before| before.chars().count())
            + 1;
        Location::Line { line, column }
    }
}
