//! What a value of the configuration is read as: texts, words, numbers, durations, sizes, lists.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::document::{self, Node, Value};
use super::mistake::{Location, Notes};
use super::quantity;

/// What a value of the configuration becomes, or what is wrong with it.
pub(super) type Read<T> = Result<T, String>;

/// Reads a text by what it should be.
pub(super) fn text<T>(parse: impl FnOnce(&str) -> Read<T>) -> impl FnOnce(&Node) -> Read<T> {
    move |node| parse(as_text(node)?)
}

/// Reads one of these words.
pub(super) fn word<T: Copy>(words: &[(&str, T)]) -> impl Fn(&Node) -> Read<T> {
    move |node| {
        let text = as_text(node)?;
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let all: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
            format!("{text:?} is none of {}; write one of them", all.join(", "))
        })
    }
}

/// Reads `true` or `false`.
pub(super) fn flag(node: &Node) -> Read<bool> {
    let read = match &node.value {
        Value::Flag(flag) => Some(*flag),
        Value::Variable(text) => text.parse().ok(),
        Value::Text(_) | Value::Integer(_) | Value::List(_) | Value::Table(_) | Value::Other(_) => {
            None
        }
    };
    read.ok_or_else(|| node.value.not("true or false"))
}

/// Reads a whole number in a range.
pub(super) fn integer<T: TryFrom<i64>>(
    range: RangeInclusive<i64>,
) -> impl FnOnce(&Node) -> Read<T> {
    move |node| {
        let number = match &node.value {
            Value::Integer(number) => Some(*number),
            Value::Variable(text) => text.parse().ok(),
            Value::Text(_)
            | Value::Flag(_)
            | Value::List(_)
            | Value::Table(_)
            | Value::Other(_) => None,
        };
        let number = number.ok_or_else(|| node.value.not("a whole number"))?;
        within(number, &range, i64::to_string)?
            .try_into()
            .map_err(|_| format!("{number} is too large"))
    }
}

/// Reads a duration in a range.
pub(super) fn duration(range: RangeInclusive<Duration>) -> impl FnOnce(&Node) -> Read<Duration> {
    text(move |text| {
        within(quantity::duration(text)?, &range, |d| {
            quantity::show_duration(*d)
        })
    })
}

/// Reads a size in a range.
pub(super) fn size<T: TryFrom<u64>>(range: RangeInclusive<u64>) -> impl FnOnce(&Node) -> Read<T> {
    text(move |text| {
        within(quantity::size(text)?, &range, |n| quantity::show_size(*n))?
            .try_into()
            .map_err(|_| format!("{text:?} is too large"))
    })
}

/// The path that a text names, relative to the configuration file's directory.
pub(super) fn path_at(base: &Path, text: &str) -> Read<PathBuf> {
    match text {
        "" => Err("is empty; write a path".to_owned()),
        text if text.contains('\0') => Err("holds a NUL; write a path".to_owned()),
        text => Ok(base.join(text)),
    }
}

fn within<T: PartialOrd>(
    value: T,
    range: &RangeInclusive<T>,
    show: impl Fn(&T) -> String,
) -> Read<T> {
    if range.contains(&value) {
        return Ok(value);
    }
    let (least, most) = (show(range.start()), show(range.end()));
    Err(format!(
        "{} is out of range; write {least} to {most}",
        show(&value)
    ))
}

fn as_text(node: &Node) -> Read<&str> {
    let (Value::Text(text) | Value::Variable(text)) = &node.value else {
        return Err(node.value.not("a text in quotes"));
    };
    Ok(text)
}

/// Reads the items of a list; in a variable they may be divided by commas.
pub(super) fn items(node: &Node) -> Read<Vec<Node>> {
    match &node.value {
        Value::List(items) => Ok(items.clone()),
        Value::Variable(text) if text.trim_start().starts_with('[') => toml_list(text, &node.at),
        Value::Variable(text) => Ok(comma_list(text, &node.at)),
        Value::Text(_) | Value::Integer(_) | Value::Flag(_) | Value::Table(_) | Value::Other(_) => {
            Err(node.value.not("a list in [ ]"))
        }
    }
}

fn comma_list(text: &str, at: &Location) -> Vec<Node> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(|item| Node {
            value: Value::Text(item.into()),
            at: at.clone(),
        })
        .collect()
}

fn toml_list(text: &str, at: &Location) -> Read<Vec<Node>> {
    let mut document = document::parse(&format!("list = {text}"), &Notes::default());
    match document.remove("list").map(|node| node.value) {
        Some(Value::List(items)) => Ok(items
            .into_iter()
            .map(|item| Node {
                at: at.clone(),
                ..item
            })
            .collect()),
        _ => Err("is no list; write [\"a\", \"b\"] or a,b".to_owned()),
    }
}
