//! The decision: from a request's head to a permit or an answer.
//!
//! Everything that needs a decision calls the one function of this room, whatever carries the request. It knows `http`'s
//! types and no framework.

pub mod endpoint;
