//! What a worker is doing, for those who look.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use canut_protocol::DealId;
use serde::Serialize;
use tokio::sync::oneshot;

/// Some tasks of one deal that a worker holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    /// The deal.
    pub deal: DealId,
    /// Index of the first task.
    pub first: u64,
    /// How many tasks.
    pub count: u64,
    /// How many of them are computed.
    pub done: u64,
    /// How far the worker is with them.
    pub stage: Stage,
    /// Since when, in seconds since the epoch; for what was taken up again at a start, since then.
    pub since: u64,
}

/// How far a worker is with some tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// They are checked and computed, or wait for a slot.
    Computing,
    /// The worker has a vote on their results that the pool has not promised to count.
    Offering,
    /// It voted, and waits to be paid.
    Voted,
}

/// Whoever looks, and where the answer goes.
pub(crate) type Look = oneshot::Sender<Vec<Work>>;

/// How many tasks are computed. Clones are the same count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<AtomicU64>);

impl Progress {
    pub(crate) fn step(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn done(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The time by the clock of this machine, in seconds since the epoch.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
