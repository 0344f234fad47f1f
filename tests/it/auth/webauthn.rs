//! WebAuthn ceremonies with a key in software: the whole of each, and each part of it spoilt.

#![expect(
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tables are as long as they are, and a test that reaches past an end has failed"
)]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciborium::Value;
use countersign::auth::webauthn::{
    Assertion, Challenge, KnownKey, NewKey, NewUser, Refused, Registration, RelyingParty,
    UserHandle,
};
use countersign::model::id::AccountId;
use serde_json::{Value as Json, json};
use url::Url;

use crate::support::authenticator::{
    ATTESTED, Authenticator, EXTENDED, PRESENT, Parts, cbor, cose, text,
};

const ORIGIN: &str = "https://login.example";

fn site() -> RelyingParty {
    let url = Url::parse("https://login.example/").unwrap();
    RelyingParty::at(&url, "Example").unwrap()
}

fn user() -> UserHandle {
    UserHandle::of(&AccountId::parse("jo").unwrap())
}

/// A challenge, and what the browser is asked with it.
fn creation() -> (Challenge, Json) {
    let challenge = Challenge::generate();
    let user = NewUser {
        handle: user(),
        username: "jo@example.org",
        name: "Jo",
    };
    let options = site().creation_options(&challenge, &user, [b"known".as_slice()]);
    (challenge, options)
}

fn register(key: &mut Authenticator, spoil: impl FnOnce(&mut Parts)) -> Result<NewKey, Refused> {
    let (challenge, options) = creation();
    let mut parts = key.registration(&options, ORIGIN);
    spoil(&mut parts);
    let answer = Registration::parse(&parts.attest().to_string())?;
    site().verify_registration(&challenge, &answer)
}

fn assert_with(
    key: &mut Authenticator,
    known: &NewKey,
    spoil: impl FnOnce(&mut Parts),
    spoil_sent: impl FnOnce(&mut Json),
) -> Result<u32, Refused> {
    let challenge = Challenge::generate();
    let options = site().request_options(&challenge, [known.credential_id.as_slice()]);
    let mut parts = key.assertion(&options, ORIGIN);
    spoil(&mut parts);
    let mut sent = key.sign(&parts);
    spoil_sent(&mut sent);
    let answer = Assertion::parse(&sent.to_string())?;
    site().verify_assertion(&challenge, &kept(known), &answer)
}

fn kept(known: &NewKey) -> KnownKey<'_> {
    KnownKey {
        credential_id: &known.credential_id,
        public_key: &known.public_key,
        sign_count: known.sign_count,
        user: user(),
    }
}

#[test]
fn a_new_key_is_kept_as_it_says_of_itself_and_signs_in_again_and_again() {
    for mut key in [Authenticator::es256(), Authenticator::eddsa()] {
        let mut known = register(&mut key, |_| ()).unwrap();
        assert_eq!(known.credential_id, key.id);
        assert_eq!(known.public_key, cose(&key.cose_key()));
        assert_eq!(known.sign_count, 1);
        for count in 2..5 {
            known.sign_count = assert_with(&mut key, &known, |_| (), |_| ()).unwrap();
            assert_eq!(known.sign_count, count);
        }
    }
}

#[test]
fn the_options_ask_for_no_more_than_is_needed() {
    let (challenge, options) = creation();
    assert_eq!(
        options,
        json!({
            "rp": {"id": "login.example", "name": "Example"},
            "user": {"id": options["user"]["id"], "name": "jo@example.org", "displayName": "Jo"},
            "challenge": text(challenge.bytes()),
            "pubKeyCredParams": [
                {"type": "public-key", "alg": -7},
                {"type": "public-key", "alg": -8},
                {"type": "public-key", "alg": -257},
            ],
            "timeout": 300_000,
            "excludeCredentials": [{"type": "public-key", "id": text(b"known")}],
            "authenticatorSelection": {
                "residentKey": "discouraged",
                "requireResidentKey": false,
                "userVerification": "preferred",
            },
            "attestation": "none",
        })
    );
    assert_eq!(
        site().request_options(&challenge, [b"a".as_slice(), b"b"]),
        json!({
            "rpId": "login.example",
            "challenge": text(challenge.bytes()),
            "timeout": 300_000,
            "allowCredentials": [
                {"type": "public-key", "id": text(b"a")},
                {"type": "public-key", "id": text(b"b")},
            ],
            "userVerification": "preferred",
        })
    );
}

#[test]
fn the_user_handle_names_the_account_and_shows_nothing_of_it() {
    let (_, options) = creation();
    let handle = URL_SAFE_NO_PAD
        .decode(options["user"]["id"].as_str().unwrap())
        .unwrap();
    assert_eq!(handle.len(), 32);
    assert!(!handle.windows(2).any(|two| two == b"jo"));
    let other = UserHandle::of(&AccountId::parse("ann").unwrap());
    assert_ne!(user(), other);
    assert_eq!(user(), UserHandle::of(&AccountId::parse("jo").unwrap()));
}

#[test]
fn challenges_differ() {
    let all: std::collections::BTreeSet<_> =
        (0..100).map(|_| *Challenge::generate().bytes()).collect();
    assert_eq!(all.len(), 100);
}

#[test]
fn browsers_know_keys_at_host_names_over_tls_and_at_localhost() {
    for (url, there) in [
        ("https://login.example", true),
        ("https://login.example:8443", true),
        ("http://localhost:8080", true),
        ("http://a.localhost:8080", true),
        ("http://login.example", false),
        ("http://127.0.0.1:8080", false),
        ("https://192.0.2.1", false),
        ("https://[::1]", false),
        ("http://notlocalhost", false),
    ] {
        let site = RelyingParty::at(&Url::parse(url).unwrap(), "x");
        assert_eq!(site.is_some(), there, "{url}");
    }
}

/// How a part is spoilt, and what is said of it.
type Spoilt = (&'static str, Box<dyn Fn(&mut Parts)>, Refused);

/// What both ceremonies refuse.
fn spoilt_in_both() -> Vec<Spoilt> {
    fn client(name: &'static str, key: &'static str, value: Json, refused: Refused) -> Spoilt {
        let spoil = move |parts: &mut Parts| parts.client[key] = value.clone();
        (name, Box::new(spoil), refused)
    }
    let not_json = Refused::Unreadable("clientDataJSON");
    vec![
        client("no type", "type", json!(null), not_json),
        client(
            "odd type",
            "type",
            json!("payment.get"),
            Refused::OtherCeremony,
        ),
        client(
            "old challenge",
            "challenge",
            json!(text(&[7; 32])),
            Refused::OtherChallenge,
        ),
        client(
            "short challenge",
            "challenge",
            json!(""),
            Refused::OtherChallenge,
        ),
        client(
            "a challenge of another alphabet",
            "challenge",
            json!("+/=="),
            Refused::OtherChallenge,
        ),
        client("no challenge", "challenge", json!(7), not_json),
        client(
            "other host",
            "origin",
            json!("https://evil.example"),
            Refused::OtherOrigin,
        ),
        client(
            "other port",
            "origin",
            json!("https://login.example:444"),
            Refused::OtherOrigin,
        ),
        client(
            "other scheme",
            "origin",
            json!("http://login.example"),
            Refused::OtherOrigin,
        ),
        client(
            "longer host",
            "origin",
            json!("https://login.example.evil"),
            Refused::OtherOrigin,
        ),
        client(
            "sibling",
            "origin",
            json!("https://a.login.example"),
            Refused::OtherOrigin,
        ),
        client(
            "with a path",
            "origin",
            json!("https://login.example/"),
            Refused::OtherOrigin,
        ),
        client("framed", "crossOrigin", json!(true), Refused::OtherOrigin),
        client("odd framed", "crossOrigin", json!("no"), not_json),
        client(
            "framed by another",
            "topOrigin",
            json!("https://evil.example"),
            Refused::OtherOrigin,
        ),
        client(
            "bound",
            "tokenBinding",
            json!({"status": "present", "id": "x"}),
            Refused::OtherOrigin,
        ),
        (
            "other site",
            Box::new(|parts| parts.site = "evil.example".into()),
            Refused::OtherSite,
        ),
        (
            "nobody there",
            Box::new(|parts| parts.flags &= !PRESENT),
            Refused::NobodyPresent,
        ),
        (
            "more behind",
            Box::new(|parts| parts.tail = vec![0]),
            Refused::Unreadable("more than authData"),
        ),
        (
            "no extensions",
            Box::new(|parts| parts.flags |= EXTENDED),
            Refused::Unreadable("not a CBOR map"),
        ),
    ]
}

#[test]
fn a_registration_with_any_part_spoilt_is_refused() {
    type Spoil = Box<dyn Fn(&mut Parts)>;
    fn key(name: &'static str, label: i64, value: Value) -> Spoilt {
        let spoil = move |parts: &mut Parts| {
            parts.key.retain(|(has, _)| *has != label);
            parts.key.push((label, value.clone()));
        };
        (name, Box::new(spoil), Refused::UnusableKey)
    }
    let unreadable = Refused::Unreadable;
    let of_id = unreadable("the length of the credential's id");
    let object = unreadable("attestationObject");
    let mut table = spoilt_in_both();
    let of_type = |kind| -> Spoil { Box::new(move |parts| parts.client["type"] = json!(kind)) };
    table.extend([
        (
            "a signature instead",
            of_type("webauthn.get"),
            Refused::OtherCeremony,
        ),
        (
            "no key flagged",
            Box::new(|parts: &mut Parts| parts.flags &= !ATTESTED) as Spoil,
            unreadable("more than authData"),
        ),
        (
            "no key",
            Box::new(|parts| {
                parts.key.clear();
                parts.flags &= !ATTESTED;
            }),
            unreadable("no credential in authData"),
        ),
        (
            "a key flagged and none there",
            Box::new(|parts| parts.key.clear()),
            unreadable("authData is too short"),
        ),
        (
            "an id of no bytes",
            Box::new(|parts| parts.id_length = Some(0)),
            of_id,
        ),
        (
            "an id too long",
            Box::new(|parts| parts.id_length = Some(1024)),
            of_id,
        ),
        (
            "an id past the end",
            Box::new(|parts| parts.id_length = Some(1000)),
            unreadable("authData is too short"),
        ),
        (
            "a long format",
            Box::new(|parts| parts.format = "x".repeat(33)),
            object,
        ),
        (
            "a statement of none",
            Box::new(|parts| parts.statement = vec![("x".into(), 1.into())]),
            object,
        ),
        key("another key type", 1, 3.into()),
        key("an algorithm not offered", 3, (-35).into()),
        key("the algorithm of another type", 3, (-8).into()),
        key("no algorithm", 3, Value::Null),
        key("another curve", -1, 2.into()),
        key("a short coordinate", -2, Value::Bytes(vec![1; 31])),
        key("a long coordinate", -3, Value::Bytes(vec![1; 33])),
        key("half a point", -3, Value::Bool(true)),
        key("much more", 99, Value::Bytes(vec![0; 1024])),
        (
            "a doubled label",
            Box::new(|parts| parts.key.push((3, (-7).into()))),
            Refused::UnusableKey,
        ),
    ]);
    for (name, spoil, refused) in table {
        let mut made = Authenticator::es256();
        assert_eq!(register(&mut made, spoil), Err(refused), "{name}");
    }
}

#[test]
fn statements_and_extensions_are_read_over() {
    let mut key = Authenticator::es256();
    register(&mut key, |parts| {
        parts.format = "packed".into();
        parts.statement = vec![("sig".into(), Value::Bytes(vec![1, 2]))];
        parts.flags |= EXTENDED;
        parts.tail = cbor(&Value::Map(vec![("credProtect".into(), 2.into())]));
        parts.client["tokenBinding"] = json!({"status": "supported"});
        parts.client["unheard"] = json!({"of": ["until", 2030]});
    })
    .unwrap();
}

#[test]
fn an_assertion_with_any_part_spoilt_is_refused() {
    let mut table = spoilt_in_both();
    table.extend([
        (
            "a registration instead",
            Box::new(|parts: &mut Parts| parts.client["type"] = json!("webauthn.create"))
                as Box<dyn Fn(&mut Parts)>,
            Refused::OtherCeremony,
        ),
        (
            "another id",
            Box::new(|parts| parts.credential_id = vec![1; 32]),
            Refused::OtherKey,
        ),
        (
            "a count of before",
            Box::new(|parts| parts.count = 1),
            Refused::Cloned,
        ),
        (
            "a count that stopped",
            Box::new(|parts| parts.count = 0),
            Refused::Cloned,
        ),
    ]);
    for (name, spoil, refused) in table {
        let mut key = Authenticator::es256();
        let known = register(&mut key, |_| ()).unwrap();
        let verdict = assert_with(&mut key, &known, spoil, |_| ());
        assert_eq!(verdict, Err(refused), "{name}");
    }
}

#[test]
fn a_key_that_does_not_count_is_taken_and_one_that_does_has_to_advance() {
    for (kept, shown, verdict) in [
        (0, 0, Ok(0)),
        (0, 1, Ok(1)),
        (7, 8, Ok(8)),
        (7, u32::MAX, Ok(u32::MAX)),
        (7, 7, Err(Refused::Cloned)),
        (7, 6, Err(Refused::Cloned)),
        (7, 0, Err(Refused::Cloned)),
    ] {
        let mut key = Authenticator::eddsa();
        let mut known = register(&mut key, |_| ()).unwrap();
        known.sign_count = kept;
        let spoil = |parts: &mut Parts| parts.count = shown;
        assert_eq!(
            assert_with(&mut key, &known, spoil, |_| ()),
            verdict,
            "{kept} {shown}"
        );
    }
}

#[test]
fn what_is_changed_after_it_was_signed_is_refused() {
    for mut key in [Authenticator::es256(), Authenticator::eddsa()] {
        let known = register(&mut key, |_| ()).unwrap();
        for (field, at) in [
            ("authenticatorData", 33),
            ("authenticatorData", 36),
            ("signature", 0),
            ("signature", 40),
        ] {
            let spoil = |sent: &mut Json| flip(&mut sent["response"][field], at);
            let verdict = assert_with(&mut key, &known, |_| (), spoil);
            assert!(
                matches!(
                    verdict,
                    Err(Refused::WrongSignature | Refused::NobodyPresent)
                ),
                "{field} {at}: {verdict:?}"
            );
        }
        let spoil = |sent: &mut Json| {
            let client = &mut sent["response"]["clientDataJSON"];
            let json = URL_SAFE_NO_PAD.decode(client.as_str().unwrap()).unwrap();
            let mut json: Json = serde_json::from_slice(&json).unwrap();
            json["more"] = json!(1);
            *client = json!(text(json.to_string().as_bytes()));
        };
        assert_eq!(
            assert_with(&mut key, &known, |_| (), spoil),
            Err(Refused::WrongSignature)
        );
    }
}

fn flip(field: &mut Json, at: usize) {
    let mut bytes = URL_SAFE_NO_PAD.decode(field.as_str().unwrap()).unwrap();
    bytes[at] ^= 0x40;
    *field = json!(text(&bytes));
}

#[test]
fn another_key_or_another_accounts_key_is_refused() {
    let mut key = Authenticator::es256();
    let mut other = Authenticator::es256();
    let known = register(&mut key, |_| ()).unwrap();
    other.id.clone_from(&key.id);
    assert_eq!(
        assert_with(&mut other, &known, |_| (), |_| ()),
        Err(Refused::WrongSignature)
    );
    let says = |who: &'static str| {
        move |sent: &mut Json| {
            let handle = UserHandle::of(&AccountId::parse(who).unwrap());
            sent["response"]["userHandle"] = handle_text(handle);
        }
    };
    key.count = 10;
    assert_eq!(
        assert_with(&mut key, &known, |_| (), says("ann")),
        Err(Refused::OtherKey)
    );
    assert_eq!(assert_with(&mut key, &known, |_| (), says("jo")), Ok(12));
}

/// As it stands in the options of that user.
fn handle_text(handle: UserHandle) -> Json {
    let user = NewUser {
        handle,
        username: "",
        name: "",
    };
    site().creation_options(&Challenge::generate(), &user, [])["user"]["id"].clone()
}

#[test]
fn a_signature_of_openssl_with_rsa_is_verified() {
    // `openssl genrsa 2048`, and `openssl dgst -sha256 -sign` over authData and the digest of the client data.
    let modulus = URL_SAFE_NO_PAD.decode(RSA_MODULUS).unwrap();
    let key = |modulus: Vec<u8>, exponent: &[u8]| {
        cose(&[
            (1, 3.into()),
            (3, (-257).into()),
            (-1, Value::Bytes(modulus)),
            (-2, Value::Bytes(exponent.to_vec())),
        ])
    };
    let challenge = Challenge::from_bytes([7; 32]);
    let client = format!(
        r#"{{"type":"webauthn.get","challenge":"{}","origin":"https://login.example","crossOrigin":false}}"#,
        text(&[7; 32])
    );
    let site_digest = ring::digest::digest(&ring::digest::SHA256, b"login.example");
    let answer = Assertion {
        credential_id: b"rsa".to_vec(),
        client_data: client.into_bytes(),
        authenticator_data: [site_digest.as_ref(), &[PRESENT, 0, 0, 0, 5]].concat(),
        signature: URL_SAFE_NO_PAD.decode(RSA_SIGNATURE).unwrap(),
        user_handle: None,
    };
    let verify = |public_key: Vec<u8>| {
        let known = NewKey {
            credential_id: b"rsa".to_vec(),
            public_key,
            sign_count: 4,
        };
        site().verify_assertion(&challenge, &kept(&known), &answer)
    };
    assert_eq!(verify(key(modulus.clone(), &[1, 0, 1])), Ok(5));
    assert_eq!(
        verify(key(modulus.clone(), &[3])),
        Err(Refused::WrongSignature)
    );
    for (modulus, exponent) in [
        (modulus[..255].to_vec(), &[1, 0, 1][..]),
        ([&[0], modulus.as_slice()].concat(), &[1, 0, 1]),
        (modulus.repeat(3), &[1, 0, 1]),
        (modulus.clone(), &[]),
        (modulus.clone(), &[0, 1, 0, 1]),
        (modulus.clone(), &[1, 0, 0, 0, 1]),
    ] {
        assert_eq!(verify(key(modulus, exponent)), Err(Refused::UnusableKey));
    }
}

#[test]
fn what_no_browser_sends_is_unreadable() {
    let (_, options) = creation();
    let good = Authenticator::es256()
        .registration(&options, ORIGIN)
        .attest();
    let spoilt = |at: &str, value: Json| {
        let mut sent = good.clone();
        *sent.pointer_mut(at).unwrap() = value;
        sent.to_string()
    };
    let long = |bytes: usize| json!(text(&vec![b'x'; bytes]));
    assert!(Registration::parse(&good.to_string()).is_ok());
    for sent in [
        String::new(),
        "[]".to_owned(),
        "{}".to_owned(),
        "null".to_owned(),
        format!("{good}{}", " ".repeat(16 * 1024)),
        format!("{good}{good}"),
        "[".repeat(10_000),
        spoilt("/type", json!("password")),
        spoilt("/id", json!(text(b"other"))),
        spoilt("/id", json!("")),
        spoilt("/rawId", json!(null)),
        spoilt("/response", json!({})),
        spoilt("/response/clientDataJSON", json!("")),
        spoilt("/response/clientDataJSON", json!("%%")),
        spoilt("/response/clientDataJSON", json!("YQ==")),
        spoilt("/response/clientDataJSON", long(4097)),
        spoilt("/response/attestationObject", long(8193)),
    ] {
        let read = Registration::parse(&sent);
        assert!(matches!(read, Err(Refused::Unreadable(_))), "{sent}");
    }
    let good = json!({
        "id": "YQ", "rawId": "YQ", "type": "public-key",
        "response": {"clientDataJSON": "YQ", "authenticatorData": "YQ", "signature": "YQ", "userHandle": ""},
    });
    assert!(Assertion::parse(&good.to_string()).is_ok());
    for (at, value) in [
        ("/response/authenticatorData", long(4097)),
        ("/response/signature", long(1025)),
        ("/response/signature", json!(null)),
        ("/response/userHandle", long(65)),
        ("/response/userHandle", json!(1)),
    ] {
        let mut sent = good.clone();
        *sent.pointer_mut(at).unwrap() = value;
        let read = Assertion::parse(&sent.to_string());
        assert!(matches!(read, Err(Refused::Unreadable(_))), "{sent}");
    }
    let long_id = text(&[1; 1024]);
    let sent = json!({"id": long_id, "rawId": long_id, "type": "public-key", "response": good["response"]});
    assert!(Assertion::parse(&sent.to_string()).is_err());
}

#[test]
fn no_bytes_at_all_make_it_fall_over() {
    // Every prefix and many spoilt bytes of a good attestation object: refused or taken, and never a panic. What is taken
    // differs from the good one only where nothing is read.
    let (challenge, options) = creation();
    let parts = Authenticator::es256().registration(&options, ORIGIN);
    let answer = Registration::parse(&parts.attest().to_string()).unwrap();
    let good = answer.attestation_object.clone();
    let verify = |object: Vec<u8>| {
        let answer = Registration {
            attestation_object: object,
            ..answer.clone()
        };
        site().verify_registration(&challenge, &answer)
    };
    assert!(verify(good.clone()).is_ok());
    for length in 0..good.len() {
        assert!(verify(good[..length].to_vec()).is_err(), "{length} bytes");
    }
    for at in 0..good.len() {
        for byte in [0x00, 0x1b, 0x5f, 0x7f, 0x9f, 0xbf, 0xdb, 0xff, good[at] ^ 1] {
            let mut object = good.clone();
            object[at] = byte;
            let _ = verify(object);
        }
    }
    for hostile in [
        vec![0xbf; 8000],
        vec![0x9f; 8000],
        vec![0xc0; 8000],
        [vec![0xbb], vec![0xff; 8]].concat(),
        [vec![0x5b], vec![0xff; 8]].concat(),
        [vec![0x9b], vec![0xff; 8]].concat(),
    ] {
        assert!(verify(hostile).is_err());
    }
}

const RSA_MODULUS: &str = "1bO1zqe44StZ7jsO4cec7J0m_uOPQcpIskKgdS2MkIJp2ZopiUd-SYqrVS4LgXjdL1IGrlEUCSteYTvTSffdtPcXoa875UI0Bf7nJYU2Kdq4vQCJAxMyzM6BR3uFJ7iYguqVsB3bhXXzGKtZAirkxBIpa3FEmxUGs3P82JdoUfLqolTmYxB04BcFnILxa-h2zkFOtjzRRQnVnQ3Dad55V7dz_iMfcM1GhhrWbdXAtxf2Mwg8tIU373EQYVOhC62ZrCMUuuB1WWt44onlS7GgyR0gt38l93N9a3XrPBu41FR8udTS_5OSd6EXIo2NqD_whY4P9ubsyaYS8VUFtdJJAw";
const RSA_SIGNATURE: &str = "OVyHRTxnPZ5MfjZZNAIKnI_E1QvZrDz5V5ON3TEqAAz5tDx0Erbf_M-MZuZEdggGUwDbhSaZNr0KeLmUHkgbL0OTSzKan_YqV0zcb5YUy_dbbAxwPs6g8uynWWFILrnN5teUY-NzT5pzJiRvcGbpe0LUhZP78uOYH4oqtycKvO2zArQ70Yhn2C3RMJrbRf1nGi0G5fgyd-VTpjW7e9HQ4mmjm67rBcf8o9yuXWwpCa64HmxDdWlNjonXS0CDtVYdl_ZOQaF2LRIrfBOdowO5DlyT0nL15L36XVHwb-SJ-ZIyn6xKl5ds8IdG_X6ysFkj71aRYD4ek_lUFBZlh1Vyeg";
