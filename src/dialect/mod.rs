//! The login APIs that are spoken: one file each, siblings over one core.
//!
//! A dialect reads a body ([`body`]), calls [`auth`](crate::auth), and says the outcome in its own words. It holds no rule
//! of its own: who may log in, what a token is and when it ends are decided there. There is no trait: a dialect is a
//! function that returns [`Mounted`], which `examples/fifth_dialect.rs` does from outside this crate.
//!
//! Bodies are JSON or form-encoded, at most 16 KiB. Every answer has `Cache-Control: no-store`.

pub mod body;
pub mod reply;

use axum::Router;
use axum::routing::MethodRouter;
use http::Method;

use crate::config::dialect::Place;
use crate::gateway::endpoint::Endpoint;

/// A dialect, ready to answer: its handlers, and which requests are theirs. Whoever carries a request puts a
/// [`Caller`](crate::gateway::endpoint::Caller) beside it, as an extension.
#[derive(Debug, Default)]
pub struct Mounted {
    /// Answers what [`Self::endpoints`] cover.
    pub router: Router,
    /// Where it answers.
    pub endpoints: Vec<Endpoint>,
}

impl Mounted {
    /// Adds an endpoint at `path` behind a place's prefix, on its host.
    #[must_use]
    pub fn on(mut self, place: &Place, method: Method, path: &str, handler: MethodRouter) -> Self {
        let path = format!("{}{path}", place.prefix);
        self.router = self.router.route(&path, handler);
        self.endpoints.push(Endpoint {
            host: place.host.clone(),
            method,
            path: path.into(),
        });
        self
    }
}
