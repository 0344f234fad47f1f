//! An HTTP/2 connection as h2 has it: every byte passes, and its frames are seen as they do.

use std::io;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
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
}

/// What was seen of a connection.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) frames: Mutex<Frames>,
    /// Notified when nothing more is read from it.
    pub(super) flooded: Notify,
}

impl Watched {
    pub(super) fn new(stream: Stream, window: u32) -> (Self, Arc<Watch>) {
        let watch = Arc::new(Watch {
            frames: Mutex::new(Frames::new(window, Instant::now())),
            flooded: Notify::new(),
        });
        let own = Arc::clone(&watch);
        (Self { stream, watch: own }, watch)
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.watch.frames.lock().is_flooded() {
            return Poll::Pending;
        }
        let start = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let fresh = buffer.filled().get(start..).unwrap_or_default();
        let goes_on = self.watch.frames.lock().receive(fresh, Instant::now());
        if goes_on {
            return Poll::Ready(Ok(()));
        }
        // Whoever serves the connection says goodbye; until then it says nothing that we hear.
        buffer.set_filled(start);
        self.watch.flooded.notify_one();
        Poll::Pending
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
