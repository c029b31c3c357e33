//! The tasks that a worker holds.

use canut_protocol::{TaskId, task::Task};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    activity::{self, Stage, Work},
    record::Record,
};

/// A task, and what the worker is doing about it.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) record: Record,
    /// Since when it is as far as it is, by the clock of this machine, in seconds since the epoch.
    pub(super) since: u64,
    /// What the chain said last; `None` when something happened since.
    pub(super) view: Option<Task>,
    /// Whether something happened while the chain was asked.
    pub(super) outdated: bool,
    /// Whether the worker's vote is on chain, as far as it was seen.
    pub(super) voted: bool,
    /// Whether the pool told it to reveal.
    pub(super) told: bool,
    /// Whether the pool asked for the result.
    pub(super) asked: bool,
    /// What is under way, and how to stop it.
    pub(super) busy: Option<(Errand, CancellationToken)>,
    /// Errands that failed in a row.
    pub(super) failures: u32,
    /// Not before then.
    pub(super) rest_until: Option<Instant>,
    /// When there may be something to do, in seconds since the epoch.
    pub(super) wake: Option<u64>,
}

/// Something that takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errand {
    /// Asking the chain.
    Look,
    /// Running the app.
    Compute,
    /// A transaction.
    Send,
    /// Putting the result in the store.
    Upload,
}

impl Held {
    pub(super) fn new(record: Record) -> Self {
        Self {
            record,
            since: activity::now(),
            view: None,
            outdated: false,
            voted: false,
            told: false,
            asked: false,
            busy: None,
            failures: 0,
            rest_until: None,
            wake: None,
        }
    }

    pub(super) fn work(&self) -> Work {
        Work {
            deal: self.record.deal,
            first: self.record.index,
            count: 1,
            done: u64::from(self.record.found.is_some()),
            stage: match (&self.record.found, self.voted) {
                (None, _) => Stage::Computing,
                (Some(_), false) => Stage::Offering,
                (Some(_), true) => Stage::Voted,
            },
            since: self.since,
        }
    }

    pub(super) const fn task(&self) -> TaskId {
        self.record.task
    }

    /// Whether a slot is, or will be, taken by its run.
    pub(super) const fn wants_slot(&self) -> bool {
        self.record.found.is_none()
    }

    pub(super) fn is_computing(&self) -> bool {
        matches!(self.busy, Some((Errand::Compute, _)))
    }
}
