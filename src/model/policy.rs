//! What a route asks, and the one place where it is decided.

use std::time::Duration;

use super::account::{Group, Role};
use super::credential::Accept;
use super::id::ClientId;
use super::principal::{Elevation, Identity};
use super::scope::Scope;
use super::time::Timestamp;

/// What a route asks of a request.
#[derive(Debug, Clone, Default)]
pub struct Requirement {
    /// Whether a principal is needed.
    pub access: Access,
    /// In which forms its credential may come.
    pub accept: Accept,
    /// Any of these; empty asks for none.
    pub roles: Box<[Role]>,
    /// Any of these; empty asks for none.
    pub groups: Box<[Group]>,
    /// Any of these; empty asks for none.
    pub clients: Box<[ClientId]>,
    /// All of these.
    pub scopes: Box<[Scope]>,
    /// An elevated token not older than this.
    pub elevated: Option<Duration>,
    /// Decide, but let everything pass.
    pub shadow: bool,
}

/// Whether a route needs a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// No credential is looked at.
    None,
    /// A good one gives an identity, none gives none, a bad one is refused.
    Optional,
    /// Only a good one passes.
    #[default]
    Required,
}

/// What was found out about who is asking.
#[derive(Debug)]
pub enum Evidence {
    /// Nothing was shown that counts.
    Absent,
    /// Something was shown, and it is not good: unknown, expired, revoked, damaged, foreign, or in a form that the route
    /// does not take.
    Rejected,
    /// A good credential.
    Proven(Identity),
}

/// The proof that a request was decided and may pass. Made by [`decide`] alone.
#[derive(Debug)]
pub struct Permit {
    identity: Option<Identity>,
    overlooked: Option<Denial>,
}

/// Why a request may not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// 401: it showed nothing.
    CredentialMissing,
    /// 401 `invalid_token`: what it showed is not good.
    CredentialRejected,
    /// 403: the account's role is none of the route's.
    RoleMissing,
    /// 403: the account is in none of the route's groups.
    GroupMissing,
    /// 403: the client is none of the route's.
    ClientNotAllowed,
    /// 403 `insufficient_scope`: the token lacks one of these.
    ScopeMissing(Box<[Scope]>),
    /// 401 `insufficient_user_authentication`: no elevated token, or one older than this. Source: RFC 9470 §3.
    ElevationMissing {
        /// How old it may be.
        max_age: Duration,
    },
}

/// Decides whether a request may pass. Total, pure, and the only maker of a [`Permit`].
///
/// # Errors
/// The first thing that is missing, in the order: credential, role, group, client, scope, elevation.
pub fn decide(
    requirement: &Requirement,
    evidence: Evidence,
    now: Timestamp,
) -> Result<Permit, Denial> {
    match judge(requirement, evidence, now) {
        Ok(identity) => Ok(Permit {
            identity,
            overlooked: None,
        }),
        Err(denial) if requirement.shadow => Ok(Permit {
            identity: None,
            overlooked: Some(denial),
        }),
        Err(denial) => Err(denial),
    }
}

impl Permit {
    /// Who is asking; `None` for an anonymous request on a route that lets one pass.
    #[must_use]
    pub const fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// What would have been refused, on a route that only watches (`shadow = true`).
    #[must_use]
    pub const fn overlooked(&self) -> Option<&Denial> {
        self.overlooked.as_ref()
    }
}

impl Denial {
    /// The word for it in metrics and logs.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::CredentialMissing => "credential_missing",
            Self::CredentialRejected => "credential_rejected",
            Self::RoleMissing => "role_missing",
            Self::GroupMissing => "group_missing",
            Self::ClientNotAllowed => "client_not_allowed",
            Self::ScopeMissing(_) => "scope_missing",
            Self::ElevationMissing { .. } => "elevation_missing",
        }
    }
}

fn judge(
    requirement: &Requirement,
    evidence: Evidence,
    now: Timestamp,
) -> Result<Option<Identity>, Denial> {
    let identity = match (requirement.access, evidence) {
        (Access::None, _) | (Access::Optional, Evidence::Absent) => return Ok(None),
        (Access::Required, Evidence::Absent) => return Err(Denial::CredentialMissing),
        (Access::Optional | Access::Required, Evidence::Rejected) => {
            return Err(Denial::CredentialRejected);
        }
        (Access::Optional | Access::Required, Evidence::Proven(identity)) => identity,
    };
    if !requirement.accept.contains(identity.method) || !identity.principal.is_active(now) {
        return Err(Denial::CredentialRejected);
    }
    let (account, principal) = (&identity.principal.account, &identity.principal);
    if !requirement.roles.is_empty() && !requirement.roles.contains(&account.role) {
        return Err(Denial::RoleMissing);
    }
    if !requirement.groups.is_empty()
        && !account
            .groups
            .iter()
            .any(|group| requirement.groups.contains(group))
    {
        return Err(Denial::GroupMissing);
    }
    if !requirement.clients.is_empty()
        && !principal
            .client
            .as_ref()
            .is_some_and(|id| requirement.clients.contains(id))
    {
        return Err(Denial::ClientNotAllowed);
    }
    if !requirement
        .scopes
        .iter()
        .all(|scope| principal.scopes.contains(scope))
    {
        return Err(Denial::ScopeMissing(requirement.scopes.clone()));
    }
    match requirement.elevated {
        Some(max_age)
            if !identity
                .elevation
                .is_some_and(|elevation| is_fresh(elevation, max_age, now)) =>
        {
            Err(Denial::ElevationMissing { max_age })
        }
        _ => Ok(Some(identity)),
    }
}

fn is_fresh(elevation: Elevation, max_age: Duration, now: Timestamp) -> bool {
    now < elevation.until && now.since(elevation.since) <= max_age
}
