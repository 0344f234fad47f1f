//! A client that sends the bytes it is told, and reads what comes back.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::message::{Message, take_message};

/// One connection.
pub(crate) struct Client {
    socket: Box<dyn Duplex>,
    unread: Vec<u8>,
}

/// What a connection can be.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

/// No answer that these tests wait for takes longer.
const PATIENCE: Duration = Duration::from_secs(10);

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    /// A client on a connection that is open already.
    pub(crate) fn over(socket: impl Duplex + 'static) -> Self {
        Self {
            socket: Box::new(socket),
            unread: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).await.unwrap();
        self.socket.flush().await.unwrap();
    }

    /// The next response; panics if the connection closes before it is whole.
    pub(crate) async fn response(&mut self) -> Message {
        self.next(false).await.expect("the connection closed")
    }

    /// The next response, to a HEAD request.
    pub(crate) async fn response_to_head(&mut self) -> Message {
        self.next(true).await.expect("the connection closed")
    }

    /// The next response; `None` if the connection closes before it is whole.
    pub(crate) async fn maybe_response(&mut self) -> Option<Message> {
        self.next(false).await
    }

    /// Sends a request and reads its response.
    pub(crate) async fn ask(&mut self, request: impl AsRef<[u8]>) -> Message {
        self.send(request).await;
        self.response().await
    }

    /// Exactly these bytes come next.
    pub(crate) async fn expect(&mut self, bytes: &[u8]) {
        while self.unread.len() < bytes.len() {
            assert!(self.read().await, "the connection closed");
        }
        assert_eq!(&self.unread[..bytes.len()], bytes);
        self.unread.drain(..bytes.len());
    }

    /// Waits until the other side closes; panics if it does not within `limit`, or says anything more.
    pub(crate) async fn closes_within(&mut self, limit: Duration) {
        let closed = timeout(limit, async { while self.read().await {} }).await;
        assert!(closed.is_ok(), "the connection is still open");
        assert!(self.unread.is_empty(), "{}", self.unread.escape_ascii());
    }

    /// Waits until the other side closes, whatever it says before.
    pub(crate) async fn ends_within(&mut self, limit: Duration) {
        let ended = timeout(limit, async { while self.read().await {} }).await;
        assert!(ended.is_ok(), "the connection is still open");
    }

    /// The other side does not close for a while.
    pub(crate) async fn stays_open_for(&mut self, time: Duration) {
        let ended = timeout(time, async { while self.read().await {} }).await;
        assert!(ended.is_err(), "the connection closed");
    }

    async fn next(&mut self, bodiless: bool) -> Option<Message> {
        loop {
            if let Some(message) = take_message(&mut self.unread, bodiless) {
                return Some(message);
            }
            if !self.read().await {
                return None;
            }
        }
    }

    /// False once the other side has closed, or reset.
    async fn read(&mut self) -> bool {
        let read = timeout(PATIENCE, self.socket.read_buf(&mut self.unread)).await;
        matches!(read.expect("nothing came for ten seconds"), Ok(1..))
    }
}

/// Sends one request on a connection of its own and reads its response.
pub(crate) async fn ask(address: SocketAddr, request: impl AsRef<[u8]>) -> Message {
    Client::connect(address).await.ask(request).await
}

/// `GET path` with fields, each without its line end.
pub(crate) fn get(path: &str, fields: &[&str]) -> String {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    format!("GET {path} HTTP/1.1\r\nHost: app.example\r\n{fields}\r\n")
}
