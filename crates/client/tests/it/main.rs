//! A client among real services: a hub on a chain, a market, a store.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says why by failing; clippy.toml allows it in test functions, not in their helpers"
)]

mod crew;
mod orders;
mod prices;
mod purchase;
mod world;
