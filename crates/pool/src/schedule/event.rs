//! What the scheduler is told, and what it orders.

use alloy_primitives::{Address, B256, Bytes};
use canut_protocol::{Deal, DealId, Failure, Score, Tag, TaskId};
use serde::{Deserialize, Serialize};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// On the chain, which is always right.
    Chain(ChainEvent),
    /// In the session with a worker, which may lie.
    Session(Address, SessionEvent),
    /// To an order of the scheduler itself.
    Errand(TaskId, Report),
    /// To an order about tasks that nobody initialised: it failed, for now.
    Unopened(DealId, Vec<u64>),
}

/// An event of the hub. Times come with the block, in seconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainEvent {
    /// A deal of this pool.
    Matched {
        /// Its id.
        id: DealId,
        /// What was agreed.
        deal: Box<Deal>,
        /// Reference time of its category, in seconds.
        time_ref: u64,
    },
    /// A task of a deal of this pool can be contributed to.
    Initialized {
        /// Its deal.
        deal: DealId,
        /// Its index.
        index: u64,
    },
    /// A vote.
    Contributed {
        /// On this task.
        task: TaskId,
        /// By this worker.
        worker: Address,
        /// For this result hash.
        hash: B256,
    },
    /// A result is certified.
    Certified {
        /// Of this task.
        task: TaskId,
        /// This result hash.
        hash: B256,
        /// Time of the block.
        at: u64,
    },
    /// A winner showed his digest.
    Revealed {
        /// Of this task.
        task: TaskId,
        /// This worker.
        worker: Address,
    },
    /// The certified result was thrown out.
    Reopened {
        /// Of this task.
        task: TaskId,
    },
    /// The task is paid.
    Finalized {
        /// This task.
        task: TaskId,
    },
    /// The task is refunded.
    Claimed {
        /// This task.
        task: TaskId,
    },
    /// The score of a worker is now this.
    Scored {
        /// Whose.
        worker: Address,
        /// His score.
        score: Score,
    },
}

/// An event of the session with a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// The worker is here.
    Joined(Ability, Vec<TaskId>),
    /// It computes so many tasks at the same time from now on.
    Slots(u32),
    /// The session ended.
    Left,
    /// The worker has its result, and its slot is free again.
    Computed(TaskId),
    /// The worker cannot go on with the task, or with the upload of its result.
    Failed(TaskId, Failure),
    /// The worker put the result in the store, under this CID.
    Uploaded(TaskId, String),
}

/// What a worker offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ability {
    /// Tasks it computes at the same time.
    pub slots: u32,
    /// Tag bits it can satisfy.
    pub tag: Tag,
}

/// How an order went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The uploaded result is the certified one.
    Checked(Delivery),
    /// It is not, or could not be looked at.
    Unchecked(Failure),
    /// The transaction was not carried out. The chain may have moved on, or be out of reach.
    Thwarted,
}

/// A result that was fetched and found to be the certified one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// CID of its archive.
    pub cid: String,
    /// What is delivered on chain; empty without a callback.
    pub callback: Bytes,
}

/// An order. Every order can be repeated, and is after a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Transaction: open tasks of a deal.
    Initialize {
        /// The deal.
        deal: DealId,
        /// Their indices.
        indices: Vec<u64>,
    },
    /// Sign the authorisation and send it to the worker.
    Authorise {
        /// To contribute to this task.
        task: TaskId,
        /// The worker.
        worker: Address,
        /// Whether the worker may contribute and finalize at once (trust 1).
        sole: bool,
    },
    /// Tell a winner to reveal.
    Reveal {
        /// Which task.
        task: TaskId,
        /// The winner.
        worker: Address,
    },
    /// Tell a winner to upload its result.
    Upload {
        /// Of this task.
        task: TaskId,
        /// The winner.
        worker: Address,
    },
    /// Tell a worker to drop a task.
    Abort {
        /// Which.
        task: TaskId,
        /// The worker.
        worker: Address,
    },
    /// Fetch an uploaded result and see whether it is the certified one.
    Check {
        /// Of this task.
        task: TaskId,
        /// Where it is.
        cid: String,
        /// The certified result hash.
        consensus: B256,
    },
    /// Transaction: publish the result and pay.
    Finalize {
        /// The task.
        task: TaskId,
        /// Its result.
        delivery: Delivery,
    },
    /// Transaction: throw out a result that nobody revealed.
    Reopen {
        /// The task.
        task: TaskId,
    },
    /// Transaction: give back what a failed task locked.
    Claim {
        /// The task.
        task: TaskId,
    },
    /// Transaction: the same for tasks that nobody initialised.
    ClaimUnopened {
        /// Their deal.
        deal: DealId,
        /// Their indices.
        indices: Vec<u64>,
    },
}
