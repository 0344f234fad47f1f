//! Refusals as {error, message}, in the words that the dialects with such bodies share; `error` is from a closed set.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

use super::body::BadBody;
use super::refused::Refused;
use super::reply::{json, retry_after};

/// A refusal in these words.
#[derive(Debug)]
pub struct Refusal(Refused);

impl Refusal {
    fn factors(&self) -> Option<Vec<&'static str>> {
        let Refused::FactorMissing(kinds) = &self.0 else {
            return None;
        };
        Some(kinds.iter().map(|kind| kind.as_str()).collect())
    }

    #[rustfmt::skip]
    fn words(&self) -> (u16, &'static str, Cow<'static, str>) {
        match &self.0 {
            Refused::Body(BadBody::TooLarge) => (413, "too_large", BadBody::TooLarge.to_string().into()),
            Refused::Body(bad) => (400, "malformed", bad.to_string().into()),
            Refused::Malformed(malformed) => (400, "malformed", malformed.to_string().into()),
            Refused::NoCredential | Refused::Unrecognized => (401, "unauthorized", "the credentials are not good".into()),
            Refused::FactorMissing(_) => (401, "second_factor_required", "a code of a second factor is needed: send the same request with it as code".into()),
            Refused::WrongFactor => (401, "wrong_code", "the code of the second factor is not good, or was used".into()),
            Refused::RegistrationClosed => (403, "registration_closed", "registration is closed".into()),
            Refused::InvitationMissing => (403, "invitation_needed", "a good invitation code is needed".into()),
            Refused::UnknownClient => (404, "unknown_client", "the client is unknown".into()),
            Refused::EmailTaken => (409, "email_taken", "the e-mail address is taken".into()),
            Refused::UnusableEmail => (422, "unusable_email", "that is not an e-mail address".into()),
            Refused::UnusablePassword => (422, "unusable_password", "the password is too short".into()),
            Refused::Throttled(_) => (429, "too_many_attempts", "too many attempts, try again later".into()),
            Refused::Unavailable(_) => (503, "unavailable", "no answer is possible now, try again later".into()),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error, message) = self.words();
        let words = Words {
            error,
            message: &message,
            factors: self.factors(),
        };
        retry_after(words.answer(status), self.0.wait())
    }
}

impl<E: Into<Refused>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// An error with a word for programs and a sentence for people.
#[must_use]
pub fn say(status: u16, error: &str, message: &str) -> Response {
    let words = Words {
        error,
        message,
        factors: None,
    };
    words.answer(status)
}

#[derive(Serialize)]
struct Words<'a> {
    error: &'a str,
    message: &'a str,
    /// What can be shown, where a second factor is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    factors: Option<Vec<&'static str>>,
}

impl Words<'_> {
    fn answer(&self, status: u16) -> Response {
        json(StatusCode::from_u16(status).unwrap_or_default(), self)
    }
}
