//! A whole gateway in this process, on ports of the system's choice, with everything behind it real.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use countersign::auth::Auth;
use countersign::auth::accounts::Draft;
use countersign::auth::issuer::ApiToken;
use countersign::config::Config;
use countersign::config::environment::Environment;
use countersign::model::account::{Account, Email, Group, Role, Username};
use countersign::model::audit::{Actor, AuditRecord};
use countersign::model::client::{Client as ClientApplication, Handoff};
use countersign::model::id::{ClientId, SessionId};
use countersign::model::time::Timestamp;
use countersign::proxy::journal::{Journal, JournalGuard};
use countersign::server::Server;
use countersign::store::{Action, SharedStore};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::client;
use super::message::Message;

/// A running gateway. It stops, and its directory goes, when it is dropped.
pub(crate) struct Gateway {
    /// Its first listener.
    pub(crate) address: SocketAddr,
    /// Its admin listener.
    pub(crate) admin: SocketAddr,
    pub(crate) auth: Arc<Auth>,
    pub(crate) store: SharedStore,
    directory: TempDir,
    log: Log,
    _written: JournalGuard,
    stop: Option<oneshot::Sender<()>>,
    running: Option<tokio::task::JoinHandle<()>>,
}

/// What stands in every configuration here, unless it has the section itself.
const SECTIONS: [(&str, &str); 6] = [
    ("[server]", "drain = \"5s\""),
    ("[[listen]]", "address = \"127.0.0.1:0\""),
    ("[admin]", "address = \"127.0.0.1:0\""),
    ("[store]", "url = \"sqlite:countersign.db\""),
    ("[mail]", "transport = \"none\""),
    ("[password]", "memory = \"1MiB\"\niterations = 1"),
];

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Gateway {
    /// Starts with a configuration; sections that it leaves out are those of [`SECTIONS`].
    pub(crate) async fn start(config: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("countersign.toml");
        write_config(&file, config);
        let load = {
            let file = file.clone();
            move || Config::load(&file, &Environment::empty())
        };
        let config = load().unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let log = Log::default();
        let (journal, written) = Journal::open(log.clone()).unwrap();
        let server = Server::open(config, Arc::new(load), Some(journal)).await;
        let server = server.unwrap();
        let (listeners, admin) = server.addresses();
        let (stop, stopped) = oneshot::channel::<()>();
        let (auth, store) = (Arc::clone(&server.auth), Arc::clone(&server.store));
        let running = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self {
            address: listeners[0],
            admin: admin.unwrap(),
            auth,
            store,
            directory,
            log,
            _written: written,
            stop: Some(stop),
            running: Some(running),
        }
    }

    /// One route for everything to one upstream, with these lines in it.
    pub(crate) async fn with_route(upstream: &str, lines: &str) -> Self {
        Self::start(&one_route(upstream, lines)).await
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn ask(&self, request: impl AsRef<[u8]>) -> Message {
        client::ask(self.address, request).await
    }

    /// Asks again and again until the answer has that status; panics if it does not within ten seconds.
    pub(crate) async fn becomes(&self, request: &str, status: u16) -> Message {
        for _ in 0..200 {
            let answer = self.ask(request).await;
            if answer.status() == status {
                return answer;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("it never becomes {status}");
    }

    /// An account of that name, with `NAME@example.org`, role `member` and no password.
    pub(crate) async fn account(&self, name: &str) -> Account {
        self.account_with(name, "member", &[]).await
    }

    pub(crate) async fn account_with(&self, name: &str, role: &str, groups: &[&str]) -> Account {
        let draft = Draft {
            id: None,
            email: Some(Email::parse(&format!("{name}@example.org")).unwrap()),
            username: Some(Username::parse(name).unwrap()),
            name: None,
            role: Role::parse(role).unwrap(),
            groups: groups.iter().map(|it| Group::parse(it).unwrap()).collect(),
            password: None,
        };
        self.auth.accounts.add(draft, &action()).await.unwrap()
    }

    /// A named API token of an account: its session and its text.
    pub(crate) async fn token(&self, account: &Account) -> (SessionId, String) {
        let token = ApiToken {
            account: account.id.clone(),
            label: "test".into(),
            scopes: Vec::new(),
            expires_at: None,
        };
        let issued = self.auth.issuer.issue_api_token(token, &action()).await;
        let (session, token) = issued.unwrap();
        (session, token.expose().to_string())
    }

    /// A client application of that id.
    pub(crate) async fn client(&self, id: &str) {
        let client = ClientApplication {
            id: ClientId::parse(id).unwrap(),
            name: id.into(),
            redirect_urls: Vec::new(),
            handoff: Handoff::Token,
            created_at: action().at,
        };
        self.auth.clients.add(&client, &action()).await.unwrap();
    }

    /// Ends a session as its operator would, in this process.
    pub(crate) async fn revoke(&self, session: SessionId) {
        assert!(self.auth.sessions.revoke(session, &action()).await.unwrap());
    }

    /// Replaces the configuration file and asks for a reload.
    pub(crate) async fn reload(&self, config: &str) -> Message {
        write_config(&self.path("countersign.toml"), config);
        let request = "POST /reload HTTP/1.1\r\nHost: admin\r\nContent-Length: 0\r\n\r\n";
        client::ask(self.admin, request).await
    }

    /// `GET path` at the admin listener.
    pub(crate) async fn admin(&self, path: &str) -> Message {
        client::ask(self.admin, client::get(path, &[])).await
    }

    /// Every audit record so far.
    pub(crate) async fn audit(&self) -> Vec<AuditRecord> {
        self.store.audit(None).await.unwrap()
    }

    /// The mails in `mail/`, oldest first, once there are so many; panics if there never are, or if there are more.
    pub(crate) async fn mails(&self, count: usize) -> Vec<String> {
        for _ in 0..200 {
            let mut files: Vec<_> = std::fs::read_dir(self.path("mail"))
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().path())
                .filter(|file| file.extension().is_some_and(|end| end == "eml"))
                .collect();
            if files.len() >= count {
                // Their names are a time and a place in the queue.
                let place = |file: &PathBuf| {
                    let name = file.file_stem().unwrap().to_str().unwrap();
                    name.rsplit('-').next().unwrap().parse::<u64>().unwrap()
                };
                files.sort_by_key(place);
                assert_eq!(files.len(), count, "{files:?}");
                let read = |file| std::fs::read_to_string(file).unwrap();
                return files.iter().map(read).collect();
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("there are never {count} mails");
    }

    /// A path in its directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Asks it to stop, as SIGTERM would.
    pub(crate) fn begin_stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until it has stopped.
    pub(crate) async fn stopped(&mut self) {
        if let Some(running) = self.running.take() {
            running.await.unwrap();
        }
    }

    /// The request log's line for a path, once it is there.
    pub(crate) async fn line(&self, path: &str) -> serde_json::Value {
        for _ in 0..200 {
            let found = self.lines().into_iter().find(|line| line["path"] == path);
            if let Some(line) = found {
                return line;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("no line for {path}: {:?}", self.lines());
    }

    /// The request log, once it has so many lines; panics if it does not get them, or has more.
    pub(crate) async fn lines_of(&self, count: usize) -> Vec<serde_json::Value> {
        self.have_lines(count).await;
        let lines = self.lines();
        assert_eq!(lines.len(), count, "{lines:?}");
        lines
    }

    /// Waits until the request log has so many lines, two seconds at most.
    pub(crate) async fn have_lines(&self, count: usize) {
        for _ in 0..200 {
            if self
                .log
                .0
                .lock()
                .unwrap()
                .split(|byte| *byte == b'\n')
                .count()
                > count
            {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// Every line of the request log so far.
    pub(crate) fn lines(&self) -> Vec<serde_json::Value> {
        let bytes = self.log.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
            .collect()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
        }
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A configuration with one route for everything to one upstream.
pub(crate) fn one_route(upstream: &str, lines: &str) -> String {
    format!(
        "[upstream.app]\nservers = [\"{upstream}\"]\nconnect_timeout = \"5s\"\nread_timeout = \"3s\"\n\
         [[route]]\nname = \"app\"\npath = \"/\"\nupstream = \"app\"\n{lines}\n"
    )
}

/// What an operator does, now.
pub(crate) fn action() -> Action {
    use countersign::clock::{Clock, SystemClock};
    let now: Timestamp = SystemClock::new().now().wall;
    Action::new(now, Actor::Operator, None)
}

fn write_config(file: &Path, config: &str) {
    let mut text = String::new();
    for (header, lines) in SECTIONS {
        if !config.contains(header) {
            text.extend([header, "\n", lines, "\n"]);
        }
    }
    std::fs::write(file, text + config).unwrap();
}
