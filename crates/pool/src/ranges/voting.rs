//! One range, and everyone who was ever asked to vote on it.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, Bytes};
use canut_protocol::{
    Failure,
    range::{Leaf, Range, Value, Vote},
};
use serde::{Deserialize, Serialize};

/// A vote on a range as the pool knows it. What is in it was written down before it was acted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voting {
    /// What is voted on.
    pub range: Range,
    /// When the first worker was asked, in seconds since the epoch.
    pub started: u64,
    /// Everyone asked, in the order of asking.
    pub members: Vec<Member>,
    /// Hashes of the signatures of votes, in the order in which workers were ready: what the next draw depends on (R5).
    pub sealed: Vec<B256>,
    /// How many votes are wanted at least, once the audit was drawn (R6).
    pub audit: Option<usize>,
    /// Longest time that a worker took to compute it, in seconds.
    pub pace: Option<u64>,
    /// What was shown, each value once, in order of appearance.
    pub opened: Vec<Opened>,
    /// Where it stands.
    pub phase: Phase,
    /// The archives of the value that is going to be certified are in the store.
    pub delivery: Option<Delivery>,
    /// When it was over, in seconds since the epoch.
    #[serde(default)]
    pub ended: Option<u64>,
    /// The order in progress. Forgotten by a restart, after which it is given again.
    #[serde(skip)]
    pub(super) errand: Option<Errand>,
    #[serde(skip)]
    pub(super) retry_at: u64,
    #[serde(skip)]
    pub(super) courier: Courier,
}

/// One worker's part in a vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub worker: Address,
    /// Since when it is in its stage, in seconds since the epoch.
    pub since: u64,
    /// How far it came.
    pub stage: Stage,
    /// Whether the pool countersigned a vote of it on a range that this one is a part of: then it is accounted for whatever it
    /// does.
    pub bound: bool,
    /// Why it was asked though another one was, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hedge: Option<Hedge>,
}

/// Why a worker was asked for what another one was computing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hedge {
    /// The other one.
    pub beside: Address,
    /// How late that was; none when its session had broken off.
    pub lag: Option<Lag>,
}

/// How late a worker was. Times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lag {
    /// What it had taken by then.
    pub took: u64,
    /// What nine of ten stayed within lately, for as many tasks.
    pub usual: u64,
}

/// How far a worker came with a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Asked to compute.
    Offered,
    /// Asked, and its session broke off at `since`.
    Away,
    /// Nobody counts on it any more. It left no trace.
    Out(Failure),
    /// Another one, asked as well, had a vote before it. It left no trace either, and did nothing wrong.
    Outrun,
    /// The pool countersigned a vote that it has not seen.
    Countersigned(B256),
    /// Voted.
    Committed(Vote),
    /// Countersigned, and never voted. It stays so.
    Absent,
}

/// What a worker showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Who showed it first; on a part of a range, who voted for it in the whole.
    pub worker: Address,
    /// The value.
    pub value: Value,
    /// What it consists of.
    pub leaves: Vec<Leaf>,
    /// SHA-256 of the folder of the encrypted archives, if a worker said that there is one. Nobody votes for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<B256>,
}

/// Where a range stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Votes are collected and opened.
    Open,
    /// It is being settled with this value.
    Settling(Value),
    /// Its parts are voted on one by one.
    Split,
    /// Votes were posted: the chain decides.
    Posted,
    /// Paid.
    Settled,
    /// Refunded, or given up.
    Failed,
}

/// The archives of a value, fetched and found to be what the leaves say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Of this value.
    pub value: Value,
    /// What is delivered on chain, if the deal has a callback.
    pub callback: Option<Bytes>,
    /// SHA-256 of the folder of the encrypted archives, if the deal asks for encryption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<B256>,
}

/// An order in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errand {
    Check,
    Settle,
    Post,
    Open,
    Resolve,
    Claim,
}

/// Who was told what; forgotten by a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Courier {
    /// Members that were sent the roster in their present session.
    pub(super) rostered: BTreeSet<Address>,
    /// Member asked to open, and when.
    pub(super) opener: Option<(Address, u64)>,
    /// Members that did not open when asked.
    pub(super) silent: BTreeSet<Address>,
    /// Members asked what they voted for, as it differs, and when.
    pub(super) asked: BTreeMap<Address, u64>,
    /// Whether the archives were looked for in vain.
    pub(super) wants_upload: bool,
    /// Winner asked to upload, and when.
    pub(super) uploader: Option<(Address, u64)>,
    /// Winner that said last that the archives are in the store.
    pub(super) uploaded: Option<Address>,
    /// Winners whose upload failed.
    pub(super) failed: BTreeSet<Address>,
    /// Values of which the chain was shown an opening.
    pub(super) shown: BTreeSet<Value>,
}

impl Phase {
    /// Whether nothing can happen any more.
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Settled | Self::Failed)
    }
}

impl Stage {
    /// Whether the worker sealed nothing for no reason of the task's, so that it may be asked once more.
    pub(super) const fn may_return(&self) -> bool {
        matches!(
            self,
            Self::Outrun | Self::Out(Failure::WorkerLost | Failure::WorkerSlow | Failure::Aborted)
        )
    }

    /// Whether the worker is computing, as far as anyone knows.
    pub const fn is_asked(&self) -> bool {
        matches!(self, Self::Offered | Self::Away)
    }

    /// Whether the pool must account for the worker.
    pub const fn is_listed(&self) -> bool {
        matches!(
            self,
            Self::Countersigned(_) | Self::Committed(_) | Self::Absent
        )
    }

    /// Its vote, if it voted.
    pub const fn vote(&self) -> Option<&Vote> {
        match self {
            Self::Committed(vote) => Some(vote),
            _ => None,
        }
    }
}

impl Voting {
    pub(super) fn new(range: Range, started: u64) -> Self {
        Self {
            range,
            started,
            members: Vec::new(),
            sealed: Vec::new(),
            audit: None,
            pace: None,
            opened: Vec::new(),
            phase: Phase::Open,
            delivery: None,
            ended: None,
            errand: None,
            retry_at: 0,
            courier: Courier::default(),
        }
    }

    /// The part of a worker.
    pub fn member(&self, worker: Address) -> Option<&Member> {
        self.members.iter().find(|member| member.worker == worker)
    }

    pub(super) fn member_mut(&mut self, worker: Address) -> Option<&mut Member> {
        self.members
            .iter_mut()
            .find(|member| member.worker == worker)
    }

    /// What was shown of a value.
    pub fn opened(&self, value: Value) -> Option<&Opened> {
        self.opened.iter().find(|opened| opened.value == value)
    }

    pub(super) fn opened_mut(&mut self, value: Value) -> Option<&mut Opened> {
        self.opened.iter_mut().find(|opened| opened.value == value)
    }

    /// Those who were asked for the vote that is wanted next. Whoever of them has it first is countersigned, and nobody else.
    pub(super) fn asked(&self) -> impl Iterator<Item = &Member> + '_ {
        self.members
            .iter()
            .filter(|member| member.stage.is_asked() && !member.bound)
    }

    /// The workers that must be accounted for in a settlement.
    pub fn listed(&self) -> impl Iterator<Item = &Member> + '_ {
        self.members
            .iter()
            .filter(|member| member.stage.is_listed() || member.bound)
    }

    /// The votes that were shown to the pool.
    pub fn votes(&self) -> impl Iterator<Item = &Vote> + '_ {
        self.members.iter().filter_map(|member| member.stage.vote())
    }

    /// Which of the opened values a vote is for.
    pub fn group_of(&self, vote: &Vote) -> Option<usize> {
        let id = self.range.id();
        self.opened
            .iter()
            .position(|opened| opened.value.seal(vote.worker, id) == vote.commitment.seal)
    }

    /// Whether somebody is still to say something: to compute, or to show a vote that was countersigned.
    pub fn is_expecting(&self) -> bool {
        self.members.iter().any(|member| {
            member.stage.is_asked() || matches!(member.stage, Stage::Countersigned(_))
        })
    }
}
