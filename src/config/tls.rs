//! `tls` of a `[[listen]]`: certificates with their keys, read and held against each other before anybody connects.
//!
//! A file is read once, with the configuration; what a handshake uses is in memory, and a reload reads the files again.

use std::fmt;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use zeroize::Zeroizing;

use super::client_ca::ClientCa;
use super::reader::Table;
use super::value::{Read, path_at, text};
use crate::model::certificate::ClientCertificate;
use crate::model::time::Timestamp;

/// The certificates of a listener, at least one; the first is for whoever names no host, or one that none is for.
#[derive(Debug, Clone)]
pub struct Tls {
    first: Arc<Certificate>,
    others: Box<[Arc<Certificate>]>,
}

/// A certificate with its key.
#[derive(Clone)]
pub struct Certificate {
    /// For which hosts it is chosen; lower case, `*.example` for one label more.
    pub hosts: Box<[Box<str>]>,
    /// Where its chain was read.
    pub file: PathBuf,
    /// Where its key was read.
    pub key_file: PathBuf,
    /// From when on no client takes it.
    pub expires_at: Timestamp,
    /// Whether others than its owner may read the key's file.
    pub is_key_open: bool,
    /// What it says of itself.
    names: Box<[Box<str>]>,
    key: Arc<CertifiedKey>,
}

/// What was shown in a handshake: to the client, and by it.
#[derive(Debug)]
pub struct Shown {
    tls: Arc<Tls>,
    certificate: Arc<Certificate>,
    has_name: bool,
    client: Option<(Arc<ClientCertificate>, ClientCa)>,
}

/// A chain, as far as it was read.
struct Chain {
    file: PathBuf,
    certificates: Vec<CertificateDer<'static>>,
    names: Box<[Box<str>]>,
    expires_at: Timestamp,
}

/// A key, as far as it was read.
struct Key {
    file: PathBuf,
    secret: PrivateKeyDer<'static>,
    is_open: bool,
}

impl Tls {
    /// Reads `tls = [{ … }]`; `None` if it is left out, or wrong.
    pub(super) fn read(table: &mut Table<'_>) -> Option<Self> {
        let is_empty = table.has_empty("tls");
        let entries = table.tables("tls");
        if is_empty {
            table.note("tls", "is empty; name a certificate, or leave it out");
        }
        let mut all: Vec<Arc<Certificate>> = Vec::new();
        for mut entry in entries {
            if let Some(certificate) = Certificate::read(&mut entry, &all) {
                all.push(Arc::new(certificate));
            }
        }
        let mut all = all.into_iter();
        Some(Self {
            first: all.next()?,
            others: all.collect(),
        })
    }

    /// Every certificate, in the order of the file.
    pub fn certificates(&self) -> impl Iterator<Item = &Arc<Certificate>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The certificate for whoever names this host: one that has the name, else one with a wildcard, else the first.
    #[must_use]
    pub fn certificate(&self, host: Option<&str>) -> &Arc<Certificate> {
        let host = host.map(normal).unwrap_or_default();
        self.certificates()
            .find(|it| it.hosts.iter().any(|own| **own == *host))
            .or_else(|| {
                self.certificates()
                    .find(|it| it.hosts.iter().any(|own| covers(own, &host)))
            })
            .unwrap_or(&self.first)
    }
}

/// The one implementation of what TLS computes with; it needs nothing but a C compiler to be built.
#[must_use]
pub fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

impl Shown {
    /// What a client was shown that named this host in its handshake, or none.
    #[must_use]
    pub fn new(tls: Arc<Tls>, name: Option<&str>) -> Self {
        Self {
            certificate: Arc::clone(tls.certificate(name)),
            has_name: name.is_some(),
            tls,
            client: None,
        }
    }

    /// The same with what the client showed, and who was asked about it.
    #[must_use]
    pub fn with_client(self, certificate: ClientCertificate, authority: ClientCa) -> Self {
        Self {
            client: Some((Arc::new(certificate), authority)),
            ..self
        }
    }

    /// The client's certificate, if it says whose it is, for as long as its authority is not withdrawn.
    #[must_use]
    pub fn client(&self) -> Option<&Arc<ClientCertificate>> {
        let (certificate, authority) = self.client.as_ref()?;
        (!authority.is_withdrawn()).then_some(certificate)
    }

    /// Whether a request may be for that host, in lower case and without port and final dot: one that the certificate
    /// covers. A client that named none may ask for any host that no other certificate is for.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        let is_anothers = || self.tls.certificates().any(|it| it.covers(host));
        self.certificate.covers(host) || !self.has_name && !is_anothers()
    }
}

impl Certificate {
    /// What a handshake needs of it.
    #[must_use]
    pub fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key)
    }

    /// Whether a host, in lower case and without port and final dot, is one of its own: by the configuration, or by what
    /// it says itself.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        self.hosts
            .iter()
            .chain(&self.names)
            .any(|own| covers(own, host))
    }

    /// The configured hosts that no client will believe it for.
    pub fn strange_hosts(&self) -> impl Iterator<Item = &str> {
        let is_known = |host: &str| {
            self.names
                .iter()
                .any(|own| **own == *host || covers(own, host))
        };
        self.hosts
            .iter()
            .map(|host| &**host)
            .filter(move |host| !is_known(host))
    }

    fn read(table: &mut Table<'_>, before: &[Arc<Self>]) -> Option<Self> {
        let base = table.base();
        let hosts = table.list("hosts", |node| text(host)(node));
        let chain = table.required(
            "certificate",
            None,
            text(|path| chain(base, path).map(Some)),
        );
        let key = table.required("key", None, text(|path| key(base, path).map(Some)));
        let (chain, key) = chain.zip(key)?;
        let certified = CertifiedKey::from_der(chain.certificates, key.secret, &provider());
        let certified = certified
            .map_err(|error| table.note("key", not_a_pair(&error)))
            .ok()?;
        let hosts = hosts.map_or_else(|| chain.names.clone(), Vec::into_boxed_slice);
        let mut before = before.iter().flat_map(|it| &it.hosts);
        if let Some(host) = before.find(|host| hosts.contains(host)) {
            table.note(
                "hosts",
                format!("{host:?} has a certificate already; leave it out of one of the two"),
            );
        }
        Some(Self {
            hosts,
            file: chain.file,
            key_file: key.file,
            expires_at: chain.expires_at,
            is_key_open: key.is_open,
            names: chain.names,
            key: Arc::new(certified),
        })
    }
}

/// Without the key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("hosts", &self.hosts)
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

/// Whether a name, or a wildcard for one label, is that host.
fn covers(own: &str, host: &str) -> bool {
    own == host
        || own.strip_prefix("*.").is_some_and(|suffix| {
            let parent = host.split_once('.');
            parent.is_some_and(|(label, parent)| !label.is_empty() && parent == suffix)
        })
}

fn normal(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// A name such as `a.example` or `*.example`; it is compared with what a client names, so that an address is none.
fn host(text: &str) -> Read<Box<str>> {
    let host = normal(text);
    let name = host.strip_prefix("*.").unwrap_or(&host);
    let fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    (name.len() <= 253 && name.split('.').all(fits))
        .then(|| host.as_str().into())
        .ok_or_else(|| {
            format!("{text:?} is no name of a host; write \"a.example\" or \"*.example\"")
        })
}

fn chain(base: &Path, path: &str) -> Read<Chain> {
    let file = path_at(base, path)?;
    let (bytes, _) = read_file(&file)?;
    let certificates = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| "is not PEM; write the file that begins with -----BEGIN CERTIFICATE-----")?;
    let leaf = certificates.first().ok_or(
        "holds no certificate; write the file that begins with -----BEGIN CERTIFICATE-----",
    )?;
    let (_, leaf) = X509Certificate::from_der(leaf)
        .map_err(|_| "holds a certificate that cannot be read; write another file")?;
    let expires_at = Timestamp::from_seconds(leaf.validity().not_after.timestamp());
    Ok(Chain {
        names: names(&leaf),
        expires_at,
        certificates,
        file,
    })
}

fn key(base: &Path, path: &str) -> Read<Key> {
    let file = path_at(base, path)?;
    let (bytes, mode) = read_file(&file)?;
    // Says nothing of what is wrong with it: that could be a part of the key.
    let secret = PrivateKeyDer::from_pem_slice(&bytes)
        .map_err(|_| "holds no private key in PEM without a password; write the file of the certificate's key")?;
    Ok(Key {
        file,
        secret,
        is_open: mode & 0o077 != 0,
    })
}

/// The names and addresses that a certificate is for, in the form in which hosts are compared.
fn names(certificate: &X509Certificate<'_>) -> Box<[Box<str>]> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return Box::default();
    };
    let all = names.value.general_names.iter();
    all.filter_map(|name| {
        if let GeneralName::DNSName(name) = name {
            Some(normal(name).into())
        } else if let GeneralName::IPAddress(address) = name {
            ip(address)
        } else {
            None
        }
    })
    .collect()
}

fn ip(bytes: &[u8]) -> Option<Box<str>> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|it| std::net::Ipv4Addr::from(it).to_string());
    let v6 = || <[u8; 16]>::try_from(bytes).map(|it| format!("[{}]", std::net::Ipv6Addr::from(it)));
    v4.or_else(|_| v6()).ok().map(Into::into)
}

/// A small file and its permissions.
pub(super) fn read_file(file: &Path) -> Read<(Zeroizing<Vec<u8>>, u32)> {
    let cannot = |error| format!("cannot be read: {error}");
    let mut bytes = Zeroizing::new(Vec::new());
    let opened = std::fs::File::open(file).map_err(cannot)?;
    let mode = opened.metadata().map_err(cannot)?.permissions().mode();
    opened
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    if bytes.len() as u64 > LARGEST {
        return Err("is larger than 1MiB; write the file that holds the PEM".to_owned());
    }
    Ok((bytes, mode))
}

fn not_a_pair(error: &rustls::Error) -> &'static str {
    if matches!(error, rustls::Error::InconsistentKeys(_)) {
        "is the key of another certificate; write the one that belongs to `certificate`"
    } else {
        "is of a kind that is not spoken here; write an ECDSA (P-256, P-384), Ed25519 or RSA key"
    }
}

const LARGEST: u64 = 1 << 20;
