//! The store goes away while the gateway serves, and comes back.

use std::fs;
use std::time::Duration;

use super::program::wait_until;
use super::upstream::Upstream;
use super::world::World;

#[test]
fn without_its_store_the_gateway_is_503_on_protected_routes_alone_and_recovers() {
    let upstream = Upstream::echo();
    let world = World::new(upstream.address, ROUTES);
    let alice = world.user("alice");
    let client = world.client("tests");
    let _serving = world.serve();
    let pair = world.key_login(&alice, &client);
    let protected = || world.get("/x", &[("Authorization", &pair.basic())]);
    assert_eq!(protected().status, 200);

    fs::rename(world.path("data"), world.path("away")).unwrap();
    let mut seen = Vec::new();
    let turned = wait_until(PATIENCE, || {
        seen.push(protected().status);
        seen.last() == Some(&503)
    });
    assert!(turned, "{seen:?}");
    assert!(
        seen.iter().all(|status| [200, 503].contains(status)),
        "never 401, never anonymous: {seen:?}"
    );
    assert!(protected().header("retry-after").is_some());
    assert_eq!(
        world.get("/pub/x", &[]).status,
        200,
        "a public route goes on"
    );
    let login =
        serde_json::json!({ "client": client, "email": alice.email, "password": alice.password });
    assert_eq!(
        world.post("/users/token", &login).unwrap().status,
        503,
        "a login is not refused"
    );
    let ready = super::http::ask(world.admin, "GET", "/readyz", &[], b"").unwrap();
    assert_eq!(ready.status, 503, "and the load balancer is told");

    fs::rename(world.path("away"), world.path("data")).unwrap();
    assert!(
        wait_until(PATIENCE, || protected().status == 200),
        "it recovers without a restart"
    );
    assert_eq!(world.post("/users/token", &login).unwrap().status, 200);
}

const PATIENCE: Duration = Duration::from_secs(10);
const ROUTES: &str = r#"
[[route]]
name = "public"
path = "/pub/"
upstream = "app"
access = "none"

[[route]]
name = "app"
path = "/"
upstream = "app"
access = "required"
accept = ["basic"]
"#;
