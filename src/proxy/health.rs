//! Asking upstreams how they are, where the configuration says so, and telling it in `upstream_up`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pingora_core::connectors::http::Connector;
use pingora_http::RequestHeader;
use tokio::sync::watch;
use tokio::time::{Instant, interval, timeout};

use crate::config::upstream::{HealthCheck, Upstream, UpstreamServer};
use crate::gateway::upstream::{Pool, Server};

use super::Desk;
use super::peer::peer;

/// How often it is looked whether a check is due.
const LOOK: Duration = Duration::from_millis(500);

/// Checks every upstream that wants to be checked, until `shutdown` is true.
pub async fn watch_upstreams(desk: Arc<Desk>, mut shutdown: watch::Receiver<bool>) {
    let connector = Arc::new(Connector::new(None));
    let mut checked: BTreeMap<Arc<str>, Instant> = BTreeMap::new();
    let mut look = interval(LOOK);
    loop {
        tokio::select! {
            _ = shutdown.wait_for(|down| *down) => return,
            _ = look.tick() => {}
        }
        for pool in pools(&desk).into_values() {
            let name = &pool.upstream.name;
            desk.metrics()
                .set_upstream_up(name, pool.is_up(desk.clock.monotonic()));
            let Some(health) = &pool.upstream.health else {
                continue;
            };
            let due = |last: &Instant| last.elapsed() >= health.interval;
            if checked.get(name).is_none_or(due) {
                checked.insert(Arc::clone(name), Instant::now());
                for server in pool.servers() {
                    tokio::spawn(check(
                        Arc::clone(&connector),
                        Arc::clone(server),
                        Arc::clone(&pool),
                    ));
                }
            }
        }
    }
}

/// Connects to a server as a request would, TLS and all, and hangs up.
///
/// # Errors
/// Why that cannot be done, in words for an operator.
pub async fn reach(server: &UpstreamServer, upstream: &Upstream) -> Result<(), String> {
    let peer = peer(server, upstream, false).map_err(|why| why.to_string())?;
    let connector = Connector::<()>::new(None);
    match timeout(upstream.connect_timeout, connector.get_http_session(&*peer)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(why)) => Err(why.to_string()),
        Err(_) => Err(format!(
            "no connection within {:?} (connect_timeout)",
            upstream.connect_timeout
        )),
    }
}

/// The pools of the configuration as it is now, each once.
fn pools(desk: &Desk) -> BTreeMap<Arc<str>, Arc<Pool>> {
    let site = desk.site();
    let pools = site.gateway.routes().map(|route| &route.upstream);
    pools
        .map(|pool| (Arc::clone(&pool.upstream.name), Arc::clone(pool)))
        .collect()
}

async fn check(connector: Arc<Connector>, server: Arc<Server>, pool: Arc<Pool>) {
    let upstream = &pool.upstream;
    let Some(health) = &upstream.health else {
        return;
    };
    let limit = upstream.connect_timeout + upstream.read_timeout.min(health.interval);
    let answer = timeout(limit, ask(&connector, &server, upstream, health)).await;
    let is_well = matches!(answer, Ok(Ok(status)) if (200..400).contains(&status));
    server.set_well(is_well);
}

/// The status of an answer to `GET health.path`, on a connection of its own.
async fn ask(
    connector: &Connector,
    server: &Server,
    upstream: &Upstream,
    health: &HealthCheck,
) -> pingora_core::Result<u16> {
    let peer = peer(&server.at, upstream, false)?;
    let (mut session, _) = connector.get_http_session(&*peer).await?;
    let mut request = RequestHeader::build("GET", health.path.as_bytes(), Some(3))?;
    request.insert_header("Host", &*upstream.name)?;
    request.insert_header("User-Agent", "countersign")?;
    request.insert_header("Connection", "close")?;
    session.write_request_header(Box::new(request)).await?;
    session.finish_request_body().await?;
    session.read_response_header().await?;
    Ok(session
        .response_header()
        .map_or(0, |response| response.status.as_u16()))
}
