//! A chain in memory, which forks at will: for tests and measurements.
//!
//! It keeps only what a hub would log. Signatures are those of plain keys, or of accounts declared to be contracts, which
//! accept what they were told to accept.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use alloy_primitives::{Address, B256, Bytes, keccak256};
use canut_protocol::signature;
use futures::{StreamExt, stream::BoxStream};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::{Answer, Batch, BlockRef, ChainError, ChainView, Event, Happening, Update};

/// The chain. Clones are the same chain.
#[derive(Clone, Debug)]
pub struct MemoryChain {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    /// Blocks from height 1 on.
    blocks: Vec<Batch>,
    salt: u64,
    contracts: HashMap<Address, HashSet<B256>>,
    broken: bool,
}

impl Default for MemoryChain {
    fn default() -> Self {
        Self {
            state: Arc::default(),
            changed: watch::Sender::new(0),
        }
    }
}

/// Time of block 0; a block is made every ten seconds.
pub const GENESIS: u64 = 1_700_000_000;

impl MemoryChain {
    /// Adds a block with these events; returns its height.
    pub fn mine(&self, events: Vec<Event>) -> u64 {
        let number = {
            let mut state = self.state.lock();
            state.push(events);
            state.head()
        };
        self.changed.send_modify(|version| *version += 1);
        number
    }

    /// Replaces the blocks above `to` by these: the chain re-organises.
    pub fn reorganise(&self, to: u64, blocks: Vec<Vec<Event>>) {
        {
            let mut state = self.state.lock();
            let keep = usize::try_from(to).unwrap_or(usize::MAX);
            state.blocks.truncate(keep);
            state.salt += 1;
            blocks.into_iter().for_each(|events| state.push(events));
        }
        self.changed.send_modify(|version| *version += 1);
    }

    /// Height of the last block.
    pub fn head(&self) -> u64 {
        self.state.lock().head()
    }

    /// The last block, if there is one.
    pub fn tip(&self) -> Option<BlockRef> {
        self.state.lock().blocks.last().map(|batch| batch.at)
    }

    /// Makes `account` a contract that accepts these digests (ERC-1271).
    pub fn deploy_wallet(&self, account: Address, accepts: impl IntoIterator<Item = B256>) {
        self.state
            .lock()
            .contracts
            .entry(account)
            .or_default()
            .extend(accepts);
    }

    /// From now on the node answers no question, or does again.
    pub fn set_broken(&self, broken: bool) {
        self.state.lock().broken = broken;
        self.changed.send_modify(|version| *version += 1);
    }

    /// The next step for one who knows these blocks, newest first.
    fn step(&self, known: &mut Vec<BlockRef>) -> Result<Option<Update>, ChainError> {
        let state = self.state.lock();
        if state.broken {
            return Err(ChainError::Unreachable("it was told not to".to_owned()));
        }
        let stands = known.iter().position(|block| state.has(*block));
        if stands != Some(0) && !known.is_empty() {
            known.drain(..stands.unwrap_or(known.len()));
            return Ok(Some(Update::Rollback {
                to: known.first().map_or(0, |block| block.number),
            }));
        }
        let last = known.first().map_or(0, |block| block.number);
        let next = state
            .blocks
            .get(usize::try_from(last).unwrap_or(usize::MAX))
            .cloned();
        if let Some(batch) = &next {
            known.insert(0, batch.at);
        }
        Ok(next.map(Update::Batch))
    }
}

impl State {
    fn head(&self) -> u64 {
        self.blocks.len() as u64
    }

    fn has(&self, block: BlockRef) -> bool {
        let at = block
            .number
            .checked_sub(1)
            .and_then(|index| self.blocks.get(usize::try_from(index).ok()?));
        at.is_some_and(|batch| batch.at == block)
    }

    fn push(&mut self, events: Vec<Event>) {
        let block = self.head() + 1;
        let parent = self.blocks.last().map_or(B256::ZERO, |batch| batch.at.hash);
        let mut preimage = parent.to_vec();
        preimage.extend(self.salt.to_be_bytes());
        preimage.extend(block.to_be_bytes());
        let timestamp = GENESIS + 10 * block;
        let events = events
            .into_iter()
            .map(|event| Happening {
                block,
                timestamp,
                event,
            })
            .collect();
        let at = BlockRef {
            number: block,
            hash: keccak256(preimage),
        };
        self.blocks.push(Batch { at, events });
    }
}

impl ChainView for MemoryChain {
    fn is_signed(&self, account: Address, digest: B256, sign: Bytes) -> Answer<'_, bool> {
        let state = self.state.lock();
        let answer = if state.broken {
            Err(ChainError::Unreachable("it was told not to".to_owned()))
        } else if let Some(accepts) = state.contracts.get(&account) {
            Ok(accepts.contains(&digest))
        } else {
            Ok(signature::verify(account, digest, &sign).unwrap_or(false))
        };
        Box::pin(async move { answer })
    }

    fn has_code(&self, account: Address) -> Answer<'_, bool> {
        let state = self.state.lock();
        let answer = if state.broken {
            Err(ChainError::Unreachable("it was told not to".to_owned()))
        } else {
            Ok(state.contracts.contains_key(&account))
        };
        Box::pin(async move { answer })
    }

    fn updates(&self, known: Vec<BlockRef>) -> BoxStream<'_, Result<Update, ChainError>> {
        let changed = self.changed.subscribe();
        let next = move |(mut known, mut changed): (Vec<BlockRef>, watch::Receiver<u64>)| async move {
            loop {
                changed.borrow_and_update();
                match self.step(&mut known).transpose() {
                    Some(step) => return Some((step, (known, changed))),
                    None => changed.changed().await.ok()?,
                }
            }
        };
        futures::stream::unfold((known, changed), next).boxed()
    }
}
