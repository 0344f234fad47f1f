//! Standard output: what a command promised and nothing else.

use std::io::{self, Write};

use anyhow::{Context, Result};

use crate::model::caption::{EXPECTED, caption};

/// Writes a text and a line's end. A reader that went away (`| head`) is no failure.
pub(super) fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Reads what people will see in lists and pages: a name, a label.
pub(super) fn name(text: &str) -> Result<Box<str>, &'static str> {
    caption(text).ok_or(EXPECTED)
}
