//! The command line: a file per command group.
//!
//! A command reads its arguments, opens what it needs, calls the rooms below, and prints. It decides nothing about
//! accounts or tokens itself: the same services answer the dialects. What a command promises goes to standard output,
//! everything else to standard error; exit codes are 0 for done, 1 for failed and 2 for wrong usage.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::config::{self, Config, Environment};
use crate::telemetry;

mod ask;
mod audit;
mod client;
mod completions;
mod connection;
mod demo;
mod doctor;
mod explain;
mod hash;
mod healthcheck;
mod import;
mod list;
mod output;
mod serve;
mod session;
mod settings;
mod setup;
mod store;
mod token;
mod user;

use setup::{Setup, runtime};

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
    /// Run the gateway
    Serve,
    /// Try everything out: a temporary store, a sample account, an echo upstream and the gateway on loopback
    Demo,
    /// Read the whole configuration and say every mistake
    Check,
    #[command(subcommand)]
    Config(settings::Settings),
    #[command(subcommand)]
    User(user::User),
    #[command(subcommand)]
    Client(client::Client),
    #[command(subcommand)]
    Token(token::Token),
    #[command(subcommand)]
    Session(session::Session),
    #[command(subcommand)]
    Connection(connection::Connection),
    #[command(subcommand)]
    Audit(audit::Audit),
    #[command(flatten)]
    Whole(store::Whole),
    Explain(explain::Explain),
    /// Look for what usually goes wrong: upstreams, clock, mail, store, permissions, TLS, cookies
    Doctor(doctor::Doctor),
    /// Ask the running gateway whether it takes requests; for containers
    Healthcheck,
    /// Read a password and print its Argon2id hash
    Hash(ask::PasswordSource),
    /// Print a script that completes commands in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Wrong usage that only shows once a command runs, such as a question without a terminal to ask it on. Exits 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(&'static str);

impl Cli {
    /// Does what the arguments say.
    ///
    /// # Errors
    /// If that fails, with everything that led to it; [`told`] and [`exit_code`] say how the process ends then.
    pub fn run(self) -> Result<()> {
        let source = Source(self.config);
        match self.command {
            Command::Serve => serve::run(&source),
            Command::Demo => demo::run(),
            Command::Check => settings::check(&source.file()?, &source.load()?),
            Command::Config(settings) => settings.run(&source),
            Command::User(user) => on_store(&source, async |setup| user.run(setup).await),
            Command::Client(client) => on_store(&source, async |setup| client.run(setup).await),
            Command::Token(token) => on_store(&source, async |setup| token.run(setup).await),
            Command::Session(session) => on_store(&source, async |setup| session.run(setup).await),
            Command::Connection(connection) => {
                on_store(&source, async |setup| connection.run(setup).await)
            }
            Command::Audit(audit) => on_store(&source, async |setup| audit.run(setup).await),
            Command::Whole(whole) => whole.run(&source.load()?),
            Command::Explain(explain) => {
                let config = source.load()?;
                telemetry::start_for_command()?;
                runtime()?.block_on(explain.run(&config))
            }
            Command::Doctor(doctor) => {
                let config = source.load()?;
                telemetry::start_for_command()?;
                runtime()?.block_on(doctor.run(&source, &config))
            }
            Command::Healthcheck => healthcheck::run(source.load()?.admin.address),
            Command::Hash(password) => hash::run(password, &source),
            Command::Completions { shell } => completions::run(shell),
        }
    }
}

/// An error and what led to it, in one line. A cause that the text before it has told already is not told again.
#[must_use]
pub fn told(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

/// How the process ends after an error: 2 for wrong usage, 1 for everything else.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
}

/// Runs a command over the store that the configuration names.
fn on_store(source: &Source, command: impl AsyncFnOnce(&Setup) -> Result<()>) -> Result<()> {
    let config = source.load()?;
    telemetry::start_for_command()?;
    runtime()?.block_on(async {
        let setup = Setup::open(&config)?;
        command(&setup).await
    })
}

/// Where the configuration comes from: what `--config` named, if it did.
#[derive(Debug)]
struct Source(Option<PathBuf>);

impl Source {
    /// The file, if one is named or there.
    fn found(&self) -> Option<PathBuf> {
        let named = self.0.clone();
        named.or_else(|| config::default_file(&Environment::from_process()))
    }

    /// The file.
    fn file(&self) -> Result<PathBuf> {
        self.found().with_context(|| {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_defined_without_contradictions() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn each_cause_is_told_once() {
        let error = anyhow::anyhow!("disk full")
            .context("cannot write x: disk full")
            .context("no backup");
        assert_eq!(told(&error), "no backup: cannot write x: disk full");
    }
}
