//! In front of an app nobody here wrote: Radicale, which believes `X-Remote-User`, with a calendar client that knows only
//! Basic.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::ports::free_ports;

use super::program::{program, python, script, wait_until};
use super::world::World;

#[test]
fn a_calendar_client_is_known_to_radicale_and_refused_once_its_session_is_revoked() {
    let python = python();
    let [address] = free_ports();
    let world = World::new(address, ROUTES);
    let _radicale = Radicale::start(&python, address, &world.path("radicale"));
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    let client = world.client("calendar");
    let _serving = world.serve();
    let alices = world.key_login(&alice, &client);
    let bobs = world.key_login(&bob, &client);

    let caldav = |pair: &super::world::Pair, action: &[&str]| {
        let output = program(&python, &world.path("."))
            .arg(script("caldav_client.py"))
            .args([
                &format!("http://{}/", world.gateway),
                &pair.key,
                &pair.token,
            ])
            .args(action)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(caldav(&alices, &["create", "Work", "Stand-up"]), "created");
    assert_eq!(caldav(&alices, &["list"]), "Work: Stand-up");
    assert_eq!(caldav(&bobs, &["list"]), "", "another account sees nothing");
    assert_eq!(
        caldav(&bobs, &["list", "X-Remote-User: alice"]),
        "",
        "and cannot say that it is alice"
    );
    assert_eq!(
        caldav(&bobs, &["open", "/alice/"]),
        "403",
        "nor open what is hers"
    );

    let sessions = world.run_json(&["session", "list", "--user", &alice.id]);
    let session = sessions[0]["id"].as_str().unwrap();
    world.run(&["session", "revoke", session]);
    let refused = wait_until(Duration::from_secs(2), || {
        caldav(&alices, &["list"]) == "401"
    });
    assert!(refused, "the same client is refused after the revocation");
    assert_eq!(caldav(&bobs, &["list"]), "", "and bob's is not");
}

/// Radicale, until this value is dropped.
struct Radicale(Child);

impl Radicale {
    fn start(python: &Path, address: SocketAddr, directory: &Path) -> Self {
        fs::create_dir(directory).unwrap();
        let config = directory.join("radicale.conf");
        let storage = directory.join("collections");
        let text = RADICALE
            .replace("ADDRESS", &address.to_string())
            .replace("STORAGE", storage.to_str().unwrap());
        fs::write(&config, text).unwrap();
        let log = fs::File::create(directory.join("radicale.log")).unwrap();
        let child = Command::new(python)
            .args(["-m", "radicale", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let radicale = Self(child);
        let up = wait_until(Duration::from_secs(20), || {
            TcpStream::connect(address).is_ok()
        });
        assert!(
            up,
            "Radicale does not listen: {}",
            fs::read_to_string(directory.join("radicale.log")).unwrap()
        );
        radicale
    }
}

impl Drop for Radicale {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const RADICALE: &str = "[server]
hosts = ADDRESS
[auth]
type = http_x_remote_user
[rights]
type = owner_only
[storage]
filesystem_folder = STORAGE
";

const ROUTES: &str = r#"
[identity.radicale]
"X-Remote-User" = "username"

[[route]]
name = "calendar"
path = "/"
upstream = "app"
access = "required"
accept = ["basic"]
identity = "radicale"
"#;
