//! The provider's agent: takes tasks of one pool, computes them, and is paid for what it finds.
//!
//! Read in this order:
//!
//! 1. [`screen`]: what a worker asks before it takes a task. It believes the chain, not its pool.
//! 2. [`step`]: what it does next about a task, a pure function of its record, the chain and the time.
//! 3. [`record`]: what it writes down before it does anything, so that a restart costs no stake.
//!    [`ranges`]: the same three for the certificate way, where the worker votes on ranges of tasks by signed messages.
//! 4. [`params`] and the run: fetch, check, compute, archive.
//! 5. [`start`]: the running worker. One task decides, errands do the rest, and a session with the pool speeds things up.
//! 6. [`page`]: what its owner sees of it, made of [`activity`], [`account`], [`machine`] and [`benchmark`].

pub mod account;
pub mod activity;
mod agent;
pub mod benchmark;
pub mod bonding;
mod config;
mod disk;
pub mod doctor;
mod fetch;
pub mod lending;
mod link;
mod logs;
pub mod machine;
#[cfg(feature = "misbehaviour")]
pub mod misbehaviour;
pub mod page;
pub mod params;
mod presence;
pub mod ranges;
pub mod record;
mod run;
pub mod screen;
mod sealing;
mod service;
pub mod step;

pub use config::{Config, Place};
pub use fetch::FetchError;
pub use presence::{Hours, HoursError, Pause, Presence, Seen};
pub use service::{Handle, StartError, start};
