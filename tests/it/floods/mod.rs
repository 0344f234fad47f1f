//! Slow and flooding clients before the real program: each loses its connection in time, costs little memory, and nobody
//! else's request goes wrong. How much they slow others down is measured by `cargo bench --bench floods`.

pub(crate) mod attacks;
pub(crate) mod world;

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{JoinSet, block_in_place};

use attacks::{ATTACKS, Attack, Speaks, Target};
use world::World;

use crate::support::client::{Client, get};
use crate::support::http2::{Http2, Verdict, plain};

/// Every deadline of these tests, and how much later a busy machine may be.
const DEADLINE: Duration = Duration::from_millis(700);
const SLACK: Duration = Duration::from_secs(6);

const LIMITS: &str = r#"
header_deadline = "700ms"
idle_timeout = "700ms"
handshake_timeout = "700ms"
body_idle = "700ms"
connections_per_ip = 400
"#;

/// What an attack may cost.
const MOST_KIB: u64 = 32 << 10;

/// What an answer may cost that nobody takes and that does not fit the system's buffers: it stands in pingora's.
const ANSWER_KIB: u64 = 800;

const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_ends_in_time_and_costs_little_memory_and_nobody_elses_request_goes_wrong() {
    let world = block_in_place(|| World::start(LIMITS, None));
    let target = Target::new(world.places, &world.ca(), ATTACKER);
    for _ in 0..50 {
        visit(&world).await;
    }
    let mut faults = Vec::new();
    for attack in ATTACKS {
        faults.extend(suffer(&world, attack, &target).await);
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// One attack, beside somebody whose requests have to be answered as ever; what is wrong with how it went.
async fn suffer(world: &World, attack: &Attack, target: &Arc<Target>) -> Option<String> {
    let before = world.resident_kib();
    world.forget_peak();
    let began = Instant::now();
    let mut attackers = JoinSet::new();
    for _ in 0..attack.connections {
        attackers.spawn((attack.go)(Arc::clone(target)));
    }
    // By then they have begun. The sockets of those who go on stay open on their side whatever we do.
    tokio::time::sleep(DEADLINE / 2).await;
    let mut open = world.open().await;
    while open > 0 && began.elapsed() < DEADLINE + SLACK {
        visit(world).await;
        if attack.speaks == Speaks::Http2 {
            visit_in_http2(world).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        open = world.open().await;
    }
    let grown = world.peak_kib().saturating_sub(before);
    let (name, took) = (attack.name, began.elapsed());
    println!("{name}: {took:?}, {grown} KiB more");
    if open > 0 {
        return Some(format!(
            "{name}: {open} connections are open after {took:?}"
        ));
    }
    let most = MOST_KIB + attack.answers * ANSWER_KIB;
    (grown > most).then(|| format!("{name}: {grown} KiB more"))
}

/// A request on a connection of its own is answered as ever.
async fn visit(world: &World) {
    let bearer = format!("Authorization: Bearer {}", world.token);
    let mut client = Client::connect(world.places.plain).await;
    let request = get("/visit", &[&bearer, "Connection: close"]);
    let answer = client.ask(request).await;
    assert_eq!((answer.status(), answer.text().as_str()), (200, "ok"));
}

async fn visit_in_http2(world: &World) {
    let mut client = Http2::over(world.secure().await).await;
    let bearer = format!("Bearer {}", world.token);
    let mut fields = plain("/visit").to_vec();
    fields.push((b"authorization", bearer.as_bytes()));
    client.head(1, &fields, true).await;
    let ok = Verdict::Status(200, b"ok".to_vec());
    assert_eq!(client.verdict(1).await, ok);
}

/// Somebody else's tool: slow heads, bodies and readers at once, as it does them, and its own word for whether anybody else
/// was still served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slowhttptest_finds_the_service_available_and_its_connections_ended() {
    let limits = LIMITS.replace("400", "2000");
    let world = block_in_place(|| World::start(&limits, None));
    let directory = tempfile::tempdir().unwrap();
    // Whoever reads slowly does not see that its connection was ended; so that goes on for as long as it is told.
    let readers = ["-X", "-w", "4096", "-y", "8192", "-n", "1", "-z", "8192"];
    let ways: [(&str, &[&str], &str); 3] = [
        ("/public/heads", &["-H", "-t", "GET"], ALL_CLOSED),
        ("/public/bodies", &["-B", "-t", "POST"], ALL_CLOSED),
        ("/public/large", &readers, "Hit test time limit"),
    ];
    block_in_place(|| {
        std::thread::scope(|threads| {
            for (path, way, end) in ways {
                let report = directory.path().join(path.replace('/', ""));
                let (url, is_short) = (
                    format!("http://{}{path}", world.places.plain),
                    end != ALL_CLOSED,
                );
                threads.spawn(move || {
                    let output = Command::new("slowhttptest")
                        .args(way)
                        .args(["-c", if is_short { "50" } else { "200" }, "-r", "200"])
                        .args(["-l", if is_short { "3" } else { "20" }])
                        .args(["-i", "1", "-p", "3", "-u", &url, "-g", "-o"])
                        .arg(&report)
                        .output()
                        .expect("slowhttptest is installed by tests/run");
                    let said = String::from_utf8_lossy(&output.stdout);
                    assert!(said.contains(end), "{path}: {said}");
                    assert!(is_available(&report.with_extension("csv")), "{path}");
                });
            }
        });
    });
}

/// How slowhttptest says that each of its connections was ended before its time was over.
const ALL_CLOSED: &str = "No open connections left";

/// Whether somebody else was served in every second: the last column of slowhttptest's report is 0 where nobody was.
fn is_available(report: &Path) -> bool {
    let rows = std::fs::read_to_string(report).unwrap();
    let mut rows = rows.lines().skip(1).peekable();
    rows.peek().is_some() && rows.all(|row| !row.ends_with(",0"))
}
