//! Mails leave through a mail server that nobody here wrote: aiosmtpd, over TLS and in the clear, willing or not.

#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers fail by panicking too"
)]

use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;

use super::super::super::support::Gateway;
use super::super::super::support::real::{Program, certificates, python, script};
use super::*;
use crate::support::ports::free_ports;

#[tokio::test]
async fn a_mail_goes_over_tls_with_the_password_from_the_first_byte_or_after_starttls() {
    for (tls, scheme) in [("starttls", "smtp"), ("implicit", "smtps")] {
        let mut server = Server::new();
        let url = format!("{scheme}://door:p%40ss@localhost:{}", server.port);
        server.start(tls, Some("p@ss"), &[]).await;
        let house = server.house(&url, true);
        house.invites("jo@example.org").await;
        let mail = server.taken(&house).await;
        assert_eq!(
            (&mail["is_tls"], &mail["user"]),
            (&json!(true), &json!("door")),
            "{tls}"
        );
        assert_eq!(mail["from"], "door@id.example");
        assert_eq!(mail["to"], json!(["jo@example.org"]));
    }
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_or_that_wants_another_password_gets_no_mail() {
    for (tls, is_trusted, password) in [
        ("starttls", false, "right"),
        ("implicit", false, "right"),
        ("starttls", true, "wrong"),
        // It offers no TLS, and somebody was named to vouch for it.
        ("none", true, "right"),
    ] {
        let mut server = Server::new();
        let scheme = if tls == "implicit" { "smtps" } else { "smtp" };
        // A name of this machine that is not the one of its own, for which no TLS is asked.
        let url = format!("{scheme}://door:{password}@LOCALHOST.:{}", server.port);
        server.start(tls, Some("right"), &[]).await;
        let house = server.house(&url, is_trusted);
        house.invites("jo@example.org").await;
        house.tries(1).await;
        assert!(server.is_silent(), "{tls} {is_trusted} {password}");
    }
}

#[tokio::test]
async fn a_server_that_is_down_or_says_no_gets_the_mail_later_and_later() {
    let mut server = Server::new();
    let url = format!("smtp://localhost:{}", server.port);
    let house = server.house(&url, false);
    house.invites("jo@example.org").await;
    house.tries(1).await;
    let replies = [
        "451 not now",
        "554 never",
        "rcpt 450 busy",
        "rcpt 550 unknown",
    ];
    server.start("none", None, &replies).await;
    for (tries, reply) in (1..).zip(replies) {
        let wait = 5 * SECOND * (1 << tries);
        house.clock.advance(wait);
        let refused = server.next().await;
        let reply = reply.trim_start_matches("rcpt ");
        assert_eq!(refused, json!({"refused": reply}), "after {wait:?}");
        house.tries(tries + 1).await;
    }
    house.clock.advance(3600 * SECOND);
    let mail = server.taken(&house).await;
    assert_eq!(mail["subject"], "You are invited");
}

#[tokio::test]
async fn a_mail_is_plain_text_and_html_and_nobodys_name_becomes_a_header_or_markup() {
    let mut server = Server::new();
    let url = format!("smtp://localhost:{}", server.port);
    server.start("none", None, &[]).await;
    let house = server.house(&url, false);
    house.account("jo@example.org").await;
    let client = house
        .client("Ünï <b>\r\nBcc: all@example.org\r\n\r\n.\r\nMAIL FROM:<x>")
        .await;
    let mut login = login("jo@example.org", PASSWORD);
    login.client = Some(client);
    house.auth.issuer.login(login, house.now()).await.unwrap();
    let mail = server.taken(&house).await;
    assert_eq!(mail["to"], json!(["jo@example.org"]));
    assert_eq!(mail["header_to"], "jo@example.org");
    assert_eq!(
        mail["headers"],
        json!([
            "content-type",
            "date",
            "from",
            "message-id",
            "mime-version",
            "subject",
            "to"
        ])
    );
    assert_eq!(
        (&mail["type"], &mail["defects"]),
        (&json!("multipart/alternative"), &json!([]))
    );
    let [plain, html] = mail["parts"].as_array().unwrap().as_slice() else {
        panic!("two parts: {mail}")
    };
    assert_eq!(
        (&plain[0], &html[0]),
        (&json!("text/plain"), &json!("text/html"))
    );
    let (plain, html) = (plain[1].as_str().unwrap(), html[1].as_str().unwrap());
    let name = "Ünï <b>  Bcc: all@example.org    .  MAIL FROM:<x>";
    assert!(plain.contains(name), "{plain}");
    assert!(
        html.contains("Ünï &lt;b&gt;") && !html.contains("<b>"),
        "{html}"
    );
}

#[tokio::test]
async fn who_asks_for_a_mail_does_not_wait_for_the_server() {
    let [nobody] = free_ports();
    let config =
        format!("[dialect.id_api]\n[mail]\ntransport = \"smtp\"\nurl = \"smtp://{nobody}\"\n");
    let gateway = Gateway::start(&config).await;
    let jo = gateway.account("jo").await;
    let (_, token) = gateway.token(&jo).await;
    let asked = format!(
        "POST /api/eat/request-verification HTTP/1.1\r\nHost: app.example\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: 0\r\n\r\n"
    );
    assert_eq!(gateway.ask(asked).await.status(), 202);
    let end = Timestamp::from_seconds(i64::from(u32::MAX));
    let waiting = gateway.store.claim_mails(end, end, 10).await.unwrap();
    let [waiting] = waiting.as_slice() else {
        panic!("one mail: {waiting:?}")
    };
    assert_eq!(waiting.mail.to.as_str(), "jo@example.org");
}

/// A mail server, and where it will be.
struct Server {
    port: u16,
    directory: TempDir,
    program: Option<Program>,
}

/// A node that sends what it has to.
struct Sending {
    house: Arc<House>,
    _stop: watch::Sender<bool>,
}

impl Server {
    fn new() -> Self {
        let [free] = free_ports();
        Self {
            port: free.port(),
            directory: tempfile::tempdir().unwrap(),
            program: None,
        }
    }

    async fn start(&mut self, tls: &str, password: Option<&str>, replies: &[&str]) {
        certificates(self.directory.path());
        let wanted = json!({
            "port": self.port,
            "tls": tls,
            "certificate": self.directory.path().join("server.pem"),
            "key": self.directory.path().join("server.key"),
            "user": password.map(|_| "door"),
            "password": password,
            "replies": replies,
        });
        let mut command = Command::new(python());
        command
            .arg(script("smtp_server.py"))
            .arg(wanted.to_string());
        self.program = Some(Program::start(&mut command).await);
    }

    fn house(&self, url: &str, is_trusted: bool) -> Sending {
        let ca = self.directory.path().join("ca.pem");
        let ca = is_trusted.then(|| format!("ca_file = \"{}\"\n", ca.display()));
        let lines = format!(
            "[mail]\ntransport = \"smtp\"\nurl = \"{url}\"\nfrom = \"The door <door@id.example>\"\n{}",
            ca.unwrap_or_default()
        );
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_800_000_000)));
        let house = Arc::new(House::over(Arc::new(Gated::new()), clock, &lines));
        let (stop, shutdown) = watch::channel(false);
        let running = Arc::clone(&house);
        tokio::spawn(async move { running.auth.run(shutdown).await });
        Sending { house, _stop: stop }
    }

    /// What it says next.
    async fn next(&mut self) -> Value {
        let line = self.program.as_mut().unwrap().line().await;
        serde_json::from_str(&line).unwrap()
    }

    /// The one mail that it took, which has left the outbox then.
    async fn taken(&mut self, sending: &Sending) -> Value {
        let mail = self.next().await;
        assert!(mail["refused"].is_null(), "{mail}");
        let (delayed, _) = sending.store.mails();
        sending.comes_to((delayed, 1)).await;
        assert!(self.is_silent(), "it came twice");
        mail
    }

    fn is_silent(&self) -> bool {
        self.program.as_ref().unwrap().is_silent()
    }
}

impl Sending {
    async fn invites(&self, to: &str) {
        let (email, action) = (Email::parse(to).unwrap(), self.action());
        let invited = self.auth.accounts.invite(email, Role::member(), &action);
        assert!(invited.await.unwrap().is_mailed);
    }

    /// Waits until the one mail was put off so often, and has not left.
    async fn tries(&self, count: usize) {
        self.comes_to((count, 0)).await;
    }

    /// Waits until mails were put off and have left so often.
    async fn comes_to(&self, wanted: (usize, usize)) {
        for _ in 0..1000 {
            if self.store.mails() == wanted {
                return;
            }
            tokio::time::sleep(SECOND / 50).await;
        }
        panic!("never {wanted:?}: {:?}", self.store.mails());
    }
}

impl std::ops::Deref for Sending {
    type Target = House;

    fn deref(&self) -> &House {
        &self.house
    }
}
