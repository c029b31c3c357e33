//! What is said in a session.

use alloy_primitives::{Address, B256, Bytes};
use canut_protocol::{DealId, Failure, Tag, TaskId};
use serde::{Deserialize, Serialize};

/// From the pool to a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ToWorker {
    /// First message: prove who you are.
    Challenge {
        /// [`VERSION`](super::VERSION) of the pool.
        version: u32,
        /// Chain of the hub.
        chain_id: u64,
        /// The hub.
        hub: Address,
        /// The workerpool.
        workerpool: Address,
        /// Random, for this session alone.
        nonce: B256,
    },
    /// The worker is in.
    Welcome {
        /// The pool is heard from at least this often, in seconds; a session silent for three times as long is dead.
        heartbeat: u64,
    },
    /// Compute this task.
    Assign {
        /// The task.
        task: TaskId,
        /// Its deal.
        deal: DealId,
        /// Its index.
        index: u64,
        /// The scheduler's signature that authorises the worker.
        authorization: Bytes,
        /// Whether the worker may contribute and finalize at once.
        sole: bool,
    },
    /// Your result is certified: reveal it.
    Reveal {
        /// Of this task.
        task: TaskId,
    },
    /// Put your result in the store.
    Upload {
        /// Of this task.
        task: TaskId,
    },
    /// The task is not wanted any more.
    Abort {
        /// Which.
        task: TaskId,
    },
    /// Last message: why the session ends.
    Farewell {
        /// In words.
        reason: String,
    },
}

/// From a worker to the pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ToPool {
    /// The answer to the challenge.
    Hello {
        /// [`VERSION`](super::VERSION) of the worker.
        version: u32,
        /// Its address.
        worker: Address,
        /// Signature of [`digest`](super::digest) by its key.
        signature: Bytes,
        /// Tasks it computes at the same time.
        slots: u32,
        /// Tag bits it can satisfy.
        tag: Tag,
        /// Tasks it holds, computing or keeping a result.
        holding: Vec<TaskId>,
    },
    /// The result is there, the vote is on its way, and the slot is free.
    Computed {
        /// Of this task.
        task: TaskId,
    },
    /// The worker cannot go on with the task, or with its upload.
    Failed {
        /// Which.
        task: TaskId,
        /// Why.
        failure: Failure,
    },
    /// The result is in the store.
    Uploaded {
        /// Of this task.
        task: TaskId,
        /// CID of its archive.
        cid: String,
    },
}
