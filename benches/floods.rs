//! What slow and flooding clients cost everybody else: the latency of a clean client beside each attack as a ratio to its own
//! without, and the server's memory.
//!
//! `cargo bench --bench floods` runs them all and fails where a ratio or the memory is beyond its limit; words choose the
//! attacks whose names contain one of them, and a number how many rounds there are: `cargo bench --bench floods -- PING 9`.
//!
//! The server has a core of its own. The clean client, the app and the attackers share the other, the attackers with the
//! lowest priority: what is measured is what an attack does to the server, not to the client's machine. The clean client
//! waits for each answer before it asks again, on a connection that it keeps and on a new one in turn. Rounds without and
//! with the attack alternate within seconds, so that what else the machine does meets both.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a measurement ends where something is wrong"
)]

#[path = "../tests/it/floods/attacks.rs"]
mod attacks;
#[path = "../tests/it/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests use all of it")]
mod support;
#[path = "../tests/it/floods/world.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod world;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use tokio::runtime::Runtime;

use attacks::{ATTACKS, Speaks, Target};
use support::http2::{
    DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, WINDOW_UPDATE, block, frame, plain,
};
use world::{HOST, Places, World};

/// Short enough that attackers lose their connections again and again while a round lasts.
const LIMITS: &str = r#"
header_deadline = "1s"
idle_timeout = "1s"
handshake_timeout = "1s"
body_idle = "1s"
connections_per_ip = 400
"#;

/// Requests of each kind in each half of a round.
const SAMPLES: usize = 2000;

const ROUNDS: usize = 3;

/// How long attackers have to take their places, one after the other.
const RAMP: Duration = Duration::from_secs(1);

/// How long one waits that has lost its connection: a flood of handshakes alone is not what is measured.
const PAUSE: Duration = Duration::from_millis(100);

const OURS: usize = 0;
const SERVERS: usize = 1;

const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Somebody else's tool, three ways.
const SLOWHTTPTEST: [(&str, &str, &[&str]); 3] = [
    ("slowhttptest -H", "/public/a", &["-H", "-t", "GET"]),
    ("slowhttptest -B", "/public/a", &["-B", "-t", "POST"]),
    (
        "slowhttptest -X",
        "/public/page",
        &["-X", "-w", "4096", "-y", "8192", "-n", "1", "-z", "512"],
    ),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, name, plain, tls, announced, ca] = &arguments[..]
        && word == "attack"
    {
        let [plain, tls, announced] = [plain, tls, announced].map(|it| it.parse().unwrap());
        let places = Places {
            plain,
            tls,
            announced,
        };
        return attack(name, &Target::new(places, Path::new(ca), ATTACKER));
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (rounds, words): (Vec<&str>, Vec<&str>) = arguments
        .into_iter()
        .filter(|it| *it != "--bench")
        .partition(|it| it.parse::<usize>().is_ok());
    let rounds = rounds.first().map_or(ROUNDS, |it| it.parse().unwrap());
    measure(&words, rounds)
}

/// Attacks until it is ended.
fn attack(name: &str, target: &Arc<Target>) -> ExitCode {
    let attack = ATTACKS.iter().find(|it| it.name == name).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        for at in 0..attack.connections {
            let target = Arc::clone(target);
            let go = attack.go;
            let turn =
                RAMP * u32::try_from(at).unwrap() / u32::try_from(attack.connections).unwrap();
            tokio::spawn(async move {
                tokio::time::sleep(turn).await;
                loop {
                    let _ = go(Arc::clone(&target)).await;
                    tokio::time::sleep(PAUSE).await;
                }
            });
        }
        std::future::pending().await
    })
}

fn measure(words: &[&str], rounds: usize) -> ExitCode {
    pin();
    let world = World::start(LIMITS, Some(SERVERS));
    let runtime = Runtime::new().unwrap();
    let chosen = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    println!(
        "{:32} {:>14} {:>14}  {:>18} {:>18} {:>8}",
        "", "p99 kept (us)", "p99 new (us)", "ratio kept", "ratio new", "MiB more"
    );
    let mut is_kept = true;
    let ours = ATTACKS.iter().map(|it| (it.name, it.speaks, it.answers));
    let others = SLOWHTTPTEST.iter().map(|it| (it.0, Speaks::Http1, 0));
    for (name, speaks, answers) in ours.chain(others).filter(|it| chosen(it.0)) {
        let (before, mut all) = (world.resident_kib(), Vec::new());
        world.forget_peak();
        for _ in 0..rounds {
            let clean = Visitor::new(&world, speaks).sample();
            let attackers = Attackers::start(&world, name);
            let attacked = Visitor::new(&world, speaks).sample();
            drop(attackers);
            runtime.block_on(settled(&world));
            all.push((clean, attacked));
        }
        let more = world.peak_kib().saturating_sub(before) as f64 / 1024.0;
        is_kept &= report(name, speaks, answers, &all, more);
    }
    if is_kept {
        println!("every ratio and the memory are within their limits");
        return ExitCode::SUCCESS;
    }
    println!("what is marked with ! is beyond its limit");
    ExitCode::FAILURE
}

/// A clean client's p99 on a kept connection and on new ones.
type Pair = [Duration; 2];

/// Prints a line; whether everything in it is within its limit.
fn report(name: &str, speaks: Speaks, answers: u64, all: &[(Pair, Pair)], more: f64) -> bool {
    let limit = if speaks == Speaks::Http2 { 3.0 } else { 2.0 };
    // An answer that nobody takes and that does not fit the system's buffers stands in pingora's.
    let most = 32.0_f64.max(answers as f64 * 800.0 / 1024.0);
    let of = |at: usize| {
        let ratio =
            |(clean, attacked): &(Pair, Pair)| attacked[at].as_secs_f64() / clean[at].as_secs_f64();
        let mut ratios: Vec<f64> = all.iter().map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        let mut clean: Vec<Duration> = all.iter().map(|(clean, _)| clean[at]).collect();
        clean.sort();
        let middle = ratios.len() / 2;
        let (median, first, last) = (ratios[middle], ratios[0], ratios[ratios.len() - 1]);
        let mark = if median > limit { "!" } else { " " };
        let text = format!("{median:.2} ({first:.2}-{last:.2}){mark}");
        (clean[middle].as_micros(), text, median <= limit)
    };
    let [kept, new] = [of(0), of(1)];
    let mark = if more > most { "!" } else { " " };
    println!(
        "{name:32} {:>14} {:>14}  {:>18} {:>18} {more:>7.1}{mark}",
        kept.0, new.0, kept.1, new.1
    );
    kept.2 && new.2 && more <= most
}

/// Somebody whose requests are answered.
struct Visitor {
    kept: Kept,
    place: SocketAddr,
    /// Where a new connection begins with a handshake.
    tls: Option<Arc<ClientConfig>>,
    request: String,
    headers: Vec<u8>,
}

enum Kept {
    Http1(TcpStream),
    Http2(Box<StreamOwned<ClientConnection, TcpStream>>, u32),
}

impl Visitor {
    /// Speaks what the attackers speak.
    fn new(world: &World, speaks: Speaks) -> Self {
        let Places {
            plain: open, tls, ..
        } = world.places;
        let bearer = format!("Bearer {}", world.token);
        let mut fields = plain("/visit").to_vec();
        fields.push((b"authorization", bearer.as_bytes()));
        let kept = if speaks == Speaks::Http2 {
            let config = Arc::new(attacks::tls(&world.ca(), &[b"h2"]));
            let mut stream = secure(tls, &config);
            stream.write_all(PREFACE).unwrap();
            stream.write_all(&frame(SETTINGS, 0, 0, &[])).unwrap();
            stream
                .write_all(&frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0, 0, 0]))
                .unwrap();
            Kept::Http2(Box::new(stream), 1)
        } else {
            Kept::Http1(connect(open))
        };
        let secured = speaks == Speaks::Tls;
        Self {
            kept,
            place: if secured { tls } else { open },
            tls: secured.then(|| Arc::new(attacks::tls(&world.ca(), &[b"http/1.1"]))),
            request: format!(
                "GET /visit HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: {bearer}\r\n\r\n"
            ),
            headers: block(&fields),
        }
    }

    fn sample(&mut self) -> Pair {
        let mut took = [Vec::with_capacity(SAMPLES), Vec::with_capacity(SAMPLES)];
        // Caches and the allocator are warm for whoever comes first, too.
        for at in 0..SAMPLES + 50 {
            let began = Instant::now();
            self.ask_on_kept();
            let kept = began.elapsed();
            let began = Instant::now();
            self.ask_on_new();
            let new = began.elapsed();
            if at >= 50 {
                took[0].push(kept);
                took[1].push(new);
            }
        }
        took.map(|mut took| {
            took.sort();
            took[took.len() * 99 / 100]
        })
    }

    fn ask_on_kept(&mut self) {
        match &mut self.kept {
            Kept::Http1(stream) => ask(stream, &self.request),
            Kept::Http2(connection, stream) => {
                let request = frame(HEADERS, END_HEADERS | END_STREAM, *stream, &self.headers);
                connection.write_all(&request).unwrap();
                read_stream(connection, *stream);
                *stream += 2;
            }
        }
    }

    fn ask_on_new(&self) {
        match &self.tls {
            None => ask(&mut connect(self.place), &self.request),
            Some(config) => ask(&mut secure(self.place, config), &self.request),
        }
    }
}

fn connect(place: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(place).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

fn secure(
    place: SocketAddr,
    config: &Arc<ClientConfig>,
) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from(HOST).unwrap();
    let client = ClientConnection::new(Arc::clone(config), name).unwrap();
    StreamOwned::new(client, connect(place))
}

fn ask(stream: &mut (impl Read + Write), request: &str) {
    stream.write_all(request.as_bytes()).unwrap();
    let (mut answer, mut length) = ([0; 4096], 0);
    while !answer[..length].ends_with(b"\r\n\r\nok") {
        let read = stream.read(&mut answer[length..]).unwrap();
        assert!(read > 0, "the connection was closed");
        length += read;
    }
    assert!(
        answer.starts_with(b"HTTP/1.1 200 "),
        "{}",
        answer[..length].escape_ascii()
    );
}

/// Reads frames until an answer is whole, which is a head and `ok`.
fn read_stream(connection: &mut impl Read, stream: u32) {
    let mut header = [0; 9];
    let mut payload = Vec::new();
    loop {
        connection.read_exact(&mut header).unwrap();
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = header;
        payload.resize(u32::from_be_bytes([0, l0, l1, l2]) as usize, 0);
        connection.read_exact(&mut payload).unwrap();
        if u32::from_be_bytes([s0, s1, s2, s3]) != stream {
            continue;
        }
        match kind {
            // 0x88 is `:status: 200` in the table that everybody has.
            HEADERS => assert!(
                payload.contains(&0x88) && flags & END_STREAM == 0,
                "{payload:?}"
            ),
            DATA if flags & END_STREAM != 0 => return,
            _ => {}
        }
    }
}

/// A process that attacks until this value is dropped.
struct Attackers(Child);

impl Attackers {
    fn start(world: &World, name: &str) -> Self {
        let Places {
            plain,
            tls,
            announced,
        } = world.places;
        let mut command = Command::new("nice");
        command.args(["-n", "19"]);
        if let Some((_, path, way)) = SLOWHTTPTEST.iter().find(|it| it.0 == name) {
            let report = world.ca().with_file_name("slowhttptest");
            command.arg("slowhttptest").args(*way);
            command.args(["-c", "300", "-r", "300", "-i", "1", "-l", "60", "-p", "3"]);
            command
                .args(["-u", &format!("http://{plain}{path}"), "-g", "-o"])
                .arg(report);
        } else {
            command
                .arg(std::env::current_exe().unwrap())
                .arg("attack")
                .arg(name);
            command.args([plain, tls, announced].map(|it| it.to_string()));
            command.arg(world.ca());
        }
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.stderr(Stdio::null()).spawn().unwrap();
        // nice becomes the program that it starts.
        std::thread::park_timeout(RAMP + PAUSE);
        Self(child)
    }
}

impl Drop for Attackers {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until the attackers' connections are gone.
async fn settled(world: &World) {
    let began = Instant::now();
    while world.open().await > 0 {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "connections stay open"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Puts this process, and what it starts, on its core.
fn pin() {
    let own = std::process::id().to_string();
    let pinned = Command::new("taskset")
        .args(["-apc", &OURS.to_string(), &own])
        .stdout(Stdio::null())
        .status();
    assert!(
        pinned.unwrap().success(),
        "taskset (util-linux) and two cores are needed"
    );
}
