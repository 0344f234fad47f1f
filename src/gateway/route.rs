//! The route table: which route a request is on.
//!
//! A route for the request's host comes before one for every host, then the longest path wins, then the first in the
//! file. Built once, when the configuration is loaded. Knows nothing of credentials.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderValue, Method};

use super::upstream::Pool;
use crate::config;
use crate::header::target::{BadTarget, Target, matching_form};
use crate::metrics::RouteMetrics;

/// One route, with everything that a request on it needs.
#[derive(Debug)]
pub struct Route {
    /// As configured.
    pub rule: config::route::Route,
    /// Where its requests go.
    pub upstream: Arc<Pool>,
    /// What is counted for it.
    pub metrics: RouteMetrics,
    /// Its `Allow`: the methods of a 405.
    pub allow: HeaderValue,
    /// What a path on it begins with, without the final slash.
    prefix: Box<str>,
}

/// All routes, in the order in which they are tried.
#[derive(Debug)]
pub struct Routes(Vec<Arc<Route>>);

impl Route {
    /// A route to a pool.
    #[must_use]
    pub fn new(rule: config::route::Route, upstream: Arc<Pool>, metrics: RouteMetrics) -> Self {
        Self {
            allow: allow(rule.methods.as_deref()),
            prefix: matching_form(&rule.path).trim_end_matches('/').into(),
            rule,
            upstream,
            metrics,
        }
    }

    /// Whether it allows a method. `HEAD` goes with `GET`; `TRACE` and `CONNECT` never go.
    #[must_use]
    pub fn allows(&self, method: &Method) -> bool {
        if is_never_allowed(method) {
            return false;
        }
        self.rule.methods.as_deref().is_none_or(|methods| {
            methods.contains(method) || (method == Method::HEAD && methods.contains(&Method::GET))
        })
    }

    /// Whether it covers a path in matching form: its own prefix, whole segments.
    fn covers(&self, path: &str) -> bool {
        let Some((start, rest)) = path.as_bytes().split_at_checked(self.prefix.len()) else {
            return false;
        };
        let is_same = if self.rule.ignore_case {
            start.eq_ignore_ascii_case(self.prefix.as_bytes())
        } else {
            start == self.prefix.as_bytes()
        };
        is_same && rest.first().is_none_or(|byte| *byte == b'/')
    }
}

impl Routes {
    /// Puts routes into the order in which they are tried.
    #[must_use]
    pub fn new(mut routes: Vec<Arc<Route>>) -> Self {
        routes.sort_by_key(|route| {
            (
                route.rule.host.is_none(),
                std::cmp::Reverse(route.prefix.len()),
            )
        });
        Self(routes)
    }

    /// The route of a target on a host in normal form; `None` if there is none. Where the target encodes a slash or has an
    /// empty segment, an upstream might see another path: the route has to allow that, and be the other path's too.
    ///
    /// # Errors
    /// If the route does not allow what the target has.
    pub fn find(&self, host: &str, target: &Target<'_>) -> Result<Option<&Arc<Route>>, BadTarget> {
        let found = self.covering(host, &target.matching);
        let Some(alternative) = target.alternative() else {
            return Ok(found);
        };
        let rule = found.map(|route| &route.rule);
        if target.has_encoded_slash && !rule.is_some_and(|rule| rule.allow_encoded_slash) {
            return Err(BadTarget::EncodedSlash);
        }
        if target.has_double_slash && !rule.is_some_and(|rule| rule.allow_double_slash) {
            return Err(BadTarget::DoubleSlash);
        }
        let other = self.covering(host, &alternative);
        match (found, other) {
            (Some(found), Some(other)) if Arc::ptr_eq(found, other) => Ok(Some(found)),
            _ if target.has_encoded_slash => Err(BadTarget::EncodedSlash),
            _ => Err(BadTarget::DoubleSlash),
        }
    }

    fn covering(&self, host: &str, path: &str) -> Option<&Arc<Route>> {
        self.0.iter().find(|route| {
            route.rule.host.as_deref().is_none_or(|own| own == host) && route.covers(path)
        })
    }

    /// Every route.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.0.iter()
    }
}

/// The pools of a configuration, by name.
#[must_use]
pub fn pools(
    upstreams: &BTreeMap<Arc<str>, config::upstream::Upstream>,
) -> BTreeMap<Arc<str>, Arc<Pool>> {
    upstreams
        .iter()
        .map(|(name, upstream)| (Arc::clone(name), Arc::new(Pool::new(upstream.clone()))))
        .collect()
}

/// `TRACE` shows headers to whoever asks, `CONNECT` is for another kind of proxy.
#[must_use]
pub fn is_never_allowed(method: &Method) -> bool {
    method == Method::TRACE || method == Method::CONNECT
}

/// The `Allow` of a route; without `methods`, the methods that RFC 9110 §9.3 and RFC 5789 name.
#[must_use]
pub fn allow(methods: Option<&[Method]>) -> HeaderValue {
    let Some(methods) = methods else {
        return HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    };
    let mut list = String::new();
    let mut add = |method: &Method| {
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push_str(method.as_str());
    };
    for method in methods.iter().filter(|method| !is_never_allowed(method)) {
        add(method);
        if method == Method::GET && !methods.contains(&Method::HEAD) {
            add(&Method::HEAD);
        }
    }
    HeaderValue::from_str(&list).expect("methods are tokens, and tokens can stand in a field")
}
