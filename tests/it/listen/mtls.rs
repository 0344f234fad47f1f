//! Client certificates: whose they are, which routes take them, and how they stop to count.

use std::time::Duration;

use countersign::auth::accounts::Draft;
use countersign::model::account::{AccountStatus, Role, Username};
use countersign::model::id::AccountId;
use rcgen::{CertificateParams, DnType, SanType, date_time_ymd};

use crate::support::gateway::action;
use crate::support::http2::{Http2, Verdict, plain};
use crate::support::message::Message;
use crate::support::tls::{Authority, Caller};
use crate::support::{Client, Gateway, Reply, Upstream, get, one_route};

const MTLS: &str =
    "access = \"required\"\naccept = [\"mtls\", \"bearer\", \"cookie\"]\nwebsocket = true";

struct World {
    app: Upstream,
    authority: Authority,
    gateway: Gateway,
}

/// A certificate for these alternative names and that common name.
fn names(sans: &[SanType], common: Option<&str>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    if let Some(common) = common {
        params.distinguished_name.push(DnType::CommonName, common);
    }
    params.subject_alt_names = sans.to_vec();
    params
}

fn email(address: &str) -> SanType {
    SanType::Rfc822Name(address.try_into().unwrap())
}

impl World {
    async fn start(app: Upstream, route: &str) -> Self {
        let authority = Authority::new();
        authority.sign("a", &["a.example"]);
        authority.sign_params("jo", &names(&[], Some("jo")));
        let ca = authority.path("ca.pem");
        let more = format!("http2 = true\nclient_ca = {:?}", ca.display().to_string());
        let listen = authority.listen(&["a"], &more);
        let gateway = Gateway::start(&(listen + &one_route(&app.url(), route))).await;
        Self {
            app,
            authority,
            gateway,
        }
    }

    fn caller<'a>(certificate: Option<&'a str>, alpn: &'a [&'a str]) -> Caller<'a> {
        Caller {
            host: Some("a.example"),
            alpn,
            certificate,
        }
    }

    async fn client(&self, certificate: Option<&str>) -> Client {
        let caller = Self::caller(certificate, &[]);
        let stream = self.authority.connect(self.gateway.address, caller).await;
        Client::over(stream.unwrap())
    }

    async fn ask(&self, certificate: Option<&str>, fields: &[&str]) -> Message {
        self.client(certificate).await.ask(request(fields)).await
    }
}

fn request(fields: &[&str]) -> String {
    get("/a", fields).replace("app.example", "a.example")
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn a_certificate_proves_the_account_that_it_names() {
    let world = World::start(Upstream::start().await, MTLS).await;
    let jo = world.gateway.account_with("jo", "admin", &["a"]).await;
    let by_id = Draft {
        id: Some(AccountId::parse("service-7").unwrap()),
        email: None,
        username: Some(Username::parse("seven").unwrap()),
        name: None,
        role: Role::parse("member").unwrap(),
        groups: Vec::new(),
        password: None,
    };
    world
        .gateway
        .auth
        .accounts
        .add(by_id, &action())
        .await
        .unwrap();
    let uri = |text: &str| SanType::URI(text.try_into().unwrap());
    for (name, params, user) in [
        ("common", names(&[], Some("jo")), Some(jo.id.as_str())),
        ("capitals", names(&[], Some("JO")), Some(jo.id.as_str())),
        (
            "email",
            names(&[email("jo@example.org")], Some("x")),
            Some(jo.id.as_str()),
        ),
        (
            "email-common",
            names(&[], Some("jo@example.org")),
            Some(jo.id.as_str()),
        ),
        (
            "id",
            names(
                &[
                    uri("urn:countersign:user:service-7"),
                    email("jo@example.org"),
                ],
                None,
            ),
            Some("service-7"),
        ),
        ("stranger", names(&[], Some("nobody")), None),
        (
            "stranger-email",
            names(&[email("nobody@example.org")], Some("jo")),
            None,
        ),
        (
            "two",
            names(
                &[email("jo@example.org"), email("nobody@example.org")],
                Some("jo"),
            ),
            None,
        ),
        ("nameless", names(&[], None), None),
        ("id-as-name", names(&[], Some("service-7")), None),
    ] {
        world.authority.sign_params(name, &params);
        let before = world.app.requests().len();
        let answer = world.ask(Some(name), &["X-Forwarded-User: forged"]).await;
        let seen = world.app.requests().split_off(before);
        match (user, &seen[..]) {
            (Some(user), [seen]) => {
                assert_eq!(seen.field("x-forwarded-user"), user, "{name}");
                assert_eq!(seen.field("x-forwarded-auth-method"), "mtls", "{name}");
            }
            (None, []) => assert_eq!(answer.status(), 401, "{name}"),
            _ => panic!("{name}: {} {seen:?}", answer.status()),
        }
    }
}

#[tokio::test]
async fn without_a_certificate_it_is_401_as_with_any_other_credential() {
    let world = World::start(Upstream::start().await, MTLS).await;
    world.gateway.account("jo").await;
    let answer = world.ask(None, &[]).await;
    assert_eq!(answer.status(), 401);
    assert!(answer.field("www-authenticate").starts_with("Bearer "));
    // One of another authority is no handshake.
    let other = Authority::new();
    other.sign_params("forged", &names(&[], Some("jo")));
    for file in ["forged.pem", "forged.key"] {
        std::fs::copy(other.path(file), world.authority.path(file)).unwrap();
    }
    let mut old = names(&[], Some("jo"));
    old.not_before = date_time_ymd(2020, 1, 1);
    old.not_after = date_time_ymd(2021, 1, 1);
    world.authority.sign_params("old", &old);
    for bad in ["forged", "old"] {
        let caller = World::caller(Some(bad), &[]);
        // The client of TLS 1.3 hears of it with the first answer.
        let answer = match world.authority.connect(world.gateway.address, caller).await {
            Ok(stream) => {
                let mut client = Client::over(stream);
                client.send(request(&[])).await;
                client.maybe_response().await
            }
            Err(_) => None,
        };
        assert!(answer.is_none(), "{bad}: {answer:?}");
    }
    assert!(world.app.requests().is_empty());
}

#[tokio::test]
async fn a_route_that_does_not_say_mtls_takes_no_certificate() {
    let world = World::start(Upstream::start().await, "access = \"required\"").await;
    world.gateway.account("jo").await;
    assert_eq!(world.ask(Some("jo"), &[]).await.status(), 401);
    let world = World::start(Upstream::start().await, "access = \"none\"").await;
    world.gateway.account("jo").await;
    assert_eq!(world.ask(Some("jo"), &[]).await.status(), 200);
    assert!(world.app.request().fields("x-forwarded-user").is_empty());
}

#[tokio::test]
async fn what_the_request_says_decides_before_what_the_connection_showed() {
    let world = World::start(Upstream::start().await, MTLS).await;
    world.gateway.account("jo").await;
    let al = world.gateway.account("al").await;
    let (_, token) = world.gateway.token(&al).await;
    let answer = world
        .ask(Some("jo"), &[&format!("Authorization: Bearer {token}")])
        .await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        world.app.request().field("x-forwarded-user"),
        al.id.as_str()
    );
    // A bad one is bad, whoever the certificate's holder is; a dead cookie is none.
    let bad = world
        .ask(Some("jo"), &["Authorization: Bearer csa_x"])
        .await;
    assert_eq!(bad.status(), 401);
    let dead = world.ask(Some("jo"), &["Cookie: countersign=css_x"]).await;
    assert_eq!(dead.status(), 200);
    assert_eq!(world.app.requests().len(), 2);
}

#[tokio::test]
async fn a_disabled_account_is_refused_at_once_on_an_open_connection_and_its_stream_ends() {
    let stream = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";
    let app = Upstream::answering(|request| {
        if request.line().contains("/events") {
            Reply::Silence(stream.to_vec())
        } else {
            Reply::ok("ok")
        }
    })
    .await;
    let world = World::start(app, MTLS).await;
    let jo = world.gateway.account("jo").await;
    let mut client = world.client(Some("jo")).await;
    for _ in 0..3 {
        assert_eq!(client.ask(request(&[])).await.status(), 200);
    }
    let mut watching = world.client(Some("jo")).await;
    watching.send(request(&[]).replace("/a", "/events")).await;
    watching.expect(b"HTTP/1.1 200 OK\r\n").await;
    let caller = World::caller(Some("jo"), &["h2"]);
    let stream = world.authority.connect(world.gateway.address, caller).await;
    let mut http2 = Http2::over(stream.unwrap()).await;
    http2.get(1, "/a").await;
    assert!(matches!(http2.verdict(1).await, Verdict::Status(200, _)));

    let set = async |status| {
        let accounts = &world.gateway.auth.accounts;
        accounts
            .set_status(&jo.id, status, &action())
            .await
            .unwrap();
    };
    set(AccountStatus::Disabled).await;
    assert_eq!(client.ask(request(&[])).await.status(), 401);
    http2.head(3, &plain("/a"), true).await;
    assert!(matches!(http2.verdict(3).await, Verdict::Status(401, _)));
    watching.ends_within(Duration::from_secs(5)).await;
    // What is remembered of somebody unknown is remembered for a moment.
    set(AccountStatus::Active).await;
    for _ in 0..100 {
        if client.ask(request(&[])).await.status() == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("an account that may log in again is still refused");
}

#[tokio::test]
async fn an_authority_that_is_replaced_is_believed_no_more_on_open_connections_either() {
    let app = Upstream::start().await;
    let (authority, other) = (Authority::new(), Authority::new());
    authority.sign("a", &["a.example"]);
    authority.sign_params("jo", &names(&[], Some("jo")));
    let config = |ca: &Authority| {
        let ca = ca.path("ca.pem").display().to_string();
        let listen = authority.listen(&["a"], &format!("client_ca = {ca:?}"));
        listen + &one_route(&app.url(), MTLS)
    };
    let gateway = Gateway::start(&config(&authority)).await;
    gateway.account("jo").await;
    let caller = World::caller(Some("jo"), &[]);
    let stream = authority.connect(gateway.address, caller).await.unwrap();
    let mut client = Client::over(stream);
    assert_eq!(client.ask(request(&[])).await.status(), 200);
    // Read again and the same: nothing changes.
    assert_eq!(gateway.reload(&config(&authority)).await.status(), 200);
    assert_eq!(client.ask(request(&[])).await.status(), 200);
    assert_eq!(gateway.reload(&config(&other)).await.status(), 200);
    assert_eq!(client.ask(request(&[])).await.status(), 401);
    assert_eq!(app.requests().len(), 2);
}

#[tokio::test]
async fn a_websocket_of_another_site_gets_nothing_for_a_certificate() {
    let world = World::start(Upstream::start().await, MTLS).await;
    world.gateway.account("jo").await;
    let upgrade = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Origin: https://evil.example",
    ];
    assert_eq!(world.ask(Some("jo"), &upgrade).await.status(), 403);
    assert!(world.app.requests().is_empty());
}
