//! Whether a request asks to leave HTTP for WebSocket, in the one way that every server reads alike.
//!
//! Source: RFC 6455 §4.1, RFC 9110 §7.8. What is less than that is a plain request, and its `Upgrade` goes no further: an
//! app that took it for one would speak another protocol than the gateway.

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, Method};

/// Whether it does: a `GET` without a body, with `Upgrade: websocket` alone, which `Connection` names.
#[must_use]
pub fn is_websocket(method: &Method, headers: &HeaderMap) -> bool {
    let mut upgrades = headers.get_all(UPGRADE).iter();
    let asks = upgrades
        .next()
        .is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"));
    asks && upgrades.next().is_none()
        && *method == Method::GET
        && headers
            .get_all(CONNECTION)
            .iter()
            .flat_map(|field| field.as_bytes().split(|byte| *byte == b','))
            .any(|name| name.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
        && !headers.contains_key(TRANSFER_ENCODING)
        && headers
            .get(CONTENT_LENGTH)
            .is_none_or(|length| length == "0")
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn only_a_whole_handshake_is_one() {
        let upgrade = ("upgrade", "websocket");
        let named = ("connection", "Upgrade");
        for (method, fields, expected) in [
            (Method::GET, &[upgrade, named][..], true),
            (
                Method::GET,
                &[
                    ("upgrade", "WebSocket"),
                    ("connection", "keep-alive, upgrade"),
                ],
                true,
            ),
            (
                Method::GET,
                &[upgrade, ("connection", "keep-alive"), named],
                true,
            ),
            (
                Method::GET,
                &[upgrade, named, ("content-length", "0")],
                true,
            ),
            (Method::GET, &[named], false),
            (Method::GET, &[upgrade], false),
            (Method::GET, &[upgrade, ("connection", "x-upgrade")], false),
            (Method::GET, &[upgrade, upgrade, named], false),
            (Method::GET, &[("upgrade", "websocket, h2c"), named], false),
            (Method::GET, &[("upgrade", "h2c"), named], false),
            (
                Method::GET,
                &[upgrade, named, ("content-length", "1")],
                false,
            ),
            (
                Method::GET,
                &[upgrade, named, ("transfer-encoding", "chunked")],
                false,
            ),
            (Method::POST, &[upgrade, named], false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                let name = HeaderName::from_static(name);
                headers.append(name, HeaderValue::from_static(value));
            }
            assert_eq!(
                is_websocket(&method, &headers),
                expected,
                "{method} {fields:?}"
            );
        }
    }
}
