//! The command line: a file per command group.
//!
//! A command reads its arguments, opens what it needs, calls the rooms below, and prints. It decides nothing about
//! accounts or tokens itself: the same services answer the dialects. What a command promises goes to standard output,
//! everything else to standard error; exit codes are 0 for done, 1 for failed and 2 for wrong usage.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::config::{self, Config, Environment};

mod completions;
mod healthcheck;
mod output;
mod settings;

/// An authenticating reverse proxy and sidecar with its own token store, honest revocation and four login dialects.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, max_term_width = 100)]
pub struct Cli {
    /// The configuration file; otherwise ./countersign.toml, then /etc/countersign/countersign.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read the whole configuration and say every mistake
    Check,
    #[command(subcommand)]
    Config(settings::Settings),
    /// Ask the running gateway whether it takes requests; for containers
    Healthcheck,
    /// Print a script that completes commands in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

impl Cli {
    /// Does what the arguments say.
    ///
    /// # Errors
    /// If that fails, with everything that led to it.
    pub fn run(self) -> Result<()> {
        let source = Source(self.config);
        match self.command {
            Command::Check => settings::check(&source.file()?, &source.load()?),
            Command::Config(settings) => settings.run(&source),
            Command::Healthcheck => healthcheck::run(source.load()?.admin.address),
            Command::Completions { shell } => completions::run(shell),
        }
    }
}

/// Where the configuration comes from: what `--config` named, if it did.
#[derive(Debug)]
struct Source(Option<PathBuf>);

impl Source {
    /// The file.
    fn file(&self) -> Result<PathBuf> {
        let named = self.0.clone();
        named
            .or_else(|| config::default_file(&Environment::from_process()))
            .with_context(|| {
                let places = config::DEFAULT_FILES.join(" or ");
                format!(
                    "there is no configuration at {places}; name one with --config FILE, \
                     or start with `countersign config example > countersign.toml`"
                )
            })
    }

    /// The configuration in it, with the environment over it.
    fn load(&self) -> Result<Config> {
        Ok(Config::load(&self.file()?, &Environment::from_process())?)
    }
}
