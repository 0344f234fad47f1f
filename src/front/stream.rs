//! A client's connection as pingora reads and writes it.
//!
//! pingora's own stream gives its buffers to its own listeners alone; without one, a response's head and body leave in two
//! packets. This one has a write buffer from the start, and nothing else.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use async_trait::async_trait;
use pingora_core::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufWriter, ReadBuf};

/// A connection with a write buffer. Reads are not buffered: the head is read in large pieces anyway.
#[derive(Debug)]
pub(super) struct Buffered<S: AsyncWrite> {
    inner: BufWriter<S>,
}

/// Enough for a head and a small body, which then leave together.
const WRITE_BUFFER_BYTES: usize = 2048;

impl<S: AsyncWrite> Buffered<S> {
    pub(super) fn new(socket: S) -> Self {
        Self {
            inner: BufWriter::with_capacity(WRITE_BUFFER_BYTES, socket),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Buffered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(self.inner.get_mut()).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Buffered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[async_trait]
impl<S: AsyncWrite + Unpin + Send> Shutdown for Buffered<S> {
    async fn shutdown(&mut self) {
        // Whoever is gone already needs no goodbye.
        let _ = AsyncWriteExt::shutdown(&mut self.inner).await;
    }
}

impl<S: AsyncWrite + AsRawFd> UniqueID for Buffered<S> {
    fn id(&self) -> RawFd {
        self.inner.get_ref().as_raw_fd()
    }
}

impl<S: AsyncWrite> Ssl for Buffered<S> {}

impl<S: AsyncWrite> Peek for Buffered<S> {}

impl<S: AsyncWrite> GetTimingDigest for Buffered<S> {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl<S: AsyncWrite> GetProxyDigest for Buffered<S> {
    fn get_proxy_digest(
        &self,
    ) -> Option<std::sync::Arc<pingora_core::protocols::raw_connect::ProxyDigest>> {
        None
    }
}

impl<S: AsyncWrite> GetSocketDigest for Buffered<S> {
    fn get_socket_digest(&self) -> Option<std::sync::Arc<SocketDigest>> {
        None
    }
}
