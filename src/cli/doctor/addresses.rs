//! Whether what is said of addresses fits together: `external_url`, listeners, cookies and trusted proxies.

use std::time::Duration;

use url::Host;

use crate::config::Config;
use crate::config::listen::ListenAddress;
use crate::config::tls::{Certificate, Tls};
use crate::model::credential::AuthMethod;
use crate::model::time::Timestamp;

use super::Finding;

/// A certificate that ends so soon should have been renewed.
const SOON: Duration = Duration::from_hours(14 * 24);

pub(super) fn look(config: &Config, now: Timestamp) -> Vec<Finding> {
    let advice = config.advice();
    let mut findings: Vec<Finding> = advice
        .into_iter()
        .map(|advice| Finding::warning("settings", advice))
        .collect();
    findings.extend(tls(config, now));
    findings.extend(everybody(config));
    findings.push(cookies(config));
    findings
}

/// Who ends TLS, if people reach us over it: we, or a trusted proxy in front of us.
fn tls(config: &Config, now: Timestamp) -> Vec<Finding> {
    let own = config
        .listen
        .iter()
        .filter_map(|listen| listen.tls.as_deref());
    let own: Vec<Finding> = own
        .flat_map(Tls::certificates)
        .map(|certificate| valid(certificate, now))
        .collect();
    if !own.is_empty() || !config.server.is_secure() {
        return own;
    }
    let url = &config.server.external_url;
    vec![if config.server.trusted_proxies.is_empty() {
        Finding::warning(
            "tls",
            format!(
                "external_url is {url}, and no listener speaks TLS: whatever does that in front of us has to be named \
                 in server.trusted_proxies, or every client seems to come from it and over plain http"
            ),
        )
    } else {
        Finding::good("tls", "is ended by a trusted proxy in front of us")
    }]
}

/// Whether clients take a certificate, now and for a while.
fn valid(certificate: &Certificate, now: Timestamp) -> Finding {
    let (file, until) = (certificate.file.display(), certificate.expires_at);
    if until <= now {
        Finding::failure(
            "tls",
            format!("{file} expired on {until}; renew it and reload"),
        )
    } else if until <= now.after(SOON) {
        Finding::warning(
            "tls",
            format!("{file} expires on {until}; renew it and reload"),
        )
    } else {
        Finding::good("tls", format!("{file} is valid until {until}"))
    }
}

/// Plain listeners that everybody can reach.
fn everybody(config: &Config) -> Vec<Finding> {
    let far = config
        .listen
        .iter()
        .filter_map(|listen| match listen.address {
            ListenAddress::Tcp(address) if !address.ip().is_loopback() && listen.tls.is_none() => {
                Some(address)
            }
            ListenAddress::Tcp(_) | ListenAddress::Unix(_) => None,
        });
    far.map(|address| {
        Finding::warning(
            "listener",
            format!(
                "{address} takes plain http from other machines: credentials can be read on the way. \
                 Give it certificates (tls), or bind it to loopback behind whatever speaks TLS"
            ),
        )
    })
    .collect()
}

/// Whether the cookie that is given at one host is taken at the other. It is given to its own host alone.
fn cookies(config: &Config) -> Finding {
    let own = match config.server.external_url.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(ip)) => ip.to_string(),
        Some(Host::Ipv6(ip)) => format!("[{ip}]"),
        None => String::new(),
    };
    let others: Vec<&str> = config
        .routes
        .iter()
        .filter(|route| route.requirement.accept.contains(AuthMethod::Cookie))
        .filter_map(|route| route.host.as_deref())
        .filter(|host| **host != *own)
        .collect();
    let name = config.server.cookie_name();
    if others.is_empty() {
        return Finding::good(
            "cookie",
            format!("{name} is for {own}, where the routes are"),
        );
    }
    Finding::warning(
        "cookie",
        format!(
            "{name} is for one host each: a person who logged in at {own} logs in again at {}, \
             and links in mails lead to {own}",
            others.join(", ")
        ),
    )
}
