//! What the tests over real sockets share: a whole gateway in this process ([`gateway`]), an app behind it that writes
//! down every byte ([`upstream`]), and a client that sends the bytes it is told ([`client`]).
//!
//! ```ignore
//! let app = Upstream::start().await;
//! let gateway = Gateway::with_route(&app.url(), "access = \"required\"\naccept = [\"bearer\"]").await;
//! let jo = gateway.account("jo").await;
//! let (session, token) = gateway.token(&jo).await;
//! let answer = gateway.ask(get("/a", &[&format!("Authorization: Bearer {token}")])).await;
//! assert_eq!(answer.status(), 200);
//! assert_eq!(app.request().field("x-forwarded-user"), jo.id.as_str());
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::format_collect,
    reason = "a test's helpers fail by panicking too, and need not be fast"
)]

pub(crate) mod authenticator;
pub(crate) mod client;
pub(crate) mod gateway;
pub(crate) mod http2;
pub(crate) mod message;
pub(crate) mod ports;
pub(crate) mod real;
pub(crate) mod tls;
pub(crate) mod totp;
pub(crate) mod upstream;

pub(crate) use client::{Client, get};
pub(crate) use gateway::{Gateway, one_route};
pub(crate) use upstream::{Reply, Upstream};
