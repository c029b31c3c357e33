//! Running a stored chain again: what it holds is what its transactions do.

use crate::{
    engine::{Core, Engine, EngineError, HeaderRules, Verdict},
    executor::Cancel,
    genesis::Genesis,
    stages::Stages,
    state::ReadError,
    store::{DATABASE, GenesisBlock, Store, StoreConfig, StoreError},
};
use alloy::consensus::Header;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

/// What was run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Blocks after the first.
    pub blocks: u64,
    /// Transactions in them.
    pub transactions: u64,
    /// Gas that they use.
    pub gas: u64,
    /// From the first block to the last, reading included.
    pub elapsed: Duration,
}

/// Why a chain could not be run again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A store does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A block could not be run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine could not be set up.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
    /// A block that the chain should hold is not there.
    #[error("block {0} is missing")]
    Missing(u64),
    /// Running a block does not give what its header says. Developer methods that change the state
    /// between two blocks cause it too.
    #[error("block {number}: {reason}")]
    Differs {
        /// Height.
        number: u64,
        /// The first difference.
        reason: String,
    },
}

impl From<ReadError> for ReplayError {
    fn from(error: ReadError) -> Self {
        Self::Store(error.into())
    }
}

/// The header follows from the rules of Ethereum alone.
struct AnyHeader;

impl HeaderRules for AnyHeader {
    fn check(&self, _: &Header, _: &Header) -> Verdict {
        Verdict::Valid
    }
}

fn open(dir: Option<PathBuf>, genesis: GenesisBlock) -> Result<Store, ReplayError> {
    Ok(Store::open(
        StoreConfig {
            dir,
            cache: 64 << 20,
            history: 1,
            checkpoint_bytes: 32 << 20,
            resident_nodes: 400_000,
            stages: Arc::new(Stages::new()?),
        },
        genesis,
    )?)
}

/// Runs every block of the chain in `dir` again, on a chain in memory that starts from the same
/// `genesis`, and compares every header, and so every root. No node may have the folder open.
///
/// # Errors
/// The first block that differs, or what keeps the chain from being read.
pub fn replay(dir: &Path, genesis: &Genesis) -> Result<Replayed, ReplayError> {
    // Opening a folder without a chain would start one there.
    if !dir.join(DATABASE).is_file() {
        return Err(ReplayError::Missing(0));
    }
    let source = open(Some(dir.to_owned()), genesis.block(0))?;
    let chain = source.head();
    let first = chain.block(0)?.ok_or(ReplayError::Missing(0))?;
    let copy = Core::new(
        genesis.rules(),
        open(None, genesis.block(first.header.timestamp))?,
        1,
    );
    if copy.head().hash != first.hash {
        return Err(ReplayError::Differs {
            number: 0,
            reason: "another genesis".into(),
        });
    }
    let start = Instant::now();
    let mut done = Replayed {
        blocks: 0,
        transactions: 0,
        gas: 0,
        elapsed: Duration::ZERO,
    };
    for number in 1..=chain.head.number() {
        let block = chain.block(number)?.ok_or(ReplayError::Missing(number))?;
        match copy.check(&block, &AnyHeader, &Cancel::default())? {
            Verdict::Valid => copy.commit(block.hash, &[])?,
            Verdict::Invalid(reason) => return Err(ReplayError::Differs { number, reason }),
            Verdict::NotYet(_) => {
                let reason = "it does not follow the block before".into();
                return Err(ReplayError::Differs { number, reason });
            }
        }
        done.blocks += 1;
        done.transactions += block.transactions.len() as u64;
        done.gas += block.header.gas_used;
    }
    done.elapsed = start.elapsed();
    Ok(done)
}
