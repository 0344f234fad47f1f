//! JSON arrays and JSON lines of accounts.

use serde_json::Deserializer;

use super::{Entry, Row, numbered_lines};

/// One object a line.
pub(super) fn lines(text: &str) -> Vec<Entry> {
    numbered_lines(text)
        .map(|(line, text)| match serde_json::from_str::<Row>(text) {
            Ok(row) => Ok(row.on(line)),
            Err(error) => Err((line, said(&error))),
        })
        .collect()
}

/// One array. Its objects are read one after the other, so that each has a line of its own and a bad one does not hide
/// those behind it; only broken JSON ends the reading.
pub(super) fn array(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let Some(mut rest) = text.trim_start().strip_prefix('[') else {
        return vec![Err((1, "expected one JSON array: [ {…}, … ]".to_owned()))];
    };
    loop {
        rest = rest.trim_start();
        let at = text.len() - rest.len();
        let line = 1 + text
            .get(..at)
            .map_or(0, |before| before.matches('\n').count());
        if is_closed(rest) {
            return entries;
        }
        let mut stream = Deserializer::from_str(rest).into_iter::<serde_json::Value>();
        let value = match stream.next() {
            Some(Ok(value)) => value,
            Some(Err(error)) => return with_error(entries, line, &said(&error)),
            None => return with_error(entries, line, "the array has no end"),
        };
        rest = rest.get(stream.byte_offset()..).unwrap_or_default();
        let row = serde_json::from_value::<Row>(value);
        entries.push(match row {
            Ok(row) => Ok(row.on(line)),
            Err(error) => Err((line, error.to_string())),
        });
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix(',') {
            rest = after;
        } else if !is_closed(rest) {
            return with_error(entries, line, "expected , or ] after this entry");
        }
    }
}

fn is_closed(rest: &str) -> bool {
    rest.trim() == "]"
}

fn with_error(mut entries: Vec<Entry>, line: usize, error: &str) -> Vec<Entry> {
    entries.push(Err((line, error.to_owned())));
    entries
}

/// What serde says, without its own count of lines, which starts at the entry.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split_once(" at line ")
        .map_or(text.clone(), |(what, _)| what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(entries: &[Entry]) -> Vec<(usize, bool)> {
        let outcome = |entry: &Entry| match entry {
            Ok(row) => (row.line, true),
            Err((line, _)) => (*line, false),
        };
        entries.iter().map(outcome).collect()
    }

    #[test]
    fn each_entry_of_an_array_knows_its_line_and_a_bad_one_hides_nothing() {
        let text = "[\n  {\"email\": \"a@b\"},\n  {\n    \"mail\": 1\n  }, {\"username\": \"c\",\n \"groups\": [\"x\"]}\n]\n";
        let entries = array(text);
        assert_eq!(outcome(&entries), [(2, true), (3, false), (5, true)]);
        assert!(entries[1].as_ref().unwrap_err().1.contains("`mail`"));
    }

    #[test]
    fn broken_json_is_told_where_it_breaks() {
        for (text, expected) in [
            ("{}", vec![(1, false)]),
            ("[", vec![(1, false)]),
            ("[]", vec![]),
            (" [\n] ", vec![]),
            ("[{},\n{\"a\"]", vec![(1, true), (2, false)]),
            ("[{}\n{}]", vec![(1, true), (1, false)]),
            ("[{}] x", vec![(1, true), (1, false)]),
        ] {
            assert_eq!(outcome(&array(text)), expected, "{text:?}");
        }
    }

    #[test]
    fn lines_are_read_one_by_one() {
        let entries = lines("{\"email\":\"a@b\"}\n\nnonsense\n{\"username\":\"c\"}\n");
        assert_eq!(outcome(&entries), [(1, true), (3, false), (4, true)]);
    }
}
