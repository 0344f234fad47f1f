//! Requests through the whole gateway, as bytes: what an app behind it gets, and what a client is told.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::AsyncReadExt;
use tokio::time::sleep;

use super::support::{Client, Gateway, Reply, Upstream, get, one_route};

const REQUIRED: &str =
    "access = \"required\"\naccept = [\"basic\", \"bare\", \"x-auth\", \"bearer\"]";
const PUBLIC: &str = "access = \"none\"";

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

#[tokio::test]
async fn a_public_request_reaches_the_app_and_its_answer_comes_back() {
    let app = Upstream::start().await;
    let gateway = Gateway::with_route(&app.url(), PUBLIC).await;
    let answer = gateway
        .ask("POST /a;b/%7e?c=%2F&d HTTP/1.1\r\nHost: app.example\r\nX-Custom: 1\r\nContent-Length: 5\r\n\r\nhello")
        .await;
    assert_eq!((answer.status(), answer.text().as_str()), (200, "ok"));
    let seen = app.request();
    assert_eq!(seen.line(), "POST /a;b/%7e?c=%2F&d HTTP/1.1");
    assert_eq!(seen.field("host"), "app.example");
    assert_eq!(seen.field("x-custom"), "1");
    assert_eq!(seen.body, b"hello");
    assert_eq!(seen.field("x-forwarded-for"), "127.0.0.1");
    assert_eq!(seen.field("x-request-id").len(), 36);
    assert!(!answer.head.to_lowercase().contains("x-request-id"));
}

#[tokio::test]
async fn the_identity_is_stamped_once_and_the_credential_stays_here() {
    let app = Upstream::start().await;
    let gateway = Gateway::with_route(&app.url(), REQUIRED).await;
    let jo = gateway.account_with("jo", "admin", &["a", "b"]).await;
    let (_, token) = gateway.token(&jo).await;
    let answer = gateway.ask(get("/a", &[&bearer(&token)])).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let seen = app.request();
    for (name, value) in [
        ("x-forwarded-user", jo.id.as_str()),
        ("x-forwarded-email", "jo@example.org"),
        ("x-forwarded-preferred-username", "jo"),
        ("x-forwarded-groups", "a,b"),
        ("x-forwarded-role", "admin"),
        ("x-forwarded-auth-method", "bearer"),
    ] {
        assert_eq!(seen.field(name), value);
    }
    assert!(!app.saw(&token), "{}", seen.head);
}

#[tokio::test]
async fn forged_identity_reaches_the_app_in_no_spelling() {
    let app = Upstream::start().await;
    let gateway = Gateway::with_route(&app.url(), PUBLIC).await;
    let names = [
        "X-Forwarded-User",
        "x-forwarded-USER",
        "X_Forwarded_User",
        "X.Forwarded-User",
        "Remote-User",
        "REMOTE_USER",
        "X-WEBAUTH-USER",
        "X-Auth-Request-Email",
        "X-Auth",
        "Elevated-Access-Token",
        "X-Countersign-Assertion",
        "X-Real-IP",
        "X-Original-URL",
        "Forwarded",
    ];
    for name in names {
        let field = format!("{name}: forged");
        let answer = gateway
            .ask(get("/a", &[&field, &format!("X-Kept: {name}")]))
            .await;
        assert_eq!(answer.status(), 200, "{name}");
    }
    assert_eq!(app.requests().len(), names.len());
    assert!(!app.saw("forged"), "{:?}", app.requests());
}

#[tokio::test]
async fn a_connection_field_cannot_take_an_identity_away() {
    let app = Upstream::start().await;
    let gateway = Gateway::with_route(&app.url(), REQUIRED).await;
    let jo = gateway.account("jo").await;
    let (_, token) = gateway.token(&jo).await;
    for nominated in [
        "X-Forwarded-User",
        "close, x_forwarded_user",
        "Host",
        "Cookie",
    ] {
        let field = format!("Connection: {nominated}");
        let answer = gateway.ask(get("/a", &[&bearer(&token), &field])).await;
        assert_eq!(answer.status(), 400, "{nominated}");
    }
    assert!(app.requests().is_empty());
}

#[tokio::test]
async fn every_refusal_says_what_it_is_and_reaches_no_app() {
    let app = Upstream::start().await;
    let url = app.url();
    let config = format!(
        "[limits]\nheader_bytes = \"4KiB\"\nheader_fields = 20\ntarget_bytes = \"1KiB\"\nbody_bytes = \"1KiB\"\n\
         [upstream.app]\nservers = [\"{url}\"]\n\
         [[route]]\nname = \"in\"\npath = \"/in\"\nupstream = \"app\"\naccess = \"required\"\naccept = [\"bearer\"]\n\
         [[route]]\nname = \"admin\"\npath = \"/admin\"\nupstream = \"app\"\naccess = \"required\"\n\
         accept = [\"bearer\"]\nroles = [\"admin\"]\n\
         [[route]]\nname = \"read\"\npath = \"/read\"\nupstream = \"app\"\naccess = \"none\"\nmethods = [\"GET\"]\n\
         [[route]]\nname = \"open\"\npath = \"/open\"\nupstream = \"app\"\naccess = \"none\"\n"
    );
    let gateway = Gateway::start(&config).await;
    let jo = gateway.account("jo").await;
    let (_, token) = gateway.token(&jo).await;
    let (long, wide) = ("a".repeat(1024), format!("X: {}", "a".repeat(4096)));
    let many: Vec<String> = (0..30).map(|number| format!("X-{number}: 1")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let own = bearer(&token);
    for (request, status) in [
        (get("/in", &[]), 401),
        (get("/in", &["Authorization: Bearer csp_nonsense"]), 401),
        (get("/in", &["Authorization: Bearer", &own]), 400),
        (get("/admin", &[&own]), 403),
        (get("/nowhere", &[]), 404),
        ("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".into(), 405),
        ("TRACE /open HTTP/1.1\r\nHost: a\r\n\r\n".into(), 405),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n".into(), 405),
        (get(&format!("/open/{long}"), &[]), 414),
        (get("/open", &[&wide]), 431),
        (get("/open", &many), 431),
        ("POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\n\r\n".into(), 413),
        (get("/open/../in", &[]), 400),
        (get("/open//in", &[]), 400),
        (get("/open/%2e%2e/in", &[]), 400),
        ("GET /open HTTP/1.1\r\n\r\n".into(), 400),
        ("GET /open HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n".into(), 400),
        ("GET /open HTTP/1.1\nHost: a\n\n".into(), 400),
        ("POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(), 400),
        ("POST /open HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n".into(), 501),
        ("GET /open HTTP/1.7\r\nHost: a\r\n\r\n".into(), 505),
        ("GET http://b/open HTTP/1.1\r\nHost: a\r\n\r\n".into(), 400),
    ] {
        let answer = gateway.ask(&request).await;
        let first = request.lines().next().unwrap_or_default();
        assert_eq!(answer.status(), status, "{first}\n{}", answer.text());
        assert_eq!(answer.field("content-type"), "application/problem+json", "{first}");
        assert_eq!(answer.field("cache-control"), "no-store", "{first}");
        assert_eq!(answer.json()["status"], status, "{first}");
        assert!(answer.fields("server").is_empty(), "{first}");
        match status {
            401 => assert!(!answer.fields("www-authenticate").is_empty(), "{first}"),
            405 => assert!(!answer.fields("allow").is_empty(), "{first}"),
            _ => {}
        }
    }
    assert!(app.requests().is_empty(), "{:?}", app.requests());
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_413() {
    let app = Upstream::start().await;
    let config = format!(
        "[limits]\nbody_bytes = \"1KiB\"\n{}",
        one_route(&app.url(), PUBLIC)
    );
    let gateway = Gateway::start(&config).await;
    let chunk = format!("400\r\n{}\r\n", "a".repeat(1024));
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let fits = gateway.ask(format!("{head}{chunk}0\r\n\r\n")).await;
    assert_eq!(fits.status(), 200);
    let over = gateway
        .ask(format!("{head}{chunk}1\r\na\r\n0\r\n\r\n"))
        .await;
    assert_eq!(over.status(), 413);
    assert_eq!(app.requests().len(), 1);
}

#[tokio::test]
async fn an_absolute_target_of_the_host_goes_on_in_origin_form() {
    let app = Upstream::start().await;
    let gateway = Gateway::with_route(&app.url(), PUBLIC).await;
    let answer = gateway
        .ask("GET http://app.example/a?b HTTP/1.1\r\nHost: app.example\r\n\r\n")
        .await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(app.request().line(), "GET /a?b HTTP/1.1");
}

#[tokio::test]
async fn a_connection_carries_many_requests_each_with_its_own_identity() {
    let app = Upstream::start().await;
    let gateway = Gateway::with_route(&app.url(), REQUIRED).await;
    let (jo, al) = (gateway.account("jo").await, gateway.account("al").await);
    let (_, of_jo) = gateway.token(&jo).await;
    let (_, of_al) = gateway.token(&al).await;
    let mut client = Client::connect(gateway.address).await;
    for token in [&of_jo, &of_al, &of_jo] {
        assert_eq!(client.ask(get("/", &[&bearer(token)])).await.status(), 200);
    }
    assert_eq!(client.ask(get("/", &[])).await.status(), 401);
    assert_eq!(client.ask(get("/", &[&bearer(&of_al)])).await.status(), 200);
    let requests = app.requests();
    let users: Vec<&str> = requests
        .iter()
        .map(|it| it.field("x-forwarded-user"))
        .collect();
    assert_eq!(users, [&jo, &al, &jo, &al].map(|it| it.id.as_str()));
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once() {
    let app = Upstream::start().await;
    let gateway = Gateway::with_route(&app.url(), REQUIRED).await;
    let jo = gateway.account("jo").await;
    let (session, token) = gateway.token(&jo).await;
    let request = get("/", &[&bearer(&token)]);
    assert_eq!(gateway.ask(&request).await.status(), 200);
    gateway.revoke(session).await;
    let answer = gateway.ask(&request).await;
    assert_eq!(answer.status(), 401);
    assert!(answer.fields("www-authenticate")[0].contains("invalid_token"));
    assert_eq!(app.requests().len(), 1);
}

#[tokio::test]
async fn an_app_that_is_down_or_slow_is_502_or_504() {
    let gone = Upstream::start().await.url();
    let gateway = Gateway::with_route(&gone, PUBLIC).await;
    assert_eq!(gateway.ask(get("/", &[])).await.status(), 502);
    let closes = Upstream::answering(|_| Reply::Close).await;
    let gateway = Gateway::with_route(&closes.url(), PUBLIC).await;
    assert_eq!(gateway.ask(get("/", &[])).await.status(), 502);
    let silent = Upstream::answering(|_| Reply::Silence(Vec::new())).await;
    let gateway = Gateway::with_route(&silent.url(), PUBLIC).await;
    let answer = gateway.ask(get("/", &[])).await;
    assert_eq!(answer.status(), 504);
    assert_eq!(answer.field("content-type"), "application/problem+json");
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_look_whole() {
    let broken = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_vec();
    let app = Upstream::answering(move |_| Reply::Silence(broken.clone())).await;
    let gateway = Gateway::with_route(&app.url(), PUBLIC).await;
    let mut client = Client::connect(gateway.address).await;
    client.send(get("/", &[])).await;
    assert!(client.maybe_response().await.is_none());
}

#[tokio::test]
async fn a_response_cannot_say_what_only_we_may_say() {
    let app = Upstream::answering(|_| {
        Reply::with(
            &["X-Forwarded-User: forged", "X_Auth: forged", "X-Kept: yes"],
            "ok",
        )
    })
    .await;
    let gateway = Gateway::with_route(&app.url(), PUBLIC).await;
    let answer = gateway.ask(get("/", &[])).await;
    assert!(!answer.head.contains("forged"), "{}", answer.head);
    assert_eq!(answer.field("x-kept"), "yes");
}

#[tokio::test]
async fn a_dead_cookie_is_cleared_and_the_request_is_anonymous() {
    let app = Upstream::start().await;
    let lines = "access = \"optional\"\naccept = [\"cookie\"]";
    let gateway = Gateway::with_route(&app.url(), lines).await;
    let answer = gateway
        .ask(get("/", &["Cookie: a=b; countersign=dead; c=d"]))
        .await;
    assert_eq!(answer.status(), 200);
    assert!(
        answer
            .field("set-cookie")
            .starts_with("countersign=; Path=/; Max-Age=0")
    );
    let seen = app.request();
    assert_eq!(seen.field("cookie"), "a=b; c=d");
    assert!(seen.fields("x-forwarded-user").is_empty());
}

#[tokio::test]
async fn a_person_gets_a_page_and_a_head_request_no_body() {
    let gateway = Gateway::with_route("http://127.0.0.1:9", REQUIRED).await;
    let page = gateway.ask(get("/", &["Accept: text/html"])).await;
    assert_eq!(page.status(), 401);
    assert_eq!(page.field("content-type"), "text/html; charset=utf-8");
    let mut client = Client::connect(gateway.address).await;
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.response_to_head().await.status(), 401);
    assert_eq!(client.ask(get("/", &[])).await.status(), 401);
}

#[tokio::test]
async fn a_request_leaves_one_line_without_its_query_or_credential() {
    let app = Upstream::start().await;
    let gateway = Gateway::with_route(&app.url(), REQUIRED).await;
    let jo = gateway.account("jo").await;
    let (session, token) = gateway.token(&jo).await;
    gateway.ask(get("/a/b?secret=1", &[&bearer(&token)])).await;
    let line = gateway.line("/a/b").await;
    for (name, value) in [
        ("level", "info".into()),
        ("method", "GET".into()),
        ("host", "app.example".into()),
        ("route", "app".into()),
        ("status", 200.into()),
        ("bytes_in", 0.into()),
        ("bytes_out", 2.into()),
        ("upstream", "app".into()),
        ("upstream_status", 200.into()),
        ("user", jo.id.as_str().into()),
        ("session", session.to_string().into()),
        ("auth_kind", "bearer".into()),
        ("decision", "permit".into()),
        ("reason", "ok".into()),
        ("cache", "miss".into()),
        ("remote_ip", serde_json::Value::from("127.0.0.1")),
    ] {
        assert_eq!(line[name], value, "{name}: {line}");
    }
    for name in [
        "ts",
        "request_id",
        "trace_id",
        "duration_ms",
        "auth_ms",
        "upstream_ms",
    ] {
        assert!(!line[name].is_null(), "{name}: {line}");
    }
    assert!(line.get("elevated").is_none(), "{line}");
    let all = format!("{:?}", gateway.lines());
    assert!(!all.contains("secret") && !all.contains(&token), "{all}");
}

#[tokio::test]
async fn requests_are_counted_by_route_method_and_code() {
    let app = Upstream::start().await;
    let gateway = Gateway::with_route(&app.url(), PUBLIC).await;
    gateway.ask(get("/", &[])).await;
    gateway.ask("BREW / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    gateway.ask("GET / HTTP/1.1\r\n\r\n").await;
    let metrics = gateway.admin("/metrics").await.text();
    for line in [
        "countersign_requests_total{code=\"200\",method=\"GET\",route=\"app\"} 1",
        "countersign_requests_total{code=\"200\",method=\"other\",route=\"app\"} 1",
        "countersign_requests_total{code=\"400\",method=\"other\",route=\"-\"} 1",
        "countersign_request_duration_seconds_count{route=\"app\"} 2",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
}

#[tokio::test]
async fn a_reload_is_taken_whole_or_not_at_all() {
    let (old, new) = (Upstream::start().await, Upstream::start().await);
    let gateway = Gateway::with_route(&old.url(), PUBLIC).await;
    let bad = gateway
        .reload(&one_route("nonsense", "access = \"nobody\""))
        .await;
    assert_eq!(bad.status(), 422, "{}", bad.text());
    assert_eq!(gateway.ask(get("/", &[])).await.status(), 200);
    let good = gateway.reload(&one_route(&new.url(), PUBLIC)).await;
    assert_eq!(good.status(), 200, "{}", good.text());
    assert_eq!(gateway.ask(get("/", &[])).await.status(), 200);
    assert_eq!((old.requests().len(), new.requests().len()), (1, 1));
}

#[tokio::test]
async fn a_stop_lets_an_open_request_finish_and_closes_idle_connections() {
    let late = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate".to_vec();
    let app =
        Upstream::answering(move |_| Reply::Late(Duration::from_millis(300), late.clone())).await;
    let mut gateway = Gateway::with_route(&app.url(), PUBLIC).await;
    let mut idle = Client::connect(gateway.address).await;
    let mut busy = Client::connect(gateway.address).await;
    busy.send(get("/", &[])).await;
    sleep(Duration::from_millis(100)).await;
    gateway.begin_stop();
    idle.closes_within(Duration::from_millis(200)).await;
    let answer = busy.response().await;
    assert_eq!((answer.status(), answer.text().as_str()), (200, "late"));
    assert_eq!(answer.field("connection"), "close");
    gateway.stopped().await;
    let again = tokio::net::TcpStream::connect(gateway.address).await;
    assert!(again.is_err());
}

#[tokio::test]
async fn a_slow_head_loses_its_connection() {
    let config = format!(
        "[limits]\nheader_deadline = \"200ms\"\nidle_timeout = \"300ms\"\n{}",
        one_route("http://127.0.0.1:9", PUBLIC)
    );
    let gateway = Gateway::start(&config).await;
    let mut slow = Client::connect(gateway.address).await;
    slow.send("GET / HTTP/1.1\r\nHost: a\r\n").await;
    assert_eq!(slow.response().await.status(), 408);
    let mut mute = Client::connect(gateway.address).await;
    mute.closes_within(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_network_has_only_so_many_connections() {
    let app = Upstream::start().await;
    let config = format!(
        "[limits]\nconnections_per_ip = 2\n{}",
        one_route(&app.url(), PUBLIC)
    );
    let gateway = Gateway::start(&config).await;
    let mut first = Client::connect(gateway.address).await;
    let second = Client::connect(gateway.address).await;
    assert_eq!(first.ask(get("/", &[])).await.status(), 200);
    let mut third = Client::connect(gateway.address).await;
    third.closes_within(Duration::from_secs(1)).await;
    drop(second);
    for _ in 0..100 {
        sleep(Duration::from_millis(10)).await;
        let mut again = Client::connect(gateway.address).await;
        again.send(get("/", &[])).await;
        if again.maybe_response().await.is_some() {
            return;
        }
    }
    panic!("the seat is not given back");
}

const UPGRADE: [&str; 4] = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
];

/// An app that switches protocols when it is asked to, and echoes from then on.
async fn echo() -> Upstream {
    Upstream::answering(|request| {
        if request.fields("upgrade").is_empty() {
            return Reply::ok("plain");
        }
        let accepted =
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        Reply::Echo(accepted.into())
    })
    .await
}

#[tokio::test]
async fn a_websocket_passes_where_the_route_allows_it() {
    let app = echo().await;
    let gateway = Gateway::with_route(&app.url(), "access = \"none\"\nwebsocket = true").await;
    let mut client = Client::connect(gateway.address).await;
    assert_eq!(client.ask(get("/", &UPGRADE)).await.status(), 101);
    client.send(b"\x81\x02hi").await;
    client.expect(b"\x81\x02hi").await;
}

#[tokio::test]
async fn elsewhere_an_upgrade_is_a_plain_request() {
    let app = echo().await;
    let gateway = Gateway::with_route(&app.url(), PUBLIC).await;
    let answer = gateway.ask(get("/", &UPGRADE)).await;
    assert_eq!((answer.status(), answer.text().as_str()), (200, "plain"));
    assert!(app.request().fields("upgrade").is_empty());
}

#[tokio::test]
async fn what_outlives_its_request_ends_with_its_session() {
    let app = Upstream::answering(|request| {
        if request.fields("upgrade").is_empty() {
            let stream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";
            return Reply::Silence(stream.into());
        }
        let accepted =
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        Reply::Echo(accepted.into())
    })
    .await;
    let config = one_route(&app.url(), &format!("{REQUIRED}\nwebsocket = true"));
    let config = config.replace("read_timeout = \"1s\"", "read_timeout = \"60s\"");
    let gateway = Gateway::start(&config).await;
    let jo = gateway.account("jo").await;
    for fields in [&UPGRADE[..], &[]] {
        let (session, token) = gateway.token(&jo).await;
        let (other, kept) = gateway.token(&jo).await;
        let mut ends = Client::connect(gateway.address).await;
        let mut goes_on = Client::connect(gateway.address).await;
        for (client, token) in [(&mut ends, &token), (&mut goes_on, &kept)] {
            let own = bearer(token);
            let all: Vec<&str> = fields.iter().copied().chain([&*own]).collect();
            client.send(get("/", &all)).await;
            client.expect(b"HTTP/1.1 ").await;
        }
        gateway.revoke(session).await;
        ends.ends_within(Duration::from_secs(5)).await;
        goes_on.stays_open_for(Duration::from_millis(100)).await;
        gateway.revoke(other).await;
        goes_on.ends_within(Duration::from_secs(5)).await;
    }
    let line = gateway.line("/").await;
    assert_eq!(line["status"], 101, "{line}");
}

#[tokio::test]
async fn an_assertion_is_signed_and_its_key_published() {
    let app = Upstream::start().await;
    let gateway = Gateway::with_route(&app.url(), &format!("{REQUIRED}\nassertion = true")).await;
    let jo = gateway.account("jo").await;
    let (_, token) = gateway.token(&jo).await;
    let answer = gateway.ask(get("/", &[&bearer(&token)])).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let assertion = app.request().field("x-countersign-assertion").to_owned();
    assert_eq!(assertion.split('.').count(), 3, "{assertion}");
    let keys = gateway.ask(get("/.well-known/jwks.json", &[])).await.json();
    assert_eq!(keys["keys"][0]["crv"], "P-256", "{keys}");
}

#[tokio::test]
async fn unix_sockets_carry_requests_on_either_side() {
    let app = Upstream::start().await;
    let inner = Gateway::start(&format!(
        "[[listen]]\naddress = \"unix:in.sock\"\n[[listen]]\naddress = \"127.0.0.1:0\"\n{}",
        one_route(&app.url(), PUBLIC)
    ))
    .await;
    let socket = inner.path("in.sock");
    let outer = Gateway::with_route(&format!("unix:{}", socket.display()), PUBLIC).await;
    let answer = outer.ask(get("/a", &[])).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(app.request().field("x-forwarded-for"), "127.0.0.1");
}

#[tokio::test]
async fn a_server_that_is_not_well_gets_no_requests() {
    let well = Upstream::start().await;
    let ill = Upstream::answering(|_| {
        Reply::Bytes(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n".to_vec())
    })
    .await;
    let config = format!(
        "[upstream.app]\nservers = [\"{}\", \"{}\"]\nhealth = {{ path = \"/well\", interval = \"1s\" }}\n\
         [[route]]\nname = \"app\"\npath = \"/\"\nupstream = \"app\"\n{PUBLIC}\n",
        ill.url(),
        well.url()
    );
    let gateway = Gateway::start(&config).await;
    for _ in 0..300 {
        if ill
            .requests()
            .iter()
            .any(|it| it.line().starts_with("GET /well "))
        {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    sleep(Duration::from_millis(200)).await;
    for _ in 0..4 {
        assert_eq!(gateway.ask(get("/", &[])).await.status(), 200);
    }
    let metrics = gateway.admin("/metrics").await.text();
    assert!(
        metrics.contains("countersign_upstream_up{upstream=\"app\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn our_own_endpoints_answer_before_any_route() {
    let app = Upstream::start().await;
    let config = format!("{}\n[dialect.x_auth]\n", one_route(&app.url(), PUBLIC));
    let gateway = Gateway::start(&config).await;
    let body = "{\"client_guid\":\"c\",\"acctname\":\"a\",\"acctpass\":\"b\"}";
    let length = body.len();
    let head = "POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..2 {
        let answer = client
            .ask(format!("{head}Content-Length: {length}\r\n\r\n{body}"))
            .await;
        assert_eq!(
            answer.json()["meta"]["code"],
            answer.status(),
            "{}",
            answer.text()
        );
        assert_eq!(answer.field("cache-control"), "no-store");
    }
    let large = "a".repeat(20_000);
    let answer = gateway
        .ask(format!("{head}Content-Length: 20000\r\n\r\n{large}"))
        .await;
    assert_eq!(answer.status(), 413, "{}", answer.text());
    assert!(app.requests().is_empty());
    assert_eq!(gateway.line("/auth/login").await["status"], 404);
}

#[tokio::test]
async fn an_answer_without_content_has_no_length() {
    let app = Upstream::start().await;
    let config = format!("{}\n[dialect.key_token]\n", one_route(&app.url(), PUBLIC));
    let gateway = Gateway::start(&config).await;
    gateway.client("c").await;
    let form = "client=c&email=jo@example.org&password=correct+horse+battery";
    let issued = gateway
        .ask(format!(
            "POST /users HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            form.len()
        ))
        .await;
    assert_eq!(issued.status(), 201, "{}", issued.text());
    let word = |name: &str| issued.json()[name].as_str().unwrap_or_default().to_owned();
    let pair = STANDARD.encode(format!("{}:{}", word("key"), word("token")));
    let answer = gateway
        .ask(format!(
            "DELETE /users/token HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {pair}\r\n\r\n"
        ))
        .await;
    assert_eq!(answer.status(), 204, "{}", answer.text());
    assert!(
        answer.fields("content-length").is_empty(),
        "{}",
        answer.head
    );
}

#[tokio::test]
async fn a_store_that_is_gone_is_503_and_public_routes_go_on() {
    let app = Upstream::start().await;
    let url = app.url();
    let config = format!(
        "[cache]\nttl = \"60s\"\n[upstream.app]\nservers = [\"{url}\"]\n\
         [[route]]\nname = \"in\"\npath = \"/in\"\nupstream = \"app\"\naccess = \"required\"\naccept = [\"bearer\"]\n\
         [[route]]\nname = \"open\"\npath = \"/open\"\nupstream = \"app\"\naccess = \"none\"\n"
    );
    let gateway = Gateway::start(&config).await;
    let jo = gateway.account("jo").await;
    let (_, token) = gateway.token(&jo).await;
    let request = get("/in", &[&bearer(&token)]);
    assert_eq!(gateway.ask(&request).await.status(), 200);
    let (store, away) = (gateway.path("countersign.db"), gateway.path("away.db"));
    std::fs::rename(&store, &away).unwrap();
    let gone = gateway.becomes(&request, 503).await;
    assert!(!gone.field("retry-after").is_empty());
    assert_eq!(gateway.ask(get("/open", &[])).await.status(), 200);
    std::fs::rename(&away, &store).unwrap();
    gateway.becomes(&request, 200).await;
}

#[tokio::test]
async fn a_token_in_a_path_is_not_logged() {
    let app = Upstream::start().await;
    let gateway = Gateway::with_route(&app.url(), PUBLIC).await;
    let token = "css_0123456789abcdef";
    gateway.ask(get(&format!("/me/{token}"), &[])).await;
    gateway.ask(get(&format!("/a/{token}/b"), &[])).await;
    assert_eq!(gateway.line("/me/:token").await["status"], 200);
    assert_eq!(gateway.line("/a/:token/b").await["status"], 200);
    assert!(!format!("{:?}", gateway.lines()).contains(token));
}

#[tokio::test]
async fn an_h2c_upstream_is_spoken_to_in_http2() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("h2c://{}", listener.local_addr().unwrap());
    let gateway = Gateway::with_route(&url, PUBLIC).await;
    let mut client = Client::connect(gateway.address).await;
    client.send(get("/", &[])).await;
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut preface = [0; 24];
    socket.read_exact(&mut preface).await.unwrap();
    assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
}
