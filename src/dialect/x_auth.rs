//! Seed 003: log in with a client's GUID, an account's name and a password; get one token that lasts.
//!
//! | request | answer |
//! |---|---|
//! | `POST /auth/login` {`client_guid`, `acctname`, `acctpass`, code?} | `{meta: {code: 200}, data: {token}}` |
//! | `POST /auth/logout` with the token | `{meta: {code: 200}, data: {is_active: false, updated_at, updated_unix}}` |
//! | `GET /auth/status` with the token | `{meta: {code: 200}, data: {account, is_active, updated_at, updated_unix}}` |
//!
//! The token comes as `Authorization: <token>`, `X-Auth: <token>` or `Authorization: Bearer <token>`. Keys stand in the
//! order of the seed. The HTTP status is `meta.code`, or always 200 for old clients. `updated_at` is when the token last
//! changed: when it was made, or when it was logged out. Which of client, account and password was wrong, and whether the
//! account refuses the client, is not said: they are all "Unrecognized Credentials".
//!
//! To an account that has a second factor the login answers `{meta: {code: 401, text}, data: {error, factors}}` with the
//! error `second_factor_required`, once its password was right; factors are `totp`, `security_key`, `recovery_code`, those
//! that it has. The same request is sent once more with `code`; a wrong or used one is 401 with the error `wrong_code`, and
//! 429 after too many.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::Serialize;

use super::Mounted;
use super::body::{BadBody, Form};
use super::refused::Refused;
use super::reply::{json, retry_after};
use super::shown::principal;
use crate::auth::Auth;
use crate::auth::factors::TypedCode;
use crate::auth::issuer::{Grant, Login};
use crate::auth::password::Password;
use crate::auth::throttle::Throttle;
use crate::config::dialect::{HttpStatus, XAuth};
use crate::config::section::{self, Rate};
use crate::gateway::endpoint::Caller;
use crate::model::account::{Account, Identifier};
use crate::model::credential::AuthMethod;
use crate::model::factor::FactorKind;
use crate::model::id::ClientId;
use crate::model::principal::Principal;
use crate::model::session::Dialect;

/// The dialect, to be mounted where its configuration says. `bad_tokens` is how many tokens that are not good one network
/// may show; they are counted apart from failed logins, so that a forgotten client locks nobody out.
#[must_use]
pub fn mount(config: &XAuth, bad_tokens: Rate, auth: Arc<Auth>) -> Mounted {
    let place = &config.place;
    let speaker = Arc::new(Speaker {
        auth,
        access_ttl: config.access_ttl,
        bad_tokens: Throttle::new(&section::Throttle {
            per_account: bad_tokens,
            per_ip: bad_tokens,
        }),
    });
    let state = || Arc::clone(&speaker);
    let mut mounted = Mounted::default()
        .on(
            place,
            Method::POST,
            "/auth/login",
            post(login).with_state(state()),
        )
        .on(
            place,
            Method::POST,
            "/auth/logout",
            post(logout).with_state(state()),
        )
        .on(
            place,
            Method::GET,
            "/auth/status",
            get(status).with_state(state()),
        );
    if config.http_status == HttpStatus::Always200 {
        mounted.router = mounted.router.layer(map_response(always_200));
    }
    mounted
}

struct Speaker {
    auth: Arc<Auth>,
    access_ttl: Option<Duration>,
    bad_tokens: Throttle,
}

type Speaking = State<Arc<Speaker>>;
type Calling = Extension<Caller>;
type Answer = Result<Envelope, Refusal>;

async fn login(speaker: Speaking, caller: Calling, headers: HeaderMap, body: Body) -> Answer {
    let form = Form::read(&headers, body).await?;
    let client = ClientId::parse(form.text("client_guid")?).ok();
    let login = Login {
        dialect: Dialect::X_AUTH,
        identifier: form.text("acctname")?.to_owned(),
        password: Password::new(form.text("acctpass")?),
        code: form.optional("code")?.map(TypedCode::new),
        client: Some(client.ok_or(Refused::Unrecognized)?),
        ip: Some(caller.ip),
        language: caller.language,
        grant: Grant::Access {
            ttl: speaker.access_ttl,
        },
    };
    let issued = speaker.auth.issuer.login(login, caller.now).await?;
    Ok(Envelope::good(Data::Token {
        token: issued.token.expose().to_owned(),
    }))
}

async fn logout(speaker: Speaking, caller: Calling, headers: HeaderMap) -> Answer {
    let principal = speaker.principal(&caller, &headers).await?;
    let principal = principal.ok_or(Refused::NoCredential)?;
    let issuer = &speaker.auth.issuer;
    issuer
        .logout(&principal, Some(caller.ip), caller.now)
        .await?;
    let now = caller.now.wall;
    Ok(Envelope::good(Data::Ended {
        is_active: false,
        updated_at: now.to_string(),
        updated_unix: now.seconds(),
    }))
}

async fn status(speaker: Speaking, caller: Calling, headers: HeaderMap) -> Answer {
    let principal = speaker.principal(&caller, &headers).await?;
    let data = principal.map_or_else(Data::inactive, |principal| Data::active(&principal));
    Ok(Envelope::good(data))
}

impl Speaker {
    /// Whom the token in the headers stands for; `None` if it is not good, as often as that may happen.
    async fn principal(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
    ) -> Result<Option<Arc<Principal>>, Refused> {
        let principal = principal(&self.auth, caller, headers, &FORMS).await?;
        if principal.is_none() {
            let nobody = Identifier::of("");
            let counted = self
                .bad_tokens
                .begin(&nobody, Some(caller.ip), caller.now.monotonic);
            counted
                .map(drop)
                .map_err(|limited| Refused::Throttled(limited.retry_after))?;
        }
        Ok(principal)
    }
}

#[derive(Serialize)]
struct Envelope {
    meta: Meta,
    data: Data,
}

#[derive(Serialize)]
struct Meta {
    code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<bool>,
}

impl Envelope {
    const fn good(data: Data) -> Self {
        Self {
            meta: Meta::of(200),
            data,
        }
    }

    fn factor_missing(kinds: &[FactorKind]) -> Self {
        let factors = kinds.iter().map(|kind| kind.as_str()).collect();
        Self::factor(
            "Second Factor Required",
            "second_factor_required",
            Some(factors),
        )
    }

    fn wrong_factor() -> Self {
        Self::factor("Wrong Code", "wrong_code", None)
    }

    fn factor(text: &'static str, error: &'static str, factors: Option<Vec<&'static str>>) -> Self {
        Self {
            meta: Meta {
                text: Some(text.into()),
                ..Meta::of(401)
            },
            data: Data::Factor { error, factors },
        }
    }

    /// What the seed shows for a token that is not good.
    fn invalid() -> Self {
        Self {
            meta: Meta {
                more: Some(false),
                ..Meta::of(403)
            },
            data: Data::Text("Invalid Authentication Supplied"),
        }
    }
}

impl IntoResponse for Envelope {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.meta.code).unwrap_or_default();
        let mut response = json(status, &self);
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl Meta {
    const fn of(code: u16) -> Self {
        Self {
            code,
            text: None,
            more: None,
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data {
    Token {
        token: String,
    },
    Ended {
        is_active: bool,
        updated_at: String,
        updated_unix: i64,
    },
    Status {
        account: Box<OrFalse<AccountObject>>,
        is_active: bool,
        updated_at: OrFalse<String>,
        updated_unix: OrFalse<i64>,
    },
    Factor {
        error: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        factors: Option<Vec<&'static str>>,
    },
    Text(&'static str),
    Nothing(bool),
}

/// A value where there is one, `false` where there is none: what the seed writes instead of `null`.
#[derive(Serialize)]
#[serde(untagged)]
enum OrFalse<T> {
    There(T),
    Not(bool),
}

#[derive(Serialize)]
struct AccountObject {
    id: String,
    email: Option<String>,
    name: Option<Box<str>>,
    role: String,
    created_at: String,
}

impl Data {
    fn active(principal: &Principal) -> Self {
        Self::Status {
            account: Box::new(OrFalse::There(AccountObject::of(&principal.account))),
            is_active: true,
            updated_at: OrFalse::There(principal.issued_at.to_string()),
            updated_unix: OrFalse::There(principal.issued_at.seconds()),
        }
    }

    fn inactive() -> Self {
        Self::Status {
            account: Box::new(OrFalse::Not(false)),
            is_active: false,
            updated_at: OrFalse::Not(false),
            updated_unix: OrFalse::Not(false),
        }
    }
}

impl AccountObject {
    fn of(account: &Account) -> Self {
        Self {
            id: account.id.to_string(),
            email: account.email.as_ref().map(ToString::to_string),
            name: account.name.clone(),
            role: account.role.to_string(),
            created_at: account.created_at.to_string(),
        }
    }
}

/// A refusal in this dialect's words.
struct Refusal(Refused);

impl Refusal {
    fn envelope(&self) -> Envelope {
        let (code, text) = match &self.0 {
            Refused::NoCredential => return Envelope::invalid(),
            Refused::FactorMissing(kinds) => return Envelope::factor_missing(kinds),
            Refused::WrongFactor => return Envelope::wrong_factor(),
            Refused::Body(BadBody::TooLarge) => (413, BadBody::TooLarge.to_string().into()),
            Refused::Body(bad) => (400, bad.to_string().into()),
            Refused::Malformed(malformed) => (400, malformed.to_string().into()),
            Refused::Unrecognized
            | Refused::UnknownClient
            | Refused::RegistrationClosed
            | Refused::InvitationMissing
            | Refused::EmailTaken
            | Refused::UnusableEmail
            | Refused::UnusablePassword => (404, Cow::Borrowed("Unrecognized Credentials")),
            Refused::Throttled(_) => (429, "Too many failed attempts, try again later".into()),
            Refused::Unavailable(_) => (503, "No answer is possible now, try again later".into()),
        };
        Envelope {
            meta: Meta {
                text: Some(text),
                ..Meta::of(code)
            },
            data: Data::Nothing(false),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        retry_after(self.envelope().into_response(), self.0.wait())
    }
}

impl<E: Into<Refused>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

async fn always_200(mut response: Response) -> Response {
    *response.status_mut() = StatusCode::OK;
    response
}

/// How the token may come.
const FORMS: [AuthMethod; 3] = [AuthMethod::Bare, AuthMethod::XAuth, AuthMethod::Bearer];
