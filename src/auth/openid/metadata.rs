//! A provider's documents: what it says of itself, and its keys. Each is asked for when it is needed, and kept for a while;
//! when a provider changes its keys, they are asked for again, and not more often than now and then.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use serde::Deserialize;
use url::Url;

use super::OpenIdError;
use super::fetch::Fetcher;
use super::keys::KeySet;
use crate::config::connection::is_confidential;
use crate::model::time::Now;

/// The provider's documents as they were last read.
#[derive(Debug, Default)]
pub(super) struct Documents {
    metadata: ArcSwapOption<Kept<Metadata>>,
    keys: ArcSwapOption<Kept<KeySet>>,
}

/// A document, and when it was read.
#[derive(Debug)]
struct Kept<T> {
    document: Arc<T>,
    at: Duration,
}

/// What a provider says of itself. Source: OpenID Connect Discovery 1.0 §3.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    jwks_uri: Url,
    pub(super) userinfo_endpoint: Option<Url>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

impl Documents {
    /// What the provider says of itself.
    pub(super) async fn metadata(
        &self,
        fetcher: &Fetcher,
        issuer: &str,
        now: Now,
    ) -> Result<Arc<Metadata>, OpenIdError> {
        if let Some(kept) = young(&self.metadata, now, KEPT) {
            return Ok(kept);
        }
        let there = format!("{}{WELL_KNOWN}", issuer.trim_end_matches('/'));
        let there =
            Url::parse(&there).map_err(|_| OpenIdError::Unusable("its issuer is no URL"))?;
        let answer = fetcher.get(&there, None).await?;
        let metadata: Metadata = answer.document("its discovery document is not one")?;
        metadata.check(issuer)?;
        Ok(keep(&self.metadata, metadata, now))
    }

    /// The provider's keys.
    pub(super) async fn keys(
        &self,
        fetcher: &Fetcher,
        metadata: &Metadata,
        now: Now,
    ) -> Result<Arc<KeySet>, OpenIdError> {
        match young(&self.keys, now, KEPT) {
            Some(kept) => Ok(kept),
            None => self.read_keys(fetcher, metadata, now).await,
        }
    }

    /// The provider's keys, read again if that was not done a moment ago.
    pub(super) async fn newer_keys(
        &self,
        fetcher: &Fetcher,
        metadata: &Metadata,
        now: Now,
    ) -> Result<Arc<KeySet>, OpenIdError> {
        match young(&self.keys, now, MOMENT) {
            Some(kept) => Ok(kept),
            None => self.read_keys(fetcher, metadata, now).await,
        }
    }

    async fn read_keys(
        &self,
        fetcher: &Fetcher,
        metadata: &Metadata,
        now: Now,
    ) -> Result<Arc<KeySet>, OpenIdError> {
        let answer = fetcher.get(&metadata.jwks_uri, None).await?;
        let keys: KeySet = answer.document("its keys are no JSON Web Key Set")?;
        Ok(keep(&self.keys, keys, now))
    }
}

impl Metadata {
    /// Whether the client proves itself in the header, the default, or in the body.
    pub(super) fn takes_basic(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_deref();
        methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"))
    }

    /// The document is the issuer's own, and leads nowhere in the clear. Source: Discovery §4.3.
    fn check(&self, issuer: &str) -> Result<(), OpenIdError> {
        if self.issuer != issuer {
            let what = "its discovery document names another issuer than the configuration";
            return Err(OpenIdError::Unusable(what));
        }
        let named = [
            &self.authorization_endpoint,
            &self.token_endpoint,
            &self.jwks_uri,
        ];
        let mut named = named.into_iter().chain(&self.userinfo_endpoint);
        if named.all(is_confidential) {
            Ok(())
        } else {
            let what =
                "its discovery document names an address that is neither https nor on this machine";
            Err(OpenIdError::Unusable(what))
        }
    }
}

fn young<T>(kept: &ArcSwapOption<Kept<T>>, now: Now, most: Duration) -> Option<Arc<T>> {
    let kept = kept.load();
    let kept = kept.as_ref()?;
    let age = now.monotonic.saturating_sub(kept.at);
    (age < most).then(|| Arc::clone(&kept.document))
}

fn keep<T>(place: &ArcSwapOption<Kept<T>>, document: T, now: Now) -> Arc<T> {
    let document = Arc::new(document);
    place.store(Some(Arc::new(Kept {
        document: Arc::clone(&document),
        at: now.monotonic,
    })));
    document
}

const WELL_KNOWN: &str = "/.well-known/openid-configuration";
const KEPT: Duration = Duration::from_hours(1);
/// A token that no key fits cannot make us ask more often than so.
const MOMENT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(changed: &str, value: &str) -> Metadata {
        let mut document = json!({
            "issuer": "https://id.example",
            "authorization_endpoint": "https://id.example/authorize",
            "token_endpoint": "https://tokens.example/token",
            "jwks_uri": "https://id.example/keys",
            "userinfo_endpoint": "https://id.example/me",
        });
        document[changed] = json!(value);
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn a_document_is_its_issuers_own_and_leads_nowhere_in_the_clear() {
        let check = |changed, value| document(changed, value).check("https://id.example").is_ok();
        assert!(check("other", ""));
        assert!(check("token_endpoint", "http://127.0.0.1:1/token"));
        for (changed, value) in [
            ("issuer", "https://id.example/"),
            ("issuer", "https://evil.example"),
            ("authorization_endpoint", "http://id.example/authorize"),
            ("authorization_endpoint", "javascript:alert(1)"),
            ("token_endpoint", "http://tokens.example/token"),
            ("jwks_uri", "file:///etc/keys"),
            ("userinfo_endpoint", "http://id.example/me"),
        ] {
            assert!(!check(changed, value), "{changed} {value}");
        }
    }
}
