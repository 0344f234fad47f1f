//! The one thread that writes.
//!
//! A sync to disk costs far more than a change, so changes that wait at the same time share one transaction. Each has a
//! savepoint of its own: one that fails is undone alone. Nobody hears of a change before the sync is done; if it fails,
//! all of them failed and nothing is kept.

use std::io;
use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::mpsc::Receiver;

use super::connection::Purpose;
use super::place::{Line, Place};
use super::worker::{Job, Worker};
use crate::store::StoreError;

pub(super) fn start(place: &Arc<Place>) -> io::Result<Worker> {
    let line = Line::new(place, Purpose::Write);
    Worker::start("store-writer", move |queue| write(line, queue))
}

fn write(mut line: Line, mut queue: Receiver<Box<dyn Job>>) {
    while let Some(first) = queue.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = queue.try_recv()
        {
            group.push(next);
        }
        let failure = commit(&mut line, &mut group).err();
        let failure = failure.map(|error| error.to_string());
        for job in group {
            job.answer(failure.as_deref());
        }
    }
}

/// One transaction. The file is looked at before and after: a commit into a file that was removed meanwhile is none.
fn commit(line: &mut Line, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    let before = line.place().check()?;
    line.with(|connection| {
        let result = transact(connection, group);
        if result.is_err() && !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK")?;
        }
        result
    })?;
    if line.place().check()? == before {
        Ok(())
    } else {
        Err(StoreError::Unavailable("its file was replaced".to_owned()))
    }
}

fn transact(connection: &Connection, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    let run = |sql| connection.prepare_cached(sql)?.execute([]);
    run("BEGIN IMMEDIATE")?;
    for job in group {
        run("SAVEPOINT operation")?;
        let is_good = job.run(connection);
        // A full disk or a failed read can undo the whole transaction by itself; what came before is gone with it.
        if connection.is_autocommit() {
            return Err(StoreError::Unavailable("the disk failed".to_owned()));
        }
        if !is_good {
            run("ROLLBACK TO operation")?;
        }
        run("RELEASE operation")?;
    }
    run("COMMIT")?;
    Ok(())
}

/// How many changes share a sync at most.
const GROUP: usize = 64;
