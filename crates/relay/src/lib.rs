//! The relay: carries what workers without ether have signed to the hub, when their pool stalls (§8.3).
//!
//! Everything that binds is signed, so anyone may carry it. A worker whose pool does not settle in time hands its votes, what
//! it voted for, or the proof that the pool left it out to a relay, which sends the transaction and pays for the gas. Who posts
//! the first vote on a range, and who has it decided, is given a part of the stake of the pool that stalled: that is the
//! relay's pay.
//!
//! - [`Errand`] is what is carried; whoever has ether may [send](Errand::send) it alone.
//! - [`Server`] runs a relay. It keeps nothing: a worker asks again until the chain shows what it wants.
//! - [`Remote`] is a client.
//!
//! A relay believes nobody: each transaction is tried out before it is sent, so what the hub would refuse costs nothing. What it
//! may lose is the ether of its key, which should be used for nothing else.

mod errand;
mod remote;
mod server;

pub use errand::{Errand, Sent};
pub use remote::{Remote, RemoteError};
pub use server::{Config, Server, StartError};
