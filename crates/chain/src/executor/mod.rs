//! Running transactions: from a parent state and a list to a block, whoever ordered it.

mod call_error;
mod env;
mod execute;
mod header;
mod rejection;
pub(crate) mod simulate;

pub(crate) use call_error::CallError;
pub(crate) use env::{
    MAX_INIT_CODE, MAX_TX_GAS, Vm, block_env_of, config, evm_on, stand_in, stands_in,
    transaction_env,
};
pub(crate) use execute::{Execution, execute, replay_before, replay_one};
pub(crate) use header::{assemble, next_base_fee};
pub use rejection::Rejection;

use crate::state::ReadError;
use alloy_primitives::{Address, B256, Bytes};
use revm::primitives::hardfork::SpecId;
use std::sync::atomic::{AtomicBool, Ordering};

/// The rules that never change in the life of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Chain id (EIP-155).
    pub chain_id: u64,
    /// The fork whose rules apply from the first block on.
    pub spec: SpecId,
    /// How the base fee moves.
    pub fees: Fees,
}

/// How the base fee of a block follows from its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fees {
    /// EIP-1559.
    Eip1559,
    /// Always the same, in wei; 0 makes the chain free.
    Fixed(u64),
}

/// What a block is made with, besides its transactions: the choice of whoever orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockCtx {
    /// Height.
    pub number: u64,
    /// Seconds since 1970; never less than the parent's.
    pub timestamp: u64,
    /// Who is paid the priority fees.
    pub beneficiary: Address,
    /// PREVRANDAO (EIP-4399).
    pub prev_randao: B256,
    /// Gas that the block may use.
    pub gas_limit: u64,
    /// Wei per gas that is burnt (EIP-1559).
    pub base_fee: u64,
    /// EIP-4788.
    pub parent_beacon_root: B256,
    /// At most 32 bytes.
    pub extra: Bytes,
}

/// A flag that stops work under way.
#[derive(Debug, Default)]
pub struct Cancel(AtomicBool);

impl Cancel {
    /// Stops whatever looks at the flag.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Execution could not be done; it says nothing of the transactions.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The state could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Told to stop.
    #[error("cancelled")]
    Cancelled,
    /// A system contract did not run.
    #[error("the system contract {0} failed: {1}")]
    System(Address, String),
}
