//! The head that goes upstream, and what is taken out of the one that comes back.
//!
//! Everything that a client may not say is removed, then everything that we say is set once, last. Nothing goes upstream
//! without this, and this asks for a [`Permit`]. Source: contract section 4.

use http::HeaderValue;
use http::header::{AUTHORIZATION, COOKIE, UPGRADE};

use super::admit::Trail;
use super::assertion::Unsigned;
use super::route::Route;
use super::{Asked, Gateway};
use crate::control::{Rule, holds};
use crate::header::cookie;
use crate::header::fields::Fields;
use crate::header::forwarded::{self, Edge, Trace};
use crate::header::identity::{self, Unspeakable};
use crate::header::protected::{ASSERTION, is_alias, is_forwarding, is_method_override};
use crate::model::policy::Permit;
use crate::model::time::Now;

/// A request that may pass, on its way upstream.
#[derive(Debug, Clone, Copy)]
pub struct Outbound<'a> {
    /// The route that it is on.
    pub route: &'a Route,
    /// That it may pass, and who is asking.
    pub permit: &'a Permit,
    /// How it was decided.
    pub trail: &'a Trail,
    /// Where it came from.
    pub edge: Edge<'a>,
    /// By what names it is followed.
    pub trace: &'a Trace,
}

/// Why a request that may pass cannot be sent on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// Who is asking cannot be said in a header.
    #[error(transparent)]
    Unspeakable(#[from] Unspeakable),
    /// Who is asking has to be signed and cannot be.
    #[error(transparent)]
    Unsigned(#[from] Unsigned),
}

impl Gateway {
    /// What the edge knows of a request whose host was found good.
    #[must_use]
    pub fn edge<'a>(&self, asked: &Asked<'a>) -> Edge<'a> {
        Edge {
            peer: asked.peer,
            is_trusted: self.trusted.contains(asked.peer) || !holds(Rule::Forwarding),
            is_tls: asked.is_tls,
            host: asked.host.unwrap_or_default(),
        }
    }

    /// Makes the head that goes upstream from the client's, which `head` holds.
    ///
    /// # Errors
    /// If who is asking cannot be said: the request must not go on.
    pub fn prepare(
        &self,
        head: &mut impl Fields,
        outbound: &Outbound<'_>,
        now: Now,
    ) -> Result<(), Unsendable> {
        let rule = &outbound.route.rule;
        let (is_trusted, is_narrowed) = (outbound.edge.is_trusted, rule.methods.is_some());
        let is_credential = !outbound.trail.keeps_authorization && holds(Rule::Credentials);
        head.remove_where(|field| {
            let name = field.as_str().as_bytes();
            (is_credential && *field == AUTHORIZATION)
                || (!rule.websocket && *field == UPGRADE)
                || (holds(Rule::Strip) && self.protected.contains(name))
                || is_alias(name)
                || (!is_trusted && is_forwarding(name))
                || (is_narrowed && is_method_override(name))
        });
        self.take_out_cookie(head);
        forwarded::stamp(head, &outbound.edge);
        outbound.trace.stamp(head);
        if let Some(identity) = outbound.permit.identity() {
            identity::stamp(head, &rule.identity, identity)?;
            if rule.assertion {
                let signer = self.signer.as_ref().ok_or(Unsigned)?;
                head.set(&ASSERTION, signer.sign(&rule.name, identity, now.wall)?);
            }
        }
        Ok(())
    }

    /// Removes from a response what only we may say.
    pub fn clean_response(&self, head: &mut impl Fields) {
        head.remove_where(|name| self.protected.contains(name.as_str().as_bytes()));
    }

    /// Takes our cookies out. What is left of several fields is joined as RFC 9113 §8.2.3 joins them.
    fn take_out_cookie(&self, head: &mut impl Fields) {
        let fields = head.map().get_all(COOKIE);
        let has_ours = fields
            .iter()
            .any(|field| cookie::without_ours(field, self.cookies).is_some());
        if !has_ours || !holds(Rule::Cookie) {
            return;
        }
        let left: Vec<HeaderValue> = fields
            .iter()
            .map(|field| cookie::without_ours(field, self.cookies).unwrap_or_else(|| field.clone()))
            .filter(|field| !field.is_empty())
            .collect();
        let left: Vec<&[u8]> = left.iter().map(HeaderValue::as_bytes).collect();
        match HeaderValue::from_bytes(&left.join(&b"; "[..])) {
            Ok(joined) if !joined.is_empty() => head.set(&COOKIE, joined),
            _ => head.remove(&COOKIE),
        }
    }
}
