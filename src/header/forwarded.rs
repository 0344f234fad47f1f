//! Where a request came from: believed from trusted proxies, and told to the upstream anew.
//!
//! Source: contract section 4; <https://www.w3.org/TR/trace-context/#traceparent-header>.

use std::net::{IpAddr, SocketAddr};

use bytes::{BufMut, Bytes, BytesMut};
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use ipnet::IpNet;

use super::fields::Fields;
use super::host;
use crate::model::id::RequestId;

/// `X-Request-Id`.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// `traceparent`.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Whose forwarding headers are believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Box<[IpNet]>);

/// What the edge knows of a connection and its request.
#[derive(Debug, Clone, Copy)]
pub struct Edge<'a> {
    /// The other end of the connection.
    pub peer: IpAddr,
    /// Whether that is a trusted proxy.
    pub is_trusted: bool,
    /// Whether the connection is TLS.
    pub is_tls: bool,
    /// The `Host` field's value.
    pub host: &'a str,
}

/// By what names a request is followed through logs. Clones share their bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    request_id: HeaderValue,
    traceparent: HeaderValue,
}

impl TrustedProxies {
    /// From networks.
    #[must_use]
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    /// Whether an address is a trusted proxy's. An IPv4 address in IPv6 clothes is the IPv4 address.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|network| network.contains(&ip))
    }

    /// The client's address: the peer's, or, as long as that is a trusted proxy's, the one that it names last.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.contains(client) {
            return client;
        }
        let mut named = headers
            .get_all(&X_FORWARDED_FOR)
            .iter()
            .rev()
            .flat_map(|field| field.as_bytes().rsplit(|byte| *byte == b','));
        while self.contains(client) {
            match named.next().and_then(address) {
                Some(before) => client = before,
                None => break,
            }
        }
        client
    }
}

impl Trace {
    /// The names that a trusted proxy gave, where they are good ones; else fresh ones.
    #[must_use]
    pub fn of(headers: &HeaderMap, is_trusted: bool) -> Self {
        let mut trace = fresh();
        if !is_trusted {
            return trace;
        }
        if let Some(given) = given(headers, &X_REQUEST_ID, is_request_id) {
            trace.request_id = given;
        }
        if let Some(given) = given(headers, &TRACEPARENT, is_traceparent) {
            trace.traceparent = given;
        }
        trace
    }

    /// The value of `X-Request-Id`.
    #[must_use]
    pub const fn request_id(&self) -> &HeaderValue {
        &self.request_id
    }

    /// The same as text.
    #[must_use]
    pub fn request_id_text(&self) -> &str {
        self.request_id.to_str().unwrap_or_default()
    }

    /// The trace's id: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        let text = self.traceparent.to_str().unwrap_or_default();
        text.get(3..35).unwrap_or_default()
    }

    /// Sets `X-Request-Id` and `traceparent`; `tracestate` stays only with the `traceparent` that it came with.
    pub fn stamp(&self, fields: &mut impl Fields) {
        let was_kept = fields
            .map()
            .get(&TRACEPARENT)
            .is_some_and(|value| value == self.traceparent);
        if !was_kept {
            fields.remove(&TRACESTATE);
        }
        fields.set(&X_REQUEST_ID, self.request_id.clone());
        fields.set(&TRACEPARENT, self.traceparent.clone());
    }
}

/// Sets `X-Forwarded-For`, `-Proto` and `-Host`. What came from a peer that is not trusted has to be gone already.
pub fn stamp(fields: &mut impl Fields, edge: &Edge<'_>) {
    let believed = |name: &HeaderName, fits: fn(&str) -> bool| {
        edge.is_trusted
            .then(|| given(fields.map(), name, fits))
            .flatten()
    };
    let scheme = believed(&X_FORWARDED_PROTO, |text| text == "http" || text == "https");
    let own_scheme = HeaderValue::from_static(if edge.is_tls { "https" } else { "http" });
    let scheme = scheme.unwrap_or(own_scheme);
    let host = believed(&X_FORWARDED_HOST, |text| host::normal(text).is_ok());
    let host = host.or_else(|| HeaderValue::from_str(edge.host).ok());
    let chain = chain(fields.map(), edge);
    if let Ok(chain) = HeaderValue::from_bytes(&chain) {
        fields.set(&X_FORWARDED_FOR, chain);
    }
    fields.set(&X_FORWARDED_PROTO, scheme);
    if let Some(host) = host {
        fields.set(&X_FORWARDED_HOST, host);
    }
}

/// The one value that a trusted proxy gave, if it fits.
fn given(
    headers: &HeaderMap,
    name: &HeaderName,
    fits: impl Fn(&str) -> bool,
) -> Option<HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    value.to_str().ok().filter(|text| fits(text))?;
    Some(value.clone())
}

fn chain(headers: &HeaderMap, edge: &Edge<'_>) -> Vec<u8> {
    let mut chain = Vec::with_capacity(ADDRESS_BYTES);
    if edge.is_trusted {
        for field in headers.get_all(&X_FORWARDED_FOR) {
            chain.extend_from_slice(field.as_bytes());
            chain.extend_from_slice(b", ");
        }
    }
    write_address(&mut chain, edge.peer.to_canonical());
    chain
}

/// Writes an address as its [`Display`](std::fmt::Display) does; without a formatter, since every request has one.
pub fn write_address(out: &mut Vec<u8>, ip: IpAddr) {
    let IpAddr::V4(ip) = ip else {
        return out.extend_from_slice(ip.to_string().as_bytes());
    };
    for (place, octet) in ip.octets().into_iter().enumerate() {
        if place > 0 {
            out.push(b'.');
        }
        for (power, is_shown) in [(100, octet >= 100), (10, octet >= 10), (1, true)] {
            if is_shown {
                out.push(b'0' + octet / power % 10);
            }
        }
    }
}

/// An address, with or without a port.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(bytes).ok()?.trim_ascii();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse()
        .ok()
        .or_else(|| {
            text.parse::<SocketAddr>()
                .ok()
                .map(|with_port| with_port.ip())
        })
        .map(|ip: IpAddr| ip.to_canonical())
}

fn is_request_id(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=:@".contains(&byte))
}

fn is_traceparent(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut hex = |length: usize| {
        parts.next().is_some_and(|part| {
            part.len() == length
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
                && (length == 2 || part.bytes().any(|byte| byte != b'0'))
        })
    };
    hex(2) && hex(32) && hex(16) && hex(2) && text.len() == 55 && text.starts_with("00-")
}

/// Both names of a fresh id. They share one allocation, and so do their clones.
///
/// The trace is sampled, so that an upstream that traces what it is told to trace does. Its parent is the second half of
/// another id: a UUID's variant stands there, so that it is never all zeros.
fn fresh() -> Trace {
    let (id, parent) = (
        RequestId::generate().digits(),
        RequestId::generate().digits(),
    );
    let (digits, [_, parent]) = (id.as_flattened(), parent);
    let mut bytes = BytesMut::with_capacity(36 + 55);
    for group in [0..8, 8..12, 12..16, 16..20, 20..32] {
        if group.start > 0 {
            bytes.put_u8(b'-');
        }
        bytes.extend_from_slice(digits.get(group).unwrap_or_default());
    }
    let request_id = bytes.split().freeze();
    for part in [b"00-", digits, b"-", &parent, b"-01"] {
        bytes.extend_from_slice(part);
    }
    Trace {
        request_id: ascii(request_id),
        traceparent: ascii(bytes.freeze()),
    }
}

fn ascii(text: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(text)
        .expect("hexadecimal digits and hyphens can stand in a field")
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// As many as an IPv6 address has at most.
const ADDRESS_BYTES: usize = 39;

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn trusted() -> TrustedProxies {
        TrustedProxies::new(&["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()])
    }

    fn headers(fields: &[(&HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn the_client_is_whom_the_last_trusted_proxy_names() {
        for (peer, named, client) in [
            ("192.0.2.1", &["198.51.100.9"][..], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.9"], "198.51.100.9"),
            ("::ffff:10.0.0.1", &["198.51.100.9"], "198.51.100.9"),
            ("10.0.0.1", &["1.1.1.1, 198.51.100.9"], "198.51.100.9"),
            ("10.0.0.1", &["1.1.1.1", "198.51.100.9"], "198.51.100.9"),
            ("10.0.0.1", &["198.51.100.9, 10.0.0.2"], "198.51.100.9"),
            ("::1", &["[2001:db8::1]:4711,10.2.0.1:80"], "2001:db8::1"),
            ("10.0.0.1", &["unknown"], "10.0.0.1"),
            ("10.0.0.1", &["1.1.1.1, junk, 10.0.0.2"], "10.0.0.2"),
        ] {
            let name = X_FORWARDED_FOR;
            let fields: Vec<_> = named.iter().map(|value| (&name, *value)).collect();
            assert_eq!(
                trusted().client(peer.parse().unwrap(), &headers(&fields)),
                client.parse::<IpAddr>().unwrap(),
                "{peer} {named:?}"
            );
        }
    }

    #[test]
    fn forwarding_headers_are_told_anew_and_believed_from_trusted_proxies_alone() {
        let given = [
            (&X_FORWARDED_FOR, "198.51.100.9"),
            (&X_FORWARDED_PROTO, "https"),
            (&X_FORWARDED_HOST, "front.example"),
        ];
        for (is_trusted, is_tls, chain, proto, host) in [
            (
                true,
                false,
                "198.51.100.9, 10.0.0.1",
                "https",
                "front.example",
            ),
            (false, false, "10.0.0.1", "http", "app.example:80"),
            (false, true, "10.0.0.1", "https", "app.example:80"),
        ] {
            let mut fields = headers(&given);
            let edge = Edge {
                peer: "10.0.0.1".parse().unwrap(),
                is_trusted,
                is_tls,
                host: "app.example:80",
            };
            stamp(&mut fields, &edge);
            assert_eq!(fields[X_FORWARDED_FOR], chain);
            assert_eq!(fields[X_FORWARDED_PROTO], proto);
            assert_eq!(fields[X_FORWARDED_HOST], host);
        }
    }

    #[test]
    fn a_trusted_proxys_nonsense_is_not_passed_on() {
        let mut fields = headers(&[
            (&X_FORWARDED_PROTO, "gopher"),
            (&X_FORWARDED_HOST, "a"),
            (&X_FORWARDED_HOST, "b"),
        ]);
        let edge = Edge {
            peer: "10.0.0.1".parse().unwrap(),
            is_trusted: true,
            is_tls: false,
            host: "app.example",
        };
        stamp(&mut fields, &edge);
        assert_eq!(fields[X_FORWARDED_PROTO], "http");
        assert_eq!(fields[X_FORWARDED_HOST], "app.example");
        assert_eq!(fields.get_all(&X_FORWARDED_HOST).iter().count(), 1);
    }

    #[test]
    fn an_address_is_written_as_it_is_displayed() {
        for text in [
            "0.0.0.0",
            "9.10.99.100",
            "255.255.255.255",
            "127.0.0.1",
            "::1",
            "2001:db8::a",
        ] {
            let mut out = Vec::new();
            write_address(&mut out, text.parse().unwrap());
            assert_eq!(String::from_utf8(out).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_trace_is_kept_from_trusted_proxies_alone() {
        let given = headers(&[
            (&X_REQUEST_ID, "abc-1"),
            (&TRACEPARENT, GIVEN),
            (&TRACESTATE, "a=b"),
        ]);
        let kept = Trace::of(&given, true);
        assert_eq!(kept.request_id_text(), "abc-1");
        assert_eq!(kept.trace_id(), &GIVEN[3..35]);
        let fresh = Trace::of(&given, false);
        assert_ne!(fresh.request_id, kept.request_id);
        assert!(
            is_traceparent(fresh.traceparent.to_str().unwrap()),
            "{fresh:?}"
        );
        for (trace, state) in [(kept, true), (fresh, false)] {
            let mut fields = given.clone();
            trace.stamp(&mut fields);
            assert_eq!(fields[X_REQUEST_ID], trace.request_id);
            assert_eq!(fields[TRACEPARENT], trace.traceparent);
            assert_eq!(fields.contains_key(&TRACESTATE), state);
        }
    }

    #[test]
    fn a_trace_that_is_none_is_replaced() {
        for (id, parent) in [
            ("", ""),
            (
                "a b",
                "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            ),
            (
                "\"a\"",
                "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            ),
            (
                "a,b",
                "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            ),
            (
                "a;b",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            ),
        ] {
            let trace = Trace::of(
                &headers(&[(&X_REQUEST_ID, id), (&TRACEPARENT, parent)]),
                true,
            );
            assert_ne!(trace.request_id_text(), id);
            assert_ne!(trace.traceparent.to_str().unwrap(), parent);
        }
    }
}
