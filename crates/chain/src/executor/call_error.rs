//! Why a call gives no result, in the words of geth.

use super::Rejection;
use crate::state::ReadError;
use alloy_primitives::Address;
use revm::context::result::ExecutionResult;

/// A call that was not run, or could not be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("err: {reason} (supplied gas {gas})")]
    Rejected { reason: Rejection, gas: u64 },
    /// The same, while the gas was searched.
    #[error("failed with {gas} gas: {reason}")]
    NotEstimated { reason: Rejection, gas: u64 },
    #[error("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified")]
    BothFees,
    #[error("chainId does not match node's (have={have}, want={want})")]
    ChainId { have: u64, want: u64 },
    #[error("account {0} has both 'state' and 'stateDiff'")]
    BothStates(Address),
    #[error("insufficient funds for transfer")]
    Transfer,
    #[error("gas required exceeds allowance ({0})")]
    Allowance(u64),
    #[error("the access list still changes after {0} runs")]
    Unsettled(u32),
    /// The call fails whatever its gas; this is how.
    #[error("failed")]
    Failed(Box<ExecutionResult>),
}
