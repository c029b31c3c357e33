//! The hub against a real node.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail the test"
)]

mod deploying;
mod faults;
mod following;
mod market;
mod node;
mod refusing;
mod sending;
mod working;
