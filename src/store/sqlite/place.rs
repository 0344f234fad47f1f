//! Where the file is, and whether it is still the same one.
//!
//! A file that is removed or replaced stays readable through connections that were made before. A store that went on with
//! them would serve, and acknowledge, what nobody else sees. So the file's identity is compared at every write, every
//! look at the feed and every failure; a new identity is a new generation, and connections of an older one are dropped.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use rusqlite::Connection;

use super::connection::{self, Purpose};
use crate::store::StoreError;

/// The place of a store's file.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    identity: Mutex<Option<Identity>>,
    generation: AtomicU64,
}

/// A connection that is made again when it has to be.
#[derive(Debug)]
pub(super) struct Line {
    place: Arc<Place>,
    purpose: Purpose,
    current: Option<(u64, Connection)>,
}

/// Device and inode.
type Identity = (u64, u64);

impl Place {
    pub(super) fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            identity: Mutex::new(None),
            generation: AtomicU64::new(0),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Looks at the file and returns its generation. One `stat`.
    pub(super) fn check(&self) -> Result<u64, StoreError> {
        let found = std::fs::metadata(&self.path);
        let now = found.as_ref().ok().map(|meta| (meta.dev(), meta.ino()));
        let mut identity = self.identity.lock();
        if *identity != now {
            *identity = now;
            self.generation.fetch_add(1, Ordering::SeqCst);
        }
        match found {
            Ok(_) => Ok(self.generation.load(Ordering::SeqCst)),
            Err(error) => Err(self.unavailable(error)),
        }
    }

    fn unavailable(&self, reason: impl std::fmt::Display) -> StoreError {
        StoreError::Unavailable(format!("{}: {reason}", self.path.display()))
    }
}

impl Line {
    pub(super) fn new(place: &Arc<Place>, purpose: Purpose) -> Self {
        Self {
            place: Arc::clone(place),
            purpose,
            current: None,
        }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Does something with the connection, and drops it if it turns out not to work.
    pub(super) fn with<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let generation = self.place.generation.load(Ordering::SeqCst);
        let (made_in, connection) = match self.current.take() {
            Some(current) if current.0 == generation => current,
            Some(_) | None => self.connect()?,
        };
        let result = work(&connection);
        if let Err(StoreError::Unavailable(_) | StoreError::Corrupt(_)) = result {
            drop(self.place.check());
        } else {
            self.current = Some((made_in, connection));
        }
        result
    }

    fn connect(&self) -> Result<(u64, Connection), StoreError> {
        let before = self.place.check()?;
        let connection = connection::connect(&self.place.path, self.purpose)
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        if self.place.check()? != before {
            return Err(self.place.unavailable("it was replaced just now"));
        }
        Ok((before, connection))
    }
}
