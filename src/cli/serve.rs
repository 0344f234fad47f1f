//! `serve`: runs the gateway.

use std::sync::Arc;

use anyhow::Result;

use crate::config::{Config, Environment};
use crate::server;

use super::Source;

/// Serves until it is told to stop. A reload reads the same file and environment again.
pub(super) fn run(source: &Source) -> Result<()> {
    let file = source.file()?;
    let load = move || Config::load(&file, &Environment::from_process());
    let config = load()?;
    for sentence in config.advice() {
        eprintln!("note: {sentence}");
    }
    Ok(server::serve(config, Arc::new(load))?)
}
