//! The real binary, from outside: other people's programs talk to it and stand behind it, it is killed, its store is
//! taken away, and what it ever wrote is searched for secrets.
//!
//! Each test has a [`world::World`] of its own: a directory, free ports, an upstream. Whatever the world handed out as a
//! secret is looked for in everything the binary wrote, at level `trace`, when the world ends.

mod browser;
mod cargo_registry;
mod clients;
mod demo;
mod http;
mod kill;
mod people;
pub(crate) mod program;
mod radicale;
mod revocation;
mod secrets;
mod store_gone;
mod upstream;
mod world;
