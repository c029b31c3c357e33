//! A page about the worker, for its owner: what it does, earned and lost, and why it is not asked for more.
//!
//! It is on the machine itself unless told otherwise, shows nothing that is secret and takes no orders. [`watch`] finds out,
//! [`html`] shows it to people, and the same is told as JSON.

mod html;
mod server;
mod watch;

use std::net::SocketAddr;

use alloy_primitives::Address;
use canut_pool::ranges::WorkerView;
use canut_protocol::{Nrlc, benchmark::Benchmark};
use serde::Serialize;

use crate::{Pause, account::Earnings, activity::Work, machine::Machine};

pub(crate) use server::Server;
pub(crate) use watch::Watch;
pub use watch::{Hour, Spell};

/// What the page is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Address to serve it on. Whoever reaches it may read it.
    pub listen: SocketAddr,
    /// Block to count earnings and losses from.
    pub start_block: u64,
}

/// Everything that is shown.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// Who.
    pub worker: Address,
    /// For which workerpool.
    pub workerpool: Address,
    /// Where the pool is.
    pub pool: String,
    /// Version of the worker.
    pub version: &'static str,
    /// When this was told, in seconds since the epoch, by the clock of this machine.
    pub time: u64,
    /// Tasks computed at the same time.
    pub slots: usize,
    /// Why no new tasks are taken, if they are not.
    pub pause: Option<Pause>,
    /// What it holds.
    pub work: Vec<Work>,
    /// What it has; `None` while the chain does not answer.
    pub money: Option<Money>,
    /// What it earned and lost.
    pub earnings: Earnings,
    /// The block up to which that is known; `None` before anything was read.
    pub read: Option<u64>,
    /// What the pool says of it; `None` while that does not answer.
    pub seen: Option<WorkerView>,
    /// Why it was not asked for more, in the last hour.
    pub hour: Hour,
    /// The machine.
    pub machine: Machine,
    /// What it was measured to do.
    pub benchmark: Option<Benchmark>,
    /// What is free of it.
    pub free: Free,
    /// Whether container images are run, besides WebAssembly.
    pub containers: bool,
}

/// What a worker has on the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Money {
    /// Free.
    pub free: Nrlc,
    /// Answering for votes and bonds.
    pub locked: Nrlc,
    /// Of that, bonded to the pool.
    pub bond: Nrlc,
    /// Its score in the pool.
    pub score: u8,
}

/// What is free of a machine, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Free {
    /// Of memory.
    pub memory: Option<u64>,
    /// Of the disk with the worker's folder.
    pub disk: Option<u64>,
}
