//! Whom the headers of a request to a dialect stand for.

use std::sync::Arc;

use http::HeaderMap;

use crate::auth::Auth;
use crate::gateway::endpoint::Caller;
use crate::header::credential::{self, Authorization, Cookie, ElevationField, Malformed};
use crate::model::credential::AuthMethod;
use crate::model::policy::Denial;
use crate::model::principal::Principal;
use crate::store::StoreError;

/// Why that cannot be said.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    /// What is shown cannot be read in one way only.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who is asking, by whichever primary credential.
#[derive(Debug)]
pub struct Proof {
    /// Whom it stands for.
    pub principal: Arc<Principal>,
    /// The form that it came in. With our cookie the browser may have sent it for a page of another origin.
    pub method: AuthMethod,
    /// What stands beside it.
    pub elevation: ElevationField,
}

/// Whoever the headers prove to ask, in any form: a header decides before our cookie, and the cookie in the place of a
/// foreign `Authorization`, as on a route that accepts everything.
///
/// # Errors
/// See [`Unknown`].
pub async fn proof(
    auth: &Auth,
    caller: &Caller,
    headers: &HeaderMap,
    cookie_name: &str,
) -> Result<Result<Proof, Denial>, Unknown> {
    let shown = credential::read(headers, cookie_name)?;
    let (in_header, denial) = match shown.authorization {
        Authorization::Absent => (None, Denial::CredentialMissing),
        Authorization::Foreign => (None, Denial::CredentialRejected),
        Authorization::Damaged(_) => return Ok(Err(Denial::CredentialRejected)),
        Authorization::Credential(credential) => (Some(credential), Denial::CredentialRejected),
    };
    let in_cookie = match shown.cookie {
        Cookie::Token(credential) => Some(credential),
        Cookie::Absent | Cookie::Dead => None,
    };
    let Some(credential) = in_header.or(in_cookie) else {
        return Ok(Err(denial));
    };
    let found = auth.verifier.introspect(&credential, caller.now).await?;
    let proof = found.principal.map(|principal| Proof {
        principal,
        method: credential.method(),
        elevation: shown.elevation,
    });
    Ok(proof.ok_or(denial))
}

/// The principal of the credential in the headers; `None` if there is none that is good, in a form that the dialect takes.
/// Our cookie is not looked at: a page of another origin could have sent it.
///
/// # Errors
/// See [`Unknown`].
pub async fn principal(
    auth: &Auth,
    caller: &Caller,
    headers: &HeaderMap,
    forms: &[AuthMethod],
) -> Result<Option<Arc<Principal>>, Unknown> {
    let shown = credential::read(headers, NO_COOKIE)?;
    let Authorization::Credential(credential) = shown.authorization else {
        return Ok(None);
    };
    if !forms.contains(&credential.method()) {
        return Ok(None);
    }
    let found = auth.verifier.introspect(&credential, caller.now).await?;
    Ok(found
        .principal
        .filter(|principal| principal.is_active(caller.now.wall)))
}

/// No cookie has an empty name.
const NO_COOKIE: &str = "";
