//! A client's certificate, as far as it says whose it is. Source: RFC 5280 §4.1.2.6 and §4.2.1.6.

use std::sync::Arc;

use super::account::{Account, AccountStatus, Identifier};
use super::id::{AccountId, SessionId};
use super::principal::{LastUsed, Principal};
use super::time::Timestamp;
use super::token::{TokenDigest, TokenKind};

/// A certificate that its client proved to hold the key of, signed by whom the operator trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Whose it is.
    pub holder: Holder,
    /// Under what the cache knows it; over the whole certificate.
    pub digest: TokenDigest,
    /// From when on it is good.
    pub issued_at: Timestamp,
    /// From when on it is good no longer.
    pub expires_at: Timestamp,
}

/// How a certificate names an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// By its id.
    Id(AccountId),
    /// By its confirmed address.
    Email(Identifier),
    /// By its login name.
    Username(Identifier),
}

impl ClientCertificate {
    /// Whom it stands for, if that account is the one that it names and may log in. A certificate belongs to no session of
    /// the store and to no client, has no scopes and cannot be elevated.
    #[must_use]
    pub fn principal(&self, account: Account) -> Option<Principal> {
        let is = |own: &str, name: &Identifier| Identifier::of(own) == *name;
        let (email, username) = (&account.email, &account.username);
        let is_named = match &self.holder {
            Holder::Id(id) => account.id == *id,
            Holder::Email(name) => email.as_ref().is_some_and(|own| is(own.as_str(), name)),
            Holder::Username(name) => username.as_ref().is_some_and(|own| is(own.as_str(), name)),
        };
        if !is_named || account.status != AccountStatus::Active {
            return None;
        }
        let (session, _) = self.digest.bytes().split_first_chunk()?;
        Some(Principal {
            account: Arc::new(account),
            client: None,
            session: SessionId::from_bytes(*session),
            token: None,
            kind: TokenKind::Access,
            scopes: Arc::default(),
            issued_at: self.issued_at,
            expires_at: Some(self.expires_at),
            last_used: LastUsed::default(),
        })
    }
}
