//! Apps run in the runtimes: what they can do, and all that they cannot.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says why by failing; clippy.toml allows it in test functions, not in their helpers"
)]

mod apps;
mod cache;
mod containers;
mod determinism;
mod escapes;
mod guest;
mod limits;
mod loader;
mod outcomes;
