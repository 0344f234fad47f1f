//! `[[route]]`.

use std::sync::Arc;

use http::Method;

use crate::model::policy::Requirement;

use super::identity::IdentityMapping;

/// One route as configured.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its name, for logs, metrics and the assertion's `aud`.
    pub name: Arc<str>,
    /// The host that it is for, lower case, without port and final dot; `None` for every host.
    pub host: Option<Box<str>>,
    /// The prefix that it covers, whole segments, in matching form.
    pub path: Box<str>,
    /// The upstream's name.
    pub upstream: Arc<str>,
    /// What it asks.
    pub requirement: Requirement,
    /// The methods it allows; `None` for all but `TRACE` and `CONNECT`. With `GET` goes `HEAD`.
    pub methods: Option<Vec<Method>>,
    /// Whether an `Authorization` that is not ours goes upstream.
    pub foreign: Foreign,
    /// What the upstream is told.
    pub identity: Arc<IdentityMapping>,
    /// Whether it also gets a signed assertion.
    pub assertion: bool,
    /// Whether it may speak WebSocket.
    pub websocket: bool,
    /// Whether its path matches without letter case.
    pub ignore_case: bool,
    /// Whether an encoded `/` may stand in the path.
    pub allow_encoded_slash: bool,
    /// Whether `//` may stand in the path.
    pub allow_double_slash: bool,
}

/// What becomes of an `Authorization` that is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Foreign {
    /// It is a bad credential and never goes upstream.
    #[default]
    Refuse,
    /// `foreign = "pass"`: it goes upstream untouched.
    Pass,
}
