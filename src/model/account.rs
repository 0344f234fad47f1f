//! Accounts: people and services that can be a principal.

use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization;

use super::id::AccountId;
use super::time::Timestamp;

/// An account without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Never changes.
    pub id: AccountId,
    /// The confirmed address; the only one that an upstream sees.
    pub email: Option<Email>,
    /// An address that a person gave and nobody proved yet; serves to log in only.
    pub pending_email: Option<Email>,
    /// The login name, if the account has one.
    pub username: Option<Username>,
    /// The display name.
    pub name: Option<Box<str>>,
    /// One word; `member` unless an operator says otherwise.
    pub role: Role,
    /// In the order they were given, without doubles.
    pub groups: Vec<Group>,
    /// Whether it has a password.
    pub kind: AccountKind,
    /// Whether it may log in.
    pub status: AccountStatus,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Whether an account can log in with a password of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountKind {
    /// An ordinary account.
    Full,
    /// One without a password until it associates one (seed 002).
    Shadow,
}

/// Whether an account may log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountStatus {
    /// It may.
    Active,
    /// An operator stopped it; every token it had is revoked.
    Disabled,
}

/// An e-mail address as its owner wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(Box<str>);

/// A login name as its owner wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(Box<str>);

/// An account's role.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Role(Box<str>);

/// A group that an account belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group(Box<str>);

/// What a person types to say who they are, in the one form that is looked up, limited and audited:
/// trimmed, NFKC, without letter case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identifier(Box<str>);

/// A text that cannot be an address, name, role or group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {what}: {rule}")]
pub struct InvalidName {
    text: String,
    what: &'static str,
    rule: &'static str,
}

impl Email {
    /// Reads an address: one `@`, a local part of at most 64 bytes, a dotted or plain domain of letters, digits and hyphens,
    /// 254 bytes in all, no spaces and no control bytes. Mail decides the rest (RFC 5321 §4.5.3.1).
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let rule = "write it as local@domain, up to 254 characters, without spaces";
        let fail = || InvalidName {
            text: text.to_owned(),
            what: "an e-mail address",
            rule,
        };
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or_else(fail)?;
        let local_fits = (1..=64).contains(&local.len())
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local
                .chars()
                .all(|c| c.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c));
        let label_fits = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        };
        if text.len() <= 254 && local_fits && domain.split('.').all(label_fits) {
            Ok(Self(text.into()))
        } else {
            Err(fail())
        }
    }
}

impl Username {
    /// Reads a login name: 1 to 64 letters, digits and `. _ -`, beginning with a letter or digit. An `@` would make it
    /// look like an address.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let rule = "use 1 to 64 letters, digits and . _ - and begin with a letter or digit";
        word(text, 64, "._-").map(Self).ok_or_else(|| InvalidName {
            text: text.to_owned(),
            what: "a username",
            rule,
        })
    }
}

impl Role {
    /// Reads a role.
    ///
    /// # Errors
    /// If it is empty, too long, or has a character that would break a header's list.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let rule = "use 1 to 64 letters, digits and . _ : / -";
        word(text, 64, "._:/-")
            .map(Self)
            .ok_or_else(|| InvalidName {
                text: text.to_owned(),
                what: "a role",
                rule,
            })
    }

    /// The role of an account that nobody gave another: `member`.
    #[must_use]
    pub fn member() -> Self {
        Self("member".into())
    }
}

impl Group {
    /// Reads a group.
    ///
    /// # Errors
    /// If it is empty, too long, or has a character that would break a header's list.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let rule = "use 1 to 64 letters, digits and . _ : / -";
        word(text, 64, "._:/-")
            .map(Self)
            .ok_or_else(|| InvalidName {
                text: text.to_owned(),
                what: "a group",
                rule,
            })
    }
}

impl Identifier {
    /// The form in which a text is looked up.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(
            text.trim()
                .nfkc()
                .flat_map(char::to_lowercase)
                .collect::<String>()
                .into(),
        )
    }
}

impl AccountKind {
    /// The word for it in lists and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Shadow => "shadow",
        }
    }
}

impl AccountStatus {
    /// The word for it in lists and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

impl FromStr for AccountKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Full, Self::Shadow]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(())
    }
}

impl FromStr for AccountStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Active, Self::Disabled]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(())
    }
}

macro_rules! as_text {
    ($($name:ident)*) => {$(
        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

as_text!(Email Username Role Group Identifier);

fn word(text: &str, most: usize, also: &str) -> Option<Box<str>> {
    let text = text.trim();
    let fits = (1..=most).contains(&text.len())
        && text.starts_with(char::is_alphanumeric)
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || also.contains(c));
    fits.then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_and_refused() {
        for good in [
            "a@b",
            "jo.doe+tag@example.org",
            "jö@bücher.example",
            " jo@example.org ",
        ] {
            assert!(Email::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "@b",
            "a@",
            "a b@c",
            "a@b@c",
            "a@-b",
            "a@b..c",
            ".a@b",
            "a..b@c",
            "a@b\r\nBcc: x",
            "a\0@b",
        ] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn one_person_has_one_identifier_however_it_is_typed() {
        let plain = Identifier::of("jo@example.org");
        for same in ["JO@Example.ORG", "  jo@example.org\t", "ｊｏ@example.org"] {
            assert_eq!(Identifier::of(same), plain, "{same}");
        }
    }

    #[test]
    fn a_group_cannot_break_a_list() {
        for bad in ["", "a,b", "a b", "a;b", "a\nb", "\"a\""] {
            assert!(Group::parse(bad).is_err(), "{bad:?}");
        }
    }
}
