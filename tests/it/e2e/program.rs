//! Other people's programs, free ports, and patience.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Another program, without what this machine's environment would do to it (proxies, `.netrc`, `.curlrc`).
pub(crate) fn program(path: impl AsRef<std::ffi::OsStr>, home: &Path) -> Command {
    let mut command = Command::new(path);
    command
        .env_clear()
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .env("HOME", home)
        .env("LC_ALL", "C.UTF-8");
    command
}

/// The Python that has Radicale, caldav and requests; installed by `tests/real/setup` if it is not yet.
pub(crate) fn python() -> PathBuf {
    let setup = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/setup");
    let output = Command::new(setup)
        .arg(env!("CARGO_TARGET_TMPDIR"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "tests/real/setup failed");
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// A script of `tests/real`.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/real")
        .join(name)
}

/// Asks again and again until it is so; false if it never is.
pub(crate) fn wait_until(patience: Duration, mut so: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    loop {
        if so() {
            return true;
        }
        if began.elapsed() > patience {
            return false;
        }
        pause(Duration::from_millis(10));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test's own thread, between two looks at another process"
)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
