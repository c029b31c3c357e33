//! The seam between executing blocks and ordering them: what an ordering may ask, and nothing of
//! who it is.

mod core;
#[cfg(test)]
mod tests;
mod wire;

use crate::{
    executor::{BlockCtx, Cancel, ExecuteError, Rejection},
    state::ReadError,
    store::{SealedBlock, StoreError},
};
use alloy::consensus::{Header, TxEnvelope, transaction::Recovered};
use alloy_primitives::B256;
use std::sync::Arc;

pub(crate) use self::core::{Core, context_of};
pub use wire::{WireError, decode_block, encode_block};

/// The newest durable block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Height.
    pub number: u64,
    /// Block hash.
    pub hash: B256,
    /// Root of the state.
    pub state_root: B256,
}

/// Where a block under construction takes its transactions from.
pub trait TxSource: Send {
    /// The next to try; `None` ends the block.
    fn next(&mut self) -> Option<Arc<Recovered<TxEnvelope>>>;
    /// The last one was not taken.
    fn reject(&mut self, tx: &Recovered<TxEnvelope>, reason: Rejection);
}

/// What an ordering requires of a header, besides what Ethereum does.
pub trait HeaderRules: Send + Sync {
    /// Judges the header of a block against its parent's.
    fn check(&self, parent: &Header, header: &Header) -> Verdict;
}

/// A judgement of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may become part of the chain.
    Valid,
    /// It never will.
    Invalid(String),
    /// Something is missing to judge it; ask again.
    NotYet(Wait),
}

/// What is missing to judge a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The block with this hash.
    Parent(B256),
    /// The time, in seconds since 1970.
    Until(u64),
}

/// A block that was built.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The block; the engine keeps its state until it or a sibling is committed.
    pub block: Arc<SealedBlock>,
}

/// What an engine cannot do.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Neither the head nor a block kept in memory.
    #[error("the block {0} is not known, or was dropped")]
    Unknown(B256),
    /// Too many blocks wait to be committed.
    #[error("{0} blocks wait to be committed: commit some")]
    TooMany(usize),
    /// The context does not follow the parent.
    #[error("a block at height {number} and time {timestamp} does not follow its parent")]
    Context {
        /// Height asked for.
        number: u64,
        /// Time asked for.
        timestamp: u64,
    },
    /// Execution failed, or was cancelled.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ReadError> for EngineError {
    fn from(error: ReadError) -> Self {
        Self::Execute(error.into())
    }
}

/// What an ordering may ask. Blocks form a tree above the durable head; one branch of it becomes
/// durable.
pub trait Engine: Send + Sync + 'static {
    /// The newest durable block.
    fn head(&self) -> Head;
    /// Makes a block on `parent` (the head, or a block built or checked before) and keeps its state
    /// in memory.
    fn build(
        &self,
        parent: B256,
        ctx: BlockCtx,
        txs: &mut dyn TxSource,
        cancel: &Cancel,
    ) -> Result<Sealed, EngineError>;
    /// Executes a block on its parent's state and compares every root; a valid one is kept like a
    /// built one.
    fn check(
        &self,
        block: &SealedBlock,
        rules: &dyn HeaderRules,
        cancel: &Cancel,
    ) -> Result<Verdict, EngineError>;
    /// Makes a block, and those between the head and it, durable; drops its siblings. Done already:
    /// does nothing. `finality` is kept with the block.
    fn commit(&self, hash: B256, finality: &[u8]) -> Result<(), EngineError>;
    /// What was given when the block at a height was committed; `None` if it was nothing.
    fn finality(&self, number: u64) -> Result<Option<Vec<u8>>, EngineError>;
    /// Makes an ancestor the head again.
    fn revert_to(&self, hash: B256) -> Result<(), EngineError>;
}
