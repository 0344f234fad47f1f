//! Making a file and connections to it that keep what they promise.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

/// Why a store could not be opened, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file or its directory cannot be made or looked at.
    #[error(
        "the store {path} cannot be made or read: {source}; give the user that runs countersign a directory that it may write"
    )]
    Unreachable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others than its owner have access.
    #[error(
        "the store {path} is open to others than its owner (mode {mode:03o}) and holds password hashes and keys; run: chmod 600 {path}"
    )]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is something else.
    #[error(
        "{path} is not a countersign store; name another file in `[store] url`, or restore a backup"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error(
        "the store {path} has schema {found}, and this countersign knows schemas up to {known}; run the newer countersign that wrote it, or restore a backup"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema's version.
        found: usize,
        /// The newest that is known.
        known: usize,
    },
    /// The file system does not let it be durable.
    #[error(
        "the store {path} cannot promise durability ({setting} is {found}); put it on a local file system"
    )]
    NotDurable {
        /// The file.
        path: PathBuf,
        /// SQLite's setting.
        setting: &'static str,
        /// What it is.
        found: String,
    },
    /// Another process uses it, where it must not.
    #[error("the store {path} is in use by another process; stop it first")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// SQLite refuses.
    #[error("the store {path} cannot be used: {reason}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// What it says.
        reason: String,
    },
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    Write,
}

/// Makes the file if it is missing and brings its schema up to date.
pub(super) fn prepare(path: &Path) -> Result<(), OpenError> {
    make_file(path).map_err(|source| OpenError::Unreachable {
        path: path.into(),
        source,
    })?;
    check_mode(path)?;
    let mut connection = open(path)?;
    refuse_foreign(path, &connection)?;
    configure(path, &connection, Purpose::Write)?;
    migrate(path, &mut connection)
}

/// A connection to a file that was prepared.
pub(super) fn connect(path: &Path, purpose: Purpose) -> Result<Connection, OpenError> {
    check_mode(path)?;
    let connection = open(path)?;
    let version = version(&connection).map_err(|error| refused(path, &error))?;
    if version != MIGRATIONS.len() {
        return Err(OpenError::Foreign { path: path.into() });
    }
    configure(path, &connection, purpose)?;
    Ok(connection)
}

/// Refuses a file that another program wrote, or a newer countersign.
pub(super) fn refuse_foreign(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let fail = |error: rusqlite::Error| refused(path, &error);
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let application = number("PRAGMA application_id").map_err(fail)?;
    let is_new = application == 0
        && number("SELECT count(*) FROM (SELECT 1 FROM sqlite_schema LIMIT 1)").map_err(fail)? == 0;
    let found = version(connection).map_err(fail)?;
    if application != APPLICATION && !is_new {
        return Err(OpenError::Foreign { path: path.into() });
    }
    if found > MIGRATIONS.len() {
        return Err(OpenError::Newer {
            path: path.into(),
            found,
            known: MIGRATIONS.len(),
        });
    }
    Ok(())
}

/// What SQLite's refusal means to whoever opens a store.
pub(super) fn refused(path: &Path, error: &rusqlite::Error) -> OpenError {
    let path = path.into();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::Foreign { path },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::InUse { path },
        _ => OpenError::Refused {
            path,
            reason: error.to_string(),
        },
    }
}

/// Refuses a file that others than its owner may read or write.
pub(super) fn check_mode(path: &Path) -> Result<(), OpenError> {
    let found = std::fs::metadata(path).map_err(|source| OpenError::Unreachable {
        path: path.into(),
        source,
    })?;
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(OpenError::TooOpen {
            path: path.into(),
            mode,
        });
    }
    Ok(())
}

/// Makes an empty file for its owner alone, and its directory if that is missing. Leaves a file that is there.
pub(super) fn make_file(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|d| !d.as_os_str().is_empty())
        && !directory.exists()
    {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        // The mode above is cut by the umask; an owner that masks itself out would lock itself out.
        Ok(file) => file.set_permissions(Permissions::from_mode(0o600)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// A connection without any settings but patience.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| refused(path, &error))?;
    connection
        .busy_timeout(BUSY)
        .map_err(|error| refused(path, &error))?;
    Ok(connection)
}

fn configure(path: &Path, connection: &Connection, purpose: Purpose) -> Result<(), OpenError> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let settings = match purpose {
        Purpose::Read => "PRAGMA query_only = ON;",
        // A mail that waits holds a link's secret: what is removed is overwritten, where that costs no page more.
        Purpose::Write => {
            "PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864; PRAGMA secure_delete = FAST;"
        }
    };
    // Without it a value that is bound may change the plan, and so each lookup would be planned anew.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .and_then(|_| connection.execute_batch(SETTINGS))
        .and_then(|()| connection.execute_batch(settings))
        .map_err(|error| refused(path, &error))?;
    for (setting, wanted) in [
        ("journal_mode", "wal"),
        ("synchronous", "2"),
        ("foreign_keys", "1"),
    ] {
        let found = pragma(connection, setting).map_err(|error| refused(path, &error))?;
        if found != wanted {
            return Err(OpenError::NotDurable {
                path: path.into(),
                setting,
                found,
            });
        }
    }
    Ok(())
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<String> {
    connection.pragma_query_value(None, name, |row| {
        let number = |_| row.get(0).map(|number: i64| number.to_string());
        row.get(0).or_else(number)
    })
}

/// All steps that are missing, in one transaction; the version is read in it, since another process may have been faster.
fn migrate(path: &Path, connection: &mut Connection) -> Result<(), OpenError> {
    let run = |connection: &mut Connection| {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for step in MIGRATIONS.iter().skip(version(&transaction)?) {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        let newest = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
        transaction.pragma_update(None, "user_version", newest)?;
        transaction.commit()
    };
    let known = version(connection).map_err(|error| refused(path, &error))?;
    if known == MIGRATIONS.len() {
        return Ok(());
    }
    run(connection).map_err(|error| refused(path, &error))
}

fn version(connection: &Connection) -> rusqlite::Result<usize> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

/// The schema's steps; the version of a store is how many of them it has seen. Steps are added, never changed.
const MIGRATIONS: &[&str] = &[
    include_str!("../schema/0001_start.sql"),
    include_str!("../schema/0002_codes.sql"),
    include_str!("../schema/0003_consents.sql"),
    include_str!("../schema/0004_factors.sql"),
    include_str!("../schema/0005_unproved.sql"),
];

/// What stands in the file's header to say that it is ours: "csgn".
const APPLICATION: i64 = 0x6373_676e;

const SETTINGS: &str = "PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -16384;";

const BUSY: Duration = Duration::from_secs(5);
const STATEMENTS: usize = 96;
