//! The oracles of `fuzz/`, tried on changed examples for some seconds: without coverage, on any toolchain, as part of
//! `tests/run`. `FUZZ_SECONDS` says how long for each (one second by default).

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "what a test needs and does not get is the test's failure; how long it may take comes from outside"
)]

#[path = "../../fuzz/oracles.rs"]
mod oracles;

use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::model::token::{PlainToken, TokenKind};

/// Numbers that look random and are the same in every run.
struct Dice(u64);

/// What parsers trip over.
const WORDS: [&[u8]; 32] = [
    b"\r\n",
    b"\r",
    b"\n",
    b"\0",
    b"\t",
    b" ",
    b"\x0b",
    b"\x0c",
    b"\x7f",
    b"\xff",
    b"%2e",
    b"%2f",
    b"%00",
    b"..",
    b"//",
    b";",
    b",",
    b"\"",
    b"\\",
    b"\r\n\r\n",
    b"0\r\n\r\n",
    b"Content-Length: 1\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: a\r\n",
    b"http://",
    b"@",
    b"#",
    b"?",
    b"=",
    b":",
    b"countersign=",
    b"Bearer ",
];

#[test]
fn no_bytes_break_an_oracle() {
    let seconds = std::env::var("FUZZ_SECONDS").map_or(1, |text| text.parse().unwrap());
    for (name, oracle) in oracles::ALL {
        let seeds = seeds(name);
        assert!(seeds.len() > 3, "no examples for {name}");
        let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
        let (began, mut tried) = (Instant::now(), 0_u64);
        for seed in &seeds {
            hold(name, oracle, seed);
        }
        while began.elapsed() < Duration::from_secs(seconds) {
            for _ in 0..100 {
                hold(name, oracle, &dice.change(&seeds));
                tried += 1;
            }
        }
        println!("{name}: {tried} tried from {} examples", seeds.len());
    }
}

/// Panics with the bytes, as they can be put into the corpus, if they break it.
fn hold(name: &str, oracle: fn(&[u8]), bytes: &[u8]) {
    let held = catch_unwind(|| oracle(bytes)).is_ok();
    assert!(held, "{name} is broken by b\"{}\"", bytes.escape_ascii());
}

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }

    /// An example with some changes.
    fn change(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + self.below(16)).min(bytes.len());
            match self.below(6) {
                0 => drop(bytes.drain(at..end)),
                1 => drop(bytes.splice(at..end, WORDS[self.below(WORDS.len())].iter().copied())),
                2 => drop(bytes.splice(at..at, WORDS[self.below(WORDS.len())].iter().copied())),
                3 => bytes.insert(at, u8::try_from(self.below(256)).unwrap()),
                4 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                _ => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len() + 1);
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[from..]);
                }
            }
        }
        bytes
    }
}

/// The corpus, and what is only known at run time: credentials, and the table of hostile requests.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    files.sort();
    let mut seeds: Vec<Vec<u8>> = files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect();
    match name {
        "credential" => seeds.extend(credentials()),
        "cookie" => {
            let token = PlainToken::generate(TokenKind::Browser);
            seeds.push(format!("a=b; countersign={}; c=d", token.expose()).into());
        }
        "head" => seeds.extend(super::vectors::as_bytes()),
        "config" => seeds.push(std::fs::read("config/countersign.toml").unwrap()),
        _ => {}
    }
    seeds
}

fn credentials() -> Vec<Vec<u8>> {
    let token = |kind| PlainToken::generate(kind).expose().to_string();
    let pair = STANDARD.encode(format!(
        "{}:{}",
        token(TokenKind::Key),
        token(TokenKind::Keyed)
    ));
    let mut all = vec![
        format!("Basic {pair}").into_bytes(),
        format!("basic   {pair}").into_bytes(),
    ];
    for kind in [TokenKind::Access, TokenKind::Api, TokenKind::Session] {
        all.push(format!("Bearer {}", token(kind)).into_bytes());
        all.push(token(kind).into_bytes());
    }
    all
}
