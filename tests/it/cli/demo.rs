//! The demo: what it prints works when it is pasted into a shell.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use super::Place;

/// A demo that runs, and what it printed.
struct Demo {
    child: Child,
    lines: Vec<String>,
}

impl Demo {
    fn start(place: &Place) -> Self {
        let mut child = place
            .command(&["demo"])
            .env("TMPDIR", place.path())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap());
        let mut demo = Self {
            child,
            lines: Vec::new(),
        };
        for line in printed.lines() {
            let line = line.unwrap();
            let is_last = line.contains("Ctrl-C");
            demo.lines.push(line);
            if is_last {
                return demo;
            }
        }
        let mut told = String::new();
        let mut stderr = demo.child.stderr.take().unwrap();
        stderr.read_to_string(&mut told).unwrap();
        panic!("the demo ended: {:?} {told}", demo.lines);
    }

    /// The line to paste below a title.
    fn line(&self, title: &str) -> &str {
        let at = self.lines.iter().position(|line| line.contains(title));
        let at = at.unwrap_or_else(|| panic!("{title} is not in {:?}", self.lines));
        &self.lines[at + 1]
    }

    fn stop(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-INT", &id]).status().unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Pastes a line into a shell and returns what it printed; it has to succeed.
fn paste(line: &str) -> String {
    let output = Command::new("sh").args(["-c", line]).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{line}\n{out}{err}");
    out
}

#[test]
fn every_printed_line_works_and_the_demo_leaves_nothing_behind() {
    let place = Place::empty();
    let demo = Demo::start(&place);
    let curls: Vec<&String> = demo
        .lines
        .iter()
        .filter(|line| line.starts_with("curl "))
        .collect();
    assert!(curls.len() >= 15, "{curls:?}");
    for (title, parts) in [
        (
            "over Basic",
            &[
                "x-forwarded-user",
                "\"basic\"",
                "demo@example.org",
                "staff,early-birds",
            ][..],
        ),
        ("without a scheme", &["\"bare\""]),
        ("The same in X-Auth", &["\"x-auth\""]),
        ("The same as Bearer", &["\"bearer\""]),
        ("A named API token", &["\"bearer\""]),
        ("A session token", &["\"bearer\""]),
        ("A browser's cookie", &["\"cookie\""]),
        (
            "An elevated token",
            &["x-forwarded-elevated-until", "/adm/hello"],
        ),
        ("Log in and get a key", &["csk_", "cst_", "csr_"]),
        ("Renew them", &["csk_", "cst_", "csr_"]),
        ("Log out", &["204"]),
        ("in the other dialect", &["csa_"]),
        ("A public path", &["/pub/hello"]),
        ("401 and a challenge", &["401", "WWW-Authenticate"]),
        ("made up does not reach", &["/pub/hello"]),
        ("beside a good credential", &["x-forwarded-user"]),
        ("Prometheus", &["countersign_requests_total"]),
    ] {
        let printed = paste(demo.line(title)).to_lowercase();
        for part in parts {
            assert!(
                printed.contains(&part.to_lowercase()),
                "{title}: {part} is not in {printed}"
            );
        }
        assert!(!printed.contains("root"), "{title}: {printed}");
    }
    let left = || std::fs::read_dir(place.path()).unwrap().count();
    assert_eq!(left(), 1);
    assert_eq!(demo.stop(), Some(0));
    assert_eq!(left(), 0);
}

#[test]
fn two_demos_run_beside_each_other_and_other_commands_beside_them() {
    let place = Place::empty();
    let demos = [Demo::start(&place), Demo::start(&place)];
    for demo in &demos {
        paste(demo.line("over Basic"));
        let command = demo.line("Other commands");
        let arguments: Vec<&str> = command.split_whitespace().skip(1).collect();
        assert!(place.good(&arguments).contains("key_token"));
    }
    for demo in demos {
        assert_eq!(demo.stop(), Some(0));
    }
}
