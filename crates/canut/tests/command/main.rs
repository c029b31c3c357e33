//! The command, as a person or a script runs it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says why by failing; clippy.toml allows it in test functions, not in their helpers"
)]

mod bond;
#[path = "../../../sandbox/tests/it/containers/place.rs"]
#[expect(dead_code, reason = "the tests of the sandbox use more of it")]
mod boxes;
mod chaos;
mod client;
mod demo;
#[path = "../../../worker/tests/it/depot.rs"]
mod depot;
mod drain;
mod durability;
mod image;
mod lend;
mod market;
mod mistakes;
mod network;
mod node;
mod pool;
mod receipt;
mod run;
mod services;
mod storm;
mod support;
#[path = "../../../sandbox/tests/it/containers/traces.rs"]
mod traces;
mod up;
mod vault;
