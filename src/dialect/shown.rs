//! Whom the headers of a request to a dialect stand for.

use std::sync::Arc;

use http::HeaderMap;

use crate::auth::Auth;
use crate::gateway::endpoint::Caller;
use crate::header::credential::{self, Authorization, Malformed};
use crate::model::credential::AuthMethod;
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
