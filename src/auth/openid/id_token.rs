//! ID tokens: what is checked before one is believed. Source: OpenID Connect Core 1.0 §3.1.3.7, RFC 7515, RFC 7519,
//! RFC 8725.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Number;

use super::keys::{Algorithm, KeySet};
use crate::model::time::Timestamp;
use crate::model::token::TokenDigest;

/// What a token has to say to be for us, now.
#[derive(Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: Timestamp,
}

/// What a provider says of somebody, in an ID token or at its userinfo endpoint.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: Box<str>,
    name: Option<serde_json::Value>,
    preferred_username: Option<serde_json::Value>,
    email: Option<serde_json::Value>,
}

/// Why an ID token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unbelievable {
    /// It is not three parts of base64url with JSON in them.
    #[error("it is no signed token")]
    Malformed,
    /// It is signed with something else than RS256 or ES256, or with nothing.
    #[error("it is not signed with RS256 or ES256")]
    Algorithm,
    /// The provider has no such key, or it is not clear which is meant.
    #[error("the provider has no such key")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("its signature is wrong")]
    Signature,
    /// Another issuer made it.
    #[error("another issuer made it")]
    Issuer,
    /// It is for somebody else, or for others too.
    #[error("it is not for us alone")]
    Audience,
    /// It is no longer good.
    #[error("it has expired")]
    Expired,
    /// It was made in the future, or long ago.
    #[error("it was not made just now")]
    Stale,
    /// It answers another attempt.
    #[error("it answers another attempt")]
    Nonce,
    /// It does not say who it is about, or in more than 255 characters.
    #[error("it has no usable subject")]
    Subject,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that have to be understood, of which we understand none.
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Stated {
    iss: String,
    aud: OneOrMore,
    azp: Option<String>,
    exp: Number,
    iat: Number,
    nbf: Option<Number>,
    nonce: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// Checks a token: the signature first, so that nothing else of it is looked at before.
///
/// # Errors
/// See [`Unbelievable`].
pub(super) fn check(
    token: &str,
    keys: &KeySet,
    expected: &Expected<'_>,
) -> Result<Claims, Unbelievable> {
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Unbelievable::Malformed);
    };
    let signed = token.get(..header.len() + 1 + claims.len());
    let signed = signed.ok_or(Unbelievable::Malformed)?;
    let signature = decode(signature)?;
    let header: Header = read(header)?;
    let algorithm = Algorithm::named(&header.alg).ok_or(Unbelievable::Algorithm)?;
    if header.crit.is_some() {
        return Err(Unbelievable::Malformed);
    }
    match keys.verify(
        algorithm,
        header.kid.as_deref(),
        signed.as_bytes(),
        &signature,
    ) {
        Ok(true) => {}
        Ok(false) => return Err(Unbelievable::Signature),
        Err(_) => return Err(Unbelievable::UnknownKey),
    }
    read::<Stated>(claims)?.check(expected)?;
    let claims: Claims = read(claims)?;
    let fits = (1..=255).contains(&claims.sub.len())
        && claims.sub.bytes().all(|b| (b' '..=b'~').contains(&b));
    if fits {
        Ok(claims)
    } else {
        Err(Unbelievable::Subject)
    }
}

impl Stated {
    fn check(&self, expected: &Expected<'_>) -> Result<(), Unbelievable> {
        if self.iss != expected.issuer {
            return Err(Unbelievable::Issuer);
        }
        if !self.is_for(expected.client_id) {
            return Err(Unbelievable::Audience);
        }
        let now = expected.now;
        if at(&self.exp)?.after(SKEW) <= now {
            return Err(Unbelievable::Expired);
        }
        let not_before = self.nbf.as_ref().map(at).transpose()?;
        let made = at(&self.iat)?;
        let is_early = |time: Timestamp| time > now.after(SKEW);
        if is_early(made) || not_before.is_some_and(is_early) || made.after(OLDEST) < now {
            return Err(Unbelievable::Stale);
        }
        let digest = |text: &str| TokenDigest::of_text("compare", &[text]);
        let nonce = self.nonce.as_deref().ok_or(Unbelievable::Nonce)?;
        if digest(nonce).matches(&digest(expected.nonce)) {
            Ok(())
        } else {
            Err(Unbelievable::Nonce)
        }
    }

    /// Among several audiences we have to be the one that it was made for; one that nobody says it was made for among
    /// several is nobody's.
    fn is_for(&self, client_id: &str) -> bool {
        let (is_named, is_alone) = match &self.aud {
            OneOrMore::One(one) => (one == client_id, true),
            OneOrMore::More(all) => (all.iter().any(|one| one == client_id), all.len() == 1),
        };
        match &self.azp {
            Some(party) => is_named && party == client_id,
            None => is_named && is_alone,
        }
    }
}

impl Claims {
    /// What people know them by, as one line.
    pub(super) fn display_name(&self) -> Option<Box<str>> {
        [&self.name, &self.preferred_username, &self.email]
            .into_iter()
            .filter_map(|claim| claim.as_ref()?.as_str())
            .map(|text| {
                let line = text.chars().filter(|c| !c.is_control()).take(LONGEST_NAME);
                line.collect::<String>().trim().to_owned()
            })
            .find(|line| !line.is_empty())
            .map(Into::into)
    }
}

fn read<T: DeserializeOwned>(part: &str) -> Result<T, Unbelievable> {
    serde_json::from_slice(&decode(part)?).map_err(|_| Unbelievable::Malformed)
}

fn decode(part: &str) -> Result<Vec<u8>, Unbelievable> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| Unbelievable::Malformed)
}

/// A time in seconds, which some write with a fraction.
fn at(seconds: &Number) -> Result<Timestamp, Unbelievable> {
    let whole = seconds.as_i64().or_else(|| {
        let text = seconds.to_string();
        let (whole, _) = text.split_once('.')?;
        whole.parse().ok()
    });
    whole
        .map(Timestamp::from_seconds)
        .ok_or(Unbelievable::Malformed)
}

/// How far the provider's clock may be from ours.
const SKEW: Duration = Duration::from_mins(1);
/// How long ago a token may have been made that we were given a moment ago.
const OLDEST: Duration = Duration::from_mins(10);
const LONGEST_NAME: usize = 200;

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_800_000_000;

    struct Signer {
        pair: EcdsaKeyPair,
        random: SystemRandom,
    }

    impl Signer {
        fn new() -> Self {
            let random = SystemRandom::new();
            let how = &ECDSA_P256_SHA256_FIXED_SIGNING;
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(how, &random).unwrap();
            Self {
                pair: EcdsaKeyPair::from_pkcs8(how, pkcs8.as_ref(), &random).unwrap(),
                random,
            }
        }

        fn key(&self, id: &str) -> Value {
            let point = self.pair.public_key().as_ref();
            json!({
                "kty": "EC", "crv": "P-256", "kid": id, "use": "sig",
                "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]),
            })
        }

        fn sign(&self, header: &Value, claims: &Value) -> String {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let signed = format!("{}.{}", part(header), part(claims));
            let signature = self.pair.sign(&self.random, signed.as_bytes()).unwrap();
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
        }
    }

    fn keys(keys: &[Value]) -> KeySet {
        serde_json::from_value(json!({ "keys": keys })).unwrap()
    }

    fn claims(changes: &Value) -> Value {
        let mut claims = json!({
            "iss": "https://id.example", "aud": "us", "sub": "42", "nonce": "n",
            "exp": NOW + 300, "iat": NOW, "name": "Jo\u{7}",
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    fn checked(token: &str, keys: &KeySet) -> Result<Claims, Unbelievable> {
        let expected = Expected {
            issuer: "https://id.example",
            client_id: "us",
            nonce: "n",
            now: Timestamp::from_seconds(NOW),
        };
        check(token, keys, &expected)
    }

    #[test]
    fn a_token_is_believed_if_every_claim_is_as_it_should_be() {
        use Unbelievable::*;
        let issuer = Signer::new();
        let keys = keys(&[issuer.key("1")]);
        for (changes, verdict) in [
            (json!({}), Ok(())),
            (json!({"aud": ["us"]}), Ok(())),
            (json!({"azp": "us"}), Ok(())),
            (json!({"aud": ["us", "them"], "azp": "us"}), Ok(())),
            (json!({"aud": ["us", "them"]}), Err(Audience)),
            (json!({"aud": ["us", "them"], "azp": "them"}), Err(Audience)),
            (json!({"azp": "them"}), Err(Audience)),
            (json!({"aud": "them"}), Err(Audience)),
            (json!({"aud": "them", "azp": "us"}), Err(Audience)),
            (json!({"aud": []}), Err(Audience)),
            (json!({"aud": "us "}), Err(Audience)),
            (json!({"aud": null}), Err(Malformed)),
            (json!({"iss": "https://id.example/"}), Err(Issuer)),
            (json!({"iss": "https://evil.example"}), Err(Issuer)),
            (json!({"exp": NOW - 59}), Ok(())),
            (json!({"exp": NOW - 60}), Err(Expired)),
            (json!({"exp": 0}), Err(Expired)),
            (json!({"exp": null}), Err(Malformed)),
            (json!({"exp": "9999999999"}), Err(Malformed)),
            (json!({"exp": 1_800_000_001.5}), Ok(())),
            (json!({"iat": NOW + 60}), Ok(())),
            (json!({"iat": NOW + 61}), Err(Stale)),
            (json!({"iat": NOW - 600}), Ok(())),
            (json!({"iat": NOW - 601}), Err(Stale)),
            (json!({"iat": null}), Err(Malformed)),
            (json!({"nbf": NOW + 61}), Err(Stale)),
            (json!({"nonce": "m"}), Err(Nonce)),
            (json!({"nonce": ""}), Err(Nonce)),
            (json!({"nonce": null}), Err(Nonce)),
            (json!({"sub": ""}), Err(Subject)),
            (json!({"sub": "x".repeat(256)}), Err(Subject)),
            (json!({"sub": "a\r\nb"}), Err(Subject)),
            (json!({"sub": "ä"}), Err(Subject)),
            (json!({"sub": 42}), Err(Malformed)),
        ] {
            let token = issuer.sign(&json!({"alg": "ES256", "kid": "1"}), &claims(&changes));
            let checked = checked(&token, &keys).map(drop);
            assert_eq!(checked, verdict, "{changes}");
        }
    }

    #[test]
    fn a_signature_is_made_by_the_key_that_is_meant_and_by_nothing_else() {
        use Unbelievable::*;
        let (issuer, other) = (Signer::new(), Signer::new());
        let (own, others) = (issuer.key("1"), other.key("2"));
        let mut for_encryption = own.clone();
        for_encryption["use"] = json!("enc");
        let mut for_another = own.clone();
        for_another["alg"] = json!("ES384");
        let both = [&own, &others];
        for (algorithm, id, known, verdict) in [
            ("ES256", Some("1"), &both[..], Ok(())),
            ("ES256", None, &[&own], Ok(())),
            ("ES256", None, &both, Err(UnknownKey)),
            ("ES256", Some("2"), &both, Err(Signature)),
            ("ES256", Some("3"), &both, Err(UnknownKey)),
            ("ES256", Some("1"), &[&own, &own], Err(UnknownKey)),
            ("ES256", Some("1"), &[], Err(UnknownKey)),
            ("ES256", Some("1"), &[&for_encryption], Err(UnknownKey)),
            ("ES256", Some("1"), &[&for_another], Err(UnknownKey)),
            ("RS256", Some("1"), &both, Err(UnknownKey)),
            ("none", Some("1"), &both, Err(Algorithm)),
            ("HS256", Some("1"), &both, Err(Algorithm)),
            ("es256", Some("1"), &both, Err(Algorithm)),
        ] {
            let header = json!({"alg": algorithm, "kid": id});
            let token = issuer.sign(&header, &claims(&json!({})));
            let known: Vec<Value> = known.iter().copied().cloned().collect();
            let checked = checked(&token, &keys(&known)).map(drop);
            assert_eq!(checked, verdict, "{header} {known:?}");
        }
        for header in [
            json!({"kid": "1"}),
            json!({"alg": "ES256", "kid": "1", "crit": ["b64"]}),
        ] {
            let token = issuer.sign(&header, &claims(&json!({})));
            let checked = checked(&token, &keys(std::slice::from_ref(&own))).map(drop);
            assert_eq!(checked, Err(Malformed), "{header}");
        }
    }

    #[test]
    fn what_is_not_three_whole_parts_is_no_token() {
        let issuer = Signer::new();
        let keys = keys(&[issuer.key("1")]);
        let good = issuer.sign(&json!({"alg": "ES256"}), &claims(&json!({})));
        assert!(checked(&good, &keys).is_ok());
        let [header, body, signature] = good.split('.').collect::<Vec<_>>()[..] else {
            panic!("{good}")
        };
        let unsigned = URL_SAFE_NO_PAD.encode(json!({"alg": "none"}).to_string());
        for bad in [
            String::new(),
            "..".to_owned(),
            format!("{header}.{body}"),
            format!("{header}.{body}."),
            format!("{unsigned}.{body}."),
            format!("{header}.{body}.{signature}."),
            format!("{header}.{body}.{signature}="),
            format!("{header}.{body}.{}", &signature[1..]),
            format!(" {good}"),
            format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode("{}")),
        ] {
            assert!(checked(&bad, &keys).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_is_one_line_of_what_the_provider_has() {
        for (given, name) in [
            (json!({"sub": "1"}), None),
            (
                json!({"sub": "1", "name": "Jo\r\nBcc: x"}),
                Some("JoBcc: x"),
            ),
            (
                json!({"sub": "1", "name": " ", "preferred_username": "jo"}),
                Some("jo"),
            ),
            (
                json!({"sub": "1", "name": 7, "email": "jo@example.org"}),
                Some("jo@example.org"),
            ),
        ] {
            let claims: Claims = serde_json::from_value(given).unwrap();
            assert_eq!(claims.display_name().as_deref(), name);
        }
    }

    #[test]
    fn an_rsa_signature_is_checked_as_the_specification_has_it() {
        // RFC 7515, appendix A.2.
        let key = json!({
            "kty": "RSA", "e": "AQAB",
            "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR\
                  T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQ\
                  OS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8\
                  q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
        });
        let keys = keys(&[key]);
        let signed = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
        let signature = decode(signature).unwrap();
        let verify =
            |message: &str| keys.verify(Algorithm::Rs256, None, message.as_bytes(), &signature);
        assert_eq!(verify(signed), Ok(true));
        assert_eq!(verify(&signed.replace("eyJhbGci", "eyJhbGcj")), Ok(false));
    }
}
