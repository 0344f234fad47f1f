//! `ca_file`: certificate authorities that an operator trusts for one server alone.
//!
//! The file is read once, with the configuration: what is wrong with it is a mistake of the configuration, and nothing has
//! to be read where a connection is opened.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::reader::Table;

/// The certificates of a `ca_file`, each one that a chain may end in.
#[derive(Clone)]
pub struct Authorities {
    /// Where they stand.
    pub file: PathBuf,
    /// The certificates, in DER.
    pub certificates: Arc<[CertificateDer<'static>]>,
}

/// Shows where they stand; what they are is long.
impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.certificates.len(), self.file.display())
    }
}

impl Authorities {
    /// Reads the file that the table's `ca_file` names, if it names one.
    pub(super) fn read(table: &mut Table<'_>) -> Option<Self> {
        let file = table.path(KEY)?;
        match load(&file) {
            Ok(certificates) => Some(Self {
                file,
                certificates: certificates.into(),
            }),
            Err(what) => {
                table.note(KEY, what);
                None
            }
        }
    }
}

fn load(file: &PathBuf) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = |error: &dyn fmt::Display| format!("cannot be read: {error}");
    let pem = std::fs::read(file).map_err(|error| unreadable(&error))?;
    let certificates = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unreadable(&error))?;
    let mut usable = RootCertStore::empty();
    for certificate in &certificates {
        let added = usable.add(certificate.clone());
        added.map_err(|error| format!("holds a certificate that cannot be used: {error}"))?;
    }
    if certificates.is_empty() {
        return Err(
            "holds no certificate; write a PEM file with -----BEGIN CERTIFICATE-----".to_owned(),
        );
    }
    Ok(certificates)
}

const KEY: &str = "ca_file";
