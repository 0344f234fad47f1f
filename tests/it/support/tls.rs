//! Certificates of an authority that only this test knows, and connections that believe it.

use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// An authority, and the directory with everything that it signed.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

/// Who connects, and how.
#[derive(Clone, Default)]
pub(crate) struct Caller<'a> {
    /// The host that is named in the handshake; without one, none is.
    pub(crate) host: Option<&'a str>,
    pub(crate) alpn: &'a [&'a str],
    /// The name under which a client's certificate was written.
    pub(crate) certificate: Option<&'a str>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "test authority");
        let key = KeyPair::generate().unwrap();
        let authority = Self {
            issuer: CertifiedIssuer::self_signed(params, key).unwrap(),
            directory: tempfile::tempdir().unwrap(),
        };
        authority.put("ca.pem", &authority.issuer.pem());
        authority
    }

    /// Writes `NAME.pem` and `NAME.key` for hosts.
    pub(crate) fn sign(&self, name: &str, hosts: &[&str]) {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        self.sign_params(name, &CertificateParams::new(hosts).unwrap());
    }

    /// The same for a certificate whose time is over.
    pub(crate) fn sign_expired(&self, name: &str, host: &str) {
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.sign_params(name, &params);
    }

    pub(crate) fn sign_params(&self, name: &str, params: &CertificateParams) {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        self.put(&format!("{name}.pem"), &certificate.pem());
        self.put(&format!("{name}.key"), &key.serialize_pem());
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    /// An entry of `tls = […]` with a certificate that was signed.
    pub(crate) fn entry(&self, name: &str, hosts: &str) -> String {
        let (certificate, key) = (
            self.path(&format!("{name}.pem")),
            self.path(&format!("{name}.key")),
        );
        format!(
            "{{ {hosts} certificate = {:?}, key = {:?} }}",
            certificate.display(),
            key.display()
        )
    }

    /// A `[[listen]]` with certificates that were signed, and more lines.
    pub(crate) fn listen(&self, names: &[&str], more: &str) -> String {
        let entries: Vec<String> = names.iter().map(|name| self.entry(name, "")).collect();
        format!(
            "[[listen]]\naddress = \"127.0.0.1:0\"\ntls = [{}]\n{more}\n",
            entries.join(", ")
        )
    }

    /// A connection after its handshake.
    pub(crate) async fn connect(
        &self,
        address: SocketAddr,
        caller: Caller<'_>,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        self.connect_after(address, &[], caller).await
    }

    /// The same after these bytes.
    pub(crate) async fn connect_after(
        &self,
        address: SocketAddr,
        bytes: &[u8],
        caller: Caller<'_>,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut socket = TcpStream::connect(address).await?;
        socket.write_all(bytes).await?;
        let name = caller.host.map_or_else(
            || ServerName::from(address.ip()),
            |host| ServerName::try_from(host.to_owned()).unwrap(),
        );
        let connector = TlsConnector::from(Arc::new(self.client_config(&caller)));
        connector.connect(name, socket).await
    }

    fn client_config(&self, caller: &Caller<'_>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match caller.certificate {
            None => config.with_no_client_auth(),
            Some(name) => {
                let chain = CertificateDer::pem_file_iter(self.path(&format!("{name}.pem")));
                let key = PrivateKeyDer::from_pem_file(self.path(&format!("{name}.key"))).unwrap();
                let chain = chain.unwrap().map(Result::unwrap).collect();
                config.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = caller.alpn.iter().map(|it| it.as_bytes().into()).collect();
        config
    }

    fn put(&self, file: &str, text: &str) {
        use std::io::Write as _;
        let path = self.path(file);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }
}
