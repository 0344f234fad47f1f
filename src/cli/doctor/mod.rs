//! `doctor`: looks for what usually goes wrong around a configuration that is valid in itself, and says what to do.
//!
//! | where | what is looked at |
//! |---|---|
//! | `machine` | the store, the clock, who may read which file |
//! | `network` | the upstreams and whether they can be reached past us, mail, the admin listener |
//! | `addresses` | whether `external_url`, listeners, cookies and trusted proxies fit together |
//!
//! It changes nothing. A warning may be meant so; a failure is one, and the command exits 1.

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;

use super::Source;
use super::list::Form;

mod addresses;
mod machine;
mod network;

/// The arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    form: Form,
}

/// What one look found.
#[derive(Debug, Serialize)]
struct Finding {
    verdict: Verdict,
    what: String,
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Good,
    Warning,
    Failure,
}

impl Doctor {
    /// Looks, and prints what was found.
    pub(super) async fn run(self, source: &Source, config: &Config) -> Result<()> {
        let now = SystemClock::new().now().wall;
        let mut findings = machine::look(source, config, now).await;
        findings.extend(network::look(config).await);
        findings.extend(addresses::look(config, now));
        self.form.print(&findings, &["verdict", "what", "detail"])?;
        let failures = findings
            .iter()
            .filter(|finding| finding.verdict == Verdict::Failure)
            .count();
        ensure!(
            failures == 0,
            "{failures} of these will not work as they are"
        );
        Ok(())
    }
}

impl Finding {
    fn good(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Verdict::Good, what, detail)
    }

    fn warning(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Verdict::Warning, what, detail)
    }

    fn failure(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Verdict::Failure, what, detail)
    }

    fn new(verdict: Verdict, what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            verdict,
            what: what.into(),
            detail: detail.into(),
        }
    }
}
