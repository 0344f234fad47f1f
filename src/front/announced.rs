//! The PROXY protocol, versions 1 and 2: whom a trusted proxy says a connection is from.
//!
//! Not one byte beyond the header is read: what follows is the client's. Source:
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt> §2.

use std::io;
use std::net::IpAddr;

use ppp::{v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Reads the header that a connection begins with: the client's address, or `None` where the proxy speaks for itself
/// (`LOCAL`) or does not know (`UNKNOWN`, or no internet address). The caller limits its time.
///
/// # Errors
/// If there is no header, or it is broken or longer than any that is needed.
pub(super) async fn client(socket: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<IpAddr>> {
    let mut header = vec![0; v2::PROTOCOL_PREFIX.len()];
    socket.read_exact(&mut header).await?;
    let client = if header == v2::PROTOCOL_PREFIX {
        read_binary(socket, &mut header).await?;
        of_binary(&header)?
    } else {
        read_text(socket, &mut header).await?;
        of_text(&header)?
    };
    Ok(client.map(|ip| ip.to_canonical()))
}

async fn read_binary(
    socket: &mut (impl AsyncRead + Unpin),
    header: &mut Vec<u8>,
) -> io::Result<()> {
    let mut fixed = [0; 4];
    socket.read_exact(&mut fixed).await?;
    let [.., high, low] = fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > BINARY_BYTES {
        return Err(broken());
    }
    header.extend_from_slice(&fixed);
    let start = header.len();
    header.resize(start + length, 0);
    let rest = header.get_mut(start..).unwrap_or_default();
    socket.read_exact(rest).await.map(drop)
}

/// A byte at a time, because nobody says how long it is; it is short, and there is one in a connection.
async fn read_text(socket: &mut (impl AsyncRead + Unpin), header: &mut Vec<u8>) -> io::Result<()> {
    while !header.ends_with(b"\r\n") {
        if header.len() >= TEXT_BYTES || !header.starts_with(b"PROXY ") {
            return Err(broken());
        }
        header.push(socket.read_u8().await?);
    }
    Ok(())
}

fn of_binary(header: &[u8]) -> io::Result<Option<IpAddr>> {
    let header = v2::Header::try_from(header).map_err(|_| broken())?;
    match (header.command, header.protocol) {
        (v2::Command::Local, _) => return Ok(None),
        (v2::Command::Proxy, v2::Protocol::Datagram) => return Err(broken()),
        (v2::Command::Proxy, v2::Protocol::Stream | v2::Protocol::Unspecified) => {}
    }
    Ok(match header.addresses {
        v2::Addresses::IPv4(addresses) => Some(addresses.source_address.into()),
        v2::Addresses::IPv6(addresses) => Some(addresses.source_address.into()),
        v2::Addresses::Unspecified | v2::Addresses::Unix(_) => None,
    })
}

fn of_text(header: &[u8]) -> io::Result<Option<IpAddr>> {
    let header = v1::Header::try_from(header).map_err(|_| broken())?;
    Ok(match header.addresses {
        v1::Addresses::Tcp4(addresses) => Some(addresses.source_address.into()),
        v1::Addresses::Tcp6(addresses) => Some(addresses.source_address.into()),
        v1::Addresses::Unknown => None,
    })
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no PROXY header")
}

/// The longest that version 1 can be.
const TEXT_BYTES: usize = 107;

/// What version 2 may say beyond its first 16 bytes: room for addresses and every extension that is in use.
const BINARY_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of these bytes, and what is left of them.
    async fn read(mut bytes: &[u8]) -> (Result<Option<String>, ()>, &[u8]) {
        let client = client(&mut bytes).await;
        let client = client.map(|ip| ip.map(|ip| ip.to_string()));
        (client.map_err(drop), bytes)
    }

    fn binary(command: u8, family: u8, length: u16, rest: &[u8]) -> Vec<u8> {
        let mut bytes = v2::PROTOCOL_PREFIX.to_vec();
        bytes.extend([command, family]);
        bytes.extend(length.to_be_bytes());
        bytes.extend(rest);
        bytes
    }

    #[tokio::test]
    async fn a_header_names_the_client_and_what_follows_is_left() {
        let v4 = [192, 0, 2, 7, 127, 0, 0, 1, 0x30, 0x39, 0, 80];
        let mut v6 = [0; 36];
        v6[0..4].copy_from_slice(&[0x20, 1, 0xd, 0xb8]);
        v6[15] = 9;
        let mut mapped = [0; 36];
        mapped[10..16].copy_from_slice(&[0xff, 0xff, 192, 0, 2, 8]);
        let tlv = [&v4[..], &[4, 0, 3, 1, 2, 3]].concat();
        for (header, client) in [
            (
                b"PROXY TCP4 192.0.2.7 127.0.0.1 12345 80\r\n".to_vec(),
                Some("192.0.2.7"),
            ),
            (
                b"PROXY TCP6 2001:db8::9 ::1 1 2\r\n".to_vec(),
                Some("2001:db8::9"),
            ),
            (
                b"PROXY TCP6 ::ffff:192.0.2.8 ::1 1 2\r\n".to_vec(),
                Some("192.0.2.8"),
            ),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN 1 2 3 4\r\n".to_vec(), None),
            (binary(0x21, 0x11, 12, &v4), Some("192.0.2.7")),
            (binary(0x21, 0x11, 18, &tlv), Some("192.0.2.7")),
            (binary(0x21, 0x21, 36, &v6), Some("2001:db8::9")),
            (binary(0x21, 0x21, 36, &mapped), Some("192.0.2.8")),
            (binary(0x20, 0x11, 12, &v4), None),
            (binary(0x20, 0, 0, &[]), None),
            (binary(0x21, 0, 0, &[]), None),
            (binary(0x21, 0x31, 216, &[0; 216]), None),
        ] {
            let all = [&header[..], b"GET / HTTP"].concat();
            let (read, left) = read(&all).await;
            assert_eq!(
                read,
                Ok(client.map(str::to_owned)),
                "{}",
                header.escape_ascii()
            );
            assert_eq!(left, b"GET / HTTP", "{}", header.escape_ascii());
        }
    }

    #[tokio::test]
    async fn anything_else_is_no_header() {
        let v4 = [192, 0, 2, 7, 127, 0, 0, 1, 0x30, 0x39, 0, 80];
        for header in [
            b"".to_vec(),
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.7 127.0.0.1 12345 80".to_vec(),
            b"PROXY TCP4 192.0.2.7 127.0.0.1 12345 80\n".to_vec(),
            b"PROXY TCP4 192.0.2.7 127.0.0.1 12345\r\n".to_vec(),
            b"PROXY TCP4  192.0.2.7 127.0.0.1 12345 80\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.007 127.0.0.1 1 80\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.7 127.0.0.1 1 80 x\r\n".to_vec(),
            b"PROXY TCP4 2001:db8::9 ::1 1 2\r\n".to_vec(),
            b"PROXY TCP6 192.0.2.7 127.0.0.1 1 2\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.7 127.0.0.1 1 65536\r\n".to_vec(),
            b"PROXY UDP4 192.0.2.7 127.0.0.1 1 2\r\n".to_vec(),
            b"proxy TCP4 192.0.2.7 127.0.0.1 1 2\r\n".to_vec(),
            [
                b"PROXY UNKNOWN ".to_vec(),
                vec![b'x'; 100],
                b"\r\n".to_vec(),
            ]
            .concat(),
            binary(0x11, 0x11, 12, &v4),
            binary(0x22, 0x11, 12, &v4),
            binary(0x21, 0x41, 12, &v4),
            binary(0x21, 0x12, 12, &v4),
            binary(0x21, 0x11, 11, &v4),
            binary(0x21, 0x21, 12, &v4),
            binary(0x21, 0x11, 13, &v4),
            binary(0x21, 0x11, 65535, &vec![0; 65535]),
            v2::PROTOCOL_PREFIX.to_vec(),
        ] {
            let (read, _) = read(&header).await;
            assert_eq!(read, Err(()), "{}", header.escape_ascii());
        }
    }
}
