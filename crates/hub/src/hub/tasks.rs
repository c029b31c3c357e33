//! Tasks.

use alloy::primitives::Address;
use canut_protocol::{
    Task, TaskId,
    task::{Contribution, ContributionStatus},
};

use super::Hub;
use crate::{Result, bindings::IHub, convert};

impl Hub {
    /// A task with all votes. One that nobody initialised has the status `Unset`.
    pub async fn task(&self, id: TaskId) -> Result<Task> {
        let answer = self.ask(IHub::viewTaskCall { id: id.0 }).await?;
        let task = self.fit(convert::task(answer), "viewTask")?;
        self.with_votes(id, task).await
    }

    /// A task whose contributors are known, with what they voted.
    pub(super) async fn with_votes(
        &self,
        id: TaskId,
        (mut task, contributors): (Task, Vec<Address>),
    ) -> Result<Task> {
        for worker in contributors {
            let vote = self.contribution(id, worker).await?.unwrap_or_default();
            task.contributions.push((worker, vote));
        }
        Ok(task)
    }

    /// The vote of a worker; `None` when there is none.
    pub async fn contribution(&self, id: TaskId, worker: Address) -> Result<Option<Contribution>> {
        let answer = self
            .ask(IHub::viewContributionCall { id: id.0, worker })
            .await?;
        let vote = self.fit(convert::contribution(answer), "viewContribution")?;
        Ok((vote.status != ContributionStatus::Unset).then_some(vote))
    }
}
