//! What crosses crates: a world to play markets in, and the tests that play them.
//!
//! A [`Market`](market::Market) is a whole market on an EVM in memory, deployed as either [`Side`](market::Side): Canut's own
//! contracts, or those that PoCo publishes. The same play runs on both, and [`journal`] says where they part.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test harness fails by panicking, with the reason"
)]

pub mod abi;
pub mod actor;
pub mod artifact;
pub mod journal;
pub mod market;
pub mod outcome;
pub mod world;
