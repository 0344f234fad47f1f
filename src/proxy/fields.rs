//! Changing the heads that pingora carries: they keep the spelling of names beside the fields, and both have to agree.

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use pingora_http::{RequestHeader, ResponseHeader};

use crate::header::fields::Fields;

/// A response's head as [`Fields`].
pub(super) struct ResponseFields<'a>(pub(super) &'a mut ResponseHeader);

/// Changes a request's fields. What pingora keeps beside them, the spelling of names, is let go: it doubles the cost of
/// every field that is copied, set or dropped, and names have no letter case.
pub(super) fn change<T>(head: &mut RequestHeader, change: impl FnOnce(&mut HeaderMap) -> T) -> T {
    let (empty, ()) = Request::new(()).into_parts();
    let mut parts = Parts::from(std::mem::replace(head, RequestHeader::from(empty)));
    let changed = change(&mut parts.headers);
    *head = RequestHeader::from(parts);
    changed
}

impl Fields for ResponseFields<'_> {
    fn map(&self) -> &HeaderMap {
        &self.0.headers
    }

    fn remove(&mut self, name: &HeaderName) {
        self.0.remove_header(name);
    }

    fn set(&mut self, name: &HeaderName, value: HeaderValue) {
        self.0
            .insert_header(name.clone(), value)
            .expect("a name and a value that are ones already");
    }
}
