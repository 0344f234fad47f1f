//! How the connections of a listener begin: in the open or with TLS. A reload may replace it; what is open stays as it is.

use std::fmt::Debug;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use arc_swap::ArcSwap;
use pingora_core::protocols::Stream;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use crate::config::client_ca::ClientCa;
use crate::config::listen::{Listen, ListenAddress};
use crate::config::tls::{Shown, Tls, provider};

use super::holder;
use super::stream::Buffered;

/// The faces of the listeners that are open. Clones are the same faces.
#[derive(Debug, Clone, Default)]
pub struct Faces(Vec<(ListenAddress, Arc<ArcSwap<Face>>)>);

/// How a listener's connections begin.
pub(super) struct Face {
    /// Whether a PROXY header comes first.
    pub(super) proxy_protocol: bool,
    tls: Option<Secure>,
}

/// A connection whose requests can be read.
pub(super) struct Opened {
    pub(super) stream: Stream,
    /// The certificate that the client was shown; `None` in the open.
    pub(super) shown: Option<Arc<Shown>>,
    /// Whether the client speaks HTTP/2 from now on.
    pub(super) is_http2: bool,
}

/// What HTTP/2 over TLS is called. Source: RFC 9113 §3.2.
const H2: &[u8] = b"h2";

/// What a connection can be made of.
pub(super) trait Socket:
    AsyncRead + AsyncWrite + AsRawFd + Debug + Unpin + Send + Sync + 'static
{
}

impl<S: AsyncRead + AsyncWrite + AsRawFd + Debug + Unpin + Send + Sync + 'static> Socket for S {}

struct Secure {
    tls: Arc<Tls>,
    /// Who is asked about clients' certificates.
    authority: Option<ClientCa>,
    acceptor: TlsAcceptor,
}

/// Chooses a certificate by what the client names.
#[derive(Debug)]
struct ByName(Arc<Tls>);

impl Faces {
    /// Adds a listener that has been opened as `listen` says.
    pub(super) fn add(&mut self, listen: &Listen) -> Arc<ArcSwap<Face>> {
        let face = Arc::new(ArcSwap::from_pointee(Face::new(
            listen,
            listen.client_ca.clone(),
        )));
        self.0.push((listen.address.clone(), Arc::clone(&face)));
        face
    }

    /// Lets connections that begin from now on begin as a new configuration says. A listener is known by its address; one
    /// that is written no more stays as it is.
    pub fn replace(&self, all: &[Listen]) {
        let mut all: Vec<&Listen> = all.iter().collect();
        for (address, face) in &self.0 {
            if let Some(at) = all.iter().position(|listen| listen.address == *address) {
                let listen = all.swap_remove(at);
                let old = face.load().authority();
                let authority = match &old {
                    Some(old) => old.replaced_by(listen.client_ca.as_ref()),
                    None => listen.client_ca.clone(),
                };
                face.store(Arc::new(Face::new(listen, authority)));
            }
        }
    }
}

impl Face {
    fn new(listen: &Listen, authority: Option<ClientCa>) -> Self {
        Self {
            proxy_protocol: listen.proxy_protocol,
            tls: listen
                .tls
                .as_ref()
                .map(|tls| Secure::new(tls, listen.http2, authority)),
        }
    }

    fn authority(&self) -> Option<ClientCa> {
        self.tls.as_ref()?.authority.clone()
    }

    /// Does what comes before the first request. The caller limits its time.
    ///
    /// # Errors
    /// If the client gives up, or does not speak what this listener does.
    pub(super) async fn open(&self, socket: impl Socket) -> io::Result<Opened> {
        let Some(secure) = &self.tls else {
            return Ok(Opened {
                stream: Box::new(Buffered::new(socket)),
                shown: None,
                is_http2: false,
            });
        };
        let stream = secure.acceptor.accept(socket).await?;
        let (_, connection) = stream.get_ref();
        let is_http2 = connection.alpn_protocol() == Some(H2);
        let chain = connection.peer_certificates().unwrap_or_default();
        let client = chain.first().and_then(holder::read);
        let mut shown = Shown::new(Arc::clone(&secure.tls), connection.server_name());
        if let Some((client, authority)) = client.zip(secure.authority.clone()) {
            shown = shown.with_client(client, authority);
        }
        Ok(Opened {
            stream: Box::new(Buffered::new(stream)),
            shown: Some(Arc::new(shown)),
            is_http2,
        })
    }
}

impl Debug for Face {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Face")
            .field("is_tls", &self.tls.is_some())
            .field("proxy_protocol", &self.proxy_protocol)
            .finish()
    }
}

impl Secure {
    fn new(tls: &Arc<Tls>, http2: bool, authority: Option<ClientCa>) -> Self {
        let config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the cipher suites of TLS 1.2 and 1.3");
        let resolver = Arc::new(ByName(Arc::clone(tls)));
        let config = match &authority {
            Some(authority) => config.with_client_cert_verifier(authority.verifier()),
            None => config.with_no_client_auth(),
        };
        let mut config = config.with_cert_resolver(resolver);
        let protocols: &[&[u8]] = if http2 {
            &[H2, b"http/1.1"]
        } else {
            &[b"http/1.1"]
        };
        config.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
        Self {
            tls: Arc::clone(tls),
            authority,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        }
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let Self(tls) = self;
        Some(tls.certificate(hello.server_name()).certified_key())
    }
}
