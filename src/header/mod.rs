//! Between header fields and the model: pure functions, no I/O, no framework.

mod basic;

pub mod cookie;
pub mod credential;
pub mod host;
pub mod target;
