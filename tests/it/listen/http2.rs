//! HTTP/2 as real clients speak it, and what becomes of its requests behind us.

use std::process::{Command, Output};
use std::time::Duration;

use crate::support::http2::{DATA, END_STREAM, GOAWAY, Http2, PREFACE, RST_STREAM, Verdict, plain};
use crate::support::tls::{Authority, Caller};
use crate::support::{Client, Gateway, Reply, Upstream, get, one_route};

const REQUIRED: &str = "access = \"required\"\naccept = [\"bearer\", \"cookie\"]";
const PUBLIC: &str = "access = \"none\"";

pub(super) struct World {
    pub(super) app: Upstream,
    pub(super) authority: Authority,
    pub(super) gateway: Gateway,
}

impl World {
    pub(super) async fn start(app: Upstream, route: &str, more: &str) -> Self {
        let authority = Authority::new();
        authority.sign("a", &["a.example"]);
        let listen = authority.listen(&["a"], "http2 = true");
        let config = format!("{listen}{more}\n{}", one_route(&app.url(), route));
        Self {
            gateway: Gateway::start(&config).await,
            app,
            authority,
        }
    }

    pub(super) async fn connect(&self) -> Http2 {
        Http2::over(self.socket().await).await
    }

    pub(super) async fn socket(&self) -> tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
        let caller = Caller {
            host: Some("a.example"),
            alpn: &["h2", "http/1.1"],
            ..Caller::default()
        };
        let stream = self.authority.connect(self.gateway.address, caller).await;
        let stream = stream.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        stream
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let port = self.gateway.address.port();
        let arguments = arguments
            .iter()
            .map(|it| it.replace("PORT", &port.to_string()));
        tokio::task::block_in_place(|| Command::new(program).args(arguments).output().unwrap())
    }

    fn curl(&self, arguments: &[&str]) -> String {
        let ca = self.authority.path("ca.pem");
        let ca = ca.to_str().unwrap();
        let fixed = ["-sS", "--http2", "--max-time", "10", "--cacert", ca];
        let resolve = ["--resolve", "a.example:PORT:127.0.0.1"];
        let output = self.run("curl", &[&fixed[..], &resolve, arguments].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn ok(body: &str) -> Verdict {
    Verdict::Status(200, body.into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_speaks_it_and_the_app_gets_plain_requests() {
    let world = World::start(Upstream::start().await, REQUIRED, "").await;
    let jo = world.gateway.account("jo").await;
    let (_, token) = world.gateway.token(&jo).await;
    let bearer = format!("Authorization: Bearer {token}");
    let url = "https://a.example:PORT/a;b/%7e?c=%2F";
    let said = world.curl(&["-w", " %{http_version} %{http_code}", "-H", &bearer, url]);
    assert_eq!(said, "ok 2 200");
    let long = world.authority.path("long");
    std::fs::write(&long, "x".repeat(300_000)).unwrap();
    let long = format!("@{}", long.display());
    let said = world.curl(&[
        "-w",
        " %{http_version} %{http_code}",
        "-H",
        &bearer,
        "-d",
        &long,
        url,
    ]);
    assert_eq!(said, "ok 2 200");
    let said = world.curl(&[
        "-w",
        " %{http_version} %{http_code}",
        "-o",
        "/dev/null",
        url,
    ]);
    assert_eq!(said, " 2 401");
    let seen = world.app.requests();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].line(), "GET /a;b/%7e?c=%2F HTTP/1.1");
    assert_eq!(seen[1].body.len(), 300_000);
    for seen in seen {
        assert_eq!(
            seen.field("host"),
            format!("a.example:{}", world.gateway.address.port())
        );
        assert_eq!(seen.field("x-forwarded-user"), jo.id.as_str());
        assert_eq!(seen.field("x-forwarded-proto"), "https");
        assert_eq!(seen.field("x-forwarded-for"), "127.0.0.1");
        assert!(seen.fields("authorization").is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nghttp_and_h2load_are_served_to_the_last_request() {
    let world = World::start(Upstream::start().await, PUBLIC, "").await;
    let output = world.run(
        "nghttp",
        &[
            "-nv",
            "--no-dep",
            "https://127.0.0.1:PORT/a",
            "-H:authority: a.example",
        ],
    );
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains(":status: 200"), "{said}");
    assert_eq!(world.app.request().field("host"), "a.example");
    let url = "https://127.0.0.1:PORT/load";
    let arguments = [
        "-n",
        "300",
        "-c",
        "3",
        "-m",
        "50",
        "--header=:authority: a.example",
        url,
    ];
    let output = world.run("h2load", &arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        said.contains("300 succeeded, 0 failed, 0 errored"),
        "{said}\n{output:?}"
    );
    assert!(said.contains("Application protocol: h2"), "{said}");
}

#[tokio::test]
async fn a_slow_answer_holds_up_no_other_on_the_connection() {
    let app = Upstream::answering(|request| match request.line() {
        "GET /slow HTTP/1.1" => Reply::Late(
            Duration::from_millis(400),
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow".to_vec(),
        ),
        _ => Reply::ok("fast"),
    })
    .await;
    let world = World::start(app, PUBLIC, "").await;
    let mut client = world.connect().await;
    client.get(1, "/slow").await;
    client.get(3, "/fast").await;
    assert_eq!(client.verdict(3).await, ok("fast"));
    assert_eq!(client.verdict(1).await, ok("slow"));
}

#[tokio::test]
async fn cookies_that_came_apart_reach_the_app_as_one_and_ours_never() {
    let world = World::start(Upstream::start().await, REQUIRED, "").await;
    let jo = world.gateway.account("jo").await;
    let (_, token) = world.gateway.token(&jo).await;
    let bearer = format!("Bearer {token}");
    let mut client = world.connect().await;
    let mut fields = plain("/a").to_vec();
    fields.push((b"authorization", bearer.as_bytes()));
    fields.push((b"cookie", b"a=1"));
    fields.push((b"cookie", b"countersign=css_x"));
    fields.push((b"cookie", b"b=2"));
    client.head(1, &fields, true).await;
    assert_eq!(client.verdict(1).await, ok("ok"));
    assert_eq!(world.app.request().field("cookie"), "a=1; b=2");
}

#[tokio::test]
async fn revoking_a_session_resets_its_stream_and_leaves_the_others() {
    let stream = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";
    let app = Upstream::answering(|request| {
        if request.line().contains("/events") {
            Reply::Silence(stream.to_vec())
        } else {
            Reply::ok("ok")
        }
    })
    .await;
    let world = World::start(app, REQUIRED, "").await;
    let jo = world.gateway.account("jo").await;
    let (session, revoked) = world.gateway.token(&jo).await;
    let (_, kept) = world.gateway.token(&jo).await;
    let mut client = world.connect().await;
    let (revoked, kept) = (format!("Bearer {revoked}"), format!("Bearer {kept}"));
    let with = |path, bearer: &'static str| {
        let mut fields = plain(path).to_vec();
        fields.push((b"authorization", bearer.as_bytes()));
        fields
    };
    let (revoked, kept): (&'static str, &'static str) = (revoked.leak(), kept.leak());
    client.head(1, &with("/events", revoked), true).await;
    while !matches!(client.next().await, Some(frame) if frame.kind == DATA && frame.stream == 1) {}
    world.gateway.revoke(session).await;
    while !matches!(client.next().await, Some(frame) if frame.kind == RST_STREAM && frame.stream == 1)
    {
    }
    client.head(3, &with("/a", kept), true).await;
    assert_eq!(client.verdict(3).await, ok("ok"));
}

#[tokio::test]
async fn a_stop_says_goaway_and_lets_what_is_open_finish() {
    let late = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate".to_vec();
    let app =
        Upstream::answering(move |_| Reply::Late(Duration::from_millis(500), late.clone())).await;
    let mut world = World::start(app, PUBLIC, "").await;
    let (mut busy, mut idle) = (world.connect().await, world.connect().await);
    busy.get(1, "/a").await;
    while world.app.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    world.gateway.begin_stop();
    let stopped = tokio::time::timeout(Duration::from_secs(4), world.gateway.stopped());
    let finished = async {
        loop {
            let frame = busy.next().await.expect("the connection closed");
            if frame.kind == GOAWAY {
                break;
            }
        }
        assert_eq!(busy.verdict(1).await, ok("late"));
        while idle.next().await.is_some() {}
    };
    let (stopped, ()) = tokio::join!(stopped, finished);
    stopped.expect("it waited for its whole time to drain");
}

#[tokio::test]
async fn http2_in_the_open_is_refused_in_every_way_it_could_begin() {
    let app = Upstream::start().await;
    let gateway = Gateway::with_route(&app.url(), PUBLIC).await;
    let answer = gateway
        .ask([PREFACE, b"\0\0\0\x04\0\0\0\0\0"].concat())
        .await;
    assert_eq!(answer.status(), 505);
    let fields = [
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABk",
    ];
    let answer = gateway.ask(get("/a", &fields)).await;
    assert_eq!(answer.status(), 200);
    assert!(app.request().fields("upgrade").is_empty());

    // Nor over TLS without its word for it.
    let world = World::start(app, PUBLIC, "").await;
    let caller = Caller {
        host: Some("a.example"),
        alpn: &["http/1.1"],
        ..Caller::default()
    };
    let stream = world.authority.connect(world.gateway.address, caller).await;
    let mut client = Client::over(stream.unwrap());
    client.send(PREFACE).await;
    assert_eq!(client.response().await.status(), 505);
}

#[tokio::test]
async fn a_refusal_can_be_read_while_the_client_still_uploads() {
    let world = World::start(Upstream::start().await, REQUIRED, "").await;
    let mut client = world.connect().await;
    let mut fields = plain("/a").to_vec();
    fields[0].1 = b"POST";
    client.head(1, &fields, false).await;
    for _ in 0..3 {
        client.frame(DATA, 0, 1, &[b'x'; 16_000]).await;
    }
    let Verdict::Status(401, body) = client.verdict(1).await else {
        panic!("no 401");
    };
    assert!(String::from_utf8(body).unwrap().contains("credential"));
    client.frame(DATA, END_STREAM, 1, b"x").await;
    client.get(3, "/a").await;
    assert!(matches!(client.verdict(3).await, Verdict::Status(401, _)));
}
