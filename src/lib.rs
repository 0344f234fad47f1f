//! countersign: an authenticating reverse proxy and sidecar with its own token store, honest revocation and four login
//! dialects. A sentry challenges; the countersign lets you pass.
//!
//! This page is the map. It says how a request and a login travel, what always holds, and where everything lives. Where
//! the code and the map differ, one of them is a defect.
//!
//! # One request, one way
//!
//! ```text
//! bytes ──front──────────────────▶ request              broken framing ─▶ 400, the connection closes
//!       ──gateway::route─────────▶ Route                none ─▶ 404, method ─▶ 405
//!       ──header::credential─────▶ what was shown       malformed or doubled ─▶ 400
//!       ──auth::Verifier─────────▶ Option<Principal>    the store cannot answer ─▶ 503
//!             cache by digest, else the store            the only step that waits
//!       ──model::policy::decide──▶ Permit │ Denial      ─▶ 401, 403, or 302 to the login page
//!       ──header::identity───────▶ stamped request ──▶ upstream
//! ```
//!
//! Each step is a total function whose result is the next one's argument. All steps from the route to the permit are one
//! function of [`gateway`], and everything that needs a decision calls that one: the proxy, other proxies' subrequests,
//! `explain`. A [`Permit`](model::policy::Permit) is made by [`decide`](model::policy::decide) alone, and choosing an
//! upstream and stamping the identity ask for one: forwarding without a decision does not compile.
//!
//! A token that is unknown, expired or revoked is an answer, not an error. The time is read once per request, at the edge,
//! and passed down as [`Now`](model::time::Now).
//!
//! # One login, one way
//!
//! ```text
//! a dialect's body ──auth::Issuer──▶ throttle ▶ client ▶ account ▶ password ▶ second factor ▶ mint
//!                                    ▶ store + audit record + feed entry, in one transaction
//!                                    ▶ Issued ──▶ the dialect's words
//! ```
//!
//! The dialects are small siblings over that one core. Another one is a file, a mount and a test; there is no trait to
//! implement.
//!
//! # What always holds
//!
//! 1. Only [`decide`](model::policy::decide) makes a permit, and only
//!    [`PlainToken::generate`](model::token::PlainToken::generate) and its
//!    [`successor`](model::token::PlainToken::successor) make a token.
//! 2. A secret has a `Debug` that does not show it, no `Display` and no `Serialize`; sending it takes `.expose()`.
//! 3. A store that fails is 503: never an anonymous request, never 401, never a success that was not written.
//! 4. What is cached is the facts of a token, never a decision and never a password check. An entry dies with its token,
//!    with any [`Change`](model::change::Change) of its account, client or session, and is not believed when the feed has
//!    been silent for longer than the revocation bound.
//! 5. Identity headers are removed from every request on every route, then set once, last, from the verified principal.
//! 6. The path that is matched is the path that is forwarded, byte for byte.
//! 7. The configuration is valid or the process does not start; nothing of it is checked again per request.
//! 8. Every queue, cache, body, pool, retry and wait has a limit.
//! 9. A change, its audit record, its mails and its feed entry are one transaction of the [`Store`](store::Store).
//! 10. The process serves what it can while a part is down, and says which part.
//!
//! # The rooms
//!
//! A room sees only rooms of lower rank, and a crate that stands behind a *door* is named by no other room. `tests/tidy.rs`
//! reads the sources and holds both.
//!
//! | room | rank | what it is | door |
//! |---|---|---|---|
//! | `main.rs` | 10 | hands the arguments to [`cli`], prints the error chain, exits | |
//! | [`cli`] | 9 | the command line, a file per command group | clap, anyhow |
//! | [`server`] | 8 | puts everything together: configuration, store, auth, gateway, listeners | |
//! | [`telemetry`] | 7 | log lines, and what is left out of them | tracing-subscriber |
//! | [`front`] | 7 | from a connection to requests: accepting, TLS, HTTP/2, reading heads strictly, draining | pingora, rustls, h2, ppp |
//! | [`proxy`] | 6 | the full lane: pingora's phases in our types | pingora |
//! | [`admin`] | 6 | the admin listener: metrics, health, reload | axum |
//! | [`dialect`] | 6 | the login APIs that clients already speak | axum |
//! | [`pages`] | 5 | what people see: the frame of our pages and their forms | axum, maud, qrcode |
//! | [`gateway`] | 5 | the route table, the one decision, upstreams, live connections, assertions | |
//! | [`auth`] | 4 | verifying and issuing: cache, passwords, throttle, feed, mail, security keys, OpenID providers | `quick_cache`, argon2, lettre, ciborium, hyper |
//! | [`store`] | 3 | where everything lives that must not be forgotten | rusqlite |
//! | [`header`] | 3 | headers to model and back, pure | base64 |
//! | [`config`] | 2 | the file and the environment: as written, then as used | toml, rustls and x509-parser (`tls.rs`, `authorities.rs`) |
//! | [`metrics`] | 1 | every number that is exported, with typed labels | prometheus |
//! | [`clock`] | 1 | what time it is | |
//! | [`control`] | 0 | rules that a test can break on purpose; nothing else can | |
//! | [`model`] | 0 | the nouns, pure; **its page is the dictionary** | |
//!
//! # Where to start reading
//!
//! [`model`] for the words, [`model::policy`] for the decision, then [`gateway`] for the way to it. An operator's view is
//! `countersign help` and `countersign config example`.

pub mod model;

pub mod clock;
pub mod control;
pub mod metrics;

pub mod config;

pub mod header;
pub mod store;

pub mod auth;

pub mod gateway;
pub mod pages;

pub mod admin;
pub mod dialect;
pub mod proxy;

pub mod front;

pub mod server;
pub mod telemetry;

pub mod cli;
