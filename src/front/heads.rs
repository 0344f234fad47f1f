//! The heads of an HTTP/2 connection, put together from their frames as they pass: which stream each opens, and what h2
//! would overlook in it. Source: RFC 9113 §6.2, §6.10 and §8.1.

use super::frame::END_HEADERS;
use super::hpack::{Seen, Table};

/// The heads of a connection.
#[derive(Debug)]
pub(super) struct Heads {
    table: Table,
    /// The block of the head that is under way.
    block: Vec<u8>,
    /// Where in it the frame that is under way begins.
    frame_start: usize,
    /// Whether it is longer than any that h2 takes.
    is_too_long: bool,
    /// The newest stream, and whether the head that is under way opens it.
    newest: u32,
    is_opening: bool,
    opened: Option<Opened>,
}

/// A stream that a head opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) stream: u32,
    /// Its `:path` has a fragment, which h2 cuts off.
    pub(super) has_fragment: bool,
}

/// A head that cannot be read, or trailers with a pseudo field: the connection is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

impl Heads {
    pub(super) fn new() -> Self {
        Self {
            table: Table::new(),
            block: Vec::new(),
            frame_start: 0,
            is_too_long: false,
            newest: 0,
            is_opening: false,
            opened: None,
        }
    }

    /// Bytes of a frame of a head.
    pub(super) fn go_on(&mut self, bytes: &[u8]) {
        self.is_too_long |= self.block.len() + bytes.len() > MOST;
        if !self.is_too_long {
            self.block.extend_from_slice(bytes);
        }
    }

    /// A frame of a head ended.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn end_frame(
        &mut self,
        stream: u32,
        begins: bool,
        flags: u8,
    ) -> Result<(), Unreadable> {
        if self.is_too_long {
            return Err(Unreadable);
        }
        if begins {
            self.is_opening = stream > self.newest;
            self.newest = self.newest.max(stream);
            self.strip(flags).ok_or(Unreadable)?;
        }
        self.frame_start = self.block.len();
        if flags & END_HEADERS == 0 {
            return Ok(());
        }
        let seen = self.table.read(&self.block);
        self.block.clear();
        self.frame_start = 0;
        self.end_head(stream, seen.ok_or(Unreadable)?)
    }

    /// Whether a head was whole that opened a stream, and nobody took it yet.
    pub(super) fn has_opened(&self) -> bool {
        self.opened.is_some()
    }

    pub(super) fn take_opened(&mut self) -> Option<Opened> {
        self.opened.take()
    }

    fn end_head(&mut self, stream: u32, seen: Seen) -> Result<(), Unreadable> {
        if self.is_opening {
            let has_fragment = seen.has_fragment;
            self.opened = Some(Opened {
                stream,
                has_fragment,
            });
        } else if seen.has_pseudo {
            return Err(Unreadable);
        }
        Ok(())
    }

    /// Takes padding and priority off the frame.
    fn strip(&mut self, flags: u8) -> Option<()> {
        let frame = self.block.get(self.frame_start..)?;
        let (padding, rest) = if flags & PADDED == 0 {
            (0, frame)
        } else {
            let (length, rest) = frame.split_first()?;
            (usize::from(*length), rest)
        };
        let priority = if flags & PRIORITY == 0 { 0 } else { 5 };
        let length = rest.len().checked_sub(priority + padding)?;
        let before = frame.len() - rest.len() + priority;
        self.block
            .drain(self.frame_start..self.frame_start + before);
        self.block.truncate(self.frame_start + length);
        Some(())
    }
}

/// More than h2 takes of a head by far: that ends the connection before.
const MOST: usize = 256 << 10;

const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;
