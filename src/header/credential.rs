//! The credential of a request: what its `Authorization`, `X-Auth`, `Elevated-Access-Token` and our cookie hold.
//!
//! One spelling for each credential: a scheme's letters may have either case and one or more spaces follow it, and nothing
//! else is lenient, so that no two readers of a request can disagree about who it is from. Whether a credential is good
//! is not known here. Nothing allocates. Source: contract section 3, RFC 9110 §11.4, RFC 7617 §2, RFC 6750 §2.1.

use http::header::{AUTHORIZATION, COOKIE, HeaderName};
use http::{HeaderMap, HeaderValue};

use super::{basic, cookie};
use crate::control::{Rule, holds};
use crate::model::credential::{AuthMethod, Credential};
use crate::model::token::{PlainToken, TokenKind};

/// `X-Auth` (seed 003).
pub const X_AUTH: HeaderName = HeaderName::from_static("x-auth");

/// `Elevated-Access-Token` (seed 002).
pub const ELEVATED_ACCESS_TOKEN: HeaderName = HeaderName::from_static("elevated-access-token");

/// Everything that a request shows.
#[derive(Debug)]
pub struct Shown {
    /// Its primary credential in a header.
    pub authorization: Authorization,
    /// Our cookie.
    pub cookie: Cookie,
    /// What stands beside the primary credential.
    pub elevation: ElevationField,
}

/// The primary credential in a header: `Authorization` or `X-Auth`.
#[derive(Debug)]
pub enum Authorization {
    /// There is none.
    Absent,
    /// A well-formed `Authorization` that is somebody else's.
    Foreign,
    /// One of ours that is not good, whatever the store holds: a wrong checksum, or a token that this form does not
    /// carry. In `X-Auth`, which is ours, also what has no prefix of ours.
    Damaged(AuthMethod),
    /// One of ours.
    Credential(Credential),
}

/// What the `Cookie` fields hold under our name.
#[derive(Debug)]
pub enum Cookie {
    /// Nothing.
    Absent,
    /// Something that is no browser session, or two of them.
    Dead,
    /// A browser session's token.
    Token(Credential),
}

/// What `Elevated-Access-Token` holds.
#[derive(Debug)]
pub enum ElevationField {
    /// There is none.
    Absent,
    /// Not an elevated token.
    Bad,
    /// An elevated token.
    Token(PlainToken),
}

/// Why what a request shows cannot be read in one way only: it is answered with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Two of what may stand there once.
    #[error("the request has more than one {0}; send one")]
    Doubled(&'static str),
    /// `Authorization` without a value.
    #[error("Authorization is empty; leave it out or send a credential")]
    Empty,
    /// A known scheme without spaces and something after them.
    #[error(
        "Authorization: {0} is followed by one or more spaces and a credential, and by nothing else"
    )]
    Scheme(&'static str),
    /// Not canonical base64.
    #[error("Authorization: Basic carries base64 of key:token, with its padding, in one piece")]
    BasicEncoding,
    /// No colon in what was encoded.
    #[error("Authorization: Basic carries base64 of key:token, and there is no colon in it")]
    BasicColon,
    /// A control byte in what was encoded.
    #[error("Authorization: Basic carries base64 of key:token, and there is a control byte in it")]
    BasicControl,
    /// Not one token as RFC 6750 §2.1 writes it.
    #[error("Authorization: Bearer carries one token, without quotes, commas or spaces")]
    Bearer {
        /// Whether it begins like one of ours, and so should not travel on.
        ours: bool,
    },
}

/// Reads what a request shows.
///
/// # Errors
/// [`Malformed`], and [`Malformed::Doubled`] before anything else that is wrong.
pub fn read(headers: &HeaderMap, cookie_name: &str) -> Result<Shown, Malformed> {
    let (authorization, elevation) = alone(headers)?;
    Ok(Shown {
        authorization: match authorization {
            Field::Absent => Authorization::Absent,
            Field::Authorization(value) => self::authorization(value)?,
            Field::XAuth(value) => x_auth(value),
        },
        cookie: our_cookie(headers, cookie_name),
        elevation: elevation.map_or(ElevationField::Absent, |value| elevated(value.as_bytes())),
    })
}

/// Looks whether credentials are doubled, and at nothing else: for routes that look at no credential.
///
/// # Errors
/// [`Malformed::Doubled`] alone.
pub fn check_alone(headers: &HeaderMap) -> Result<(), Malformed> {
    alone(headers).map(drop)
}

/// The elevated token in our cookie of that name; one that stands there twice is none.
#[must_use]
pub fn kept_elevation(headers: &HeaderMap, cookie_name: &str) -> ElevationField {
    let mut found = ElevationField::Absent;
    for pair in cookie_pairs(headers) {
        match (cookie::ours(pair, cookie_name), &found) {
            (cookie::Ours::No, _) => {}
            (cookie::Ours::Value(value), ElevationField::Absent) => found = elevated(value),
            (cookie::Ours::Value(_) | cookie::Ours::Misspelled, _) => return ElevationField::Bad,
        }
    }
    found
}

/// Whether an `Authorization` that nobody looks at may travel on: it may unless it is one of ours.
#[must_use]
pub fn is_foreign(value: &HeaderValue) -> bool {
    match authorization(value) {
        Ok(Authorization::Foreign | Authorization::Absent) => true,
        Ok(Authorization::Damaged(_) | Authorization::Credential(_)) => false,
        Err(malformed) => malformed != Malformed::Bearer { ours: true },
    }
}

enum Field<'a> {
    Absent,
    Authorization(&'a HeaderValue),
    XAuth(&'a HeaderValue),
}

fn alone(headers: &HeaderMap) -> Result<(Field<'_>, Option<&HeaderValue>), Malformed> {
    let authorization = only(headers, &AUTHORIZATION, "Authorization")?;
    let x_auth = only(headers, &X_AUTH, "X-Auth")?;
    let elevation = only(headers, &ELEVATED_ACCESS_TOKEN, "Elevated-Access-Token")?;
    let field = match (authorization, x_auth) {
        (Some(_), Some(_)) => {
            return Err(Malformed::Doubled("credential: Authorization and X-Auth"));
        }
        (Some(value), None) => Field::Authorization(value),
        (None, Some(value)) => Field::XAuth(value),
        (None, None) => Field::Absent,
    };
    Ok((field, elevation))
}

fn only<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    spelled: &'static str,
) -> Result<Option<&'a HeaderValue>, Malformed> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    match values.next() {
        Some(_) if holds(Rule::Doubled) => Err(Malformed::Doubled(spelled)),
        _ => Ok(first),
    }
}

fn authorization(value: &HeaderValue) -> Result<Authorization, Malformed> {
    let bytes = value.as_bytes();
    let end = bytes
        .iter()
        .position(|byte| !is_tchar(*byte))
        .unwrap_or(bytes.len());
    let (scheme, rest) = bytes.split_at_checked(end).ok_or(Malformed::Empty)?;
    if scheme.eq_ignore_ascii_case(b"basic") {
        keyed(after_spaces(rest).ok_or(Malformed::Scheme("Basic"))?)
    } else if scheme.eq_ignore_ascii_case(b"bearer") {
        bearer(after_spaces(rest).ok_or(Malformed::Scheme("Bearer"))?)
    } else if bytes.is_empty() {
        Err(Malformed::Empty)
    } else if is_ours(bytes) {
        Ok(token(AuthMethod::Bare, bytes))
    } else {
        Ok(Authorization::Foreign)
    }
}

/// What follows a scheme: one or more spaces, which are cut off, and at least one byte more.
fn after_spaces(rest: &[u8]) -> Option<&[u8]> {
    let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
    rest.get(spaces..)
        .filter(|credential| spaces > 0 && !credential.is_empty())
}

fn bearer(bytes: &[u8]) -> Result<Authorization, Malformed> {
    let ours = is_ours(bytes);
    // A token of ours is a token: only what is none has to be looked at again.
    let read = token(AuthMethod::Bearer, bytes);
    if matches!(read, Authorization::Credential(_)) {
        return Ok(read);
    }
    if !is_b64token(bytes) {
        return Err(Malformed::Bearer { ours });
    }
    Ok(if ours { read } else { Authorization::Foreign })
}

fn keyed(bytes: &[u8]) -> Result<Authorization, Malformed> {
    let decoded = basic::pair(bytes)?;
    Ok(match decoded {
        basic::Pair::Foreign => Authorization::Foreign,
        basic::Pair::Unfit => Authorization::Damaged(AuthMethod::Basic),
        basic::Pair::Ours { key, token } => parse(&key)
            .zip(parse(&token))
            .and_then(|(key, token)| Credential::pair(key, token))
            .map_or(
                Authorization::Damaged(AuthMethod::Basic),
                Authorization::Credential,
            ),
    })
}

fn x_auth(value: &HeaderValue) -> Authorization {
    token(AuthMethod::XAuth, value.as_bytes())
}

fn token(method: AuthMethod, bytes: &[u8]) -> Authorization {
    parse(bytes)
        .and_then(|token| Credential::token(method, token))
        .map_or(Authorization::Damaged(method), Authorization::Credential)
}

fn elevated(value: &[u8]) -> ElevationField {
    parse(value)
        .filter(|token| token.kind() == TokenKind::Elevated)
        .map_or(ElevationField::Bad, ElevationField::Token)
}

fn our_cookie(headers: &HeaderMap, name: &str) -> Cookie {
    let mut found = Cookie::Absent;
    for pair in cookie_pairs(headers) {
        match (cookie::ours(pair, name), &found) {
            (cookie::Ours::No, _) => {}
            (cookie::Ours::Value(value), Cookie::Absent) => {
                found = parse(value)
                    .and_then(|token| Credential::token(AuthMethod::Cookie, token))
                    .map_or(Cookie::Dead, Cookie::Token);
            }
            (cookie::Ours::Value(_) | cookie::Ours::Misspelled, _) => return Cookie::Dead,
        }
    }
    found
}

fn cookie_pairs(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let fields = headers.get_all(COOKIE).iter();
    fields.flat_map(|field| cookie::pairs(field.as_bytes()))
}

fn parse(bytes: &[u8]) -> Option<PlainToken> {
    PlainToken::parse(std::str::from_utf8(bytes).ok()?).ok()
}

/// Whether bytes begin with a prefix of ours, whatever follows it.
pub(super) fn is_ours(bytes: &[u8]) -> bool {
    bytes.starts_with(b"cs")
        && bytes
            .get(..4)
            .and_then(|prefix| std::str::from_utf8(prefix).ok())
            .is_some_and(|prefix| TokenKind::of_prefix(prefix).is_some())
}

/// RFC 9110 §5.6.2.
fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 6750 §2.1.
fn is_b64token(bytes: &[u8]) -> bool {
    let padding = bytes.iter().rev().take_while(|byte| **byte == b'=').count();
    let length = bytes.len().saturating_sub(padding);
    length > 0
        && bytes
            .iter()
            .take(length)
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte))
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    const COOKIE_NAME: &str = "__Host-countersign";

    fn plain(kind: TokenKind) -> String {
        PlainToken::generate(kind).expose().to_owned()
    }

    fn encoded(text: impl AsRef<[u8]>) -> String {
        STANDARD.encode(text)
    }

    fn pair() -> String {
        format!("{}:{}", plain(TokenKind::Key), plain(TokenKind::Keyed))
    }

    fn headers(fields: &[(&'static str, &[u8])]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_bytes(value).expect("the test's value can stand in a field"),
                )
            })
            .collect()
    }

    fn shown(name: &'static str, value: impl AsRef<[u8]>) -> Result<Shown, Malformed> {
        read(&headers(&[(name, value.as_ref())]), COOKIE_NAME)
    }

    /// One word for what was read, so that tables stay readable.
    fn word(shown: &Result<Shown, Malformed>) -> String {
        match shown {
            Ok(shown) => match &shown.authorization {
                Authorization::Absent => "absent".to_owned(),
                Authorization::Foreign => "foreign".to_owned(),
                Authorization::Damaged(method) => format!("damaged {}", method.as_str()),
                Authorization::Credential(credential) => credential.method().as_str().to_owned(),
            },
            Err(malformed) => format!("{malformed:?}"),
        }
    }

    #[test]
    fn every_form_reads_the_tokens_it_carries_and_no_others() {
        for kind in TokenKind::ALL {
            for (name, scheme, method) in [
                ("authorization", "", AuthMethod::Bare),
                ("authorization", "Bearer ", AuthMethod::Bearer),
                ("x-auth", "", AuthMethod::XAuth),
            ] {
                let expected = if method.carries(kind) {
                    method.as_str().to_owned()
                } else {
                    format!("damaged {}", method.as_str())
                };
                let read = shown(name, format!("{scheme}{}", plain(kind)));
                assert_eq!(word(&read), expected, "{kind:?} {scheme}");
            }
        }
        assert_eq!(
            word(&shown(
                "authorization",
                format!("Basic {}", encoded(pair()))
            )),
            "basic"
        );
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn a_value_of_authorization_is_ours_or_foreign_or_malformed() {
        let access = plain(TokenKind::Access);
        let refresh = plain(TokenKind::Refresh);
        let (key, keyed) = (plain(TokenKind::Key), plain(TokenKind::Keyed));
        let good = encoded(pair());
        let basic = |text: &str| format!("Basic {}", encoded(text));
        let damaged = format!("{}!", &access[..35]);
        for (value, expected) in [
            // Scheme names are case-insensitive, one or more spaces follow.
            (format!("bearer {access}"), "bearer"),
            (format!("BEARER   {access}"), "bearer"),
            (format!("bAsIc    {good}"), "basic"),
            (format!("Bearer\t{access}"), "Scheme(\"Bearer\")"),
            (format!("Bearer \t{access}"), "Bearer { ours: false }"),
            (format!("Basic\t{good}"), "Scheme(\"Basic\")"),
            (format!("Bearer:{access}"), "Scheme(\"Bearer\")"),
            (format!("Bearer={access}"), "Scheme(\"Bearer\")"),
            (format!("Bearer,{access}"), "Scheme(\"Bearer\")"),
            ("Bearer".to_owned(), "Scheme(\"Bearer\")"),
            ("Bearer ".to_owned(), "Scheme(\"Bearer\")"),
            ("basic".to_owned(), "Scheme(\"Basic\")"),
            ("Basic   ".to_owned(), "Scheme(\"Basic\")"),
            (String::new(), "Empty"),
            // A Bearer is one token.
            (format!("Bearer {access} "), "Bearer { ours: true }"),
            (format!("Bearer {access} {access}"), "Bearer { ours: true }"),
            (
                format!("Bearer {access}, Bearer {access}"),
                "Bearer { ours: true }",
            ),
            (format!("Bearer \"{access}\""), "Bearer { ours: false }"),
            ("Bearer =".to_owned(), "Bearer { ours: false }"),
            ("Bearer a=b".to_owned(), "Bearer { ours: false }"),
            ("Bearer ä".to_owned(), "Bearer { ours: false }"),
            ("Bearer abc==".to_owned(), "foreign"),
            ("Bearer eyJhbGciOi.eyJ.s-_~+/".to_owned(), "foreign"),
            ("Bearer csa_".to_owned(), "damaged bearer"),
            (format!("Bearer {access}="), "damaged bearer"),
            (format!("Bearer {refresh}"), "damaged bearer"),
            // Basic is canonical padded base64 of key ":" token.
            (format!("Basic {good} "), "BasicEncoding"),
            (format!("Basic {good} {good}"), "BasicEncoding"),
            (format!("Basic {}", good.replace('=', "")), "BasicEncoding"),
            (format!("Basic \"{good}\""), "BasicEncoding"),
            ("Basic YQ".to_owned(), "BasicEncoding"),
            ("Basic YTpi=".to_owned(), "BasicEncoding"),
            ("Basic YTpi====".to_owned(), "BasicEncoding"),
            ("Basic YTo=YTo=".to_owned(), "BasicEncoding"),
            ("Basic YTp=".to_owned(), "BasicEncoding"),
            ("Basic -_-_".to_owned(), "BasicEncoding"),
            (basic("no colon"), "BasicColon"),
            (basic(&key), "BasicColon"),
            (basic("jo:\0"), "BasicControl"),
            (basic("jo\n:x"), "BasicControl"),
            (basic("jo:x\x7f"), "BasicControl"),
            (basic(&format!("{key}:{keyed}\r")), "BasicControl"),
            (basic(":"), "foreign"),
            (basic("jo:secret"), "foreign"),
            (basic("jo:a:b"), "foreign"),
            (basic(&format!("jo:{access}")), "foreign"),
            (basic(&format!("{}:x", "long".repeat(4000))), "foreign"),
            (basic(&format!("{key}:{keyed}")), "basic"),
            (basic(&format!("{key}:{keyed}:")), "damaged basic"),
            (basic(&format!("{key}::{keyed}")), "damaged basic"),
            (basic(&format!("{key}:")), "damaged basic"),
            (basic(&format!("{key}:{access}")), "damaged basic"),
            (basic(&format!("{keyed}:{key}")), "damaged basic"),
            (basic(&format!("{access}:x")), "damaged basic"),
            (basic("csk_:"), "damaged basic"),
            (
                basic(&format!("{key}:{}", "x".repeat(9000))),
                "damaged basic",
            ),
            (basic(&format!("csk_{}", "x".repeat(9000))), "BasicColon"),
            (
                basic(&format!("csk_{}\0:", "x".repeat(9000))),
                "BasicControl",
            ),
            // Without a scheme: ours by its prefix alone.
            (damaged, "damaged bare"),
            (format!("{access} {access}"), "damaged bare"),
            (format!("{access},"), "damaged bare"),
            ("csa_".to_owned(), "damaged bare"),
            ("CSA_".to_owned(), "foreign"),
            (format!("\"{access}\""), "foreign"),
            (format!("Token {access}"), "foreign"),
            ("Digest username=\"jo\", realm=\"x\"".to_owned(), "foreign"),
            ("Negotiate YII=".to_owned(), "foreign"),
            ("Bearers x".to_owned(), "foreign"),
            ("eyJhbGciOi".to_owned(), "foreign"),
        ] {
            assert_eq!(
                word(&shown("authorization", &value)),
                expected,
                "{:?}",
                &value[..value.len().min(90)]
            );
        }
    }

    #[test]
    fn x_auth_is_ours_whatever_stands_in_it() {
        for value in ["", "hello", "Bearer x", "csa_", "a b"] {
            assert_eq!(word(&shown("x-auth", value)), "damaged x-auth", "{value:?}");
        }
    }

    #[test]
    fn what_may_stand_once_may_not_stand_twice() {
        let token = plain(TokenKind::Access);
        let token = token.as_bytes();
        for (fields, name) in [
            (
                [("authorization", token), ("authorization", b"Bearer")],
                "Authorization",
            ),
            ([("x-auth", token), ("x-auth", token)], "X-Auth"),
            (
                [("authorization", b"Digest x"), ("x-auth", b"")],
                "credential: Authorization and X-Auth",
            ),
            (
                [
                    ("elevated-access-token", b"x"),
                    ("elevated-access-token", b"x"),
                ],
                "Elevated-Access-Token",
            ),
        ] {
            let headers = headers(&fields);
            let doubled = Err(Malformed::Doubled(name));
            assert_eq!(read(&headers, COOKIE_NAME).map(drop), doubled);
            assert_eq!(check_alone(&headers), doubled);
        }
        assert_eq!(
            check_alone(&headers(&[("authorization", b"Basic !")])),
            Ok(())
        );
    }

    #[test]
    fn an_elevated_token_is_one_or_it_is_bad() {
        let read = |value: &str| shown("elevated-access-token", value).map(|shown| shown.elevation);
        assert!(matches!(
            read(&plain(TokenKind::Elevated)),
            Ok(ElevationField::Token(_))
        ));
        for bad in [String::new(), "x".to_owned(), plain(TokenKind::Access)] {
            assert!(matches!(read(&bad), Ok(ElevationField::Bad)), "{bad}");
        }
    }

    #[test]
    fn our_cookie_is_there_once_exactly_or_it_is_dead() {
        let token = plain(TokenKind::Browser);
        let other = plain(TokenKind::Access);
        for (cookies, expected) in [
            (vec![], "absent"),
            (vec!["a=b; c=d".to_owned()], "absent"),
            (vec![format!("{COOKIE_NAME}x={token}")], "absent"),
            (vec![format!("x{COOKIE_NAME}={token}")], "absent"),
            (vec![format!("__host-countersign={token}")], "absent"),
            (vec![format!("a=\"{COOKIE_NAME}={token}\"")], "absent"),
            (vec![format!("{COOKIE_NAME}={token}")], "token"),
            (vec![format!("a=b; {COOKIE_NAME}={token}; c=d")], "token"),
            (vec![format!("a=b;{COOKIE_NAME}={token}")], "token"),
            (
                vec!["a=b".to_owned(), format!("{COOKIE_NAME}={token}")],
                "token",
            ),
            (vec![format!("a=ä; {COOKIE_NAME}={token}")], "token"),
            (vec![format!("{COOKIE_NAME}={other}")], "dead"),
            (vec![format!("{COOKIE_NAME}=")], "dead"),
            (vec![COOKIE_NAME.to_owned()], "dead"),
            (vec![format!("{COOKIE_NAME}=\"{token}\"")], "dead"),
            (vec![format!("{COOKIE_NAME}={token} ; a=b")], "dead"),
            (vec![format!("{COOKIE_NAME} ={token}")], "dead"),
            (vec![format!("{COOKIE_NAME}= {token}")], "dead"),
            (vec![format!("a=b;  {COOKIE_NAME}={token}")], "dead"),
            (vec![format!("a=b;\t{COOKIE_NAME}={token}")], "dead"),
            (
                vec![format!("{COOKIE_NAME}={token}; {COOKIE_NAME}={token}")],
                "dead",
            ),
            (
                vec![format!("{COOKIE_NAME}={token}"), format!("{COOKIE_NAME}=")],
                "dead",
            ),
            (
                vec![format!("{COOKIE_NAME}={token}; {COOKIE_NAME}")],
                "dead",
            ),
        ] {
            let fields: Vec<_> = cookies
                .iter()
                .map(|cookie| ("cookie", cookie.as_bytes()))
                .collect();
            let found = match read(&headers(&fields), COOKIE_NAME).unwrap().cookie {
                Cookie::Absent => "absent",
                Cookie::Dead => "dead",
                Cookie::Token(_) => "token",
            };
            assert_eq!(found, expected, "{cookies:?}");
        }
    }

    #[test]
    fn no_changed_added_or_missing_byte_leaves_the_credential_the_same() {
        let access = plain(TokenKind::Access);
        for (name, value) in [
            ("authorization", format!("Bearer {access}")),
            ("authorization", format!("Basic {}", encoded(pair()))),
            ("authorization", access.clone()),
            ("x-auth", access),
        ] {
            let original = identity(&shown(name, &value)).expect("the original is good");
            for mutant in mutants(value.as_bytes()) {
                let Ok(field) = HeaderValue::from_bytes(&mutant) else {
                    continue;
                };
                let headers = std::iter::once((HeaderName::from_static(name), field)).collect();
                if same_but_for_case_and_spaces(&mutant, value.as_bytes()) {
                    continue;
                }
                let read = identity(&read(&headers, COOKIE_NAME));
                assert_ne!(
                    read,
                    Some(original),
                    "{:?} for {value:?}",
                    String::from_utf8_lossy(&mutant)
                );
            }
        }
    }

    fn identity(
        shown: &Result<Shown, Malformed>,
    ) -> Option<(AuthMethod, crate::model::token::TokenDigest)> {
        match &shown.as_ref().ok()?.authorization {
            Authorization::Credential(credential) => {
                Some((credential.method(), credential.digest()))
            }
            Authorization::Absent | Authorization::Foreign | Authorization::Damaged(_) => None,
        }
    }

    fn mutants(value: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        let changed = (0..value.len()).flat_map(move |at| {
            (0..=u8::MAX)
                .filter(move |byte| *byte != value[at])
                .map(move |byte| [&value[..at], &[byte], &value[at + 1..]].concat())
        });
        let added = (0..=value.len()).flat_map(move |at| {
            (0..=u8::MAX).map(move |byte| [&value[..at], &[byte], &value[at..]].concat())
        });
        let missing = (0..value.len()).map(move |at| [&value[..at], &value[at + 1..]].concat());
        changed.chain(added).chain(missing)
    }

    /// The two things that are lenient: the scheme's letter case, and how many spaces follow it.
    fn same_but_for_case_and_spaces(mutant: &[u8], value: &[u8]) -> bool {
        let parts = |bytes: &[u8]| {
            let at = bytes.iter().position(|byte| *byte == b' ')?;
            let spaces = bytes[at..].iter().take_while(|byte| **byte == b' ').count();
            Some((
                bytes[..at].to_ascii_lowercase(),
                bytes[at + spaces..].to_vec(),
            ))
        };
        parts(mutant).is_some() && parts(mutant) == parts(value)
    }
}
