//! Connections that only read.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use rusqlite::Connection;

use super::connection::Purpose;
use super::place::{Line, Place};
use super::worker::Worker;
use crate::store::StoreError;

/// Connections for point reads, which run where they are asked for: they take microseconds, less than a change of thread.
#[derive(Debug)]
pub(super) struct Readers {
    lines: Box<[Mutex<Line>]>,
    next: AtomicUsize,
}

impl Readers {
    /// As many as there are processors, within bounds. They connect when they are first used.
    pub(super) fn new(place: &Arc<Place>) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            lines: (0..processors.clamp(2, 16))
                .map(|_| Mutex::new(Line::new(place, Purpose::Read)))
                .collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// Reads with a connection that is free, or waits for one.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let first = self.next.fetch_add(1, Ordering::Relaxed) % self.lines.len().max(1);
        let mut in_turn = self.lines.iter().cycle().skip(first).take(self.lines.len());
        let free = in_turn.clone().find_map(Mutex::try_lock);
        match free.or_else(|| in_turn.next().map(Mutex::lock)) {
            Some(mut line) => line.with(work),
            None => Err(StoreError::Unavailable("it has no readers".to_owned())),
        }
    }
}

/// The thread for lists, which may take long.
pub(super) fn start_lists(place: &Arc<Place>) -> io::Result<Worker> {
    let mut line = Line::new(place, Purpose::Read);
    Worker::start("store-lists", move |mut queue| {
        while let Some(mut job) = queue.blocking_recv() {
            let mut is_run = false;
            let done = line.with(|connection| {
                is_run = true;
                let failed = || StoreError::Unavailable("a list failed".to_owned());
                job.run(connection).then_some(()).ok_or_else(failed)
            });
            let failure = done.err().filter(|_| !is_run).map(|e| e.to_string());
            job.answer(failure.as_deref());
        }
    })
}
