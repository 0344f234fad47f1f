//! Other people's programs, which `tests/real/setup` installs.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

/// A program that goes on until it is dropped, and what it writes.
pub(crate) struct Program {
    process: Child,
    lines: UnboundedReceiver<String>,
}

/// The Python that has everything; what is missing is installed first.
pub(crate) fn python() -> PathBuf {
    let mut setup = Command::new(script("setup"));
    let python = succeeded(setup.arg(env!("CARGO_TARGET_TMPDIR")));
    PathBuf::from(python.trim())
}

/// A file of `tests/real`.
pub(crate) fn script(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real");
    folder.join(name)
}

/// An authority and a server's certificate of its for `localhost`: `ca.pem`, `server.pem`, `server.key`.
pub(crate) fn certificates(directory: &Path) {
    let mut make = Command::new(python());
    succeeded(make.arg(script("certificates.py")).arg(directory));
}

/// What a program writes that ends well.
pub(crate) fn succeeded(command: &mut Command) -> String {
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A program that is started for the first time reads its files from a disk that may be busy with a build's.
const PATIENCE: Duration = Duration::from_secs(100);

impl Program {
    /// Starts it, and waits until it says `ready`.
    pub(crate) async fn start(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = unbounded_channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // Read on to the end, whoever listens: it may not be able to write otherwise.
                let _ = sender.send(line);
            }
        });
        let mut program = Self { process, lines };
        while program.line().await != "ready" {}
        program
    }

    /// The next line that it writes.
    pub(crate) async fn line(&mut self) -> String {
        let line = timeout(PATIENCE, self.lines.recv()).await;
        line.expect("it writes nothing for as long as anybody would wait")
            .expect("it has ended")
    }

    /// Whether it has written nothing more.
    pub(crate) fn is_silent(&self) -> bool {
        self.lines.is_empty()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
