//! The login APIs that are spoken: one file each, siblings over one core.
//!
//! A dialect reads a body ([`body`]), calls [`auth`](crate::auth), and says the outcome in its own words. It holds no rule
//! of its own: who may log in, what a token is and when it ends are decided there. There is no trait: a dialect is a
//! function that returns [`Mounted`], which `examples/fifth_dialect.rs` does from outside this crate.
//!
//! Bodies are JSON or form-encoded, at most 16 KiB. Every answer has `Cache-Control: no-store`.

pub mod body;
pub mod browser;
pub mod id_api;
pub mod key_token;
pub mod keys;
mod links;
pub mod namespace;
pub mod refused;
pub mod reply;
pub mod shown;
pub mod words;
pub mod x_auth;

use std::sync::Arc;

use axum::Router;
use axum::middleware::map_response_with_state;
use axum::routing::MethodRouter;
use http::Method;

use browser::Browser;

use crate::auth::Auth;
use crate::config::Config;
use crate::config::dialect::Place;
use crate::gateway::endpoint::Endpoint;
use crate::pages::brand::{Brand, branded};

/// A dialect, ready to answer: its handlers, and which requests are theirs. Whoever carries a request puts a
/// [`Caller`](crate::gateway::endpoint::Caller) beside it, as an extension.
#[derive(Debug, Default)]
pub struct Mounted {
    /// Answers what [`Self::endpoints`] cover.
    pub router: Router,
    /// Where it answers.
    pub endpoints: Vec<Endpoint>,
}

/// What a program that is built on this crate mounts beside the configured dialects.
pub type More = fn(&Config, &Arc<Auth>) -> Mounted;

/// Every dialect that is switched on, the pages of browser sessions, and those behind the links in our mails.
#[must_use]
pub fn mount(config: &Config, auth: &Arc<Auth>) -> Mounted {
    let browser = Arc::new(Browser::new(config, Arc::clone(auth)));
    let brand = Arc::new(Brand::new(&config.pages));
    let mut mounted = links::mount(Arc::clone(auth), &brand).and(browser::mount(&browser));
    if let Some(dialect) = &config.dialects.key_token {
        let realm = &config.server.realm;
        mounted = mounted.and(key_token::mount(dialect, realm, Arc::clone(auth)));
    }
    if let Some(dialect) = &config.dialects.x_auth {
        mounted = mounted.and(x_auth::mount(
            dialect,
            config.throttle.per_ip,
            Arc::clone(auth),
        ));
    }
    if let Some(dialect) = &config.dialects.namespace {
        mounted = mounted.and(namespace::mount(dialect, config.throttle.per_ip, &browser));
    }
    if let Some(dialect) = &config.dialects.id_api {
        mounted = mounted.and(id_api::mount(dialect, config, Arc::clone(auth)));
    }
    let on_pages = map_response_with_state(brand, branded);
    mounted.router = mounted.router.layer(on_pages);
    mounted
}

impl Mounted {
    /// Both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.endpoints.extend(other.endpoints);
        self
    }

    /// Adds an endpoint at `path` behind a place's prefix, on its host.
    #[must_use]
    pub fn on(self, place: &Place, method: Method, path: &str, handler: MethodRouter) -> Self {
        self.on_query(place, (method, path, None), handler)
    }

    /// The same, only where the query has that parameter.
    #[must_use]
    pub fn on_query(
        mut self,
        place: &Place,
        (method, path, parameter): (Method, &str, Option<&'static str>),
        handler: MethodRouter,
    ) -> Self {
        let path = format!("{}{path}", place.prefix);
        self.router = self.router.route(&path, handler);
        self.endpoints.push(Endpoint {
            host: place.host.clone(),
            method,
            path: path.into(),
            parameter,
        });
        self
    }
}
