//! Why a request was decided as it was, step by step, and what would go upstream.
//!
//! The same walk as [`Gateway::admit`]'s, told: nothing here decides, and nothing is counted. How it is printed is not
//! known here.

use http::header::{AUTHORIZATION, COOKIE, HeaderName};
use http::{HeaderMap, HeaderValue};

use super::outbound::Outbound;
use super::{Admission, Asked, Gateway, Refusal};
use crate::header::challenge::challenges;
use crate::header::forwarded::Trace;
use crate::header::protected::ASSERTION;
use crate::header::reader::Reader;
use crate::model::credential::AuthMethod;
use crate::model::policy::{Access, Denial, Permit};
use crate::model::time::Now;

/// One request, explained.
#[derive(Debug)]
pub struct Explanation {
    /// The route's name, if there is one.
    pub route: Option<Box<str>>,
    /// The form of the credential that was looked at: an `accept` word, `foreign` or `none`.
    pub kind: &'static str,
    /// Every step in the order in which it is taken.
    pub steps: Vec<Step>,
    /// The status that it would be answered with; `None` if it would go upstream.
    pub status: Option<u16>,
    /// The challenges of that answer.
    pub challenges: Vec<Box<str>>,
    /// Where it would go and the exact fields that would go there, credentials redacted; `None` if it would not.
    pub upstream: Option<Upstream>,
}

/// One step.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub name: &'static str,
    /// What it led to.
    pub verdict: Verdict,
    /// In words; empty if there is nothing to add.
    pub detail: Box<str>,
}

/// What a step led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The request went on.
    Passed,
    /// It would have stopped here, on a route that only watches.
    Overlooked,
    /// It stopped here.
    Stopped,
    /// It did not come here.
    NotReached,
}

/// What would go upstream.
#[derive(Debug)]
pub struct Upstream {
    /// The upstream's name.
    pub name: Box<str>,
    /// The request target.
    pub target: Box<str>,
    /// The fields, names in lower case, in the order in which they stand.
    pub fields: Vec<(HeaderName, HeaderValue)>,
}

impl Gateway {
    /// Explains what becomes of a request: for `countersign explain`. Asks the store as a request would, and counts
    /// nothing. `asked.headers` should hold a `Host`.
    pub async fn explain(&self, asked: &Asked<'_>, now: Now) -> Explanation {
        let admission = self.walk(asked, now).await;
        let (status, challenges) = match &admission.verdict {
            Ok(_) => (None, Vec::new()),
            Err(refusal) => self.answer(asked, &admission, refusal),
        };
        let (upstream, unsendable) = match &admission.verdict {
            Ok(permit) => self.upstream(asked, &admission, permit, now),
            Err(_) => (None, None),
        };
        let mut steps = steps(&admission);
        steps.push(match (&upstream, &unsendable) {
            (Some(_), _) => Step::new("upstream", Verdict::Passed, ""),
            (None, Some(why)) => Step::new("upstream", Verdict::Stopped, &**why),
            (None, None) => Step::new("upstream", Verdict::NotReached, ""),
        });
        Explanation {
            route: admission
                .route
                .as_ref()
                .map(|route| (*route.rule.name).into()),
            kind: match admission.trail.kind {
                Some(method) => method.as_str(),
                None if admission.trail.is_foreign => "foreign",
                None => "none",
            },
            steps,
            status: status.or(unsendable.map(|_| 500)),
            challenges,
            upstream,
        }
    }

    fn answer(
        &self,
        asked: &Asked<'_>,
        admission: &Admission,
        refusal: &Refusal,
    ) -> (Option<u16>, Vec<Box<str>>) {
        let (Refusal::Denied(denial), Some(route)) = (refusal, &admission.route) else {
            return (Some(refusal.status()), Vec::new());
        };
        let accept = route.rule.requirement.accept;
        let reader = Reader::of(asked.method, asked.headers);
        let goes_to_login = *denial == Denial::CredentialMissing
            && reader == Reader::Navigation
            && accept.contains(AuthMethod::Cookie);
        if goes_to_login {
            return (Some(302), Vec::new());
        }
        let lines = challenges(denial, accept, &self.realm, reader)
            .iter()
            .filter_map(|line| line.to_str().ok().map(Into::into))
            .collect();
        (Some(refusal.status()), lines)
    }

    /// The head that would go upstream, or why it would not.
    fn upstream(
        &self,
        asked: &Asked<'_>,
        admission: &Admission,
        permit: &Permit,
        now: Now,
    ) -> (Option<Upstream>, Option<Box<str>>) {
        let Some(route) = &admission.route else {
            return (None, None);
        };
        let edge = self.edge(asked);
        let outbound = Outbound {
            route,
            permit,
            trail: &admission.trail,
            edge,
            trace: &Trace::of(asked.headers, edge.is_trusted),
        };
        let mut head: HeaderMap = asked.headers.clone();
        if let Err(why) = self.prepare(&mut head, &outbound, now) {
            return (None, Some(why.to_string().into()));
        }
        let target = admission.trail.origin_form.as_deref();
        let upstream = Upstream {
            name: (*route.rule.upstream).into(),
            target: match target {
                Some(origin_form) => origin_form.into(),
                None => String::from_utf8_lossy(asked.target).into(),
            },
            fields: head.iter().map(redacted).collect(),
        };
        (Some(upstream), None)
    }
}

impl Step {
    fn new(name: &'static str, verdict: Verdict, detail: impl Into<Box<str>>) -> Self {
        Self {
            name,
            verdict,
            detail: detail.into(),
        }
    }
}

/// The steps of a walk. Each is taken only after the one before it, so where the walk stopped says what every step did.
fn steps(admission: &Admission) -> Vec<Step> {
    let (stopped_at, why, kind) = match &admission.verdict {
        Ok(permit) => match permit.overlooked() {
            Some(denial) => (
                Some(step_of(denial)),
                denial.reason().to_owned(),
                Verdict::Overlooked,
            ),
            None => (None, String::new(), Verdict::Passed),
        },
        Err(refusal) => {
            let at = match refusal {
                Refusal::Malformed(_) if admission.route.is_none() => "request",
                Refusal::Malformed(_) => "credential",
                Refusal::NoRoute => "route",
                Refusal::MethodNotAllowed { .. } => "method",
                Refusal::StoreUnavailable(_) => "introspection",
                Refusal::Denied(denial) => step_of(denial),
            };
            (Some(at), refusal.to_string(), Verdict::Stopped)
        }
    };
    let looks = admission
        .route
        .as_ref()
        .is_none_or(|route| route.rule.requirement.access != Access::None);
    let mut is_reached = true;
    let mut told = Vec::with_capacity(STEPS.len());
    for name in STEPS {
        let step = if stopped_at == Some(name) {
            is_reached = false;
            Step::new(name, kind, &*why)
        } else if is_reached {
            Step::new(name, Verdict::Passed, detail(name, admission, looks))
        } else {
            Step::new(name, Verdict::NotReached, "")
        };
        told.push(step);
    }
    told
}

fn step_of(denial: &Denial) -> &'static str {
    match denial {
        Denial::CredentialMissing => "credential",
        Denial::CredentialRejected => "introspection",
        Denial::ForeignOrigin => "origin",
        Denial::RoleMissing => "role",
        Denial::GroupMissing => "group",
        Denial::ClientNotAllowed => "client",
        Denial::ScopeMissing(_) => "scope",
        Denial::ElevationMissing { .. } => "elevation",
    }
}

/// What there is to say about a step that passed.
fn detail(name: &'static str, admission: &Admission, looks: bool) -> Box<str> {
    let identity = admission.verdict.as_ref().ok().and_then(Permit::identity);
    match name {
        "route" => admission
            .route
            .as_ref()
            .map_or_else(Box::default, |route| (*route.rule.name).into()),
        "credential" if !looks => "the route looks at none".into(),
        "credential" => match admission.trail.kind {
            Some(method) => method.as_str().into(),
            None if admission.trail.is_foreign => "not ours".into(),
            None => "none".into(),
        },
        "introspection" => identity.map_or_else(
            || "anonymous".into(),
            |identity| format!("account {}", identity.principal.account.id).into(),
        ),
        "elevation" => identity
            .and_then(|identity| identity.elevation)
            .map_or_else(Box::default, |elevation| {
                format!("until {}", elevation.until).into()
            }),
        _ => Box::default(),
    }
}

/// A field as it may be shown.
fn redacted((name, value): (&HeaderName, &HeaderValue)) -> (HeaderName, HeaderValue) {
    let is_secret = [AUTHORIZATION, COOKIE, ASSERTION].contains(name);
    let shown = if is_secret {
        HeaderValue::from_static("(redacted)")
    } else {
        value.clone()
    };
    (name.clone(), shown)
}

/// Every step of the walk, in the order in which they are taken.
const STEPS: [&str; 10] = [
    "request",
    "route",
    "method",
    "credential",
    "introspection",
    "role",
    "group",
    "client",
    "scope",
    "elevation",
];
