//! cargo as the client of the bare form: an alternative registry that wants a token (RFC 3139) behind a route.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::program::wait_until;
use super::upstream::{Files, Upstream};
use super::world::World;

#[test]
fn cargo_fetches_a_crate_with_a_good_token_and_is_refused_with_a_revoked_one() {
    let files = Files::default();
    let upstream = Upstream::files(&files);
    let world = World::new(upstream.address, ROUTES);
    *files.lock().unwrap() = registry(world.gateway, package(&world.path("package")));
    let alice = world.user("alice");
    let _serving = world.serve();
    let token = world.api_token(&alice, "cargo");

    let fetched = fetch(&world, "good", &token);
    assert!(
        fetched.status.success(),
        "{}",
        String::from_utf8_lossy(&fetched.stderr)
    );
    let lock = fs::read_to_string(world.path("good/Cargo.lock")).unwrap();
    assert!(
        lock.contains("name = \"hello-registry\"") && lock.contains("checksum = "),
        "{lock}"
    );

    let id = world.run_json(&["token", "list", "--user", &alice.id])[0]["id"].clone();
    world.run(&["token", "revoke", id.as_str().unwrap()]);
    let refused = wait_until(Duration::from_secs(2), || {
        world
            .get("/registry/config.json", &[("Authorization", &token)])
            .status
            == 401
    });
    assert!(refused);
    let fetched = fetch(&world, "revoked", &token);
    let said = String::from_utf8_lossy(&fetched.stderr);
    assert!(!fetched.status.success() && said.contains("401"), "{said}");
}

/// `cargo fetch` of a package that depends on the registry's crate, with a `CARGO_HOME` that has nothing in it.
fn fetch(world: &World, name: &str, token: &str) -> Output {
    let directory = world.path(name);
    write_package(
        &directory,
        "consumer",
        "hello-registry = { version = \"1\", registry = \"behind\" }",
    );
    cargo(&directory)
        .arg("fetch")
        .env("CARGO_HOME", world.path(&format!("{name}-home")))
        .env(
            "CARGO_REGISTRIES_BEHIND_INDEX",
            format!("sparse+http://{}/registry/", world.gateway),
        )
        .env("CARGO_REGISTRIES_BEHIND_TOKEN", token)
        .env("CARGO_REGISTRIES_BEHIND_CREDENTIAL_PROVIDER", "cargo:token")
        .output()
        .unwrap()
}

/// A `.crate` file, made by cargo itself.
fn package(directory: &Path) -> Vec<u8> {
    write_package(directory, "hello-registry", "");
    let output = cargo(directory)
        .args([
            "package",
            "--no-verify",
            "--offline",
            "--target-dir",
            "target",
        ])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    fs::read(directory.join("target/package/hello-registry-1.0.0.crate")).unwrap()
}

fn write_package(directory: &Path, name: &str, dependencies: &str) {
    fs::create_dir_all(directory.join("src")).unwrap();
    fs::write(directory.join("src/lib.rs"), "//! Nothing.\n").unwrap();
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependencies}\n\n[workspace]\n"
    );
    fs::write(directory.join("Cargo.toml"), manifest).unwrap();
}

/// The files of a sparse registry of one crate.
fn registry(gateway: SocketAddr, package: Vec<u8>) -> HashMap<String, Vec<u8>> {
    let checksum = Sha256::digest(&package)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
    let config = json!({ "dl": format!("http://{gateway}/registry/dl/{{crate}}.crate"), "auth-required": true });
    let entry = json!({
        "name": "hello-registry", "vers": "1.0.0", "deps": [], "cksum": checksum, "features": {}, "yanked": false,
    });
    HashMap::from([
        (
            "/registry/config.json".to_owned(),
            config.to_string().into_bytes(),
        ),
        (
            "/registry/he/ll/hello-registry".to_owned(),
            entry.to_string().into_bytes(),
        ),
        ("/registry/dl/hello-registry.crate".to_owned(), package),
    ])
}

fn cargo(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(directory);
    for variable in [
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
        "CARGO_TARGET_DIR",
    ] {
        command.env_remove(variable);
    }
    command
}

const ROUTES: &str = r#"
[[route]]
name = "registry"
path = "/registry/"
upstream = "app"
access = "required"
accept = ["bare"]
"#;
