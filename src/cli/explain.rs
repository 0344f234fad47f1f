//! `explain`: what becomes of a request, step by step, without sending it.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::config::Config;
use crate::dialect;
use crate::gateway::endpoint::Endpoints;
use crate::gateway::explain::{Explanation, Verdict};
use crate::gateway::{Asked, Gateway};
use crate::header::host;
use crate::metrics::Metrics;

use super::output;
use super::setup::Setup;

/// Say what becomes of a request: its route, each step of the decision, and what would go upstream
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The method
    #[arg(long, default_value = "GET")]
    method: Method,
    /// The URL, or a path on the host of `server.external_url`
    #[arg(long, value_parser = url)]
    url: Target,
    /// A field such as "Authorization: Bearer csa_…"; may be given several times
    #[arg(long = "header", value_name = "H", value_parser = field)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The address that the request comes from
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    peer: IpAddr,
}

/// A URL's parts, byte for byte: what a client would put into the request line and `Host`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    is_tls: bool,
    host: Option<String>,
    path: String,
}

impl Explain {
    /// Prints the explanation, whatever the verdict.
    pub(super) async fn run(self, config: &Config) -> Result<()> {
        let setup = Setup::open_any(config)?;
        let host = self.host(config);
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        if let Ok(host) = HeaderValue::from_str(&host) {
            headers.entry(HOST).or_insert(host);
        }
        let asked = Asked {
            method: &self.method,
            target: self.url.path.as_bytes(),
            host: Some(&host),
            headers: &headers,
            peer: self.peer,
            is_tls: self.url.is_tls,
            certificate: None,
        };
        let endpoints = Endpoints::new(dialect::mount(config, &setup.auth).endpoints);
        let normal = host::normal(&host).ok();
        if let Some(own) = endpoints.find(normal.as_deref(), &self.method, &self.url.path) {
            return output::print(&format!(
                "{} {} is an endpoint of countersign itself; it reaches no route",
                own.method, own.path
            ));
        }
        let verifier = Arc::clone(&setup.auth.verifier);
        let gateway = Gateway::new(config, verifier, &Metrics::new());
        let explanation = gateway.explain(&asked, setup.now).await;
        output::print(text(&explanation).trim_end())
    }

    /// The host that is asked for: a `Host` field's, else the URL's, else ours.
    fn host(&self, config: &Config) -> String {
        let field = self.headers.iter().find(|(name, _)| name == HOST);
        let field = field.and_then(|(_, value)| value.to_str().ok());
        let ours = || {
            let url = &config.server.external_url;
            let port = url
                .port()
                .map_or_else(String::new, |port| format!(":{port}"));
            format!("{}{port}", url.host_str().unwrap_or_default())
        };
        field
            .map(str::to_owned)
            .or_else(|| self.url.host.clone())
            .unwrap_or_else(ours)
    }
}

fn text(explanation: &Explanation) -> String {
    let mut text = String::new();
    let route = explanation.route.as_deref().unwrap_or("none");
    _ = writeln!(
        text,
        "route       {route}\ncredential  {}\n",
        explanation.kind
    );
    for step in &explanation.steps {
        let verdict = match step.verdict {
            Verdict::Passed => "passed",
            Verdict::Overlooked => "overlooked",
            Verdict::Stopped => "STOPPED",
            Verdict::NotReached => "-",
        };
        let line = format!("{:<14}{verdict:<12}{}", step.name, step.detail);
        _ = writeln!(text, "{}", line.trim_end());
    }
    if let Some(status) = explanation.status {
        _ = writeln!(text, "\nanswer      {status}");
    }
    for challenge in &explanation.challenges {
        _ = writeln!(text, "WWW-Authenticate: {challenge}");
    }
    if let Some(upstream) = &explanation.upstream {
        _ = writeln!(text, "\nupstream    {}\n{}", upstream.name, upstream.target);
        for (name, value) in &upstream.fields {
            let value = value.as_bytes().escape_ascii();
            _ = writeln!(text, "{name}: {value}");
        }
    }
    text
}

fn url(text: &str) -> Result<Target, &'static str> {
    if text.starts_with('/') {
        let path = text.to_owned();
        return Ok(Target {
            is_tls: false,
            host: None,
            path,
        });
    }
    let (is_tls, rest) = match text.split_once("://") {
        Some(("http", rest)) => (false, rest),
        Some(("https", rest)) => (true, rest),
        _ => return Err("expected http://HOST/PATH, https://HOST/PATH or /PATH"),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    if host.is_empty() {
        return Err("the URL has no host");
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok(Target {
        is_tls,
        host: Some(host.to_owned()),
        path: format!("{slash}{path}"),
    })
}

fn field(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("expected \"Name: value\"")?;
    let name = name
        .parse()
        .map_err(|_| format!("{name:?} is no field name"))?;
    let value = HeaderValue::from_str(value.trim_matches([' ', '\t']))
        .map_err(|_| "the value has bytes that no field can have")?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_urls_bytes_stay_as_they_are() {
        for (text, expected) in [
            (
                "http://a.example/x%2F../y?q=1",
                Some((false, Some("a.example"), "/x%2F../y?q=1")),
            ),
            (
                "https://a.example:8443",
                Some((true, Some("a.example:8443"), "/")),
            ),
            (
                "http://a.example?q",
                Some((false, Some("a.example"), "/?q")),
            ),
            ("/only/path", Some((false, None, "/only/path"))),
            ("a.example/x", None),
            ("ftp://a.example/", None),
            ("http:///x", None),
        ] {
            let read = url(text).ok();
            let read = read
                .as_ref()
                .map(|t| (t.is_tls, t.host.as_deref(), t.path.as_str()));
            assert_eq!(read, expected, "{text}");
        }
    }
}
