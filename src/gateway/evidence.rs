//! What is known about who is asking: which of the things that were shown decides, and whom it stands for.

use std::sync::Arc;

use super::Gateway;
use super::admit::{Asked, Trail};
use super::route::Route;
use crate::config::route::Foreign;
use crate::header::credential::{self, Authorization, Cookie, ElevationField, Shown};
use crate::model::credential::{AuthMethod, Credential};
use crate::model::policy::Evidence;
use crate::model::principal::Identity;
use crate::model::time::Now;
use crate::store::StoreError;

impl Gateway {
    /// What is known about who is asking. A header decides before a cookie and that before a certificate, and these in the
    /// place of a foreign `Authorization`.
    pub(super) async fn evidence(
        &self,
        route: &Route,
        asked: &Asked<'_>,
        shown: Shown,
        now: Now,
        trail: &mut Trail,
    ) -> Result<Evidence, StoreError> {
        trail.clears_cookie = matches!(shown.cookie, Cookie::Dead);
        let elevation = &shown.elevation;
        match shown.authorization {
            Authorization::Absent => {
                self.ambient_evidence(route, asked, (shown.cookie, elevation), now, trail)
                    .await
            }
            Authorization::Foreign => {
                trail.is_foreign = true;
                trail.keeps_authorization = route.rule.foreign == Foreign::Pass;
                let evidence = self
                    .ambient_evidence(route, asked, (shown.cookie, elevation), now, trail)
                    .await?;
                let is_bad = matches!(evidence, Evidence::Absent) && !trail.keeps_authorization;
                Ok(if is_bad { Evidence::Rejected } else { evidence })
            }
            Authorization::Damaged(method) => {
                trail.kind = Some(method);
                Ok(Evidence::Rejected)
            }
            Authorization::Credential(credential) => {
                trail.kind = Some(credential.method());
                if !route.rule.requirement.accept.contains(credential.method()) {
                    return Ok(Evidence::Rejected);
                }
                let identity = self.identify(credential, elevation, now, trail).await?;
                Ok(identity.map_or(Evidence::Rejected, Evidence::Proven))
            }
        }
    }

    /// What a browser shows whoever asks it to: our cookie, else the connection's certificate.
    async fn ambient_evidence(
        &self,
        route: &Route,
        asked: &Asked<'_>,
        (cookie, elevation): (Cookie, &ElevationField),
        now: Now,
        trail: &mut Trail,
    ) -> Result<Evidence, StoreError> {
        let evidence = self
            .cookies_evidence(route, asked, (cookie, elevation), now, trail)
            .await?;
        let accept = route.rule.requirement.accept;
        let certificate = asked
            .certificate
            .filter(|_| accept.contains(AuthMethod::Mtls));
        let (Evidence::Absent, Some(certificate)) = (&evidence, certificate) else {
            return Ok(evidence);
        };
        trail.kind = Some(AuthMethod::Mtls);
        let credential = Credential::of_certificate(Arc::clone(certificate));
        let identity = self.identify(credential, elevation, now, trail).await?;
        Ok(identity.map_or(Evidence::Absent, Evidence::Proven))
    }

    /// What our cookie says, on a route that takes one. One that is not good is no credential, and is cleared. Where the
    /// route asks for an elevation and none came as a header, the one that the browser keeps counts: a token like that.
    async fn cookies_evidence(
        &self,
        route: &Route,
        asked: &Asked<'_>,
        (cookie, elevation): (Cookie, &ElevationField),
        now: Now,
        trail: &mut Trail,
    ) -> Result<Evidence, StoreError> {
        let Cookie::Token(credential) = cookie else {
            return Ok(Evidence::Absent);
        };
        if !route.rule.requirement.accept.contains(AuthMethod::Cookie) {
            return Ok(Evidence::Absent);
        }
        trail.kind = Some(AuthMethod::Cookie);
        let kept = match elevation {
            ElevationField::Absent if route.rule.requirement.elevated.is_some() => Some(
                credential::kept_elevation(asked.headers, self.cookies.elevation),
            ),
            ElevationField::Absent | ElevationField::Bad | ElevationField::Token(_) => None,
        };
        let elevation = kept.as_ref().unwrap_or(elevation);
        let identity = self.identify(credential, elevation, now, trail).await?;
        trail.clears_cookie = identity.is_none();
        Ok(identity.map_or(Evidence::Absent, Evidence::Proven))
    }

    /// Whom a credential stands for, with the elevation beside it. An elevated token that is not good is none.
    async fn identify(
        &self,
        credential: Credential,
        elevation: &ElevationField,
        now: Now,
        trail: &mut Trail,
    ) -> Result<Option<Identity>, StoreError> {
        let introspection = self.verifier.introspect(&credential, now).await?;
        trail.source = Some(introspection.source);
        trail.auth = introspection.took;
        let Some(principal) = introspection.principal else {
            return Ok(None);
        };
        let elevation = match elevation {
            ElevationField::Token(token) => self.verifier.elevation(token, &principal, now).await?,
            ElevationField::Absent | ElevationField::Bad => None,
        };
        let method = credential.method();
        trail.credential = Some(credential);
        Ok(Some(Identity {
            principal,
            method,
            elevation,
        }))
    }
}
