//! The chain as the market sees it: a stream of facts that can be taken back, and a judge of signatures.
//!
//! The market keeps a [`Mirror`] of the few things its rules read (owners, stakes, consumption, categories), folded from the
//! hub's events block by block. A re-organised chain takes blocks back and the fold is made again without them, so the
//! mirror is at every moment what the events of one chain say.

mod event;
mod hub;
#[cfg(feature = "memory-chain")]
pub mod memory;
mod mirror;

use std::{future::Future, pin::Pin};

use alloy_primitives::{Address, B256, Bytes};
use futures::stream::BoxStream;

pub use event::{AssetKind, Batch, BlockRef, DealRecord, Event, Happening, TaskStep, Update};
pub(crate) use event::{Fact, Record};
pub use hub::HubChain;
pub(crate) use mirror::{CategoryRecord, Mirror, Touched};

/// An answer of the chain, later.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ChainError>> + Send + 'a>>;

/// Why the chain did not answer.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The node cannot be reached, or refuses. The market tries again.
    #[error(
        "the chain does not answer ({0}): check that its node runs and that the RPC address is right"
    )]
    Unreachable(String),
    /// The node answers, but not what a hub of PoCo would.
    #[error("the chain answers nonsense ({0}): check the address of the hub")]
    Nonsense(String),
}

/// What the market needs of a chain with a hub on it.
pub trait ChainView: Send + Sync + 'static {
    /// Whether the hub takes `digest` as signed by `account`: presigned on chain, ERC-1271, or `sign` by its key.
    fn is_signed(&self, account: Address, digest: B256, sign: Bytes) -> Answer<'_, bool>;

    /// Whether `account` has code. Then its own key is no proof, and [`is_signed`](Self::is_signed) decides.
    fn has_code(&self, account: Address) -> Answer<'_, bool>;

    /// The events of the hub and of its registries after the newest block of `known` that is still in the chain, in order,
    /// and from then on as they happen. `known` is newest first. When its first is no longer in the chain the stream
    /// begins with a [`Update::Rollback`]; to block 0 when none is. A stream ends only with an error.
    fn updates(&self, known: Vec<BlockRef>) -> BoxStream<'_, Result<Update, ChainError>>;
}
