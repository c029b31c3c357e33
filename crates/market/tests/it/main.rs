//! The market as its users meet it: over HTTP, on both databases, over a chain that forks.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "the helpers of tests are tests"
)]

mod anvil;
mod book;
mod chain_moves;
mod compass;
mod database;
mod feed;
mod hostile;
mod prices;
mod rules;
mod story;
mod world;
