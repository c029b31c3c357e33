//! Following the chain.
//!
//! Events are given out once their block is as deep as asked, and never before: whoever acts on them (pays, computes, votes)
//! cannot take that back, so what can still be undone is not told. Where blocks are final the depth is 0 and nothing is
//! delayed. A re-organisation less deep than asked passes unnoticed. A deeper one is a [`FollowError::Reorganised`]: what was
//! told is no longer true, and the reader goes back to an older checkpoint of its own, or starts anew. The other design,
//! telling at once and taking back, would make every reader able to undo whatever it did.
//!
//! Nothing is skipped or told twice, because blocks are chained by hash to the one told last, and near the head logs are
//! asked for by the hash of their block, which a node that lags behind cannot answer with "none".

use std::time::Duration;

use alloy::{
    primitives::{Address, B256},
    providers::{DynProvider, Provider},
    rpc::types::{BlockNumberOrTag, Filter, Header, Log},
    transports::{RpcError, TransportError},
};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use tracing::{debug, warn};

use super::Event;
use crate::{deploy::Deployment, heads::Heads};

/// How a [`Follower`] behaves.
#[derive(Clone, Copy, Debug)]
pub struct FollowConfig {
    /// Blocks that must follow a block before its events are told: 0 where blocks are final.
    pub depth: u64,
    /// How often the head is looked for. Over WebSocket the node tells of it as well, so there it may be long.
    pub poll: Duration,
    /// Most blocks asked for at once when far behind. Halved when the node finds it too much, and raised again slowly.
    pub range: u64,
    /// Longest wait between two attempts while the node does not answer.
    pub patience: Duration,
}

impl Default for FollowConfig {
    /// For a chain with final blocks.
    fn default() -> Self {
        Self {
            depth: 0,
            poll: Duration::from_millis(250),
            range: 2_000,
            patience: Duration::from_secs(30),
        }
    }
}

/// Blocks below the target from which on logs are asked for block by block.
const NEAR: u64 = 32;

/// First wait while the node does not answer; it doubles.
const BACKOFF: Duration = Duration::from_millis(100);

/// The last block whose events were told. Keep it with what was made of them, and a new follower resumes behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Its number.
    pub block: u64,
    /// Its hash.
    pub hash: B256,
}

/// An event, and where it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// What.
    pub event: Event,
    /// In which block.
    pub block: u64,
    /// When, in seconds since the epoch, if the node says so.
    pub time: Option<u64>,
    /// In which transaction.
    pub transaction: B256,
    /// Position among the logs of the block.
    pub log_index: u64,
}

/// The events of one block, or of several; there may be none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// In the order in which they happened.
    pub events: Vec<Happening>,
    /// Where to resume after them.
    pub checkpoint: Checkpoint,
}

/// Why following ends. A node that does not answer is not among it: that is waited for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// The chain forgot a block whose events were told.
    #[error("block {} was undone, deeper than the depth asked for: go back to an older checkpoint, or start anew", .0.block)]
    Reorganised(Checkpoint),
}

/// Follows the events of a hub and of its registries.
#[derive(Debug)]
pub struct Follower {
    provider: DynProvider,
    deployment: Deployment,
    config: FollowConfig,
    next: u64,
    told: Option<Checkpoint>,
    range: u64,
    heads: Heads,
}

/// What kept one attempt from succeeding.
enum Hitch {
    /// The node, or the range: try again.
    Node(TransportError),
    /// The chain changed while it was read, or the node is behind: try again.
    Unsteady,
    /// The end.
    Undone(FollowError),
}

impl From<TransportError> for Hitch {
    fn from(error: TransportError) -> Self {
        Self::Node(error)
    }
}

impl Follower {
    /// Tells everything from block `from` on.
    pub fn from_block(
        provider: impl Provider + 'static,
        deployment: Deployment,
        config: FollowConfig,
        from: u64,
    ) -> Self {
        let range = config.range.max(1);
        let provider = provider.erased();
        Self {
            heads: Heads::new(provider.clone(), config.poll),
            provider,
            deployment,
            config,
            next: from,
            told: None,
            range,
        }
    }

    /// Tells everything after `checkpoint`.
    pub fn resume(
        provider: impl Provider + 'static,
        deployment: Deployment,
        config: FollowConfig,
        checkpoint: Checkpoint,
    ) -> Self {
        let mut follower = Self::from_block(
            provider,
            deployment,
            config,
            checkpoint.block.saturating_add(1),
        );
        follower.told = Some(checkpoint);
        follower
    }

    /// Waits for the next blocks and tells their events. Dropping the future loses nothing: call it again.
    pub async fn next(&mut self) -> Result<Batch, FollowError> {
        let mut wait = BACKOFF;
        loop {
            match self.advance().await {
                Ok(Some(batch)) => return Ok(batch),
                Ok(None) => {
                    wait = BACKOFF;
                    self.heads.next().await;
                }
                Err(Hitch::Undone(end)) => return Err(end),
                Err(Hitch::Unsteady) => sleep(self.config.poll).await,
                Err(Hitch::Node(error)) => {
                    warn!(%error, block = self.next, "the node does not tell the events, waiting for it");
                    sleep(wait).await;
                    wait = (wait * 2).min(self.config.patience);
                }
            }
        }
    }

    /// One attempt. `None` when there is nothing to tell yet.
    async fn advance(&mut self) -> Result<Option<Batch>, Hitch> {
        let head = self.provider.get_block_number().await?;
        if let Some(told) = self.told.filter(|told| head < told.block) {
            // The head fell behind: a node that lags, or a chain cut short. Its own block at that height will tell.
            debug!(head, told = told.block, "the head is behind what was told");
            return Ok(None);
        }
        let Some(target) = head
            .checked_sub(self.config.depth)
            .filter(|target| *target >= self.next)
        else {
            self.confirm().await?;
            return Ok(None);
        };
        let batch = if target - self.next < NEAR {
            self.block().await?
        } else {
            self.blocks(target - NEAR).await?
        };
        self.told = Some(batch.checkpoint);
        self.next = batch.checkpoint.block.saturating_add(1);
        Ok(Some(batch))
    }

    /// Checks that the block told last is still there while nothing new is.
    async fn confirm(&self) -> Result<(), Hitch> {
        let Some(told) = self.told else { return Ok(()) };
        let header = self.header(told.block).await?;
        if header.hash == told.hash {
            Ok(())
        } else {
            Err(Hitch::Undone(FollowError::Reorganised(told)))
        }
    }

    /// The next block, its logs asked for by its hash.
    async fn block(&self) -> Result<Batch, Hitch> {
        let header = self.header(self.next).await?;
        self.follows(&header)?;
        let logs = self
            .provider
            .get_logs(&self.filter().at_block_hash(header.hash))
            .await?;
        if logs
            .iter()
            .any(|log| log.block_hash.is_some_and(|hash| hash != header.hash))
        {
            return Err(Hitch::Unsteady);
        }
        Ok(self.batch(logs, &header))
    }

    /// The next blocks up to `target`, as many as the node gives at once.
    async fn blocks(&mut self, target: u64) -> Result<Batch, Hitch> {
        let to = target.min(self.next.saturating_add(self.range - 1));
        self.follows(&self.header(self.next).await?)?;
        let end = self.header(to).await?;
        let filter = self.filter().from_block(self.next).to_block(to);
        let logs = match self.provider.get_logs(&filter).await {
            Ok(logs) => logs,
            Err(error) => {
                // Nodes limit ranges, numbers of logs or sizes of answers, each in words of its own.
                let limited = matches!(error, RpcError::ErrorResp(_) | RpcError::DeserError { .. })
                    || error
                        .as_transport_err()
                        .is_some_and(|kind| kind.is_http_error());
                if limited && self.range > 1 {
                    self.range = (self.range.min(to - self.next + 1) / 2).max(1);
                    debug!(%error, range = self.range, "asking for fewer blocks at once");
                    return Err(Hitch::Unsteady);
                }
                return Err(error.into());
            }
        };
        // Same end before and after: the logs are of the chain that ends there.
        if self.header(to).await?.hash != end.hash {
            return Err(Hitch::Unsteady);
        }
        self.range = self
            .range
            .saturating_add(self.range.div_ceil(4))
            .min(self.config.range.max(1));
        Ok(self.batch(logs, &end))
    }

    async fn header(&self, number: u64) -> Result<Header, Hitch> {
        let block = self
            .provider
            .get_block_by_number(BlockNumberOrTag::Number(number))
            .await?;
        block.map(|block| block.header).ok_or(Hitch::Unsteady)
    }

    /// Whether `header` is the child of the block told last.
    fn follows(&self, header: &Header) -> Result<(), Hitch> {
        match self.told {
            Some(told) if header.parent_hash != told.hash => {
                Err(Hitch::Undone(FollowError::Reorganised(told)))
            }
            _ => Ok(()),
        }
    }

    fn filter(&self) -> Filter {
        let Deployment {
            hub,
            app_registry,
            dataset_registry,
            workerpool_registry,
            ..
        } = self.deployment;
        Filter::new().address(Vec::<Address>::from([
            hub,
            app_registry,
            dataset_registry,
            workerpool_registry,
        ]))
    }

    fn batch(&self, mut logs: Vec<Log>, end: &Header) -> Batch {
        logs.retain(|log| !log.removed);
        logs.sort_by_key(|log| (log.block_number, log.log_index));
        let events = logs.iter().filter_map(|log| self.happening(log)).collect();
        Batch {
            events,
            checkpoint: Checkpoint {
                block: end.number,
                hash: end.hash,
            },
        }
    }

    fn happening(&self, log: &Log) -> Option<Happening> {
        Some(Happening {
            event: Event::read(&self.deployment, log)?,
            block: log.block_number?,
            time: log.block_timestamp,
            transaction: log.transaction_hash?,
            log_index: log.log_index?,
        })
    }
}
