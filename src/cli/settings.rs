//! `check` and `config …`: the configuration itself.

use std::path::Path;

use anyhow::Result;
use clap::Subcommand;

use crate::config::{Config, EXAMPLE};

use super::{Source, output};

/// Print the annotated example, or the configuration as it is used
#[derive(Debug, Subcommand)]
pub(super) enum Settings {
    /// Print the annotated example file, every key at its default
    Example,
    /// Print the configuration as it is used, file and environment together, secrets left out
    Show,
}

impl Settings {
    /// Prints one or the other; the example needs no configuration.
    pub(super) fn run(self, source: &Source) -> Result<()> {
        match self {
            Self::Example => output::print(EXAMPLE.trim_end()),
            Self::Show => output::print(source.load()?.show().trim_end()),
        }
    }
}

/// Says that a configuration is good and what it amounts to. A bad one never gets here.
pub(super) fn check(file: &Path, config: &Config) -> Result<()> {
    let dialects = &config.dialects;
    let spoken = [
        ("key_token", dialects.key_token.is_some()),
        ("x_auth", dialects.x_auth.is_some()),
        ("id_api", dialects.id_api.is_some()),
        ("namespace", dialects.namespace.is_some()),
    ];
    let spoken: Vec<&str> = spoken
        .into_iter()
        .filter_map(|(name, on)| on.then_some(name))
        .collect();
    output::print(&format!(
        "{} is good: {}, {}, {}; dialects: {}",
        file.display(),
        count(config.listen.len(), "listener"),
        count(config.routes.len(), "route"),
        count(config.upstreams.len(), "upstream"),
        if spoken.is_empty() {
            "none".to_owned()
        } else {
            spoken.join(", ")
        },
    ))?;
    for sentence in config.advice() {
        eprintln!("note: {sentence}");
    }
    Ok(())
}

fn count(number: usize, of: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {of}{plural}")
}
