//! The scheduler of a workerpool: watches its deals, keeps sessions with its workers, chooses who computes what until trust is
//! met, and settles.
//!
//! Read in this order:
//!
//! 1. [`schedule`]: the decisions, pure. Who computes what, when to ask for more, when to reveal, finalize, reopen or claim.
//!    [`ranges`]: the same for the certificate way, where workers vote on whole ranges by signed messages.
//! 2. [`session`]: what a pool and a worker say to each other.
//! 3. [`archive`]: whether an uploaded result is the certified one.
//! 4. [`ledger`]: what is written down, before anything is done about it.
//! 5. [`start`]: the running service, one task that decides and several that carry out.
//!
//! The chain is the truth. A pool that lost everything reads its deals, tasks and votes from the chain and carries on; a pool
//! that stops in the middle carries on when started again, because every order can be given twice.

pub mod archive;
mod clock;
mod config;
mod idle;
pub mod ledger;
pub mod ranges;
pub mod schedule;
mod service;
pub mod session;
mod stragglers;

pub use clock::Clock;
pub use config::{Config, STRIDE, SessionLimits, Way};
pub use idle::Idle;
pub use service::{Handle, StartError, start};

use alloy_primitives::Bytes;

/// What is published on chain for a result in the store: the JSON link that iExec's SDK follows (offchain.md, section 4.1).
pub fn link(cid: &str) -> Bytes {
    service::link(cid)
}
