//! A client that sends a vector as it is told, and never fails itself: what does not come is a finding.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::stage::Stage;
use super::table::Step;
use crate::support::message::{Message, take_message};

/// A connection to the gateway.
pub(super) struct Wire {
    address: SocketAddr,
    socket: TcpStream,
    unread: Vec<u8>,
}

/// How long an answer may take, or a close.
const PATIENCE: Duration = Duration::from_secs(4);

/// Long enough for a packet to be read on its own.
const PAUSE: Duration = Duration::from_millis(3);

impl Wire {
    pub(super) async fn connect(stage: &Stage) -> Self {
        Self::to(stage.gateway.address).await
    }

    /// A connection to somebody before the gateway.
    pub(super) async fn to(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Self {
            address,
            socket,
            unread: Vec::new(),
        }
    }

    /// Sends what can be sent: a gateway may close before it has all.
    pub(super) async fn send(&mut self, steps: &[Step]) {
        for step in steps {
            let sent = match step {
                Step::Bytes(bytes) => self.socket.write_all(bytes).await,
                Step::Eof => self.socket.shutdown().await,
                Step::Pause => {
                    sleep(PAUSE).await;
                    Ok(())
                }
            };
            if sent.is_err() {
                return;
            }
        }
    }

    /// Sends a request as it should be; on a new connection if this one has closed.
    pub(super) async fn send_text(&mut self, request: &str) {
        if self.socket.write_all(request.as_bytes()).await.is_err() {
            self.socket = TcpStream::connect(self.address).await.unwrap();
            self.socket.write_all(request.as_bytes()).await.unwrap();
        }
    }

    /// The next answer that is a last one: those before it only say to go on.
    pub(super) async fn answer(&mut self, is_head: bool) -> Option<Message> {
        self.answer_within(is_head, PATIENCE).await
    }

    /// The same, with less patience.
    pub(super) async fn answer_within(
        &mut self,
        is_head: bool,
        limit: Duration,
    ) -> Option<Message> {
        loop {
            match take_message(&mut self.unread, is_head) {
                Some(message) if !message.head.starts_with("HTTP/1.") => return None,
                Some(message) if message.status() == 100 => {}
                Some(message) => return Some(message),
                None if self.read(limit).await => {}
                None => return None,
            }
        }
    }

    /// Whether the other side closes, without another word.
    pub(super) async fn is_closed(&mut self) -> bool {
        let ended = timeout(PATIENCE, self.socket.read_buf(&mut self.unread)).await;
        matches!(ended, Ok(Ok(0) | Err(_))) && self.unread.is_empty()
    }

    async fn read(&mut self, limit: Duration) -> bool {
        let read = timeout(limit, self.socket.read_buf(&mut self.unread)).await;
        matches!(read, Ok(Ok(1..)))
    }
}
