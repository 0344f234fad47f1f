//! The configuration in force, as TOML that reads back; secrets are left out of it.

use std::fmt::{Display, Write as _};
use std::path::Path;
use std::sync::Arc;

use url::Url;

use crate::model::credential::AuthMethod;
use crate::model::policy::Access;

use super::Config;
use super::connection::Provider;
use super::dialect::{HttpStatus, Place, Registration};
use super::identity::presets;
use super::listen::ListenAddress;
use super::pages::{DARK, LIGHT};
use super::quantity::{show_duration, show_rate, show_size};
use super::route::{Foreign, Route};
use super::section::{LogFormat, MailTransport, StoreUrl};
use super::tls::Certificate;
use super::upstream::Upstream;

impl Config {
    /// The whole of it as TOML, with every default filled in and passwords replaced by `redacted`.
    #[must_use]
    pub fn show(&self) -> String {
        let mut out = Page::default();
        self.show_network(&mut out);
        self.show_store(&mut out);
        self.show_mail(&mut out);
        for upstream in self.upstreams.values() {
            show_upstream(&mut out, upstream);
        }
        self.show_identities(&mut out);
        for route in &self.routes {
            self.show_route(&mut out, route);
        }
        self.show_dialects(&mut out);
        for provider in self.connections.values() {
            show_provider(&mut out, provider);
        }
        self.show_pages(&mut out);
        out.header("[log]");
        out.text(
            "format",
            match self.log.format {
                LogFormat::Json => "json",
                LogFormat::Text => "text",
            },
        );
        out.text("level", &self.log.level);
        out.0
    }

    fn show_network(&self, out: &mut Page) {
        let (server, limits) = (&self.server, &self.limits);
        out.header("[server]");
        out.text(
            "external_url",
            server.external_url.as_str().trim_end_matches('/'),
        );
        out.text("realm", &server.realm);
        out.list("trusted_proxies", &server.trusted_proxies);
        out.plain("workers", server.workers);
        out.text("drain", show_duration(server.drain));
        for listen in &self.listen {
            out.header("[[listen]]");
            match &listen.address {
                ListenAddress::Tcp(address) => out.text("address", address),
                ListenAddress::Unix(path) => {
                    out.text("address", unix(path));
                    out.text("mode", format!("{:04o}", listen.mode));
                }
            }
            let client_ca = listen.client_ca.as_ref();
            out.maybe("client_ca", client_ca.map(|it| it.file.display()));
            out.plain("http2", listen.http2);
            out.plain("proxy_protocol", listen.proxy_protocol);
            if let Some(tls) = &listen.tls {
                let entries: Vec<String> = tls.certificates().map(|it| certificate(it)).collect();
                out.plain("tls", format!("[{}]", entries.join(", ")));
            }
        }
        out.header("[limits]");
        out.text("header_bytes", show_size(limits.header_bytes as u64));
        out.plain("header_fields", limits.header_fields);
        out.text("target_bytes", show_size(limits.target_bytes as u64));
        out.text("header_deadline", show_duration(limits.header_deadline));
        out.text("idle_timeout", show_duration(limits.idle_timeout));
        out.text("handshake_timeout", show_duration(limits.handshake_timeout));
        out.text("body_idle", show_duration(limits.body_idle));
        out.text("body_rate", show_size(limits.body_rate));
        out.plain("connections", limits.connections);
        out.plain("connections_per_ip", limits.connections_per_ip);
        out.text("body_bytes", show_size(limits.body_bytes));
        out.header("[admin]");
        out.text("address", self.admin.address);
        if let Some(file) = &self.admin.token_file {
            out.text("token_file", file.display());
        }
    }

    fn show_store(&self, out: &mut Page) {
        let (cache, password) = (&self.cache, &self.password);
        out.header("[store]");
        match &self.store.url {
            StoreUrl::Memory => out.text("url", "memory:"),
            StoreUrl::Sqlite(path) => out.text("url", format!("sqlite:{}", path.display())),
        }
        out.text(
            "revocation_bound",
            show_duration(self.store.revocation_bound),
        );
        out.header("[cache]");
        out.plain("entries", cache.entries);
        out.text("ttl", show_duration(cache.ttl));
        out.text("negative_ttl", show_duration(cache.negative_ttl));
        out.header("[password]");
        out.text("memory", show_size(u64::from(password.memory_kib) << 10));
        out.plain("iterations", password.iterations);
        out.plain("parallelism", password.parallelism);
        out.plain("concurrency", password.concurrency);
        out.plain("queue", password.queue);
        out.plain("min_length", password.min_length);
        out.header("[accounts]");
        out.plain("confirm_email", self.accounts.confirm_email);
        out.text("session_ttl", show_duration(self.accounts.session_ttl));
        out.header("[throttle]");
        out.text("per_account", show_rate(self.throttle.per_account));
        out.text("per_ip", show_rate(self.throttle.per_ip));
    }

    fn show_mail(&self, out: &mut Page) {
        out.header("[mail]");
        match &self.mail.transport {
            MailTransport::None => out.text("transport", "none"),
            MailTransport::File(directory) => {
                out.text("transport", "file");
                out.text("directory", directory.display());
            }
            MailTransport::Smtp(url) => {
                out.text("transport", "smtp");
                out.text("url", redacted(url));
            }
        }
        out.text("from", &self.mail.from);
        out.text("language", self.mail.language.tag());
        let file = self.mail.authorities.as_ref().map(|it| it.file.display());
        out.maybe("ca_file", file);
    }

    fn show_identities(&self, out: &mut Page) {
        let presets = presets();
        let written = self
            .identities
            .iter()
            .filter(|(name, _)| !presets.contains_key(*name));
        for (name, mapping) in written {
            out.header(format!("[identity.{}]", quoted(name)));
            for (header, attribute) in &mapping.headers {
                out.text(quoted(header.as_str()), attribute.as_str());
            }
        }
    }

    fn show_route(&self, out: &mut Page, route: &Route) {
        let requirement = &route.requirement;
        out.header("[[route]]");
        out.text("name", &route.name);
        out.maybe("host", route.host.as_ref());
        out.text("path", &route.path);
        out.text("upstream", &route.upstream);
        out.text(
            "access",
            match requirement.access {
                Access::None => "none",
                Access::Optional => "optional",
                Access::Required => "required",
            },
        );
        let accepted = AuthMethod::ALL
            .into_iter()
            .filter(|form| requirement.accept.contains(*form));
        out.list("accept", accepted.map(AuthMethod::as_str));
        out.list_if_any("roles", &requirement.roles);
        out.list_if_any("groups", &requirement.groups);
        out.list_if_any("clients", &requirement.clients);
        out.list_if_any("scopes", &requirement.scopes);
        out.maybe("elevated", requirement.elevated.map(show_duration));
        out.list_if_any("methods", route.methods.as_deref().unwrap_or_default());
        out.text(
            "foreign",
            match route.foreign {
                Foreign::Refuse => "refuse",
                Foreign::Pass => "pass",
            },
        );
        let mapping = self
            .identities
            .iter()
            .find(|(_, mapping)| Arc::ptr_eq(mapping, &route.identity));
        out.maybe("identity", mapping.map(|(name, _)| name));
        out.plain("assertion", route.assertion);
        out.plain("websocket", route.websocket);
        out.plain("shadow", requirement.shadow);
        out.plain("ignore_case", route.ignore_case);
        let allow = [
            ("encoded-slash", route.allow_encoded_slash),
            ("double-slash", route.allow_double_slash),
        ];
        out.list(
            "allow",
            allow
                .into_iter()
                .filter_map(|(word, on)| on.then_some(word)),
        );
    }

    fn show_pages(&self, out: &mut Page) {
        let pages = &self.pages;
        out.header("[pages]");
        out.maybe("name", pages.name.as_ref());
        let logo = pages.logo.as_ref();
        out.maybe("logo", logo.map(|logo| logo.file.display()));
        for (scheme, palette) in [(&LIGHT, &pages.light), (&DARK, &pages.dark)] {
            out.maybe(scheme.background.0, palette.background);
            out.maybe(scheme.text.0, palette.text);
            out.maybe(scheme.accent.0, palette.accent);
        }
    }

    fn show_dialects(&self, out: &mut Page) {
        if let Some(dialect) = &self.dialects.key_token {
            out.dialect("key_token", &dialect.place);
            out.text(
                "registration",
                match dialect.registration {
                    Registration::Open => "open",
                    Registration::Invite => "invite",
                    Registration::Closed => "closed",
                },
            );
            out.text("access_ttl", show_duration(dialect.access_ttl));
            out.text("refresh_ttl", show_duration(dialect.refresh_ttl));
            out.text(
                "refresh_replay_window",
                show_duration(dialect.refresh_replay_window),
            );
        }
        if let Some(dialect) = &self.dialects.x_auth {
            out.dialect("x_auth", &dialect.place);
            out.text(
                "http_status",
                match dialect.http_status {
                    HttpStatus::MetaCode => "meta-code",
                    HttpStatus::Always200 => "always-200",
                },
            );
            out.maybe("access_ttl", dialect.access_ttl.map(show_duration));
        }
        if let Some(dialect) = &self.dialects.id_api {
            out.dialect("id_api", &dialect.place);
            out.text("elevated_ttl", show_duration(dialect.elevated_ttl));
            out.text("code_ttl", show_duration(dialect.code_ttl));
        }
        if let Some(dialect) = &self.dialects.namespace {
            out.dialect("namespace", &dialect.place);
            out.text("login_path", &dialect.login_path);
            out.text("session_ttl", show_duration(dialect.session_ttl));
        }
    }
}

fn show_upstream(out: &mut Page, upstream: &Upstream) {
    out.header(format!("[upstream.{}]", quoted(&upstream.name)));
    out.list("servers", &upstream.servers);
    if let Some(health) = &upstream.health {
        let (path, interval) = (quoted(&health.path), quoted(show_duration(health.interval)));
        out.plain(
            "health",
            format!("{{ path = {path}, interval = {interval} }}"),
        );
    }
    out.text("connect_timeout", show_duration(upstream.connect_timeout));
    out.text("read_timeout", show_duration(upstream.read_timeout));
}

fn show_provider(out: &mut Page, provider: &Provider) {
    out.header(format!("[connection.{}]", quoted(&provider.name)));
    out.text("label", &provider.label);
    out.text("issuer", &provider.issuer);
    out.text("client_id", &provider.client_id);
    match &provider.client_secret_file {
        Some(file) => out.text("client_secret_file", file.display()),
        None => out.text("client_secret", "redacted"),
    }
    out.list("scopes", &provider.scopes);
    let file = provider.authorities.as_ref().map(|it| it.file.display());
    out.maybe("ca_file", file);
}

fn certificate(certificate: &Certificate) -> String {
    let hosts: Vec<String> = certificate.hosts.iter().map(quoted).collect();
    format!(
        "{{ hosts = [{}], certificate = {}, key = {} }}",
        hosts.join(", "),
        quoted(certificate.file.display()),
        quoted(certificate.key_file.display())
    )
}

fn unix(path: &Path) -> String {
    format!("unix:{}", path.display())
}

/// A URL without what could be a secret in it.
fn redacted(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else {
        return "smtp://redacted".to_owned();
    };
    if url.password().is_some() && url.set_password(Some("redacted")).is_err() {
        return "smtp://redacted".to_owned();
    }
    url.into()
}

/// A text as a TOML string.
fn quoted(text: impl Display) -> String {
    toml::Value::String(text.to_string()).to_string()
}

/// TOML while it is written.
#[derive(Debug, Default)]
struct Page(String);

impl Page {
    fn header(&mut self, header: impl Display) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        self.write(format_args!("{gap}{header}\n"));
    }

    fn dialect(&mut self, name: &str, place: &Place) {
        self.header(format!("[dialect.{name}]"));
        self.maybe("host", place.host.as_ref());
        self.text("prefix", &place.prefix);
    }

    fn plain(&mut self, key: impl Display, value: impl Display) {
        self.write(format_args!("{key} = {value}\n"));
    }

    fn text(&mut self, key: impl Display, value: impl Display) {
        self.plain(key, quoted(value));
    }

    fn maybe(&mut self, key: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    fn list<T: Display>(&mut self, key: &str, items: impl IntoIterator<Item = T>) {
        let items: Vec<String> = items.into_iter().map(quoted).collect();
        self.plain(key, format!("[{}]", items.join(", ")));
    }

    fn list_if_any<T: Display>(&mut self, key: &str, items: &[T]) {
        if !items.is_empty() {
            self.list(key, items);
        }
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("a String takes everything");
    }
}
