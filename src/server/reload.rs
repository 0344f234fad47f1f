//! Reading the configuration again while the process runs: validate, then swap, or change nothing and say why.

use std::fmt::Debug;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::auth::Auth;
use crate::config::{Config, Mistakes};
use crate::dialect::{self, More};
use crate::gateway::endpoint::Endpoints;
use crate::gateway::{Gateway, Signer};
use crate::metrics::Metrics;
use crate::proxy::{Desk, Site};

/// How the configuration is read again.
pub type Load = Arc<dyn Fn() -> Result<Config, Mistakes> + Send + Sync>;

/// What a reload replaces, and what it needs for that.
pub(super) struct Reloader {
    pub(super) parts: Parts,
    pub(super) desk: Arc<Desk>,
    pub(super) config: Mutex<Config>,
    pub(super) load: Load,
}

/// What every site is made of beside its configuration, and what outlives it.
pub(super) struct Parts {
    pub(super) auth: Arc<Auth>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) signer: Arc<Signer>,
    pub(super) more: More,
}

impl Parts {
    /// The site of a configuration.
    pub(super) fn site(&self, config: &Config) -> Site {
        let verifier = Arc::clone(&self.auth.verifier);
        let gateway = Gateway::new(config, verifier, &self.metrics);
        let gateway = gateway.with_signer(Arc::clone(&self.signer));
        let mounted = dialect::mount(config, &self.auth)
            .and(dialect::keys::mount(Arc::clone(&self.signer)))
            .and((self.more)(config, &self.auth));
        let endpoints = Endpoints::new(mounted.endpoints);
        Site::new(config, Arc::new(gateway), endpoints, mounted.router)
    }
}

impl Reloader {
    /// Reads the configuration again and, if it is right from end to end, takes it.
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
                let mistakes: Vec<String> =
                    mistakes.lines().take(lines).map(str::to_owned).collect();
                tracing::error!(
                    target: "audit", event = "config.reload", result = "failure",
                    actor = "operator", ?mistakes
                );
                Err(mistakes)
            }
        }
    }

    fn take(&self, config: Config) {
        let mut current = self.config.lock();
        let kept = needs_restart(&current, &config);
        self.desk.replace(self.parts.site(&config));
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
    compare(
        "server.external_url",
        &old.server.external_url,
        &new.server.external_url,
    );
    compare("server.workers", &old.server.workers, &new.server.workers);
    let caps = |config: &Config| {
        let limits = &config.limits;
        (limits.connections, limits.connections_per_ip)
    };
    compare("limits.connections", &caps(old), &caps(new));
    kept
}
