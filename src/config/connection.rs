//! `[connection.NAME]`: OpenID providers whose accounts people may link to their own.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use url::{Host, Url};

use super::authorities::Authorities;
use super::reader::Table;
use super::upstream::{NAME_RULE, is_name};
use super::value::{Read, text};

/// `[connection.NAME]`: a provider.
#[derive(Debug, Clone)]
pub struct Provider {
    /// What its accounts are listed under.
    pub name: Box<str>,
    /// What people read.
    pub label: Box<str>,
    /// Its issuer identifier, byte for byte as its tokens name it.
    pub issuer: Box<str>,
    /// What we are there.
    pub client_id: Box<str>,
    /// How we prove that.
    pub client_secret: Secret,
    /// The file that the secret is from, if it is.
    pub client_secret_file: Option<PathBuf>,
    /// What we ask for; `openid` among them.
    pub scopes: Vec<Box<str>>,
    /// Which authorities vouch for it, instead of the public ones.
    pub authorities: Option<Authorities>,
}

/// A text that nobody is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// The secret itself. Whoever calls this sends it to whom it is for and nowhere else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Provider {
    pub(super) fn read_all(tables: Vec<(Box<str>, Table<'_>)>) -> BTreeMap<Box<str>, Self> {
        tables
            .into_iter()
            .map(|(name, table)| (name.clone(), Self::read(name, table)))
            .collect()
    }

    fn read(name: Box<str>, mut table: Table<'_>) -> Self {
        if !is_name(&name) {
            table.note("", NAME_RULE);
        }
        let scope = |node: &_| text(scope)(node);
        let mut scopes = table
            .list("scopes", scope)
            .unwrap_or_else(|| vec!["openid".into(), "profile".into()]);
        if !scopes.iter().any(|scope| **scope == *"openid") {
            scopes.insert(0, "openid".into());
        }
        let client_secret_file = table.path("client_secret_file");
        Self {
            label: table.or("label", name.clone(), text(line)),
            issuer: table.required("issuer", "https://issuer.invalid".into(), text(issuer)),
            client_id: table.required("client_id", "".into(), text(line)),
            client_secret: client_secret(&mut table, client_secret_file.as_ref()),
            client_secret_file,
            scopes,
            authorities: Authorities::read(&mut table),
            name,
        }
    }
}

/// Whether a URL may be asked: over TLS, or plainly on this machine.
#[must_use]
pub fn is_confidential(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    };
    url.scheme() == "https" && url.has_host() || url.scheme() == "http" && is_loopback
}

fn client_secret(table: &mut Table<'_>, file: Option<&PathBuf>) -> Secret {
    let written = table.optional("client_secret", text(secret));
    let both = "is there beside client_secret_file; keep one of the two";
    match (written, file) {
        (Some(written), None) => written,
        (Some(written), Some(_)) => {
            table.note("client_secret", both);
            written
        }
        (None, Some(file)) => {
            let read = std::fs::read_to_string(file)
                .map_err(|error| format!("cannot be read: {error}"))
                .and_then(|text| secret(text.trim_end_matches(['\r', '\n'])));
            read.unwrap_or_else(|what| {
                table.note("client_secret_file", what);
                Secret("".into())
            })
        }
        (None, None) => {
            if !table.has("client_secret") && !table.has("client_secret_file") {
                let what =
                    "is missing; write it, or client_secret_file with the file that holds it";
                table.note("client_secret", what);
            }
            Secret("".into())
        }
    }
}

/// Says nothing of the text: it is a secret.
fn secret(text: &str) -> Read<Secret> {
    let fits = (1..=4096).contains(&text.len()) && !text.contains(char::is_control);
    fits.then(|| Secret(text.into()))
        .ok_or_else(|| "is empty, too long, or has control characters".to_owned())
}

fn issuer(text: &str) -> Read<Box<str>> {
    let fits = |url: &Url| {
        is_confidential(url)
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    };
    let url = Url::parse(text).ok().filter(fits);
    url.map(|_| text.into()).ok_or_else(|| {
        "is not an issuer; write \"https://host/path\" as the provider names itself, without query and user; http:// goes on this machine alone".to_owned()
    })
}

/// Source: RFC 6749 §3.3.
fn scope(text: &str) -> Read<Box<str>> {
    let fits = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
    ((1..=64).contains(&text.len()) && text.bytes().all(fits))
        .then(|| text.into())
        .ok_or_else(|| format!("{text:?} is not a scope; write one word, such as \"profile\""))
}

fn line(text: &str) -> Read<Box<str>> {
    let fits = (1..=200).contains(&text.chars().count()) && !text.contains(char::is_control);
    fits.then(|| text.into())
        .ok_or_else(|| "is empty, too long, or has control characters".to_owned())
}
