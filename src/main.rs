//! The binary: hands the arguments to [`countersign::cli`], prints what went wrong, and exits.

use std::process::ExitCode;

use clap::Parser;
use countersign::cli::{self, Cli};
use countersign::config::Mistakes;
use mimalloc::MiMalloc;

/// A request makes and drops some eighty small things, and the system's allocator takes a fifth of its time for them.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A mistake's line begins with its file and line, where editors look for them.
            match error.downcast_ref::<Mistakes>() {
                Some(mistakes) => eprintln!("{mistakes}"),
                None => eprintln!("countersign: {}", cli::told(&error)),
            }
            cli::exit_code(&error)
        }
    }
}
