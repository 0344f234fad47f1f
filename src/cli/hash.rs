//! `hash`: the Argon2id hash of a password, for files and databases that are filled by hand.

use std::path::Path;

use anyhow::{Context, Result};

use crate::auth::hasher::Hasher;
use crate::config::{Config, EXAMPLE, Environment};
use crate::metrics::Metrics;

use super::ask::PasswordSource;
use super::{Source, output, setup};

/// Reads a password and prints its PHC string, alone on standard output. The cost is that of the configuration if there is
/// one, and otherwise of the defaults.
pub(super) fn run(password: PasswordSource, source: &Source) -> Result<()> {
    let config = match source.found() {
        Some(_) => source.load()?,
        None => Config::from_text(EXAMPLE, "the example", Path::new(""), &Environment::empty())
            .context("the built-in example does not read")?,
    };
    let password = password.read()?;
    let hasher = Hasher::new(&config.password, &Metrics::new());
    let hash = setup::runtime()?.block_on(hasher.hash(password))?;
    output::print(hash.expose())
}
