//! The certificate way: many tasks of a deal certified and paid by one transaction that carries the workers' signed votes.
//!
//! A worker votes for a [`Range`] of consecutive tasks at once. Read in this order:
//!
//! 1. [`Leaf`]: what was found for one task; [`tree`]: the leaves of a range under one root; [`Value`]: what is voted for.
//! 2. [`Commitment`], [`Assignment`], [`Unbond`]: what is signed, and [`Vote`]: a signed commitment.
//! 3. [`Standing`]: a worker's weight in a pool; [`Sides`] and [`credible`](credible()): when votes certify a value.
//! 4. [`Member`]: a worker accounted for in a settlement, and [`member::encode`]: their blob; [`Settled`]: what the chain keeps.
//! 5. [`Clock`]: the deadlines of a deal; [`Terms`]: which deals can be settled this way, and the money.
//! 6. [`audit`]: how workers are drawn, and which ranges get one worker more; [`drawn`]: whether a settled range shows it.
//!
//! Sections (§) and rules (R1 to R8) are those of the certificate way's specification.

pub mod audit;
mod clock;
mod credible;
pub mod drawn;
mod leaf;
mod leaves;
pub mod mark;
pub mod member;
pub mod money;
pub mod post;
mod settled;
pub mod split;
mod standing;
mod terms;
pub mod tree;
mod typed;
mod vote;

use std::ops::Range as Indices;

use alloy_primitives::{B256, Keccak256, U256};
use serde::{Deserialize, Serialize};

pub use clock::{Clock, EVIDENCE_SECONDS, UNBONDING_SECONDS};
pub use credible::{FLAT_TRUST, FLAT_WEIGHT, MAX_MEMBERS, MAX_POSTS, MAX_TRUST, Sides, credible};
pub use leaf::{Codec, Content, Leaf, Value};
pub use leaves::{Leaves, NoLeaves};
pub use member::Member;
pub use post::PostedVote;
pub use settled::{Counted, Kind, Settled, UnknownNumber, Way};
pub use standing::{MAX_SCORE, Standing};
pub use terms::{MAX_TIME_REF, MIN_RISK_COUNT, Terms, TermsRefusal};
pub use vote::{Assignment, Commitment, Unbond, Vote, broker_digest};

use crate::{Deal, DealId, TaskId};

/// Most tasks of a range.
pub const MAX_COUNT: u16 = 4096;

/// Some consecutive tasks of a deal: 1 to [`MAX_COUNT`] of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Range {
    deal: DealId,
    first: u64,
    count: u16,
}

#[derive(Serialize, Deserialize)]
struct Parts {
    deal: DealId,
    first: u64,
    count: u64,
}

/// Two numbers that are no range of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{count} tasks from {first} on are no range: one has 1 to 4096 tasks, whose indices fit 64 bits"
)]
pub struct WrongRange {
    /// First index given.
    pub first: u64,
    /// Number of tasks given.
    pub count: u64,
}

/// What a range of one task or of many is called on chain and in every vote.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct RangeId(pub B256);

impl Range {
    /// The tasks `first` … `first + count − 1` of `deal`. Indices are absolute, as those of [`TaskId::of`].
    pub fn new(deal: DealId, first: u64, count: u64) -> Result<Self, WrongRange> {
        let wrong = WrongRange { first, count };
        match u16::try_from(count) {
            Ok(small @ 1..=MAX_COUNT) if first.checked_add(count).is_some() => Ok(Self {
                deal,
                first,
                count: small,
            }),
            _ => Err(wrong),
        }
    }

    /// The range of one task.
    pub fn single(deal: DealId, index: u64) -> Result<Self, WrongRange> {
        Self::new(deal, index, 1)
    }

    /// Its deal.
    pub const fn deal(&self) -> DealId {
        self.deal
    }

    /// Index of its first task.
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// How many tasks it has.
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// The indices of its tasks.
    pub const fn indices(&self) -> Indices<u64> {
        self.first..self.first + self.count as u64
    }

    /// The position of the task `index` in this range, from 0; `None` when it is not in it.
    pub fn position(&self, index: u64) -> Option<u16> {
        index
            .checked_sub(self.first)
            .and_then(|position| u16::try_from(position).ok())
            .filter(|position| *position < self.count)
    }

    /// Whether all its tasks are of `deal`, whose id is taken on trust.
    pub const fn is_within(&self, deal: &Deal) -> bool {
        deal.has_task(self.first) && deal.has_task(self.first + self.count as u64 - 1)
    }

    /// Whether both have a task in common: then at most one of them is ever settled.
    pub fn overlaps(&self, other: &Self) -> bool {
        let (a, b) = (self.indices(), other.indices());
        self.deal == other.deal && a.start < b.end && b.start < a.end
    }

    /// Whether every task of `other` is in this range.
    pub fn contains(&self, other: &Self) -> bool {
        let (a, b) = (self.indices(), other.indices());
        self.deal == other.deal && a.start <= b.start && b.end <= a.end
    }

    /// Its name: of one task the task's id, else `keccak256(deal ‖ uint256 first ‖ uint256 count)` (§2.2).
    pub fn id(&self) -> RangeId {
        if self.count == 1 {
            return RangeId(TaskId::of(self.deal, self.first).0);
        }
        let mut hasher = Keccak256::new();
        hasher.update(self.deal.0);
        hasher.update(U256::from(self.first).to_be_bytes::<32>());
        hasher.update(U256::from(self.count).to_be_bytes::<32>());
        RangeId(hasher.finalize())
    }
}

impl TryFrom<Parts> for Range {
    type Error = WrongRange;

    fn try_from(parts: Parts) -> Result<Self, WrongRange> {
        Self::new(parts.deal, parts.first, parts.count)
    }
}

impl From<Range> for Parts {
    fn from(range: Range) -> Self {
        Self {
            deal: range.deal,
            first: range.first,
            count: range.count.into(),
        }
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let last = self.first + u64::from(self.count) - 1;
        match self.count {
            1 => write!(f, "task {} of deal {}", self.first, self.deal),
            _ => write!(f, "tasks {} to {last} of deal {}", self.first, self.deal),
        }
    }
}

impl std::fmt::Display for RangeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

fn packed(parts: &[&[u8]]) -> B256 {
    let mut hasher = Keccak256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests;
