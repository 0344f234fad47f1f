//! Proving oneself again with the password, by somebody who is logged in.

use std::net::IpAddr;

use super::issuer::{Issuer, LoginError};
use super::password::{Password, Verdict};
use crate::model::account::{Account, Identifier};
use crate::model::time::Now;
use crate::store::accounts::AccountKey;

impl Issuer {
    /// Checks the password of an account. Wrong ones are counted like failed logins, apart from them: whoever holds a
    /// session must not be able to lock its owner out, nor to guess on.
    ///
    /// # Errors
    /// [`LoginError::Unrecognized`] if it is wrong or there is none, and the others of [`LoginError`].
    pub async fn check_password(
        &self,
        account: &Account,
        password: Password,
        ip: Option<IpAddr>,
        now: Now,
    ) -> Result<(), LoginError> {
        let counted = Identifier::of(&format!("account {}", account.id));
        let counted = self.throttle.begin(&counted, ip, now.monotonic)?;
        let key = AccountKey::Id(account.id.clone());
        let secret = self.store.account_secret(&key).await?;
        let hash = secret.and_then(|secret| secret.password);
        let has_one = hash.is_some();
        match self.hasher.verify(password, hash).await {
            Ok(Verdict::Match | Verdict::Outdated) if has_one => {
                counted.forgive();
                Ok(())
            }
            Ok(_) => Err(LoginError::Unrecognized),
            Err(busy) => {
                counted.forgive();
                Err(busy.into())
            }
        }
    }
}
