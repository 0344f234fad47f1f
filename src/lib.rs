//! countersign: an authenticating reverse proxy and sidecar.

pub mod model;

pub mod clock;
pub mod metrics;

pub mod config;

pub mod header;
pub mod store;

pub mod auth;

pub mod gateway;

pub mod admin;
pub mod dialect;
pub mod proxy;

pub mod server;
pub mod telemetry;

pub mod cli;
