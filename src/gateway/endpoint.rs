//! Our own endpoints: which requests we answer ourselves, known before any route is looked at.
//!
//! A dialect or a page says what it mounts; whoever carries requests asks [`Endpoints::find`] first and leaves everything
//! else to the routes. What answers stands elsewhere: this room only knows where it is.

use std::net::IpAddr;

use http::Method;

use crate::model::language::Language;
use crate::model::time::Now;

/// One of our own endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Only on this host: lower case, without port and final dot. `None` for every host.
    pub host: Option<Box<str>>,
    /// Exactly this method.
    pub method: Method,
    /// Exactly this path, byte for byte, or one whose last segment is a `{parameter}` that stands for any one segment.
    pub path: Box<str>,
    /// Only with this parameter in the query; without it the path belongs to the routes.
    pub parameter: Option<&'static str>,
}

/// All of our own endpoints, ready to be asked.
#[derive(Debug, Clone, Default)]
pub struct Endpoints {
    all: Vec<Endpoint>,
    paths: Paths,
}

/// The paths of all endpoints, so that a request for none of them, as most are, is known by one or two comparisons.
#[derive(Debug, Clone, Default)]
struct Paths {
    /// Whole paths, by length.
    exact: Vec<Vec<Box<str>>>,
    /// What stands before the last slash of those that end with a parameter.
    before_parameter: Vec<Box<str>>,
}

/// Who calls an endpoint, as the edge knows it: put beside the request, because its headers can lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The client's address, behind trusted proxies too.
    pub ip: IpAddr,
    /// The time of this request.
    pub now: Now,
    /// Its `X-Request-Id`.
    pub request_id: Box<str>,
    /// The favourite of ours in its `Accept-Language`; `None` if it names none.
    pub language: Option<Language>,
}

impl Endpoints {
    /// Takes what was mounted.
    #[must_use]
    pub fn new(all: Vec<Endpoint>) -> Self {
        let mut paths = Paths::default();
        for endpoint in &all {
            paths.add(endpoint);
        }
        Self { all, paths }
    }

    /// Whether a request with that path could be for one of them, whatever its host and method.
    #[must_use]
    pub fn may_cover(&self, path: &str) -> bool {
        self.paths.contain(path)
    }

    /// The endpoint that a request is for. `host` is in normal form ([`crate::header::host`]), `target` the client's own
    /// bytes: path and query.
    #[must_use]
    pub fn find(&self, host: Option<&str>, method: &Method, target: &str) -> Option<&Endpoint> {
        self.all
            .iter()
            .find(|endpoint| endpoint.covers(host, method, target))
    }

    /// Every endpoint, in the order they were mounted.
    #[must_use]
    pub fn all(&self) -> &[Endpoint] {
        &self.all
    }
}

impl Paths {
    fn add(&mut self, endpoint: &Endpoint) {
        if let Some(before) = endpoint.before_parameter() {
            return self.before_parameter.push(before.into());
        }
        let length = endpoint.path.len();
        if self.exact.len() <= length {
            self.exact.resize(length + 1, Vec::new());
        }
        if let Some(paths) = self.exact.get_mut(length) {
            paths.push(endpoint.path.clone());
        }
    }

    fn contain(&self, path: &str) -> bool {
        let exact = self.exact.get(path.len());
        exact.is_some_and(|paths| paths.iter().any(|own| **own == *path))
            || last_slash(path)
                .is_some_and(|(before, _)| self.before_parameter.iter().any(|own| **own == *before))
    }
}

impl Endpoint {
    /// Whether a request is for it.
    #[must_use]
    pub fn covers(&self, host: Option<&str>, method: &Method, target: &str) -> bool {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let has = |parameter| {
            let mut names = url::form_urlencoded::parse(query.as_bytes());
            names.any(|(name, _)| name == parameter)
        };
        self.method == method
            && self.covers_path(path)
            && self.host.as_deref().is_none_or(|own| Some(own) == host)
            && self.parameter.is_none_or(has)
    }

    fn covers_path(&self, path: &str) -> bool {
        match self.before_parameter() {
            Some(own) => last_slash(path)
                .is_some_and(|(before, parameter)| before == own && !parameter.is_empty()),
            None => path == &*self.path,
        }
    }

    /// What stands before the last slash, if a parameter stands after it.
    fn before_parameter(&self) -> Option<&str> {
        last_slash(&self.path)
            .filter(|(_, last)| last.starts_with('{'))
            .map(|(before, _)| before)
    }
}

/// A path up to its last slash, and what follows that.
fn last_slash(path: &str) -> Option<(&str, &str)> {
    path.rsplit_once('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints() -> Endpoints {
        let endpoint = |host: Option<&str>, method, path: &str| Endpoint {
            host: host.map(Into::into),
            method,
            path: path.into(),
            parameter: None,
        };
        Endpoints::new(vec![
            endpoint(None, Method::POST, "/users/token"),
            endpoint(None, Method::GET, "/me/{token}"),
            endpoint(Some("id.example"), Method::GET, "/"),
            Endpoint {
                parameter: Some("redirect_url"),
                ..endpoint(None, Method::GET, "/login")
            },
        ])
    }

    #[test]
    fn exact_paths_and_methods_are_ours_and_everything_else_is_left_to_the_routes() {
        let host = Some("app.example");
        for (method, path, ours) in [
            (Method::POST, "/users/token", true),
            (Method::GET, "/users/token", false),
            (Method::POST, "/users/token/", false),
            (Method::POST, "/users/toke%6e", false),
            (Method::POST, "/Users/token", false),
            (Method::POST, "/users/token/refresh", false),
            (Method::GET, "/me/css_x", true),
            (Method::GET, "/me/", false),
            (Method::GET, "/me", false),
            (Method::GET, "/me/a/b", false),
            (Method::GET, "/you/a", false),
            (Method::GET, "/login?redirect_url=x", true),
            (Method::GET, "/login?a=b&redirect%5Furl", true),
            (Method::GET, "/login", false),
            (Method::GET, "/login?a=redirect_url", false),
            (Method::POST, "/users/token?a=b", true),
            (Method::GET, "/", false),
        ] {
            let endpoints = endpoints();
            let found = endpoints.find(host, &method, path).is_some();
            assert_eq!(found, ours, "{method} {path}");
            let without_query = path.split('?').next().unwrap();
            assert!(endpoints.may_cover(without_query) || !ours, "{path}");
        }
    }

    #[test]
    fn a_path_of_nobodys_is_known_at_once() {
        for path in ["/", "/users/token", "/login", "/me/x"] {
            assert!(endpoints().may_cover(path), "{path}");
        }
        for path in ["/x", "/users/tokem", "/me/x/y", "/users", "*", ""] {
            assert!(!endpoints().may_cover(path), "{path}");
        }
    }

    #[test]
    fn an_endpoint_with_a_host_is_there_only() {
        let found = |host| {
            endpoints()
                .find(host, &Method::GET, "/")
                .map(|found| found.path.clone())
        };
        assert_eq!(found(Some("id.example")).as_deref(), Some("/"));
        assert_eq!(found(Some("id.example.evil")), None);
        assert_eq!(found(None), None);
    }
}
