//! From a connection to a request: what listeners take, and what they close.

mod announced;
mod http2;
mod http2_floods;
mod http2_vectors;
mod mtls;
mod tls;
