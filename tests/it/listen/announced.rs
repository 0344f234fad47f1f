//! The PROXY protocol, and unix sockets with a mode.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use tokio::net::UnixStream;

use crate::support::tls::{Authority, Caller};
use crate::support::{Client, Gateway, Upstream, get, one_route};

const SOON: Duration = Duration::from_secs(3);

/// A gateway whose first listener asks for the PROXY protocol.
async fn gateway(app: &Upstream, trusted: &str, more: &str) -> Gateway {
    Gateway::start(&format!(
        "[server]\ndrain = \"5s\"\ntrusted_proxies = [{trusted}]\n\
         [[listen]]\naddress = \"127.0.0.1:0\"\nproxy_protocol = true\n{more}\n{}",
        one_route(&app.url(), "access = \"none\"")
    ))
    .await
}

fn version_2(command: u8, source: [u8; 4]) -> Vec<u8> {
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    bytes.extend([0x20 | command, 0x11, 0, 12]);
    bytes.extend(source);
    bytes.extend([127, 0, 0, 1, 0x30, 0x39, 0, 80]);
    bytes
}

#[tokio::test]
async fn the_client_is_whom_a_trusted_proxy_names() {
    let app = Upstream::start().await;
    let gateway = gateway(&app, "\"127.0.0.1\"", "").await;
    for (at, (header, client)) in [
        (
            b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n".to_vec(),
            "192.0.2.7",
        ),
        (
            b"PROXY TCP6 2001:db8::9 ::1 1 2\r\n".to_vec(),
            "2001:db8::9",
        ),
        (version_2(1, [192, 0, 2, 8]), "192.0.2.8"),
        (version_2(0, [192, 0, 2, 9]), "127.0.0.1"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
    ]
    .into_iter()
    .enumerate()
    {
        let before = app.requests().len();
        let mut client_side = Client::connect(gateway.address).await;
        client_side.send(&header).await;
        for path in ["/one", "/two"] {
            // Whoever is named is no trusted proxy, and is not believed.
            let request = get(&format!("{path}/{at}"), &["X-Forwarded-User: forged"]);
            assert_eq!(client_side.ask(request).await.status(), 200, "{client}");
        }
        for seen in &app.requests()[before..] {
            assert_eq!(seen.field("x-forwarded-for"), client);
            assert!(seen.fields("x-forwarded-user").is_empty());
        }
        let line = gateway.line(&format!("/two/{at}")).await;
        assert_eq!(line["remote_ip"], client);
    }
}

#[tokio::test]
async fn without_a_good_header_from_a_trusted_proxy_a_connection_is_closed() {
    let app = Upstream::start().await;
    let limits = "[limits]\nhandshake_timeout = \"300ms\"\n";
    let trusting = gateway(&app, "\"127.0.0.1\"", limits).await;
    for header in [
        "",
        "PROXY TCP4 1.2.3.4\r\n",
        "PROXY TCP4 192.0.2.7 127.0.0.1 1 2\n",
    ] {
        let mut client = Client::connect(trusting.address).await;
        client.send(format!("{header}{}", get("/a", &[]))).await;
        client.closes_within(SOON).await;
    }
    let mut slow = Client::connect(trusting.address).await;
    slow.send("PROXY TCP4 192.0.2.7 127").await;
    slow.closes_within(SOON).await;

    let strange = gateway(&app, "\"10.0.0.0/8\"", limits).await;
    let mut client = Client::connect(strange.address).await;
    let good = "PROXY TCP4 10.0.0.1 127.0.0.1 1 2\r\n";
    client.send(format!("{good}{}", get("/a", &[]))).await;
    client.closes_within(SOON).await;

    assert!(app.requests().is_empty());
    for (gateway, counts) in [
        (&trusting, [("proxy_header", 3), ("handshake_timeout", 1)]),
        (&strange, [("proxy_header", 1), ("handshake_timeout", 0)]),
    ] {
        let metrics = gateway.admin("/metrics").await.text();
        for (cause, count) in counts {
            let line =
                format!("countersign_connections_ended_total{{cause=\"{cause}\"}} {count}\n");
            assert!(metrics.contains(&line), "{cause} {count}\n{metrics}");
        }
    }
}

#[tokio::test]
async fn connections_are_counted_for_the_network_that_is_named() {
    let app = Upstream::start().await;
    let limits = "[limits]\nconnections_per_ip = 1\n";
    let gateway = gateway(&app, "\"127.0.0.1\"", limits).await;
    let announced = async |ip: &str| {
        let mut client = Client::connect(gateway.address).await;
        let header = format!("PROXY TCP4 {ip} 127.0.0.1 1 2\r\n");
        client.send(format!("{header}{}", get("/a", &[]))).await;
        client
    };
    let (mut first, mut other) = (announced("192.0.2.7").await, announced("192.0.2.8").await);
    assert_eq!(first.response().await.status(), 200);
    assert_eq!(other.response().await.status(), 200);
    announced("192.0.2.7").await.closes_within(SOON).await;
    assert_eq!(app.requests().len(), 2);
}

#[tokio::test]
async fn a_proxy_may_announce_a_client_that_then_speaks_tls() {
    let (app, authority) = (Upstream::start().await, Authority::new());
    authority.sign("a", &["a.example"]);
    let tls = format!("tls = [{}]", authority.entry("a", ""));
    let gateway = gateway(&app, "\"127.0.0.1\"", &tls).await;
    let caller = Caller {
        host: Some("a.example"),
        ..Caller::default()
    };
    let header = version_2(1, [192, 0, 2, 8]);
    let stream = authority
        .connect_after(gateway.address, &header, caller)
        .await;
    let request = get("/a", &[]).replace("app.example", "a.example");
    let answer = Client::over(stream.unwrap()).ask(request).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(app.request().field("x-forwarded-for"), "192.0.2.8");
    assert_eq!(app.request().field("x-forwarded-proto"), "https");
}

#[tokio::test]
async fn a_unix_socket_is_for_those_that_its_mode_says() {
    let app = Upstream::start().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("http.sock");
    let listen = format!(
        "[[listen]]\naddress = \"127.0.0.1:0\"\n[[listen]]\naddress = \"unix:{}\"\nmode = \"0600\"\n",
        path.display()
    );
    let route = one_route(&app.url(), "access = \"none\"");
    let _gateway = Gateway::start(&format!("{listen}{route}")).await;
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut client = Client::over(UnixStream::connect(&path).await.unwrap());
    assert_eq!(client.ask(get("/a", &[])).await.status(), 200);
    assert_eq!(app.request().field("x-forwarded-for"), "127.0.0.1");
}
