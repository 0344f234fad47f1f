//! zlib under the name of libz-ng-sys.
//!
//! pingora-core asks flate2 for its zlib-ng backend, and the real libz-ng-sys can be built with cmake only. countersign
//! promises to build with Rust and a C compiler alone, and never compresses; so the same functions come from the zlib
//! that libz-sys brings along and builds with the C compiler.

pub use libz_sys::*;
