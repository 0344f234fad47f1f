//! Reading the configuration again while the process runs: validate, then swap, or change nothing and say why.

use std::fmt::Debug;
use std::sync::Arc;

use crate::config::{Config, Mistakes};

use super::core::Core;

/// How the configuration is read again.
pub type Load = Arc<dyn Fn() -> Result<Config, Mistakes> + Send + Sync>;

impl Core {
    /// Reads the configuration again and, if it is right from end to end, takes it.
    ///
    /// # Errors
    /// Every mistake, each on a line; nothing has changed then.
    pub(super) fn reload(&self) -> Result<(), Vec<String>> {
        match (self.load)() {
            Ok(config) => {
                self.take(config);
                Ok(())
            }
            Err(mistakes) => {
                self.parts.metrics.set_reload_successful(false);
                let lines = mistakes.list().len();
                let mistakes = mistakes.to_string();
                tracing::error!(
                    target: "audit", event = "config.reload", result = "failure",
                    actor = "operator", mistakes
                );
                Err(mistakes.lines().take(lines).map(str::to_owned).collect())
            }
        }
    }

    fn take(&self, config: Config) {
        let mut current = self.config.lock();
        let kept = needs_restart(&current, &config);
        self.replace(&config);
        *current = config;
        self.parts.metrics.set_reload_successful(true);
        tracing::info!(
            target: "audit", event = "config.reload", result = "success", actor = "operator"
        );
        if !kept.is_empty() {
            tracing::warn!(sections = ?kept, "what was changed there is taken at the next start");
        }
    }
}

/// The sections that differ and are bound to sockets, files or threads.
fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let mut kept = Vec::new();
    let mut compare = |section, old: &dyn Debug, new: &dyn Debug| {
        if format!("{old:?}") != format!("{new:?}") {
            kept.push(section);
        }
    };
    compare("listen", &old.listen, &new.listen);
    compare("store", &old.store, &new.store);
    compare("cache", &old.cache, &new.cache);
    compare("admin", &old.admin, &new.admin);
    compare("password", &old.password, &new.password);
    compare("accounts", &old.accounts, &new.accounts);
    compare("throttle", &old.throttle, &new.throttle);
    compare("mail", &old.mail, &new.mail);
    compare("log", &old.log, &new.log);
    let urls = (&old.server.external_url, &new.server.external_url);
    compare("server.external_url", urls.0, urls.1);
    compare("server.workers", &old.server.workers, &new.server.workers);
    let caps = |config: &Config| {
        let limits = &config.limits;
        (limits.connections, limits.connections_per_ip)
    };
    compare("limits.connections", &caps(old), &caps(new));
    kept
}
