//! Signed assertions: what the upstream is told of who is asking, so that it can check it.
//!
//! ES256 JWTs, for upstreams that others can reach too. The keys live in the store, so that every node signs with the same
//! ones; a new one is published for a while before it signs, and an old one until nothing that it signed is valid. Source:
//! contract section 4, RFC 7515, RFC 7517, RFC 7518 §3.4 and §6.2, RFC 7519 §4.1, RFC 7638.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::auth::{Forgotten, Verifier};
use crate::clock::Clock;
use crate::config::Config;
use crate::model::account::Group;
use crate::model::audit::Actor;
use crate::model::change::Subject;
use crate::model::id::RequestId;
use crate::model::principal::Identity;
use crate::model::time::Timestamp;
use crate::store::journal::SigningKey;
use crate::store::{Action, SharedStore, StoreError};

/// Signs assertions with the keys of a store.
#[derive(Debug)]
pub struct Signer {
    store: SharedStore,
    verifier: Arc<Verifier>,
    issuer: Box<str>,
    random: SystemRandom,
    keys: ArcSwap<Keys>,
}

/// No key can sign now: the store has not answered since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no key that signs assertions now")]
pub struct Unsigned;

/// The keys as they were last read, newest first.
#[derive(Debug, Default)]
struct Keys {
    all: Vec<Key>,
    published: Arc<str>,
}

#[derive(Debug)]
struct Key {
    id: Box<str>,
    pair: EcdsaKeyPair,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl Signer {
    /// A signer that has read no key yet.
    #[must_use]
    pub fn new(config: &Config, store: SharedStore, verifier: Arc<Verifier>) -> Self {
        Self {
            store,
            verifier,
            issuer: config
                .server
                .external_url
                .as_str()
                .trim_end_matches('/')
                .into(),
            random: SystemRandom::new(),
            keys: ArcSwap::from_pointee(Keys::publish(Vec::new())),
        }
    }

    /// Keeps the keys fresh until `shutdown` is true: reads them when they change, and makes one when it is time.
    pub async fn run(&self, clock: &dyn Clock, mut shutdown: watch::Receiver<bool>) {
        let mut forgotten = self.verifier.forgotten();
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = async { let _ = shutdown.wait_for(|down| *down).await; } => return,
                heard = forgotten.recv() => match heard {
                    Ok(Forgotten::Subject(Subject::SigningKeys) | Forgotten::Everything)
                    | Err(RecvError::Lagged(_)) => {}
                    Ok(Forgotten::Subject(_)) => continue,
                    Err(RecvError::Closed) => return,
                },
                _ = look.tick() => {}
            }
            if let Err(error) = self.refresh(clock.now().wall).await {
                tracing::warn!(%error, "the keys that sign assertions cannot be read");
            }
        }
    }

    /// Reads the keys, and makes a new one if the newest is old or there is none.
    ///
    /// # Errors
    /// If the store cannot answer: the keys stay as they were.
    pub async fn refresh(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut stored = self.store.signing_keys().await?;
        let renewed_before = now.before(ROTATION);
        let is_young = |key: &SigningKey| key.created_at > renewed_before;
        if !stored.iter().any(is_young) {
            let key = self.make(now)?;
            let action = Action::new(now, Actor::System, None);
            let added = self
                .store
                .add_signing_key(&key, renewed_before, &action)
                .await?;
            self.verifier.forget(&added.changes);
            stored = self.store.signing_keys().await?;
        }
        let read = stored
            .iter()
            .filter(|key| now < key.expires_at)
            .map(|key| self.read(key))
            .collect::<Result<_, _>>()?;
        self.keys.store(Arc::new(Keys::publish(read)));
        Ok(())
    }

    /// The assertion of an identity for an audience: a route's name. Allocates; one signature.
    ///
    /// # Errors
    /// If there is no key to sign with.
    pub fn sign(
        &self,
        audience: &str,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<HeaderValue, Unsigned> {
        let keys = self.keys.load();
        let key = keys.signing(now).ok_or(Unsigned)?;
        let (principal, account) = (&identity.principal, &identity.principal.account);
        let head = json!({ "alg": "ES256", "typ": "JWT", "kid": key.id });
        let mut claims = json!({
            "iss": self.issuer,
            "aud": audience,
            "sub": account.id.as_str(),
            "groups": account.groups.iter().map(Group::as_str).collect::<Vec<_>>(),
            "role": account.role.as_str(),
            "sid": principal.session.to_string(),
            "iat": now.seconds(),
            "exp": now.after(LIFE).seconds(),
            "jti": RequestId::generate().to_string(),
        });
        if let (Some(email), Some(claims)) = (&account.email, claims.as_object_mut()) {
            claims.insert("email".to_owned(), email.as_str().into());
        }
        let signed = format!(
            "{}.{}",
            encode(head.to_string()),
            encode(claims.to_string())
        );
        let signature = key
            .pair
            .sign(&self.random, signed.as_bytes())
            .map_err(|_| Unsigned)?;
        HeaderValue::try_from(format!("{signed}.{}", encode(signature))).map_err(|_| Unsigned)
    }

    /// The public keys, as `/.well-known/jwks.json` shows them.
    #[must_use]
    pub fn published(&self) -> Arc<str> {
        Arc::clone(&self.keys.load().published)
    }

    fn make(&self, now: Timestamp) -> Result<SigningKey, StoreError> {
        let failed = |_| StoreError::Unavailable("no key could be made".to_owned());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.random)
            .map_err(failed)?;
        let pair = self.pair(pkcs8.as_ref())?;
        Ok(SigningKey {
            id: thumbprint(&pair).into(),
            pkcs8: pkcs8.as_ref().into(),
            created_at: now,
            expires_at: now.after(ROTATION + PUBLISHED_AFTER),
        })
    }

    fn read(&self, key: &SigningKey) -> Result<Key, StoreError> {
        Ok(Key {
            id: key.id.clone(),
            pair: self.pair(&key.pkcs8)?,
            created_at: key.created_at,
            expires_at: key.expires_at,
        })
    }

    fn pair(&self, pkcs8: &[u8]) -> Result<EcdsaKeyPair, StoreError> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &self.random)
            .map_err(|error| StoreError::Corrupt(format!("a signing key: {error}")))
    }
}

impl Keys {
    fn publish(all: Vec<Key>) -> Self {
        let keys: Vec<_> = all
            .iter()
            .map(|key| {
                let (x, y) = coordinates(&key.pair);
                json!({
                    "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
                    "kid": key.id, "x": x, "y": y,
                })
            })
            .collect();
        Self {
            all,
            published: json!({ "keys": keys }).to_string().into(),
        }
    }

    /// The newest key that everybody had time to read, else the newest. What it signs must not outlive it.
    fn signing(&self, now: Timestamp) -> Option<&Key> {
        let lives = |key: &&Key| now.after(LIFE) < key.expires_at;
        self.all
            .iter()
            .filter(lives)
            .find(|key| key.created_at.after(READ_BEFORE) <= now)
            .or_else(|| self.all.iter().find(lives))
    }
}

/// RFC 7638 §3: the digest of the required members in lexicographic order.
fn thumbprint(pair: &EcdsaKeyPair) -> String {
    let (x, y) = coordinates(pair);
    let members = format!("{{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"{x}\",\"y\":\"{y}\"}}");
    encode(digest::digest(&digest::SHA256, members.as_bytes()))
}

/// Both coordinates of the public point, which is written as a byte that says so, x and y (SEC 1 §2.3.3).
fn coordinates(pair: &EcdsaKeyPair) -> (String, String) {
    let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
    let (x, y) = point.split_at(point.len() / 2);
    (encode(x), encode(y))
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// How long an assertion is valid.
const LIFE: Duration = Duration::from_mins(5);

/// How long a key is the newest one.
const ROTATION: Duration = Duration::from_hours(30 * 24);

/// How long a new key is published before it signs, where an older one can.
const READ_BEFORE: Duration = Duration::from_hours(1);

/// How long a key is published after a newer one was made: until that signs and nothing that this one signed is valid, with
/// something to spare for clocks.
const PUBLISHED_AFTER: Duration = Duration::from_hours(24);

/// How often the keys are looked at if nothing is heard.
const LOOK: Duration = Duration::from_mins(1);
