//! The oracles of `fuzz/` on the corpora that `cargo fuzz` left there, in every run and without its tools: what was found
//! once is not lost again. `fuzz/run` looks for more.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test needs and does not get is the test's failure"
)]

#[expect(
    unreachable_pub,
    reason = "it is a library to the crate of the fuzzers"
)]
#[path = "../../fuzz/oracles.rs"]
mod oracles;

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use countersign::control::{Rule, break_one};

#[test]
fn every_oracle_holds_for_its_corpus_and_is_a_target() {
    for (name, oracle) in oracles::ALL {
        let corpus = corpus(name);
        assert!(corpus.len() >= 4, "no examples for {name}");
        for (path, bytes) in corpus {
            let held = catch_unwind(|| oracle(&bytes)).is_ok();
            assert!(held, "{name} is broken by {}", path.display());
        }
    }
    let targets = files("fuzz/targets").into_iter();
    let targets = targets.map(|path| path.file_stem().unwrap().to_owned());
    let names = oracles::ALL.into_iter().map(|(name, _)| name.into());
    assert_eq!(targets.collect::<BTreeSet<_>>(), names.collect());
}

/// Those that read a head and a body have rules that can be broken. On its own in its process.
#[test]
fn a_rule_that_is_broken_is_seen_by_its_oracle_on_its_corpus() {
    for (name, rule) in [
        ("head", Rule::Framing),
        ("head", Rule::Dots),
        ("chunks", Rule::Chunks),
    ] {
        let (_, oracle) = oracles::ALL.into_iter().find(|it| it.0 == name).unwrap();
        break_one(Some(rule));
        let broken = corpus(name)
            .into_iter()
            .any(|(_, bytes)| catch_unwind(|| oracle(&bytes)).is_err());
        break_one(None);
        assert!(broken, "{rule:?} is broken, and {name} does not see it");
    }
}

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let files = files(&format!("fuzz/corpus/{name}")).into_iter();
    files
        .map(|path| {
            let bytes = std::fs::read(&path).unwrap();
            (path, bytes)
        })
        .collect()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}
