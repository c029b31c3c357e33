//! What is signed: a worker's vote, a scheduler's promise to account for it, a worker's wish to take its bond out.

use alloy_primitives::{Address, B256, U256, eip191_hash_message, keccak256};
use alloy_sol_types::SolStruct;
use serde::{Deserialize, Serialize};

use super::{Range, RangeId, packed, typed};
use crate::{Domain, Nrlc, signature::CompactSignature};

/// A worker's vote on a range, its value hidden in the seal. One worker signs one for a range, ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Commitment {
    /// What is voted on.
    pub range: Range,
    /// The enclave the range was computed in; the zero address for none.
    pub enclave: Address,
    /// [`Value::seal`](super::Value::seal) of the worker's value.
    pub seal: B256,
}

/// A scheduler's word that a vote by this worker on this range, whose signature has this hash, will be accounted for. It is
/// given before the vote is shown, so that the pool cannot choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Assignment {
    /// What is voted on.
    pub range: Range,
    /// Who votes.
    pub worker: Address,
    /// [`Vote::sealed`] of the vote.
    pub sealed: B256,
}

/// A worker's wish to take a part of its bond out of a pool; anyone may carry it to the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Unbond {
    /// The pool.
    pub workerpool: Address,
    /// How much.
    pub amount: Nrlc,
    /// Number of such wishes carried out before, of this worker in this pool.
    pub nonce: u64,
    /// Worth nothing after this time, in seconds since the epoch.
    pub deadline: u64,
}

impl Commitment {
    /// What the worker signs (EIP-712).
    pub fn digest(&self, domain: &Domain) -> B256 {
        let message = typed::Commitment {
            dealid: self.range.deal().0,
            first: U256::from(self.range.first()),
            count: U256::from(self.range.count()),
            enclave: self.enclave,
            seal: self.seal,
        };
        domain.digest(message.eip712_hash_struct())
    }
}

impl Assignment {
    /// What the scheduler signs (EIP-712).
    pub fn digest(&self, domain: &Domain) -> B256 {
        let message = typed::Assignment {
            dealid: self.range.deal().0,
            first: U256::from(self.range.first()),
            count: U256::from(self.range.count()),
            worker: self.worker,
            sealed: self.sealed,
        };
        domain.digest(message.eip712_hash_struct())
    }
}

impl Unbond {
    /// What the worker signs (EIP-712).
    pub fn digest(&self, domain: &Domain) -> B256 {
        let message = typed::Unbond {
            workerpool: self.workerpool,
            amount: self.amount.0,
            nonce: U256::from(self.nonce),
            deadline: U256::from(self.deadline),
        };
        domain.digest(message.eip712_hash_struct())
    }
}

/// A commitment and who signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Vote {
    /// Who votes.
    pub worker: Address,
    /// The vote.
    pub commitment: Commitment,
    /// The worker's signature over it.
    pub signature: CompactSignature,
}

impl Vote {
    /// What the scheduler countersigns before it sees the vote: `keccak256(signature)` (§2.2).
    pub fn sealed(&self) -> B256 {
        self.signature.hash()
    }

    /// Whether the worker signed it.
    pub fn is_signed(&self, domain: &Domain) -> bool {
        self.signature.recover(self.commitment.digest(domain)) == Some(self.worker)
    }

    /// Whether both votes are of one worker on one range and differ: the worker is slashed for it (§3.5).
    pub fn equivocates(&self, other: &Self) -> bool {
        self.worker == other.worker
            && self.commitment.range == other.commitment.range
            && self.commitment != other.commitment
    }
}

/// What the broker of enclaves signs so that `worker` may vote on `range` from `enclave`: the EIP-191 hash of
/// `keccak256("canut.broker.1" ‖ worker ‖ range ‖ enclave)` (§2.5).
pub fn broker_digest(worker: Address, range: RangeId, enclave: Address) -> B256 {
    let parts: [&[u8]; 4] = [
        b"canut.broker.1",
        worker.as_slice(),
        range.0.as_slice(),
        enclave.as_slice(),
    ];
    eip191_hash_message(packed(&parts))
}

impl CompactSignature {
    /// `keccak256` of its 64 bytes.
    pub fn hash(&self) -> B256 {
        keccak256(self.as_bytes())
    }
}
