//! A client and the pools whose work it checks.
#![allow(missing_docs, unreachable_pub, reason = "tests")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says why by failing; clippy.toml allows it in test functions, not in their helpers"
)]

mod audits;
mod claim;
mod fallback;
#[path = "../../../worker/tests/it/loom.rs"]
mod loom;
#[path = "../../../worker/tests/it/market.rs"]
#[allow(dead_code, reason = "the tests of the worker use more of it")]
mod market;
#[path = "../../../hub/tests/hub/node.rs"]
#[allow(dead_code, reason = "the tests of the hub use more of it")]
mod node;
