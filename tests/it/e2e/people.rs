//! What people with a browser meet: a gateway with an app behind it, a mail server and an OpenID provider that nobody here
//! wrote, accounts, and an application that sends people to us.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use countersign::auth::Auth;
use countersign::clock::SystemClock;
use countersign::config::{Config, Environment};
use countersign::dialect;
use countersign::metrics::Metrics;
use countersign::store::memory::MemoryStore;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::ports::free_ports;

use super::super::support::real::certificates;
use super::program::{program, python, script, wait_until};
use super::upstream::Upstream;
use super::world::{Serving, User, World};

/// A gateway that people can be sent to.
pub(super) struct People {
    world: World,
    facts: Value,
    _certificates: TempDir,
    _app: Upstream,
    _beside: Vec<Beside>,
    _serving: [Serving; 2],
}

/// What people want of it.
#[derive(Clone, Copy, Default)]
pub(super) struct Wanted {
    /// More lines of its configuration.
    pub(super) lines: &'static str,
    /// Whether it is reached over TLS.
    pub(super) is_tls: bool,
}

impl People {
    pub(super) fn new(wanted: Wanted) -> Self {
        let directory = tempfile::tempdir().unwrap();
        certificates(directory.path());
        let app = Upstream::app();
        let [mail, provider] = free_ports().map(|free| free.port());
        let issuer = format!("http://127.0.0.1:{provider}");
        let lines = ROUTES
            .replace("MAIL", &format!("smtp://localhost:{mail}"))
            .replace("ISSUER", &issuer)
            .replace("SLOW", &app.address.to_string());
        let (origin, listen) = if wanted.is_tls {
            ("https://localhost", tls(directory.path()))
        } else {
            ("http://localhost", String::new())
        };
        let lines = lines + wanted.lines;
        let world = World::listening(origin, &listen, app.address, &lines);
        std::fs::write(world.path("logo.svg"), LOGO).unwrap();
        let url = format!("{origin}:{}", world.gateway.port());
        let beside = vec![
            mail_server(&world, mail),
            openid_provider(&world, &issuer, &url),
        ];
        let users = users(&world);
        let callback = format!("http://{}/callback", app.address);
        let arguments = ["client", "add", "--name", "Notebook", "--redirect-url"];
        let client = world.run(&[&arguments[..], &[&callback]].concat());
        let invitation = world.run(&["user", "invite", "--email", "invited@example.org"]);
        let serving = world.serve();
        // Security keys know no host that is a number.
        let (other, by_number) = world.serve_beside(&origin.replace("localhost", "127.0.0.1"));
        for program in &beside {
            program.is_ready();
        }
        let facts = json!({
            "chromium": chromium(),
            "gateway": url,
            "elsewhere": format!("http://{}", world.gateway),
            "byNumber": format!("http://{by_number}"),
            "app": format!("http://{}", app.address),
            "provider": issuer,
            "callback": callback,
            "client": client,
            "user": users["jo"],
            "users": users,
            "invitation": invitation,
            "mails": world.path(MAILS),
            "store": world.path("data"),
            "routes": routes(&world),
        });
        Self {
            world,
            facts,
            _certificates: directory,
            _app: app,
            _beside: beside,
            _serving: [serving, other],
        }
    }

    /// Runs a script, which must end well.
    pub(super) fn go_through(&self, script: &str, arguments: &[&str]) {
        let mut node = program("node", &self.world.path("."));
        for name in ["BROWSER_SCREENSHOTS", "BROWSER_REDIRECT_PAYLOADS"] {
            if let Some(value) = std::env::var_os(name) {
                node.env(name, value);
            }
        }
        let output = node
            .env("NODE_PATH", modules())
            .arg(scripts().join(script))
            .arg(self.facts.to_string())
            .args(arguments)
            .output()
            .expect("node is there: tests/run installs it");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script} {arguments:?}:\n{said}");
    }
}

/// A program beside the gateway that goes on until this is dropped.
struct Beside {
    process: Child,
    output: PathBuf,
}

impl Beside {
    /// What it writes comes into that file.
    fn start(command: &mut Command, output: PathBuf) -> Self {
        let command = command.stdin(Stdio::null()).stderr(Stdio::null());
        let process = command.stdout(File::create(&output).unwrap()).spawn();
        Self {
            process: process.unwrap(),
            output,
        }
    }

    fn is_ready(&self) {
        let says_so = || {
            let said = std::fs::read_to_string(&self.output).unwrap();
            said.lines().any(|line| line == "ready")
        };
        assert!(wait_until(PATIENCE, says_so), "{}", self.output.display());
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn mail_server(world: &World, port: u16) -> Beside {
    let wanted = json!({
        "port": port, "tls": "none", "certificate": null, "key": null, "user": null, "password": null, "replies": [],
    });
    let mut command = program(python(), &world.path("."));
    command
        .arg(script("smtp_server.py"))
        .arg(wanted.to_string());
    Beside::start(&mut command, world.path(MAILS))
}

fn openid_provider(world: &World, issuer: &str, gateway: &str) -> Beside {
    let wanted = json!({
        "modules": Path::new(env!("CARGO_TARGET_TMPDIR")).join("openid/node_modules"),
        "issuer": issuer,
        "client": {
            "client_id": "us",
            "client_secret": "a secret",
            "redirect_uris": [format!("{gateway}/_countersign/connected/there")],
            "id_token_signed_response_alg": "ES256",
            "token_endpoint_auth_method": "client_secret_basic",
        },
        "tls": null,
    });
    let mut command = program("node", &world.path("."));
    command
        .arg(script("openid/provider.mjs"))
        .arg(wanted.to_string());
    Beside::start(&mut command, world.path("provider.out"))
}

/// Jo and others, so that each can be left as they are; one has a name and an address of the longer kind, one has no address at all.
fn users(world: &World) -> Value {
    let mut users: serde_json::Map<String, Value> = NAMES
        .map(|name| (name.to_owned(), facts(&world.user(name))))
        .into_iter()
        .collect();
    for (name, arguments) in [("long", LONG), ("nameless", &["--username", "nameless"])] {
        let password = format!("correct horse of {name}");
        let arguments = [&["user", "add", "--password-stdin"], arguments].concat();
        let id = world.run_with_input(&arguments, &format!("{password}\n"));
        let email = arguments.last().unwrap();
        users.insert(
            name.to_owned(),
            json!({ "id": id, "email": email, "password": password }),
        );
    }
    Value::Object(users)
}

fn facts(user: &User) -> Value {
    json!({ "id": user.id, "email": user.email, "password": user.password })
}

/// Every request that a page of ours answers, or a form on one leads to: the router's own list.
fn routes(world: &World) -> Vec<[String; 2]> {
    let file = world.path("countersign.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = FOR_PROGRAMS.iter().fold(text, |text, section| {
        assert!(text.contains(section));
        text.replace(section, "")
    });
    let empty = Environment::empty();
    let config = Config::from_text(&text, "test", &world.path("."), &empty).unwrap();
    let (store, clock) = (Arc::new(MemoryStore::new()), Arc::new(SystemClock::new()));
    let auth = Arc::new(Auth::new(&config, store, clock, Arc::new(Metrics::new())));
    let endpoints = dialect::mount(&config, &auth).endpoints;
    let pages = endpoints.iter().filter(|it| &*it.path != "/me/{token}");
    pages
        .map(|it| [it.method.to_string(), it.path.to_string()])
        .collect()
}

fn tls(directory: &Path) -> String {
    let [certificate, key] = ["server.pem", "server.key"].map(|file| directory.join(file));
    let (certificate, key) = (certificate.display(), key.display());
    format!("tls = [{{ certificate = \"{certificate}\", key = \"{key}\" }}]\nhttp2 = true\n")
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/browser")
}

/// Where playwright-core and axe-core are; installed if they are not yet.
fn modules() -> String {
    let output = Command::new(scripts().join("setup"))
        .arg(env!("CARGO_TARGET_TMPDIR"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "tests/real/browser/setup failed");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn chromium() -> &'static str {
    let places = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];
    let found = places.into_iter().find(|place| Path::new(place).exists());
    found.expect("Chromium is there: tests/run installs it")
}

/// A program that is started for the first time reads its files from a disk that may be busy with a build's.
const PATIENCE: Duration = Duration::from_secs(100);
/// A line of JSON for each mail that arrived.
const MAILS: &str = "mails.jsonl";
const NAMES: [&str; 12] = [
    "jo", "mo", "vi", "xi", "al", "bo", "cy", "di", "ed", "fi", "gu", "hu",
];
const LONG: &[&str] = &[
    "--name",
    "Maximiliane Freifrau von Hohenzollern-Sigmaringen-Donaudampfschifffahrt",
    "--email",
    "maximiliane.freifrau.von.hohenzollern-sigmaringen@verwaltungsgemeinschaft.beispielkommune.example",
];
const LOGO: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><circle cx="20" cy="20" r="18" fill="#7a1f5c"/><path d="M12 28V14l8 8 8-8v14" fill="none" stroke="#fff" stroke-width="4"/></svg>"##;
/// Dialects that show nobody a page.
const FOR_PROGRAMS: [&str; 3] = [
    "[dialect.key_token]",
    "[dialect.x_auth]",
    "[dialect.id_api]",
];

const ROUTES: &str = r#"
[dialect.namespace]
[dialect.id_api]

[mail]
transport = "smtp"
url = "MAIL"

[password]
memory = "64KiB"
iterations = 1

[limits]
body_bytes = "64KiB"

[connection.there]
label = "Over there"
issuer = "ISSUER"
client_id = "us"
client_secret = "a secret"

[connection.gone]
label = "Gone"
issuer = "http://127.0.0.1:1"
client_id = "us"
client_secret = "a secret"

[upstream.gone]
servers = ["http://127.0.0.1:1"]

[upstream.slow]
servers = ["http://SLOW"]
read_timeout = "300ms"

[[route]]
name = "app"
path = "/app/"
upstream = "app"
access = "required"
accept = ["bearer", "cookie"]

[[route]]
name = "shared"
path = "/shared/"
upstream = "app"
access = "required"
accept = ["bearer"]

[[route]]
name = "staff"
path = "/staff/"
upstream = "app"
access = "required"
accept = ["cookie"]
roles = ["staff"]

[[route]]
name = "careful"
path = "/careful/"
upstream = "app"
access = "required"
accept = ["cookie"]
elevated = "10m"

[[route]]
name = "read"
path = "/read/"
upstream = "app"
access = "none"
methods = ["GET"]

[[route]]
name = "gone"
path = "/gone/"
upstream = "gone"
access = "none"

[[route]]
name = "slow"
path = "/slow/"
upstream = "slow"
access = "none"
"#;
