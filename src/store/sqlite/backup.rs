//! Copies of a store, whole and consistent.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::Backup;

use super::SqliteStore;
use super::connection::{OpenError, check_mode, make_file, open, prepare, refuse_foreign, refused};

impl SqliteStore {
    /// Copies the store to a file that must not exist, while it is in use. The copy is for its owner alone, synced, and
    /// there whole or not at all. Blocks; a gigabyte takes seconds.
    ///
    /// # Errors
    /// If the file exists or cannot be written.
    pub fn backup(&self, to: &Path) -> Result<(), OpenError> {
        if to.exists() {
            let source = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(unreachable(to, source));
        }
        copy(&open(self.place.path())?, to)
    }

    /// Puts a backup in the place of a store that nobody uses. Blocks; a gigabyte takes seconds.
    ///
    /// # Errors
    /// If the backup is none, or a process has the store open; the store is then as it was.
    pub fn restore(from: &Path, to: &Path) -> Result<(), OpenError> {
        let missing = |source| unreachable(from, source);
        std::fs::metadata(from).map_err(missing)?;
        let backup = open(from)?;
        refuse_foreign(from, &backup)?;
        check_whole(from, &backup)?;
        let store = if to.exists() {
            Some(take_alone(to)?)
        } else {
            None
        };
        copy(&backup, to)?;
        drop(store);
        prepare(to)
    }
}

/// Copies into a file beside the target, and gives it the target's name once it is on disk.
fn copy(from: &Connection, to: &Path) -> Result<(), OpenError> {
    let partial = partial(to);
    let fail = |source| unreachable(&partial, source);
    if partial.exists() {
        std::fs::remove_file(&partial).map_err(fail)?;
    }
    make_file(&partial).map_err(fail)?;
    check_mode(&partial)?;
    let written = write(from, &partial).and_then(|()| {
        std::fs::rename(&partial, to)
            .and_then(|()| sync_directory(to))
            .map_err(|source| unreachable(to, source))
    });
    if written.is_err() && partial.exists() {
        std::fs::remove_file(&partial).map_err(fail)?;
    }
    written
}

/// One step, so that writers in between do not make it start again. It holds up nobody: the log keeps a reader's state.
fn write(from: &Connection, to: &Path) -> Result<(), OpenError> {
    let mut target = open(to)?;
    let run = |target: &mut Connection| {
        target.execute_batch("PRAGMA synchronous = FULL")?;
        Backup::new(from, target)?.step(-1)?;
        // A backup is one file: without this it would want a log beside it.
        target.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
    };
    run(&mut target).map_err(|error| refused(to, &error))
}

/// Leaves write-ahead logging, which only the sole user of a file can do, and keeps the file locked.
fn take_alone(path: &Path) -> Result<Connection, OpenError> {
    let store = open(path)?;
    refuse_foreign(path, &store)?;
    let alone = "PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE";
    store
        .execute_batch(alone)
        .map_err(|error| refused(path, &error))?;
    Ok(store)
}

fn check_whole(path: &Path, backup: &Connection) -> Result<(), OpenError> {
    let verdict = backup
        .query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
        .map_err(|error| refused(path, &error))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(OpenError::Refused {
        path: path.into(),
        reason: verdict,
    })
}

fn partial(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".partial");
    name.into()
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|d| !d.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

fn unreachable(path: &Path, source: io::Error) -> OpenError {
    OpenError::Unreachable {
        path: path.into(),
        source,
    }
}
