//! Why the hub refuses a step of the certificate way.

use alloy::{
    primitives::{Address, Bytes, U256},
    sol_types::SolInterface,
};
use canut_protocol::{DealId, RangeId, Trust};

use crate::bindings::IHub::IHubErrors;

/// A rule of the certificate way that a call breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeRefusal {
    /// The pool's audits of the epoch are promised already.
    #[error(
        "the audits of workerpool {workerpool} for epoch {epoch} are promised already, and a promise stands"
    )]
    AlreadyCommitted {
        /// The pool.
        workerpool: Address,
        /// The epoch.
        epoch: u32,
    },
    /// The fault was punished before.
    #[error("{0} was slashed for this already")]
    AlreadyFaulted(Address),
    /// The settlement accounts for the worker.
    #[error("the settlement accounts for {0}")]
    AlreadyListed(Address),
    /// The vote is posted.
    #[error("a vote of {0} is posted already")]
    AlreadyPosted(Address),
    /// The members cannot be read.
    #[error(
        "the list of members cannot be read from byte {0} on: both sides may not know the same kinds"
    )]
    BadMembers(U256),
    /// A signature is not the one it should be.
    #[error("a signature is not by {0}: it is of another key, or over something else")]
    BadSignature(Address),
    /// Data for a callback where there is none, or the reverse.
    #[error(
        "the deal has a callback and is settled task by task, or has none and takes no data for one"
    )]
    CallbackMismatch,
    /// The deal asks for an enclave.
    #[error("{0} computed outside an enclave, and the deal asks for one")]
    EnclaveMissing(Address),
    /// The votes do not reach the trust asked for.
    #[error(
        "the votes weigh {p} for and {q} against, which is not enough for trust {trust}: ask more workers"
    )]
    NotCredible {
        /// Product of the weights for the value.
        p: U256,
        /// Product of the weights against it.
        q: U256,
        /// What they must reach.
        trust: Trust,
    },
    /// Nothing is posted.
    #[error("nothing is posted on range {0}, or it was resolved already")]
    NotPosted(RangeId),
    /// The value is nobody's.
    #[error("no posted vote on range {0} that is still closed is for this value")]
    NothingOpened(RangeId),
    /// Only the scheduler settles.
    #[error("only the scheduler of the deal, {scheduler}, may do this, and not {account}")]
    NotScheduler {
        /// Who called.
        account: Address,
        /// Who may.
        scheduler: Address,
    },
    /// A right vote is shown as a wrong one.
    #[error("the vote of {0} is right: it cannot be taken for a wrong one")]
    RightVote(Address),
    /// Another step took the task.
    #[error(
        "task {0} is taken: it was settled, posted, claimed, or a worker contributed to it the open way"
    )]
    TaskTaken(U256),
    /// The time for it has not come.
    #[error("this can be done from {0} (seconds since the epoch) on: wait")]
    TooEarly(U256),
    /// The time for it is over.
    #[error("this could be done until {0} (seconds since the epoch)")]
    TooLate(U256),
    /// Too many votes.
    #[error("there are more than {0} votes")]
    TooManyMembers(U256),
    /// A worker has not enough at stake.
    #[error("the bond of {0} in this pool does not cover the vote: bond more")]
    Underbonded(Address),
    /// No such deal.
    #[error("there is no deal {0} on this hub")]
    UnknownDeal(DealId),
    /// Two members may be one.
    #[error("the members are not in ascending order at {0}")]
    UnsortedWorkers(Address),
    /// The deal goes the open way only.
    #[error(
        "deal {0} cannot be settled by certificate: its category is too long, or its prices or trust are too large"
    )]
    UnsuitedDeal(DealId),
    /// The evidence proves nothing.
    #[error(
        "the evidence proves no fault: it is of another settlement, or the votes do not differ"
    )]
    WrongEvidence,
    /// Bytes that are no list of votes or proofs.
    #[error("{0} bytes are no list of votes or proofs")]
    WrongLength(U256),
    /// Not a range of the deal.
    #[error("{count} tasks from {first} on are no range of the deal: 1 to 4096 tasks, all of it")]
    WrongRange {
        /// First index.
        first: U256,
        /// Number of tasks.
        count: U256,
    },
}

impl RangeRefusal {
    /// Reads what a call reverted with, if it is of the certificate way.
    pub(super) fn decode(data: &Bytes) -> Option<Self> {
        Some(match IHubErrors::abi_decode(data).ok()? {
            IHubErrors::AlreadyCommitted(error) => Self::AlreadyCommitted {
                workerpool: error.workerpool,
                epoch: error.epoch,
            },
            IHubErrors::AlreadyFaulted(error) => Self::AlreadyFaulted(error.account),
            IHubErrors::AlreadyListed(error) => Self::AlreadyListed(error.worker),
            IHubErrors::AlreadyPosted(error) => Self::AlreadyPosted(error.worker),
            IHubErrors::NotPosted(error) => Self::NotPosted(RangeId(error.rid)),
            IHubErrors::NothingOpened(error) => Self::NothingOpened(RangeId(error.rid)),
            IHubErrors::WrongEvidence(_) => Self::WrongEvidence,
            IHubErrors::WrongLength(error) => Self::WrongLength(error.length),
            IHubErrors::BadMembers(error) => Self::BadMembers(error.offset),
            IHubErrors::BadSignature(error) => Self::BadSignature(error.signer),
            IHubErrors::CallbackMismatch(_) => Self::CallbackMismatch,
            IHubErrors::EnclaveMissing(error) => Self::EnclaveMissing(error.worker),
            IHubErrors::NotCredible(error) => Self::NotCredible {
                p: error.p,
                q: error.q,
                trust: Trust(error.trust),
            },
            IHubErrors::NotScheduler(error) => Self::NotScheduler {
                account: error.account,
                scheduler: error.scheduler,
            },
            IHubErrors::RightVote(error) => Self::RightVote(error.worker),
            IHubErrors::TaskTaken(error) => Self::TaskTaken(error.idx),
            IHubErrors::TooEarly(error) => Self::TooEarly(error.time),
            IHubErrors::TooLate(error) => Self::TooLate(error.deadline),
            IHubErrors::TooManyMembers(error) => Self::TooManyMembers(error.most),
            IHubErrors::Underbonded(error) => Self::Underbonded(error.worker),
            IHubErrors::UnknownDeal(error) => Self::UnknownDeal(DealId(error.dealid)),
            IHubErrors::UnsortedWorkers(error) => Self::UnsortedWorkers(error.worker),
            IHubErrors::UnsuitedDeal(error) => Self::UnsuitedDeal(DealId(error.dealid)),
            IHubErrors::WrongRange(error) => Self::WrongRange {
                first: error.first,
                count: error.count,
            },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use alloy::sol_types::SolError;

    use super::*;
    use crate::{Refusal, bindings::IHub};

    #[test]
    fn an_error_of_the_hub_becomes_words() {
        let error = IHub::NotCredible {
            p: U256::from(8),
            q: U256::from(2),
            trust: U256::from(100),
        };
        let refusal = Refusal::decode(&error.abi_encode().into());
        let told = refusal.to_string();
        assert!(
            told.contains("8 for and 2 against") && told.contains("trust 100"),
            "{told}"
        );
        let Refusal::Range(refusal) = refusal else {
            panic!("{told}")
        };
        assert!(matches!(*refusal, RangeRefusal::NotCredible { .. }));
    }
}
