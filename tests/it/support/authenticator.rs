//! A security key in software, and the browser that it is plugged into: makes keys and signs as WebAuthn says, and lets a
//! test spoil any part before it is signed or sent.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciborium::Value;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::{Value as Json, json};

/// One credential of a key.
pub(crate) struct Authenticator {
    pair: Pair,
    pub(crate) id: Vec<u8>,
    /// How often it has signed.
    pub(crate) count: u32,
}

enum Pair {
    Es256(Box<EcdsaKeyPair>),
    EdDsa(Ed25519KeyPair),
}

/// What goes into an answer, each part to be spoilt.
pub(crate) struct Parts {
    /// `clientDataJSON` before it is written.
    pub(crate) client: Json,
    /// The relying party's id, of which `authData` has the digest.
    pub(crate) site: String,
    pub(crate) flags: u8,
    pub(crate) count: u32,
    pub(crate) credential_id: Vec<u8>,
    /// What `authData` says the length of the id is; its own, if `None`.
    pub(crate) id_length: Option<u16>,
    pub(crate) key: Vec<(i64, Value)>,
    pub(crate) format: String,
    pub(crate) statement: Vec<(Value, Value)>,
    /// Stands behind everything else in `authData`.
    pub(crate) tail: Vec<u8>,
}

pub(crate) const PRESENT: u8 = 1;
pub(crate) const ATTESTED: u8 = 1 << 6;
pub(crate) const EXTENDED: u8 = 1 << 7;

impl Authenticator {
    pub(crate) fn es256() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
        Self::new(Pair::Es256(Box::new(pair)))
    }

    pub(crate) fn eddsa() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::new(Pair::EdDsa(
            Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap(),
        ))
    }

    fn new(pair: Pair) -> Self {
        let mut id = vec![0; 32];
        ring::rand::SecureRandom::fill(&SystemRandom::new(), &mut id).unwrap();
        Self { pair, id, count: 0 }
    }

    /// What it would answer to creation options (the JSON of them) on a page of that origin.
    pub(crate) fn registration(&mut self, options: &Json, origin: &str) -> Parts {
        self.count += 1;
        Parts {
            flags: PRESENT | ATTESTED,
            key: self.cose_key(),
            ..self.parts("webauthn.create", options, &options["rp"]["id"], origin)
        }
    }

    /// What it would answer to request options.
    pub(crate) fn assertion(&mut self, options: &Json, origin: &str) -> Parts {
        self.count += 1;
        self.parts("webauthn.get", options, &options["rpId"], origin)
    }

    /// An assertion as the browser sends it.
    pub(crate) fn sign(&self, parts: &Parts) -> Json {
        let client = parts.client.to_string().into_bytes();
        let data = parts.authenticator_data();
        let message = [&data, digest(&SHA256, &client).as_ref()].concat();
        let signature = match &self.pair {
            Pair::Es256(pair) => {
                let signed = pair.sign(&SystemRandom::new(), &message).unwrap();
                signed.as_ref().to_vec()
            }
            Pair::EdDsa(pair) => pair.sign(&message).as_ref().to_vec(),
        };
        json!({
            "id": text(&parts.credential_id),
            "rawId": text(&parts.credential_id),
            "type": "public-key",
            "authenticatorAttachment": "cross-platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": text(&client),
                "authenticatorData": text(&data),
                "signature": text(&signature),
                "userHandle": null,
            },
        })
    }

    pub(crate) fn cose_key(&self) -> Vec<(i64, Value)> {
        let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
        match &self.pair {
            Pair::Es256(pair) => {
                let point = pair.public_key().as_ref();
                vec![
                    (1, 2.into()),
                    (3, (-7).into()),
                    (-1, 1.into()),
                    (-2, bytes(&point[1..33])),
                    (-3, bytes(&point[33..])),
                ]
            }
            Pair::EdDsa(pair) => vec![
                (1, 1.into()),
                (3, (-8).into()),
                (-1, 6.into()),
                (-2, bytes(pair.public_key().as_ref())),
            ],
        }
    }

    fn parts(&self, kind: &str, options: &Json, site: &Json, origin: &str) -> Parts {
        Parts {
            client: json!({
                "type": kind,
                "challenge": options["challenge"],
                "origin": origin,
                "crossOrigin": false,
            }),
            site: site.as_str().unwrap().to_owned(),
            flags: PRESENT,
            count: self.count,
            credential_id: self.id.clone(),
            id_length: None,
            key: Vec::new(),
            format: "none".to_owned(),
            statement: Vec::new(),
            tail: Vec::new(),
        }
    }
}

impl Parts {
    /// A registration as the browser sends it.
    pub(crate) fn attest(&self) -> Json {
        let object = Value::Map(vec![
            ("fmt".into(), self.format.as_str().into()),
            ("attStmt".into(), Value::Map(self.statement.clone())),
            ("authData".into(), self.authenticator_data().into()),
        ]);
        json!({
            "id": text(&self.credential_id),
            "rawId": text(&self.credential_id),
            "type": "public-key",
            "response": {
                "clientDataJSON": text(self.client.to_string().as_bytes()),
                "attestationObject": text(&cbor(&object)),
                "transports": ["usb"],
            },
        })
    }

    fn authenticator_data(&self) -> Vec<u8> {
        let mut data = digest(&SHA256, self.site.as_bytes()).as_ref().to_vec();
        data.push(self.flags);
        data.extend(self.count.to_be_bytes());
        if !self.key.is_empty() {
            let own = u16::try_from(self.credential_id.len()).unwrap();
            data.extend([0; 16]);
            data.extend(self.id_length.unwrap_or(own).to_be_bytes());
            data.extend(&self.credential_id);
            data.extend(cose(&self.key));
        }
        data.extend(&self.tail);
        data
    }
}

/// The bytes of a `COSE_Key`.
pub(crate) fn cose(key: &[(i64, Value)]) -> Vec<u8> {
    let entries = key.iter().cloned();
    cbor(&Value::Map(
        entries
            .map(|(label, value)| (label.into(), value))
            .collect(),
    ))
}

pub(crate) fn cbor(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

pub(crate) fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
