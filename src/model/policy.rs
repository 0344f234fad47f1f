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
    /// A good credential that speaks for whoever sent it, with a request that another site sent: a browser adds cookies
    /// whoever asks it to, and to a WebSocket without asking anybody.
    Astray,
    /// Nothing was shown, and could not be: a browser asks with a CORS preflight whether it may send the request itself.
    Preflight,
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
    /// 403: another site sent it, with this one's cookie.
    ForeignOrigin,
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
            Self::ForeignOrigin => "foreign_origin",
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
        (Access::None, _)
        | (Access::Optional, Evidence::Absent)
        | (Access::Optional | Access::Required, Evidence::Preflight) => return Ok(None),
        (Access::Required, Evidence::Absent) => return Err(Denial::CredentialMissing),
        (Access::Optional | Access::Required, Evidence::Rejected) => {
            return Err(Denial::CredentialRejected);
        }
        (Access::Optional | Access::Required, Evidence::Astray) => {
            return Err(Denial::ForeignOrigin);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::account::{Account, AccountKind, AccountStatus};
    use crate::model::credential::AuthMethod;
    use crate::model::id::{AccountId, SessionId};
    use crate::model::principal::{LastUsed, Principal};
    use crate::model::token::TokenKind;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn identity(method: AuthMethod, expires_at: Option<Timestamp>) -> Identity {
        Identity {
            principal: Arc::new(Principal {
                account: Arc::new(Account {
                    id: AccountId::generate(),
                    email: None,
                    pending_email: None,
                    username: None,
                    name: None,
                    role: Role::member(),
                    groups: vec![],
                    kind: AccountKind::Full,
                    status: AccountStatus::Active,
                    created_at: at(0),
                }),
                client: None,
                session: SessionId::generate(),
                token: None,
                kind: TokenKind::Access,
                scopes: Arc::default(),
                issued_at: at(0),
                expires_at,
                last_used: LastUsed::default(),
            }),
            method,
            elevation: None,
        }
    }

    fn requirement(access: Access, shadow: bool) -> Requirement {
        Requirement {
            access,
            accept: [AuthMethod::Bearer].into_iter().collect(),
            shadow,
            ..Requirement::default()
        }
    }

    #[test]
    fn access_says_what_missing_and_rejected_evidence_lead_to() {
        for (access, absent, rejected) in [
            (Access::None, None, None),
            (Access::Optional, None, Some(Denial::CredentialRejected)),
            (
                Access::Required,
                Some(Denial::CredentialMissing),
                Some(Denial::CredentialRejected),
            ),
        ] {
            for (evidence, expected) in [(Evidence::Absent, absent), (Evidence::Rejected, rejected)]
            {
                let decided = decide(&requirement(access, false), evidence, at(1));
                assert!(
                    decided
                        .as_ref()
                        .is_ok_and(|permit| permit.identity().is_none())
                        == expected.is_none()
                );
                assert_eq!(decided.err(), expected, "{access:?}");
            }
        }
    }

    #[test]
    fn a_proof_in_another_form_or_past_its_time_is_no_proof() {
        for (method, expires_at, now, passes) in [
            (AuthMethod::Bearer, None, at(1), true),
            (AuthMethod::Bearer, Some(at(2)), at(1), true),
            (AuthMethod::Bearer, Some(at(2)), at(2), false),
            (AuthMethod::Cookie, None, at(1), false),
        ] {
            let evidence = Evidence::Proven(identity(method, expires_at));
            let decided = decide(&requirement(Access::Required, false), evidence, now);
            assert_eq!(decided.is_ok(), passes, "{method:?} {expires_at:?} {now}");
        }
    }

    #[test]
    fn an_elevation_is_fresh_to_the_second_and_not_longer() {
        let mut elevated = requirement(Access::Required, false);
        elevated.elevated = Some(Duration::from_mins(1));
        for (since, until, now, passes) in [
            (0, 600, 60, true),
            (0, 600, 61, false),
            (0, 30, 29, true),
            (0, 30, 30, false),
        ] {
            let mut identity = identity(AuthMethod::Bearer, None);
            identity.elevation = Some(Elevation {
                since: at(since),
                until: at(until),
            });
            let decided = decide(&elevated, Evidence::Proven(identity), at(now));
            assert_eq!(decided.is_ok(), passes, "{since} {until} {now}");
        }
    }

    #[test]
    fn a_route_that_only_watches_lets_pass_without_identity_and_says_what_it_overlooked() {
        let mut watching = requirement(Access::Required, true);
        watching.roles = [Role::parse("admin").unwrap()].into();
        let evidence = Evidence::Proven(identity(AuthMethod::Bearer, None));
        let permit = decide(&watching, evidence, at(1)).unwrap();
        assert_eq!(permit.overlooked(), Some(&Denial::RoleMissing));
        assert!(permit.identity().is_none());
    }
}
