//! `[[listen]]`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::client_ca::ClientCa;
use super::reader::Table;
use super::tls::Tls;
use super::value::{Read, flag, path_at, text};

/// One listener.
#[derive(Debug, Clone)]
pub struct Listen {
    /// Where.
    pub address: ListenAddress,
    /// With which certificates; `None` for connections in the open.
    pub tls: Option<Arc<Tls>>,
    /// Who signs the certificates that clients may show; `None` if none is asked for.
    pub client_ca: Option<ClientCa>,
    /// Whether clients may speak HTTP/2, which they choose in the TLS handshake.
    pub http2: bool,
    /// Whether every connection begins with a PROXY header, from a trusted proxy.
    pub proxy_protocol: bool,
    /// Who may connect to a unix socket, as permission bits.
    pub mode: u32,
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
            all.push(Self::default());
        }
        all
    }

    fn read(mut table: Table<'_>, before: &[Self]) -> Self {
        let base = table.base();
        let read = text(|address| listen_address(base, address));
        let listen = Self {
            address: table.required("address", default(), read),
            tls: Tls::read(&mut table).map(Arc::new),
            client_ca: Self::read_client_ca(&mut table),
            http2: table.or("http2", false, flag),
            proxy_protocol: table.or("proxy_protocol", false, flag),
            mode: table.or("mode", SOCKET_MODE, text(mode)),
        };
        if table.has("mode") && matches!(listen.address, ListenAddress::Tcp(_)) {
            table.note("mode", "is for unix sockets; leave it out");
        }
        if listen.http2 && !table.has("tls") {
            table.note(
                "http2",
                "is chosen in the TLS handshake, and there is none; add tls, or leave it out",
            );
        }
        let takes_any_port = matches!(&listen.address, ListenAddress::Tcp(at) if at.port() == 0);
        let is_taken = before.iter().any(|it| it.address == listen.address);
        if table.has("address") && !takes_any_port && is_taken {
            table.note("address", "is listened on twice; leave one out");
        }
        listen
    }
}

impl Listen {
    fn read_client_ca(table: &mut Table<'_>) -> Option<ClientCa> {
        let (base, is_tls) = (table.base(), table.has("tls"));
        let read = |path: &str| {
            if is_tls {
                ClientCa::read(base, path)
            } else {
                Err("is for certificates in the TLS handshake, and there is none; add tls, or leave it out".to_owned())
            }
        };
        table.optional("client_ca", text(read))
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            address: default(),
            tls: None,
            client_ca: None,
            http2: false,
            proxy_protocol: false,
            mode: SOCKET_MODE,
        }
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

/// Permission bits as `chmod` takes them.
fn mode(text: &str) -> Read<u32> {
    let is_octal = (3..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| is_octal && *mode <= 0o777)
        .ok_or_else(|| format!("{text:?} are no permissions; write \"0660\" or \"0666\""))
}

/// Who may connect over a unix socket if nobody says: its owner and group.
const SOCKET_MODE: u32 = 0o660;

/// A socket's address holds 107 bytes; a suffix is added while it is set up.
const LONGEST_SOCKET: usize = 96;
