//! The threads that hash passwords: few, with a short queue before them.
//!
//! A login flood must not reach proxied requests, so hashing has operating-system threads of its own and never waits on an
//! async one. When the queue is full the caller hears it at once and answers 503 with `Retry-After`. A caller that went
//! away before its turn costs nothing.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::password::{Password, Verdict, Workspace};
use crate::config::section;
use crate::metrics::{IntGauge, Metrics};
use crate::store::accounts::PasswordHash;

/// Hashes and checks passwords, on its own threads. They end with it.
#[derive(Debug)]
pub struct Hasher {
    queue: SyncSender<Job>,
    waiting: IntGauge,
}

/// The queue is full, or its end was not reached in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords wait to be hashed")]
pub struct Busy {
    /// When it is worth trying again.
    pub retry_after: Duration,
}

enum Job {
    Hash(Password, oneshot::Sender<PasswordHash>),
    Verify(Password, Option<PasswordHash>, oneshot::Sender<Verdict>),
}

impl Hasher {
    /// Starts the threads. Their memory comes with the first hash.
    ///
    /// # Panics
    /// If Argon2 does not know the configured parameters, or the system has no more threads: both stop the start.
    #[must_use]
    pub fn new(config: &section::Password, metrics: &Metrics) -> Self {
        let (queue, jobs) = sync_channel(config.queue);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..config.concurrency.max(1) {
            let workspace = Workspace::new(config)
                .expect("the configuration was checked against Argon2's limits");
            let (jobs, waiting) = (Arc::clone(&jobs), metrics.hash_queue.clone());
            std::thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || work(workspace, &jobs, &waiting))
                .expect("a process that starts may have a few threads");
        }
        Self {
            queue,
            waiting: metrics.hash_queue.clone(),
        }
    }

    /// Hashes a password with our parameters and a fresh salt.
    ///
    /// # Errors
    /// If the queue is full.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, Busy> {
        self.ask(|answer| Job::Hash(password, answer)).await
    }

    /// Checks a password against a hash; the same work if there is none.
    ///
    /// # Errors
    /// If the queue is full.
    pub(super) async fn verify(
        &self,
        password: Password,
        hash: Option<PasswordHash>,
    ) -> Result<Verdict, Busy> {
        self.ask(|answer| Job::Verify(password, hash, answer)).await
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Result<T, Busy> {
        let (answer, answered) = oneshot::channel();
        self.waiting.inc();
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.queue.try_send(job(answer))
        {
            self.waiting.dec();
            return Err(BUSY);
        }
        match tokio::time::timeout(PATIENCE, answered).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(_)) | Err(_) => Err(BUSY),
        }
    }
}

impl Job {
    fn is_wanted(&self) -> bool {
        match self {
            Self::Hash(_, answer) => !answer.is_closed(),
            Self::Verify(_, _, answer) => !answer.is_closed(),
        }
    }

    fn run(self, workspace: &mut Workspace) {
        match self {
            Self::Hash(password, answer) => match workspace.hash(&password) {
                Ok(hash) => {
                    let _ = answer.send(hash);
                }
                Err(error) => tracing::error!(%error, "a password could not be hashed"),
            },
            Self::Verify(password, hash, answer) => {
                let _ = answer.send(workspace.verify(&password, hash.as_ref()));
            }
        }
    }
}

fn work(mut workspace: Workspace, jobs: &Mutex<Receiver<Job>>, waiting: &IntGauge) {
    loop {
        // The lock is held while waiting: one thread waits for the next job, the others for their turn to wait.
        let next = jobs.lock().recv();
        let Ok(job) = next else { return };
        waiting.dec();
        if job.is_wanted() {
            job.run(&mut workspace);
        }
    }
}

const BUSY: Busy = Busy {
    retry_after: Duration::from_secs(1),
};

/// Longer than a full queue takes on one slow core with the default parameters.
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn config(queue: usize) -> section::Password {
        section::Password {
            memory_kib: 8 * 1024,
            iterations: 4,
            parallelism: 1,
            concurrency: 1,
            queue,
            min_length: 8,
        }
    }

    #[tokio::test]
    async fn what_was_hashed_is_recognised() {
        let hasher = Hasher::new(&config(4), &Metrics::new());
        let hash = hasher.hash(Password::new("open sesame")).await.unwrap();
        for (typed, verdict) in [
            ("open sesame", Verdict::Match),
            ("open barley", Verdict::Mismatch),
        ] {
            let checked = hasher.verify(Password::new(typed), Some(hash.clone()));
            assert_eq!(checked.await, Ok(verdict), "{typed}");
        }
    }

    #[tokio::test]
    async fn a_full_queue_is_said_at_once_and_empties_again() {
        let metrics = Metrics::new();
        let hasher = Hasher::new(&config(2), &metrics);
        let asked = (0..50).map(|_| hasher.verify(Password::new("x"), None));
        let answers = futures_join(asked).await;
        let busy = answers.iter().filter(|answer| answer.is_err()).count();
        assert!((40..50).contains(&busy), "{busy} of 50 were refused");
        assert_eq!(metrics.hash_queue.get(), 0);
        assert_eq!(
            hasher.verify(Password::new("x"), None).await,
            Ok(Verdict::Mismatch)
        );
    }

    async fn futures_join<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
        let mut pinned: Vec<_> = futures.map(Box::pin).collect();
        let mut done: Vec<Option<T>> = pinned.iter().map(|_| None).collect();
        std::future::poll_fn(|context| {
            for (future, slot) in pinned.iter_mut().zip(&mut done) {
                if slot.is_none()
                    && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
                {
                    *slot = Some(value);
                }
            }
            if done.iter().all(Option::is_some) {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        done.into_iter().flatten().collect()
    }
}
