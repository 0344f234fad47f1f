//! What is asked of the person at the terminal: passwords and a yes.
//!
//! A password is never an argument: those stand in the process list and in the shell's history.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, Result};
use zeroize::Zeroizing;

use crate::auth::password::Password;

use super::Usage;

/// How a command gets a password: one flag, the same everywhere.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct PasswordSource {
    /// Read the password from the first line of standard input instead of asking for it
    #[arg(long)]
    pub(super) password_stdin: bool,
}

impl PasswordSource {
    /// Reads a new password: a line of standard input, or twice from the terminal.
    pub(super) fn read(self) -> Result<Password> {
        if self.password_stdin {
            let line = first_line(io::stdin().lock())?;
            return Ok(Password::new(&line));
        }
        if !io::stdin().is_terminal() {
            return Err(Usage(NO_TERMINAL).into());
        }
        let password = prompt("Password: ")?;
        let again = prompt("The same again: ")?;
        anyhow::ensure!(
            password == again,
            "the two passwords are not the same; nothing was changed"
        );
        Ok(Password::new(&password))
    }
}

/// Asks before something is destroyed. `yes` answers beforehand; without a terminal nothing else can.
pub(super) fn confirm(question: &str, yes: bool) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(
            Usage("there is no terminal to ask on; add --yes to do it without asking").into(),
        );
    }
    let mut stderr = io::stderr();
    write!(stderr, "{question} [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    let agreed = ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str());
    anyhow::ensure!(agreed, "not confirmed; nothing was changed");
    Ok(())
}

fn prompt(text: &str) -> Result<Zeroizing<String>> {
    let typed = rpassword::prompt_password(text).context("cannot ask for the password")?;
    Ok(Zeroizing::new(typed))
}

/// The first line, without its end. Anything longer than a password can be is refused instead of read.
fn first_line(input: impl BufRead) -> Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    input
        .take(LINE_LIMIT)
        .read_line(&mut line)
        .context("cannot read the password from standard input")?;
    let end = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(end);
    if line.is_empty() {
        return Err(Usage("standard input holds no password: its first line is empty").into());
    }
    Ok(line)
}

const NO_TERMINAL: &str = "there is no terminal to ask for the password on; \
     add --password-stdin and give it as one line on standard input";
const LINE_LIMIT: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line_without_its_end_and_with_its_spaces() {
        for (input, password) in [
            ("secret\n", "secret"),
            ("secret\r\n", "secret"),
            ("secret", "secret"),
            (" two words \nand more\n", " two words "),
        ] {
            assert_eq!(
                first_line(input.as_bytes()).unwrap().as_str(),
                password,
                "{input:?}"
            );
        }
        for bad in ["", "\n", "\r\n"] {
            assert!(first_line(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
