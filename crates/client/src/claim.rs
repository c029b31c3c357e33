//! Money back, when the time is over.

use alloy_primitives::B256;
use canut_protocol::{DealId, TaskId, task::Status};
use serde::Serialize;

use crate::{Account, Error, Result, TaskStatus};

/// Tasks claimed in one transaction.
const BATCH: usize = 40;

/// What was claimed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Claimed {
    /// The tasks.
    pub tasks: Vec<TaskId>,
    /// The transactions.
    pub transactions: Vec<B256>,
}

impl Account {
    /// Claims a task: its payer gets the price and the pool's stake goes to the kitty. Anyone may, after its final deadline.
    pub async fn claim_task(&self, task: &TaskStatus) -> Result<Claimed> {
        self.claim(std::slice::from_ref(task)).await
    }

    /// Claims all tasks of a deal that are neither paid nor claimed.
    pub async fn claim_deal(&self, deal: DealId) -> Result<Claimed> {
        let status = self.client().deal_status(deal).await?;
        self.claim(&status.tasks).await
    }

    async fn claim(&self, tasks: &[TaskStatus]) -> Result<Claimed> {
        let open: Vec<_> = tasks
            .iter()
            .filter(|task| !matches!(task.status, Status::Completed | Status::Failed))
            .collect();
        if let Some(early) = open.iter().find(|task| !task.claimable) {
            let now = self.hub().now().await?;
            return Err(Error::TooEarly {
                task: early.task,
                deadline: early.final_deadline,
                now,
            });
        }
        let mut claimed = Claimed::default();
        let (unset, begun): (Vec<_>, Vec<_>) = open
            .into_iter()
            .partition(|task| task.status == Status::Unset);
        for batch in begun.chunks(BATCH) {
            let ids: Vec<_> = batch.iter().map(|task| task.task).collect();
            claimed
                .transactions
                .push(self.caller().claim_all(&ids).await?.transaction);
            claimed.tasks.extend(ids);
        }
        for batch in unset.chunks(BATCH) {
            let places: Vec<_> = batch.iter().map(|task| (task.deal, task.index)).collect();
            claimed.transactions.push(
                self.caller()
                    .initialize_and_claim_all(&places)
                    .await?
                    .transaction,
            );
            claimed.tasks.extend(batch.iter().map(|task| task.task));
        }
        Ok(claimed)
    }
}
