//! A real node, asked by a real client over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says why by failing; clippy.toml allows it in test functions, not in their helpers"
)]

mod arguments;
mod contract;
mod developer;
mod errors;
mod history;
mod nonsense;
mod service;
mod sockets;
mod support;
mod transactions;
