//! What is carried to the hub.

use alloy_primitives::{Address, B256, Bytes};
use canut_hub::{Caller, Receipt};
use canut_protocol::{
    Domain,
    range::{Assignment, PostedVote, Range, Settled, Value},
    signature::CompactSignature,
};
use serde::{Deserialize, Serialize};

/// A transaction that anyone may send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Errand {
    /// Posts countersigned votes on a range.
    Post {
        /// Which.
        range: Range,
        /// The votes.
        votes: Vec<PostedVote>,
    },
    /// Opens the posted votes for a value.
    Open {
        /// The range.
        range: Range,
        /// What was voted for.
        value: Value,
    },
    /// Has a posted range decided.
    Resolve {
        /// Which.
        range: Range,
    },
    /// Proves that a settlement left out a vote that the scheduler had countersigned.
    Complain {
        /// The settlement.
        settled: Box<Settled>,
        /// What the scheduler signed.
        assignment: Assignment,
        /// Its signature.
        signature: CompactSignature,
    },
}

/// Asks a relay to carry something to a hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    /// Which chain.
    pub(crate) chain_id: u64,
    /// Which hub.
    pub(crate) hub: Address,
    /// What.
    pub(crate) errand: Errand,
}

impl Request {
    pub(crate) const fn new(domain: &Domain, errand: Errand) -> Self {
        Self {
            chain_id: domain.chain_id,
            hub: domain.hub,
            errand,
        }
    }
}

/// A transaction that was included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Its hash.
    pub transaction: B256,
    /// Its block.
    pub block: u64,
}

impl Errand {
    /// Its name, for counters.
    pub(crate) const NAMES: [&str; 4] = ["post", "open", "resolve", "complain"];

    /// What it is about.
    pub fn range(&self) -> Range {
        match self {
            Self::Post { range, .. } | Self::Open { range, .. } | Self::Resolve { range } => *range,
            Self::Complain { assignment, .. } => assignment.range,
        }
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Post { .. } => Self::NAMES[0],
            Self::Open { .. } => Self::NAMES[1],
            Self::Resolve { .. } => Self::NAMES[2],
            Self::Complain { .. } => Self::NAMES[3],
        }
    }

    /// Sends it, and waits until it is included.
    pub async fn send(&self, caller: &Caller) -> canut_hub::Result<Sent> {
        match self {
            Self::Post { range, votes } => caller.post(*range, votes).await.map(sent),
            // Proofs are for enclaves, which do not vote on ranges yet.
            Self::Open { range, value } => {
                caller.open(*range, *value, Bytes::new()).await.map(sent)
            }
            // Of encrypted results the scheduler alone may say where they are.
            Self::Resolve { range } => caller.resolve(*range, B256::ZERO, None).await.map(sent),
            Self::Complain {
                settled,
                assignment,
                signature,
            } => caller
                .slash_omission(settled, assignment, *signature)
                .await
                .map(sent),
        }
    }
}

fn sent<T>(receipt: Receipt<T>) -> Sent {
    Sent {
        transaction: receipt.transaction,
        block: receipt.block,
    }
}
