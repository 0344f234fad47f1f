//! When sessions were last used, written down in batches.
//!
//! A request says that it used a session at most once a minute ([`LastUsed`](crate::model::principal::LastUsed)) and never
//! waits for it: a full queue drops the note, and the next minute brings another.

use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::model::id::SessionId;
use crate::model::time::Timestamp;
use crate::store::SharedStore;

/// Where uses are noted.
#[derive(Debug, Clone)]
pub(super) struct Uses(mpsc::Sender<(SessionId, Timestamp)>);

/// What writes them down.
#[derive(Debug)]
pub(super) struct Recorder {
    notes: mpsc::Receiver<(SessionId, Timestamp)>,
    store: SharedStore,
}

/// A queue of uses and its recorder.
pub(super) fn queue(store: SharedStore) -> (Uses, Recorder) {
    let (sender, notes) = mpsc::channel(QUEUE);
    (Uses(sender), Recorder { notes, store })
}

impl Uses {
    /// Notes a use, or drops the note if the queue is full.
    pub(super) fn note(&self, session: SessionId, at: Timestamp) {
        let _ = self.0.try_send((session, at));
    }
}

impl Recorder {
    /// Writes down what is noted, a batch a second, until `shutdown`; then what is left.
    pub(super) async fn run(&mut self, mut shutdown: watch::Receiver<bool>) {
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                biased;
                _ = shutdown.wait_for(|stop| *stop) => break,
                _ = self.notes.recv_many(&mut batch, BATCH) => {}
            }
            self.write(&mut batch).await;
            tokio::select! {
                _ = shutdown.wait_for(|stop| *stop) => break,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
        self.flush().await;
    }

    /// Writes down everything that is noted now.
    pub(super) async fn flush(&mut self) {
        let mut batch = Vec::new();
        while batch.len() < BATCH
            && let Ok(note) = self.notes.try_recv()
        {
            batch.push(note);
        }
        self.write(&mut batch).await;
    }

    async fn write(&self, batch: &mut Vec<(SessionId, Timestamp)>) {
        if batch.is_empty() {
            return;
        }
        if let Err(error) = self.store.touch_sessions(batch).await {
            tracing::debug!(%error, notes = batch.len(), "last uses were not written down");
        }
        batch.clear();
    }
}

const QUEUE: usize = 4096;
const BATCH: usize = 1024;
const PAUSE: Duration = Duration::from_secs(1);
