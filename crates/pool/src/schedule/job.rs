//! One task, and everyone who was ever asked to compute it.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256};
use canut_protocol::{DealId, Failure, Fault, TaskId, Weight};
use serde::{Deserialize, Serialize};

use super::event::Delivery;

/// A task as the pool knows it: what the chain says, who was asked, what came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its deal.
    pub deal: DealId,
    /// Its index in the request order.
    pub index: u64,
    /// Where it stands on chain.
    pub phase: Phase,
    /// Everyone authorised to contribute, or who did.
    pub replicas: BTreeMap<Address, Replica>,
    /// The result, once it was uploaded and checked.
    pub delivery: Option<Delivery>,
    /// What happened, and when (seconds since the epoch).
    pub history: Vec<(u64, Milestone)>,
    /// The order in progress. Forgotten by a restart, after which it is given again.
    #[serde(skip)]
    pub(super) errand: Option<Errand>,
    #[serde(skip)]
    pub(super) retry_at: u64,
    #[serde(skip)]
    pub(super) courier: Courier,
}

/// Where a task stands on chain, from its initialisation on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Workers contribute.
    Active,
    /// A result is certified.
    Revealing {
        /// Its hash.
        consensus: B256,
        /// From this time on nobody reveals, in seconds since the epoch.
        deadline: u64,
    },
    /// Paid.
    Completed,
    /// Refunded.
    Failed,
}

impl Phase {
    /// Whether nothing can happen any more.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// A step worth telling the requester about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Milestone {
    Initialized,
    Running,
    Certified,
    Revealed,
    Uploaded,
    Reopened,
    Completed,
    Failed,
}

/// One worker's part in a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    /// When the worker was authorised, in seconds since the epoch.
    pub since: u64,
    /// How far it came.
    pub stage: Stage,
    /// Whether another one was authorised in its stead. Its vote, should it come, counts.
    #[serde(default)]
    pub late: bool,
}

/// How far a worker came with a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Computing.
    Computing,
    /// Has a result, its vote is on the way.
    Computed,
    /// Its session broke off at this time.
    Away(u64),
    /// Nobody counts on it any more. Its vote, should it come, counts.
    Out(Failure),
    /// Voted.
    Voted(Vote),
}

/// A vote on chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// For this result hash.
    pub hash: B256,
    /// The weight of the worker at that moment.
    pub weight: u64,
    /// What became of it.
    pub standing: Standing,
}

/// What became of a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It stands.
    Cast,
    /// Its digest was shown.
    Revealed,
    /// It was for a result that was certified and that nobody revealed.
    Rejected,
}

/// An order in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errand {
    Check,
    Finalize,
    Reopen,
    Claim,
}

/// Who was told what after the certification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Courier {
    /// Winners told to reveal in their present session.
    pub(super) told: BTreeSet<Address>,
    /// Winner told to upload, and when.
    pub(super) asked: Option<(Address, u64)>,
    /// Winners whose upload failed.
    pub(super) failed: BTreeSet<Address>,
}

impl Job {
    pub(super) fn new(deal: DealId, index: u64) -> Self {
        Self {
            deal,
            index,
            phase: Phase::Active,
            replicas: BTreeMap::new(),
            delivery: None,
            history: Vec::new(),
            errand: None,
            retry_at: 0,
            courier: Courier::default(),
        }
    }

    /// Its id.
    pub fn id(&self) -> TaskId {
        TaskId::of(self.deal, self.index)
    }

    /// The votes cast so far.
    pub fn votes(&self) -> impl Iterator<Item = (Address, Vote)> + '_ {
        let replicas = self.replicas.iter();
        replicas.filter_map(|(worker, replica)| match replica.stage {
            Stage::Voted(vote) => Some((*worker, vote)),
            _ => None,
        })
    }

    /// Workers whose vote is still expected.
    pub fn pending(&self) -> impl Iterator<Item = Address> + '_ {
        let replicas = self.replicas.iter();
        replicas.filter_map(|(worker, replica)| replica.stage.is_pending().then_some(*worker))
    }

    /// Those of them that are counted on.
    pub(super) fn expected(&self) -> impl Iterator<Item = Address> + '_ {
        let replicas = self.replicas.iter();
        replicas.filter_map(|(worker, replica)| {
            (replica.stage.is_pending() && !replica.late).then_some(*worker)
        })
    }

    /// The votes for `consensus` that count.
    pub fn winners(&self, consensus: B256) -> impl Iterator<Item = (Address, Vote)> + '_ {
        self.votes()
            .filter(move |(_, vote)| vote.hash == consensus && vote.standing != Standing::Rejected)
    }

    /// Why no more workers are drawn, after `give_up` of them failed through no fault of theirs.
    pub fn hopeless(&self, give_up: usize) -> Option<Failure> {
        let failures = self
            .replicas
            .values()
            .filter_map(|replica| match replica.stage {
                Stage::Out(failure) => Some(failure),
                _ => None,
            });
        let mut common =
            failures.filter(|failure| matches!(failure.fault(), Fault::Requester | Fault::App));
        let nobody_voted = self.votes().next().is_none();
        common
            .nth(give_up.saturating_sub(1))
            .filter(|_| nobody_voted)
    }

    pub(super) fn note(&mut self, at: u64, milestone: Milestone) {
        // Only reopening repeats a milestone; a task that does so for ever must not fill the memory.
        if self.history.len() < 64 {
            self.history.push((at, milestone));
        }
    }
}

impl Stage {
    /// Whether a vote is still expected.
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::Computing | Self::Computed | Self::Away(_))
    }
}

impl Vote {
    /// The weight of the vote, at least 1.
    pub fn weight(&self) -> Weight {
        Weight::new(self.weight).unwrap_or(Weight::FRESH)
    }
}
