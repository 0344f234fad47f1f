//! Fields that can be changed: the head of a request on its way upstream, whoever carries it.

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};

/// The fields of a head. A [`HeaderMap`] is one; a carrier that keeps more beside it, such as the spelling of names,
/// brings its own.
pub trait Fields {
    /// The fields as they are.
    fn map(&self) -> &HeaderMap;

    /// Removes every field of a name.
    fn remove(&mut self, name: &HeaderName);

    /// Puts one field in the place of every field of its name.
    fn set(&mut self, name: &HeaderName, value: HeaderValue);

    /// Removes every field whose name is named. Allocates only if there is one.
    fn remove_where(&mut self, named: impl Fn(&HeaderName) -> bool)
    where
        Self: Sized,
    {
        let doomed: Vec<HeaderName> = self
            .map()
            .keys()
            .filter(|name| named(name))
            .cloned()
            .collect();
        for name in &doomed {
            self.remove(name);
        }
    }
}

impl Fields for HeaderMap {
    fn map(&self) -> &HeaderMap {
        self
    }

    fn remove(&mut self, name: &HeaderName) {
        Self::remove(self, name);
    }

    fn set(&mut self, name: &HeaderName, value: HeaderValue) {
        self.insert(name, value);
    }
}
