//! The rules of the market, pure: no I/O, no clock, no database.
//!
//! Canut speaks the protocol of PoCo 6.2.0 (token mode). Everything a party can work out alone is a function here: what an
//! order hashes to, whether four orders match and into which deal, when a result is certified, who is paid what. The
//! pool, the client and the simulation call these functions; the contracts are tested against them.
//!
//! Read in this order:
//!
//! 1. [`order`]: what people sign, and [`domain`]: what binds a signature to one hub on one chain.
//! 2. [`matching`]: when four orders make a [`deal`], and with which [`tag`], volume and ids.
//! 3. [`task`]: the life of one task of a deal, from its initialisation to the money.
//! 4. [`result`](mod@result): what workers commit to, [`declared`]: which files that is, and [`credibility`]: when their votes
//!    certify it.
//! 5. [`range`]: the certificate way, where all this happens off chain for many tasks at once and is proved by signatures.
//! 6. [`receipt`]: the same in one file, which anyone can check with nothing but the hash of a block.
//! 7. [`money`], [`settlement`] and [`ledger`]: stakes, prices, rewards, and the accounts they move between.
//! 8. [`location`]: where the bytes of an app or a dataset are.
//! 9. [`benchmark`]: what a worker says its machine can do.
//! 10. [`failure`]: why work on a task failed, whose fault it is, and what to do.
//!
//! Money is counted in nRLC (10⁻⁹ RLC), time in seconds since the Unix epoch, and every division rounds down, as on chain.
//! Arithmetic is checked: where the contract would panic, a function here returns [`Overflow`].

pub mod benchmark;
pub mod category;
pub mod credibility;
pub mod deal;
pub mod declared;
pub mod domain;
pub mod failure;
pub mod id;
mod json;
pub mod ledger;
pub mod location;
pub mod matching;
pub mod money;
pub mod order;
pub mod range;
pub mod receipt;
pub mod result;
pub mod settlement;
pub mod signature;
pub mod tag;
pub mod task;

pub use credibility::{Score, Tally, Trust, Weight};
pub use deal::{Deal, Resource};
pub use domain::Domain;
pub use failure::{Failure, Fault};
pub use id::{DealId, OrderHash, TaskId};
pub use location::Location;
pub use money::{Nrlc, Overflow};
pub use order::{AppOrder, DatasetOrder, Order, RequestOrder, WorkerpoolOrder};
pub use range::{Range, RangeId};
pub use tag::Tag;
pub use task::Task;

#[cfg(test)]
mod test_support;
