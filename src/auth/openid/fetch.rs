//! Asking a provider: small requests over TLS, each with an end in time and size. No redirect is followed, since an
//! address that a provider did not name in its own document is not asked.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::OpenIdError;
use crate::config::authorities::Authorities;
use crate::config::connection::is_confidential;

/// Asks one provider.
pub(super) struct Fetcher {
    tls: Option<TlsConnector>,
}

/// What was answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It takes too long.
    #[error("no whole answer came in time")]
    TooSlow,
    /// There is no way to it.
    #[error("cannot connect: {0}")]
    Connect(#[from] std::io::Error),
    /// The address is not one that may be asked.
    #[error("its address is neither https nor on this machine")]
    Address,
    /// It does not speak HTTP as it should.
    #[error("no usable answer: {0}")]
    Http(#[from] hyper::Error),
    /// The request cannot be written.
    #[error("the request cannot be written: {0}")]
    Request(#[from] http::Error),
    /// The answer broke off, or is too large.
    #[error("the answer broke off or is too large")]
    Body,
    /// It answered with something else than success, where nothing else helps.
    #[error("it answered {0}")]
    Status(StatusCode),
}

impl Fetcher {
    /// Trusts these authorities, or else the public ones.
    pub(super) fn new(authorities: Option<&Authorities>) -> Self {
        let mut roots = RootCertStore::empty();
        match authorities {
            Some(own) => {
                roots.add_parsable_certificates(own.certificates.iter().cloned());
            }
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        let provider = Arc::new(ring::default_provider());
        let versions =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        // Ring has every suite of the safe versions; were it not so, https would be an address that nobody asks.
        let tls = versions.ok().map(|builder| {
            let config = builder.with_root_certificates(roots).with_no_client_auth();
            TlsConnector::from(Arc::new(config))
        });
        Self { tls }
    }

    /// `GET`, with an `Authorization` if there is one.
    pub(super) async fn get(
        &self,
        url: &Url,
        authorization: Option<&str>,
    ) -> Result<Answer, FetchError> {
        self.send(Method::GET, url, authorization, String::new())
            .await
    }

    /// `POST` of a form.
    pub(super) async fn post(
        &self,
        url: &Url,
        authorization: Option<&str>,
        form: String,
    ) -> Result<Answer, FetchError> {
        self.send(Method::POST, url, authorization, form).await
    }

    async fn send(
        &self,
        method: Method,
        url: &Url,
        authorization: Option<&str>,
        form: String,
    ) -> Result<Answer, FetchError> {
        if !is_confidential(url) {
            return Err(FetchError::Address);
        }
        let host = url.host().ok_or(FetchError::Address)?;
        let port = url.port_or_known_default().ok_or(FetchError::Address)?;
        let request = request(&method, url, authorization, form)?;
        let exchange = async {
            let stream = connect(&host, port).await?;
            if url.scheme() == "http" {
                return exchange(stream, request).await;
            }
            let tls = self.tls.as_ref().ok_or(FetchError::Address)?;
            let stream = tls.connect(server_name(&host)?, stream).await?;
            exchange(stream, request).await
        };
        let answered = tokio::time::timeout(TIMEOUT, exchange).await;
        answered.map_err(|_| FetchError::TooSlow)?
    }
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher").finish_non_exhaustive()
    }
}

impl Answer {
    /// Reads it as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, or: &'static str) -> Result<T, OpenIdError> {
        serde_json::from_slice(&self.body).map_err(|_| OpenIdError::Unusable(or))
    }

    /// The same, if it says success.
    pub(super) fn document<T: DeserializeOwned>(&self, or: &'static str) -> Result<T, OpenIdError> {
        if self.status != StatusCode::OK {
            return Err(FetchError::Status(self.status).into());
        }
        self.json(or)
    }

    /// The `error` of a refusal, in characters that may stand in a log. Source: RFC 6749 §5.2.
    pub(super) fn error_code(&self) -> Box<str> {
        #[derive(Deserialize)]
        struct Refusal {
            error: String,
        }
        let refusal: Option<Refusal> = serde_json::from_slice(&self.body).ok();
        let code = refusal.map(|refusal| refusal.error).unwrap_or_default();
        let code: String = code
            .chars()
            .filter(char::is_ascii_graphic)
            .take(64)
            .collect();
        if code.is_empty() {
            self.status.as_str().into()
        } else {
            code.into()
        }
    }
}

/// The `Authorization` of a client. Its id and secret are encoded as a form's fields first: RFC 6749 §2.3.1.
pub(super) fn basic(id: &str, secret: &str) -> String {
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(id), encode(secret));
    format!("Basic {}", STANDARD.encode(pair))
}

/// A form's body.
pub(super) fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

fn request(
    method: &Method,
    url: &Url,
    authorization: Option<&str>,
    form: String,
) -> Result<Request<Full<Bytes>>, http::Error> {
    let host = url.host_str().unwrap_or_default();
    let authority = url
        .port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let query = url.query().map(|query| format!("?{query}"));
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{}{}", url.path(), query.unwrap_or_default()))
        .header(HOST, authority)
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, "countersign")
        .header(CONNECTION, "close");
    if *method == Method::POST {
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    if let Some(authorization) = authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    request.body(Full::from(form))
}

async fn connect(host: &Host<&str>, port: u16) -> std::io::Result<TcpStream> {
    match host {
        Host::Domain(name) => TcpStream::connect((*name, port)).await,
        Host::Ipv4(ip) => TcpStream::connect((*ip, port)).await,
        Host::Ipv6(ip) => TcpStream::connect((*ip, port)).await,
    }
}

fn server_name(host: &Host<&str>) -> Result<ServerName<'static>, FetchError> {
    match host {
        Host::Domain(name) => {
            ServerName::try_from((*name).to_owned()).map_err(|_| FetchError::Address)
        }
        Host::Ipv4(ip) => Ok(ServerName::IpAddress(std::net::IpAddr::V4(*ip).into())),
        Host::Ipv6(ip) => Ok(ServerName::IpAddress(std::net::IpAddr::V6(*ip).into())),
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Full<Bytes>>,
) -> Result<Answer, FetchError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answer = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        let body = body.map_err(|_| FetchError::Body)?.to_bytes();
        Ok(Answer { status, body })
    };
    tokio::pin!(answer);
    tokio::select! {
        answer = &mut answer => answer,
        // What it has read before it ended is still there.
        _ = connection => answer.await,
    }
}

/// From the first byte to the last, both ways.
const TIMEOUT: Duration = Duration::from_secs(5);
const LARGEST: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_id_and_secret_are_encoded_before_they_are_joined() {
        // RFC 6749 §2.3.1 and appendix B.
        assert_eq!(
            basic("a:b", "c d%"),
            format!("Basic {}", STANDARD.encode("a%3Ab:c+d%25"))
        );
    }

    #[tokio::test]
    async fn nothing_is_asked_in_the_clear_on_another_machine() {
        let fetcher = Fetcher::new(None);
        for url in [
            "http://192.0.2.1/",
            "http://id.example/",
            "ftp://localhost/",
        ] {
            let asked = fetcher.get(&Url::parse(url).unwrap(), None).await;
            assert!(matches!(asked, Err(FetchError::Address)), "{url}");
        }
    }
}
