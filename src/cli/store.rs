//! `backup`, `restore`, `migrate`: the store as a whole.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Subcommand;

use crate::config::Config;
use crate::config::section::StoreUrl;
use crate::store::sqlite::SqliteStore;

/// What is done to the store as a whole.
#[derive(Debug, Subcommand)]
pub(super) enum Whole {
    /// Copy the whole store into a new file, also while it is served
    Backup {
        /// The file; it must not exist
        file: PathBuf,
    },
    /// Put a backup in the place of a store that is not served
    Restore {
        /// The backup
        file: PathBuf,
    },
    /// Bring the store's schema up to date; `serve` does it too when it starts
    Migrate,
}

impl Whole {
    /// Does it. Blocks.
    pub(super) fn run(self, config: &Config) -> Result<()> {
        let store = path(config)?;
        match self {
            Self::Backup { file } => {
                anyhow::ensure!(
                    store.exists(),
                    "there is no store at {} to back up",
                    store.display()
                );
                SqliteStore::open(store)?.backup(&file)?;
                eprintln!("{} is backed up to {}", store.display(), file.display());
            }
            Self::Restore { file } => {
                SqliteStore::restore(&file, store)?;
                eprintln!("{} is restored from {}", store.display(), file.display());
            }
            Self::Migrate => {
                SqliteStore::open(store)?;
                eprintln!("{} is up to date", store.display());
            }
        }
        Ok(())
    }
}

fn path(config: &Config) -> Result<&Path> {
    match &config.store.url {
        StoreUrl::Sqlite(path) => Ok(path),
        StoreUrl::Memory => {
            bail!("the store is \"memory:\" and ends with `serve`: there is no file of it")
        }
    }
}
