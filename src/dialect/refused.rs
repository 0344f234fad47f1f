//! Why a dialect has no good answer, before it is said in any dialect's words.

use std::time::Duration;

use super::body::BadBody;
use super::shown::Unknown;
use crate::auth::issuer::{LoginError, RefreshError, RegisterError};
use crate::header::credential::Malformed;
use crate::model::factor::FactorKind;
use crate::store::StoreError;

/// Every way to be refused. A dialect has a word for each, for those that it never meets too.
#[derive(Debug)]
pub enum Refused {
    /// The body is not usable.
    Body(BadBody),
    /// The credential in the headers is malformed, or there is more than one.
    Malformed(Malformed),
    /// There is no good credential in the headers.
    NoCredential,
    /// The account and password, or the refresh token, are not good.
    Unrecognized,
    /// The password is right, and one of these is needed beside it.
    FactorMissing(Vec<FactorKind>),
    /// The password is right, and the code of the second factor is not.
    WrongFactor,
    /// There is no such client, or it is not the session's.
    UnknownClient,
    /// Nobody may register.
    RegistrationClosed,
    /// Registering needs an invitation, and there is none that is good.
    InvitationMissing,
    /// Somebody else has the address.
    EmailTaken,
    /// The address is none.
    UnusableEmail,
    /// The password is too short.
    UnusablePassword,
    /// Too many failed from there.
    Throttled(Duration),
    /// We cannot answer now.
    Unavailable(Duration),
}

impl Refused {
    /// When it is worth trying again, if time alone can help.
    #[must_use]
    pub const fn wait(&self) -> Option<Duration> {
        match self {
            Self::Throttled(wait) | Self::Unavailable(wait) => Some(*wait),
            Self::Body(_)
            | Self::Malformed(_)
            | Self::NoCredential
            | Self::Unrecognized
            | Self::FactorMissing(_)
            | Self::WrongFactor
            | Self::UnknownClient
            | Self::RegistrationClosed
            | Self::InvitationMissing
            | Self::EmailTaken
            | Self::UnusableEmail
            | Self::UnusablePassword => None,
        }
    }
}

impl From<BadBody> for Refused {
    fn from(bad: BadBody) -> Self {
        Self::Body(bad)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "a dialect's endpoint is refused");
        Self::Unavailable(STORE_WAIT)
    }
}

impl From<Unknown> for Refused {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Malformed(malformed) => Self::Malformed(malformed),
            Unknown::Store(error) => error.into(),
        }
    }
}

impl From<LoginError> for Refused {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::UnknownClient => Self::UnknownClient,
            LoginError::Unrecognized => Self::Unrecognized,
            LoginError::FactorMissing(waiting) => Self::FactorMissing(waiting.kinds().to_vec()),
            LoginError::WrongFactor => Self::WrongFactor,
            LoginError::Throttled { retry_after }
            | LoginError::FactorTriesUsedUp { retry_after } => Self::Throttled(retry_after),
            LoginError::Busy { retry_after } => Self::Unavailable(retry_after),
            LoginError::Store(error) => error.into(),
        }
    }
}

impl From<RegisterError> for Refused {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Closed => Self::RegistrationClosed,
            RegisterError::InvitationMissing => Self::InvitationMissing,
            RegisterError::UnknownClient => Self::UnknownClient,
            RegisterError::UnusableEmail(_) => Self::UnusableEmail,
            RegisterError::UnusablePassword(_) => Self::UnusablePassword,
            RegisterError::EmailTaken => Self::EmailTaken,
            RegisterError::Throttled { retry_after } => Self::Throttled(retry_after),
            RegisterError::Busy { retry_after } => Self::Unavailable(retry_after),
            RegisterError::Store(error) => error.into(),
        }
    }
}

impl From<RefreshError> for Refused {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::UnknownClient => Self::UnknownClient,
            RefreshError::Unrecognized => Self::Unrecognized,
            RefreshError::Store(error) => error.into(),
        }
    }
}

/// When it is worth trying again after the store could not answer.
pub const STORE_WAIT: Duration = Duration::from_secs(1);
