//! An HTTP/2 connection as h2 has it: every byte passes, and its frames are seen as they do. h2 gets one head at a time, and
//! hands its stream out before it gets more: so each request is known by its stream, which nobody else tells us.

use std::io;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use bytes::BytesMut;
use parking_lot::Mutex;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream,
    TimingDigest, UniqueID,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::frames::Frames;

/// A connection whose frames are seen.
#[derive(Debug)]
pub(super) struct Watched {
    stream: Stream,
    watch: Arc<Watch>,
    /// What came after a head that opens a stream, until h2 has handed that out.
    held: BytesMut,
    /// Whether h2 has such a head and nothing after it.
    is_paused: bool,
}

/// What was seen of a connection.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) frames: Mutex<Frames>,
    /// Notified when nothing more is read from it.
    pub(super) stopped: Notify,
}

impl Watched {
    pub(super) fn new(stream: Stream, window: u32) -> (Self, Arc<Watch>) {
        let watch = Arc::new(Watch {
            frames: Mutex::new(Frames::new(window, Instant::now())),
            stopped: Notify::new(),
        });
        let own = Arc::clone(&watch);
        let watched = Self {
            stream,
            watch: own,
            held: BytesMut::new(),
            is_paused: false,
        };
        (watched, watch)
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let own = self.get_mut();
        if own.watch.frames.lock().is_stopped() {
            return Poll::Pending;
        }
        if std::mem::take(&mut own.is_paused) {
            // h2 has read the head: it hands the stream out before it is polled again.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let start = buffer.filled().len();
        if own.held.is_empty() {
            ready!(Pin::new(&mut own.stream).poll_read(context, buffer))?;
        } else {
            let length = own.held.len().min(buffer.remaining());
            buffer.put_slice(&own.held.split_to(length));
        }
        let fresh = buffer.filled().get(start..).unwrap_or_default();
        let mut frames = own.watch.frames.lock();
        let taken = frames.receive(fresh, Instant::now());
        if frames.is_stopped() {
            // Whoever serves the connection says goodbye; until then it says nothing that we hear.
            buffer.set_filled(start);
            own.watch.stopped.notify_one();
            return Poll::Pending;
        }
        drop(frames);
        own.is_paused = taken.opens;
        let later = fresh.get(taken.bytes..).unwrap_or_default();
        if !later.is_empty() {
            let mut held = BytesMut::from(later);
            held.extend_from_slice(&own.held);
            own.held = held;
        }
        buffer.set_filled(start + taken.bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        let now = Instant::now();
        let mut frames = self.watch.frames.lock();
        frames.blocked(written.is_pending(), now);
        if let Poll::Ready(Ok(count)) = &written {
            frames.send(bytes.get(..*count).unwrap_or_default(), now);
        }
        drop(frames);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        let mut frames = self.watch.frames.lock();
        frames.blocked(flushed.is_pending(), Instant::now());
        drop(frames);
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[async_trait]
impl Shutdown for Watched {
    async fn shutdown(&mut self) {
        Shutdown::shutdown(&mut *self.stream).await;
    }
}

impl UniqueID for Watched {
    fn id(&self) -> RawFd {
        self.stream.id()
    }
}

impl Ssl for Watched {}

impl Peek for Watched {}

impl GetTimingDigest for Watched {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Watched {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for Watched {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}
