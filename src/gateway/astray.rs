//! Requests that another site sent, with our cookie or from a connection with a certificate.
//!
//! A browser adds those whoever asks it to. The answers to most such requests are kept from the page that sent them; a
//! WebSocket's are not: a script of any site may open one, and reads what comes over it. Source: RFC 6455 §10.2.

use super::admit::Asked;
use super::route::Route;
use crate::control::{Rule, holds};
use crate::header::origin;
use crate::header::upgrade::is_websocket;
use crate::model::principal::Identity;

/// Whether a request may be one. `scheme` is over what people reach us.
pub(super) fn is_one(route: &Route, identity: &Identity, asked: &Asked<'_>, scheme: &str) -> bool {
    holds(Rule::Origin)
        && identity.method.is_ambient()
        && route.rule.websocket
        && is_websocket(asked.method, asked.headers)
        && !origin::is_of_host(asked.headers, asked.host.unwrap_or_default(), scheme)
}
