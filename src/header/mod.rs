//! Between header fields and the model: pure functions, no I/O, no framework.
//!
//! | file | what it knows |
//! |---|---|
//! | [`host`], [`target`] | which host and path a request is for, in one form for all its spellings |
//! | [`credential`], [`cookie`] | what a request shows to prove who it is from |
//! | [`protected`] | which names a client may not use |
//! | [`identity`], [`forwarded`] | what the upstream is told of who is asking and from where |
//! | [`origin`] | whether a page of ours sent a request |
//! | [`upgrade`] | whether a request asks to leave HTTP |
//! | [`reader`], [`challenge`] | who reads an answer, and how it asks for a credential |
//! | [`fields`] | how a head is changed, whoever carries it |

mod basic;

pub mod challenge;
pub mod cookie;
pub mod credential;
pub mod fields;
pub mod forwarded;
pub mod host;
pub mod identity;
pub mod origin;
pub mod own_cookie;
pub mod protected;
pub mod reader;
pub mod target;
pub mod upgrade;
