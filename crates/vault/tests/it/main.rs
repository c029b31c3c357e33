//! A vault over a node of its own, spoken to over sockets.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says why by failing; clippy.toml allows it in test functions, not in their helpers"
)]

mod api;
mod world;
