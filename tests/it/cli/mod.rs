//! The command line as a person or script meets it: the real binary in a directory of its own.

#![cfg(test)] // so that the helpers may unwrap as tests do

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use countersign::config::section::StoreUrl;
use countersign::store::SharedStore;
use serde_json::Value;
use tempfile::TempDir;

mod accounts;
mod clients;
mod connections;
mod demo;
mod doctor;
mod explain;
mod import;
mod serve;
mod settings;
mod whole;

/// A directory with a configuration, in which commands run. No variable of the outside gets in.
pub(super) struct Place {
    pub(super) directory: TempDir,
}

/// What a command did.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Place {
    /// With a small configuration over a SQLite store.
    pub(super) fn new() -> Self {
        Self::with(CONFIG)
    }

    /// With this configuration.
    pub(super) fn with(config: &str) -> Self {
        let place = Self::empty();
        place.write("countersign.toml", config);
        place
    }

    /// Without any.
    pub(super) fn empty() -> Self {
        let directory = TempDir::new().unwrap();
        Self { directory }
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Its store, opened beside whatever command runs.
    pub(super) fn store(&self) -> SharedStore {
        let file = self.path().join("countersign.db");
        countersign::store::open(&StoreUrl::Sqlite(file)).unwrap()
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// Runs a command whose standard input is empty and no terminal.
    pub(super) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "")
    }

    /// Runs a command with a text on standard input.
    pub(super) fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        let mut child = self.command(arguments).spawn().unwrap();
        // A command that does not read its input may be gone already.
        _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().expect("the command ended by itself"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The command, not yet started.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command that has to succeed, and returns its standard output without the last line's end.
    pub(super) fn good(&self, arguments: &[&str]) -> String {
        self.good_with(arguments, "")
    }

    /// The same with a text on standard input.
    pub(super) fn good_with(&self, arguments: &[&str], input: &str) -> String {
        let ran = self.run_with(arguments, input);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran.out.trim_end_matches('\n').to_owned()
    }

    /// Runs a list command with `--json` and returns its rows.
    pub(super) fn rows(&self, arguments: &[&str]) -> Vec<Value> {
        let text = self.good(&[arguments, &["--json"]].concat());
        match serde_json::from_str(&text) {
            Ok(Value::Array(rows)) => rows,
            other => panic!("{arguments:?} printed no array: {other:?}"),
        }
    }

    /// Runs a command that has to fail: with this code, nothing on standard output, and `says` on standard error.
    pub(super) fn bad(&self, arguments: &[&str], code: i32, says: &str) {
        let ran = self.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
        assert_eq!(ran.out, "", "{arguments:?}");
        assert!(ran.err.contains(says), "{arguments:?}: {}", ran.err);
    }
}

/// The sorted keys of a row.
pub(super) fn keys(row: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = row
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

const CONFIG: &str = r#"
[server]
external_url = "http://127.0.0.1:8080"

[[listen]]
address = "127.0.0.1:8080"

[store]
url = "sqlite:countersign.db"

[password]
memory = "8MiB"
iterations = 1

[upstream.app]
servers = ["http://127.0.0.1:9"]

[[route]]
name = "public"
path = "/pub/"
upstream = "app"
access = "none"

[[route]]
name = "app"
path = "/"
upstream = "app"
access = "required"
accept = ["basic", "bare", "x-auth", "bearer", "cookie"]

[dialect.key_token]
[dialect.x_auth]
"#;
