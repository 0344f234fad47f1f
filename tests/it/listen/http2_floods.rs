//! What an HTTP/2 client does that costs work for nothing, or does not do in time: its connection ends and is counted, and
//! a clean connection is served meanwhile. Verdicts alone; how fast is measured elsewhere.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use crate::support::http2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, Http2, PING, PRIORITY, RST_STREAM,
    SETTINGS, Verdict, WINDOW_UPDATE, block, frame, plain,
};
use crate::support::message::Message;
use crate::support::{Reply, Upstream};

use super::http2::World;

const PUBLIC: &str = "access = \"none\"";

/// The code of a client that is asked to calm down.
const ENHANCE_YOUR_CALM: u32 = 11;

/// How often a world's connections were ended for this.
async fn ended_for(world: &World, cause: &str) -> u64 {
    let metrics = world.gateway.admin("/metrics").await.text();
    let name = format!("countersign_connections_ended_total{{cause=\"{cause}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
    line.unwrap().parse().unwrap()
}

/// Sends the same again and again, until the other side has ended the connection.
async fn flood(client: &mut Http2, mut bytes: impl FnMut(u32) -> Vec<u8>) -> Verdict {
    for round in 0..40 {
        let all: Vec<u8> = (0..250).flat_map(|at| bytes(round * 250 + at)).collect();
        client.send(&all).await;
    }
    client.verdict(u32::MAX).await
}

fn head(at: u32) -> Vec<u8> {
    let stream = 2 * at + 3;
    frame(
        HEADERS,
        END_HEADERS | END_STREAM,
        stream,
        &block(&plain("/reset")),
    )
}

fn open() -> Vec<u8> {
    let mut post = plain("/open").to_vec();
    post[0].1 = b"POST";
    frame(HEADERS, END_HEADERS, 1, &block(&post))
}

/// A flood's name, and the frames of each of its rounds.
type Flood = (&'static str, fn(u32) -> Vec<u8>);

const FLOODS: [Flood; 10] = [
    (
        "rapid reset",
        (|at| [head(at), frame(RST_STREAM, 0, 2 * at + 3, &[0, 0, 0, 8])].concat()),
    ),
    ("PING", (|_| frame(PING, 0, 0, &[0; 8]))),
    ("SETTINGS", (|_| frame(SETTINGS, 0, 0, &[]))),
    (
        "WINDOW_UPDATE",
        (|_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
    ),
    ("PRIORITY", (|_| frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]))),
    ("unknown frames", (|_| frame(0xbe, 0, 0, b"x"))),
    (
        "empty DATA",
        (|at| {
            if at == 0 {
                open()
            } else {
                frame(DATA, 0, 1, &[])
            }
        }),
    ),
    (
        "DATA of a byte",
        (|at| {
            if at == 0 {
                open()
            } else {
                frame(DATA, 0, 1, b"x")
            }
        }),
    ),
    (
        "empty CONTINUATION",
        (|at| {
            if at == 0 {
                frame(HEADERS, 0, 1, &[0x82])
            } else {
                frame(CONTINUATION, 0, 1, &[])
            }
        }),
    ),
    (
        "malformed requests",
        (|at| frame(HEADERS, END_HEADERS | END_STREAM, 2 * at + 3, &[0x82])),
    ),
];

#[tokio::test]
async fn a_flood_ends_its_connection_and_no_other() {
    let world = World::start(Upstream::start().await, PUBLIC, "").await;
    let mut clean = world.connect().await;
    for (at, (name, bytes)) in FLOODS.into_iter().enumerate() {
        let mut client = world.connect().await;
        let verdict = flood(&mut client, bytes).await;
        // h2 counts some of them too; whoever is first says so. A client that still sends may miss what was said.
        let is_ended = matches!(
            verdict,
            Verdict::GoAway(ENHANCE_YOUR_CALM | 1) | Verdict::Closed
        );
        assert!(is_ended, "{name}: {verdict:?}");
        let stream = u32::try_from(2 * at + 1).unwrap();
        clean.get(stream, "/clean").await;
        assert_eq!(
            clean.verdict(stream).await,
            Verdict::Status(200, b"ok".to_vec()),
            "{name}"
        );
    }
    let (floods, wrong) = (
        ended_for(&world, "flood").await,
        ended_for(&world, "protocol").await,
    );
    assert_eq!(floods + wrong, 10, "{floods} and {wrong}");
    let resets = world
        .app
        .requests()
        .iter()
        .filter(|it| it.line().contains("/reset"))
        .count();
    assert!(resets <= 300, "{resets} requests that nobody waited for");
}

#[tokio::test]
async fn a_head_without_end_is_not_kept_and_ends_its_connection() {
    let world = World::start(Upstream::start().await, PUBLIC, "").await;
    let mut client = world.connect().await;
    client
        .frame(HEADERS, END_STREAM, 1, &block(&plain("/a")))
        .await;
    let field = block(&[(b"x-long".as_slice(), [b'y'; 1000].as_slice())]);
    let verdict = flood(&mut client, |_| frame(CONTINUATION, 0, 1, &field)).await;
    assert!(
        matches!(verdict, Verdict::GoAway(_) | Verdict::Closed),
        "{verdict:?}"
    );
    assert!(world.app.requests().is_empty());
}

#[tokio::test]
async fn what_a_browser_does_is_no_flood() {
    let late = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate".to_vec();
    let app = Upstream::answering(move |request| {
        if request.line().contains("/clean") {
            Reply::ok("ok")
        } else {
            Reply::Late(Duration::from_secs(5), late.clone())
        }
    })
    .await;
    let world = World::start(app, PUBLIC, "").await;
    let mut client = world.connect().await;
    // A page of a hundred requests that somebody leaves, with the frames around it.
    for at in 0..90 {
        let stream = 2 * at + 1;
        client.get(stream, "/page").await;
        client.frame(PRIORITY, 0, stream, &[0, 0, 0, 0, 1]).await;
        client.frame(WINDOW_UPDATE, 0, stream, &[0, 0, 1, 0]).await;
    }
    for at in 0..90 {
        client.frame(RST_STREAM, 0, 2 * at + 1, &[0, 0, 0, 8]).await;
    }
    for _ in 0..50 {
        client.frame(PING, 0, 0, &[0; 8]).await;
    }
    client.get(181, "/clean").await;
    assert_eq!(
        client.verdict(181).await,
        Verdict::Status(200, b"ok".to_vec())
    );
    assert_eq!(ended_for(&world, "flood").await, 0);
}

#[tokio::test]
async fn more_streams_than_may_be_are_told_to_try_again() {
    let late = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate".to_vec();
    let app =
        Upstream::answering(move |_| Reply::Late(Duration::from_millis(600), late.clone())).await;
    let world = World::start(app, PUBLIC, "").await;
    let mut client = world.connect().await;
    for at in 0..101 {
        client.get(2 * at + 1, "/a").await;
    }
    let refused_stream = 7;
    assert_eq!(client.verdict(201).await, Verdict::Reset(refused_stream));
    assert_eq!(
        client.verdict(199).await,
        Verdict::Status(200, b"late".to_vec())
    );
}

#[tokio::test]
async fn what_does_not_move_ends_at_its_deadline() {
    let limits = "[limits]\nheader_deadline = \"300ms\"\nbody_idle = \"300ms\"\nhandshake_timeout = \"300ms\"\n";
    let world = World::start(Upstream::start().await, PUBLIC, limits).await;
    let mut post = plain("/a").to_vec();
    post[0].1 = b"POST";
    let whole = block(&post);
    let head = frame(HEADERS, END_HEADERS, 3, &whole);
    let stalls = [
        ("a head that does not go on", frame(HEADERS, 0, 3, &whole)),
        ("half a head", head[..20].to_vec()),
        ("half the header of a frame", head[..5].to_vec()),
        ("a body that does not begin", head.clone()),
        (
            "a body that does not go on",
            [head.clone(), frame(DATA, 0, 3, b"x")].concat(),
        ),
        (
            "half a frame of a body",
            [head.clone(), frame(DATA, 0, 3, &[b'x'; 99])[..50].to_vec()].concat(),
        ),
    ];
    for (at, (name, bytes)) in stalls.into_iter().enumerate() {
        let mut client = world.connect().await;
        // Nothing of the beginning comes between.
        client.get(1, "/a").await;
        assert!(matches!(client.verdict(1).await, Verdict::Status(200, _)));
        client.send(&bytes).await;
        let ended_with = tokio::time::timeout(Duration::from_secs(5), async {
            while client.next().await.is_some() {}
        });
        ended_with
            .await
            .unwrap_or_else(|_| panic!("{name} is still open"));
        assert_eq!(ended_for(&world, "stall").await, at as u64 + 1, "{name}");
    }
    // Whoever says nothing at all has not begun.
    let mut silent = world.socket().await;
    let _ = silent.read_to_end(&mut Vec::new()).await;
    assert_eq!(ended_for(&world, "handshake_timeout").await, 1);
    let mut wrong = Http2::silent(world.socket().await);
    wrong
        .send(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    while wrong.next().await.is_some() {}
}

#[tokio::test]
async fn an_upload_that_only_drips_ends_within_twice_the_time_it_may_stand_still() {
    let world = World::start(
        Upstream::start().await,
        PUBLIC,
        "[limits]\nbody_idle = \"400ms\"\n",
    )
    .await;
    let mut client = world.connect().await;
    client.send(&open()).await;
    let drips = async {
        loop {
            client.frame(DATA, 0, 1, b"x").await;
            let next = tokio::time::timeout(Duration::from_millis(50), client.next()).await;
            if matches!(next, Ok(None)) {
                return;
            }
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(3), drips).await;
    assert!(ended.is_ok(), "it is still open");
    assert_eq!(ended_for(&world, "stall").await, 1);
}

#[tokio::test]
async fn whoever_says_what_it_takes_of_an_answer_is_no_flood() {
    let app = Upstream::answering(|_| Reply::ok(&"x".repeat(4_000_000))).await;
    let world = World::start(app, PUBLIC, "").await;
    let mut client = world.connect().await;
    client.get(1, "/a").await;
    let (mut taken, mut said) = (0, 0);
    while taken < 4_000_000 {
        let frame = client.next().await.expect("the connection was ended");
        if frame.kind != DATA {
            continue;
        }
        taken += frame.payload.len();
        // A little at a time, for the stream and for the connection.
        for piece in frame.payload.chunks(4096) {
            let more = u32::try_from(piece.len()).unwrap().to_be_bytes();
            client.frame(WINDOW_UPDATE, 0, 0, &more).await;
            client.frame(WINDOW_UPDATE, 0, 1, &more).await;
            said += 2;
        }
    }
    assert!(said > 1900, "{said}");
    assert_eq!(ended_for(&world, "flood").await, 0);
}

#[tokio::test]
async fn an_upload_that_stalls_loses_its_stream_and_the_others_go_on() {
    let limits = "[limits]\nbody_idle = \"300ms\"\n";
    let late = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate".to_vec();
    let app =
        Upstream::answering(move |_| Reply::Late(Duration::from_millis(900), late.clone())).await;
    let world = World::start(app, PUBLIC, limits).await;
    let mut client = world.connect().await;
    client.get(1, "/slow").await;
    let mut post = plain("/a").to_vec();
    post[0].1 = b"POST";
    let empty = [&post[..], &[(b"content-length", b"0")]].concat();
    client.head(3, &post, false).await;
    client.head(5, &post, false).await;
    client.frame(DATA, 0, 5, b"x").await;
    client.head(7, &empty, false).await;
    let cancel = 8;
    for stream in [3, 5, 7] {
        assert_eq!(client.verdict(stream).await, Verdict::Reset(cancel));
    }
    assert_eq!(ended_for(&world, "stall").await, 0);
    let late = Verdict::Status(200, b"late".to_vec());
    assert_eq!(client.verdict(1).await, late);
    // Nothing else is open: whoever stalls now has no use for its connection.
    client.head(9, &post, false).await;
    let verdict = client.verdict(9).await;
    assert!(
        matches!(verdict, Verdict::Reset(_) | Verdict::Closed),
        "{verdict:?}"
    );
    while client.next().await.is_some() {}
    assert_eq!(ended_for(&world, "stall").await, 1);
}

#[tokio::test]
async fn every_request_of_a_packet_is_known_by_its_stream() {
    let world = World::start(Upstream::start().await, PUBLIC, "").await;
    let mut client = world.connect().await;
    // Every third has a fragment: in full and kept, then by what was kept of it.
    let bad = |at: u32| at % 3 == 1;
    let mut packet = Vec::new();
    for at in 0..60 {
        let whole = [&[0x82, 0x87, 0x41, 9][..], b"a.example"].concat();
        let path = match at {
            1 => [&[0x44, 6][..], b"/bad#x"].concat(),
            // The hosts that were kept since stand before it.
            at if bad(at) => vec![0x80 | u8::try_from(62 + at - 2).unwrap()],
            at => [&[0x04, 5][..], format!("/{at:04}").as_bytes()].concat(),
        };
        // What refers to the table stands before what is kept next.
        let head = if at == 1 {
            [whole, path].concat()
        } else {
            [path, whole].concat()
        };
        packet.extend(frame(HEADERS, END_HEADERS | END_STREAM, 2 * at + 1, &head));
    }
    client.send(&packet).await;
    for at in 0..60 {
        let verdict = client.verdict(2 * at + 1).await;
        let status = if bad(at) { 400 } else { 200 };
        assert!(
            matches!(verdict, Verdict::Status(of, _) if of == status),
            "{at}: {verdict:?}"
        );
    }
    let requests = world.app.requests();
    let mut lines: Vec<&str> = requests.iter().map(Message::line).collect();
    lines.sort_unstable();
    let good = (0..60).filter(|at| !bad(*at));
    let good: Vec<String> = good.map(|at| format!("GET /{at:04} HTTP/1.1")).collect();
    assert_eq!(lines, good);
}

#[tokio::test]
async fn an_upload_that_waits_for_the_app_is_no_stall_and_neither_is_a_slow_answer() {
    let limits = "[limits]\nheader_deadline = \"300ms\"\nbody_idle = \"300ms\"\n";
    let late = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate".to_vec();
    let app =
        Upstream::answering(move |_| Reply::Late(Duration::from_millis(900), late.clone())).await;
    let world = World::start(app, PUBLIC, limits).await;
    let mut client = world.connect().await;
    client.get(1, "/a").await;
    assert_eq!(
        client.verdict(1).await,
        Verdict::Status(200, b"late".to_vec())
    );
    assert_eq!(ended_for(&world, "stall").await, 0);
}

#[tokio::test]
async fn a_reader_that_takes_nothing_loses_its_stream_and_the_others_go_on() {
    let limits = "[limits]\nbody_idle = \"400ms\"\n";
    let app = Upstream::answering(|request| {
        if request.line().contains("/big") {
            Reply::ok(&"x".repeat(2_000_000))
        } else {
            Reply::ok("ok")
        }
    })
    .await;
    let world = World::start(app, PUBLIC, limits).await;
    let mut client = world.connect().await;
    // The connection may take it all; the stream may not.
    client.frame(WINDOW_UPDATE, 0, 0, &[0, 0x40, 0, 0]).await;
    client.get(1, "/big").await;
    client.get(3, "/small").await;
    assert_eq!(
        client.verdict(3).await,
        Verdict::Status(200, b"ok".to_vec())
    );
    let Verdict::Status(200, body) = client.verdict(1).await else {
        panic!("no answer");
    };
    assert!(body.len() < 2_000_000, "{}", body.len());
    client.get(5, "/small").await;
    assert_eq!(
        client.verdict(5).await,
        Verdict::Status(200, b"ok".to_vec())
    );
}

#[tokio::test]
async fn a_connection_that_asks_again_and_again_is_not_idle() {
    let limits = "[limits]\nidle_timeout = \"300ms\"\n";
    let world = World::start(Upstream::start().await, PUBLIC, limits).await;
    let mut client = world.connect().await;
    for at in 0..25 {
        client.get(2 * at + 1, "/a").await;
        let ok = Verdict::Status(200, b"ok".to_vec());
        assert_eq!(client.verdict(2 * at + 1).await, ok, "{at}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_connection_that_asks_nothing_ends_in_time() {
    let limits = "[limits]\nidle_timeout = \"300ms\"\n";
    let world = World::start(Upstream::start().await, PUBLIC, limits).await;
    let mut client = world.connect().await;
    client.get(1, "/a").await;
    assert_eq!(
        client.verdict(1).await,
        Verdict::Status(200, b"ok".to_vec())
    );
    let ended = tokio::time::timeout(Duration::from_secs(5), async {
        while client.next().await.is_some() {}
    });
    assert!(ended.await.is_ok(), "it is still open");
}
