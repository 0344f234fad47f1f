//! `[[route]]`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use crate::model::account::{Group, Role};
use crate::model::credential::{Accept, AuthMethod};
use crate::model::id::ClientId;
use crate::model::policy::{Access, Requirement};
use crate::model::scope::Scope;

use super::identity::IdentityMapping;
use super::mistake::nearest;
use super::place;
use super::reader::Table;
use super::server::DAY;
use super::upstream::Upstream;
use super::value::{Read, duration, flag, text, word};

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

/// What a route can name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) upstreams: &'a BTreeMap<Arc<str>, Upstream>,
    /// The presets are among them.
    pub(super) identities: &'a BTreeMap<Arc<str>, Arc<IdentityMapping>>,
}

impl Route {
    /// Reads every `[[route]]`.
    pub(super) fn read_all(tables: Vec<Table<'_>>, named: Named<'_>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for table in tables {
            let route = Self::read(table, named, &all);
            all.push(route);
        }
        all
    }

    fn read(mut table: Table<'_>, named: Named<'_>, before: &[Self]) -> Self {
        let allow = table.list(
            "allow",
            word(&[(ENCODED_SLASH, ENCODED_SLASH), (DOUBLE_SLASH, DOUBLE_SLASH)]),
        );
        let allow = allow.unwrap_or_default();
        let (slash, double) = (
            allow.contains(&ENCODED_SLASH),
            allow.contains(&DOUBLE_SLASH),
        );
        let upstreams = named.upstreams.keys().map(|name| (name, name));
        let identities = named.identities.iter();
        let default_identity = pick("forwarded", identities.clone(), "identity")
            .expect("the presets are among the identities");
        let route = Self {
            name: table.required("name", "".into(), text(name)),
            host: table.optional("host", text(place::host)),
            path: table.or(
                "path",
                "/".into(),
                text(|path| place::path(path, slash, double)),
            ),
            upstream: table.required(
                "upstream",
                "".into(),
                text(|text| pick(text, upstreams, "upstream")),
            ),
            requirement: requirement(&mut table),
            methods: table.list("methods", |node| text(method)(node)),
            foreign: table.or(
                "foreign",
                Foreign::Refuse,
                word(&[("refuse", Foreign::Refuse), ("pass", Foreign::Pass)]),
            ),
            identity: table.or(
                "identity",
                default_identity,
                text(|text| pick(text, identities, "identity")),
            ),
            assertion: table.or("assertion", false, flag),
            websocket: table.or("websocket", false, flag),
            ignore_case: table.or("ignore_case", false, flag),
            allow_encoded_slash: slash,
            allow_double_slash: double,
        };
        route.check(&table, before);
        route
    }

    /// What its keys say together, and what it says beside the routes before it.
    fn check(&self, table: &Table<'_>, before: &[Self]) {
        let access = self.requirement.access;
        if access != Access::Required {
            for key in DEMANDS.into_iter().filter(|key| table.has(key)) {
                table.note(
                    key,
                    "needs access = \"required\"; write that, or leave this out",
                );
            }
        }
        if access == Access::Required && self.foreign == Foreign::Pass {
            table.note(
                "foreign",
                "\"pass\" needs access = \"optional\" or \"none\"; leave it out",
            );
        }
        if access != Access::None && table.has_empty("accept") {
            table.note(
                "accept",
                "is empty, so that nobody could pass; name a form, or write access = \"none\"",
            );
        }
        if table.has_empty("methods") {
            table.note(
                "methods",
                "is empty, so that no request could pass; leave it out to allow all",
            );
        }
        if table.has("name") && before.iter().any(|route| route.name == self.name) {
            table.note(
                "name",
                format!(
                    "{:?} is the name of a route above; choose another",
                    self.name
                ),
            );
        }
    }

    /// Whether every request of `other`, which stands after this one, meets this one first.
    pub(super) fn hides(&self, other: &Self) -> bool {
        let (mine, theirs) = (
            self.path.trim_end_matches('/'),
            other.path.trim_end_matches('/'),
        );
        let same_path = if self.ignore_case {
            mine.eq_ignore_ascii_case(theirs)
        } else {
            mine == theirs && !other.ignore_case
        };
        same_path && self.host == other.host
    }
}

fn requirement(table: &mut Table<'_>) -> Requirement {
    let accesses = [
        ("required", Access::Required),
        ("optional", Access::Optional),
        ("none", Access::None),
    ];
    let forms = AuthMethod::ALL.map(|form| (form.as_str(), form));
    let age = duration(Duration::from_secs(1)..=DAY);
    Requirement {
        access: table.or("access", Access::Required, word(&accesses)),
        accept: table.list("accept", word(&forms)).map_or_else(
            || AuthMethod::USUAL.into_iter().collect(),
            Accept::from_iter,
        ),
        roles: names(table, "roles", |text| {
            Role::parse(text).map_err(|error| error.to_string())
        }),
        groups: names(table, "groups", |text| {
            Group::parse(text).map_err(|error| error.to_string())
        }),
        clients: names(table, "clients", |text| {
            ClientId::parse(text).map_err(|error| error.to_string())
        }),
        scopes: names(table, "scopes", |text| {
            Scope::parse(text).ok_or_else(|| {
                format!(
                    "{text:?} is not a scope; write printable ASCII without space, \", \\ and comma"
                )
            })
        }),
        elevated: table.optional("elevated", age),
        shadow: table.or("shadow", false, flag),
    }
}

fn names<T>(table: &mut Table<'_>, key: &'static str, parse: impl Fn(&str) -> Read<T>) -> Box<[T]> {
    let list = table.list(key, |node| text(&parse)(node));
    list.unwrap_or_default().into()
}

/// A route's name: what metrics, logs and an assertion can carry without escaping.
fn name(text: &str) -> Read<Arc<str>> {
    let fits = |b: u8| (b' '..=b'~').contains(&b) && !b"\"\\".contains(&b);
    if (1..=64).contains(&text.len()) && text.trim() == text && text.bytes().all(fits) {
        Ok(text.into())
    } else {
        Err(
            "cannot be a name; write 1 to 64 characters of printable ASCII without \" and \\"
                .to_owned(),
        )
    }
}

/// Finds what a route names.
fn pick<'a, T: Clone + 'a>(
    text: &str,
    mut among: impl Iterator<Item = (&'a Arc<str>, &'a T)> + Clone,
    what: &str,
) -> Read<T> {
    let names = among.clone().map(|(name, _)| name.as_ref());
    among
        .find(|(name, _)| name.as_ref() == text)
        .map(|(_, value)| value.clone())
        .ok_or_else(|| match nearest(text, names) {
            Some(near) => format!("there is no {what} {text:?}; did you mean {near:?}?"),
            None => format!("there is no {what} {text:?}; add [{what}.{text}]"),
        })
}

fn method(text: &str) -> Read<Method> {
    let upper = text.to_ascii_uppercase();
    if ["TRACE", "CONNECT"].contains(&upper.as_str()) {
        return Err(format!("{text:?} is never allowed; leave it out"));
    }
    if upper != text && STANDARD.contains(&upper.as_str()) {
        return Err(format!(
            "{text:?} is not {upper:?}: methods are with letter case; write {upper:?}"
        ));
    }
    Method::from_bytes(text.as_bytes())
        .map_err(|_| format!("{text:?} is not a method; write \"GET\" or the like"))
}

/// The keys that ask something of a principal.
const DEMANDS: [&str; 5] = ["roles", "groups", "clients", "scopes", "elevated"];
const STANDARD: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
const ENCODED_SLASH: &str = "encoded-slash";
const DOUBLE_SLASH: &str = "double-slash";
