//! This machine: the store, the clock, and who may read which file.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use crate::cli::Source;
use crate::config::Config;
use crate::config::section::MailTransport;
use crate::model::time::Timestamp;
use crate::store::{self, SharedStore, StoreError};

use super::Finding;

/// The day on which this program was last thought about: no clock that is right is before it.
const WRITTEN: Timestamp = Timestamp::from_seconds(1_795_392_000);

/// How far clocks may be apart without anybody noticing.
const SKEW: Duration = Duration::from_mins(1);

pub(super) async fn look(source: &Source, config: &Config, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    match store::open(&config.store.url) {
        Ok(store) => {
            findings.push(answers(&store).await);
            findings.push(clock(now, newest(&store, now).await));
        }
        Err(error) => {
            findings.push(Finding::failure("store", error.to_string()));
            findings.push(clock(now, None));
        }
    }
    findings.extend(files(source, config));
    findings
}

async fn answers(store: &SharedStore) -> Finding {
    match store.accounts().await {
        Err(error) => Finding::failure("store", error.to_string()),
        Ok(accounts) => Finding::good(
            "store",
            format!("answers, and has {} accounts", accounts.len()),
        ),
    }
}

/// When the last thing happened that happened later than now, as the store has it.
async fn newest(store: &SharedStore, now: Timestamp) -> Option<Timestamp> {
    let records: Result<_, StoreError> = store.audit(Some(now.after(SKEW))).await;
    records.ok()?.last().map(|record| record.at)
}

fn clock(now: Timestamp, later: Option<Timestamp>) -> Finding {
    if now < WRITTEN {
        return Finding::failure(
            "clock",
            format!(
                "it says {now}, which is long past; tokens would not expire. Set it, and keep it set with NTP"
            ),
        );
    }
    match later {
        Some(later) => Finding::failure(
            "clock",
            format!(
                "it says {now}, and the store has an event of {later}: it went back, or another node's is ahead. Keep them set with NTP"
            ),
        ),
        None => Finding::good("clock", format!("it says {now}")),
    }
}

/// Files that hold secrets, and whether others than their owner may read them. The store looks after its own.
fn files(source: &Source, config: &Config) -> Vec<Finding> {
    let has_password = match &config.mail.transport {
        MailTransport::Smtp(url) => url::Url::parse(url).is_ok_and(|url| url.password().is_some()),
        MailTransport::None | MailTransport::File(_) => false,
    };
    let file = source.found().filter(|_| has_password);
    let named = [
        (
            "configuration",
            file.as_deref(),
            "it holds the mail server's password",
        ),
        (
            "admin token",
            config.admin.token_file.as_deref(),
            "whoever reads it may change every account",
        ),
    ];
    named
        .into_iter()
        .filter_map(|(what, path, why)| Some(readable(what, path?, why)))
        .collect()
}

fn readable(what: &str, path: &Path, why: &str) -> Finding {
    let shown = path.display();
    match std::fs::metadata(path) {
        Err(error) => Finding::failure(what, format!("{shown}: {error}")),
        Ok(found) if found.permissions().mode() & 0o077 != 0 => Finding::warning(
            what,
            format!(
                "{shown} has mode {:04o} and {why}; chmod 0600 it",
                found.permissions().mode() & 0o7777
            ),
        ),
        Ok(_) => Finding::good(what, format!("{shown} is its owner's alone")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_clock_is_wrong_before_this_program_and_before_what_the_store_remembers() {
        let now = WRITTEN.after(SKEW);
        for (at, later, verdict) in [
            (now, None, Verdict::Good),
            (now, Some(now.after(SKEW)), Verdict::Failure),
            (Timestamp::from_seconds(0), None, Verdict::Failure),
        ] {
            assert_eq!(clock(at, later).verdict, verdict, "{at} {later:?}");
        }
    }
}
