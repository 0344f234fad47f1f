//! Exchanging a refresh token for its successors.
//!
//! The store does the exchange in one atomic step. The successors are derived from the refresh token and a nonce that is
//! stored with its first use, so the same refresh token gets the same answer for a while, and no token is stored. Later
//! use ends the session: somebody has a copy. Source: seed 001, RFC 9700 §4.14.2.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::issuer::{Issued, Issuer};
use crate::model::audit::Actor;
use crate::model::id::ClientId;
use crate::model::session::RevocationCause;
use crate::model::time::{Now, Timestamp};
use crate::model::token::{PlainToken, RotationNonce, TokenDigest, TokenKind};
use crate::store::sessions::{NewToken, Rotated, Rotation};
use crate::store::{Action, StoreError};

/// A try to refresh a keyed pair.
#[derive(Debug)]
pub struct Refresh {
    /// The application that asks; it has to be the one that logged in.
    pub client: Option<ClientId>,
    /// The pair's key, which stays the same.
    pub key: PlainToken,
    /// The refresh token.
    pub refresh: PlainToken,
    /// From where.
    pub ip: Option<IpAddr>,
    /// How long the new keyed token is good.
    pub access_ttl: Duration,
    /// How long the new refresh token is good.
    pub refresh_ttl: Duration,
    /// How long the same refresh can be repeated.
    pub replay_window: Duration,
}

/// Why a refresh did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// There is no such client.
    #[error("there is no such client")]
    UnknownClient,
    /// The refresh token is unknown, expired, revoked, used before, or another client's.
    #[error("the refresh token is not good")]
    Unrecognized,
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The tokens that follow a refresh token.
struct Successors {
    token: PlainToken,
    refresh: PlainToken,
}

impl Issuer {
    /// Exchanges a refresh token.
    ///
    /// # Errors
    /// See [`RefreshError`].
    pub async fn refresh(&self, refresh: Refresh, now: Now) -> Result<Issued, RefreshError> {
        let refreshed = self.rotate(refresh, now).await;
        match &refreshed {
            Ok((_, outcome)) => self.metrics.count_refresh(outcome),
            // Reuse is counted where it is found.
            Err(RefreshError::UnknownClient | RefreshError::Unrecognized) => {}
            Err(RefreshError::Store(_)) => self.metrics.count_refresh("error"),
        }
        refreshed.map(|(issued, _)| issued)
    }

    async fn rotate(
        &self,
        asked: Refresh,
        now: Now,
    ) -> Result<(Issued, &'static str), RefreshError> {
        if let Some(client) = &asked.client
            && self.store.client(client).await?.is_none()
        {
            return Err(RefreshError::UnknownClient);
        }
        if asked.key.kind() != TokenKind::Key || asked.refresh.kind() != TokenKind::Refresh {
            return Err(self.unrecognized("unknown"));
        }
        let nonce = RotationNonce::generate();
        let fresh = Successors::of(&asked.refresh, &nonce);
        let rotation = asked.rotation(nonce, &fresh, now.wall);
        let action = Action::new(now.wall, Actor::Anonymous, asked.ip);
        let rotated = self.store.rotate_refresh(&rotation, &action).await?;
        self.verifier.forget(&rotated.changes);
        match rotated.value {
            Rotated::Done(_) => {
                let expires_at = Some(now.wall.after(asked.access_ttl));
                self.issued(asked.key, fresh, expires_at, "rotated").await
            }
            Rotated::Replayed {
                nonce, expires_at, ..
            } => {
                let again = Successors::of(&asked.refresh, &nonce);
                self.issued(asked.key, again, expires_at, "replayed").await
            }
            Rotated::Reused(session) => {
                tracing::warn!(%session, "a refresh token was used again; its session is ended");
                self.metrics
                    .count_revocations(RevocationCause::RefreshReused, 1);
                Err(self.unrecognized("reused"))
            }
            Rotated::Unknown => Err(self.unrecognized("unknown")),
        }
    }

    async fn issued(
        &self,
        key: PlainToken,
        successors: Successors,
        expires_at: Option<Timestamp>,
        outcome: &'static str,
    ) -> Result<(Issued, &'static str), RefreshError> {
        let digest = TokenDigest::of_pair(&key, &successors.token);
        let Some(principal) = self.store.introspect(&digest).await? else {
            // Ended since.
            return Err(self.unrecognized("unknown"));
        };
        let issued = Issued {
            account: Arc::clone(&principal.account),
            session: principal.session,
            key: Some(key),
            token: successors.token,
            refresh: Some(successors.refresh),
            expires_at,
        };
        Ok((issued, outcome))
    }

    fn unrecognized(&self, outcome: &'static str) -> RefreshError {
        self.metrics.count_refresh(outcome);
        RefreshError::Unrecognized
    }
}

impl Refresh {
    fn rotation(&self, nonce: RotationNonce, successors: &Successors, now: Timestamp) -> Rotation {
        let (access_end, refresh_end) = (now.after(self.access_ttl), now.after(self.refresh_ttl));
        Rotation {
            client: self.client.clone(),
            refresh: TokenDigest::of_pair(&self.key, &self.refresh),
            nonce,
            successors: [
                NewToken::paired(&self.key, &successors.token, now, Some(access_end)),
                NewToken::paired(&self.key, &successors.refresh, now, Some(refresh_end)),
            ],
            replay_until: now.after(self.replay_window),
        }
    }
}

impl Successors {
    fn of(refresh: &PlainToken, nonce: &RotationNonce) -> Self {
        Self {
            token: refresh.successor(nonce, TokenKind::Keyed),
            refresh: refresh.successor(nonce, TokenKind::Refresh),
        }
    }
}
