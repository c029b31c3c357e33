//! The chain of a real hub.

use alloy::{eips::BlockNumberOrTag, providers::Provider};
use alloy_primitives::{Address, B256, Bytes};
use canut_hub::{
    Hub,
    events::{self, Checkpoint, FollowConfig, FollowError, Follower},
};
use canut_protocol::{DealId, OrderHash, category::Category};
use futures::{StreamExt, stream::BoxStream};

use super::{
    Answer, AssetKind, Batch, BlockRef, ChainError, ChainView, DealRecord, Event, Happening, Update,
};

/// A hub, followed from the block in which it was deployed, or an older one.
#[derive(Clone, Debug)]
pub struct HubChain {
    hub: Hub,
    start: u64,
    config: FollowConfig,
}

/// Where a stream is.
struct Place {
    /// Blocks told, newest first.
    known: Vec<BlockRef>,
    follower: Follower,
}

fn unreachable(error: impl ToString) -> ChainError {
    ChainError::Unreachable(error.to_string())
}

impl HubChain {
    /// Follows `hub` from block `start` on.
    pub const fn new(hub: Hub, start: u64, config: FollowConfig) -> Self {
        Self { hub, start, config }
    }

    fn follower(&self, known: &[BlockRef]) -> Follower {
        let (provider, deployment) = (self.hub.provider().clone(), self.hub.deployment().clone());
        match known.first() {
            Some(last) => {
                let checkpoint = Checkpoint {
                    block: last.number,
                    hash: last.hash,
                };
                Follower::resume(provider, deployment, self.config, checkpoint)
            }
            None => Follower::from_block(provider, deployment, self.config, self.start),
        }
    }

    async fn next(&self, place: &mut Place) -> Result<Update, ChainError> {
        match place.follower.next().await {
            Ok(batch) => {
                let batch = self.translate(batch).await?;
                place.known.insert(0, batch.at);
                Ok(Update::Batch(batch))
            }
            Err(FollowError::Reorganised(_)) => {
                let stands = self.fork(&place.known).await?;
                place.known.drain(..stands);
                place.follower = self.follower(&place.known);
                let to = place.known.first().map_or(0, |block| block.number);
                Ok(Update::Rollback { to })
            }
        }
    }

    /// How many of these blocks, newest first, are no longer in the chain.
    async fn fork(&self, known: &[BlockRef]) -> Result<usize, ChainError> {
        for (place, block) in known.iter().enumerate() {
            let number = BlockNumberOrTag::Number(block.number);
            let found = self
                .hub
                .provider()
                .get_block_by_number(number)
                .await
                .map_err(unreachable)?;
            if found.is_some_and(|found| found.header.hash == block.hash) {
                return Ok(place);
            }
        }
        Ok(known.len())
    }

    async fn translate(&self, batch: events::Batch) -> Result<Batch, ChainError> {
        let at = BlockRef {
            number: batch.checkpoint.block,
            hash: batch.checkpoint.hash,
        };
        let mut happenings = Vec::new();
        let mut times = Times::default();
        for happening in batch.events {
            let block = happening.block;
            let (time, transaction) = (happening.time, happening.transaction);
            let Some(event) = self.event(happening.event, transaction).await? else {
                continue;
            };
            let timestamp = match time {
                Some(time) => time,
                None => times.of(&self.hub, block).await?,
            };
            happenings.push(Happening {
                block,
                timestamp,
                event,
            });
        }
        Ok(Batch {
            at,
            events: happenings,
        })
    }

    /// What the event is to the market, if anything.
    async fn event(
        &self,
        event: events::Event,
        transaction: B256,
    ) -> Result<Option<Event>, ChainError> {
        use events::Event as Hub;
        Ok(match event {
            Hub::Matched {
                deal,
                app,
                dataset,
                workerpool,
                request,
                ..
            } => {
                let deal = self
                    .deal(deal, [app, dataset, workerpool, request], transaction)
                    .await?;
                Some(Event::Matched(Box::new(deal)))
            }
            Hub::OrderClosed { order, .. } => Some(Event::Closed(order)),
            Hub::Transfer { from, to, amount } => Some(Event::Stake { from, to, amount }),
            Hub::Asset {
                kind, asset, to, ..
            } => {
                let kind = match kind {
                    events::AssetKind::App => AssetKind::App,
                    events::AssetKind::Dataset => AssetKind::Dataset,
                    events::AssetKind::Workerpool => AssetKind::Workerpool,
                };
                Some(Event::Owner {
                    kind,
                    asset,
                    owner: to,
                })
            }
            Hub::CategoryCreated {
                id,
                name,
                description,
                work_clock_time_ref,
            } => {
                let large =
                    |_| ChainError::Nonsense(format!("category {id} has an absurd id or time"));
                let work_clock_time_ref = work_clock_time_ref.try_into().map_err(large)?;
                let category = Category {
                    name,
                    description,
                    work_clock_time_ref,
                };
                Some(Event::Category {
                    id: id.try_into().map_err(large)?,
                    category,
                    transaction,
                })
            }
            _ => None,
        })
    }

    /// The terms of a deal that was announced. They never change, so any later block tells them.
    async fn deal(
        &self,
        id: DealId,
        [app, dataset, workerpool, request]: [OrderHash; 4],
        transaction: B256,
    ) -> Result<DealRecord, ChainError> {
        let deal = self.hub.deal(id).await.map_err(unreachable)?;
        let gone = || {
            unreachable(format!(
                "deal {id} was announced and is not there, the chain is moving"
            ))
        };
        let deal = deal.ok_or_else(gone)?;
        Ok(DealRecord {
            id,
            deal,
            app,
            dataset,
            workerpool,
            request,
            transaction,
        })
    }
}

/// Times of blocks, for nodes that do not tell them with the logs. The last one is remembered: logs come by block.
#[derive(Debug, Default)]
struct Times {
    last: Option<(u64, u64)>,
}

impl Times {
    async fn of(&mut self, hub: &Hub, block: u64) -> Result<u64, ChainError> {
        if let Some((_, time)) = self.last.filter(|(known, _)| *known == block) {
            return Ok(time);
        }
        let number = BlockNumberOrTag::Number(block);
        let found = hub
            .provider()
            .get_block_by_number(number)
            .await
            .map_err(unreachable)?;
        let gone = || unreachable(format!("block {block} is gone, the chain is moving"));
        let time = found.ok_or_else(gone)?.header.timestamp;
        self.last = Some((block, time));
        Ok(time)
    }
}

impl ChainView for HubChain {
    fn is_signed(&self, account: Address, digest: B256, sign: Bytes) -> Answer<'_, bool> {
        Box::pin(async move {
            let presigner = self
                .hub
                .presigner(OrderHash(digest))
                .await
                .map_err(unreachable)?;
            if presigner == Some(account) {
                return Ok(true);
            }
            self.hub
                .is_signed(account, digest, sign)
                .await
                .map_err(unreachable)
        })
    }

    fn has_code(&self, account: Address) -> Answer<'_, bool> {
        Box::pin(async move {
            let code = self
                .hub
                .provider()
                .get_code_at(account)
                .await
                .map_err(unreachable)?;
            Ok(!code.is_empty())
        })
    }

    fn updates(&self, known: Vec<BlockRef>) -> BoxStream<'_, Result<Update, ChainError>> {
        let follower = self.follower(&known);
        let next = move |mut place: Place| async move {
            let update = self.next(&mut place).await;
            Some((update, place))
        };
        futures::stream::unfold(Place { known, follower }, next).boxed()
    }
}
