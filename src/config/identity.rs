//! `[identity.NAME]` and the presets: which header says what.

use http::HeaderName;

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
