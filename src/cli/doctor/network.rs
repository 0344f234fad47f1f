//! The network: whether upstreams, mail and the admin listener are where the configuration says, and whether an upstream
//! can be reached past us.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::auth;
use crate::config::Config;
use crate::config::section::MailTransport;
use crate::config::upstream::{Upstream, UpstreamAddress, UpstreamServer};
use crate::proxy;

use super::Finding;

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let open = ports_open_to_all();
    let mut findings = Vec::new();
    for upstream in config.upstreams.values() {
        for server in &upstream.servers {
            findings.push(reached(upstream, server).await);
            findings.extend(passed_by(upstream, server, &open));
        }
    }
    findings.extend(mail(config).await);
    findings.extend(admin(config));
    findings
}

async fn reached(upstream: &Upstream, server: &UpstreamServer) -> Finding {
    let what = format!("upstream {}", upstream.name);
    match proxy::reach(server, upstream).await {
        Ok(()) => Finding::good(what, format!("{server} takes connections")),
        Err(why) => Finding::failure(what, format!("{server}: {why}")),
    }
}

/// Whether others than we can get at a server that is meant for us alone. What listens on another machine cannot be seen
/// from here.
fn passed_by(
    upstream: &Upstream,
    server: &UpstreamServer,
    open: &BTreeSet<u16>,
) -> Option<Finding> {
    let what = format!("upstream {} past us", upstream.name);
    match &server.address {
        UpstreamAddress::Ip(at) if at.ip().is_loopback() => Some(if open.contains(&at.port()) {
            Finding::warning(
                what,
                format!(
                    "port {} listens on every address of this machine: whoever reaches it says who they are \
                     themselves. Bind the app to {} or to a unix socket",
                    at.port(),
                    at.ip()
                ),
            )
        } else {
            Finding::good(what, format!("{server} listens on loopback alone"))
        }),
        UpstreamAddress::Unix(path) => socket(what, path),
        UpstreamAddress::Ip(_) | UpstreamAddress::Name(..) => Some(Finding::warning(
            what,
            format!("{server} is not on loopback: see that only countersign can connect to it"),
        )),
    }
}

fn socket(what: String, path: &Path) -> Option<Finding> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o7777;
    Some(if mode & 0o002 == 0 {
        Finding::good(what, format!("{} has mode {mode:04o}", path.display()))
    } else {
        Finding::warning(
            what,
            format!(
                "{} has mode {mode:04o}: everybody on this machine may connect. Give it 0660 and a group of its own",
                path.display()
            ),
        )
    })
}

/// Ports on which something of this network namespace listens on every address. Empty where the system does not tell.
fn ports_open_to_all() -> BTreeSet<u16> {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .flat_map(|table| open_to_all(&table))
        .collect()
}

/// The same of one table: a line per socket, `sl local_address rem_address st …`, addresses as `HEX:PORT`, 0A for one that
/// listens. Source: proc(5).
fn open_to_all(table: &str) -> Vec<u16> {
    let port = |line: &str| {
        let mut columns = line.split_ascii_whitespace().skip(1);
        let (address, port) = columns.next()?.split_once(':')?;
        let listens = columns.nth(1)? == "0A";
        let everywhere = address.bytes().all(|digit| digit == b'0');
        (listens && everywhere)
            .then(|| u16::from_str_radix(port, 16).ok())
            .flatten()
    };
    table.lines().filter_map(port).collect()
}

async fn mail(config: &Config) -> Option<Finding> {
    let how = match &config.mail.transport {
        MailTransport::None => return None,
        MailTransport::File(directory) => format!("is written to {}", directory.display()),
        MailTransport::Smtp(_) => "server answers".to_owned(),
    };
    Some(match auth::reach_mail(&config.mail).await {
        Ok(()) => Finding::good("mail", how),
        Err(why) => Finding::failure("mail", why),
    })
}

fn admin(config: &Config) -> Option<Finding> {
    let address = config.admin.address;
    (!address.ip().is_loopback()).then(|| {
        let guarded = config.admin.token_file.is_some();
        let detail = format!(
            "{address} is not on loopback: metrics and health are there for everybody who reaches it{}",
            if guarded { "" } else { ". Bind it to 127.0.0.1" }
        );
        Finding::warning("admin listener", detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_listens_everywhere_is_open_to_all() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue\n\
             0: 00000000:2328 00000000:0000 0A 00000000:00000000 00:00000000\n\
             1: 0100007F:2329 00000000:0000 0A 00000000:00000000 00:00000000\n\
             2: 00000000:232A 0100007F:0001 01 00000000:00000000 00:00000000\n\
             3: 00000000000000000000000000000000:232B 00000000000000000000000000000000:0000 0A 0:0\n\
             nonsense\n";
        assert_eq!(open_to_all(table), [9000, 9003]);
    }

    #[test]
    fn this_machine_tells_what_listens_everywhere() {
        let everywhere = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
        let here = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let [everywhere, here] = [&everywhere, &here].map(|it| it.local_addr().unwrap().port());
        let open = ports_open_to_all();
        assert!(open.contains(&everywhere) && !open.contains(&here));
    }
}
