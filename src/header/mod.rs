//! Between header fields and the model: pure functions, no I/O, no framework.

pub mod host;
