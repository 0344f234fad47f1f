//! Whom an OpenID provider knows somebody as: the authorization code flow, from our side.
//!
//! ```text
//! authorization_url ──the browser goes there and comes back with a code──▶ identify
//!     discovery document                     token request ▶ ID token checked ▶ who it is
//! ```
//!
//! What a provider sends is believed only after its signature and its claims were checked ([`id_token`](self)); what it
//! sends is small, comes in time, and from no other address than its own document names: no redirect is followed. A
//! provider that is down is a reason that a page can say, and nothing waits for it but the request that needs it, of which
//! there are a few at a time.
//!
//! Knows nothing of accounts here, sessions and pages. Source: OpenID Connect Core 1.0 §3.1, OpenID Connect Discovery 1.0
//! §4, RFC 6749 §4.1, RFC 7636, RFC 9207, RFC 9700.

mod attempt;
mod fetch;
mod id_token;
mod keys;
mod metadata;

use std::collections::BTreeMap;

use serde::Deserialize;
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

pub use attempt::Attempt;
pub use fetch::FetchError;
use fetch::Fetcher;
pub use id_token::Unbelievable;
use id_token::{Claims, Expected};
use metadata::{Documents, Metadata};

use crate::config::Config;
use crate::config::connection;
use crate::model::time::Now;

/// Every provider of a configuration.
#[derive(Debug)]
pub struct Providers(BTreeMap<Box<str>, Provider>);

/// One provider, and what is remembered of its documents.
#[derive(Debug)]
pub struct Provider {
    config: connection::Provider,
    redirect_uri: Url,
    fetcher: Fetcher,
    documents: Documents,
    asking: Semaphore,
}

/// Who somebody is at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What the provider calls them, for good.
    pub id: Box<str>,
    /// What people know them by, if the provider says.
    pub name: Option<Box<str>>,
}

/// Why a provider did not say who somebody is.
#[derive(Debug, thiserror::Error)]
pub enum OpenIdError {
    /// It does not answer, or not in time, or others already wait for it.
    #[error("the provider does not answer: {0}")]
    Unreachable(#[source] FetchError),
    /// As many requests to it are under way as may be.
    #[error("too many people are asking the provider at once")]
    Busy,
    /// It answered and does not take the code.
    #[error("the provider refuses: {0}")]
    Refused(Box<str>),
    /// What it answered is not what the specification asks for.
    #[error("the provider's answer is not usable: {0}")]
    Unusable(&'static str),
    /// The ID token is not to be believed.
    #[error("the ID token is not believed: {0}")]
    Unbelievable(#[from] Unbelievable),
}

impl Providers {
    /// The configuration's providers. Asks nobody anything.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let one = |provider: &connection::Provider| Provider {
            redirect_uri: redirect_uri(&config.server.external_url, &provider.name),
            fetcher: Fetcher::new(provider.authorities.as_ref()),
            config: provider.clone(),
            documents: Documents::default(),
            asking: Semaphore::new(AT_ONCE),
        };
        let providers = config.connections.iter();
        Self(
            providers
                .map(|(name, it)| (name.clone(), one(it)))
                .collect(),
        )
    }

    /// The provider of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Provider> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.values()
    }
}

impl Provider {
    /// What its accounts are listed under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// What people read.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.config.label
    }

    /// Whether an answer that names its issuer is from this provider: against one provider that passes off another's
    /// answer as its own. Source: RFC 9207 §2.4.
    #[must_use]
    pub fn is_issuer(&self, named: &str) -> bool {
        *self.config.issuer == *named
    }

    /// Where a browser is sent to begin.
    ///
    /// # Errors
    /// If the provider's document cannot be had.
    pub async fn authorization_url(&self, attempt: &Attempt, now: Now) -> Result<Url, OpenIdError> {
        let _turn = self.turn()?;
        let metadata = self.metadata(now).await?;
        let mut url = metadata.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.config.client_id)
            .append_pair("redirect_uri", self.redirect_uri.as_str())
            .append_pair("scope", &self.config.scopes.join(" "))
            .append_pair("state", attempt.state())
            .append_pair("nonce", attempt.nonce())
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Exchanges a code for who it was given to.
    ///
    /// # Errors
    /// See [`OpenIdError`]. The code is used up, whatever comes of it.
    pub async fn identify(
        &self,
        code: &str,
        attempt: &Attempt,
        now: Now,
    ) -> Result<Subject, OpenIdError> {
        let _turn = self.turn()?;
        let metadata = self.metadata(now).await?;
        let tokens = self.exchange(&metadata, code, attempt).await?;
        let claims = self
            .believed(&metadata, &tokens.id_token, attempt, now)
            .await?;
        let name = match (claims.display_name(), &tokens.access_token) {
            (None, Some(access_token)) => self.asked_name(&metadata, access_token, &claims).await,
            (name, _) => name,
        };
        Ok(Subject {
            id: claims.sub,
            name,
        })
    }

    async fn exchange(
        &self,
        metadata: &Metadata,
        code: &str,
        attempt: &Attempt,
    ) -> Result<Tokens, OpenIdError> {
        let config = &self.config;
        let (id, secret) = (&*config.client_id, config.client_secret.expose());
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("code_verifier", attempt.verifier()),
        ];
        let basic = metadata.takes_basic().then(|| fetch::basic(id, secret));
        if basic.is_none() {
            fields.extend([("client_id", id), ("client_secret", secret)]);
        }
        let (form, url) = (fetch::form(&fields), &metadata.token_endpoint);
        let answer = self.fetcher.post(url, basic.as_deref(), form).await?;
        if answer.status.is_success() {
            return answer.json("the token endpoint's answer is not JSON with an ID token");
        }
        Err(OpenIdError::Refused(answer.error_code()))
    }

    /// Checks an ID token, with keys that are asked for once more if none of the known ones fits.
    async fn believed(
        &self,
        metadata: &Metadata,
        id_token: &str,
        attempt: &Attempt,
        now: Now,
    ) -> Result<Claims, OpenIdError> {
        let expected = Expected {
            issuer: &self.config.issuer,
            client_id: &self.config.client_id,
            nonce: attempt.nonce(),
            now: now.wall,
        };
        let known = self.documents.keys(&self.fetcher, metadata, now).await?;
        match id_token::check(id_token, &known, &expected) {
            Err(Unbelievable::UnknownKey) => {
                let fresh = self.documents.newer_keys(&self.fetcher, metadata, now);
                Ok(id_token::check(id_token, &*fresh.await?, &expected)?)
            }
            checked => Ok(checked?),
        }
    }

    /// The name that the userinfo endpoint gives; nothing depends on it, so no failure counts. Source: OpenID Connect Core
    /// §5.3.2, whose `sub` must be the ID token's.
    async fn asked_name(
        &self,
        metadata: &Metadata,
        access_token: &str,
        claims: &Claims,
    ) -> Option<Box<str>> {
        let url = metadata.userinfo_endpoint.as_ref()?;
        let bearer = format!("Bearer {access_token}");
        let answer = self.fetcher.get(url, Some(&bearer)).await.ok()?;
        let asked: Claims = answer.json("not JSON").ok()?;
        (asked.sub == claims.sub).then(|| asked.display_name())?
    }

    async fn metadata(&self, now: Now) -> Result<std::sync::Arc<Metadata>, OpenIdError> {
        let issuer = &self.config.issuer;
        self.documents.metadata(&self.fetcher, issuer, now).await
    }

    fn turn(&self) -> Result<SemaphorePermit<'_>, OpenIdError> {
        self.asking.try_acquire().map_err(|_| OpenIdError::Busy)
    }
}

impl From<FetchError> for OpenIdError {
    fn from(error: FetchError) -> Self {
        Self::Unreachable(error)
    }
}

/// The path below which a provider sends people back; its name is the last segment, so that each has an address of its own
/// (RFC 9700 §4.4.2.2).
pub const CALLBACK_PATH: &str = "/_countersign/connected/";

/// Where a provider sends people back to; to be registered there.
#[must_use]
pub fn redirect_uri(external_url: &Url, name: &str) -> Url {
    let mut url = external_url.clone();
    url.set_path(&format!("{CALLBACK_PATH}{name}"));
    url
}

/// What the token endpoint answers. Never shown.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

/// Requests to one provider at once.
const AT_ONCE: usize = 16;
