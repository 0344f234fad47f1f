//! pingora's heads as [`Fields`]: they keep the spelling of names beside the fields, and both have to change together.

use http::{HeaderMap, HeaderName, HeaderValue};
use pingora_http::{RequestHeader, ResponseHeader};

use crate::header::fields::Fields;

/// A request's head.
pub(super) struct RequestFields<'a>(pub(super) &'a mut RequestHeader);

/// A response's head.
pub(super) struct ResponseFields<'a>(pub(super) &'a mut ResponseHeader);

impl Fields for RequestFields<'_> {
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
