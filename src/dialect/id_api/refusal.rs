//! Why there is no good answer, in this dialect's words: {error, message}.

use axum::response::{IntoResponse, Response};

use crate::auth::accounts::AccountError;
use crate::auth::addresses::AddressError;
use crate::auth::elevation::ElevationError;
use crate::auth::factors::FactorError;
use crate::auth::keys::KeyError;
use crate::dialect::refused::Refused;
use crate::dialect::words::{self, say};
use crate::model::policy::Denial;
use crate::store::{StoreError, Thing, Unique};

/// A refusal. One that asks for a credential leaves its [`Denial`] beside the answer, for whoever adds the challenge.
pub(super) enum Refusal {
    /// What other dialects meet too.
    Refused(words::Refusal),
    /// There is no credential, or none that is good.
    Denied(Denial),
    /// Our cookie came, and not from a page of ours.
    CrossSite,
    /// The account has a password.
    NotShadow,
    /// A code can be mailed nowhere.
    Unmailable,
    /// The code is not good.
    WrongCode,
    /// The elevated token is not good, or not there.
    NotElevated,
    /// An app for codes is set up already.
    FactorExists,
    /// No app for codes is being set up.
    NotBegun,
    /// The account has no such factor.
    NoSuchFactor,
    /// That is no name for a key.
    UnusableName,
    /// Browsers know no security keys where we are.
    KeysElsewhere,
    /// The account has as many keys as it may have.
    TooManyKeys,
    /// The key is registered already.
    KeyKnown,
    /// The answer for a new key does not hold, or is to no question of late.
    UnusableKey,
}

impl Refusal {
    /// A session or account that ended meanwhile is a credential that is no longer good.
    pub(super) fn of_store(error: StoreError) -> Self {
        match error {
            StoreError::Missing(Thing::Session | Thing::Account) => {
                Self::Denied(Denial::CredentialRejected)
            }
            StoreError::Conflict(Unique::Password) => Self::NotShadow,
            StoreError::Conflict(_)
            | StoreError::Missing(_)
            | StoreError::Corrupt(_)
            | StoreError::Unavailable(_) => error.into(),
        }
    }
}

impl IntoResponse for Refusal {
    #[rustfmt::skip]
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refusal) => refusal.into_response(),
            Self::Denied(denial) => {
                let mut response = say(401, "unauthorized", "a credential that is good is needed");
                response.extensions_mut().insert(denial);
                response
            }
            Self::CrossSite => say(403, "cross_site", "with a cookie this has to come from a page of the same origin"),
            Self::NotShadow => say(409, "password_exists", "the account has a password already"),
            Self::Unmailable => say(409, "unmailable", "the account has no confirmed e-mail address, or mail is off"),
            Self::WrongCode => say(401, "wrong_code", "that is neither the newest code of this session nor one of a second factor, or it is no longer good"),
            Self::FactorExists => say(409, "factor_exists", "an app for codes is set up already: remove it first"),
            Self::NotBegun => say(409, "not_begun", "no app for codes is being set up"),
            Self::NoSuchFactor => say(404, "no_such_factor", "the account has no such factor"),
            Self::UnusableName => say(422, "unusable_name", "a name has 1 to 200 characters and no control characters"),
            Self::KeysElsewhere => say(409, "keys_elsewhere", "security keys need a host name and https, or localhost"),
            Self::TooManyKeys => say(409, "too_many_keys", "the account has as many keys as it may have"),
            Self::KeyKnown => say(409, "key_known", "the key is registered already"),
            Self::UnusableKey => say(422, "unusable_key", "the answer does not hold, or is to no question that this session was asked of late"),
            Self::NotElevated => say(401, "not_elevated", "an elevated token of this session is needed"),
        }
    }
}

impl From<ElevationError> for Refusal {
    fn from(error: ElevationError) -> Self {
        match error {
            ElevationError::Unmailable => Self::Unmailable,
            ElevationError::WrongCode => Self::WrongCode,
            ElevationError::TooManyMails { retry_after }
            | ElevationError::TriesUsedUp { retry_after } => Refused::Throttled(retry_after).into(),
            ElevationError::Store(error) => Self::of_store(error),
        }
    }
}

impl From<FactorError> for Refusal {
    fn from(error: FactorError) -> Self {
        match error {
            FactorError::Exists => Self::FactorExists,
            FactorError::NotBegun => Self::NotBegun,
            FactorError::WrongCode => Self::WrongCode,
            FactorError::TriesUsedUp { retry_after } => Refused::Throttled(retry_after).into(),
            FactorError::Store(error) => Self::of_store(error),
        }
    }
}

impl From<AddressError> for Refusal {
    fn from(error: AddressError) -> Self {
        match error {
            AddressError::Throttled { retry_after } => Refused::Throttled(retry_after).into(),
            AddressError::Store(error) => Self::of_store(error),
        }
    }
}

impl From<KeyError> for Refusal {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Elsewhere => Self::KeysElsewhere,
            KeyError::TooMany => Self::TooManyKeys,
            KeyError::Known => Self::KeyKnown,
            KeyError::Stale | KeyError::Refused(_) => Self::UnusableKey,
            KeyError::Store(error) => Self::of_store(error),
        }
    }
}

impl From<AccountError> for Refusal {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::UnusablePassword(_) => Refused::UnusablePassword.into(),
            AccountError::Busy(busy) => Refused::Unavailable(busy.retry_after).into(),
            AccountError::Store(error) => Self::of_store(error),
            AccountError::Nameless => Refused::UnusableEmail.into(),
        }
    }
}

impl<E: Into<Refused>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Refused(error.into().into())
    }
}
