//! The full lane: pingora's phases in our types, and the log of what passed.

pub mod journal;
pub mod line;
