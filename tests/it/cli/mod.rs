//! The command line as a person or script meets it: the real binary in a directory of its own.

#![cfg(test)] // so that the helpers may unwrap as tests do

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

mod settings;

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

    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// Runs a command whose standard input is empty and no terminal.
    pub(super) fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
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
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command that has to succeed, and returns its standard output without the last line's end.
    pub(super) fn good(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran.out.trim_end_matches('\n').to_owned()
    }

    /// Runs a command that has to fail: with this code, nothing on standard output, and `says` on standard error.
    pub(super) fn bad(&self, arguments: &[&str], code: i32, says: &str) {
        let ran = self.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
        assert_eq!(ran.out, "", "{arguments:?}");
        assert!(ran.err.contains(says), "{arguments:?}: {}", ran.err);
    }
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
