//! The login APIs that are spoken: one file each, siblings over one core.
//!
//! A dialect reads a body, calls [`auth`](crate::auth), and says the outcome in its own words; it holds no rule of its
//! own. There is no trait: a dialect is a function that returns a router and says where its endpoints are.

pub mod body;
