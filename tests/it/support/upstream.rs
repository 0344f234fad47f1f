//! An app behind the gateway that writes down every byte that reaches it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::message::{Message, take_message};

/// A recording app. It stops when it is dropped.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    task: tokio::task::JoinHandle<()>,
}

/// What the app does with a request.
pub(crate) enum Reply {
    /// Sends these bytes and goes on.
    Bytes(Vec<u8>),
    /// Sends these bytes, then everything back that it gets, until the other side closes.
    Echo(Vec<u8>),
    /// Sends these bytes and keeps the connection open without another word.
    Silence(Vec<u8>),
    /// Sends these bytes after a while.
    Late(Duration, Vec<u8>),
    /// Closes.
    Close,
}

#[derive(Default)]
struct Seen {
    requests: Vec<Message>,
    bytes: Vec<u8>,
}

impl Upstream {
    /// An app that answers 200 `ok` to everything.
    pub(crate) async fn start() -> Self {
        Self::answering(|_| Reply::ok("ok")).await
    }

    /// An app that answers as it is told.
    pub(crate) async fn answering(
        answer: impl Fn(&Message) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(async move { serve(socket, &log, &*answer).await });
            }
        });
        Self {
            address,
            seen,
            task,
        }
    }

    /// As it stands in `servers = […]`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every whole request so far.
    pub(crate) fn requests(&self) -> Vec<Message> {
        self.seen.lock().unwrap().requests.clone()
    }

    /// How many requests and bytes there were so far.
    pub(crate) fn mark(&self) -> (usize, usize) {
        let seen = self.seen.lock().unwrap();
        (seen.requests.len(), seen.bytes.len())
    }

    /// The requests and bytes since then.
    pub(crate) fn since(&self, (requests, bytes): (usize, usize)) -> (Vec<Message>, Vec<u8>) {
        let seen = self.seen.lock().unwrap();
        (
            seen.requests[requests..].to_vec(),
            seen.bytes[bytes..].to_vec(),
        )
    }

    /// The one request so far.
    pub(crate) fn request(&self) -> Message {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests[0].clone()
    }

    /// Whether these bytes have reached it at all.
    pub(crate) fn saw(&self, bytes: &str) -> bool {
        let seen = self.seen.lock().unwrap();
        String::from_utf8_lossy(&seen.bytes).contains(bytes)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Reply {
    /// 200 with a body.
    pub(crate) fn ok(body: &str) -> Self {
        Self::with(&[], body)
    }

    /// 200 with fields and a body.
    pub(crate) fn with(fields: &[&str], body: &str) -> Self {
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        let length = body.len();
        Self::Bytes(
            format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {length}\r\n\r\n{body}").into(),
        )
    }
}

async fn serve(
    mut socket: TcpStream,
    log: &Mutex<Seen>,
    answer: &(dyn Fn(&Message) -> Reply + Sync),
) {
    let mut unread = Vec::new();
    loop {
        let request = loop {
            if let Some(message) = take_message(&mut unread, false) {
                break message;
            }
            let start = unread.len();
            match socket.read_buf(&mut unread).await {
                Ok(1..) => log.lock().unwrap().bytes.extend(&unread[start..]),
                _ => return,
            }
        };
        let reply = answer(&request);
        log.lock().unwrap().requests.push(request);
        match reply {
            Reply::Bytes(bytes) => drop(socket.write_all(&bytes).await),
            Reply::Late(after, bytes) => {
                tokio::time::sleep(after).await;
                drop(socket.write_all(&bytes).await);
            }
            Reply::Echo(bytes) => {
                drop(socket.write_all(&bytes).await);
                let (mut read, mut write) = socket.split();
                drop(tokio::io::copy(&mut read, &mut write).await);
                return;
            }
            Reply::Silence(bytes) => {
                drop(socket.write_all(&bytes).await);
                tokio::time::sleep(Duration::from_mins(1)).await;
            }
            Reply::Close => return,
        }
    }
}
