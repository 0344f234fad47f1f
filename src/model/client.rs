//! Client applications.

use std::str::FromStr;

use super::id::ClientId;
use super::time::Timestamp;

/// An application that logs accounts in. Source: RFC 6749 §1.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The "client GUID".
    pub id: ClientId,
    /// What people see.
    pub name: Box<str>,
    /// Where seed 000 may send a browser back to, compared exactly.
    pub redirect_urls: Vec<Box<str>>,
    /// What that redirect carries.
    pub handoff: Handoff,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a redirect to a client carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handoff {
    /// The session token itself, as seed 000 has it.
    Token,
    /// A code that is good once and for 60 s.
    Code,
}

impl Handoff {
    /// The word for it in lists and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Code => "code",
        }
    }
}

impl FromStr for Handoff {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Token, Self::Code]
            .into_iter()
            .find(|handoff| handoff.as_str() == text)
            .ok_or(())
    }
}
