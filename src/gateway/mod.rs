//! The decision: from a request's head to a permit or an answer.
//!
//! Everything that needs a decision calls the one function of this room, [`Gateway::admit`], whatever carries the request.
//! It knows `http`'s types and no framework.
//!
//! | file | what it knows |
//! |---|---|
//! | [`endpoint`] | which requests we answer ourselves |
//! | [`route`] | which route a request is on |
//! | [`admit`] | whether it may pass |
//! | [`upstream`] | which server gets it |
//! | [`outbound`] | which head that server gets |
//! | [`connections`] | which connections have to end |
//! | [`assertion`] | what is signed for the upstream |
//! | [`explain`] | why a request was decided as it was |

use std::sync::Arc;

use crate::auth::Verifier;
use crate::config::Config;
use crate::header::cookie;
use crate::header::forwarded::TrustedProxies;
use crate::header::protected::Protected;
use crate::metrics::Metrics;

pub mod admit;
pub mod assertion;
mod astray;
pub mod connections;
pub mod endpoint;
mod evidence;
pub mod explain;
pub mod outbound;
mod preflight;
pub mod route;
pub mod upstream;

pub use admit::{Admission, Asked, Refusal, Trail};
pub use assertion::Signer;
pub use connections::Connections;
pub use outbound::Outbound;

/// A configuration's routes, ready to decide. A new configuration is a new gateway.
#[derive(Debug)]
pub struct Gateway {
    routes: route::Routes,
    verifier: Arc<Verifier>,
    protected: Protected,
    trusted: TrustedProxies,
    cookies: cookie::Names,
    /// Over what people reach us.
    scheme: &'static str,
    realm: Box<str>,
    signer: Option<Arc<Signer>>,
}

impl Gateway {
    /// Builds the tables of a configuration.
    #[must_use]
    pub fn new(config: &Config, verifier: Arc<Verifier>, metrics: &Metrics) -> Self {
        let pools = route::pools(&config.upstreams);
        let routes = config.routes.iter().filter_map(|rule| {
            let pool = Arc::clone(pools.get(&rule.upstream)?);
            let handles = metrics.route(&rule.name);
            Some(Arc::new(route::Route::new(rule.clone(), pool, handles)))
        });
        Self {
            routes: route::Routes::new(routes.collect()),
            verifier,
            protected: Protected::new(config.identities.values().map(|mapping| &**mapping)),
            trusted: TrustedProxies::new(&config.server.trusted_proxies),
            cookies: cookie::Names {
                session: config.server.cookie_name(),
                elevation: config.server.elevation_cookie_name(),
            },
            scheme: if config.server.is_secure() {
                "https"
            } else {
                "http"
            },
            realm: config.server.realm.clone(),
            signer: None,
        }
    }

    /// The same with a signer, for routes with `assertion = true`. Without one, whoever is known does not pass on those.
    #[must_use]
    pub fn with_signer(mut self, signer: Arc<Signer>) -> Self {
        self.signer = Some(signer);
        self
    }

    /// Whose forwarding headers are believed; also who a request's client is.
    #[must_use]
    pub fn trusted_proxies(&self) -> &TrustedProxies {
        &self.trusted
    }

    /// The name of our cookie.
    #[must_use]
    pub fn cookie_name(&self) -> &'static str {
        self.cookies.session
    }

    /// Every route, in the order in which they are tried.
    pub fn routes(&self) -> impl Iterator<Item = &Arc<route::Route>> {
        self.routes.iter()
    }
}
