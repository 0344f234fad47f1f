//! The baseline of our measurements: pingora as a proxy with nothing of ours in it.
//!
//! It listens on 127.0.0.1:9100, forwards to 127.0.0.1:9000 and runs one worker, so that what `countersign` costs can be
//! read as a ratio to it. Build both with the same profile: `cargo build --release --bins --examples`.

use async_trait::async_trait;
use pingora_core::prelude::{HttpPeer, Result};
use pingora_core::server::Server;
use pingora_core::server::configuration::ServerConf;
use pingora_proxy::{ProxyHttp, Session, http_proxy_service};

/// Forwards everything to one place.
struct Forward;

#[async_trait]
impl ProxyHttp for Forward {
    type CTX = ();

    fn new_ctx(&self) -> Self::CTX {}

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(UPSTREAM, false, String::new())))
    }
}

fn main() {
    let conf = ServerConf {
        threads: 1,
        grace_period_seconds: Some(0),
        graceful_shutdown_timeout_seconds: Some(0),
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let mut proxy = http_proxy_service(&server.configuration, Forward);
    proxy.add_tcp(ADDRESS);
    server.add_service(proxy);
    server.run_forever();
}

const ADDRESS: &str = "127.0.0.1:9100";
const UPSTREAM: (&str, u16) = ("127.0.0.1", 9000);
