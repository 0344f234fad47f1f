//! Commands about the configuration and the command line itself.

use std::net::TcpListener;

use super::Place;
use crate::support::ports::free_ports;

#[test]
fn wrong_usage_exits_2_and_helps() {
    let place = Place::new();
    for (arguments, says) in [
        (&["chek"][..], "check"),
        (&["config", "shw"], "show"),
        (&["check", "--jsn"], "--jsn"),
        (&[], "Usage"),
    ] {
        place.bad(arguments, 2, says);
    }
}

#[test]
fn version_and_help_need_no_configuration() {
    let place = Place::empty();
    assert_eq!(
        place.good(&["--version"]),
        format!("countersign {}", env!("CARGO_PKG_VERSION"))
    );
    assert!(place.good(&["help"]).contains("healthcheck"));
}

#[test]
fn completions_are_printed_for_each_shell() {
    let place = Place::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.good(&["completions", shell]);
        assert!(script.contains("healthcheck"), "{shell}");
    }
    place.bad(&["completions", "tcsh"], 2, "tcsh");
}

#[test]
fn a_good_configuration_is_summed_up() {
    let ran = Place::new().run(&["check"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("countersign.toml is good"), "{}", ran.out);
    assert!(ran.out.contains("2 routes"), "{}", ran.out);
    assert!(ran.err.contains("plain http"), "{}", ran.err);
}

#[test]
fn every_mistake_is_said_at_once_with_line_and_key() {
    let place = Place::with(
        "[server]\nexternal_url = \"ftp://x\"\nrelm = \"a\"\n\n[[route]]\nname = \"a\"\nupstream = \"none\"\n",
    );
    let ran = place.run(&["check"]);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.out, "");
    for part in [
        "countersign.toml:2:",
        "server.external_url",
        "countersign.toml:3:",
        "realm",
        "countersign.toml:7:",
    ] {
        assert!(ran.err.contains(part), "{part} is not in {}", ran.err);
    }
}

#[test]
fn a_bad_configuration_stops_every_command_that_reads_it() {
    let place = Place::with("[server]\nrelm = \"a\"\n");
    for arguments in [&["check"][..], &["config", "show"], &["healthcheck"]] {
        place.bad(arguments, 1, "countersign.toml:2:");
    }
}

#[test]
fn without_a_configuration_it_is_said_where_one_is_looked_for() {
    let place = Place::empty();
    place.bad(&["check"], 1, "config example");
    place.bad(&["--config", "there.toml", "check"], 1, "there.toml");
}

#[test]
fn the_configuration_file_is_named_before_or_after_the_command() {
    let place = Place::new();
    std::fs::rename(
        place.path().join("countersign.toml"),
        place.path().join("other.toml"),
    )
    .unwrap();
    for arguments in [
        ["--config", "other.toml", "check"],
        ["check", "--config", "other.toml"],
    ] {
        assert!(place.good(&arguments).contains("other.toml is good"));
    }
}

#[test]
fn the_example_is_a_good_configuration() {
    let place = Place::empty();
    let example = place.good(&["config", "example"]);
    place.write("countersign.toml", &example);
    place.good(&["check"]);
}

#[test]
fn the_effective_configuration_is_shown_without_secrets() {
    let place = Place::with(&format!(
        "{}\n[mail]\ntransport = \"smtp\"\nurl = \"smtp://me:hunter2@mail.example:587\"\n",
        super::CONFIG
    ));
    let shown = place.good(&["config", "show"]);
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("revocation_bound"), "{shown}");
}

#[test]
fn the_environment_stands_over_the_file() {
    let place = Place::new();
    let run = |name: &str, value: &str| {
        let output = place
            .command(&["config", "show"])
            .env(name, value)
            .output()
            .unwrap();
        let [out, err] =
            [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.code(), out, err)
    };
    let (code, out, _) = run("COUNTERSIGN_SERVER__REALM", "elsewhere");
    assert_eq!(code, Some(0));
    assert!(out.contains("elsewhere"), "{out}");
    let (code, _, err) = run("COUNTERSIGN_SERVER__RELM", "elsewhere");
    assert_eq!(code, Some(1));
    assert!(err.contains("COUNTERSIGN_SERVER__RELM"), "{err}");
}

#[test]
fn healthcheck_fails_where_nothing_answers() {
    let [port] = free_ports().map(|free| free.port());
    let place = Place::with(&format!(
        "{}\n[admin]\naddress = \"127.0.0.1:{port}\"\n",
        super::CONFIG
    ));
    place.bad(&["healthcheck"], 1, &format!("127.0.0.1:{port}"));
}

#[test]
fn healthcheck_believes_the_status_alone() {
    for (status, code) in [("200 OK", 0), ("503 Service Unavailable", 1)] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = Place::with(&format!(
            "{}\n[admin]\naddress = \"{}\"\n",
            super::CONFIG,
            listener.local_addr().unwrap()
        ));
        let server = std::thread::spawn(move || answer_once(&listener, status));
        let ran = place.run(&["healthcheck"]);
        assert_eq!(ran.code, code, "{status}: {ran:?}");
        assert!(
            server
                .join()
                .unwrap()
                .starts_with("GET /readyz HTTP/1.1\r\n")
        );
    }
}

fn answer_once(listener: &TcpListener, status: &str) -> String {
    use std::io::{Read, Write};
    let (mut stream, _) = listener.accept().unwrap();
    let mut request = [0; 1024];
    let length = stream.read(&mut request).unwrap();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\nwords"
    )
    .unwrap();
    String::from_utf8_lossy(&request[..length]).into_owned()
}
