//! Receipts: why a result can be believed, in one file that anyone can check without asking anybody (§10).
//!
//! Read in this order:
//!
//! 1. [`Receipt`]: what the file holds.
//! 2. [`Check`] and [`verify`]: the questions put to it, and the answers.
//! 3. [`terms`]: how a deal is read from the bytes that the hub keeps of it.
//! 4. [`trie`]: proofs that a transaction, its outcome or an account is of a block.
//! 5. [`calls`]: the transactions that settle ranges.
//!
//! Whoever verifies trusts the hash of one block, or of two, and nothing else: not the file, nor who made it.

pub mod calls;
mod check;
mod evidence;
pub mod terms;
pub mod trie;
mod verify;

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};

pub use check::{Check, Finding, Outcome, Report};
pub use terms::DealTerms;
pub use verify::{Trusted, verify};

use crate::{
    DealId, Domain, TaskId, Trust,
    range::{
        self, Counted, Leaf, Member, Range, Sides, Value,
        audit::Promise,
        drawn::{self, DrawFault, DrawnVote},
    },
};

/// Largest receipt that is read, in bytes.
pub const MAX_RECEIPT: usize = 16 << 20;

/// Most tasks of a range whose leaves are attached, so that its link can be checked offline.
pub const MAX_LEAVES: u16 = 256;

/// Everything that shows why a task's result was certified and paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Receipt {
    /// Of this format.
    pub version: Version,
    /// The chain.
    pub chain_id: u64,
    /// The hub.
    pub hub: Address,
    /// The task.
    pub taskid: TaskId,
    /// Its deal.
    pub dealid: DealId,
    /// Its index.
    pub index: u64,
    /// How it was settled.
    pub way: Way,
    /// What the deal says.
    pub deal: DealTerms,
    /// What was found.
    pub result: Found,
    /// Who was accounted for, in the order of the settlement.
    pub votes: Vec<Voted>,
    /// Who signs for enclaves; `None` when no vote comes from one, or the hub had no broker.
    pub broker: Option<Address>,
    /// What the votes weigh.
    pub reached: Reached,
    /// Where the chain says so.
    pub settlement: Settlement,
    /// Where the chain says what the deal is.
    pub terms: DealProof,
    /// What the pool promised of its draws, once it was told.
    pub audit: Option<Audited>,
}

/// The version of this format: 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Version;

/// A version that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("receipts of version {0} are not known here, only of version 1: use a newer program")]
pub struct UnknownVersion(pub u64);

impl TryFrom<u64> for Version {
    type Error = UnknownVersion;

    fn try_from(version: u64) -> Result<Self, UnknownVersion> {
        match version {
            1 => Ok(Self),
            other => Err(UnknownVersion(other)),
        }
    }
}

impl From<Version> for u64 {
    fn from(_: Version) -> Self {
        1
    }
}

/// How a task was settled. Of the open way every vote is on the chain, and there are no receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Way {
    /// By signed votes.
    Certificate,
}

/// What was found for the task, and what was voted for the range it is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Found {
    /// Digest of the result, and the CID of its archive.
    pub leaf: Leaf,
    /// That CID as text.
    pub cid: String,
    /// Root of the tree of the results of the range.
    pub root: B256,
    /// SHA-256 of the folder that lists their archives.
    pub link: B256,
    /// SHA-256 of the folder of the encrypted archives, which nobody voted for; zero when there is none.
    pub delivery: B256,
    /// Siblings from the task's leaf up to the root.
    pub proof: Vec<B256>,
    /// Index of the first task of the range.
    pub first: u64,
    /// Tasks of the range.
    pub count: u16,
    /// The leaves of the whole range, where they are few enough.
    pub leaves: Option<Vec<Leaf>>,
}

/// Somebody accounted for in the settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Voted {
    /// Who, and the signatures. The seal of a vote for the value follows from the value.
    pub member: Member,
    /// Its weight in the pool before the settlement.
    pub weight: u8,
}

/// What the votes weigh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reached {
    /// Product of the weights for the value.
    #[serde(with = "crate::json::uint")]
    pub p: U256,
    /// Product of the weights not for it; 1 without any.
    #[serde(with = "crate::json::uint")]
    pub q: U256,
    /// The trust that had to be reached.
    pub required: Trust,
    /// The highest trust that is.
    pub reached: Trust,
}

impl Reached {
    /// Of these votes, at this trust.
    pub fn of(members: &[Counted], trust: Trust) -> Self {
        let sides: Sides = Counted::sides(members);
        Self {
            p: sides.p(),
            q: sides.q(),
            required: sides.required(trust),
            reached: sides.reached(),
        }
    }
}

/// The transaction that settled the range, and the proof that it is of its block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settlement {
    /// Whether the scheduler settled, or posted votes were counted.
    pub way: range::Way,
    /// Number of the block.
    pub block: u64,
    /// Its hash.
    pub block_hash: B256,
    /// Its header (RLP).
    pub header: Bytes,
    /// The place of the transaction in it.
    pub transaction_index: u64,
    /// The transaction (EIP-2718).
    pub transaction: Bytes,
    /// What came of it (EIP-2718).
    pub receipt: Bytes,
    /// The place of the settlement's event among those of the transaction.
    pub log_index: u64,
    /// The nodes of the block's transaction trie from the root to the transaction.
    pub transaction_proof: Vec<Bytes>,
    /// The nodes of the block's receipt trie from the root to the outcome.
    pub receipt_proof: Vec<Bytes>,
}

/// The bytes that the hub keeps of a deal, and the proof that it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DealProof {
    /// Number of the block at whose end it is proved; that of the settlement, unless the node had forgotten.
    pub block: u64,
    /// Its hash.
    pub block_hash: B256,
    /// Its header (RLP).
    pub header: Bytes,
    /// The bytes.
    pub code: Bytes,
    /// The account whose code they are (RLP).
    pub account: Bytes,
    /// The nodes of the state trie from the root to the account.
    pub proof: Vec<Bytes>,
}

/// What the pool promised for the day of the deal, as it told later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Audited {
    /// The day.
    pub epoch: u32,
    /// The promise.
    pub promise: Promise,
}

impl Receipt {
    /// What its signatures are bound to.
    pub fn domain(&self) -> Domain {
        Domain::new(self.chain_id, self.hub)
    }

    /// The range it says the task was settled in.
    pub fn range(&self) -> Option<Range> {
        Range::new(self.dealid, self.result.first, self.result.count.into()).ok()
    }

    /// The value it says was certified.
    pub fn value(&self) -> Value {
        Value {
            root: self.result.root,
            link: self.result.link,
        }
    }

    /// Whether its range was drawn as the promise says that it holds; no answer is none against it. That this is the promise of
    /// the pool is another question, for the chain.
    ///
    /// # Errors
    ///
    /// What was not as promised.
    pub fn judge_draw(&self) -> Result<(), DrawFault> {
        let (Some(audit), Some(range)) = (self.audit, self.range()) else {
            return Ok(());
        };
        if self.settlement.way == range::Way::Resolve {
            return Ok(());
        }
        let votes = self.counted().into_iter().zip(&self.votes);
        let votes: Vec<_> = votes
            .map(|(counted, vote)| DrawnVote {
                counted,
                sealed: vote.member.signature().map(|signature| signature.hash()),
            })
            .collect();
        drawn::judge(&audit.promise, range, &self.deal.deal, &votes).map(|_| ())
    }

    /// When the range was settled, in seconds since the epoch, if its header can be read.
    pub fn settled_at(&self) -> Option<u64> {
        evidence::block(&self.settlement.header).map(|block| block.time)
    }

    /// Until when anyone can show that the pool hid a vote, in seconds since the epoch.
    pub fn contestable_until(&self) -> Option<u64> {
        self.settled_at()?.checked_add(range::EVIDENCE_SECONDS)
    }

    /// Its votes as the event of the settlement shows them.
    pub fn counted(&self) -> Vec<Counted> {
        let count = |vote: &Voted| Counted {
            kind: vote.member.kind(),
            worker: vote.member.worker(),
            weight: vote.weight,
        };
        self.votes.iter().map(count).collect()
    }
}

#[cfg(test)]
mod tests;
