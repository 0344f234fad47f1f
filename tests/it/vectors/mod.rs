//! The table of hostile requests: each is sent as bytes to a whole gateway, and after each the same must hold, whatever it
//! was: the app gets no request that was not answered with its answer, no identity that was not verified for that request,
//! and no credential; the next request, on the same connection and on another, is answered with its own answer; and no
//! secret stands in any output. The vectors are in `tests/vectors`, how they are written in [`table`].

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test needs and does not get is the test's failure"
)]

#[cfg(feature = "controls")]
mod controls;
mod differential;
mod stage;
mod table;
mod wire;

use std::path::{Path, PathBuf};

use stage::Stage;
use table::{Then, Vector};
use wire::Wire;

use super::support::message::Message;

/// The file whose vectors come from a trusted proxy.
const BEHIND_A_PROXY: &str = "d-trusted";

/// Whose forwarding headers that gateway believes.
const TRUSTED: &str = "[\"127.0.0.0/8\"]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_vector_of_the_table_gets_further_than_it_may() {
    let plain = read_all(|name| name != BEHIND_A_PROXY);
    assert!(plain.len() >= 600, "{}", plain.len());
    let faults = hold(&Stage::open("[]").await, &plain, usize::MAX).await;
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[tokio::test]
async fn no_vector_gets_further_behind_a_trusted_proxy() {
    let behind = read_all(|name| name == BEHIND_A_PROXY);
    let faults = hold(&Stage::open(TRUSTED).await, &behind, usize::MAX).await;
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The vectors of some files, in order.
fn read_all(is_wanted: impl Fn(&str) -> bool) -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let files = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
        .iter()
        .map(|file| (file.file_stem().unwrap().to_str().unwrap(), file))
        .filter(|(name, _)| is_wanted(name))
        .flat_map(|(name, file)| table::read(name, &std::fs::read_to_string(file).unwrap()))
        .collect()
}

/// Sends every vector and says what did not hold; no further ones once that are so many things.
async fn hold(stage: &Stage, vectors: &[Vector], most: usize) -> Vec<String> {
    let mut faults = Vec::new();
    let mut answers = 0;
    let mut beside = Wire::connect(stage).await;
    for vector in vectors {
        if faults.len() >= most {
            break;
        }
        let mut checked = Checked {
            stage,
            vector,
            faults: Vec::new(),
        };
        answers += checked.run(&mut beside).await;
        faults.extend(checked.faults);
    }
    faults.extend(stage.faults_of_the_log(answers).await);
    faults
}

/// One vector on its way.
struct Checked<'a> {
    stage: &'a Stage,
    vector: &'a Vector,
    faults: Vec<String>,
}

impl Checked<'_> {
    /// Sends it and what has to be good after it; how many answers there were.
    async fn run(&mut self, beside: &mut Wire) -> usize {
        let (stage, vector) = (self.stage, self.vector);
        let mark = stage.app.mark();
        let mut wire = Wire::connect(stage).await;
        wire.send(&vector.steps(&stage.secrets)).await;
        let mut answers = Vec::new();
        for expected in &vector.statuses {
            match wire.answer(vector.is_head()).await {
                Some(answer) => {
                    if answer.status() != *expected {
                        self.fault(&format!("answered {}, not {expected}", answer.status()));
                    }
                    answers.push(answer);
                }
                None => self.fault(&format!("no answer, instead of {expected}")),
            }
        }
        let mut count = answers.len();
        match vector.then {
            Then::Closes if !wire.is_closed().await => self.fault("the connection is open"),
            Then::GoesOn => count += self.clean(&mut wire, "the same connection").await,
            Then::Closes | Then::Either => {}
        }
        count += self.clean(beside, "another connection").await;
        self.outputs(&answers);
        self.upstream(mark, &answers);
        count
    }

    /// A request as it should be, which has to get its own answer.
    async fn clean(&mut self, wire: &mut Wire, place: &str) -> usize {
        let number = self.stage.number();
        let target = format!("/in/clean/{number}");
        wire.send_text(&self.stage.clean(&target)).await;
        let Some(answer) = wire.answer(false).await else {
            self.fault(&format!("a clean request on {place} is not answered"));
            return 0;
        };
        let expected = format!("GET {target} {}", self.stage.id("al"));
        if (answer.status(), answer.text()) != (200, expected) {
            let what = format!("{} {}", answer.line(), answer.text());
            self.fault(&format!("a clean request on {place} gets {what}"));
        }
        1
    }

    /// What the client was told.
    fn outputs(&mut self, answers: &[Message]) {
        for answer in answers {
            if self.stage.has_secret(answer.head.as_bytes()) || self.stage.has_secret(&answer.body)
            {
                self.fault(&format!("a secret in the answer: {}", answer.head));
            }
        }
    }

    /// What the app was told.
    fn upstream(&mut self, mark: (usize, usize), answers: &[Message]) {
        let (requests, bytes) = self.stage.app.since(mark);
        let text = String::from_utf8_lossy(&bytes);
        if text.contains("forged") {
            self.fault(&format!("what is forged reached the app: {text}"));
        }
        let (clean, requests): (Vec<_>, Vec<_>) = requests
            .into_iter()
            .partition(|request| request.line().starts_with("GET /in/clean/"));
        if clean.iter().any(|it| !self.stage.is_told_of(it, "al")) {
            self.fault("a clean request reached the app as somebody else's");
        }
        let users = &self.vector.users;
        let carried = answers.iter().filter(|it| !it.fields("x-app").is_empty());
        let answered = users.iter().filter(|user| !user.starts_with('('));
        if requests.len() != users.len() || carried.count() != answered.count() {
            self.fault(&format!("the app got {} requests: {text}", requests.len()));
        }
        for (request, user) in requests.iter().zip(&self.vector.users) {
            let user = user.trim_matches(['(', ')']);
            if !self.stage.is_told_of(request, user) {
                self.fault(&format!(
                    "the app is not told of {user} alone: {}",
                    request.head
                ));
            }
        }
        if self.stage.has_secret(&bytes) {
            self.fault(&format!("a credential reached the app: {text}"));
        }
    }

    fn fault(&mut self, what: &str) {
        let Vector {
            place, text, why, ..
        } = self.vector;
        let fault = format!("{place}, {text} ({why}): {what}");
        self.faults.push(fault.escape_debug().to_string());
    }
}
