//! Assertions: signed by a key that is published, and by no other.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::Value;

use super::outbound::{CLIENT, upstream};
use super::{World, start};

/// The claims of an assertion, if a published key signed it.
fn verified(assertion: &str, published: &str) -> Option<(String, Value)> {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let (head, claims) = signed.split_once('.').unwrap();
    let head: Value = serde_json::from_slice(&decode(head)).unwrap();
    assert_eq!(head["alg"], "ES256");
    let keys: Value = serde_json::from_str(published).unwrap();
    let key = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["kid"] == head["kid"])?;
    let coordinate = |name: &str| decode(key[name].as_str().unwrap());
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(signed.as_bytes(), &decode(signature))
        .ok()?;
    let claims = serde_json::from_slice(&decode(claims)).unwrap();
    Some((head["kid"].as_str().unwrap().to_owned(), claims))
}

async fn assertion(world: &World) -> String {
    let fields = [
        ("X-Auth", "{access}"),
        ("X-Countersign-Assertion", "forged"),
    ];
    let head = upstream(world, "/signed", CLIENT, &fields).await;
    let all: Vec<_> = head.get_all("x-countersign-assertion").iter().collect();
    assert_eq!(all.len(), 1);
    all[0].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_assertion_says_who_is_asking_and_a_published_key_signed_it() {
    let world = World::new().await;
    let (_, claims) = verified(&assertion(&world).await, &world.signer.published()).unwrap();
    let now = start().seconds();
    for (name, expected) in [
        ("iss", Value::from("https://app.example")),
        ("aud", "signed".into()),
        ("sub", "jo".into()),
        ("email", "jo@example.org".into()),
        ("groups", vec!["staff"].into()),
        ("role", "admin".into()),
        ("iat", now.into()),
        ("exp", (now + 300).into()),
    ] {
        assert_eq!(claims[name], expected, "{name}");
    }
    assert!(claims["sid"].is_string());
    let (_, again) = verified(&assertion(&world).await, &world.signer.published()).unwrap();
    assert_ne!(claims["jti"], again["jti"]);
}

#[tokio::test]
async fn a_changed_assertion_does_not_verify() {
    let world = World::new().await;
    let other = World::new().await;
    let assertion = assertion(&world).await;
    assert!(verified(&assertion, &other.signer.published()).is_none());
    let (head, rest) = assertion.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"root"}"#);
    let forged = format!("{head}.{claims}.{signature}");
    assert!(verified(&forged, &world.signer.published()).is_none());
}

#[tokio::test]
async fn a_key_rotates_is_published_before_it_signs_and_stays_until_nothing_it_signed_is_valid() {
    let world = World::new().await;
    let days = |days: u64| Duration::from_hours(24 * days);
    let signed_by = async || {
        let published = world.signer.published();
        verified(&assertion(&world).await, &published).unwrap().0
    };
    let refresh = async |after: Duration| {
        world.signer.refresh(start().after(after)).await.unwrap();
        let keys: Value = serde_json::from_str(&world.signer.published()).unwrap();
        keys["keys"].as_array().unwrap().len()
    };
    let first = signed_by().await;
    assert_eq!(refresh(days(29)).await, 1);
    assert_eq!(refresh(days(30)).await, 2);
    let token = world.sign_at(start().after(days(30))).await;
    assert_eq!(
        verified(&token, &world.signer.published()).unwrap().0,
        first
    );
    let later = days(30) + Duration::from_hours(2);
    let token = world.sign_at(start().after(later)).await;
    assert_ne!(
        verified(&token, &world.signer.published()).unwrap().0,
        first
    );
    assert_eq!(refresh(days(31)).await, 1);
}

#[tokio::test]
async fn nodes_over_one_store_sign_with_one_key() {
    let world = World::new().await;
    let published = world.signer.published();
    world.signer.refresh(start()).await.unwrap();
    assert_eq!(world.signer.published(), published);
}
