//! Deals and tasks as they stand.

use alloy_primitives::{Address, B256};
use canut_protocol::{
    Deal, DealId, Nrlc, Task, TaskId,
    task::{Deadlines, Status},
};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use crate::{Client, Error, Result, error::status_name};

/// Tasks asked for at the same time.
const AT_ONCE: usize = 8;

/// A task, short.
#[derive(Clone, Debug, Serialize)]
pub struct TaskStatus {
    /// Its id.
    pub task: TaskId,
    /// Its deal.
    pub deal: DealId,
    /// Its index.
    pub index: u64,
    /// Where it stands.
    #[serde(serialize_with = "named")]
    pub status: Status,
    /// Who voted, for what.
    pub votes: Vec<(Address, B256)>,
    /// The certified result hash; zero before.
    pub consensus: B256,
    /// The certified digest, once revealed; zero before.
    pub digest: B256,
    /// What the scheduler says of where the result is, once paid.
    pub results: Option<String>,
    /// From then on it can only be claimed, in seconds since 1970.
    pub final_deadline: u64,
    /// Whether that time is over and it can be claimed.
    pub claimable: bool,
}

/// A deal with its tasks, short.
#[derive(Clone, Debug, Serialize)]
pub struct DealStatus {
    /// Its id.
    pub id: DealId,
    /// Its terms.
    pub deal: Deal,
    /// What it costs in all.
    pub total: Nrlc,
    /// From then on unfinished tasks can be claimed, in seconds since 1970.
    pub final_deadline: u64,
    /// Its tasks.
    pub tasks: Vec<TaskStatus>,
}

fn named<S: serde::Serializer>(status: &Status, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match status {
        Status::Unset => "unset",
        Status::Active => "active",
        Status::Revealing => "revealing",
        Status::Completed => "completed",
        Status::Failed => "failed",
    })
}

impl TaskStatus {
    /// Where it stands, for people.
    pub const fn words(&self) -> &'static str {
        if self.claimable {
            "too late: it can be claimed"
        } else {
            status_name(self.status)
        }
    }

    /// Whether nothing will happen to it any more, but a claim.
    pub const fn is_over(&self) -> bool {
        matches!(self.status, Status::Completed | Status::Failed) || self.claimable
    }

    fn new(id: TaskId, deal: DealId, index: u64, task: &Task, end: u64, now: u64) -> Self {
        let text = std::str::from_utf8(&task.results)
            .ok()
            .filter(|text| !text.is_empty());
        Self {
            task: id,
            deal,
            index,
            status: task.status,
            votes: task
                .contributions
                .iter()
                .map(|(worker, vote)| (*worker, vote.result_hash))
                .collect(),
            consensus: task.consensus,
            digest: task.result_digest,
            results: text.map(crate::http::excerpt),
            final_deadline: end,
            claimable: now >= end && !matches!(task.status, Status::Completed | Status::Failed),
        }
    }
}

impl Client {
    /// When the tasks of a deal can be claimed, in seconds since the epoch.
    pub async fn final_deadline(&self, deal: &Deal) -> Result<u64> {
        let category = self.hub().category(deal.category).await?;
        let time_ref = category.map_or(0, |category| category.work_clock_time_ref);
        Ok(Deadlines::of(deal.start_time, time_ref)?.end)
    }

    /// A deal with its tasks.
    pub async fn deal_status(&self, id: DealId) -> Result<DealStatus> {
        let deal = self.deal(id).await?;
        let end = self.final_deadline(&deal).await?;
        let now = self.hub().now().await?;
        let ids: Vec<_> = deal.tasks(id).collect();
        let tasks = stream::iter(ids)
            .map(|(index, task)| async move {
                let state = self.hub().task_at(id, index).await?;
                Ok::<_, Error>(TaskStatus::new(task, id, index, &state, end, now))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(DealStatus {
            id,
            total: deal.total_price()?,
            deal,
            final_deadline: end,
            tasks,
        })
    }

    /// A task. One that nobody initialised, or that was settled by certificate for a marked request, is not known by its id
    /// alone: name its deal and its index.
    pub async fn task_status(&self, name: impl Into<TaskName>) -> Result<TaskStatus> {
        let Located {
            id,
            deal: deal_id,
            index,
            task,
        } = self.locate(name.into()).await?;
        let deal = self.deal(deal_id).await?;
        let end = self.final_deadline(&deal).await?;
        let now = self.hub().now().await?;
        Ok(TaskStatus::new(id, deal_id, index, &task, end, now))
    }

    /// A task as the chain shows it.
    pub(crate) async fn locate(&self, name: TaskName) -> Result<Located> {
        let (deal, index, task) = match name {
            TaskName::Place(deal, index) => {
                let known = self.deal(deal).await?;
                if !known.has_task(index) {
                    let (first, count) = (known.bot_first, known.bot_size);
                    return Err(Error::NoIndex {
                        deal,
                        index,
                        first,
                        last: first.saturating_add(count).saturating_sub(1),
                    });
                }
                (deal, index, self.hub().task_at(deal, index).await?)
            }
            TaskName::Id(id) => {
                let task = self.hub().task(id).await?;
                if task.status == Status::Unset {
                    let deal = DealId(id.0);
                    let known = self.hub().deal(deal).await?;
                    return Err(known.map_or(Error::NoTask(id), |_| Error::IsDeal(deal)));
                }
                (task.deal, task.index, task)
            }
        };
        let id = TaskId::of(deal, index);
        Ok(Located {
            id,
            deal,
            index,
            task,
        })
    }
}

/// How a task is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskName {
    /// By its id.
    Id(TaskId),
    /// By its deal and its index.
    Place(DealId, u64),
}

impl TaskName {
    /// Its id.
    pub fn id(self) -> TaskId {
        match self {
            Self::Id(id) => id,
            Self::Place(deal, index) => TaskId::of(deal, index),
        }
    }
}

impl From<TaskId> for TaskName {
    fn from(id: TaskId) -> Self {
        Self::Id(id)
    }
}

impl From<(DealId, u64)> for TaskName {
    fn from((deal, index): (DealId, u64)) -> Self {
        Self::Place(deal, index)
    }
}

/// A task, with all its names.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    pub(crate) id: TaskId,
    pub(crate) deal: DealId,
    pub(crate) index: u64,
    pub(crate) task: Task,
}
