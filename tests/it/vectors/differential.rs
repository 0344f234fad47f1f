//! The table before and behind servers that nobody here wrote: what they make of a request is what we made of it. Each app
//! writes down every request that it sees, as its server reads it; it may see none that was not answered with its answer,
//! and nobody's identity but of those whose credential the client sent.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::read_all;
use super::stage::Stage;
use super::table::Vector;
use super::wire::Wire;
use crate::e2e::program::{program, python, script, wait_until};
use crate::support::ports::free_ports;

/// A server, until this is dropped.
struct Server {
    address: SocketAddr,
    directory: TempDir,
    child: Child,
}

/// People whose identity an app may see, if one of their credentials was sent.
const PEOPLE: [&str; 3] = ["jo", "al", "ad"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_us_nginx_sees_what_we_saw() {
    app_sees_what_we_saw(|at, home| {
        let config = filled("nginx-app.conf", at, at, home);
        let mut command = program("nginx", home);
        command.arg("-c").arg(config);
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_us_node_sees_what_we_saw() {
    app_sees_what_we_saw(|at, home| {
        let mut command = program("node", home);
        command.arg(script("servers/app.js")).arg(at.to_string());
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_us_gunicorn_sees_what_we_saw() {
    let python = python();
    app_sees_what_we_saw(|at, home| {
        let mut command = program(&python, home);
        command.args(["-m", "gunicorn", "--bind", &at.to_string(), "--chdir"]);
        command
            .arg(script("servers"))
            .args(["--keep-alive", "5", "app:app"]);
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_us_waitress_sees_what_we_saw() {
    let python = python();
    app_sees_what_we_saw(|at, home| {
        let mut command = program(&python, home);
        command.arg(script("servers/app.py")).arg(at.to_string());
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_us_php_sees_what_we_saw() {
    app_sees_what_we_saw(|at, home| {
        let mut command = program("php", home);
        command
            .args(["-S", &at.to_string()])
            .arg(script("servers/app.php"));
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_us_apache_sees_what_we_saw() {
    app_sees_what_we_saw(|at, home| apache("apache-app.conf", at, at, home)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_us_tomcat_sees_what_we_saw() {
    app_sees_what_we_saw(tomcat).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_apache_nobody_is_taken_for_another() {
    behind(|at, gateway, home| apache("apache-front.conf", at, gateway, home)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_nginx_nobody_is_taken_for_another() {
    behind(|at, gateway, home| {
        let config = filled("nginx-front.conf", at, gateway, home);
        let mut command = program("nginx", home);
        command.arg("-c").arg(config);
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_haproxy_nobody_is_taken_for_another() {
    behind(|at, gateway, home| {
        let config = filled("haproxy-front.cfg", at, gateway, home);
        let mut command = program("haproxy", home);
        command.arg("-db").arg("-f").arg(config);
        command
    })
    .await;
}

/// Sends the table through a gateway to that server.
async fn app_sees_what_we_saw(command: impl FnOnce(SocketAddr, &Path) -> Command) {
    let server = Server::start(command);
    server.warm_up();
    let stage = Stage::before(Some(&format!("http://{}", server.address)), "[]").await;
    let mut faults = Vec::new();
    let vectors = read_all(|name| !SLOW_OR_ODD.contains(&name));
    let mut seen = server.seen(1).len();
    let mut reached = 0;
    for vector in vectors.iter().filter(|it| is_worth_it(it)) {
        let mut wire = Wire::connect(&stage).await;
        let carried = answers(&mut wire, vector, &stage).await;
        let all = server.seen(seen + carried);
        let fresh = &all[seen..];
        seen = all.len();
        reached += carried;
        if fresh.len() != carried {
            faults.push(fault(
                vector,
                &format!("{} requests for {carried} answers: {fresh:?}", fresh.len()),
            ));
        }
        faults.extend(fresh.iter().filter_map(|line| misled(&stage, vector, line)));
    }
    assert!(reached > 300, "only {reached} requests reached the app");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Sends the table through that server to a gateway.
async fn behind(command: impl FnOnce(SocketAddr, SocketAddr, &Path) -> Command) {
    let stage = Stage::open("[]").await;
    let front = Server::start(|at, home| command(at, stage.gateway.address, home));
    let mut faults = Vec::new();
    // What a client says of where it came from, and of its own hop, is that front's to take out.
    let vectors = read_all(|name| !SLOW_OR_ODD.contains(&name) && !name.starts_with(['c', 'd']));
    let mut beside = Wire::to(front.address).await;
    for vector in vectors.iter().filter(|it| is_worth_it(it)) {
        let mark = stage.app.mark();
        answers(&mut Wire::to(front.address).await, vector, &stage).await;
        let target = format!("/in/clean/{}", stage.number());
        beside.send_text(&stage.clean(&target)).await;
        let own = format!("GET {target} {}", stage.id("al"));
        if beside
            .answer(false)
            .await
            .is_none_or(|answer| answer.text() != own)
        {
            faults.push(fault(
                vector,
                "a clean request is not answered with its own answer",
            ));
            beside = Wire::to(front.address).await;
        }
        let (requests, bytes) = stage.app.since(mark);
        let requests: Vec<_> = requests
            .iter()
            .filter(|it| !it.line().contains("/in/clean/"))
            .collect();
        let whom = people(vector);
        if requests
            .iter()
            .any(|it| !whom.iter().any(|name| stage.is_told_of(it, name)))
        {
            faults.push(fault(
                vector,
                &format!("somebody else's identity: {requests:?}"),
            ));
        }
        if stage.has_secret(&bytes) || String::from_utf8_lossy(&bytes).contains("forged") {
            faults.push(fault(
                vector,
                "a credential or what is forged reached the app",
            ));
        }
    }
    let (count, _) = stage.app.mark();
    let permitted = || {
        let lines = stage.gateway.lines();
        lines
            .iter()
            .filter(|line| line["decision"] == "permit")
            .count()
    };
    // The last lines are still on their way.
    wait_until(Duration::from_secs(2), || permitted() >= count);
    assert!(
        count > 300 && count <= permitted(),
        "{count} of {}",
        permitted()
    );
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// What passes, and what is about where requests end: the rest is refused before any server is asked.
fn is_worth_it(vector: &Vector) -> bool {
    !vector.users.is_empty() || vector.place.starts_with("g-")
}

/// Sends a vector; how many of its answers are the app's.
async fn answers(wire: &mut Wire, vector: &Vector, stage: &Stage) -> usize {
    wire.send(&vector.steps(&stage.secrets)).await;
    let mut carried = 0;
    for _ in &vector.statuses {
        match wire.answer_within(vector.is_head(), SHORT).await {
            Some(answer) => carried += usize::from(!answer.fields("x-app").is_empty()),
            None => break,
        }
    }
    carried
}

/// What is wrong with a request as the app saw it.
fn misled(stage: &Stage, vector: &Vector, line: &Value) -> Option<String> {
    let text = line.to_string();
    let fields = line["fields"].as_object().unwrap();
    let fields = || {
        fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()))
            .filter(|(_, value)| !value.is_empty())
    };
    if !people(vector)
        .iter()
        .any(|name| stage.is_identity(fields(), name))
    {
        return Some(fault(vector, &format!("somebody else's identity: {text}")));
    }
    let leaks = stage.has_secret(text.as_bytes()) || text.contains("forged");
    leaks.then(|| fault(vector, &format!("a credential or what is forged: {text}")))
}

/// Nobody, and whose credentials are sent.
fn people(vector: &Vector) -> Vec<&'static str> {
    let sent = PEOPLE.into_iter().filter(|name| {
        let own = [format!("{{{name}}}"), format!("{{{name}.")];
        own.iter().any(|own| vector.text.contains(own))
    });
    std::iter::once("-").chain(sent).collect()
}

fn fault(vector: &Vector, what: &str) -> String {
    let Vector {
        place, text, why, ..
    } = vector;
    format!("{place}, {text} ({why}): {what}")
        .escape_debug()
        .to_string()
}

/// Files that are about time, or about what these apps do not speak, or about a proxy that is trusted.
const SLOW_OR_ODD: [&str; 3] = ["ab-limits", "h-upgrade", "d-trusted"];

/// How long an answer may take that perhaps never comes.
const SHORT: Duration = Duration::from_millis(700);

impl Server {
    fn start(command: impl FnOnce(SocketAddr, &Path) -> Command) -> Self {
        let [address] = free_ports();
        let directory = tempfile::tempdir().unwrap();
        let log = fs::File::create(directory.path().join("server.log")).unwrap();
        let child = command(address, directory.path())
            .env("SEEN", directory.path().join("seen.log"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("the server is installed; tests/run does that");
        let server = Self {
            address,
            directory,
            child,
        };
        let up = wait_until(Duration::from_mins(1), || {
            TcpStream::connect(address).is_ok()
        });
        let log = fs::read_to_string(server.directory.path().join("server.log"));
        assert!(up, "it does not listen: {}", log.unwrap_or_default());
        server
    }

    /// Waits for its app's first answer: some are made only when they are asked.
    fn warm_up(&self) {
        let answers = || {
            let mut socket = TcpStream::connect(self.address).ok()?;
            let ask = b"GET /warm HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            socket.write_all(ask).ok()?;
            let mut answer = String::new();
            socket.read_to_string(&mut answer).ok()?;
            answer.starts_with("HTTP/1.1 200").then_some(())
        };
        let is_up = wait_until(Duration::from_mins(1), || answers().is_some());
        assert!(is_up, "its app does not answer");
    }

    /// What its app saw so far; waits for so many.
    fn seen(&self, count: usize) -> Vec<Value> {
        let read = || fs::read(self.directory.path().join("seen.log")).unwrap_or_default();
        let lines = || read().split(|byte| *byte == b'\n').count() - 1;
        wait_until(Duration::from_millis(300), || lines() >= count);
        let text = String::from_utf8_lossy(&read()).into_owned();
        let whole = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or(Value::Null));
        whole.filter(|line| !line.is_null()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Apache as one process, so that it ends with us.
fn apache(config: &str, at: SocketAddr, gateway: SocketAddr, home: &Path) -> Command {
    let config = filled(config, at, gateway, home);
    let mut command = program("apache2", home);
    command.args(["-X", "-f"]).arg(config);
    command
}

/// Debian's Tomcat with nothing but the app, in a directory of its own.
fn tomcat(at: SocketAddr, home: &Path) -> Command {
    let own = home.join("webapps/ROOT/WEB-INF");
    fs::create_dir_all(&own).unwrap();
    fs::create_dir(home.join("conf")).unwrap();
    for (name, to) in [
        ("server.xml", home.join("conf")),
        ("web.xml", own.clone()),
        ("app.jsp", own),
    ] {
        let filled = filled(&format!("tomcat/{name}"), at, at, home);
        fs::rename(filled, to.join(name)).unwrap();
    }
    let there = "/usr/share/tomcat10";
    let mut command = program("java", home);
    command
        .args(["-Xmx256m", "-XX:+UseSerialGC", "-cp"])
        .arg(format!(
            "{there}/bin/bootstrap.jar:{there}/bin/tomcat-juli.jar"
        ))
        .arg(format!("-Dcatalina.home={there}"))
        .arg(format!("-Dcatalina.base={}", home.display()))
        .arg(format!("-Djava.io.tmpdir={}", home.display()))
        .args(["org.apache.catalina.startup.Bootstrap", "start"]);
    command
}

/// A configuration of `tests/real/servers`, filled in.
fn filled(name: &str, at: SocketAddr, gateway: SocketAddr, home: &Path) -> PathBuf {
    let text = fs::read_to_string(script(&format!("servers/{name}"))).unwrap();
    let text = text
        .replace("ADDRESS", &at.to_string())
        .replace("GATEWAY", &gateway.to_string())
        .replace("DIRECTORY", home.to_str().unwrap())
        .replace("PROGRAM", script("servers/app.pl").to_str().unwrap())
        .replace("HOST", &at.ip().to_string())
        .replace("PORT", &at.port().to_string());
    let path = home.join(Path::new(name).file_name().unwrap());
    fs::write(&path, text).unwrap();
    path
}
