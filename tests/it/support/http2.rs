//! HTTP/2 as frames: a client that can send what no client would, and reads the little that it has to of the answers.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::client::Duplex;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One connection.
pub(crate) struct Http2 {
    socket: Box<dyn Duplex>,
    unread: Vec<u8>,
    /// Frames of streams that were not asked for yet.
    held: Vec<Frame>,
}

/// A frame that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// How a stream, or the whole connection, ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// An answer, with its body.
    Status(u16, Vec<u8>),
    /// `RST_STREAM` before any answer, with its code.
    Reset(u32),
    /// `GOAWAY` with an error, with its code.
    GoAway(u32),
    /// Closed without a word.
    Closed,
}

const PATIENCE: Duration = Duration::from_secs(10);

impl Http2 {
    /// A connection after the preface and both sides' settings. The client wants no table for compressed fields.
    pub(crate) async fn over(socket: impl Duplex + 'static) -> Self {
        let mut client = Self::silent(socket);
        client.send(PREFACE).await;
        client.frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0]).await;
        client
    }

    /// A connection on which nothing was said yet.
    pub(crate) fn silent(socket: impl Duplex + 'static) -> Self {
        Self {
            socket: Box::new(socket),
            unread: Vec::new(),
            held: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        // A connection that was closed says so when it is read.
        let _ = self.socket.write_all(bytes).await;
        let _ = self.socket.flush().await;
    }

    pub(crate) async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.send(&frame(kind, flags, stream, payload)).await;
    }

    /// `HEADERS` that is a whole head.
    pub(crate) async fn head(&mut self, stream: u32, fields: &[(&[u8], &[u8])], ends: bool) {
        let flags = END_HEADERS | if ends { END_STREAM } else { 0 };
        self.frame(HEADERS, flags, stream, &block(fields)).await;
    }

    /// A plain request.
    pub(crate) async fn get(&mut self, stream: u32, path: &str) {
        self.head(stream, &plain(path), true).await;
    }

    /// How this stream ends, or the connection before it does.
    pub(crate) async fn verdict(&mut self, stream: u32) -> Verdict {
        let mut answer: Option<(u16, Vec<u8>)> = None;
        loop {
            let Some(frame) = self.next_of(stream).await else {
                return Verdict::Closed;
            };
            match (frame.kind, frame.stream) {
                (GOAWAY, _) if code(&frame.payload[4..]) != 0 => {
                    return Verdict::GoAway(code(&frame.payload[4..]));
                }
                (HEADERS, id) if id == stream => {
                    answer = Some((status(&frame.payload), Vec::new()));
                }
                (DATA, id) if id == stream => {
                    let (_, body) = answer.as_mut().expect("DATA before HEADERS");
                    body.extend(&frame.payload);
                }
                (RST_STREAM, id) if id == stream => {
                    return match answer {
                        Some((status, body)) => Verdict::Status(status, body),
                        None => Verdict::Reset(code(&frame.payload)),
                    };
                }
                _ => continue,
            }
            if let Some((status, body)) = &answer
                && frame.flags & END_STREAM != 0
            {
                return Verdict::Status(*status, body.clone());
            }
        }
    }

    /// The next frame of a stream, or of the connection.
    async fn next_of(&mut self, stream: u32) -> Option<Frame> {
        if let Some(at) = self.held.iter().position(|frame| frame.stream == stream) {
            return Some(self.held.remove(at));
        }
        loop {
            let frame = self.next().await?;
            if [0, stream].contains(&frame.stream) {
                return Some(frame);
            }
            self.held.push(frame);
        }
    }

    /// The next frame; `None` once the other side has closed.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.take() {
                if frame.kind == SETTINGS && frame.flags & ACK == 0 {
                    self.frame_ack().await;
                }
                return Some(frame);
            }
            let read = timeout(PATIENCE, self.socket.read_buf(&mut self.unread)).await;
            match read.expect("nothing came for ten seconds") {
                Ok(1..) => {}
                _ => return None,
            }
        }
    }

    async fn frame_ack(&mut self) {
        self.frame(SETTINGS, ACK, 0, &[]).await;
    }

    fn take(&mut self) -> Option<Frame> {
        let length = self.unread.get(..3)?;
        let length = u32::from_be_bytes([0, length[0], length[1], length[2]]) as usize;
        if self.unread.len() < 9 + length {
            return None;
        }
        let bytes: Vec<u8> = self.unread.drain(..9 + length).collect();
        Some(Frame {
            kind: bytes[3],
            flags: bytes[4],
            stream: code(&bytes[5..]) & 0x7fff_ffff,
            payload: bytes[9..].to_vec(),
        })
    }
}

/// A frame as bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The fields of `GET path`.
pub(crate) fn plain(path: &str) -> [(&[u8], &[u8]); 4] {
    [
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":authority", b"a.example"),
        (b":path", path.as_bytes()),
    ]
}

/// Fields as a header block: each a literal that is never indexed, so that every byte is sent as it is. Source: RFC 7541
/// §6.2.3.
pub(crate) fn block(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0x10);
        for text in [name, value] {
            integer(&mut bytes, 7, text.len());
            bytes.extend(*text);
        }
    }
    bytes
}

/// RFC 7541 §5.1, in a byte whose other bits are zero.
fn integer(bytes: &mut Vec<u8>, bits: u8, mut value: usize) {
    let most = (1 << bits) - 1;
    if value < most {
        return bytes.push(u8::try_from(value).unwrap());
    }
    bytes.push(u8::try_from(most).unwrap());
    value -= most;
    while value >= 128 {
        bytes.push(u8::try_from(value % 128).unwrap() | 128);
        value /= 128;
    }
    bytes.push(u8::try_from(value).unwrap());
}

/// The `:status` that a block begins with, after changes of the table's size.
fn status(block: &[u8]) -> u16 {
    let start = block.iter().position(|byte| byte & 0xe0 != 0x20).unwrap();
    let block = &block[start..];
    let known = [200, 204, 206, 304, 400, 404, 500];
    match block {
        [index @ 0x88..=0x8e, ..] => known[usize::from(index - 0x88)],
        [0x48 | 0x18 | 0x08, 3, digits, ..] if digits.is_ascii_digit() => {
            std::str::from_utf8(&block[2..5]).unwrap().parse().unwrap()
        }
        [0x48 | 0x18 | 0x08, length, ..] => {
            huffman_digits(&block[2..2 + usize::from(length & 0x7f)])
        }
        _ => panic!("no status: {block:?}"),
    }
}

/// Three digits in the code of RFC 7541 appendix B: 0 to 2 have five bits, the others six.
fn huffman_digits(bytes: &[u8]) -> u16 {
    let mut bits = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |at| u16::from(byte >> at & 1)));
    (0..3).fold(0, |number, _| {
        let five = bits.by_ref().take(5).fold(0, |code, bit| code << 1 | bit);
        let digit = if five < 3 {
            five
        } else {
            (five << 1 | bits.next().unwrap()) - 0b01_1001 + 3
        };
        number * 10 + digit
    })
}

pub(crate) fn code(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().unwrap())
}
