//! An upstream's server as pingora connects to it.

use std::hash::{Hash as _, Hasher as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::connectors::L4Connect;
use pingora_core::protocols::l4::socket::SocketAddr as PeerAddress;
use pingora_core::protocols::l4::stream::Stream;
use pingora_core::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};
use pingora_core::{Error, ErrorType, OrErr, Result};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::upstream::{Upstream, UpstreamAddress, UpstreamServer};

/// Looks a name up for each new connection, so that a server may move.
#[derive(Debug)]
struct ByName {
    name: Box<str>,
    port: u16,
    connect_timeout: Duration,
}

/// How long an unused connection to an upstream is kept.
const IDLE: Duration = Duration::from_secs(30);

/// Requests at once on one HTTP/2 connection to an upstream.
const STREAMS: usize = 100;

/// How long an upgraded connection may be silent. pingora has one limit for the answer and for what follows it.
const UPGRADED_READ: Duration = Duration::from_hours(1);

/// How to reach a server of an upstream, and how long to wait for it.
///
/// # Errors
/// If a unix socket's path is one that the system does not take.
pub(super) fn peer(
    server: &UpstreamServer,
    upstream: &Upstream,
    upgrades: bool,
) -> Result<Box<HttpPeer>> {
    let tls = server.tls.is_some();
    let sni = server.tls.as_deref().unwrap_or_default().to_owned();
    let mut peer = match &server.address {
        UpstreamAddress::Ip(address) => HttpPeer::new(*address, tls, sni),
        UpstreamAddress::Name(name, port) => by_name(name, *port, upstream, tls, sni),
        UpstreamAddress::Unix(path) => {
            let path = path
                .to_str()
                .ok_or_else(|| Error::explain(ErrorType::SocketError, "path is not UTF-8"))?;
            HttpPeer::new_uds(path, tls, sni)?
        }
    };
    let options = &mut peer.options;
    options.connection_timeout = Some(upstream.connect_timeout);
    options.total_connection_timeout = Some(upstream.connect_timeout);
    options.read_timeout = Some(upstream.read_timeout);
    options.write_timeout = Some(upstream.read_timeout);
    options.idle_timeout = Some(IDLE);
    if upgrades {
        options.read_timeout = Some(UPGRADED_READ);
        options.http_upstream_request_policy = HttpUpstreamRequestPolicy::standard();
    } else {
        options.http_upstream_request_policy = HttpUpstreamRequestPolicy::deny_upgrades();
    }
    if server.http2 {
        options.set_http_version(2, 2);
        options.max_h2_streams = STREAMS;
    }
    Ok(Box::new(peer))
}

/// pingora wants an address before it connects. 0.0.0.0 is the one that it does not compare with the socket's; the group
/// keeps the connections of different names apart.
fn by_name(name: &str, port: u16, upstream: &Upstream, tls: bool, sni: String) -> HttpPeer {
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let mut peer = HttpPeer::new(nowhere, tls, sni);
    let mut hasher = std::hash::DefaultHasher::new();
    name.hash(&mut hasher);
    peer.group_key = hasher.finish();
    peer.options.custom_l4 = Some(Arc::new(ByName {
        name: name.into(),
        port,
        connect_timeout: upstream.connect_timeout,
    }));
    peer
}

#[async_trait]
impl L4Connect for ByName {
    async fn connect(&self, _: &PeerAddress) -> Result<Stream> {
        let connecting = TcpStream::connect((&*self.name, self.port));
        let socket = timeout(self.connect_timeout, connecting)
            .await
            .or_err(ErrorType::ConnectTimedout, "looking up and connecting")?
            .or_err(ErrorType::ConnectError, "looking up and connecting")?;
        socket
            .set_nodelay(true)
            .or_err(ErrorType::SocketError, "setting nodelay")?;
        Ok(Stream::from(socket))
    }
}
