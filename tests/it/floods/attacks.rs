//! What clients do that is slow, endless or pointless: each a connection from its beginning until it was ended. The
//! benchmark of floods does the same.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::world::{HOST, Places};
use crate::support::client::Duplex;
use crate::support::http2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, block, frame, plain,
};

/// A way to be a burden.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) speaks: Speaks,
    /// Connections at once.
    pub(crate) connections: usize,
    /// Large answers that are asked for at once, and not taken.
    pub(crate) answers: u64,
    /// One connection, until it was ended.
    pub(crate) go: fn(Arc<Target>) -> Going,
}

/// What is spoken to the door that is attacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Http1,
    Tls,
    Http2,
}

pub(crate) type Going = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// Where to, and as whom.
#[derive(Debug)]
pub(crate) struct Target {
    places: Places,
    from: Ipv4Addr,
    tls: Arc<ClientConfig>,
}

type Stream = Box<dyn Duplex>;

/// How often those who are slow do a little.
const DRIP: Duration = Duration::from_millis(200);

/// Who holds connections holds so many; floods come over few.
const HELD: usize = 250;
const FLOODED: usize = 4;

/// What costs most is an answer that does not fit the system's buffers, and waits. So many of them are asked for on
/// connections of their own; over HTTP/2 it is [`STREAMS`] on one.
const WAITED: usize = 32;

/// As many requests as may be open on one connection.
const STREAMS: u32 = 100;

/// Every attack.
pub(crate) const ATTACKS: &[Attack] = &[
    held("slow heads", Speaks::Http1, |target| {
        Box::pin(async move {
            let mut stream = target.plain().await?;
            stream.write_all(b"GET /a HTTP/1.1\r\nHost: a\r\n").await?;
            drip(stream, b"X-A: b\r\n").await
        })
    }),
    held("slow bodies", Speaks::Http1, |target| {
        Box::pin(async move {
            let mut stream = target.plain().await?;
            let head = "POST /public/a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
            stream.write_all(head.as_bytes()).await?;
            drip(stream, b"x").await
        })
    }),
    held("slow chunks", Speaks::Http1, |target| {
        Box::pin(async move {
            let mut stream = target.plain().await?;
            let head = "POST /public/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
            stream.write_all(head.as_bytes()).await?;
            drip(stream, b"1\r\nx\r\n").await
        })
    }),
    held("slow readers", Speaks::Http1, |target| {
        Box::pin(read_slowly(target, "/public/page"))
    }),
    Attack {
        connections: WAITED,
        answers: WAITED as u64,
        ..held("slow readers of much", Speaks::Http1, |target| {
            Box::pin(read_slowly(target, "/public/large"))
        })
    },
    held("idle", Speaks::Http1, |target| {
        Box::pin(async move { wait(target.plain().await?).await })
    }),
    held("idle after a request", Speaks::Http1, |target| {
        Box::pin(async move {
            let mut stream = target.plain().await?;
            stream
                .write_all(b"GET /public/a HTTP/1.1\r\nHost: a\r\n\r\n")
                .await?;
            wait(stream).await
        })
    }),
    held("no PROXY header", Speaks::Http1, |target| {
        Box::pin(async move {
            let mut stream = target.connect(target.places.announced).await?;
            stream.write_all(b"PROXY TCP4 192.0").await?;
            wait(stream).await
        })
    }),
    held("no ClientHello", Speaks::Tls, |target| {
        Box::pin(async move { wait(target.connect(target.places.tls).await?).await })
    }),
    held("ClientHello and silence", Speaks::Tls, |target| {
        Box::pin(async move {
            let mut stream = target.connect(target.places.tls).await?;
            stream.write_all(&target.hello()).await?;
            wait(stream).await
        })
    }),
    held("idle after the handshake", Speaks::Http2, |target| {
        Box::pin(async move { wait(target.http2(&[]).await?).await })
    }),
    held("a head without end", Speaks::Http2, |target| {
        Box::pin(async move {
            let mut stream = target.http2(&[]).await?;
            stream
                .write_all(&frame(HEADERS, 0, 1, &block(&plain("/a"))))
                .await?;
            wait(stream).await
        })
    }),
    few("uploads that stall", |target| {
        Box::pin(async move {
            let mut stream = target.http2(&[]).await?;
            stream.write_all(&streams(false)).await?;
            wait(stream).await
        })
    }),
    few("uploads that drip", |target| {
        Box::pin(async move {
            let mut stream = target.http2(&[]).await?;
            stream.write_all(&streams(false)).await?;
            let all: Vec<u8> = (0..STREAMS)
                .flat_map(|at| frame(DATA, 0, 2 * at + 1, b"x"))
                .collect();
            drip(stream, &all).await
        })
    }),
    answers("windows of zero", |target| {
        Box::pin(async move {
            let mut stream = target.http2(&[0, 4, 0, 0, 0, 0]).await?;
            stream.write_all(&streams(true)).await?;
            wait(stream).await
        })
    }),
    answers("windows that drip", |target| {
        Box::pin(async move {
            let mut stream = target.http2(&[0, 4, 0, 0, 0, 0]).await?;
            stream.write_all(&streams(true)).await?;
            let all: Vec<u8> = (0..STREAMS)
                .flat_map(|at| frame(WINDOW_UPDATE, 0, 2 * at + 1, &[0, 0, 0, 1]))
                .collect();
            drip(stream, &all).await
        })
    }),
    answers("answers that nobody takes", |target| {
        Box::pin(async move {
            let mut stream = target.http2(&[0, 4, 0x7f, 0xff, 0xff, 0xff]).await?;
            let mut all = frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0, 0]);
            all.extend(streams(true));
            stream.write_all(&all).await?;
            sip(stream).await
        })
    }),
    few("rapid reset", |target| {
        let round = |at| {
            let stream = 2 * at + 1;
            [
                frame(HEADERS, END_HEADERS | END_STREAM, stream, &get_block()),
                frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]),
            ]
            .concat()
        };
        Box::pin(flood(target, Vec::new(), round))
    }),
    few("resets that we are made to send", |target| {
        let round = |at| {
            let stream = 2 * at + 1;
            [
                frame(HEADERS, END_HEADERS | END_STREAM, stream, &get_block()),
                frame(WINDOW_UPDATE, 0, stream, &[0; 4]),
            ]
            .concat()
        };
        Box::pin(flood(target, Vec::new(), round))
    }),
    few("empty CONTINUATION", |target| {
        let head = frame(HEADERS, 0, 1, &get_block());
        Box::pin(flood(target, head, |_| frame(CONTINUATION, 0, 1, &[])))
    }),
    few("CONTINUATION without end", |target| {
        let head = frame(HEADERS, 0, 1, &get_block());
        let field = block(&[(b"x-long", &[b'y'; 200])]);
        Box::pin(flood(target, head, move |_| {
            frame(CONTINUATION, 0, 1, &field)
        }))
    }),
    few("fields that unpack", |target| {
        // A field of 4000 bytes in the table, and heads that name it again and again, a byte each.
        let mut first = get_block();
        first.extend([0x40, 1, b'x', 0x7f, 0xa1, 0x1e]);
        first.extend([b'y'; 4000]);
        let head = frame(HEADERS, END_HEADERS | END_STREAM, 1, &first);
        let bomb = [get_block(), vec![0xbe; 16_000]].concat();
        Box::pin(flood(target, head, move |at| {
            frame(HEADERS, END_HEADERS | END_STREAM, 2 * at + 3, &bomb)
        }))
    }),
    few("empty DATA", |target| {
        Box::pin(flood(target, upload(1), |_| frame(DATA, 0, 1, &[])))
    }),
    few("DATA of a byte", |target| {
        Box::pin(flood(target, upload(1), |_| frame(DATA, 0, 1, b"x")))
    }),
    few("SETTINGS", |target| {
        Box::pin(flood(target, Vec::new(), |_| frame(SETTINGS, 0, 0, &[])))
    }),
    few("PING", |target| {
        Box::pin(flood(target, Vec::new(), |_| frame(PING, 0, 0, &[0; 8])))
    }),
    few("WINDOW_UPDATE", |target| {
        Box::pin(flood(target, Vec::new(), |at| {
            // Never so many that the window overflows.
            frame(WINDOW_UPDATE, 0, 0, &(1 + at % 2).to_be_bytes())
        }))
    }),
];

const fn held(name: &'static str, speaks: Speaks, go: fn(Arc<Target>) -> Going) -> Attack {
    Attack {
        name,
        speaks,
        connections: HELD,
        answers: 0,
        go,
    }
}

const fn few(name: &'static str, go: fn(Arc<Target>) -> Going) -> Attack {
    Attack {
        connections: FLOODED,
        ..held(name, Speaks::Http2, go)
    }
}

const fn answers(name: &'static str, go: fn(Arc<Target>) -> Going) -> Attack {
    Attack {
        connections: 1,
        answers: STREAMS as u64,
        ..held(name, Speaks::Http2, go)
    }
}

impl Target {
    /// A door, and the address that knocks on it.
    pub(crate) fn new(places: Places, ca: &Path, from: Ipv4Addr) -> Arc<Self> {
        Arc::new(Self {
            places,
            from,
            tls: Arc::new(tls(ca, &[b"h2"])),
        })
    }

    async fn plain(&self) -> io::Result<Stream> {
        self.connect(self.places.plain).await
    }

    /// A connection of HTTP/2 with settings, as their bytes.
    async fn http2(&self, settings: &[u8]) -> io::Result<Stream> {
        let socket = connect(self.from, self.places.tls).await?;
        let name = ServerName::try_from(HOST).map_err(io::Error::other)?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let mut stream = connector.connect(name, socket).await?;
        let beginning = [PREFACE, &frame(SETTINGS, 0, 0, settings)].concat();
        stream.write_all(&beginning).await?;
        stream.flush().await?;
        Ok(Box::new(stream))
    }

    async fn connect(&self, place: SocketAddr) -> io::Result<Stream> {
        Ok(Box::new(connect(self.from, place).await?))
    }

    /// What a handshake begins with.
    fn hello(&self) -> Vec<u8> {
        let name = ServerName::try_from(HOST).unwrap();
        let mut client = ClientConnection::new(Arc::clone(&self.tls), name).unwrap();
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        bytes
    }
}

/// A client of TLS that believes one authority.
pub(crate) fn tls(ca: &Path, alpn: &[&[u8]]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(ca).unwrap();
    roots.add(ca).unwrap();
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|it| it.to_vec()).collect();
    // Whoever attacks does not spare the other side a handshake, and whoever is measured is measured with one.
    config.resumption = rustls::client::Resumption::disabled();
    config
}

/// A connection from an address of this machine, with a small window: a slow reader's answer has no place to go.
pub(crate) async fn connect(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.set_recv_buffer_size(8 << 10)?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads whatever comes until the other side ends it.
async fn wait(mut stream: Stream) -> io::Result<()> {
    stream.flush().await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(())
}

/// The same, and says a little again and again meanwhile.
async fn drip(mut stream: Stream, bytes: &[u8]) -> io::Result<()> {
    let mut answer = [0; 4096];
    loop {
        match timeout(DRIP, stream.read(&mut answer)).await {
            Ok(Ok(1..)) => {}
            Ok(ended) => return ended.map(drop),
            Err(_) => {
                stream.write_all(bytes).await?;
                stream.flush().await?;
            }
        }
    }
}

/// Asks, and then takes next to nothing.
async fn read_slowly(target: Arc<Target>, path: &str) -> io::Result<()> {
    let mut stream = target.plain().await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    sip(stream).await
}

/// Reads a few bytes again and again: its answer is never read to its end.
async fn sip(mut stream: Stream) -> io::Result<()> {
    stream.flush().await?;
    let mut few = [0; 16];
    while stream.read(&mut few).await? > 0 {
        tokio::time::sleep(DRIP).await;
    }
    Ok(())
}

/// Says the same again and again without a pause, and reads nothing, until the connection was ended.
async fn flood(
    target: Arc<Target>,
    first: Vec<u8>,
    mut round: impl FnMut(u32) -> Vec<u8> + Send,
) -> io::Result<()> {
    let mut stream = target.http2(&[]).await?;
    stream.write_all(&first).await?;
    let mut at = 0;
    loop {
        let all: Vec<u8> = (at..at + 50).flat_map(&mut round).collect();
        at += 50;
        stream.write_all(&all).await?;
        stream.flush().await?;
    }
}

/// As many requests as may be: for much, or uploads of which nothing comes.
fn streams(large: bool) -> Vec<u8> {
    let head = |stream| {
        if large {
            let flags = END_HEADERS | END_STREAM;
            frame(HEADERS, flags, stream, &block(&plain("/public/large")))
        } else {
            upload(stream)
        }
    };
    (0..STREAMS).flat_map(|at| head(2 * at + 1)).collect()
}

fn upload(stream: u32) -> Vec<u8> {
    let mut fields = plain("/public/a");
    fields[0].1 = b"POST";
    frame(HEADERS, END_HEADERS, stream, &block(&fields))
}

fn get_block() -> Vec<u8> {
    block(&plain("/public/a"))
}
