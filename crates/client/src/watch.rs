//! Watching deals: what happens to their tasks, as it happens.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use alloy::providers::Provider;
use alloy_primitives::{Address, B256};
use canut_hub::{
    Event,
    events::{Follower, Happening},
};
use canut_protocol::{DealId, Range, TaskId, task::Status};
use futures::{Stream, stream};
use serde::Serialize;
use tokio::time::timeout;

use crate::{Client, Error, Result};

/// Longest wait between two looks at the clock of the chain.
const LOOK: Duration = Duration::from_secs(60);

/// What happened to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// The pool took it up.
    Initialized,
    /// A worker voted.
    Voted {
        /// Who.
        worker: Address,
        /// For what.
        result_hash: B256,
    },
    /// A result is certified.
    Certified {
        /// Which.
        result_hash: B256,
    },
    /// A worker showed what it voted for.
    Revealed {
        /// Who.
        worker: Address,
    },
    /// The pool stalls: a worker's vote was posted on the chain.
    Posted {
        /// Whose.
        worker: Address,
    },
    /// Nobody showed the certified result: the vote goes on without it.
    Reopened,
    /// Paid: the result is there.
    Completed,
    /// Refunded.
    Failed,
    /// The time is over without a result: it can be claimed.
    Expired,
}

/// One piece of news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// The deal.
    pub deal: DealId,
    /// Index of the task.
    pub index: u64,
    /// The task.
    pub task: TaskId,
    /// What happened.
    #[serde(flatten)]
    pub step: Step,
    /// The block; `None` for what was so already when watching began.
    pub block: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Watched {
    deal: DealId,
    index: u64,
    over: bool,
}

/// Watches deals until each of their tasks is paid, refunded or too late. It may begin at any time, also in another process
/// than the one that bought: what happened before is told as it stands.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    deals: Vec<DealId>,
    tasks: BTreeMap<TaskId, Watched>,
    /// Final deadlines of the deals.
    deadlines: BTreeMap<DealId, u64>,
    follower: Follower,
    /// Whether stock is to be taken: at first, and after the follower failed.
    stale: bool,
    news: VecDeque<Progress>,
}

impl Client {
    /// Begins to watch deals.
    pub async fn watch(&self, deals: &[DealId]) -> Result<Watch> {
        let mut watch = Watch {
            client: self.clone(),
            deals: deals.to_vec(),
            tasks: BTreeMap::new(),
            deadlines: BTreeMap::new(),
            follower: self.follower(0),
            stale: true,
            news: VecDeque::new(),
        };
        watch.begin().await?;
        Ok(watch)
    }

    fn follower(&self, from: u64) -> Follower {
        Follower::from_block(
            self.hub().provider().clone(),
            *self.hub().deployment(),
            self.follow(),
            from,
        )
    }
}

impl Watch {
    /// Takes stock. The head is read first: what happens meanwhile is told twice rather than never.
    async fn begin(&mut self) -> Result<()> {
        let head = self
            .client
            .hub()
            .provider()
            .get_block_number()
            .await
            .map_err(Error::node)?;
        for deal in self.deals.clone() {
            let status = self.client.deal_status(deal).await?;
            self.deadlines.insert(deal, status.final_deadline);
            for task in status.tasks {
                let watched = Watched {
                    deal,
                    index: task.index,
                    over: false,
                };
                let known = self.tasks.entry(task.task).or_insert(watched).over;
                let step = match task.status {
                    Status::Unset => None,
                    Status::Active => Some(Step::Initialized),
                    Status::Revealing => Some(Step::Certified {
                        result_hash: task.consensus,
                    }),
                    Status::Completed => Some(Step::Completed),
                    Status::Failed => Some(Step::Failed),
                };
                if let Some(step) = step.filter(|_| !known) {
                    self.tell(task.task, step, None);
                }
            }
        }
        self.follower = self.client.follower(head.saturating_add(1));
        self.stale = false;
        Ok(())
    }

    /// Number of tasks.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Tasks that are not over.
    pub fn remaining(&self) -> usize {
        self.tasks.values().filter(|task| !task.over).count()
    }

    /// A task that is not over, and its deal, if there is one.
    pub fn unfinished(&self) -> Option<(DealId, TaskId)> {
        let mut tasks = self.tasks.iter();
        tasks.find_map(|(task, watched)| (!watched.over).then_some((watched.deal, *task)))
    }

    /// The next news; `None` when every task is over. Dropping the future loses nothing, nor does an error: ask again when the
    /// node answers.
    pub async fn next(&mut self) -> Result<Option<Progress>> {
        loop {
            if self.stale {
                self.begin().await?;
            }
            if let Some(news) = self.news.pop_front() {
                return Ok(Some(news));
            }
            if self.remaining() == 0 {
                return Ok(None);
            }
            let wait = self.wait().await?;
            match timeout(wait, self.follower.next()).await {
                Ok(Ok(batch)) => batch
                    .events
                    .iter()
                    .for_each(|happening| self.hear(happening)),
                Ok(Err(_)) => self.stale = true,
                Err(_) => {}
            }
        }
    }

    /// The news as a stream, which ends when every task is over.
    pub fn into_stream(self) -> impl Stream<Item = Result<Progress>> + Send {
        stream::try_unfold(self, |mut watch| async move {
            let news = watch.next().await?;
            Ok(news.map(|news| (news, watch)))
        })
    }

    /// How long nothing can become too late; tells what is.
    async fn wait(&mut self) -> Result<Duration> {
        let now = self.client.hub().now().await?;
        let late: Vec<_> = self
            .tasks
            .iter()
            .filter(|(_, task)| {
                !task.over
                    && self
                        .deadlines
                        .get(&task.deal)
                        .is_some_and(|end| now >= *end)
            })
            .map(|(id, _)| *id)
            .collect();
        if !late.is_empty() {
            late.into_iter()
                .for_each(|task| self.tell(task, Step::Expired, None));
            return Ok(Duration::ZERO);
        }
        let next = self
            .deadlines
            .values()
            .filter(|end| **end > now)
            .min()
            .copied()
            .unwrap_or(now);
        Ok(Duration::from_secs(next - now).clamp(Duration::from_secs(1), LOOK))
    }

    fn hear(&mut self, happening: &Happening) {
        let block = Some(happening.block);
        match &happening.event {
            Event::RangeSettled(settled) => self.tell_all(settled.range, Step::Completed, block),
            Event::RangeFailed { range } => self.tell_all(*range, Step::Failed, block),
            Event::RangePosted { range, worker, .. } => {
                self.tell_all(*range, Step::Posted { worker: *worker }, block);
            }
            _ => self.hear_of_one(happening),
        }
    }

    /// Tells news of a whole range.
    fn tell_all(&mut self, range: Range, step: Step, block: Option<u64>) {
        for index in range.indices() {
            self.tell(TaskId::of(range.deal(), index), step, block);
        }
    }

    fn hear_of_one(&mut self, happening: &Happening) {
        let (task, step) = match happening.event {
            Event::Initialized { task, .. } => (task, Step::Initialized),
            Event::Contributed {
                task,
                worker,
                result_hash,
            } => (
                task,
                Step::Voted {
                    worker,
                    result_hash,
                },
            ),
            Event::Certified { task, result_hash } => (task, Step::Certified { result_hash }),
            Event::Revealed { task, worker, .. } => (task, Step::Revealed { worker }),
            Event::Reopened { task } => (task, Step::Reopened),
            Event::Finalized { task, .. } => (task, Step::Completed),
            Event::Claimed { task } => (task, Step::Failed),
            _ => return,
        };
        self.tell(task, step, Some(happening.block));
    }

    /// Tells news of a task that is watched and not over.
    fn tell(&mut self, task: TaskId, step: Step, block: Option<u64>) {
        let Some(watched) = self.tasks.get_mut(&task).filter(|watched| !watched.over) else {
            return;
        };
        watched.over = matches!(step, Step::Completed | Step::Failed | Step::Expired);
        let Watched { deal, index, .. } = *watched;
        self.news.push_back(Progress {
            deal,
            index,
            task,
            step,
            block,
        });
    }
}
