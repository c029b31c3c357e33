//! What the scheduler of ranges is told, and what it orders.

use alloy_primitives::{Address, B256, Bytes};
use canut_protocol::{
    Deal, DealId, Failure, Nrlc, Tag,
    range::{Leaf, Range, Standing, Value, Vote, audit::Promise},
};

use super::voting::Delivery;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RangeEvent {
    /// On the chain, which is always right.
    Chain(RangeChain),
    /// In the session with a worker, which may lie.
    Session(Address, Said),
    /// To an order of the scheduler itself.
    Errand(Range, RangeReport),
}

/// What the hub says. Times come with the block, in seconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RangeChain {
    /// A deal of this pool, to be served by votes on ranges.
    Matched {
        /// Its id.
        id: DealId,
        /// What was agreed.
        deal: Box<Deal>,
        /// Reference time of its category, in seconds.
        time_ref: u64,
        /// What the pool promised about draws and audits for the day of the match.
        promise: Promise,
        /// Whether the pool may have countersigned votes on it that it has forgotten.
        forgotten: bool,
    },
    /// A range is certified and paid.
    Settled(Range),
    /// A vote on a range was posted: from now on it is settled by the chain.
    Posted(Range),
    /// A range is refunded.
    Failed(Range),
    /// A worker's bond in this pool, less what it is taking out, and its standing there.
    Bonded(Address, Nrlc, Standing),
}

/// What a worker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It is here.
    Joined(Capacity),
    /// It computes so many ranges at the same time from now on.
    Slots(usize),
    /// Its session ended.
    Left,
    /// It found what it votes for. The range may be shorter than what was offered, from the same task on.
    Ready {
        /// What it votes on.
        range: Range,
        /// Hash of the signature of its vote.
        sealed: B256,
    },
    /// It votes.
    Committed(Vote),
    /// It shows what it voted for.
    Opened {
        /// What it voted on.
        range: Range,
        /// What it voted for.
        value: Value,
        /// What it found for each task.
        leaves: Vec<Leaf>,
        /// SHA-256 of the folder of its encrypted archives, if there are such.
        delivery: Option<B256>,
    },
    /// The archives of its results are in the store; with the SHA-256 of their folder if they are encrypted.
    Uploaded(Range, Option<B256>),
    /// It cannot go on with the range.
    Failed(Range, Failure),
}

/// What a worker offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Ranges it computes at the same time.
    pub slots: usize,
    /// Tag bits it can satisfy.
    pub tag: Tag,
    /// Ranges it votes on before the first of them is paid.
    pub open: usize,
}

/// How an order went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RangeReport {
    /// The archives of the certified value are in the store, and are what the leaves say.
    Delivered(Delivery),
    /// They are not, or could not be looked at.
    Undelivered(Failure),
    /// The transaction was not carried out. The chain may have moved on, or be out of reach.
    Thwarted,
}

/// An order. Every order can be repeated, and is after a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RangeCommand {
    /// Ask a worker to compute a range.
    Offer {
        /// Which.
        range: Range,
        /// Whom.
        worker: Address,
        /// Seconds after which it votes on what it has, if it may vote on less.
        budget: Option<u64>,
        /// When its vote must be there, in seconds since the epoch.
        by: u64,
    },
    /// Sign that the vote with this hash will be accounted for, and send it.
    Countersign {
        /// The range.
        range: Range,
        /// The worker.
        worker: Address,
        /// Hash of the signature of its vote.
        sealed: B256,
    },
    /// Send all votes on a range.
    Roster {
        /// The range.
        range: Range,
        /// To this worker.
        worker: Address,
        /// Whether it is asked to show what it voted for.
        open: bool,
    },
    /// Have a worker vote anew on parts of a range.
    Plan {
        /// The range.
        range: Range,
        /// The worker.
        worker: Address,
        /// The parts, in order.
        parts: Vec<Range>,
    },
    /// Have a winner put its archives in the store.
    Upload {
        /// The range.
        range: Range,
        /// The winner.
        worker: Address,
    },
    /// Tell a worker to drop a range that it did not vote on.
    Drop {
        /// The range.
        range: Range,
        /// The worker.
        worker: Address,
    },
    /// Tell a worker that a range is settled.
    Settled {
        /// The range.
        range: Range,
        /// The worker.
        worker: Address,
    },
    /// See whether the archives are in the store.
    Check {
        /// The range.
        range: Range,
        /// What is going to be certified.
        value: Value,
        /// What it consists of.
        leaves: Vec<Leaf>,
        /// Where its encrypted archives are said to be.
        delivery: Option<B256>,
    },
    /// Transaction: settle.
    Settle {
        /// The range.
        range: Range,
    },
    /// Transaction: post all votes, as the range could not be settled in time.
    Post {
        /// The range.
        range: Range,
    },
    /// Transaction: open one of the posted values.
    Open {
        /// The range.
        range: Range,
        /// The value.
        value: Value,
    },
    /// Transaction: decide a posted range.
    Resolve {
        /// The range.
        range: Range,
        /// For a deal with a callback: what the winners found, and its bytes.
        found: Option<(Leaf, Bytes)>,
    },
    /// Transaction: give back what tasks locked that nobody can settle any more.
    Claim {
        /// The range.
        range: Range,
    },
    /// Ask the chain for the bonds and standings of these workers.
    Look {
        /// Whose.
        workers: Vec<Address>,
    },
}
