//! What is said in a session.

use alloy_primitives::{Address, B256, Bytes};
use canut_protocol::{
    DealId, Failure, Tag, TaskId,
    benchmark::SignedBenchmark,
    range::{Leaves, Range, Value, Vote},
    signature::CompactSignature,
};
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
    /// Compute these tasks, and vote on them. It binds nobody.
    Offer {
        /// Which tasks.
        range: Range,
        /// Seconds after which the worker votes on what it has; absent, it votes on all or on nothing.
        budget: Option<u64>,
        /// When the vote must be there, in seconds since the epoch.
        by: u64,
    },
    /// The pool's word that the vote with this hash will be accounted for.
    Assignment {
        /// What is voted on.
        range: Range,
        /// Hash of the signature of the vote.
        sealed: B256,
        /// The scheduler's signature of an [`Assignment`](canut_protocol::range::Assignment).
        signature: CompactSignature,
    },
    /// Everyone who votes on a range.
    Roster {
        /// Which range.
        range: Range,
        /// Who.
        members: Vec<Listed>,
        /// Whether this worker shall show what it voted for.
        open: bool,
    },
    /// Workers disagree on a range: vote anew on parts of it.
    Plan {
        /// Which range.
        range: Range,
        /// The parts.
        parts: Vec<Range>,
    },
    /// Put the archives of what you found in the store.
    Deliver {
        /// For this range.
        range: Range,
    },
    /// A range is not wanted any more. If it is being computed, the answer is that it failed, as it was aborted: then there is
    /// a slot for another one.
    Drop {
        /// Which.
        range: Range,
    },
    /// A range is settled: look at the chain.
    Settled {
        /// Which.
        range: Range,
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
        /// Ranges that it votes on before the first of them is paid; 0 for a worker of the open way only.
        open: u32,
        /// What its machine was measured to do, if it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        benchmark: Option<Box<SignedBenchmark>>,
    },
    /// From now on so many tasks are computed at the same time; those under way go on.
    Slots {
        /// How many; 0 while the worker takes no more.
        slots: u32,
    },
    /// The result is there, the vote is on its way, and the slot is free.
    Computed {
        /// Of this task.
        task: TaskId,
    },
    /// What the app wrote to its standard streams: their ends, for the requester. Nothing depends on them.
    Logs {
        /// Of this task.
        task: TaskId,
        /// Standard output.
        stdout: String,
        /// Standard error.
        stderr: String,
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
    /// The worker found what it votes for.
    Ready {
        /// What it votes on: what was offered, or the beginning of it.
        range: Range,
        /// Hash of the signature of its vote.
        sealed: B256,
    },
    /// The vote.
    Commitment {
        /// With its signature.
        vote: Vote,
    },
    /// What the worker voted for.
    Opening {
        /// What was voted on.
        range: Range,
        /// What for.
        value: Value,
        /// What was found for each task.
        leaves: Leaves,
        /// Where its encrypted archives are, if the deal asks for encryption: SHA-256 of their folder.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delivery: Option<B256>,
    },
    /// The archives of a range are in the store.
    Delivered {
        /// Which range.
        range: Range,
        /// Where the encrypted ones are, if the deal asks for encryption: SHA-256 of their folder.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delivery: Option<B256>,
    },
    /// The worker cannot go on with a range.
    RangeFailed {
        /// Which.
        range: Range,
        /// Why.
        failure: Failure,
    },
}

/// A worker that is accounted for in a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Who.
    pub worker: Address,
    /// Its vote; none when it was countersigned and did not come.
    pub vote: Option<Vote>,
    /// The scheduler's signature of the assignment; none when it was given for a range that this one is a part of, and the
    /// worker did not come.
    pub assignment: Option<CompactSignature>,
}

#[cfg(test)]
mod tests {
    use canut_protocol::{
        DealId,
        range::{Codec, Content, Leaf, MAX_COUNT},
    };

    use super::*;
    use crate::session::MAX_FRAME;

    #[test]
    fn what_was_found_for_the_largest_range_fits_in_a_frame() {
        let digest = B256::repeat_byte(1);
        let content = Content {
            codec: Codec::DagPb,
            sha256: digest,
        };
        let opening = ToPool::Opening {
            range: Range::new(
                DealId(digest),
                u64::MAX - u64::from(MAX_COUNT),
                MAX_COUNT.into(),
            )
            .unwrap(),
            value: Value {
                root: digest,
                link: digest,
            },
            leaves: Leaves(vec![Leaf { digest, content }; usize::from(MAX_COUNT)]),
            delivery: Some(digest),
        };
        assert!(serde_json::to_string(&opening).unwrap().len() < MAX_FRAME);
    }
}
