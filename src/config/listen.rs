//! `[[listen]]`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::reader::Table;
use super::tls::Tls;
use super::value::{Read, path_at, text};

/// One listener.
#[derive(Debug, Clone)]
pub struct Listen {
    /// Where.
    pub address: ListenAddress,
    /// With which certificates; `None` for connections in the open.
    pub tls: Option<Arc<Tls>>,
}

/// Where a listener listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// `"127.0.0.1:8080"`.
    Tcp(SocketAddr),
    /// `"unix:run/http.sock"`, relative to the configuration file.
    Unix(PathBuf),
}

impl Listen {
    /// Reads every `[[listen]]`; without one there is the example's.
    pub(super) fn read_all(tables: Vec<Table<'_>>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        let absent = tables.is_empty();
        for table in tables {
            let listen = Self::read(table, &all);
            all.push(listen);
        }
        if absent {
            all.push(Self {
                address: default(),
                tls: None,
            });
        }
        all
    }

    fn read(mut table: Table<'_>, before: &[Self]) -> Self {
        let base = table.base();
        let read = text(|address| listen_address(base, address));
        let listen = Self {
            address: table.required("address", default(), read),
            tls: Tls::read(&mut table).map(Arc::new),
        };
        table.refuse(
            "client_ca",
            "this build does not take client certificates yet; leave this out",
        );
        table.refuse(
            "http2",
            "this build does not take HTTP/2 from clients yet; leave this out",
        );
        table.refuse(
            "proxy_protocol",
            "this build does not read the PROXY protocol yet; leave this out",
        );
        let takes_any_port = matches!(&listen.address, ListenAddress::Tcp(at) if at.port() == 0);
        let is_taken = before.iter().any(|it| it.address == listen.address);
        if table.has("address") && !takes_any_port && is_taken {
            table.note("address", "is listened on twice; leave one out");
        }
        listen
    }
}

fn default() -> ListenAddress {
    ListenAddress::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)))
}

fn listen_address(base: &Path, text: &str) -> Read<ListenAddress> {
    if let Some(path) = text.strip_prefix("unix:") {
        let path = path_at(base, path)?;
        let fits = path.as_os_str().len() <= LONGEST_SOCKET;
        return fits.then_some(ListenAddress::Unix(path)).ok_or_else(|| {
            format!("is too long for a socket; write a path of at most {LONGEST_SOCKET} bytes")
        });
    }
    text.parse().map(ListenAddress::Tcp).map_err(|_| {
        format!("{text:?} is not an address; write \"127.0.0.1:8080\", \"[::]:8080\" or \"unix:run/http.sock\"")
    })
}

/// A socket's address holds 107 bytes; a suffix is added while it is set up.
const LONGEST_SOCKET: usize = 96;
