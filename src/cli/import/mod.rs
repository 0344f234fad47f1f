//! Files of accounts that come from another system, as `user import` reads them.
//!
//! Reading a file gives an entry per account, good or bad, each with the line it begins on, so that every mistake can be
//! told at once. What a hash is worth and whether an address is free is decided in the auth room.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::admin::rows::ImportedRow as Row;
use crate::auth::import::{ImportMode, ImportRow, Refused};

use super::Usage;
use super::setup::Setup;

mod csv;
mod json;

/// What `user import` takes.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The file
    file: PathBuf,
    /// Its form; otherwise its name tells
    #[arg(long)]
    format: Option<Format>,
    /// Import all accounts or none
    #[arg(long)]
    atomic: bool,
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON array of objects
    Json,
    /// One JSON object a line
    Jsonl,
    /// A header line, then a row an account; several groups in one field are separated by ; or spaces
    Csv,
    /// user:hash lines, as Apache's htpasswd writes them
    Htpasswd,
}

/// One account as the file has it, or the line of what is none and why.
type Entry = Result<ImportRow, Refused>;

impl Import {
    /// Imports what can be, and says for every other row why not.
    pub(super) async fn run(self, setup: &Setup) -> Result<()> {
        let format = self.format.or_else(|| guess(&self.file));
        let format = format.ok_or(Usage(
            "the file's name does not tell its form; add --format json, jsonl, csv or htpasswd",
        ))?;
        let file = self.file.display();
        let text =
            std::fs::read_to_string(&self.file).with_context(|| format!("cannot read {file}"))?;
        let rows = format.read(&text);
        let count = rows.len();
        let mode = if self.atomic {
            ImportMode::Atomic
        } else {
            ImportMode::EachItself
        };
        let accounts = &setup.auth.accounts;
        let imported = accounts.import(rows, mode, &setup.action()).await?;
        for (line, why) in &imported.refused {
            eprintln!("{file}:{line}: {why}");
        }
        let (added, refused) = (imported.added.len(), imported.refused.len());
        eprintln!("{added} of {count} accounts are imported");
        ensure!(refused == 0, "{refused} of {count} rows cannot be imported");
        Ok(())
    }
}

impl Format {
    /// The form that a file's name tells.
    fn of(path: &Path) -> Option<Self> {
        let extension = path.extension().and_then(OsStr::to_str)?;
        match extension.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            "htpasswd" => Some(Self::Htpasswd),
            _ => None,
        }
    }

    /// Reads a whole file.
    fn read(self, text: &str) -> Vec<Entry> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match self {
            Self::Json => json::array(text),
            Self::Jsonl => json::lines(text),
            Self::Csv => csv::rows(text),
            Self::Htpasswd => htpasswd(text),
        }
    }
}

/// `.htpasswd` has no extension, only a name.
fn guess(path: &Path) -> Option<Format> {
    let is_htpasswd = path
        .file_name()
        .and_then(OsStr::to_str)
        .is_some_and(|name| name.trim_start_matches('.') == "htpasswd");
    Format::of(path).or(is_htpasswd.then_some(Format::Htpasswd))
}

fn htpasswd(text: &str) -> Vec<Entry> {
    let row = |line: &str| {
        let (user, hash) = line.split_once(':')?;
        let (user, hash) = (user.trim().to_owned(), hash.trim().to_owned());
        let (email, username) = if user.contains('@') {
            (Some(user), None)
        } else {
            (None, Some(user))
        };
        Some(Row {
            email,
            username,
            password_hash: Some(hash),
            ..Row::default()
        })
    };
    numbered_lines(text)
        .filter(|(_, line)| !line.starts_with('#'))
        .map(|(number, line)| {
            let broken = || {
                (
                    number,
                    "expected user:hash, and there is no colon".to_owned(),
                )
            };
            row(line).map(|row| row.on(number)).ok_or_else(broken)
        })
        .collect()
}

/// Lines that are not blank, trimmed, with their numbers from 1.
fn numbered_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..)
        .zip(text.lines().map(str::trim))
        .filter(|(_, line)| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_the_format() {
        for (name, format) in [
            ("a.json", Some(Format::Json)),
            ("a.JSONL", Some(Format::Jsonl)),
            ("dir/a.csv", Some(Format::Csv)),
            (".htpasswd", Some(Format::Htpasswd)),
            ("app.htpasswd", Some(Format::Htpasswd)),
            ("htpasswd", Some(Format::Htpasswd)),
            ("a.txt", None),
            ("json", None),
        ] {
            assert_eq!(guess(Path::new(name)), format, "{name}");
        }
    }

    #[test]
    fn htpasswd_names_are_addresses_or_login_names() {
        let entries = Format::Htpasswd.read("# old app\njo:$2y$05$x\n\na@b:{SHA}y\nbroken\n");
        let rows: Vec<&ImportRow> = entries.iter().filter_map(|e| e.as_ref().ok()).collect();
        let read: Vec<_> = rows
            .iter()
            .map(|row| (row.line, row.username.as_deref(), row.email.as_deref()))
            .collect();
        assert_eq!(read, [(2, Some("jo"), None), (4, None, Some("a@b"))]);
        let hash = rows[0].password_hash.as_ref().unwrap();
        assert_eq!(hash.expose(), "$2y$05$x");
        let (line, why) = entries[2].as_ref().unwrap_err();
        assert_eq!(*line, 5);
        assert!(why.contains("no colon"), "{why}");
    }
}
