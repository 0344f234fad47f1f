//! `audit list`: what was written down about who did what.

use std::time::Duration;

use anyhow::Result;
use clap::Subcommand;

use crate::admin::rows::AuditRow;
use crate::config::duration;
use crate::model::time::Timestamp;

use super::list::Form;
use super::setup::Setup;

/// Look at the audit events
#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// List the audit events, oldest first
    List {
        /// Only those from then on: a time such as 2026-11-22T08:00:00Z, or an age such as 24h
        #[arg(long, value_parser = since, value_name = "T")]
        since: Option<Since>,
        #[command(flatten)]
        form: Form,
    },
}

/// From when on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Since {
    /// A point in time.
    At(Timestamp),
    /// So long ago.
    Ago(Duration),
}

impl Audit {
    /// Prints the events.
    pub(super) async fn run(self, setup: &Setup) -> Result<()> {
        let Self::List { since, form } = self;
        let since = since.map(|since| match since {
            Since::At(at) => at,
            Since::Ago(age) => setup.now.wall.before(age),
        });
        let records = setup.store.audit(since).await?;
        let rows: Vec<AuditRow> = records.iter().map(AuditRow::from).collect();
        form.print(&rows, &COLUMNS)
    }
}

fn since(text: &str) -> Result<Since, String> {
    if let Some(at) = Timestamp::parse(text) {
        return Ok(Since::At(at));
    }
    duration(text)
        .map(Since::Ago)
        .map_err(|_| "write a time such as 2026-11-22T08:00:00Z, or an age such as 24h".to_owned())
}

const COLUMNS: [&str; 8] = [
    "at", "event", "result", "reason", "user", "object", "ip", "actor",
];
