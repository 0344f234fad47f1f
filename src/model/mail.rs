//! A mail that waits to be sent.

use super::account::Email;

/// A finished message. Made where the change it tells of is made, queued with it, sent later.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub to: Email,
    /// One line, without line breaks.
    pub subject: Box<str>,
    /// The plain-text part.
    pub text: Box<str>,
    /// The HTML part.
    pub html: Box<str>,
}

/// Shows to whom a mail goes and nothing of what it says, which may hold a link or code.
impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail")
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}
