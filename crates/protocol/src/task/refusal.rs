//! Why an action on a task is refused.

use alloy_primitives::Address;

use super::Status;
use crate::Trust;

/// A rule that an action breaks. The contract reverts without a word where one of these is returned (PoCo 6.2.0).
/// Times are seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskRefusal {
    /// The deal has no such task, or there is no such deal.
    #[error("the deal has no task {index}: its tasks are {first} to {last}", last = first.saturating_add(*size).saturating_sub(1))]
    NoSuchTask {
        /// Index asked for.
        index: u64,
        /// First index of the deal.
        first: u64,
        /// Number of its tasks; zero when the deal is unknown.
        size: u64,
    },
    /// It was initialised before.
    #[error("the task is initialised already: carry on with it")]
    AlreadyInitialized,
    /// The task is not in the state the action needs.
    #[error("the task is {}, the action needs it {}", describe(*status), describe(*needed))]
    WrongStatus {
        /// Its status.
        status: Status,
        /// The status needed.
        needed: Status,
    },
    /// Only an active or revealing task can be claimed.
    #[error("the task is {}, there is nothing to claim", describe(*status))]
    NothingToClaim {
        /// Its status.
        status: Status,
    },
    /// Too late to contribute.
    #[error("the contribution deadline passed at {deadline}, {} seconds ago", now.saturating_sub(*deadline))]
    ContributionClosed {
        /// The deadline.
        deadline: u64,
        /// Now.
        now: u64,
    },
    /// One worker, one vote.
    #[error("{worker} has contributed to this task already")]
    AlreadyContributed {
        /// Who.
        worker: Address,
    },
    /// The deal runs in enclaves only.
    #[error(
        "the deal requires an enclave: contribute with the address of an enclave key, and its signature"
    )]
    EnclaveRequired,
    /// Others contributed before.
    #[error(
        "{contributors} workers contributed already: contribute, reveal and let the scheduler finalize"
    )]
    NotAlone {
        /// How many.
        contributors: usize,
    },
    /// More than one vote may be needed.
    #[error(
        "the deal asks for trust {trust}, only at trust 1 can one worker finalize: contribute and reveal instead"
    )]
    TrustNotOne {
        /// The deal's trust.
        trust: Trust,
    },
    /// The data to deliver on chain is not the certified result, or there is no callback to deliver it to.
    #[error(
        "the callback data does not hash to the result digest (without a callback it must be empty)"
    )]
    CallbackMismatch,
    /// Too late to reveal.
    #[error("the reveal deadline passed at {deadline}, {} seconds ago", now.saturating_sub(*deadline))]
    RevealClosed {
        /// The deadline.
        deadline: u64,
        /// Now.
        now: u64,
    },
    /// Nothing to reveal: no vote, or revealed before.
    #[error("{worker} has no unrevealed contribution to this task")]
    NothingToReveal {
        /// Who.
        worker: Address,
    },
    /// Another result was certified.
    #[error("{worker} voted for another result than the certified one")]
    NotAWinner {
        /// Who.
        worker: Address,
    },
    /// The digest is not what the worker voted for.
    #[error("the digest is not the one that was voted for")]
    WrongDigest,
    /// The worker copied a vote.
    #[error("the seal of the contribution was not made of this digest by {worker}")]
    WrongSeal {
        /// Who.
        worker: Address,
    },
    /// Only the scheduler may.
    #[error("only the scheduler of the deal, {scheduler}, may do this, not {caller}")]
    NotTheScheduler {
        /// The scheduler.
        scheduler: Address,
        /// Who called.
        caller: Address,
    },
    /// Somebody revealed.
    #[error("{revealed} workers revealed: finalize the task instead of reopening it")]
    AlreadyRevealed {
        /// How many.
        revealed: u64,
    },
    /// Winners still have time to reveal.
    #[error(
        "{revealed} of {winners} winners revealed; wait for the others, or until {deadline} (it is {now})"
    )]
    StillRevealing {
        /// Winners that revealed.
        revealed: u64,
        /// All winners.
        winners: u64,
        /// The reveal deadline.
        deadline: u64,
        /// Now.
        now: u64,
    },
    /// Too late for the scheduler.
    #[error("the final deadline passed at {deadline}: the task can only be claimed")]
    Expired {
        /// The deadline.
        deadline: u64,
        /// Now.
        now: u64,
    },
    /// Too early to claim.
    #[error("the task can be claimed from {deadline} on, in {} seconds", deadline.saturating_sub(*now))]
    NotExpired {
        /// The final deadline.
        deadline: u64,
        /// Now.
        now: u64,
    },
}

const fn describe(status: Status) -> &'static str {
    match status {
        Status::Unset => "not initialised",
        Status::Active => "active",
        Status::Revealing => "in its reveal phase",
        Status::Completed => "completed",
        Status::Failed => "claimed",
    }
}
