//! Reading the configuration again while the process runs: validate, then swap, or change nothing and say why.

use std::fmt::Debug;
use std::sync::Arc;

use crate::config::listen::ListenAddress;
use crate::config::{Config, Mistakes};
use crate::model::audit::{Actor, AuditEvent, AuditResult};
use crate::store::Action;

use super::core::Core;

/// How the configuration is read again.
pub type Load = Arc<dyn Fn() -> Result<Config, Mistakes> + Send + Sync>;

impl Core {
    /// Reads the configuration again and, if it is right from end to end, takes it.
    ///
    /// # Errors
    /// Every mistake, each on a line; nothing has changed then.
    pub(super) async fn reload(&self) -> Result<(), Vec<String>> {
        let (result, reloaded) = match (self.load)() {
            Ok(config) => {
                self.take(config);
                (AuditResult::Success, Ok(()))
            }
            Err(mistakes) => (AuditResult::Failure, Err(lines(&mistakes))),
        };
        self.parts.metrics.set_reload_successful(reloaded.is_ok());
        if let Err(mistakes) = &reloaded {
            tracing::error!(?mistakes, "the configuration has mistakes and is not taken");
        }
        let event = AuditEvent {
            event: "config.reload",
            result,
            reason: reloaded.is_err().then_some("invalid"),
            user: None,
            object: None,
        };
        let action = Action::new(self.clock.now().wall, Actor::Operator, None);
        if let Err(error) = self.store.record(&event, &action).await {
            tracing::warn!(%error, "the reload could not be written down");
        }
        reloaded
    }

    fn take(&self, config: Config) {
        let mut current = self.config.lock();
        let kept = needs_restart(&current, &config);
        self.replace(&config);
        *current = config;
        if !kept.is_empty() {
            tracing::warn!(sections = ?kept, "what was changed there is taken at the next start");
        }
    }
}

/// A line per mistake, without their number.
fn lines(mistakes: &Mistakes) -> Vec<String> {
    let text = mistakes.to_string();
    let lines = text.lines().take(mistakes.list().len());
    lines.map(str::to_owned).collect()
}

/// What of the listeners is bound to sockets.
fn sockets(config: &Config) -> Vec<(&ListenAddress, u32)> {
    let listeners = config.listen.iter();
    listeners.map(|it| (&it.address, it.mode)).collect()
}

/// The sections that differ and are bound to sockets, files or threads.
fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let mut kept = Vec::new();
    let mut compare = |section, old: &dyn Debug, new: &dyn Debug| {
        if format!("{old:?}") != format!("{new:?}") {
            kept.push(section);
        }
    };
    compare("listen", &sockets(old), &sockets(new));
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
