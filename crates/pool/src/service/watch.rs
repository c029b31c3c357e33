//! What happens on the hub, put in the scheduler's words.

use std::collections::BTreeSet;

use alloy::{eips::BlockNumberOrTag, providers::Provider};
use alloy_primitives::Address;
use canut_hub::{
    App, Event, Follower, Hub,
    events::{Batch, Checkpoint, FollowError, Happening},
};
use canut_protocol::{DealId, Location, Tag, TaskId};
use tokio::time::{Duration, sleep};
use tracing::warn;

use crate::{ranges::RangeChain, schedule::ChainEvent};

/// First wait while the node does not answer; it doubles.
const BACKOFF: Duration = Duration::from_millis(100);
/// Longest wait while the node does not answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What happened in one block or several.
#[derive(Debug)]
pub(super) struct Tidings {
    /// Events of this pool's deals and tasks, each with the time of its block.
    pub(super) tasks: Vec<(u64, ChainEvent)>,
    /// Events of ranges, which may be of others' deals, and bonds in this pool.
    pub(super) ranges: Vec<RangeChain>,
    /// Where to resume after them.
    pub(super) checkpoint: Checkpoint,
    /// Time of the last block.
    pub(super) time: u64,
}

/// Follows the deals of one workerpool.
#[derive(Debug)]
pub(super) struct Watch {
    hub: Hub,
    workerpool: Address,
    follower: Follower,
    /// Tasks of this pool that are not over.
    ours: BTreeSet<TaskId>,
}

impl Watch {
    pub(super) fn new(
        hub: Hub,
        workerpool: Address,
        follower: Follower,
        ours: BTreeSet<TaskId>,
    ) -> Self {
        Self {
            hub,
            workerpool,
            follower,
            ours,
        }
    }

    /// Waits for the next blocks. Not to be dropped half-way: a batch that was taken from the follower would be lost.
    pub(super) async fn next(&mut self) -> Result<Tidings, FollowError> {
        let batch = self.follower.next().await?;
        let mut wait = BACKOFF;
        loop {
            match self.translate(&batch).await {
                Ok(tidings) => return Ok(tidings),
                Err(error) => {
                    let block = batch.checkpoint.block;
                    warn!(%error, block, "events cannot be completed, waiting for the node");
                    sleep(wait).await;
                    wait = (wait * 2).min(PATIENCE);
                }
            }
        }
    }

    async fn translate(&mut self, batch: &Batch) -> canut_hub::Result<Tidings> {
        let last = self.time_of(batch.checkpoint.block).await?;
        let mut events = Vec::new();
        let mut ranges = Vec::new();
        let (mut scored, mut bonded) = (BTreeSet::new(), BTreeSet::new());
        for happening in &batch.events {
            let time = match happening.time {
                Some(time) => time,
                None if happening.block == batch.checkpoint.block => last,
                None => self.time_of(happening.block).await?,
            };
            match &happening.event {
                Event::RangeSettled(settled) => ranges.push(RangeChain::Settled(settled.range)),
                Event::RangePosted { range, .. } => ranges.push(RangeChain::Posted(*range)),
                Event::RangeFailed { range } => ranges.push(RangeChain::Failed(*range)),
                Event::Bonded {
                    workerpool, worker, ..
                }
                | Event::Unbonding {
                    workerpool, worker, ..
                }
                | Event::Slashed {
                    workerpool,
                    account: worker,
                    ..
                } if *workerpool == self.workerpool => {
                    bonded.insert(*worker);
                }
                _ => {}
            }
            if let Event::Accurate { worker, task } | Event::Faulty { worker, task } =
                happening.event
            {
                if self.ours.contains(&task) {
                    scored.insert(worker);
                }
            } else if let Some(event) = self.event(happening, time).await? {
                events.push((time, event));
            }
        }
        for (_, event) in &events {
            if let ChainEvent::Finalized { task } | ChainEvent::Claimed { task } = event {
                self.ours.remove(task);
            }
        }
        for worker in scored {
            let score = self.hub.score(worker).await?;
            events.push((last, ChainEvent::Scored { worker, score }));
        }
        for worker in bonded {
            let bond = self.hub.bond(self.workerpool, worker).await?;
            ranges.push(RangeChain::Bonded(worker, bond.amount, bond.standing()));
        }
        Ok(Tidings {
            tasks: events,
            ranges,
            checkpoint: batch.checkpoint,
            time: last,
        })
    }

    async fn time_of(&self, block: u64) -> canut_hub::Result<u64> {
        let number = BlockNumberOrTag::Number(block);
        let block = self.hub.provider().get_block_by_number(number).await?;
        let missing = || canut_hub::Error::NotAHub {
            address: self.hub.address(),
            what: "the time of a block",
        };
        Ok(block.ok_or_else(missing)?.header.timestamp)
    }

    async fn event(
        &mut self,
        happening: &Happening,
        at: u64,
    ) -> canut_hub::Result<Option<ChainEvent>> {
        Ok(match happening.event {
            Event::Scheduled { workerpool, deal } if workerpool == self.workerpool => {
                self.deal(deal).await?
            }
            Event::Initialized { task, workerpool } if workerpool == self.workerpool => {
                self.ours.insert(task);
                let task = self.hub.task(task).await?;
                Some(ChainEvent::Initialized {
                    deal: task.deal,
                    index: task.index,
                })
            }
            Event::Contributed {
                task,
                worker,
                result_hash: hash,
            } if self.ours.contains(&task) => Some(ChainEvent::Contributed { task, worker, hash }),
            Event::Certified {
                task,
                result_hash: hash,
            } if self.ours.contains(&task) => Some(ChainEvent::Certified { task, hash, at }),
            Event::Revealed { task, worker, .. } if self.ours.contains(&task) => {
                Some(ChainEvent::Revealed { task, worker })
            }
            Event::Reopened { task } => Some(ChainEvent::Reopened { task }),
            Event::Finalized { task, .. } => Some(ChainEvent::Finalized { task }),
            Event::Claimed { task } => Some(ChainEvent::Claimed { task }),
            _ => None,
        })
    }

    async fn deal(&self, id: DealId) -> canut_hub::Result<Option<ChainEvent>> {
        let missing = |what| canut_hub::Error::NotAHub {
            address: self.hub.address(),
            what,
        };
        let mut deal = self
            .hub
            .deal(id)
            .await?
            .ok_or_else(|| missing("a deal it announced"))?;
        let app = self.hub.app(deal.app.pointer).await?;
        if app.is_some_and(|(_, app)| is_image(&app)) {
            deal.tag = deal.tag | Tag::CONTAINER;
        }
        let category = self.hub.category(deal.category).await?;
        let category = category.ok_or_else(|| missing("the category of a deal"))?;
        let time_ref = category.work_clock_time_ref;
        Ok(Some(ChainEvent::Matched {
            id,
            deal: Box::new(deal),
            time_ref,
        }))
    }
}

/// Whether an app is surely a container image. One that is at an address of files may be anything, whatever it is called:
/// iExec's tools call every app DOCKER. A worker that cannot run it says so then.
fn is_image(app: &App) -> bool {
    let location = Location::from_multiaddr(&app.multiaddr);
    app.kind.eq_ignore_ascii_case("oci") || matches!(location, Ok(Location::Other(_)))
}
