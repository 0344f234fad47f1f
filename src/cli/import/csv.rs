//! Comma-separated values of accounts. Source: RFC 4180.

use super::{Entry, Row};

/// A header line that names the columns, then a row per account. An empty field is an absent value.
pub(super) fn rows(text: &str) -> Vec<Entry> {
    let mut records = records(text).into_iter();
    let Some(head) = records.next() else {
        return Vec::new();
    };
    let columns: Vec<String> = head
        .fields
        .iter()
        .map(|field| field.trim().to_ascii_lowercase())
        .collect();
    if let Some(unknown) = columns
        .iter()
        .find(|column| !COLUMNS.contains(&column.as_str()))
    {
        let known = COLUMNS.join(", ");
        let why = format!("the header names the unknown column {unknown:?}; known are {known}");
        return vec![Err((head.line, why))];
    }
    records
        .map(|record| {
            let line = record.line;
            match row(&columns, record) {
                Ok(row) => Ok(row.on(line)),
                Err(why) => Err((line, why)),
            }
        })
        .collect()
}

/// One line of the file, or several if a quoted field has line breaks.
struct Record {
    line: usize,
    fields: Vec<String>,
    broken: Option<&'static str>,
}

fn row(columns: &[String], record: Record) -> Result<Row, String> {
    if let Some(broken) = record.broken {
        return Err(broken.to_owned());
    }
    if record.fields.len() != columns.len() {
        return Err(format!(
            "{} fields where the header has {}",
            record.fields.len(),
            columns.len()
        ));
    }
    let mut row = Row::default();
    for (column, field) in columns.iter().zip(record.fields) {
        let value = (!field.trim().is_empty()).then_some(field);
        match column.as_str() {
            "email" => row.email = value,
            "username" => row.username = value,
            "name" => row.name = value,
            "role" => row.role = value,
            "password_hash" => row.password_hash = value,
            _ => row.groups = value.map(|field| groups(&field)),
        }
    }
    Ok(row)
}

fn groups(field: &str) -> Vec<String> {
    let is_separator = |c: char| matches!(c, ';' | ',') || c.is_whitespace();
    let names = field.split(is_separator).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

fn records(text: &str) -> Vec<Record> {
    let mut records = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while !rest.is_empty() {
        let (record, after) = record(rest, line);
        let taken = rest.len() - after.len();
        line += rest
            .get(..taken)
            .map_or(0, |taken| taken.matches('\n').count());
        rest = after;
        let is_blank = record.fields.iter().all(|field| field.trim().is_empty());
        if !is_blank || record.broken.is_some() {
            records.push(record);
        }
    }
    records
}

/// Takes one record and returns what follows it.
fn record(text: &str, line: usize) -> (Record, &str) {
    let mut record = Record {
        line,
        fields: Vec::new(),
        broken: None,
    };
    let mut rest = text;
    loop {
        let taken = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted),
            None => Some(plain_field(rest)),
        };
        let Some((field, after)) = taken else {
            record.broken = Some("a quoted field has no end, or text after its end");
            let line_end = rest.find('\n').map_or(rest.len(), |at| at + 1);
            return (record, rest.get(line_end..).unwrap_or_default());
        };
        record.fields.push(field);
        let Some(next) = after.strip_prefix(',') else {
            let next = after.strip_prefix('\r').unwrap_or(after);
            return (record, next.strip_prefix('\n').unwrap_or(next));
        };
        rest = next;
    }
}

fn plain_field(text: &str) -> (String, &str) {
    let end = text.find([',', '\n']).unwrap_or(text.len());
    let (field, after) = text.split_at(end);
    (field.trim_end_matches('\r').to_owned(), after)
}

/// A field whose opening quote is taken already; `None` if it does not end, or not before a comma or line's end.
fn quoted_field(text: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (piece, after) = rest.split_once('"')?;
        field.push_str(piece);
        let Some(escaped) = after.strip_prefix('"') else {
            let ends = after.is_empty() || after.starts_with([',', '\n', '\r']);
            return ends.then_some((field, after));
        };
        field.push('"');
        rest = escaped;
    }
}

const COLUMNS: [&str; 6] = [
    "email",
    "username",
    "name",
    "role",
    "groups",
    "password_hash",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::import::ImportRow;

    #[test]
    fn quotes_commas_and_line_breaks_in_fields_are_read_as_the_rfc_says() {
        let text = "email,name,groups,password_hash\r\na@b,\"Doe, \"\"Jo\"\"\",x;y,\"$argon2id$v=19$m=1,t=2,p=1$a$b\"\r\n\r\nc@d,\"two\nlines\",,\r\ne@f,,z,\r\n";
        let entries = rows(text);
        let rows: Vec<&ImportRow> = entries.iter().filter_map(|e| e.as_ref().ok()).collect();
        let lines: Vec<usize> = rows.iter().map(|row| row.line).collect();
        assert_eq!(lines, [2, 4, 6]);
        assert_eq!(rows[0].name.as_deref(), Some("Doe, \"Jo\""));
        assert_eq!(rows[0].groups, ["x", "y"]);
        let hash = rows[0].password_hash.as_ref().unwrap();
        assert_eq!(hash.expose(), "$argon2id$v=19$m=1,t=2,p=1$a$b");
        assert_eq!(rows[1].name.as_deref(), Some("two\nlines"));
        assert_eq!(rows[1].password_hash, None);
    }

    #[test]
    fn bad_rows_are_told_with_their_line_and_do_not_hide_good_ones() {
        let outcome = |text| -> Vec<(usize, bool)> {
            let outcome = |entry: Entry| match entry {
                Ok(row) => (row.line, true),
                Err((line, _)) => (line, false),
            };
            rows(text).into_iter().map(outcome).collect()
        };
        let text = "email,role\na@b\n\"c@d\nx,y\ne@f,staff\n";
        assert_eq!(
            outcome(text),
            [(2, false), (3, false), (4, true), (5, true)]
        );
        let (_, why) = rows("mail,role\na@b,x\n").remove(0).unwrap_err();
        assert!(why.contains("\"mail\""), "{why}");
    }
}
