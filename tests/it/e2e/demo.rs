//! `countersign demo` needs nothing, and every line it prints works when pasted.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;

use super::program::program;

#[test]
fn every_curl_line_of_the_demo_works_when_pasted() {
    let elsewhere = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .arg("demo")
        .current_dir(elsewhere.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let _demo = Demo(child);
    let text: Vec<String> = said
        .by_ref()
        .take_while(|line| !line.contains("Ctrl-C"))
        .collect();
    thread::spawn(move || said.for_each(drop)); // it logs there too, and must not wait for a reader

    let curls: Vec<&str> = text
        .iter()
        .map(|line| line.trim())
        .filter(|line| line.starts_with("curl "))
        .collect();
    assert!(
        curls.len() >= 10,
        "a line for every kind of credential: {text:#?}"
    );
    for line in curls {
        let output = program("sh", elsewhere.path())
            .args(["-c", line])
            .output()
            .unwrap();
        let answer = String::from_utf8_lossy(&output.stdout);
        println!("{line}\n{answer}");
        assert!(
            output.status.success(),
            "{line}\n{answer}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        // Without -f curl is content with any status; those lines show the refusal they speak of.
        assert!(
            line.contains(" -fsS ") || answer.starts_with("HTTP/1.1 401 "),
            "{line}\n{answer}"
        );
    }
}

struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
