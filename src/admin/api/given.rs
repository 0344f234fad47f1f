//! What a request gives, read strictly: an unknown key is a mistake, since it would otherwise be silently not done.

use axum::Json;
use axum::extract::{FromRequest, Request};
use http::StatusCode;
use serde::de::DeserializeOwned;

use super::{Done, Failure};
use crate::model::caption::{EXPECTED, caption};

/// A JSON body.
pub(super) struct Given<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Given<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        match Json::from_request(request, state).await {
            Ok(Json(given)) => Ok(Self(given)),
            Err(rejection) => {
                let status = StatusCode::from_u16(rejection.status().as_u16()).unwrap_or_default();
                Err(Failure::new(status, rejection.body_text()))
            }
        }
    }
}

/// What people will see in lists and pages.
pub(super) fn name(text: &str) -> Done<Box<str>> {
    caption(text).ok_or_else(|| Failure::unusable(EXPECTED))
}
