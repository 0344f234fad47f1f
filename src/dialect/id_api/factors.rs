//! The security settings: second factors, seen with any primary credential and changed beside an elevated token.
//!
//! | request, after `/api/users/@me/factors` | answer |
//! |---|---|
//! | `GET` | 200 {totp: {`confirmed_at`} or null, keys: [{id, name, `created_at`, `last_used_at`}], `recovery_codes`} |
//! | `POST /totp` | 200 {secret, uri, qr}; 409 `factor_exists` while an app is set up |
//! | `POST /totp/confirm` {code} | 204; 401 `wrong_code`; 409 `not_begun` |
//! | `DELETE /totp` | 204; 404 `no_such_factor` |
//! | `POST /recovery-codes` | 200 {codes}, ten, in the place of those before |
//! | `DELETE /recovery-codes` | 204; 404 |
//! | `POST /keys` … | a new security key: [`keys`](super::keys) |
//! | `PATCH /keys/{id}` {name} | 204; 404 |
//! | `DELETE /keys/{id}` | 204; 404 |
//!
//! `qr` is an SVG picture of `uri`. Secret and codes are shown this once. An app counts once it is confirmed; from then on,
//! and from when there are recovery codes or keys on, the account is asked for a factor at every login, and may show one in
//! the place of a mailed code. Recovery codes go with the last app or key. Adding and removing mails the account.

use axum::body::Body;
use axum::extract::Path;
use http::StatusCode;
use http::request::Parts;
use serde::Serialize;

use super::refusal::Refusal;
use super::{Answer, Calling, Speaking, action};
use crate::auth::factors::TypedCode;
use crate::dialect::body::Form;
use crate::dialect::reply::{json, nothing};
use crate::model::caption::caption;
use crate::model::factor::{Enrolled, RecoveryCode, SecurityKey};
use crate::model::id::SecurityKeyId;
use crate::pages::qr;
use crate::store::factors::Removal;

/// `GET /api/users/@me/factors`.
pub(super) async fn list(speaker: Speaking, caller: Calling, head: Parts) -> Answer {
    let principal = speaker.proof(&caller, &head).await?.principal;
    let enrolled = speaker.auth.factors.list(&principal.account.id).await?;
    Ok(json(StatusCode::OK, &Factors::of(&enrolled)))
}

/// `POST /api/users/@me/factors/totp`.
pub(super) async fn begin_totp(speaker: Speaking, caller: Calling, head: Parts) -> Answer {
    let principal = speaker.elevated(&caller, &head).await?;
    let factors = &speaker.auth.factors;
    let action = action(&principal, &caller);
    let setup = factors.begin_totp(&principal.account, &action).await?;
    let uri = setup.expose_uri();
    let setup = Setup {
        secret: setup.expose_secret(),
        qr: qr::svg(&uri, "QR code"),
        uri,
    };
    Ok(json(StatusCode::OK, &setup))
}

/// `POST /api/users/@me/factors/totp/confirm`.
pub(super) async fn confirm_totp(
    speaker: Speaking,
    caller: Calling,
    head: Parts,
    body: Body,
) -> Answer {
    let principal = speaker.elevated(&caller, &head).await?;
    let form = Form::read(&head.headers, body).await?;
    let code = TypedCode::new(form.text("code")?);
    let action = action(&principal, &caller);
    let factors = &speaker.auth.factors;
    let confirmed = factors.confirm_totp(&principal.account, &code, &action);
    confirmed.await?;
    Ok(nothing())
}

/// `DELETE /api/users/@me/factors/totp`.
pub(super) async fn remove_totp(speaker: Speaking, caller: Calling, head: Parts) -> Answer {
    remove(&speaker, &caller, &head, Removal::Totp).await
}

/// `POST /api/users/@me/factors/recovery-codes`.
pub(super) async fn make_recovery_codes(speaker: Speaking, caller: Calling, head: Parts) -> Answer {
    let principal = speaker.elevated(&caller, &head).await?;
    let action = action(&principal, &caller);
    let factors = &speaker.auth.factors;
    let codes = factors.make_recovery_codes(&principal.account, &action);
    let codes = codes.await.map_err(Refusal::of_store)?;
    let codes = Codes {
        codes: codes.iter().map(RecoveryCode::expose).collect(),
    };
    Ok(json(StatusCode::OK, &codes))
}

/// `DELETE /api/users/@me/factors/recovery-codes`.
pub(super) async fn remove_recovery_codes(
    speaker: Speaking,
    caller: Calling,
    head: Parts,
) -> Answer {
    remove(&speaker, &caller, &head, Removal::RecoveryCodes).await
}

/// `PATCH /api/users/@me/factors/keys/{id}`.
pub(super) async fn rename_key(
    speaker: Speaking,
    caller: Calling,
    Path(id): Path<String>,
    head: Parts,
    body: Body,
) -> Answer {
    let principal = speaker.elevated(&caller, &head).await?;
    let form = Form::read(&head.headers, body).await?;
    let name = caption(form.text("name")?).ok_or(Refusal::UnusableName)?;
    let id = SecurityKeyId::parse(&id).ok_or(Refusal::NoSuchFactor)?;
    let (of, action) = (&principal.account.id, action(&principal, &caller));
    let renamed = speaker
        .auth
        .factors
        .rename_key(of, &id, &name, &action)
        .await;
    renamed?.then(nothing).ok_or(Refusal::NoSuchFactor)
}

/// `DELETE /api/users/@me/factors/keys/{id}`.
pub(super) async fn remove_key(
    speaker: Speaking,
    caller: Calling,
    Path(id): Path<String>,
    head: Parts,
) -> Answer {
    let id = SecurityKeyId::parse(&id);
    let which = id.map(Removal::SecurityKey);
    remove(
        &speaker,
        &caller,
        &head,
        which.ok_or(Refusal::NoSuchFactor)?,
    )
    .await
}

async fn remove(speaker: &Speaking, caller: &Calling, head: &Parts, which: Removal) -> Answer {
    let principal = speaker.elevated(caller, head).await?;
    let factors = &speaker.auth.factors;
    let action = action(&principal, caller);
    let removed = factors.remove(&principal.account, which, &action).await;
    removed?.then(nothing).ok_or(Refusal::NoSuchFactor)
}

#[derive(Serialize)]
struct Factors {
    totp: Option<Totp>,
    keys: Vec<Key>,
    recovery_codes: u32,
}

#[derive(Serialize)]
struct Totp {
    confirmed_at: String,
}

/// A security key, as it is listed.
#[derive(Serialize)]
pub(super) struct Key {
    id: String,
    name: Box<str>,
    created_at: String,
    last_used_at: Option<String>,
}

#[derive(Serialize)]
struct Setup {
    secret: String,
    uri: String,
    qr: Option<String>,
}

#[derive(Serialize)]
struct Codes {
    codes: Vec<String>,
}

impl Factors {
    fn of(enrolled: &Enrolled) -> Self {
        let totp = enrolled.totp.as_ref();
        Self {
            totp: totp.map(|at| Totp {
                confirmed_at: at.to_string(),
            }),
            keys: enrolled.keys.iter().map(Key::of).collect(),
            recovery_codes: enrolled.recovery_codes,
        }
    }
}

impl Key {
    pub(super) fn of(key: &SecurityKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            created_at: key.created_at.to_string(),
            last_used_at: key.last_used_at.as_ref().map(ToString::to_string),
        }
    }
}
