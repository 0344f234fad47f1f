//! The store in one SQLite file. Several processes may use the same file: the command line beside `serve`.
//!
//! Write-ahead log with `synchronous = FULL`: what was answered survives `kill -9` and power loss. One thread writes, and
//! puts up to 64 operations into one transaction, so that they share one sync (`writer`). Point reads run inline on
//! connections of their own, since they take microseconds; long lists run on one thread more (`readers`). Nothing is
//! scanned at start.
//!
//! A file that vanishes or a disk that fails makes every call [`StoreError::Unavailable`](super::StoreError::Unavailable)
//! until it is back; connections are then made again (`place`).

mod accounts;
mod backup;
mod clients;
mod codes;
mod connection;
mod connections;
mod consents;
mod factors;
mod journal;
mod outbox;
mod place;
mod readers;
mod rows;
mod sessions;
mod tickets;
mod tokens;
mod worker;
mod writer;
mod writing;

use std::path::Path;
use std::sync::Arc;

use place::Place;
use readers::Readers;
use worker::Worker;

pub use connection::OpenError;

/// A store in an SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    place: Arc<Place>,
    readers: Readers,
    lists: Worker,
    writer: Worker,
}

impl SqliteStore {
    /// Opens a store, and makes it if there is no file: the file for its owner alone, its directory too if that is
    /// missing. Brings an older schema up to date. Blocks for some milliseconds.
    ///
    /// # Errors
    /// If the file cannot be used safely; the message says what to do.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        connection::prepare(path)?;
        let place = Arc::new(Place::of(path));
        let threads = |source| OpenError::Unreachable {
            path: path.into(),
            source,
        };
        Ok(Self {
            readers: Readers::new(&place),
            lists: readers::start_lists(&place).map_err(threads)?,
            writer: writer::start(&place).map_err(threads)?,
            place,
        })
    }
}
