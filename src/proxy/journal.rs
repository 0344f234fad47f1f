//! Where log lines go: into a bounded buffer, and from there to a file descriptor on a thread of its own.
//!
//! A request pays for a copy, not for a system call. If the reader of the log stalls, lines are dropped and counted, and
//! requests go on; a line is whole or not there.

use std::io::{self, Write};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// A log that never blocks its writers. Clones share it.
#[derive(Debug, Clone)]
pub struct Journal {
    shared: Arc<Shared>,
}

/// Ends the log's thread when it is dropped, after everything written so far has left.
#[derive(Debug)]
pub struct JournalGuard {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    pending: Mutex<Pending>,
    woken: Condvar,
}

#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    dropped: u64,
    closed: bool,
}

/// More than this waiting is dropped.
const LIMIT_BYTES: usize = 4 << 20;

/// How long lines are gathered before they are written together.
const GATHER: Duration = Duration::from_millis(20);

impl Journal {
    /// Opens a log that ends in `out`, written by a thread of its own.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn open(out: impl Write + Send + 'static) -> io::Result<(Self, JournalGuard)> {
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || own.drain(out))?;
        let guard = JournalGuard {
            shared: Arc::clone(&shared),
            thread: Some(thread),
        };
        Ok((Self { shared }, guard))
    }

    /// Takes whole lines, or drops them if too much is waiting. Never blocks on the reader.
    pub fn write(&self, lines: &[u8]) {
        let mut pending = self.shared.pending.lock();
        if pending.bytes.len() + lines.len() > LIMIT_BYTES {
            pending.dropped += 1;
            return;
        }
        let was_empty = pending.bytes.is_empty();
        pending.bytes.extend_from_slice(lines);
        drop(pending);
        if was_empty {
            self.shared.woken.notify_one();
        }
    }
}

impl Drop for JournalGuard {
    fn drop(&mut self) {
        self.shared.pending.lock().closed = true;
        self.shared.woken.notify_one();
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has already been reported on its own thread.
            let _ = thread.join();
        }
    }
}

/// A line at a time, for loggers that write through `io::Write`.
impl Write for Journal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Self::write(self, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn drain(&self, mut out: impl Write) {
        let mut bytes = Vec::new();
        loop {
            let (dropped, closed) = self.take(&mut bytes);
            // Nobody is left to tell when the log itself cannot be written.
            let _ = out.write_all(&bytes);
            if dropped > 0 {
                let _ = writeln!(
                    out,
                    r#"{{"level":"warn","message":"log lines were dropped","dropped":{dropped}}}"#
                );
            }
            let _ = out.flush();
            if closed {
                return;
            }
        }
    }

    fn take(&self, bytes: &mut Vec<u8>) -> (u64, bool) {
        bytes.clear();
        let mut pending = self.pending.lock();
        while pending.bytes.is_empty() && !pending.closed {
            self.woken.wait(&mut pending);
        }
        if !pending.closed {
            self.woken.wait_for(&mut pending, GATHER);
        }
        std::mem::swap(bytes, &mut pending.bytes);
        (std::mem::take(&mut pending.dropped), pending.closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_was_written_has_left_when_the_guard_is_gone() {
        let sink = Sink::default();
        let (journal, guard) = Journal::open(sink.clone()).unwrap();
        for _ in 0..1000 {
            journal.write(b"a line\n");
        }
        drop(guard);
        assert_eq!(sink.0.lock().len(), 7000);
    }

    #[test]
    fn a_stalled_reader_costs_lines_and_no_time() {
        let sink = Sink::default();
        let stall = sink.0.lock();
        let (journal, guard) = Journal::open(sink.clone()).unwrap();
        let line = vec![b'x'; 1 << 20];
        for _ in 0..20 {
            journal.write(&line);
        }
        drop(stall);
        drop(guard);
        let text = String::from_utf8(sink.0.lock().clone()).unwrap();
        assert!(text.contains("log lines were dropped"), "{}", text.len());
    }
}
