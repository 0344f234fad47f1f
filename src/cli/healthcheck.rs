//! `healthcheck`: asks the admin listener's `/readyz`, for containers that have no curl.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

/// Asks whether the `serve` process at `admin` takes requests.
pub(super) fn run(admin: SocketAddr) -> Result<()> {
    let address = reachable(admin);
    let answer = ask(address)
        .with_context(|| format!("no answer from the admin listener at http://{address}/readyz"))?;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    anyhow::ensure!(
        answer.starts_with("HTTP/1.") && status == "200",
        "not ready: http://{address}/readyz answered {:?}: {}",
        answer.lines().next().unwrap_or_default(),
        answer
            .split_once("\r\n\r\n")
            .map_or("", |(_, body)| body.trim())
    );
    Ok(())
}

/// Where a listener that listens everywhere can be reached from here.
fn reachable(admin: SocketAddr) -> SocketAddr {
    let ip = match admin.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, admin.port())
}

fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_LIMIT).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

const TIMEOUT: Duration = Duration::from_secs(3);
const ANSWER_LIMIT: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_asked_on_loopback() {
        for (listens, asked) in [
            ("0.0.0.0:9090", "127.0.0.1:9090"),
            ("[::]:9090", "[::1]:9090"),
            ("10.0.0.1:1", "10.0.0.1:1"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
