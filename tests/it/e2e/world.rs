//! One test's gateway: a directory with its configuration and store, free ports, an account or two, and everything that
//! it wrote.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::ports::free_ports;

use super::http::{Answer, ask};
use super::program::wait_until;
use super::secrets::Needles;

/// The world of one test.
#[derive(Debug)]
pub(super) struct World {
    pub(super) gateway: SocketAddr,
    pub(super) admin: SocketAddr,
    dir: TempDir,
    secrets: Mutex<Vec<String>>,
    outputs: AtomicUsize,
}

impl World {
    /// Writes a configuration with `[upstream.app]` at `upstream` and `routes` as they are.
    pub(super) fn new(upstream: SocketAddr, routes: &str) -> Self {
        Self::called("127.0.0.1", upstream, routes)
    }

    /// The same, where people reach the gateway by that host name.
    pub(super) fn called(host: &str, upstream: SocketAddr, routes: &str) -> Self {
        Self::listening(&format!("http://{host}"), "", upstream, routes)
    }

    /// The same, where they reach it by that scheme and host; `listen` are more lines of its listener.
    pub(super) fn listening(
        origin: &str,
        listen: &str,
        upstream: SocketAddr,
        routes: &str,
    ) -> Self {
        let [gateway, admin] = free_ports();
        let dir = tempfile::Builder::new()
            .prefix("countersign-")
            .tempdir()
            .unwrap();
        fs::create_dir(dir.path().join("data")).unwrap();
        let url = format!("{origin}:{}", gateway.port());
        let config = CONFIG
            .replace("EXTERNAL_URL", &url)
            .replace("GATEWAY\"", &format!("{gateway}\"\n{listen}"))
            .replace("ADMIN", &admin.to_string())
            .replace("UPSTREAM", &upstream.to_string());
        fs::write(dir.path().join(CONFIG_FILE), config + routes).unwrap();
        Self {
            gateway,
            admin,
            dir,
            secrets: Mutex::default(),
            outputs: AtomicUsize::new(0),
        }
    }

    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// Remembers a string that must never be seen in any output.
    pub(super) fn secret(&self, secret: &str) {
        assert!(secret.len() >= 8, "too short to search for");
        self.secrets.lock().unwrap().push(secret.to_owned());
    }

    /// Runs a command that must succeed, and returns its standard output without the last line break.
    pub(super) fn run(&self, arguments: &[&str]) -> String {
        self.run_with_input(arguments, "")
    }

    pub(super) fn run_with_input(&self, arguments: &[&str], input: &str) -> String {
        let errors = self.output("cli.err");
        let mut child = self
            .binary(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&errors).unwrap())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let errors = fs::read_to_string(errors).unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}\n{text}\n{errors}",
            output.status
        );
        text.trim_end_matches('\n').to_owned()
    }

    pub(super) fn run_json(&self, arguments: &[&str]) -> Value {
        let text = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    }

    /// Makes an account `NAME`, `NAME@example.org`, and returns its password.
    pub(super) fn user(&self, name: &str) -> User {
        let password = format!("correct horse of {name}");
        self.secret(&password);
        let email = format!("{name}@example.org");
        let arguments = [
            "user",
            "add",
            "--email",
            &email,
            "--username",
            name,
            "--password-stdin",
        ];
        let id = self.run_with_input(&arguments, &format!("{password}\n"));
        User {
            id,
            email,
            password,
        }
    }

    /// Makes a client application and returns its id.
    pub(super) fn client(&self, name: &str) -> String {
        self.run(&["client", "add", "--name", name])
    }

    /// Starts the gateway and waits until it is ready.
    pub(super) fn serve(&self) -> Serving {
        self.serve_with(CONFIG_FILE, self.admin)
    }

    /// Starts another gateway on the same store, which people reach by that scheme and host, and says where.
    pub(super) fn serve_beside(&self, origin: &str) -> (Serving, SocketAddr) {
        let [gateway, admin] = free_ports();
        let config = fs::read_to_string(self.path(CONFIG_FILE)).unwrap();
        let (_, url) = config.split_once("external_url = \"").unwrap();
        let url = url.split('"').next().unwrap();
        let config = config
            .replacen(url, &format!("{origin}:{}", gateway.port()), 1)
            .replacen(&self.gateway.to_string(), &gateway.to_string(), 1)
            .replacen(&self.admin.to_string(), &admin.to_string(), 1);
        fs::write(self.path("beside.toml"), config).unwrap();
        (self.serve_with("beside.toml", admin), gateway)
    }

    fn serve_with(&self, config: &str, admin: SocketAddr) -> Serving {
        let log = self.output("serve.out");
        let out = fs::File::create(&log).unwrap();
        let child = self
            .binary_with(config, &["serve"])
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .unwrap();
        let mut serving = Serving { child };
        let ready = wait_until(Duration::from_secs(20), || {
            let ended = serving.child.try_wait().unwrap();
            assert!(ended.is_none(), "serve ended, {ended:?}:\n{}", tail(&log));
            ask(admin, "GET", "/readyz", &[], b"").is_ok_and(|answer| answer.status == 200)
        });
        assert!(ready, "serve is not ready:\n{}", tail(&log));
        serving
    }

    /// Asks the gateway; the connection must not fail.
    pub(super) fn get(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        ask(self.gateway, "GET", target, headers, b"").unwrap()
    }

    /// Logs in as seed 001 does; the connection and the login must succeed.
    pub(super) fn key_login(&self, user: &User, client: &str) -> Pair {
        let body = json!({ "client": client, "email": user.email, "password": user.password });
        let answer = self.post("/users/token", &body).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        self.pair(&answer.json())
    }

    /// Logs in as seed 003 does and returns the access token.
    pub(super) fn x_auth_login(&self, user: &User, client: &str) -> String {
        let body =
            json!({ "client_guid": client, "acctname": user.email, "acctpass": user.password });
        let answer = self.post("/auth/login", &body).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        let token = text(&answer.json()["data"], "token");
        self.secret(&token);
        token
    }

    /// Issues a named API token and returns it.
    pub(super) fn api_token(&self, user: &User, label: &str) -> String {
        let token = self.run(&["token", "issue", "--user", &user.id, "--label", label]);
        self.secret(&token);
        token
    }

    pub(super) fn post(&self, target: &str, body: &Value) -> std::io::Result<Answer> {
        let json = [("Content-Type", "application/json")];
        ask(
            self.gateway,
            "POST",
            target,
            &json,
            body.to_string().as_bytes(),
        )
    }

    /// Reads the tokens of a seed 001 answer and remembers them as secrets.
    pub(super) fn pair(&self, answer: &Value) -> Pair {
        let pair = Pair {
            key: text(answer, "key"),
            token: text(answer, "token"),
            refresh: text(answer, "refresh"),
        };
        for secret in [&pair.key, &pair.token, &pair.refresh, &pair.basic_value()] {
            self.secret(secret);
        }
        pair
    }

    /// What a command showed has no secret in it.
    pub(super) fn shows_no_secret(&self, shown: &[String]) {
        let secrets = self.secrets.lock().unwrap();
        let secrets = Needles::new(&secrets);
        for text in shown {
            assert_eq!(secrets.first_in(text.as_bytes()), None, "{text}");
        }
    }

    /// What every `serve` of this world wrote.
    pub(super) fn log(&self) -> String {
        let outputs = fs::read_dir(self.path("outputs"))
            .unwrap()
            .map(|entry| entry.unwrap().path());
        outputs
            .filter(|path| path.to_string_lossy().ends_with("-serve.out"))
            .map(|path| fs::read_to_string(path).unwrap())
            .collect()
    }

    fn binary(&self, arguments: &[&str]) -> Command {
        self.binary_with(CONFIG_FILE, arguments)
    }

    fn binary_with(&self, config: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command
            .current_dir(self.dir.path())
            .arg("--config")
            .arg(self.path(config))
            .args(arguments);
        command
    }

    fn output(&self, name: &str) -> PathBuf {
        let number = self.outputs.fetch_add(1, Ordering::Relaxed);
        fs::create_dir_all(self.path("outputs")).unwrap();
        self.path(&format!("outputs/{number}-{name}"))
    }
}

/// Everything that was written is searched for everything that was secret; the store too, which keeps digests only.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let secrets = self.secrets.lock().unwrap();
        let secrets = Needles::new(&secrets);
        for place in ["outputs", "data"] {
            for entry in fs::read_dir(self.path(place)).into_iter().flatten() {
                let file = entry.unwrap().path();
                let bytes = fs::read(&file).unwrap();
                if let Some(at) = secrets.first_in(&bytes) {
                    panic!("a secret is in {}: {}", file.display(), around(&bytes, at));
                }
            }
        }
    }
}

/// An account that can log in.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) password: String,
}

/// What seed 001's login gives.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) key: String,
    pub(super) token: String,
    pub(super) refresh: String,
}

impl Pair {
    pub(super) fn basic(&self) -> String {
        format!("Basic {}", self.basic_value())
    }

    fn basic_value(&self) -> String {
        STANDARD.encode(format!("{}:{}", self.key, self.token))
    }
}

/// A gateway that runs until it is killed or this value is dropped.
#[derive(Debug)]
pub(super) struct Serving {
    child: Child,
}

impl Serving {
    /// `kill -9`.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn text(object: &Value, key: &str) -> String {
    object[key]
        .as_str()
        .unwrap_or_else(|| panic!("no {key} in {object}"))
        .to_owned()
}

fn tail(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.get(text.len().saturating_sub(3000)..)
        .unwrap_or(&text)
        .to_owned()
}

fn around(bytes: &[u8], at: usize) -> String {
    let end = bytes.len().min(at + 60);
    String::from_utf8_lossy(&bytes[at.saturating_sub(200)..end]).into_owned()
}

const CONFIG_FILE: &str = "countersign.toml";
const CONFIG: &str = r#"
[server]
external_url = "EXTERNAL_URL"
workers = 1

[[listen]]
address = "GATEWAY"

[admin]
address = "ADMIN"

[store]
url = "sqlite:data/countersign.db"

[log]
level = "trace"

[dialect.key_token]
[dialect.x_auth]

[upstream.app]
servers = ["http://UPSTREAM"]
"#;
