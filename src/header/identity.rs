//! What the upstream is told of who is asking.
//!
//! Set once, last, from the verified principal; a header whose attribute has no value is absent. Source: contract
//! section 4.

use std::borrow::Cow;

use http::HeaderValue;
use http::header::HeaderName;

use super::fields::Fields;
use crate::config::identity::{Attribute, IdentityMapping};
use crate::model::account::Group;
use crate::model::principal::Identity;

/// A value with a control byte: the request is refused, because leaving it out would make another identity of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the value for {name} has a control byte")]
pub struct Unspeakable {
    /// The header that would have held it.
    pub name: HeaderName,
}

/// Sets the headers of a mapping, in its order.
///
/// # Errors
/// If a value has a control byte. Headers may be set already then: the request must not go on.
pub fn stamp(
    fields: &mut impl Fields,
    mapping: &IdentityMapping,
    identity: &Identity,
) -> Result<(), Unspeakable> {
    for (name, attribute) in &mapping.headers {
        let Some(text) = text(*attribute, identity).filter(|text| !text.is_empty()) else {
            continue;
        };
        let value = encode(&text).ok_or_else(|| Unspeakable { name: name.clone() })?;
        fields.set(name, value);
    }
    Ok(())
}

/// What an attribute says; `None` if the principal has no value for it.
fn text(attribute: Attribute, identity: &Identity) -> Option<Cow<'_, str>> {
    let principal = &identity.principal;
    let account = &principal.account;
    let email = account
        .email
        .as_ref()
        .map(|email| Cow::Borrowed(email.as_str()));
    let username = account
        .username
        .as_ref()
        .map(|username| Cow::Borrowed(username.as_str()));
    match attribute {
        Attribute::Id => Some(account.id.as_str().into()),
        Attribute::Email => email,
        Attribute::Username => username,
        Attribute::UsernameOrEmail => username.or(email),
        Attribute::Name => account
            .name
            .as_deref()
            .filter(|name| !name.is_empty())
            .map(Cow::Borrowed)
            .or(email),
        Attribute::Role => Some(account.role.as_str().into()),
        Attribute::Groups => Some(joined(account.groups.iter().map(Group::as_str))),
        Attribute::Client => principal
            .client
            .as_ref()
            .map(|client| client.as_str().into()),
        Attribute::AuthMethod => Some(identity.method.as_str().into()),
        Attribute::Session => Some(principal.session.to_string().into()),
        Attribute::ElevatedUntil => identity
            .elevation
            .map(|elevation| elevation.until.to_string().into()),
    }
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> Cow<'a, str> {
    let mut list = String::new();
    for word in words {
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(word);
    }
    list.into()
}

/// A text as a field's value: `%` and every byte of UTF-8 outside printable ASCII percent-encoded. `None` with a control
/// byte.
fn encode(text: &str) -> Option<HeaderValue> {
    let is_plain = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'%';
    // Without a short cut: most values are short and plain, and so they are looked at many bytes at a time.
    if text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
        return HeaderValue::from_str(text).ok();
    }
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if is_plain(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.extend([byte >> 4, byte & 0x0f].map(hex));
        }
    }
    HeaderValue::from_str(&encoded).ok()
}

fn hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16)
        .unwrap_or_default()
        .to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use http::HeaderMap;

    use super::*;
    use crate::model::account::{Account, AccountKind, AccountStatus, Email, Role, Username};
    use crate::model::credential::AuthMethod;
    use crate::model::id::{AccountId, ClientId, SessionId};
    use crate::model::principal::{Elevation, LastUsed, Principal};
    use crate::model::time::Timestamp;
    use crate::model::token::TokenKind;

    fn account() -> Account {
        Account {
            id: AccountId::parse("42").unwrap(),
            email: Some(Email::parse("jo@example.org").unwrap()),
            pending_email: Some(Email::parse("new@example.org").unwrap()),
            username: Some(Username::parse("jo").unwrap()),
            name: Some("Jö 100%".into()),
            role: Role::parse("admin").unwrap(),
            groups: ["a", "b:c"]
                .map(|group| Group::parse(group).unwrap())
                .into(),
            kind: AccountKind::Full,
            status: AccountStatus::Active,
            created_at: Timestamp::default(),
        }
    }

    fn identity(account: Account) -> Identity {
        Identity {
            principal: Arc::new(Principal {
                account: Arc::new(account),
                client: Some(ClientId::parse("web").unwrap()),
                session: SessionId::from_bytes([0x11; 16]),
                token: None,
                kind: TokenKind::Access,
                scopes: Arc::default(),
                issued_at: Timestamp::default(),
                expires_at: None,
                last_used: LastUsed::default(),
            }),
            method: AuthMethod::XAuth,
            elevation: Some(Elevation {
                since: Timestamp::default(),
                until: Timestamp::default().after(Duration::from_mins(10)),
            }),
        }
    }

    fn stamped(identity: &Identity, attribute: Attribute) -> Result<Option<String>, Unspeakable> {
        let name = HeaderName::from_static("x-told");
        let mapping = IdentityMapping {
            headers: vec![(name.clone(), attribute)],
        };
        let mut fields = HeaderMap::new();
        stamp(&mut fields, &mapping, identity)?;
        Ok(fields
            .get(&name)
            .map(|value| value.to_str().unwrap().to_owned()))
    }

    #[test]
    fn every_attribute_says_what_the_contract_says() {
        let identity = identity(account());
        for (attribute, expected) in [
            (Attribute::Id, "42"),
            (Attribute::Email, "jo@example.org"),
            (Attribute::Username, "jo"),
            (Attribute::UsernameOrEmail, "jo"),
            (Attribute::Name, "J%C3%B6 100%25"),
            (Attribute::Role, "admin"),
            (Attribute::Groups, "a,b:c"),
            (Attribute::Client, "web"),
            (Attribute::AuthMethod, "x-auth"),
            (Attribute::Session, "11111111-1111-1111-1111-111111111111"),
            (Attribute::ElevatedUntil, "1970-01-01T00:10:00Z"),
        ] {
            assert_eq!(
                stamped(&identity, attribute),
                Ok(Some(expected.to_owned())),
                "{attribute:?}"
            );
        }
    }

    #[test]
    fn what_has_no_value_falls_back_or_is_absent() {
        let mut bare = account();
        (bare.username, bare.name, bare.groups) = (None, None, Vec::new());
        let with_email = identity(bare.clone());
        bare.email = None;
        let without = identity(bare);
        let email = Some("jo@example.org".to_owned());
        assert_eq!(
            stamped(&with_email, Attribute::UsernameOrEmail),
            Ok(email.clone())
        );
        assert_eq!(stamped(&with_email, Attribute::Name), Ok(email));
        assert_eq!(stamped(&with_email, Attribute::Username), Ok(None));
        assert_eq!(stamped(&with_email, Attribute::Groups), Ok(None));
        for attribute in [
            Attribute::Email,
            Attribute::Name,
            Attribute::UsernameOrEmail,
        ] {
            assert_eq!(stamped(&without, attribute), Ok(None), "{attribute:?}");
        }
    }

    #[test]
    fn a_control_byte_refuses_the_request() {
        for name in ["Jo\r\nX-Role: admin", "Jo\0", "Jo\t", "\u{7f}"] {
            let mut bad = account();
            bad.name = Some(name.into());
            assert!(
                stamped(&identity(bad), Attribute::Name).is_err(),
                "{name:?}"
            );
        }
    }

    #[test]
    fn a_c1_control_character_is_encoded_like_any_other_utf8() {
        let mut odd = account();
        odd.name = Some("a\u{85}b".into());
        assert_eq!(
            stamped(&identity(odd), Attribute::Name),
            Ok(Some("a%C2%85b".to_owned()))
        );
    }
}
