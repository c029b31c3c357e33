//! The chain of a real hub.

use std::time::Duration;

use alloy::{eips::BlockNumberOrTag, providers::Provider};
use alloy_primitives::{Address, B256, Bytes};
use canut_hub::{
    Hub,
    events::{self, Checkpoint, FollowConfig, Follower},
};
use canut_protocol::{DealId, OrderHash, category::Category};
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use tokio::time::interval;

use super::{
    Answer, AssetKind, Batch, BlockRef, ChainError, ChainView, DealRecord, Event, Happening,
    TaskStep, Update,
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
    /// Whether the newest block told was looked for since the stream began.
    begun: bool,
}

/// Deals read from the node at once.
const READS: usize = 16;

/// How often the chain is compared with what was told, while nothing new comes.
const CHECK: Duration = Duration::from_secs(2);

fn unreachable(error: impl ToString) -> ChainError {
    ChainError::Unreachable(error.to_string())
}

impl HubChain {
    /// Follows `hub` from block `start` on.
    pub const fn new(hub: Hub, start: u64, config: FollowConfig) -> Self {
        Self { hub, start, config }
    }

    fn follower(&self, known: &[BlockRef]) -> Follower {
        let (provider, deployment) = (self.hub.provider().clone(), *self.hub.deployment());
        match known.first() {
            Some(last) => {
                let checkpoint = Checkpoint {
                    block: last.number,
                    hash: last.hash,
                };
                Follower::resume(provider, deployment, self.config, checkpoint)
            }
            // Block 0 has no events, and cannot be taken back: a chain with another one begins anew.
            None => Follower::from_block(provider, deployment, self.config, self.start.max(1)),
        }
    }

    async fn next(&self, place: &mut Place) -> Result<Update, ChainError> {
        if !place.begun {
            if self.differs(&place.known).await? {
                return self.take_back(place).await;
            }
            place.begun = true;
        }
        let mut check = interval(CHECK);
        let batch = {
            let mut next = std::pin::pin!(place.follower.next());
            loop {
                tokio::select! {
                    batch = &mut next => break batch.ok(),
                    // A node that does not answer is waited for by the follower.
                    _ = check.tick() => if self.differs(&place.known).await.unwrap_or(false) {
                        break None;
                    },
                }
            }
        };
        let Some(batch) = batch else {
            return self.take_back(place).await;
        };
        let batch = self.translate(batch).await?;
        place.known.insert(0, batch.at);
        Ok(Update::Batch(batch))
    }

    /// Whether the chain is another one at the heights it has. A node that merely lags behind does not differ; one that was
    /// replaced or set back does, which its head alone would not tell.
    async fn differs(&self, known: &[BlockRef]) -> Result<bool, ChainError> {
        if known.is_empty() {
            return Ok(false);
        }
        let head = self.hub.provider().get_block_number().await;
        let head = head.map_err(unreachable)?;
        match known.iter().find(|block| block.number <= head) {
            Some(block) => Ok(!self.has(*block).await?),
            None => Ok(true),
        }
    }

    async fn has(&self, block: BlockRef) -> Result<bool, ChainError> {
        let number = BlockNumberOrTag::Number(block.number);
        let found = self.hub.provider().get_block_by_number(number).await;
        let found = found.map_err(unreachable)?;
        Ok(found.is_some_and(|found| found.header.hash == block.hash))
    }

    /// Goes back to where the chain forked. Below a block that stands all stand, so halving finds it.
    async fn take_back(&self, place: &mut Place) -> Result<Update, ChainError> {
        let (mut void, mut stand) = (0, place.known.len());
        while void < stand {
            let middle = usize::midpoint(void, stand);
            match place.known.get(middle) {
                Some(block) if !self.has(*block).await? => void = middle + 1,
                _ => stand = middle,
            }
        }
        place.known.drain(..stand);
        place.follower = self.follower(&place.known);
        let to = place.known.first().map_or(0, |block| block.number);
        Ok(Update::Rollback { to })
    }

    async fn translate(&self, batch: events::Batch) -> Result<Batch, ChainError> {
        let at = BlockRef {
            number: batch.checkpoint.block,
            hash: batch.checkpoint.hash,
        };
        let mut deals = self.deals(&batch.events).await?.into_iter();
        let mut happenings = Vec::new();
        let mut times = Times::default();
        for happening in batch.events {
            let block = happening.block;
            let (time, transaction) = (happening.time, happening.transaction);
            let Some(event) = event(happening.event, transaction, &mut deals)? else {
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

    /// The deals that these events announce, in their order. Terms never change, so any later block tells them.
    async fn deals(&self, happenings: &[events::Happening]) -> Result<Vec<DealRecord>, ChainError> {
        let announced = happenings.iter().filter_map(|happening| {
            let transaction = happening.transaction;
            match happening.event {
                events::Event::Matched {
                    deal,
                    app,
                    dataset,
                    workerpool,
                    request,
                    ..
                } => Some((deal, [app, dataset, workerpool, request], transaction)),
                _ => None,
            }
        });
        let announced: Vec<_> = announced.collect();
        let read = |(id, orders, transaction)| self.deal(id, orders, transaction);
        futures::stream::iter(announced)
            .map(read)
            .buffered(READS)
            .try_collect()
            .await
    }

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
        Ok(DealRecord {
            id,
            deal: deal.ok_or_else(gone)?,
            app,
            dataset,
            workerpool,
            request,
            transaction,
        })
    }
}

/// What the event is to the market, if anything. `deals` are those announced from here on.
fn event(
    event: events::Event,
    transaction: B256,
    deals: &mut impl Iterator<Item = DealRecord>,
) -> Result<Option<Event>, ChainError> {
    use events::Event as Hub;
    let task = |task, step| {
        Some(Event::Task {
            task,
            step,
            transaction,
        })
    };
    Ok(match event {
        Hub::Matched { .. } => deals.next().map(|deal| Event::Matched(Box::new(deal))),
        Hub::OrderClosed { order, .. } => Some(Event::Closed(order)),
        Hub::Transfer { from, to, amount } => Some(Event::Stake { from, to, amount }),
        Hub::Asset {
            kind, asset, to, ..
        } => Some(Event::Owner {
            kind: asset_kind(kind),
            asset,
            owner: to,
        }),
        Hub::CategoryCreated {
            id,
            name,
            description,
            work_clock_time_ref,
        } => {
            let large = |_| ChainError::Nonsense(format!("category {id} has an absurd id or time"));
            let category = Category {
                name,
                description,
                work_clock_time_ref: work_clock_time_ref.try_into().map_err(large)?,
            };
            let id = id.try_into().map_err(large)?;
            Some(Event::Category {
                id,
                category,
                transaction,
            })
        }
        Hub::Initialized {
            task: id,
            workerpool,
        } => task(id, TaskStep::Initialized { workerpool }),
        Hub::Contributed {
            task: id,
            worker,
            result_hash,
        } => task(
            id,
            TaskStep::Contributed {
                worker,
                result_hash,
            },
        ),
        Hub::Certified {
            task: id,
            result_hash,
        } => task(id, TaskStep::Consensus { result_hash }),
        Hub::Revealed {
            task: id,
            worker,
            digest,
        } => task(id, TaskStep::Revealed { worker, digest }),
        Hub::Reopened { task: id } => task(id, TaskStep::Reopened),
        Hub::Finalized { task: id, results } => task(id, TaskStep::Finalized { results }),
        Hub::Claimed { task: id } => task(id, TaskStep::Claimed),
        _ => None,
    })
}

const fn asset_kind(kind: events::AssetKind) -> AssetKind {
    match kind {
        events::AssetKind::App => AssetKind::App,
        events::AssetKind::Dataset => AssetKind::Dataset,
        events::AssetKind::Workerpool => AssetKind::Workerpool,
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
        let place = Place {
            known,
            follower,
            begun: false,
        };
        futures::stream::unfold(place, next).boxed()
    }
}
