//! Connections as clients treat them: requests that do not wait, bodies that lie, uploads that nobody wants.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::support::{Client, Gateway, Reply, Upstream, get, one_route};

const REQUIRED: &str = "access = \"required\"\naccept = [\"bearer\"]";
const PUBLIC: &str = "access = \"none\"";
const CHUNKED: &str = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const SOON: Duration = Duration::from_secs(3);

fn echo_of_the_line() -> impl Fn(&super::support::message::Message) -> Reply {
    |request| Reply::ok(request.line())
}

#[tokio::test]
async fn requests_that_do_not_wait_are_answered_in_their_order() {
    let app = Upstream::answering(echo_of_the_line()).await;
    let gateway = Gateway::with_route(&app.url(), PUBLIC).await;
    let all = [
        get("/1", &[]),
        "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".into(),
        format!("{CHUNKED}3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n"),
        get("/4", &[]),
    ]
    .concat();
    let lines = [
        "GET /1 HTTP/1.1",
        "POST /2 HTTP/1.1",
        "POST /a HTTP/1.1",
        "GET /4 HTTP/1.1",
    ];
    // At once, cut in two anywhere, and while the first one is being answered.
    for cut in (0..=all.len()).step_by(7) {
        let mut client = Client::connect(gateway.address).await;
        let (first, rest) = all.split_at(cut);
        client.send(first).await;
        tokio::task::yield_now().await;
        client.send(rest).await;
        for line in lines {
            assert_eq!(client.response().await.text(), line, "cut at {cut}");
        }
    }
    assert!(!app.saw("X-Trailer") && !app.saw("x-trailer"));
}

#[tokio::test]
async fn a_request_that_follows_another_is_decided_on_its_own() {
    let app = Upstream::start().await;
    let gateway = Gateway::with_route(&app.url(), REQUIRED).await;
    let jo = gateway.account("jo").await;
    let (_, token) = gateway.token(&jo).await;
    let known = get("/1", &[&format!("Authorization: Bearer {token}")]);
    let mut client = Client::connect(gateway.address).await;
    client
        .send(format!("{known}{}{known}", get("/2", &[])))
        .await;
    for status in [200, 401, 200] {
        assert_eq!(client.response().await.status(), status);
    }
    assert_eq!(app.requests().len(), 2);
}

#[tokio::test]
async fn a_broken_chunk_is_400_and_no_whole_request_reaches_the_app() {
    let app = Upstream::start().await;
    let config = format!("{}\n[dialect.x_auth]\n", one_route(&app.url(), PUBLIC));
    let gateway = Gateway::start(&config).await;
    let mut reasons = Vec::new();
    for (body, reason) in [
        ("5\r\nhello\r\nx\r\n\r\n", "chunk"),
        ("5\r\nhello\r\n0;a b\r\n\r\n", "chunk"),
        ("5\r\nhelloX\r\n0\r\n\r\n", "chunk"),
        ("5\nhello\r\n0\r\n\r\n", "chunk"),
        ("0\r\nno trailer\r\n\r\n", "trailer"),
    ] {
        let own = CHUNKED.replace("/a", "/auth/login");
        for head in [CHUNKED, &own] {
            let mut client = Client::connect(gateway.address).await;
            let answer = client.ask(format!("{head}{body}")).await;
            assert_eq!(answer.status(), 400, "{body:?}");
            assert_eq!(answer.field("content-type"), "application/problem+json");
            client.closes_within(SOON).await;
        }
        reasons.extend([reason, reason]);
    }
    assert!(app.requests().is_empty(), "{:?}", app.requests());
    let lines = gateway.lines_of(reasons.len()).await;
    for (line, reason) in lines.iter().zip(reasons) {
        assert_eq!(line["status"], 400, "{line}");
        assert_eq!(line["reason"], reason, "{line}");
    }
    let metrics = gateway.admin("/metrics").await.text();
    let counted = "countersign_requests_total{code=\"400\",method=\"POST\",route=\"app\"} 5";
    assert!(metrics.contains(counted), "{metrics}");
}

#[tokio::test]
async fn a_refusal_can_be_read_while_the_client_still_sends() {
    let app = Upstream::start().await;
    let config = format!(
        "[limits]\nbody_bytes = \"1MiB\"\n{}",
        one_route(&app.url(), REQUIRED)
    );
    let gateway = Gateway::start(&config).await;
    let jo = gateway.account("jo").await;
    let (_, token) = gateway.token(&jo).await;
    let own = format!("Authorization: Bearer {token}");
    for (fields, status) in [("X: y", 401), (own.as_str(), 413)] {
        for framing in ["Content-Length: 900000000", "Transfer-Encoding: chunked"] {
            let mut client = Client::connect(gateway.address).await;
            let head = format!("POST /a HTTP/1.1\r\nHost: a\r\n{fields}\r\n{framing}\r\n\r\n");
            client.send(head).await;
            let piece = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
            // For longer than an answer takes. Nobody resets it meanwhile.
            for _ in 0..20 {
                client.send(&piece).await;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let answer = client.response().await;
            assert_eq!(answer.status(), status, "{framing}");
            assert_eq!(answer.field("connection"), "close");
            client.ends_within(SOON).await;
        }
    }
}

#[tokio::test]
async fn what_is_sent_before_a_101_is_the_next_request_unless_the_101_comes() {
    let app = Upstream::answering(|request| {
        if request.line().starts_with("GET /yes ") {
            Reply::Echo(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n".to_vec())
        } else {
            Reply::ok(request.line())
        }
    })
    .await;
    let gateway = Gateway::with_route(&app.url(), &format!("{PUBLIC}\nwebsocket = true")).await;
    let upgrade = |path: &str| {
        let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
        get(
            path,
            &[
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 13",
                key,
            ],
        )
    };
    let mut client = Client::connect(gateway.address).await;
    let next = get("/next", &[]);
    client.send(format!("{}{next}", upgrade("/no"))).await;
    assert_eq!(client.response().await.text(), "GET /no HTTP/1.1");
    assert_eq!(client.response().await.text(), "GET /next HTTP/1.1");
    client.send(format!("{}{next}", upgrade("/yes"))).await;
    assert_eq!(client.response().await.status(), 101);
    client.expect(next.as_bytes()).await;
    assert_eq!(app.requests().len(), 3);
}

#[tokio::test]
async fn an_app_that_switches_protocols_unasked_has_failed() {
    let app = Upstream::answering(|_| {
        Reply::Echo(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n".to_vec())
    })
    .await;
    for lines in [PUBLIC.to_owned(), format!("{PUBLIC}\nwebsocket = true")] {
        let gateway = Gateway::with_route(&app.url(), &lines).await;
        let mut client = Client::connect(gateway.address).await;
        client
            .send(format!("{}{}", get("/", &[]), get("/smuggled", &[])))
            .await;
        assert_eq!(client.response().await.status(), 502);
        client.ends_within(SOON).await;
    }
    assert!(!app.saw("smuggled"));
}

/// Limits that a test can wait for.
fn hasty(upstream: &str) -> String {
    let limits = "[limits]\nbody_idle = \"1s\"\nheader_deadline = \"1s\"\nidle_timeout = \"1s\"\n";
    let route =
        one_route(upstream, PUBLIC).replace("read_timeout = \"1s\"", "read_timeout = \"60s\"");
    format!("{limits}{route}")
}

#[tokio::test]
async fn a_body_that_only_drips_is_408_within_twice_the_time_it_may_stand_still() {
    let app = Upstream::start().await;
    let gateway = Gateway::start(&hasty(&app.url())).await;
    for (head, drop) in [
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n",
            "x",
        ),
        (CHUNKED, "1\r\nx\r\n"),
        (CHUNKED, "1;a=b\r\nx\r\n"),
    ] {
        let mut client = Client::connect(gateway.address).await;
        client.send(head).await;
        let began = Instant::now();
        let answer = loop {
            client.send(drop).await;
            if let Ok(answer) = timeout(Duration::from_millis(100), client.response()).await {
                break answer;
            }
        };
        assert_eq!(answer.status(), 408, "{head:?}");
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
        client.ends_within(SOON).await;
    }
    for line in gateway.lines_of(3).await {
        assert_eq!(line["reason"], "client_timeout", "{line}");
    }
}

#[tokio::test]
async fn a_body_that_comes_slowly_and_as_fast_as_it_has_to_arrives() {
    let app = Upstream::start().await;
    let gateway = Gateway::start(&hasty(&app.url())).await;
    let mut client = Client::connect(gateway.address).await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1500\r\n\r\n")
        .await;
    for _ in 0..25 {
        client.send("x".repeat(60)).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(client.response().await.status(), 200);
    assert_eq!(app.request().body.len(), 1500);
}

#[tokio::test]
async fn an_app_that_waits_for_the_client_is_not_what_is_too_slow() {
    let app = Upstream::answering(|_| Reply::Silence(Vec::new())).await;
    // The app has a second to answer, and the client longer than that to go on.
    let gateway = Gateway::with_route(&app.url(), PUBLIC).await;
    let head = |fields: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
    let mut reasons = Vec::new();
    for (fields, body, status, reason) in [
        ("Content-Length: 9", "half", 408, "client_timeout"),
        (
            "Transfer-Encoding: chunked",
            "5\r\nhel",
            408,
            "client_timeout",
        ),
        ("Content-Length: 9", "all of it", 504, "upstream_timeout"),
        // It may wait for the app to ask for the rest.
        (
            "Expect: 100-continue\r\nContent-Length: 9",
            "",
            504,
            "upstream_timeout",
        ),
    ] {
        let mut client = Client::connect(gateway.address).await;
        let answer = client.ask(head(fields) + body).await;
        assert_eq!(answer.status(), status, "{fields}");
        client.ends_within(SOON).await;
        reasons.push(reason);
    }
    let lines = gateway.lines_of(reasons.len()).await;
    for (line, reason) in lines.iter().zip(reasons) {
        assert_eq!(line["reason"], reason, "{line}");
    }
}

#[tokio::test]
async fn whoever_stops_loses_its_connection_and_nobody_else() {
    let large = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n{}",
        "a".repeat(64 << 20)
    );
    let app = Upstream::answering(move |request| {
        if request.line().starts_with("GET /large ") {
            Reply::Bytes(large.clone().into())
        } else {
            Reply::ok("ok")
        }
    })
    .await;
    let gateway = Gateway::start(&hasty(&app.url())).await;
    let mut stopped = Vec::new();
    for beginning in [
        String::new(),
        "G".into(),
        "GET / HTTP/1.1\r\nHost: a\r\n".into(),
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf".into(),
        format!("{CHUNKED}5\r\nhal"),
        format!("{CHUNKED}5;a"),
        format!("{CHUNKED}0\r\nTrailer"),
        get("/large", &[]),
    ] {
        for _ in 0..8 {
            let mut client = Client::connect(gateway.address).await;
            client.send(&beginning).await;
            stopped.push(client);
        }
    }
    let mut clean = Client::connect(gateway.address).await;
    for _ in 0..30 {
        assert_eq!(clean.ask(get("/", &[])).await.status(), 200);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for client in &mut stopped {
        client.ends_within(SOON).await;
    }
    let metrics = gateway.admin("/metrics").await.text();
    let open = metrics
        .lines()
        .find_map(|it| it.strip_prefix("countersign_connections{state=\"open\"} "));
    assert!(matches!(open, Some("0" | "1")), "{open:?}");
}
