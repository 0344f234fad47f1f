//! The real program before an app, on ports of the system's choice, and what is seen of it from outside: its memory and its
//! open connections. The benchmark of floods starts the same.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::routing::get;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::client::TlsStream;

use crate::support::client;
use crate::support::ports::free_ports;
use crate::support::tls::{Authority, Caller};

/// The program, what it protects, and what it needs.
pub(crate) struct World {
    pub(crate) places: Places,
    /// Of an account that may pass.
    pub(crate) token: String,
    admin: SocketAddr,
    authority: Authority,
    program: Child,
    app: Option<Runtime>,
    _directory: TempDir,
}

/// Where it listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    pub(crate) plain: SocketAddr,
    pub(crate) tls: SocketAddr,
    /// With the PROXY protocol.
    pub(crate) announced: SocketAddr,
}

/// What the certificate is for.
pub(crate) const HOST: &str = "a.example";

/// How large an answer is that fits what the system keeps for a connection, and one that does not.
const PAGE_BYTES: usize = 32 << 10;
const LARGE_BYTES: usize = 4 << 20;

const PATIENCE: Duration = Duration::from_mins(1);

impl World {
    /// Starts it with `[limits]` as they are, on one core of the machine if it is given one, and waits until it is ready.
    pub(crate) fn start(limits: &str, core: Option<usize>) -> Self {
        let [plain, tls, announced, admin] = free_ports();
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        authority.sign("a", &[HOST]);
        let (app, address) = serve_app();
        let config = CONFIG
            .replace("PLAIN", &plain.to_string())
            .replace("SECURE", &tls.to_string())
            .replace("ENTRY", &authority.entry("a", ""))
            .replace("ANNOUNCED", &announced.to_string())
            .replace("ADMIN", &admin.to_string())
            .replace("APP", &address.to_string())
            .replace("LIMITS", limits);
        fs::write(directory.path().join("countersign.toml"), config).unwrap();
        let password = directory.path().join("password");
        fs::write(&password, "correct horse\n").unwrap();
        let run = |arguments: &[&str]| {
            let output = binary(directory.path(), None)
                .args(arguments)
                .stdin(fs::File::open(&password).unwrap())
                .output()
                .unwrap();
            assert!(output.status.success(), "{arguments:?}: {output:?}");
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        let account = run(&["user", "add", "--username", "jo", "--password-stdin"]);
        let token = run(&["token", "issue", "--user", &account, "--label", "floods"]);
        let log = fs::File::create(directory.path().join("serve.out")).unwrap();
        let program = binary(directory.path(), core)
            .arg("serve")
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let world = Self {
            places: Places {
                plain,
                tls,
                announced,
            },
            token,
            admin,
            authority,
            program,
            app: Some(app),
            _directory: directory,
        };
        world.wait_until_ready();
        world
    }

    /// The authority that vouches for it.
    pub(crate) fn ca(&self) -> std::path::PathBuf {
        self.authority.path("ca.pem")
    }

    /// A connection that speaks HTTP/2.
    pub(crate) async fn secure(&self) -> TlsStream<TcpStream> {
        let caller = Caller {
            host: Some(HOST),
            alpn: &["h2"],
            ..Caller::default()
        };
        let connected = self.authority.connect(self.places.tls, caller).await;
        connected.unwrap()
    }

    /// How many connections it has open.
    pub(crate) async fn open(&self) -> usize {
        let metrics = client::ask(self.admin, client::get("/metrics", &[])).await;
        let metrics = metrics.text();
        let name = "countersign_connections{state=\"open\"} ";
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().parse().unwrap()
    }

    /// What it has of the machine's memory, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.memory("VmRSS")
    }

    /// The most it had since the last [`forget_peak`](Self::forget_peak), in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        self.memory("VmHWM")
    }

    /// Begins to look for the most memory again.
    pub(crate) fn forget_peak(&self) {
        // Source: proc(5), /proc/pid/clear_refs.
        fs::write(format!("/proc/{}/clear_refs", self.program.id()), "5").unwrap();
    }

    fn memory(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.program.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    fn wait_until_ready(&self) {
        let runtime = Runtime::new().unwrap();
        let began = Instant::now();
        runtime.block_on(async {
            while TcpStream::connect(self.places.announced).await.is_err()
                || client::ask(self.admin, client::get("/readyz", &[]))
                    .await
                    .status()
                    != 200
            {
                assert!(began.elapsed() < PATIENCE, "serve is not ready");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
        if let Some(app) = self.app.take() {
            app.shutdown_background();
        }
    }
}

fn binary(directory: &Path, core: Option<usize>) -> Command {
    let program = env!("CARGO_BIN_EXE_countersign");
    let mut command = match core {
        None => Command::new(program),
        Some(core) => {
            let mut command = Command::new("taskset");
            command.args(["-c", &core.to_string(), program]);
            command
        }
    };
    command
        .current_dir(directory)
        .args(["--config", "countersign.toml"])
        .stdin(Stdio::null());
    command
}

/// An app that takes what it gets and answers a word, a page, or much.
fn serve_app() -> (Runtime, SocketAddr) {
    static PAGE: LazyLock<Bytes> = LazyLock::new(|| vec![b'x'; PAGE_BYTES].into());
    static LARGE: LazyLock<Bytes> = LazyLock::new(|| vec![b'x'; LARGE_BYTES].into());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
    let listener = listener.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new()
        .route("/public/page", get(async || PAGE.clone()))
        .route("/public/large", get(async || LARGE.clone()))
        .fallback(async |_: Bytes| "ok");
    runtime.spawn(async move { axum::serve(listener, app).await });
    (runtime, address)
}

const CONFIG: &str = r#"
[server]
external_url = "http://127.0.0.1"
trusted_proxies = ["127.0.0.0/8"]

[[listen]]
address = "PLAIN"

[[listen]]
address = "SECURE"
tls = [ENTRY]
http2 = true

[[listen]]
address = "ANNOUNCED"
proxy_protocol = true

[limits]
LIMITS

[admin]
address = "ADMIN"

[store]
url = "sqlite:countersign.db"

[mail]
transport = "none"

[upstream.app]
servers = ["http://APP"]

[[route]]
name = "public"
path = "/public/"
upstream = "app"
access = "none"

[[route]]
name = "app"
path = "/"
upstream = "app"
access = "required"
accept = ["bearer"]
"#;
