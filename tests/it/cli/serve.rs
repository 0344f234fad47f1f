//! Commands beside a gateway that serves the same store.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Place;
use crate::support::ports::free_ports;

/// A gateway on free ports; ends with the test.
struct Serving {
    place: Place,
    child: Child,
    port: u16,
}

impl Serving {
    fn start() -> Self {
        let [port, admin] = free_ports().map(|free| free.port());
        let config = super::CONFIG.replace("127.0.0.1:8080", &format!("127.0.0.1:{port}"));
        let place = Place::with(&format!(
            "{config}\n[admin]\naddress = \"127.0.0.1:{admin}\"\n"
        ));
        let child = place
            .command(&["serve"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let serving = Self { place, child, port };
        let end = Instant::now() + Duration::from_secs(20);
        while serving.place.run(&["healthcheck"]).code != 0 {
            assert!(Instant::now() < end, "the gateway does not become ready");
        }
        serving
    }

    /// The status of a request for a protected path.
    fn status(&self, token: &str) -> u16 {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            stream,
            "GET /x HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n",
            self.port
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[test]
fn what_a_command_revokes_is_refused_within_the_bound() {
    let serving = Serving::start();
    let place = &serving.place;
    for revoke in [
        &["session", "revoke", "--user", "a@b", "--all"][..],
        &["user", "disable", "a@b"],
    ] {
        if place.run(&["user", "show", "a@b"]).code != 0 {
            place.good(&["user", "add", "--email", "a@b", "--shadow"]);
        }
        let token = place.good(&["token", "issue", "--user", "a@b", "--label", "l"]);
        // Good, and cached: nothing listens at the upstream.
        assert_eq!([(); 2].map(|()| serving.status(&token)), [502, 502]);
        place.good(revoke);
        let revoked = Instant::now();
        while serving.status(&token) != 401 {
            assert!(revoked.elapsed() < Duration::from_secs(1), "{revoke:?}");
        }
    }
}

#[test]
fn a_store_that_is_served_is_backed_up_and_not_restored() {
    let serving = Serving::start();
    let place = &serving.place;
    place.good(&["user", "add", "--email", "a@b", "--shadow"]);
    place.good(&["backup", "copy.db"]);
    place.bad(&["restore", "copy.db"], 1, "countersign.db");
    assert_eq!(place.rows(&["user", "list"]).len(), 1);
}

#[test]
fn a_second_gateway_on_the_same_address_says_so_and_a_stopped_one_exits_0() {
    let mut serving = Serving::start();
    let second = serving.place.run(&["serve"]);
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.err.contains(&serving.port.to_string()), "{second:?}");
    assert!(second.err.contains("plain http"), "{second:?}");
    let id = serving.child.id().to_string();
    Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert_eq!(serving.child.wait().unwrap().code(), Some(0));
}
