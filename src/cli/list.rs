//! Lists in two forms: aligned columns for people, one JSON array for programs.
//!
//! A row is whatever serializes to an object. Its keys are all there in every row, `null` where it has no value; the
//! columns for people are some of those keys, in the order that suits reading.

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

use super::output;

/// In which form a command lists.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Form {
    /// Print one JSON array instead of columns
    #[arg(long)]
    json: bool,
}

impl Form {
    /// Prints rows to standard output, for people only `columns`.
    pub(super) fn print(self, rows: &[impl Serialize], columns: &[&str]) -> Result<()> {
        let rows = serde_json::to_value(rows).context("cannot write the list")?;
        if self.json {
            output::print(&format!("{rows:#}"))
        } else {
            output::print(&table(&rows, columns))
        }
    }

    /// Prints one thing: all of its keys a line each, or an array of one row.
    pub(super) fn print_one(self, row: &impl Serialize, keys: &[&str]) -> Result<()> {
        if self.json {
            return self.print(&[row], keys);
        }
        let row = serde_json::to_value(row).context("cannot write the row")?;
        let width = keys.iter().map(|key| key.len()).max().unwrap_or(0);
        let lines: Vec<String> = keys
            .iter()
            .map(|key| format!("{key:width$}  {}", cell(row.get(key))))
            .collect();
        output::print(&lines.join("\n"))
    }
}

fn table(rows: &Value, columns: &[&str]) -> String {
    let head = columns
        .iter()
        .map(|key| key.to_uppercase().replace('_', " "));
    let body = rows.as_array().into_iter().flatten();
    let cells: Vec<Vec<String>> = std::iter::once(head.collect())
        .chain(body.map(|row| columns.iter().map(|key| cell(row.get(key))).collect()))
        .collect();
    let width = |column: usize| {
        let cells = cells.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let padded = row.iter().zip(&widths);
        let cells: Vec<String> = padded
            .map(|(cell, &width)| format!("{cell:width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    cells.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A value as people read it. Control characters are escaped: a display name must not drive the terminal.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => visible(text),
        Some(Value::Array(items)) if items.is_empty() => "-".to_owned(),
        Some(Value::Array(items)) => {
            let items: Vec<String> = items.iter().map(|item| cell(Some(item))).collect();
            items.join(",")
        }
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Object(_))) => other.to_string(),
    }
}

fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_line_up_and_show_absent_values_as_a_dash() {
        let rows = json!([
            {"id": "1", "email": null, "groups": ["a", "b"]},
            {"id": "long", "email": "jö@b", "groups": []},
        ]);
        assert_eq!(
            table(&rows, &["id", "email", "groups"]),
            "ID    EMAIL  GROUPS\n1     -      a,b\nlong  jö@b   -"
        );
    }

    #[test]
    fn a_name_cannot_drive_the_terminal() {
        assert_eq!(cell(Some(&json!("a\u{1b}[2Jb\nc"))), "a\\u{1b}[2Jb\\nc");
    }
}
