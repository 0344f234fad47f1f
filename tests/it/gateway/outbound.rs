//! Which head goes upstream.

use std::net::IpAddr;

use countersign::clock::Clock;
use countersign::gateway::{Asked, Outbound};
use countersign::header::forwarded::Trace;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::World;

/// The head that goes upstream for a request that passes, on a route's path, from a peer.
pub(crate) async fn upstream(
    world: &World,
    path: &str,
    peer: [u8; 4],
    fields: &[(&str, &str)],
) -> HeaderMap {
    let headers = world.headers(fields);
    let asked = Asked {
        method: &Method::GET,
        target: path.as_bytes(),
        host: Some("app.example:8443"),
        headers: &headers,
        peer: IpAddr::from(peer),
        is_tls: true,
        certificate: None,
    };
    let admission = world.gateway.admit(&asked, world.clock.now()).await;
    let edge = world.gateway.edge(&asked);
    let outbound = Outbound {
        route: admission.route.as_ref().unwrap(),
        permit: admission.verdict.as_ref().unwrap(),
        trail: &admission.trail,
        edge,
        trace: &Trace::of(&headers, edge.is_trusted),
    };
    let mut head = headers.clone();
    world
        .gateway
        .prepare(&mut head, &outbound, world.clock.now())
        .unwrap();
    head
}

pub(crate) const CLIENT: [u8; 4] = [192, 0, 2, 1];
const PROXY: [u8; 4] = [10, 0, 0, 1];

fn value<'a>(head: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = head.get_all(name).iter();
    let value = values.next()?;
    assert!(values.next().is_none(), "{name} is there twice");
    Some(value.to_str().unwrap())
}

#[tokio::test]
async fn an_identity_is_stamped_once_and_no_client_says_it() {
    let world = World::new().await;
    let head = upstream(
        &world,
        "/root",
        PROXY,
        &[
            ("Authorization", "Bearer {access}"),
            ("Elevated-Access-Token", "{elevated}"),
            ("X-Forwarded-User", "root"),
            ("X-Forwarded-User", "root2"),
            ("X-Forwarded-Groups", "root"),
            ("X_Forwarded_Role", "root"),
            ("X.Forwarded-Email", "root"),
            ("Remote_User", "root"),
            ("X-WEBAUTH-USER", "root"),
            ("X-Auth-Request-Email", "root"),
            ("X-Countersign-Assertion", "root"),
            ("X-Odd-User", "root"),
            ("X-Kept", "kept"),
        ],
    )
    .await;
    for (name, expected) in [
        ("x-forwarded-user", Some("jo")),
        ("x-forwarded-email", Some("jo@example.org")),
        ("x-forwarded-preferred-username", Some("jo-login")),
        ("x-forwarded-groups", Some("staff")),
        ("x-forwarded-role", Some("admin")),
        ("x-forwarded-client", Some("web")),
        ("x-forwarded-auth-method", Some("bearer")),
        ("x-kept", Some("kept")),
        ("authorization", None),
        ("elevated-access-token", None),
        ("x-odd-user", None),
    ] {
        assert_eq!(value(&head, name), expected, "{name}");
    }
    assert!(value(&head, "x-forwarded-elevated-until").is_some());
    let all = format!("{head:?}");
    assert!(!all.contains("root"), "{all}");
}

#[tokio::test]
async fn a_route_without_identity_says_nothing_and_lets_nobody_else_say_it() {
    let world = World::new().await;
    for path in ["/pub/", "/maybe/"] {
        let head = upstream(
            &world,
            path,
            PROXY,
            &[
                ("X-Forwarded-User", "root"),
                ("REMOTE_USER", "root"),
                ("x_odd_user", "root"),
                ("Cookie", "a=b; __Host-countersign=junk; c=d"),
                ("Cookie", "__Host-countersign-elevation=junk"),
            ],
        )
        .await;
        assert!(!format!("{head:?}").contains("root"), "{path}: {head:?}");
        assert_eq!(value(&head, "cookie"), Some("a=b; c=d"), "{path}");
    }
}

#[tokio::test]
async fn a_mapping_says_what_it_maps_and_nothing_else() {
    let world = World::new().await;
    let head = upstream(
        &world,
        "/odd",
        CLIENT,
        &[("X-Auth", "{access}"), ("Upgrade", "websocket")],
    )
    .await;
    assert_eq!(value(&head, "x-odd_user"), Some("jo"));
    assert_eq!(value(&head, "x-forwarded-user"), None);
    assert_eq!(value(&head, "x-auth"), None);
    assert_eq!(value(&head, "upgrade"), Some("websocket"));
}

#[tokio::test]
async fn no_application_sees_what_a_browser_keeps_for_us() {
    let world = World::new().await;
    let cookie = "e=f; __Host-countersign={browser}; __Host-countersign-elevation={elevated}";
    let elevated = upstream(&world, "/adm", CLIENT, &[("Cookie", cookie)]).await;
    assert!(value(&elevated, "x-forwarded-elevated-until").is_some());
    for path in ["/adm", "/root", "/maybe/", "/pub/"] {
        let head = upstream(&world, path, CLIENT, &[("Cookie", cookie)]).await;
        assert_eq!(value(&head, "cookie"), Some("e=f"), "{path}");
        let all = format!("{head:?}");
        assert!(!all.contains("cse_") && !all.contains("csb_"), "{all}");
    }
}

#[tokio::test]
async fn a_foreign_authorization_goes_on_where_it_may_and_nowhere_else() {
    let world = World::new().await;
    let foreign = ("Authorization", "Digest x");
    let cookie = ("Cookie", "__Host-countersign={browser}");
    for (path, fields, expected) in [
        ("/pass/", &[foreign][..], Some("Digest x")),
        ("/pass/", &[foreign, cookie], Some("Digest x")),
        ("/pub/", &[foreign], Some("Digest x")),
        ("/pub/", &[("Authorization", "{access}")], None),
        ("/root", &[foreign, cookie], None),
    ] {
        let head = upstream(&world, path, CLIENT, fields).await;
        assert_eq!(value(&head, "authorization"), expected, "{path}");
        assert_eq!(value(&head, "cookie"), None, "{path}");
    }
}

#[tokio::test]
async fn where_a_request_came_from_is_believed_from_trusted_proxies_alone() {
    let world = World::new().await;
    let fields = [
        ("X-Forwarded-For", "198.51.100.9"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Port", "80"),
        ("Forwarded", "for=198.51.100.9"),
        ("X-Real-IP", "198.51.100.9"),
        ("X_Real_IP", "198.51.100.66"),
        ("X-Original-URL", "/adm"),
        ("X-Rewrite-URL", "/adm"),
        ("True-Client-IP", "198.51.100.9"),
        ("X-Request-Id", "given"),
        ("X_Request_Id", "alias"),
    ];
    let from_client = upstream(&world, "/pub/", CLIENT, &fields).await;
    let from_proxy = upstream(&world, "/pub/", PROXY, &fields).await;
    for (name, client, proxy) in [
        (
            "x-forwarded-for",
            Some("192.0.2.1"),
            Some("198.51.100.9, 10.0.0.1"),
        ),
        ("x-forwarded-proto", Some("https"), Some("http")),
        (
            "x-forwarded-host",
            Some("app.example:8443"),
            Some("app.example:8443"),
        ),
        ("x-forwarded-port", None, Some("80")),
        ("forwarded", None, Some("for=198.51.100.9")),
        ("x-real-ip", None, Some("198.51.100.9")),
        ("x_real_ip", None, None),
        ("x-original-url", None, Some("/adm")),
        ("x-rewrite-url", None, Some("/adm")),
        ("true-client-ip", None, Some("198.51.100.9")),
        ("x_request_id", None, None),
    ] {
        assert_eq!(value(&from_client, name), client, "{name} of a client");
        assert_eq!(value(&from_proxy, name), proxy, "{name} of a proxy");
    }
    assert_eq!(value(&from_proxy, "x-request-id"), Some("given"));
    assert_ne!(value(&from_client, "x-request-id"), Some("given"));
    assert!(value(&from_client, "traceparent").is_some());
}

#[tokio::test]
async fn another_method_cannot_be_asked_for_where_methods_are_narrowed() {
    let world = World::new().await;
    let fields = [
        ("X-Auth", "{access}"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X_Method_Override", "DELETE"),
        ("Upgrade", "websocket"),
    ];
    let narrowed = upstream(&world, "/methods", CLIENT, &fields).await;
    assert_eq!(value(&narrowed, "x-http-method-override"), None);
    assert_eq!(value(&narrowed, "x_method_override"), None);
    assert_eq!(value(&narrowed, "upgrade"), None);
    let open = upstream(&world, "/root", CLIENT, &fields).await;
    assert_eq!(value(&open, "x-http-method-override"), Some("DELETE"));
}

#[tokio::test]
async fn several_cookie_fields_stay_whole_without_ours() {
    let world = World::new().await;
    let head = upstream(
        &world,
        "/pub/",
        CLIENT,
        &[
            ("Cookie", "a=b"),
            ("Cookie", "__Host-countersign={browser}"),
            ("Cookie", "c=\"d e\""),
        ],
    )
    .await;
    assert_eq!(value(&head, "cookie"), Some("a=b; c=\"d e\""));
}

#[tokio::test]
async fn a_response_cannot_say_what_only_we_say() {
    let world = World::new().await;
    let mut head = HeaderMap::new();
    for name in ["x-forwarded-user", "remote_user", "x-kept"] {
        head.append(HeaderName::from_static(name), HeaderValue::from_static("x"));
    }
    world.gateway.clean_response(&mut head);
    assert_eq!(head.len(), 1);
    assert!(head.contains_key("x-kept"));
}
