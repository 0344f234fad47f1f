//! `WWW-Authenticate`: how a client may prove itself.
//!
//! Source: contract section 5, RFC 9110 §11.6.1, RFC 6750 §3, RFC 7617 §2, RFC 9470 §3.

use http::HeaderValue;

use super::reader::Reader;
use crate::model::credential::{Accept, AuthMethod};
use crate::model::policy::Denial;
use crate::model::scope::Scope;

/// The challenges of an answer, one field line each; none for a 403 but that for a scope.
///
/// `realm` is printable ASCII without `"` and `\`, as the configuration promises.
#[must_use]
pub fn challenges(
    denial: &Denial,
    accept: Accept,
    realm: &str,
    reader: Reader,
) -> Vec<HeaderValue> {
    let bearer = |more: &str| line(&format!("Bearer realm=\"{realm}\"{more}"));
    match denial {
        Denial::CredentialMissing => by_form(accept, realm, reader, bearer("")),
        Denial::CredentialRejected => {
            by_form(accept, realm, reader, bearer(", error=\"invalid_token\""))
        }
        Denial::ElevationMissing { max_age } => vec![bearer(&format!(
            ", error=\"insufficient_user_authentication\", error_description=\"a more recent elevated token is \
             required\", max_age=\"{}\"",
            max_age.as_secs()
        ))],
        Denial::ScopeMissing(scopes) => {
            let scopes: Vec<&str> = scopes.iter().map(Scope::as_str).collect();
            vec![bearer(&format!(
                ", error=\"insufficient_scope\", scope=\"{}\"",
                scopes.join(" ")
            ))]
        }
        Denial::ForeignOrigin
        | Denial::RoleMissing
        | Denial::GroupMissing
        | Denial::ClientNotAllowed => Vec::new(),
    }
}

/// A `Bearer` line for the forms that carry one token, a `Basic` line for pairs; never that to a script, because the
/// browser would ask its user for a password. A 401 needs one line at least, so what has neither gets `Bearer`.
fn by_form(accept: Accept, realm: &str, reader: Reader, bearer: HeaderValue) -> Vec<HeaderValue> {
    let has_bearer = [AuthMethod::Bearer, AuthMethod::XAuth, AuthMethod::Bare]
        .into_iter()
        .any(|method| accept.contains(method));
    let has_basic = accept.contains(AuthMethod::Basic) && reader != Reader::Script;
    let mut lines = Vec::with_capacity(2);
    if has_bearer || !has_basic {
        lines.push(bearer);
    }
    if has_basic {
        lines.push(line(&format!("Basic realm=\"{realm}\", charset=\"UTF-8\"")));
    }
    lines
}

fn line(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("a realm and scopes are printable ASCII")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn lines(denial: &Denial, accept: &[AuthMethod], reader: Reader) -> Vec<String> {
        let accept = accept.iter().copied().collect();
        challenges(denial, accept, "here", reader)
            .iter()
            .map(|line| line.to_str().unwrap().to_owned())
            .collect()
    }

    const BEARER: &str = "Bearer realm=\"here\"";
    const BASIC: &str = "Basic realm=\"here\", charset=\"UTF-8\"";

    #[test]
    fn a_route_asks_for_the_forms_that_it_takes() {
        use AuthMethod::{Bare, Basic, Bearer, Cookie, XAuth};
        for (accept, reader, expected) in [
            (&[Bearer][..], Reader::Program, &[BEARER][..]),
            (&[XAuth], Reader::Program, &[BEARER]),
            (&[Bare, Cookie], Reader::Program, &[BEARER]),
            (&[Basic], Reader::Program, &[BASIC]),
            (&[Basic], Reader::Navigation, &[BASIC]),
            (&[Basic, Cookie], Reader::Program, &[BASIC]),
            (&[Bearer, Basic], Reader::Program, &[BEARER, BASIC]),
            (&[Bearer, Basic], Reader::Script, &[BEARER]),
            (&[Basic], Reader::Script, &[BEARER]),
            (&[Cookie], Reader::Program, &[BEARER]),
        ] {
            assert_eq!(
                lines(&Denial::CredentialMissing, accept, reader),
                expected,
                "{accept:?} {reader:?}"
            );
        }
    }

    #[test]
    fn a_bad_token_is_called_one() {
        let accept = [AuthMethod::Bearer, AuthMethod::Basic];
        assert_eq!(
            lines(&Denial::CredentialRejected, &accept, Reader::Program),
            ["Bearer realm=\"here\", error=\"invalid_token\"", BASIC]
        );
    }

    #[test]
    fn an_elevation_is_asked_for_with_its_age() {
        let denial = Denial::ElevationMissing {
            max_age: Duration::from_mins(10),
        };
        assert_eq!(
            lines(&denial, &[AuthMethod::Basic], Reader::Program),
            [
                "Bearer realm=\"here\", error=\"insufficient_user_authentication\", error_description=\"a more recent \
                 elevated token is required\", max_age=\"600\""
            ]
        );
    }

    #[test]
    fn a_403_names_the_scopes_and_nothing_else() {
        let scopes = ["read", "write"].map(|scope| Scope::parse(scope).unwrap());
        assert_eq!(
            lines(
                &Denial::ScopeMissing(scopes.into()),
                &[AuthMethod::Bearer],
                Reader::Program
            ),
            ["Bearer realm=\"here\", error=\"insufficient_scope\", scope=\"read write\""]
        );
        for denial in [
            Denial::RoleMissing,
            Denial::GroupMissing,
            Denial::ClientNotAllowed,
        ] {
            assert!(lines(&denial, &AuthMethod::ALL, Reader::Program).is_empty());
        }
    }
}
