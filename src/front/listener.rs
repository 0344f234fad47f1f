//! Listening sockets, and how many connections may be open.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::config::listen::{Listen, ListenAddress};

use super::face::{Face, Faces};

/// A socket that listens.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    face: Arc<ArcSwap<Face>>,
}

/// A connection that has come.
#[derive(Debug)]
pub(super) enum Accepted {
    Tcp(TcpStream, IpAddr),
    /// From a process of this machine.
    Unix(UnixStream),
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

/// How many connections each network has.
#[derive(Debug, Clone)]
pub(super) struct PerIp {
    limit: usize,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One of a network's connections; counted as long as it is kept.
#[derive(Debug)]
pub(super) struct Seat {
    network: IpAddr,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Listener {
    /// Listens. A unix socket that nobody listens on any more is replaced; it has its mode before it has its name, so that
    /// there is no moment at which anybody else can connect.
    ///
    /// # Errors
    /// If the address is taken or not ours.
    pub async fn bind(listen: &Listen, faces: &mut Faces) -> io::Result<Self> {
        let socket = match &listen.address {
            ListenAddress::Tcp(address) => Socket::Tcp(TcpListener::bind(address).await?),
            ListenAddress::Unix(path) => {
                Socket::Unix(bind_unix(path, listen.mode).await?, path.clone())
            }
        };
        let face = faces.add(listen);
        Ok(Self { socket, face })
    }

    /// The address it has, with the port that it was given; `None` for a unix socket.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().ok(),
            Socket::Unix(..) => None,
        }
    }

    /// How a connection that comes now begins.
    pub(super) fn face(&self) -> Arc<Face> {
        self.face.load_full()
    }

    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (socket, peer) = listener.accept().await?;
                // A small answer must not wait for the acknowledgement of the one before it.
                socket.set_nodelay(true)?;
                Ok(Accepted::Tcp(socket, peer.ip().to_canonical()))
            }
            Socket::Unix(listener, _) => Ok(Accepted::Unix(listener.accept().await?.0)),
        }
    }
}

impl Accepted {
    /// The other end. Whoever comes over a unix socket is a process of this machine.
    pub(super) fn peer(&self) -> IpAddr {
        match self {
            Self::Tcp(_, peer) => *peer,
            Self::Unix(_) => IpAddr::from([127, 0, 0, 1]),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Socket::Unix(_, path) = &self.socket {
            // It may be gone already, or replaced by our successor: then there is nothing to tidy.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl PerIp {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            open: Arc::default(),
        }
    }

    /// A seat for one more connection of that address; `None` if its network has as many as it may.
    pub(super) fn take(&self, ip: IpAddr) -> Option<Seat> {
        let network = network(ip);
        let mut open = self.open.lock();
        let count = open.entry(network).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Seat {
            network,
            open: Arc::clone(&self.open),
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        if let Some(count) = open.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.network);
            }
        }
    }
}

/// What counts as one: an IPv4 address, or an IPv6 /64, within which a client takes what addresses it likes.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
    }
}

async fn bind_unix(path: &Path, mode: u32) -> io::Result<UnixListener> {
    if UnixStream::connect(path).await.is_ok() {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    let mut nameless = path.as_os_str().to_owned();
    nameless.push(format!(".{}", std::process::id()));
    let nameless = PathBuf::from(nameless);
    let _ = std::fs::remove_file(&nameless);
    let listener = UnixListener::bind(&nameless)?;
    std::fs::set_permissions(&nameless, std::fs::Permissions::from_mode(mode))?;
    std::fs::rename(&nameless, path)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_so_many_seats_and_gets_them_back() {
        let per_ip = PerIp::new(2);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = per_ip.take(ip("2001:db8::1"));
        let second = per_ip.take(ip("2001:db8::2"));
        assert!(first.is_some() && second.is_some());
        assert!(per_ip.take(ip("2001:db8::3")).is_none());
        assert!(per_ip.take(ip("2001:db8:0:1::3")).is_some());
        drop(first);
        assert!(per_ip.take(ip("2001:db8::3")).is_some());
    }

    #[tokio::test]
    async fn a_unix_socket_has_its_mode_and_leaves_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("http.sock");
        let listen = |mode| Listen {
            address: ListenAddress::Unix(path.clone()),
            mode,
            ..Listen::default()
        };
        let mut faces = Faces::default();
        for mode in [Listen::default().mode, 0o600, 0o666] {
            let listener = Listener::bind(&listen(mode), &mut faces).await.unwrap();
            let found = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(found & 0o777, mode);
            assert!(Listener::bind(&listen(mode), &mut faces).await.is_err());
            drop(listener);
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
