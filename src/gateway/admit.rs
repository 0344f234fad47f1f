//! The one decision: route, method, credential, whom it stands for, whether that is enough.
//!
//! Everything that lets a request through or refuses it asks [`Gateway::admit`], whatever carries the request: a rule that
//! is written twice is a hole. Nothing is answered here; a [`Refusal`] says why, and whoever carries the request says it in
//! HTTP. Source: contract sections 3, 5 and 5a.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderValue, Method};

use super::Gateway;
use super::route::{Route, allow, is_never_allowed};
use super::{astray, preflight};
use crate::auth::Source;
use crate::control::{Rule, holds};
use crate::header::credential;
use crate::header::host::{self, InvalidHost};
use crate::header::protected::Nominated;
use crate::header::target::{BadTarget, Target};
use crate::model::certificate::ClientCertificate;
use crate::model::credential::{AuthMethod, Credential};
use crate::model::policy::{Access, Denial, Evidence, Permit, decide};
use crate::model::time::Now;
use crate::store::StoreError;

/// A request, as far as it decides.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its target, as it stands in the request line.
    pub target: &'a [u8],
    /// Its `Host` field's value, or `:authority`; `None` if there is none or it is not ASCII.
    pub host: Option<&'a str>,
    /// Its fields.
    pub headers: &'a HeaderMap,
    /// The other end of the connection.
    pub peer: IpAddr,
    /// Whether the connection is TLS.
    pub is_tls: bool,
    /// The certificate that the client showed in its handshake.
    pub certificate: Option<&'a Arc<ClientCertificate>>,
}

/// What was decided about a request, and how.
#[derive(Debug)]
pub struct Admission {
    /// The route that it is on, if it came that far.
    pub route: Option<Arc<Route>>,
    /// Whether it may pass.
    pub verdict: Result<Permit, Refusal>,
    /// How that came to be.
    pub trail: Trail,
}

/// Why a request does not pass.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// 400, and the connection closes.
    #[error("{0}")]
    Malformed(Unreadable),
    /// 404.
    #[error("there is no route for this host and path")]
    NoRoute,
    /// 405, before any credential is looked at.
    #[error("this method is not allowed here")]
    MethodNotAllowed {
        /// The value of `Allow`.
        allow: HeaderValue,
    },
    /// 401, 403, or 302 to the login page.
    #[error("refused: {}", .0.reason())]
    Denied(Denial),
    /// 503: never anonymous, never 401.
    #[error("whom the credential stands for is not known now")]
    StoreUnavailable(#[source] StoreError),
}

/// What in a request can be read in more than one way, or in none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Its host.
    #[error(transparent)]
    Host(#[from] InvalidHost),
    /// Its target.
    #[error(transparent)]
    Target(#[from] BadTarget),
    /// Its `Connection`.
    #[error(transparent)]
    Connection(#[from] Nominated),
    /// Its credentials.
    #[error(transparent)]
    Credential(#[from] credential::Malformed),
}

/// How a decision came to be: what logs, metrics and `explain` tell. Made without allocating.
#[derive(Debug, Default)]
pub struct Trail {
    /// The form of the credential that was looked at.
    pub kind: Option<AuthMethod>,
    /// The credential that proved who is asking, for a connection that outlives its request.
    pub credential: Option<Credential>,
    /// Whether an `Authorization` was somebody else's.
    pub is_foreign: bool,
    /// Whether `Authorization` goes upstream as it is.
    pub keeps_authorization: bool,
    /// Whether our cookie is dead and has to be cleared.
    pub clears_cookie: bool,
    /// Who said whom the credential stands for; `None` if nobody was asked.
    pub source: Option<Source>,
    /// How long that took.
    pub auth: Duration,
    /// The target in origin-form, if the client sent it in absolute-form: what goes upstream.
    pub origin_form: Option<Box<str>>,
}

impl Gateway {
    /// Decides about a request and counts the decision. Waits only if the store has to be asked.
    pub async fn admit(&self, asked: &Asked<'_>, now: Now) -> Admission {
        let admission = self.walk(asked, now).await;
        admission.count();
        admission
    }

    /// Decides about a request.
    pub(super) async fn walk(&self, asked: &Asked<'_>, now: Now) -> Admission {
        let mut trail = Trail::default();
        match self.find(asked, &mut trail) {
            Ok(route) => {
                let verdict = self.judge(&route, asked, now, &mut trail).await;
                Admission {
                    route: Some(route),
                    verdict,
                    trail,
                }
            }
            Err(refusal) => Admission {
                route: None,
                verdict: Err(refusal),
                trail,
            },
        }
    }

    /// The route of a request that is unambiguous.
    fn find(&self, asked: &Asked<'_>, trail: &mut Trail) -> Result<Arc<Route>, Refusal> {
        if is_never_allowed(asked.method) {
            return Err(Refusal::MethodNotAllowed { allow: allow(None) });
        }
        let host = asked.host().map_err(Refusal::malformed)?;
        let normal = host::normal(host).map_err(Refusal::malformed)?;
        let target = Target::parse(asked.target, asked.method, host).map_err(Refusal::malformed)?;
        self.protected
            .check_connection(asked.headers)
            .map_err(Refusal::malformed)?;
        if target.origin_form.as_bytes() != asked.target {
            trail.origin_form = Some(target.origin_form.into());
        }
        let route = self
            .routes
            .find(&normal, &target)
            .map_err(Refusal::malformed)?;
        route.map(Arc::clone).ok_or(Refusal::NoRoute)
    }

    /// From the route to the permit.
    async fn judge(
        &self,
        route: &Route,
        asked: &Asked<'_>,
        now: Now,
        trail: &mut Trail,
    ) -> Result<Permit, Refusal> {
        if !route.allows(asked.method) {
            let allow = route.allow.clone();
            return Err(Refusal::MethodNotAllowed { allow });
        }
        let requirement = &route.rule.requirement;
        let evidence = if requirement.access == Access::None {
            credential::check_alone(asked.headers).map_err(Refusal::malformed)?;
            trail.keeps_authorization = asked
                .headers
                .get(AUTHORIZATION)
                .is_some_and(credential::is_foreign);
            Evidence::Absent
        } else {
            let shown = credential::read(asked.headers, self.cookies.session)
                .map_err(Refusal::malformed)?;
            let evidence = self.evidence(route, asked, shown, now, trail).await;
            match evidence.map_err(Refusal::StoreUnavailable)? {
                Evidence::Absent if preflight::is_one(asked) => Evidence::Preflight,
                Evidence::Rejected if !holds(Rule::Rejected) => Evidence::Absent,
                Evidence::Proven(identity)
                    if astray::is_one(route, &identity, asked, self.scheme) =>
                {
                    Evidence::Astray
                }
                evidence @ (Evidence::Absent
                | Evidence::Rejected
                | Evidence::Astray
                | Evidence::Proven(_)
                | Evidence::Preflight) => evidence,
            }
        };
        decide(requirement, evidence, now.wall).map_err(Refusal::Denied)
    }
}

impl<'a> Asked<'a> {
    /// The host, if it is given once.
    pub(super) fn host(&self) -> Result<&'a str, InvalidHost> {
        let host = self.host.ok_or(InvalidHost)?;
        let mut fields = self.headers.get_all(HOST).iter();
        let is_same = fields
            .next()
            .is_none_or(|field| field.as_bytes().eq_ignore_ascii_case(host.as_bytes()));
        if is_same && fields.next().is_none() {
            Ok(host)
        } else {
            Err(InvalidHost)
        }
    }
}

impl Refusal {
    fn malformed(why: impl Into<Unreadable>) -> Self {
        Self::Malformed(why.into())
    }

    /// The status that it is answered with, but for a navigation that is sent to the login page.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::NoRoute => 404,
            Self::MethodNotAllowed { .. } => 405,
            Self::StoreUnavailable(_) => 503,
            Self::Denied(
                Denial::CredentialMissing
                | Denial::CredentialRejected
                | Denial::ElevationMissing { .. },
            ) => 401,
            Self::Denied(
                Denial::ForeignOrigin
                | Denial::RoleMissing
                | Denial::GroupMissing
                | Denial::ClientNotAllowed
                | Denial::ScopeMissing(_),
            ) => 403,
        }
    }

    /// The word for it in metrics and logs.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::NoRoute => "no_route",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::Denied(denial) => denial.reason(),
            Self::StoreUnavailable(_) => "store_unavailable",
        }
    }
}

impl Admission {
    /// The word for the decision in metrics and logs: `permit`, `shadow` (it would have been refused), `deny`, `reject`
    /// (nothing was decided about whom) or `error`.
    #[must_use]
    pub fn decision(&self) -> &'static str {
        match &self.verdict {
            Ok(permit) if permit.overlooked().is_some() => "shadow",
            Ok(_) => "permit",
            Err(Refusal::Denied(_)) => "deny",
            Err(Refusal::StoreUnavailable(_)) => "error",
            Err(Refusal::Malformed(_) | Refusal::NoRoute | Refusal::MethodNotAllowed { .. }) => {
                "reject"
            }
        }
    }

    /// The word for its reason: `ok` with an identity, `anonymous` without one, else what was missing.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match &self.verdict {
            Ok(permit) => match (permit.overlooked(), permit.identity()) {
                (Some(denial), _) => denial.reason(),
                (None, Some(_)) => "ok",
                (None, None) => "anonymous",
            },
            Err(refusal) => refusal.reason(),
        }
    }

    fn count(&self) {
        let Some(route) = &self.route else { return };
        let identity = self.verdict.as_ref().ok().and_then(Permit::identity);
        match identity {
            Some(identity) => route.metrics.count_permitted(identity.method),
            None => route.metrics.count_decision(
                self.trail.kind.map_or("none", AuthMethod::as_str),
                self.decision(),
                self.reason(),
            ),
        }
    }
}
