//! The tests that need more than one room: real sockets, real files, other people's programs. One binary, so that it
//! links once. A module per thing that somebody depends on.

mod admin;
mod auth;
mod cli;
mod config;
mod dialect;
#[cfg(test)]
mod e2e;
#[cfg(test)]
mod floods;
mod front;
#[cfg(feature = "controls")]
mod fuzz;
mod gateway;
#[cfg(test)]
mod listen;
mod pages;
mod proxy;
mod store;
mod support;
mod vectors;
