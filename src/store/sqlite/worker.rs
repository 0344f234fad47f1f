//! A thread that works for the async world: a bounded queue in, an answer out.

use std::fmt;
use std::io;
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::store::StoreError;

/// A thread with a queue. It ends, with everything in the queue done, when this is dropped.
pub(super) struct Worker {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

/// Something to do with a connection, for whoever waits for it. Run first, answered later: a commit may lie between.
pub(super) trait Job: Send {
    /// Does it; false if what it wrote has to be undone.
    fn run(&mut self, connection: &Connection) -> bool;

    /// Gives the answer; `failure` if everything failed with it.
    fn answer(self: Box<Self>, failure: Option<&str>);
}

struct Question<T, F> {
    work: Option<F>,
    result: Result<T, StoreError>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl Worker {
    pub(super) fn start(
        name: &str,
        work: impl FnOnce(mpsc::Receiver<Box<dyn Job>>) + Send + 'static,
    ) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work(queue))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Has something done; waits for room in the queue.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let question = Question {
            work: Some(work),
            result: Err(gone()),
            reply,
        };
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(Box::new(question)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl<T, F> Job for Question<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        if let Some(work) = self.work.take() {
            self.result = work(connection);
        }
        self.result.is_ok()
    }

    fn answer(self: Box<Self>, failure: Option<&str>) {
        let result = match failure {
            Some(reason) => Err(StoreError::Unavailable(reason.to_owned())),
            None => self.result,
        };
        // Whoever asked may have gone away; what was done stays done.
        drop(self.reply.send(result));
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Worker")
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("its thread has ended".to_owned())
}

/// How much may wait; whoever comes then waits to wait.
const QUEUE: usize = 256;
