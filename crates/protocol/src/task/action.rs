//! What can be done to a task, and what comes of it.

use alloy_primitives::{Address, B256, Bytes};

use crate::{Nrlc, Weight, ledger::Move};

/// A call on a task. Signatures (authorization, enclave) are not part of it: whoever needs them checked does so with
/// [`signature`](crate::signature) over the digests of [`result`](crate::result).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Opens the task. Anyone may.
    Initialize {
        /// Index of the task in the request order.
        index: u64,
        /// Reference time of the deal's category, in seconds.
        time_ref: u64,
    },
    /// A vote.
    Contribute {
        /// Who votes.
        worker: Address,
        /// The weight of his score at this moment.
        weight: Weight,
        /// For what.
        result_hash: B256,
        /// Proof that he knows it.
        result_seal: B256,
        /// Key of the enclave it ran in; the zero address outside one.
        enclave: Address,
    },
    /// The only vote, with its result, of a deal at trust 1.
    ContributeAndFinalize {
        /// Who votes.
        worker: Address,
        /// The digest of the result.
        digest: B256,
        /// The result to publish.
        results: Bytes,
        /// The result to deliver on chain.
        results_callback: Bytes,
        /// Key of the enclave it ran in; the zero address outside one.
        enclave: Address,
        /// What is in the kitty.
        kitty: Nrlc,
    },
    /// A winner shows what he voted for.
    Reveal {
        /// Who.
        worker: Address,
        /// The digest of the result.
        digest: B256,
    },
    /// Nobody revealed: the scheduler throws the certified result out and asks for more votes.
    Reopen {
        /// Who calls.
        caller: Address,
    },
    /// The scheduler publishes the result, and everyone is paid.
    Finalize {
        /// Who calls.
        caller: Address,
        /// The result to publish.
        results: Bytes,
        /// The result to deliver on chain.
        results_callback: Bytes,
        /// What is in the kitty.
        kitty: Nrlc,
    },
    /// Too late: the payer has his money back. Anyone may.
    Claim,
}

/// What an action causes. Effects come in the order of the events of the contract (PoCo 6.2.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Money moves.
    Money(Move),
    /// `TaskInitialize`.
    Initialized,
    /// `TaskContribute`.
    Contributed {
        /// Who voted.
        worker: Address,
        /// For what.
        result_hash: B256,
    },
    /// `TaskConsensus`: a result is certified.
    Certified {
        /// Which.
        result_hash: B256,
    },
    /// `TaskReveal`.
    Revealed {
        /// Who.
        worker: Address,
        /// What.
        digest: B256,
    },
    /// `TaskReopen`.
    Reopened,
    /// `AccurateContribution`: the worker's score grows, see [`Score::rewarded`](crate::Score::rewarded).
    Accurate {
        /// Whose.
        worker: Address,
    },
    /// `FaultyContribution`: the worker's score falls, see [`Score::penalised`](crate::Score::penalised).
    Faulty {
        /// Whose.
        worker: Address,
    },
    /// `TaskFinalize`.
    Finalized,
    /// `TaskClaimed`.
    Claimed,
    /// The deal's callback contract is called; its failure changes nothing.
    Callback {
        /// The contract.
        target: Address,
    },
}

impl From<Move> for Effect {
    fn from(step: Move) -> Self {
        Self::Money(step)
    }
}
