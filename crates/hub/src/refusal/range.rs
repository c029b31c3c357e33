//! Why the hub refuses a step of the certificate way.

use alloy::{
    primitives::{Address, Bytes, U256},
    sol_types::SolInterface,
};
use canut_protocol::{DealId, Trust};

use crate::bindings::IRanges::IRangesErrors;

/// A rule of the certificate way that a call breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeRefusal {
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
        Some(match IRangesErrors::abi_decode(data).ok()? {
            IRangesErrors::BadMembers(error) => Self::BadMembers(error.offset),
            IRangesErrors::BadSignature(error) => Self::BadSignature(error.signer),
            IRangesErrors::CallbackMismatch(_) => Self::CallbackMismatch,
            IRangesErrors::EnclaveMissing(error) => Self::EnclaveMissing(error.worker),
            IRangesErrors::NotCredible(error) => Self::NotCredible {
                p: error.p,
                q: error.q,
                trust: Trust(error.trust),
            },
            IRangesErrors::NotScheduler(error) => Self::NotScheduler {
                account: error.account,
                scheduler: error.scheduler,
            },
            IRangesErrors::RightVote(error) => Self::RightVote(error.worker),
            IRangesErrors::TaskTaken(error) => Self::TaskTaken(error.idx),
            IRangesErrors::TooEarly(error) => Self::TooEarly(error.time),
            IRangesErrors::TooLate(error) => Self::TooLate(error.deadline),
            IRangesErrors::TooManyMembers(error) => Self::TooManyMembers(error.most),
            IRangesErrors::Underbonded(error) => Self::Underbonded(error.worker),
            IRangesErrors::UnknownDeal(error) => Self::UnknownDeal(DealId(error.dealid)),
            IRangesErrors::UnsortedWorkers(error) => Self::UnsortedWorkers(error.worker),
            IRangesErrors::UnsuitedDeal(error) => Self::UnsuitedDeal(DealId(error.dealid)),
            IRangesErrors::WrongRange(error) => Self::WrongRange {
                first: error.first,
                count: error.count,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use alloy::sol_types::SolError;

    use super::*;
    use crate::{Refusal, bindings::IRanges};

    #[test]
    fn an_error_of_the_hub_becomes_words() {
        let error = IRanges::NotCredible {
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
