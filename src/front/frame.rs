//! The frames in a stream of bytes, found by their headers; what stands in them passes. Source: RFC 9113 §4.1.

/// Finds the frames in a stream of bytes.
#[derive(Debug)]
pub(super) struct Reader {
    /// Bytes before the first frame.
    preface: usize,
    /// The frame's header, and for short payloads that matter the first bytes of those.
    bytes: [u8; HEADER + KEPT],
    filled: usize,
    /// Bytes of the payload that are still to come, kept or not.
    left: usize,
}

/// A frame: its header, and the first four bytes of its payload, or what there is of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) length: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) number: u32,
}

pub(super) enum Event<'a> {
    /// Bytes of a head's frame.
    Head(&'a [u8]),
    /// So many bytes of a stream's DATA.
    Data(u32, usize),
    /// A whole frame.
    Frame(Frame),
}

impl Reader {
    pub(super) fn new(preface: usize) -> Self {
        Self {
            preface,
            bytes: [0; HEADER + KEPT],
            filled: 0,
            left: 0,
        }
    }

    /// What these bytes are next; takes them away. `None` once there are none.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Event<'a>> {
        let skipped = take(bytes, self.preface).len();
        self.preface -= skipped;
        if self.filled < HEADER {
            let room = HEADER - self.filled;
            self.keep(take(bytes, room));
            if self.filled < HEADER {
                return None;
            }
            self.left = self.frame().length;
        }
        let frame = self.frame();
        if self.left == 0 {
            self.filled = 0;
            return Some(Event::Frame(frame));
        }
        let payload = take(bytes, self.left);
        if payload.is_empty() {
            return None;
        }
        self.left -= payload.len();
        self.keep(payload);
        if frame.kind == DATA {
            return Some(Event::Data(frame.stream, payload.len()));
        }
        if [HEADERS, CONTINUATION].contains(&frame.kind) {
            return Some(Event::Head(payload));
        }
        self.next(bytes)
    }

    /// Whether a frame has begun.
    pub(super) fn is_within(&self) -> bool {
        self.filled > 0
    }

    /// Whether a frame has begun that is no DATA.
    pub(super) fn is_within_head(&self) -> bool {
        self.filled > 0 && (self.filled < HEADER || self.frame().kind != DATA)
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = self.bytes.iter_mut().skip(self.filled);
        let kept = room.zip(bytes).map(|(place, byte)| *place = *byte).count();
        self.filled += kept;
    }

    fn frame(&self) -> Frame {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3, n0, n1, n2, n3] = self.bytes;
        Frame {
            length: u32::from_be_bytes([0, l0, l1, l2]) as usize,
            kind,
            flags,
            stream: u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]),
            number: u32::from_be_bytes([n0, n1, n2, n3]),
        }
    }
}

/// Takes at most so many bytes off the front.
fn take<'a>(bytes: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(most.min(bytes.len()));
    *bytes = rest;
    taken
}

const HEADER: usize = 9;
const KEPT: usize = 4;
pub(super) const PREFACE: usize = 24;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
