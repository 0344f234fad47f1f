//! TLS: which certificate is shown to whom, what may then be asked, and how certificates are replaced.

use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::tls::{Authority, Caller};
use crate::support::{Client, Gateway, Upstream, get, one_route};

const PUBLIC: &str = "access = \"none\"";

/// A gateway with these certificates, and whatever else.
async fn gateway(app: &Upstream, authority: &Authority, names: &[&str], more: &str) -> Gateway {
    let listen = authority.listen(names, "");
    Gateway::start(&format!(
        "{listen}{more}\n{}",
        one_route(&app.url(), PUBLIC)
    ))
    .await
}

fn at(host: &str) -> Caller<'_> {
    Caller {
        host: Some(host),
        ..Caller::default()
    }
}

/// `GET /a` for a host.
fn get_of(host: &str) -> String {
    get("/a", &[]).replace("app.example", host)
}

fn der(authority: &Authority, name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(authority.path(&format!("{name}.pem"))).unwrap()
}

#[tokio::test]
async fn a_request_over_tls_reaches_the_app_as_one_over_https() {
    let (app, authority) = (Upstream::start().await, Authority::new());
    authority.sign("a", &["a.example"]);
    let gateway = gateway(&app, &authority, &["a"], "").await;
    let stream = authority
        .connect(gateway.address, at("a.example"))
        .await
        .unwrap();
    let mut client = Client::over(stream);
    for _ in 0..2 {
        let answer = client.ask(get_of("a.example:8443")).await;
        assert_eq!((answer.status(), answer.text().as_str()), (200, "ok"));
    }
    let seen = app.requests();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].field("x-forwarded-proto"), "https");
    assert_eq!(seen[1].field("x-forwarded-for"), "127.0.0.1");
}

#[tokio::test]
async fn a_client_is_shown_the_certificate_of_the_host_that_it_names() {
    let (app, authority) = (Upstream::start().await, Authority::new());
    authority.sign("first", &["a.example", "127.0.0.1"]);
    authority.sign("second", &["b.example"]);
    authority.sign("wild", &["*.w.example"]);
    let gateway = gateway(&app, &authority, &["first", "second", "wild"], "").await;
    for (host, name) in [
        (Some("a.example"), "first"),
        (Some("A.Example"), "first"),
        (Some("b.example"), "second"),
        (Some("c.w.example"), "wild"),
        (None, "first"),
    ] {
        let caller = Caller {
            host,
            ..Caller::default()
        };
        let stream = authority.connect(gateway.address, caller).await.unwrap();
        let shown = stream.get_ref().1.peer_certificates().unwrap();
        assert_eq!(shown[0], der(&authority, name), "{host:?}");
    }
    // Whoever names another host sees the first, and does not believe it.
    for stranger in ["x.y.w.example", "w.example", "other.test"] {
        let refused = authority.connect(gateway.address, at(stranger)).await;
        assert!(refused.is_err(), "{stranger}");
    }
}

#[tokio::test]
async fn a_host_that_the_certificate_does_not_cover_is_421_and_reaches_nothing() {
    let (app, authority) = (Upstream::start().await, Authority::new());
    authority.sign("first", &["a.example", "*.a.example", "127.0.0.1"]);
    authority.sign("second", &["b.example"]);
    let login = "[dialect.namespace]\nlogin_path = \"/login\"\n";
    let gateway = gateway(&app, &authority, &["first", "second"], login).await;
    for (named, host, status) in [
        (Some("a.example"), "a.example", 200),
        (Some("a.example"), "A.EXAMPLE.:443", 200),
        (Some("a.example"), "x.a.example", 200),
        (Some("x.a.example"), "a.example", 200),
        (Some("a.example"), "127.0.0.1:1", 200),
        (Some("a.example"), "b.example", 421),
        (Some("a.example"), "x.y.a.example", 421),
        (Some("a.example"), "other.test", 421),
        (Some("a.example"), "127.0.0.2", 421),
        (Some("b.example"), "a.example", 421),
        (Some("b.example"), "b.example", 200),
        // Nobody was named, so any host may be meant but one that has a certificate of its own.
        (None, "127.0.0.1", 200),
        (None, "other.test", 200),
        (None, "b.example", 421),
    ] {
        let before = app.requests().len();
        let caller = Caller {
            host: named,
            ..Caller::default()
        };
        let stream = authority.connect(gateway.address, caller).await.unwrap();
        let answer = Client::over(stream).ask(get_of(host)).await;
        assert_eq!(answer.status(), status, "{named:?} {host}");
        let reached = app.requests().len() - before;
        assert_eq!(reached, usize::from(status == 200), "{named:?} {host}");
    }
    // Our own pages are no exception.
    let stream = authority
        .connect(gateway.address, at("a.example"))
        .await
        .unwrap();
    let page = get_of("b.example").replace("/a ", "/_countersign/login ");
    assert_eq!(Client::over(stream).ask(page).await.status(), 421);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_versions_of_tls_are_spoken_and_no_protocol_that_is_not() {
    let (app, authority) = (Upstream::start().await, Authority::new());
    authority.sign("a", &["a.example"]);
    let gateway = gateway(&app, &authority, &["a"], "").await;
    for (alpn, chosen) in [
        (&["http/1.1"][..], Some(&b"http/1.1"[..])),
        (&["h2", "http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let caller = Caller {
            alpn,
            ..at("a.example")
        };
        let stream = authority.connect(gateway.address, caller).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), chosen, "{alpn:?}");
    }
    for alpn in [&["h2"][..], &["spdy/3"]] {
        let caller = Caller {
            alpn,
            ..at("a.example")
        };
        let refused = authority.connect(gateway.address, caller).await;
        assert!(refused.is_err(), "{alpn:?}");
    }
    let port = gateway.address.port();
    for version in [&["--tls-max", "1.2"][..], &["--tlsv1.3"]] {
        let output = tokio::task::block_in_place(|| {
            std::process::Command::new("curl")
                .args(["-sS", "--max-time", "10", "-w", "%{http_code}"])
                .args(version)
                .arg("--cacert")
                .arg(authority.path("ca.pem"))
                .args(["--resolve", &format!("a.example:{port}:127.0.0.1")])
                .arg(format!("https://a.example:{port}/curl"))
                .output()
                .unwrap()
        });
        assert_eq!(output.stdout, b"ok200", "{output:?}");
    }
}

#[tokio::test]
async fn what_speaks_no_tls_is_closed_and_so_is_a_handshake_that_does_not_end() {
    let (app, authority) = (Upstream::start().await, Authority::new());
    authority.sign("a", &["a.example"]);
    let limits = "[limits]\nhandshake_timeout = \"300ms\"\nconnections_per_ip = 2\n";
    let gateway = gateway(&app, &authority, &["a"], limits).await;
    let mut plain = TcpStream::connect(gateway.address).await.unwrap();
    plain.write_all(get("/a", &[]).as_bytes()).await.unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said).await;
    assert!(!said.starts_with(b"HTTP/"), "{said:?}");

    // Half a record, and then nothing: it counts as a connection until its time is over.
    let mut half = TcpStream::connect(gateway.address).await.unwrap();
    half.write_all(&[22, 3, 1, 1, 0, 1]).await.unwrap();
    let mut silent = TcpStream::connect(gateway.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut third = TcpStream::connect(gateway.address).await.unwrap();
    assert!(matches!(third.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    for socket in [&mut half, &mut silent] {
        let ended = tokio::time::timeout(Duration::from_secs(5), socket.read(&mut [0; 64])).await;
        assert!(matches!(ended, Ok(Ok(0) | Err(_))), "{ended:?}");
    }
    let stream = authority.connect(gateway.address, at("a.example")).await;
    let answer = Client::over(stream.unwrap()).ask(get_of("a.example")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(app.requests().len(), 1);
    let metrics = gateway.admin("/metrics").await.text();
    for (cause, count) in [("handshake", 1), ("handshake_timeout", 2), ("per_ip", 1)] {
        let line = format!("countersign_connections_ended_total{{cause=\"{cause}\"}} {count}\n");
        assert!(metrics.contains(&line), "{cause}\n{metrics}");
    }
}

#[tokio::test]
async fn a_reload_replaces_certificates_and_a_bad_file_changes_nothing() {
    let (app, authority) = (Upstream::start().await, Authority::new());
    authority.sign("a", &["a.example"]);
    authority.sign("other", &["other.example"]);
    let config = authority.listen(&["a"], "") + &one_route(&app.url(), PUBLIC);
    let gateway = Gateway::start(&config).await;
    let shown = async || {
        let stream = authority.connect(gateway.address, at("a.example")).await;
        let stream = stream.unwrap();
        let certificate = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
        (Client::over(stream), certificate)
    };
    let (mut kept, old) = shown().await;

    // The key of another certificate: refused, with the file, the line and the key.
    std::fs::rename(authority.path("a.key"), authority.path("a.key.kept")).unwrap();
    std::fs::copy(authority.path("other.key"), authority.path("a.key")).unwrap();
    let refused = gateway.reload(&config).await;
    assert_eq!(refused.status(), 422, "{}", refused.text());
    assert!(
        refused.text().contains("listen[0].tls[0].key"),
        "{}",
        refused.text()
    );
    assert_eq!(shown().await.1, old);

    authority.sign("a", &["a.example"]);
    let taken = gateway.reload(&config).await;
    assert_eq!(taken.status(), 200, "{}", taken.text());
    let (mut fresh, new) = shown().await;
    assert_ne!(new, old);
    assert_eq!(new, der(&authority, "a"));
    // What was open stays open.
    for client in [&mut kept, &mut fresh] {
        assert_eq!(client.ask(get_of("a.example")).await.status(), 200);
    }
}
