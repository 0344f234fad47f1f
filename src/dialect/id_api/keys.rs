//! Security keys: the two ceremonies of WebAuthn.
//!
//! | request | answer |
//! |---|---|
//! | `POST /api/users/@me/factors/keys/options` | 200 creation options; 409 `keys_elsewhere`, `too_many_keys` |
//! | `POST /api/users/@me/factors/keys` {name, credential} | 201 {id, name, `created_at`, `last_used_at`}; 409 `key_known`; 422 `unusable_key` |
//! | `POST /api/eat/key-options` | 200 request options; 404 `no_such_factor` |
//! | `POST /api/eat/verify-key` {credential} | as `verify-code` |
//!
//! Options are what `PublicKeyCredential.parseCreationOptionsFromJSON` and `parseRequestOptionsFromJSON` take; `credential`
//! is the text of what `toJSON` gives. A question is answered once, within five minutes and by the session that was asked.
//! The first two want an elevated token. Keys are listed, renamed and removed as [`factors`](super::factors) says.

use axum::body::Body;
use http::StatusCode;
use http::request::Parts;

use super::factors::Key;
use super::refusal::Refusal;
use super::rows::Exchanged;
use super::{Answer, Calling, Speaking, action};
use crate::auth::keys::Registering;
use crate::dialect::body::Form;
use crate::dialect::reply::json;
use crate::model::caption::caption;

/// `POST /api/users/@me/factors/keys/options`.
pub(super) async fn ask_for_key(speaker: Speaking, caller: Calling, head: Parts) -> Answer {
    let principal = speaker.elevated(&caller, &head).await?;
    let action = action(&principal, &caller);
    let factors = &speaker.auth.factors;
    let options = factors.ask_for_key(&principal.account, principal.session, &action);
    Ok(json(StatusCode::OK, &options.await?))
}

/// `POST /api/users/@me/factors/keys`.
pub(super) async fn add_key(speaker: Speaking, caller: Calling, head: Parts, body: Body) -> Answer {
    let principal = speaker.elevated(&caller, &head).await?;
    let form = Form::read(&head.headers, body).await?;
    let name = caption(form.text("name")?).ok_or(Refusal::UnusableName)?;
    let new = Registering {
        account: &principal.account,
        session: principal.session,
        name: &name,
        answer: form.text("credential")?,
    };
    let action = action(&principal, &caller);
    let added = speaker.auth.factors.add_key(new, &action).await?;
    Ok(json(StatusCode::CREATED, &Key::of(&added)))
}

/// `POST /api/eat/key-options`.
pub(super) async fn ask_to_sign(speaker: Speaking, caller: Calling, head: Parts) -> Answer {
    let principal = speaker.proof(&caller, &head).await?.principal;
    let asked = (caller.now.wall, Some(caller.ip));
    let options = speaker.auth.elevator.ask_key(&principal, asked).await;
    let options = options.map_err(Refusal::of_store)?;
    let options = options.ok_or(Refusal::NoSuchFactor)?;
    Ok(json(StatusCode::OK, &options))
}

/// `POST /api/eat/verify-key`.
pub(super) async fn verify_key(
    speaker: Speaking,
    caller: Calling,
    head: Parts,
    body: Body,
) -> Answer {
    let principal = speaker.proof(&caller, &head).await?.principal;
    let form = Form::read(&head.headers, body).await?;
    let (ttl, asked) = (
        speaker.config.elevated_ttl,
        (caller.now.wall, Some(caller.ip)),
    );
    let elevator = &speaker.auth.elevator;
    let elevated = elevator.verify_key(&principal, form.text("credential")?, ttl, asked);
    Ok(json(
        StatusCode::OK,
        &Exchanged::of(&elevated.await?, &principal),
    ))
}
