//! `[identity.NAME]` and the presets: which header says what.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::HeaderName;

use super::reader::Table;
use super::upstream::{NAME_RULE, is_name};
use super::value::{Read, word};

/// Which headers an upstream gets, and what each says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityMapping {
    /// In the order they are set.
    pub headers: Vec<(HeaderName, Attribute)>,
}

/// What a header can say of a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute {
    /// The account's id.
    Id,
    /// The confirmed address.
    Email,
    /// The login name.
    Username,
    /// The login name, else the address: `Preferred-Username`, and what `remote` and `webauth` call the user.
    UsernameOrEmail,
    /// The display name, else the address.
    Name,
    /// The role.
    Role,
    /// The groups, joined by commas without spaces.
    Groups,
    /// The client's id.
    Client,
    /// The `accept` word of the credential.
    AuthMethod,
    /// The session's id.
    Session,
    /// Until when the session is elevated; absent if it is not.
    ElevatedUntil,
}

impl IdentityMapping {
    /// The presets and every `[identity.NAME]`.
    pub(super) fn read_all(tables: Vec<(Box<str>, Table<'_>)>) -> BTreeMap<Arc<str>, Arc<Self>> {
        let mut all = presets();
        for (name, table) in tables {
            if !is_name(&name) {
                table.note("", NAME_RULE);
            }
            if PRESETS.iter().any(|(preset, _)| *preset == name.as_ref()) {
                table.note("", "is the name of a preset; choose another");
            }
            all.insert(name.into(), Arc::new(Self::read(table)));
        }
        all
    }

    fn read(mut table: Table<'_>) -> Self {
        if table.is_empty() {
            table.note("", "says nothing; write X-User = \"username\" or the like");
        }
        let headers = table.all(|name, node| Ok((header(name)?, word(&ATTRIBUTES)(node)?)));
        let mut flat: Vec<String> = headers
            .iter()
            .map(|(name, _)| flat(name.as_str()))
            .collect();
        flat.sort();
        if flat.windows(2).any(|pair| pair.first() == pair.last()) {
            table.note("", "sets one header twice; leave one out");
        }
        Self { headers }
    }
}

/// The mappings that are there without being written. Source: the contract, section 4.
pub(super) fn presets() -> BTreeMap<Arc<str>, Arc<IdentityMapping>> {
    PRESETS
        .into_iter()
        .map(|(name, headers)| {
            let headers = headers
                .iter()
                .map(|(name, attribute)| (HeaderName::from_static(name), *attribute))
                .collect();
            (Arc::from(name), Arc::new(IdentityMapping { headers }))
        })
        .collect()
}

impl Attribute {
    /// The word for it in `[identity.NAME]`.
    pub(super) fn as_str(self) -> &'static str {
        ATTRIBUTES
            .into_iter()
            .find(|(_, attribute)| *attribute == self)
            .map_or("username", |(word, _)| word)
    }
}

fn header(name: &str) -> Read<HeaderName> {
    let header = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| "is not the name of a header; write letters, digits and -".to_owned())?;
    let flat = flat(name);
    let is_ours = RESERVED.contains(&flat.as_str())
        || RESERVED_PREFIXES
            .iter()
            .any(|prefix| flat.starts_with(prefix));
    if is_ours {
        return Err(
            "carries something else and cannot say who is asking; choose another header".to_owned(),
        );
    }
    Ok(header)
}

/// A header's name as careless servers read it: without letter case, `_` and `.` as `-`.
fn flat(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

const ATTRIBUTES: [(&str, Attribute); 10] = [
    ("id", Attribute::Id),
    ("email", Attribute::Email),
    ("username", Attribute::Username),
    ("name", Attribute::Name),
    ("role", Attribute::Role),
    ("groups", Attribute::Groups),
    ("client", Attribute::Client),
    ("auth-method", Attribute::AuthMethod),
    ("session", Attribute::Session),
    ("elevated-until", Attribute::ElevatedUntil),
];

const PRESETS: [(&str, &[(&str, Attribute)]); 4] = [
    (
        "forwarded",
        &[
            ("x-forwarded-user", Attribute::Id),
            ("x-forwarded-email", Attribute::Email),
            ("x-forwarded-preferred-username", Attribute::UsernameOrEmail),
            ("x-forwarded-groups", Attribute::Groups),
            ("x-forwarded-role", Attribute::Role),
            ("x-forwarded-client", Attribute::Client),
            ("x-forwarded-auth-method", Attribute::AuthMethod),
            ("x-forwarded-elevated-until", Attribute::ElevatedUntil),
        ],
    ),
    (
        "remote",
        &[
            ("remote-user", Attribute::UsernameOrEmail),
            ("remote-email", Attribute::Email),
            ("remote-name", Attribute::Name),
            ("remote-groups", Attribute::Groups),
        ],
    ),
    (
        "auth-request",
        &[
            ("x-auth-request-user", Attribute::Id),
            ("x-auth-request-email", Attribute::Email),
            (
                "x-auth-request-preferred-username",
                Attribute::UsernameOrEmail,
            ),
            ("x-auth-request-groups", Attribute::Groups),
        ],
    ),
    (
        "webauth",
        &[
            ("x-webauth-user", Attribute::UsernameOrEmail),
            ("x-webauth-email", Attribute::Email),
            ("x-webauth-name", Attribute::Name),
            ("x-webauth-groups", Attribute::Groups),
        ],
    ),
];

/// Headers that frame the message, belong to one hop, carry credentials, or are set by the gateway to something else.
const RESERVED: [&str; 35] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "elevated-access-token",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "referer",
    "set-cookie",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "www-authenticate",
    "x-auth",
    "x-countersign-assertion",
    "x-http-method-override",
    "x-real-ip",
    "x-request-id",
    "content-range",
];
const RESERVED_PREFIXES: [&str; 9] = [
    "sec-",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-method",
    "x-forwarded-uri",
    "x-original-",
    "x-rewrite-",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_cannot_use_a_header_that_carries_something_else() {
        for bad in [
            "Authorization",
            "cookie",
            "HOST",
            "Content_Length",
            "X.Auth",
            "X-Forwarded-For",
            "X_Original_URL",
            "Sec-Fetch-Mode",
            "a b",
            "",
        ] {
            assert!(header(bad).is_err(), "{bad}");
        }
        for good in [
            "X-Forwarded-User",
            "X-WEBAUTH-USER",
            "Remote-User",
            "X_User",
        ] {
            assert!(header(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn every_header_of_a_preset_could_be_in_a_mapping() {
        for (name, _) in PRESETS.iter().flat_map(|(_, headers)| *headers) {
            assert!(header(name).is_ok(), "{name}");
        }
        assert_eq!(presets().len(), PRESETS.len());
    }
}
