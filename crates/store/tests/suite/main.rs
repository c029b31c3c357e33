//! The store as its users meet it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets an error has failed"
)]

mod collection;
mod durability;
mod gateway;
mod hostile;
mod remote;
mod rpc;
mod streaming;
mod support;
mod vectors;
