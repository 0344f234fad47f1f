//! `client_ca` of a `[[listen]]`: whose signature a client's certificate needs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::tls::{provider, read_file};
use super::value::{Read, path_at};

/// Who signs the certificates that clients may show.
#[derive(Clone)]
pub struct ClientCa {
    /// Where it was read.
    pub file: PathBuf,
    verifier: Arc<dyn ClientCertVerifier>,
    roots: Arc<[CertificateDer<'static>]>,
    /// Whether others have taken their place. Clones are told.
    is_withdrawn: Arc<AtomicBool>,
}

impl ClientCa {
    /// Reads `client_ca`.
    pub(super) fn read(base: &Path, path: &str) -> Read<Self> {
        let file = path_at(base, path)?;
        let (bytes, _) = read_file(&file)?;
        let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        let roots = roots.map_err(|_| NO_CA)?;
        let mut store = RootCertStore::empty();
        for certificate in &roots {
            store.add(certificate.clone()).map_err(|_| NO_CA)?;
        }
        let provider = Arc::new(provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider)
            .allow_unauthenticated()
            .build()
            .map_err(|_| NO_CA)?;
        Ok(Self {
            file,
            verifier,
            roots: roots.into(),
            is_withdrawn: Arc::default(),
        })
    }

    /// Whether others have taken its place.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.is_withdrawn.load(Ordering::Relaxed)
    }

    /// What takes this one's place: itself, if the other is the same. If it is not, certificates that were verified before
    /// prove nothing from now on, on connections that stay open too.
    #[must_use]
    pub fn replaced_by(&self, other: Option<&Self>) -> Option<Self> {
        if other.is_some_and(|other| other.roots == self.roots) {
            return Some(self.clone());
        }
        self.is_withdrawn.store(true, Ordering::Relaxed);
        other.cloned()
    }

    /// What a handshake asks about a client's certificate. Without one, it is content.
    #[must_use]
    pub fn verifier(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::clone(&self.verifier)
    }
}

impl fmt::Debug for ClientCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCa")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

const NO_CA: &str =
    "holds no certificate of an authority in PEM; write the file of those that sign your clients'";
