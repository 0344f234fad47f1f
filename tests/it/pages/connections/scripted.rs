//! A provider that answers whatever a test wants: its documents, and ID tokens that it signs with ES256.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::clock::{Clock, SystemClock};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::super::super::support::message::Message;
use super::super::super::support::upstream::Reply;
use super::{Upstream, parameter};

/// The provider.
pub(super) struct There {
    upstream: Upstream,
    plan: Arc<Mutex<Plan>>,
}

/// What it answers.
#[derive(Default)]
struct Plan {
    claims: Value,
    header: Option<Value>,
    /// Answers instead of the usual ones, by path.
    instead: Vec<(&'static str, Vec<u8>)>,
}

impl There {
    pub(super) async fn start() -> Self {
        let plan = Arc::new(Mutex::new(Plan::default()));
        let (planned, key) = (Arc::clone(&plan), Key::new());
        let upstream =
            Upstream::answering(move |asked| answer(asked, &planned.lock().unwrap(), &key));
        Self {
            upstream: upstream.await,
            plan,
        }
    }

    pub(super) fn issuer(&self) -> String {
        self.upstream.url()
    }

    /// Its person agrees: where the browser comes back to, with an ID token that is as it should be.
    pub(super) fn agrees(&self, url: &Url) -> Url {
        self.agrees_with(url, &json!({}))
    }

    /// The same, with other claims.
    pub(super) fn agrees_with(&self, url: &Url, changes: &Value) -> Url {
        let now = SystemClock::new().now().wall.seconds();
        let mut claims = json!({
            "iss": self.issuer(), "aud": "us", "sub": "42", "name": "Jo <i>There</i>",
            "nonce": parameter(url, "nonce"), "iat": now, "exp": now + 300,
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.plan.lock().unwrap().claims = claims;
        Self::returns(url, &[("code", "the code"), ("iss", &self.issuer())])
    }

    /// Where the browser comes back to, with these parameters beside the `state`.
    pub(super) fn returns(url: &Url, parameters: &[(&str, &str)]) -> Url {
        let mut back = Url::parse(&parameter(url, "redirect_uri")).unwrap();
        back.query_pairs_mut()
            .append_pair("state", &parameter(url, "state"))
            .extend_pairs(parameters);
        back
    }

    /// Signs the next ID tokens under another header.
    pub(super) fn signs_as(&self, header: Option<Value>) {
        self.plan.lock().unwrap().header = header;
    }

    /// Answers at a path with these bytes from now on.
    pub(super) fn says(&self, path: &'static str, reply: impl Into<Vec<u8>>) {
        self.plan.lock().unwrap().instead.push((path, reply.into()));
    }

    /// How often a path was asked for.
    pub(super) fn asked_for(&self, path: &str) -> usize {
        let requests = self.upstream.requests();
        requests.iter().filter(|asked| at(asked) == path).count()
    }

    /// The one token request so far proved that it was we who began.
    pub(super) fn was_asked_with_the_verifier_of(&self, url: &Url) {
        let requests = self.upstream.requests();
        let mut asked = requests.iter().filter(|asked| at(asked) == "/token");
        let (asked, None) = (asked.next().unwrap(), asked.next()) else {
            panic!("more than one token request")
        };
        // RFC 6749 §2.3.1: "us" and "a+secret".
        assert_eq!(asked.field("authorization"), "Basic dXM6YStzZWNyZXQ=");
        let form = Url::parse(&format!("x:?{}", asked.text())).unwrap();
        for (name, value) in [
            ("grant_type", "authorization_code"),
            ("code", "the code"),
            ("redirect_uri", &parameter(url, "redirect_uri")),
        ] {
            assert_eq!(parameter(&form, name), value);
        }
        let verifier = parameter(&form, "code_verifier");
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        assert_eq!(parameter(url, "code_challenge"), challenge);
        assert!(!url.as_str().contains(&verifier) && verifier.len() >= 43);
    }
}

fn at(asked: &Message) -> &str {
    let target = asked.line().split(' ').nth(1).unwrap();
    target.split('?').next().unwrap()
}

fn answer(asked: &Message, plan: &Plan, key: &Key) -> Reply {
    if let Some((_, bytes)) = plan
        .instead
        .iter()
        .rev()
        .find(|(path, _)| *path == at(asked))
    {
        return Reply::Bytes(bytes.clone());
    }
    let own = format!("http://{}", asked.field("host"));
    Reply::ok(
        &match at(asked) {
            "/.well-known/openid-configuration" => json!({
                "issuer": own,
                "authorization_endpoint": format!("{own}/authorize"),
                "token_endpoint": format!("{own}/token"),
                "jwks_uri": format!("{own}/keys"),
            }),
            "/keys" => json!({"keys": [key.public()]}),
            "/token" => {
                let header = plan.header.clone();
                let header = header.unwrap_or(json!({"alg": "ES256", "kid": "1"}));
                json!({"token_type": "Bearer", "id_token": key.sign(&header, &plan.claims)})
            }
            other => panic!("{other}"),
        }
        .to_string(),
    )
}

struct Key(EcdsaKeyPair);

impl Key {
    fn new() -> Self {
        let (how, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(how, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(how, pkcs8.as_ref(), &random).unwrap())
    }

    fn public(&self) -> Value {
        let point = self.0.public_key().as_ref();
        let coordinate = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "kty": "EC", "crv": "P-256", "kid": "1", "alg": "ES256", "use": "sig",
            "x": coordinate(&point[1..33]), "y": coordinate(&point[33..]),
        })
    }

    /// Without a signature if the header says so.
    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        if header["alg"] == "none" {
            return format!("{signed}.");
        }
        let signature = self
            .0
            .sign(&SystemRandom::new(), signed.as_bytes())
            .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
