//! The life of a task.
//!
//! ```text
//! UNSET ──initialize──▶ ACTIVE ──contribute until certified──▶ REVEALING ──finalize──▶ COMPLETED
//!                        │  ▲                                   │  │
//!                        │  └───────────── reopen ──────────────┘  │
//!                        ├── contribute and finalize (trust 1) ────┼─────────────────▶ COMPLETED
//!                        └────────────── claim ────────────────────┴─────────────────▶ FAILED
//! ```
//!
//! [`Task`] is what the chain shows of a task; [`Task::check`] says whether an [`Action`] is allowed now, and if not why.
//! [`Machine`] adds the votes' weights, which the chain does not show, and carries actions out.

mod action;
mod deadlines;
mod machine;
mod payment;
mod refusal;
mod rules;

use alloy_primitives::{Address, B256, Bytes};

pub use action::{Action, Effect};
pub use deadlines::{CONTRIBUTION_RATIO, Deadlines, FINAL_RATIO, REVEAL_RATIO};
pub use machine::{Machine, StepError};
pub use refusal::TaskRefusal;

use crate::{DealId, TaskId};

/// Where a task stands. The numbers are those of `viewTask`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Status {
    /// Nobody initialised it.
    #[default]
    Unset = 0,
    /// Workers contribute.
    Active = 1,
    /// A result is certified; those who voted for it reveal it.
    Revealing = 2,
    /// Paid.
    Completed = 3,
    /// Refunded.
    Failed = 4,
}

/// Where a contribution stands. The numbers are those of `viewContribution`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ContributionStatus {
    /// None.
    #[default]
    Unset = 0,
    /// A vote.
    Contributed = 1,
    /// A vote for the certified result, revealed.
    Proved = 2,
    /// A vote for a result that was certified and that nobody revealed.
    Rejected = 3,
}

/// A number from the chain that names no status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no status this version knows: the hub is newer, or not a hub")]
pub struct UnknownStatus(pub u8);

impl TryFrom<u8> for Status {
    type Error = UnknownStatus;

    fn try_from(number: u8) -> Result<Self, UnknownStatus> {
        let all = [
            Self::Unset,
            Self::Active,
            Self::Revealing,
            Self::Completed,
            Self::Failed,
        ];
        all.get(usize::from(number))
            .copied()
            .ok_or(UnknownStatus(number))
    }
}

impl TryFrom<u8> for ContributionStatus {
    type Error = UnknownStatus;

    fn try_from(number: u8) -> Result<Self, UnknownStatus> {
        let all = [Self::Unset, Self::Contributed, Self::Proved, Self::Rejected];
        all.get(usize::from(number))
            .copied()
            .ok_or(UnknownStatus(number))
    }
}

/// One worker's vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Contribution {
    /// Where it stands.
    pub status: ContributionStatus,
    /// The vote, see [`result_hash`](crate::result::result_hash).
    pub result_hash: B256,
    /// The proof of knowledge, see [`result_seal`](crate::result::result_seal).
    pub result_seal: B256,
    /// Key of the enclave it ran in; the zero address outside one.
    pub enclave: Address,
    /// Binary logarithm of the worker's weight at the time: his part in the reward. What `viewContribution` calls weight.
    pub log_weight: u32,
}

/// A task as the chain shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Task {
    /// Where it stands.
    pub status: Status,
    /// Its deal; zero while unset.
    pub deal: DealId,
    /// Its index in the request order; zero while unset.
    pub index: u64,
    /// Unit of its deadlines, in seconds; zero while unset.
    pub time_ref: u64,
    /// From this time on nobody contributes, in seconds since the epoch.
    pub contribution_deadline: u64,
    /// From this time on nobody reveals; zero unless a result is certified.
    pub reveal_deadline: u64,
    /// From this time on the task can only be claimed.
    pub final_deadline: u64,
    /// The result hash that was certified; zero before.
    pub consensus: B256,
    /// Winners that revealed.
    pub reveal_counter: u64,
    /// Workers that voted for the certified result.
    pub winner_counter: u64,
    /// The votes, in the order in which they came.
    pub contributions: Vec<(Address, Contribution)>,
    /// The digest that was revealed.
    pub result_digest: B256,
    /// The published result, by convention a link to it.
    pub results: Bytes,
    /// The result delivered on chain, for deals with a callback.
    pub results_callback: Bytes,
}

impl Task {
    /// The id of this task, once initialised.
    pub fn id(&self) -> TaskId {
        TaskId::of(self.deal, self.index)
    }

    /// The vote of `worker`.
    pub fn contribution(&self, worker: Address) -> Option<&Contribution> {
        self.contributions
            .iter()
            .find_map(|(owner, contribution)| (*owner == worker).then_some(contribution))
    }
}
