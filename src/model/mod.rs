//! The nouns. Plain data and total functions: no async, no I/O, no HTTP, no SQL, no serde.
//!
//! Every other room speaks in these words, and each word is the one its RFC uses.
//!
//! | word | meaning | source |
//! |---|---|---|
//! | [`Account`](account::Account) | a person or service that can be a principal | – |
//! | [`Client`](client::Client) | an application that asks on an account's behalf | RFC 6749 §1.1 |
//! | [`Credential`](credential::Credential) | what a request shows to prove who it is from | RFC 9110 §11.4 |
//! | [`ClientCertificate`](certificate::ClientCertificate) | the other thing that proves it: a connection's certificate | RFC 8446 §4.4.2 |
//! | [`PlainToken`](token::PlainToken) | the secret string of a token, as its holder has it | RFC 6750 §1.2 |
//! | [`TokenDigest`](token::TokenDigest) | the only form of a token that is stored | – |
//! | [`Session`](session::Session) | one login and every token that came from it | NIST SP 800-63B §7 |
//! | [`VerificationCode`](code::VerificationCode) | what a person is mailed to prove themselves again | seed 002 |
//! | [`Enrolled`](factor::Enrolled) | the second factors that an account has | seed 002, RFC 6238 |
//! | [`Connection`](connection::Connection) | an account elsewhere that is the same person's | seed 002 |
//! | [`Scope`](scope::Scope) | what a token may be used for | RFC 6749 §3.3 |
//! | [`Principal`](principal::Principal) | whom a token that is active stands for | RFC 7662 §2.2 |
//! | [`Requirement`](policy::Requirement) | what a route asks of a request | – |
//! | [`Permit`](policy::Permit) | the proof that a request was decided | – |
//! | [`Denial`](policy::Denial) | why a request may not pass | RFC 9110 §15.5 |
//! | [`Change`](change::Change) | one entry of the feed that tells caches what to forget | – |

pub mod account;
pub mod audit;
pub mod caption;
pub mod certificate;
pub mod change;
pub mod client;
pub mod code;
pub mod connection;
pub mod credential;
mod crockford;
pub mod factor;
pub mod id;
pub mod language;
pub mod mail;
pub mod policy;
pub mod principal;
pub mod scope;
pub mod session;
pub mod time;
pub mod token;
