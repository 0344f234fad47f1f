//! What a client is told when the gateway refuses its request. Source: contract section 5.

use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::gateway::Refusal;
use crate::header::challenge::challenges;
use crate::header::reader::Reader;
use crate::model::credential::{Accept, AuthMethod};
use crate::model::policy::Denial;
use crate::pages::{ELEVATE_PATH, LOGIN_PATH};

use super::reply::{Answer, Audience};

/// The circumstances of a refusal.
#[derive(Debug)]
pub(super) struct Refused<'a> {
    pub(super) refusal: &'a Refusal,
    /// What the route takes.
    pub(super) accept: Accept,
    pub(super) realm: &'a str,
    pub(super) audience: Audience,
    /// Path and query, to come back to after logging in; `None` if there is no login page.
    pub(super) return_to: Option<&'a str>,
    /// Whether our cookie said who is asking, for nothing but a page.
    pub(super) is_visit: bool,
}

/// What has to be encoded in a query's value, so that it is one value and stays one.
const QUERY_VALUE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'=')
    .add(b'>');

/// How long a client waits before it asks a store again that could not answer.
const STORE_RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

impl Refused<'_> {
    pub(super) fn answer(&self) -> Answer {
        match self.refusal {
            Refusal::Malformed(why) => self.error(StatusCode::BAD_REQUEST, &why.to_string()),
            Refusal::NoRoute => self.error(StatusCode::NOT_FOUND, "There is nothing here."),
            Refusal::MethodNotAllowed { allow } => self
                .error(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "This method is not allowed here.",
                )
                .with(ALLOW, allow.clone()),
            Refusal::Denied(denial) => self.denied(denial),
            Refusal::StoreUnavailable(_) => self
                .error(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Who you are cannot be verified at the moment. Try again soon.",
                )
                .with(RETRY_AFTER, STORE_RETRY_SECONDS),
        }
    }

    fn denied(&self, denial: &Denial) -> Answer {
        if let Some(location) = self.page_for(denial) {
            return Answer::redirect(location);
        }
        let (status, detail) = match denial {
            Denial::CredentialMissing => (StatusCode::UNAUTHORIZED, "A credential is needed here."),
            Denial::CredentialRejected => (
                StatusCode::UNAUTHORIZED,
                "The credential is unknown, expired, revoked or not taken here.",
            ),
            Denial::ElevationMissing { .. } => (
                StatusCode::UNAUTHORIZED,
                "Prove yourself again: this needs a more recent elevated token.",
            ),
            Denial::ScopeMissing(_) => (
                StatusCode::FORBIDDEN,
                "The credential lacks a scope that is needed here.",
            ),
            Denial::ForeignOrigin => (
                StatusCode::FORBIDDEN,
                "Only a page of this site may open a WebSocket here with its cookie.",
            ),
            Denial::RoleMissing | Denial::GroupMissing | Denial::ClientNotAllowed => {
                (StatusCode::FORBIDDEN, "You are not allowed to do this.")
            }
        };
        challenges(denial, self.accept, self.realm, self.audience.reader)
            .into_iter()
            .fold(self.error(status, detail), |answer, challenge| {
                answer.with(WWW_AUTHENTICATE, challenge)
            })
    }

    /// Where a person can get what is missing: the login page, for who showed nothing on a route that takes cookies, and
    /// the one that asks for a proof, for who is logged in and wants a page that asks for a more recent one.
    fn page_for(&self, denial: &Denial) -> Option<HeaderValue> {
        let is_person = self.audience.reader == Reader::Navigation;
        let page = match denial {
            Denial::CredentialMissing if self.accept.contains(AuthMethod::Cookie) => LOGIN_PATH,
            Denial::ElevationMissing { .. } if self.is_visit => ELEVATE_PATH,
            Denial::CredentialMissing
            | Denial::CredentialRejected
            | Denial::ElevationMissing { .. }
            | Denial::ForeignOrigin
            | Denial::RoleMissing
            | Denial::GroupMissing
            | Denial::ClientNotAllowed
            | Denial::ScopeMissing(_) => return None,
        };
        let return_to = self.return_to.filter(|_| is_person)?;
        let return_to = utf8_percent_encode(return_to, QUERY_VALUE);
        HeaderValue::from_str(&format!("{page}?return_to={return_to}")).ok()
    }

    fn error(&self, status: StatusCode, detail: &str) -> Answer {
        Answer::error(status, detail, self.audience)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::pages::Language;

    fn answer(denial: Denial, reader: Reader, return_to: Option<&str>) -> String {
        answer_to(denial, reader, return_to, false)
    }

    fn answer_to(
        denial: Denial,
        reader: Reader,
        return_to: Option<&str>,
        is_visit: bool,
    ) -> String {
        let refused = Refused {
            refusal: &Refusal::Denied(denial),
            accept: AuthMethod::ALL.into_iter().collect(),
            realm: "here",
            audience: Audience {
                reader,
                language: Language::English,
            },
            return_to,
            is_visit,
        };
        String::from_utf8(refused.answer().to_http1()).unwrap()
    }

    #[test]
    fn a_person_without_a_credential_goes_to_the_login_page_if_there_is_one() {
        let page = Some("/a/b?c=d&e=%2F#");
        let sent = answer(Denial::CredentialMissing, Reader::Navigation, page);
        assert!(sent.starts_with("HTTP/1.1 302 "), "{sent}");
        let location = "location: /_countersign/login?return_to=/a/b?c%3Dd%26e%3D%252F%23\r\n";
        assert!(sent.contains(location), "{sent}");
        for (denial, reader, page, status) in [
            (Denial::CredentialMissing, Reader::Navigation, None, "401"),
            (Denial::CredentialMissing, Reader::Script, page, "401"),
            (Denial::CredentialMissing, Reader::Program, page, "401"),
            (Denial::CredentialRejected, Reader::Navigation, page, "401"),
            (Denial::RoleMissing, Reader::Navigation, page, "403"),
        ] {
            let sent = answer(denial.clone(), reader, page);
            assert!(
                sent.starts_with(&format!("HTTP/1.1 {status} ")),
                "{denial:?} {reader:?}: {sent}"
            );
        }
    }

    #[test]
    fn a_person_without_a_recent_proof_goes_where_it_is_asked_for_and_nobody_else_does() {
        let denial = Denial::ElevationMissing {
            max_age: Duration::from_mins(10),
        };
        let page = Some("/a?b=c");
        let sent = answer_to(denial.clone(), Reader::Navigation, page, true);
        assert!(sent.starts_with("HTTP/1.1 302 "), "{sent}");
        let location = "location: /_countersign/elevate?return_to=/a?b%3Dc\r\n";
        assert!(sent.contains(location), "{sent}");
        for (reader, page, is_visit) in [
            (Reader::Navigation, None, true),
            (Reader::Navigation, page, false),
            (Reader::Script, page, true),
            (Reader::Program, page, true),
        ] {
            let sent = answer_to(denial.clone(), reader, page, is_visit);
            assert!(sent.starts_with("HTTP/1.1 401 "), "{reader:?} {sent}");
            let challenge = "error=\"insufficient_user_authentication\"";
            assert!(sent.contains(challenge), "{reader:?} {sent}");
            assert!(sent.contains("max_age=\"600\""), "{reader:?} {sent}");
        }
    }

    #[test]
    fn a_401_always_has_a_challenge() {
        for reader in [Reader::Navigation, Reader::Script, Reader::Program] {
            let sent = answer(Denial::CredentialRejected, reader, None);
            assert!(
                sent.contains("www-authenticate: Bearer realm=\"here\""),
                "{sent}"
            );
        }
    }
}
