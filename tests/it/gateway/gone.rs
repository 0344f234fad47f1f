//! A store that cannot answer: 503, never anonymous, never 401; what needs no store goes on.

use std::time::Duration;

use super::{Request, World, words};

async fn decided(world: &World, target: &str, headers: &[(&str, &str)]) -> String {
    let request = Request {
        method: "GET",
        target,
        host: "app.example",
        headers,
    };
    words(&world.admit(request).await)
}

#[tokio::test]
async fn while_the_store_is_gone_what_needs_it_is_503_and_the_rest_goes_on() {
    let world = World::new().await;
    world.gated.set_gone(true);
    let cookie = "__Host-countersign={browser}";
    let elevated = [
        ("X-Auth", "{access}"),
        ("Elevated-Access-Token", "{elevated}"),
    ];
    for (target, headers, expected) in [
        ("/root", &[("X-Auth", "{access}")][..], "503"),
        ("/root", &[("X-Auth", "{access-unknown}")], "503"),
        ("/root", &[("Cookie", cookie)], "503"),
        ("/maybe/", &[("Authorization", "Bearer {access}")], "503"),
        ("/maybe/", &[("Cookie", cookie)], "503"),
        (
            "/pass/",
            &[("Authorization", "Digest x"), ("Cookie", cookie)],
            "503, keeps",
        ),
        ("/shadow", &[("X-Auth", "{access}")], "503"),
        ("/root", &elevated, "503"),
        ("/root", &[], "401 missing"),
        ("/root", &[("X-Auth", "{access-damaged}")], "401 rejected"),
        ("/root", &[("Authorization", "Digest x")], "401 rejected"),
        ("/root", &[("Authorization", "Basic !")], "400"),
        ("/maybe/", &[], "anonymous"),
        ("/maybe/bearer", &[("Cookie", cookie)], "anonymous"),
        ("/pub/", &[("X-Auth", "{access}")], "anonymous"),
    ] {
        assert_eq!(
            decided(&world, target, headers).await,
            expected,
            "{target} {headers:?}"
        );
    }
}

#[tokio::test]
async fn what_is_cached_is_believed_for_the_revocation_bound_and_no_longer() {
    let world = World::new().await;
    let headers = [("X-Auth", "{access}")];
    assert_eq!(decided(&world, "/root", &headers).await, "jo x-auth");
    world.gated.set_gone(true);
    assert_eq!(decided(&world, "/root", &headers).await, "jo x-auth");
    world.clock.advance(Duration::from_millis(1100));
    assert_eq!(decided(&world, "/root", &headers).await, "503");
    world.gated.set_gone(false);
    assert_eq!(decided(&world, "/root", &headers).await, "jo x-auth");
}

#[tokio::test]
async fn an_elevation_that_cannot_be_looked_up_is_503_though_the_account_is_cached() {
    let world = World::new().await;
    let alone = [("X-Auth", "{access}")];
    let beside = [
        ("X-Auth", "{access}"),
        ("Elevated-Access-Token", "{elevated}"),
    ];
    assert_eq!(decided(&world, "/root", &alone).await, "jo x-auth");
    world.gated.set_gone(true);
    assert_eq!(decided(&world, "/adm", &beside).await, "503");
}
