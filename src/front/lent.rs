//! A connection while pingora has it: lent for one request, of which it hands out the body and nothing beyond.
//!
//! pingora reads a body in its own way and closes connections in its own way. Here every byte is judged before it has it,
//! the bytes of the next request stay ours, and the connection comes back when pingora drops it, whatever happened: we
//! read the next head, or close as a client can bear it.

use std::io;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use bytes::BytesMut;
use parking_lot::Mutex;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::tls::SslDigest;
use pingora_core::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream,
    TimingDigest, UniqueID,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::config::server::Limits;
use crate::control::{Rule, holds};
use crate::proxy::{BrokenBody, Course};

use super::body::Body;
use super::gate::{Framing, Malformed};
use super::pace::Pace;

/// A connection and what was read from it ahead of its turn.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) stream: Stream,
    pub(super) ahead: BytesMut,
}

/// A line as pingora has it, for one request.
#[derive(Debug)]
pub(super) struct Lent {
    /// There until it goes home.
    line: Option<Line>,
    upload: Upload,
    course: Course,
    home: Home,
}

/// A request's body as it comes.
#[derive(Debug)]
struct Upload {
    body: Body,
    pace: Pace,
    limits: Arc<Limits>,
}

/// Where a line comes back to.
#[derive(Debug, Clone, Default)]
pub(super) struct Home(Arc<Mutex<Option<Returned>>>);

/// A line that came back.
#[derive(Debug)]
pub(super) struct Returned {
    pub(super) line: Line,
    /// Whether the next request's head comes next.
    pub(super) is_between_requests: bool,
}

/// What is read of the next request while the one before it is answered: enough to see a client that hangs up.
const AHEAD_BYTES: usize = 1024;

impl Lent {
    /// Lends a line for the request whose head was read and whose body is to come.
    pub(super) fn new(
        line: Line,
        framing: Framing,
        limits: &Arc<Limits>,
        course: Course,
        home: &Home,
    ) -> Self {
        Self {
            line: Some(line),
            upload: Upload {
                body: Body::of(framing, limits),
                pace: Pace::default(),
                limits: Arc::clone(limits),
            },
            course,
            home: home.clone(),
        }
    }
}

impl Upload {
    /// Counts bytes that came.
    fn keep_pace(&mut self, bytes: usize) -> Result<(), BrokenBody> {
        self.pace.take(bytes, Instant::now());
        if self.pace.is_slow(&self.limits) {
            return Err(BrokenBody::TOO_SLOW);
        }
        Ok(())
    }
}

impl Home {
    /// The line, if it was lent and has come back.
    pub(super) fn take(&self) -> Option<Returned> {
        self.0.lock().take()
    }
}

impl Line {
    /// Bytes as they are: what was read ahead, then what comes.
    fn poll_raw(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let taken = self.ahead.len().min(buffer.remaining());
        buffer.put_slice(&self.ahead.split_to(taken));
        Poll::Ready(Ok(()))
    }

    /// The body's bytes, and not one beyond its end.
    fn poll_body(
        &mut self,
        upload: &mut Upload,
        course: &Course,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let start = buffer.filled().len();
        let polled = self.poll_raw(context, buffer);
        course.awaits_client(polled.is_pending());
        if polled.is_pending() {
            upload.pace.wait(Instant::now());
        }
        ready!(polled)?;
        let fresh = buffer.filled().get(start..).unwrap_or_default();
        upload.keep_pace(fresh.len()).map_err(broken)?;
        let own = upload.body.advance(fresh).map_err(malformed)?;
        let own = if holds(Rule::BodyEnd) {
            own
        } else {
            fresh.len()
        };
        let (_, next) = fresh.split_at_checked(own).unwrap_or_default();
        if !next.is_empty() {
            let mut ahead = BytesMut::from(next);
            ahead.unsplit(self.ahead.split());
            self.ahead = ahead;
        }
        buffer.set_filled(start + own);
        Poll::Ready(Ok(()))
    }

    /// Ready, with nothing, once the client has hung up. What it says instead is the next request's.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            return Poll::Pending;
        }
        let mut piece = [0; AHEAD_BYTES];
        let mut buffer = ReadBuf::new(&mut piece);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        if buffer.filled().is_empty() {
            return Poll::Ready(Ok(()));
        }
        self.ahead.extend_from_slice(buffer.filled());
        Poll::Pending
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(line) = self.line.take() {
            *self.home.0.lock() = Some(Returned {
                line,
                is_between_requests: self.upload.body.is_at_end() && !self.course.has_switched(),
            });
        }
    }
}

impl AsyncRead for Lent {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self {
            line: Some(line),
            upload,
            course,
            ..
        } = &mut *self
        else {
            return Poll::Ready(Ok(()));
        };
        if course.has_switched() {
            line.poll_raw(context, buffer)
        } else if upload.body.is_at_end() {
            line.poll_end(context)
        } else {
            line.poll_body(upload, course, context, buffer)
        }
    }
}

impl AsyncWrite for Lent {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.line {
            Some(line) => Pin::new(&mut line.stream).poll_write(context, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.line {
            Some(line) => Pin::new(&mut line.stream).poll_flush(context),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.line {
            Some(line) => Pin::new(&mut line.stream).poll_shutdown(context),
            None => Poll::Ready(Ok(())),
        }
    }
}

#[async_trait]
impl Shutdown for Lent {
    async fn shutdown(&mut self) {
        if let Some(line) = &mut self.line {
            Shutdown::shutdown(&mut *line.stream).await;
        }
    }
}

impl UniqueID for Lent {
    fn id(&self) -> RawFd {
        self.line.as_ref().map_or(-1, |line| line.stream.id())
    }
}

impl Ssl for Lent {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.line.as_ref()?.stream.get_ssl_digest()
    }
}

impl Peek for Lent {}

impl GetTimingDigest for Lent {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        let line = self.line.as_ref();
        line.map_or_else(Vec::new, |line| line.stream.get_timing_digest())
    }
}

impl GetProxyDigest for Lent {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.line.as_ref()?.stream.get_proxy_digest()
    }
}

impl GetSocketDigest for Lent {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.line.as_ref()?.stream.get_socket_digest()
    }
}

fn malformed(malformed: Malformed) -> io::Error {
    broken(BrokenBody {
        status: malformed.status(),
        detail: "The body is malformed.",
        reason: malformed.reason(),
    })
}

/// What is wrong with a body, as it goes through pingora to whoever answers.
fn broken(broken: BrokenBody) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, broken)
}
