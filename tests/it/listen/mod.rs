//! From a connection to a request: what listeners take, and what they close.

mod announced;
mod tls;
