//! A pool and its workers on a real chain, over real sockets.

#![allow(missing_docs, unreachable_pub, reason = "tests")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says why by failing; clippy.toml allows it in test functions, not in their helpers"
)]

mod bag;
mod benchmark;
#[path = "../../../sandbox/tests/it/containers/place.rs"]
#[expect(dead_code, reason = "the tests of the sandbox use more of it")]
mod boxes;
mod containers;
mod depot;
mod loom;
mod market;
#[path = "../../../hub/tests/hub/node.rs"]
mod node;
mod page;
mod presence;
mod ranges;
mod registry;
mod relay;
mod restarts;
