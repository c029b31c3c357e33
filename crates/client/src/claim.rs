//! What is left to do when a pool did not finish: money back, and the counting of votes that were posted instead.

use alloy::{rpc::types::Filter, sol_types::SolEvent};
use alloy_primitives::B256;
use canut_hub::{
    Delivered, Error as HubError, RangeRefusal, RangeState, Receipt, Refusal, bindings::IHub,
};
use canut_protocol::{DealId, Range, TaskId, range::Settled, task::Status};
use serde::Serialize;

use crate::{Account, Error, Result, TaskStatus};

/// Tasks claimed in one transaction.
const BATCH: usize = 40;

/// What was claimed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Claimed {
    /// Tasks whose price went back to the payer.
    pub tasks: Vec<TaskId>,
    /// Tasks whose posted votes certified a result when they were counted: these are paid.
    pub certified: Vec<TaskId>,
    /// Tasks of which nothing can be done yet.
    pub waiting: Vec<TaskId>,
    /// The transactions.
    pub transactions: Vec<B256>,
}

impl Account {
    /// Ends a task whose time is over: its payer gets the price, and of a marked deal the pool's stake, which else goes to the
    /// kitty. Where votes of a stalled pool were posted, they are counted with those of the whole range. Anyone may.
    ///
    /// # Errors
    ///
    /// [`Error::TooEarly`] or [`Error::Uncounted`] while that cannot be done yet.
    pub async fn claim_task(&self, task: &TaskStatus) -> Result<Claimed> {
        self.claim(task.deal, std::slice::from_ref(task)).await
    }

    /// Ends all tasks of a deal whose time is over, as [`claim_task`](Self::claim_task) does one.
    ///
    /// # Errors
    ///
    /// As [`claim_task`](Self::claim_task), when nothing can be done yet.
    pub async fn claim_deal(&self, deal: DealId) -> Result<Claimed> {
        let status = self.client().deal_status(deal).await?;
        self.claim(deal, &status.tasks).await
    }

    async fn claim(&self, deal: DealId, tasks: &[TaskStatus]) -> Result<Claimed> {
        let mut claimed = Claimed::default();
        let mut early = None;
        let posted = self.posted(tasks).await?;
        for range in &posted {
            match self.count(*range).await {
                Ok(counted) => claimed.counted(*range, &counted),
                Err(error @ Error::Uncounted { .. }) => {
                    claimed.waiting.extend(ids(range));
                    early = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        let is_open = |task: &&TaskStatus| {
            !matches!(task.status, Status::Completed | Status::Failed)
                && !posted
                    .iter()
                    .any(|range| range.position(task.index).is_some())
        };
        let (due, not_yet): (Vec<_>, Vec<_>) = tasks
            .iter()
            .filter(is_open)
            .partition(|task| task.claimable);
        self.refund(deal, &due, &mut claimed).await?;
        if let Some(task) = not_yet.first() {
            early = Some(Error::TooEarly {
                task: task.task,
                deadline: task.final_deadline,
                now: self.hub().now().await?,
            });
        }
        claimed.waiting.extend(not_yet.iter().map(|task| task.task));
        match early {
            Some(early) if claimed.transactions.is_empty() => Err(early),
            _ => Ok(claimed),
        }
    }

    /// Ranges around some tasks whose votes were posted and are not counted.
    async fn posted(&self, tasks: &[TaskStatus]) -> Result<Vec<Range>> {
        let mut posted: Vec<Range> = Vec::new();
        for task in tasks.iter().filter(|task| task.status == Status::Revealing) {
            if posted
                .last()
                .is_some_and(|range| range.position(task.index).is_some())
            {
                continue;
            }
            let record = self.hub().range_at(task.deal, task.index).await?;
            let record = record.filter(|record| record.state == RangeState::Posted);
            posted.extend(record.map(|record| record.range));
        }
        Ok(posted)
    }

    /// Has posted votes counted.
    async fn count(&self, range: Range) -> Result<Receipt<Option<Settled>>> {
        let refused = match self.caller().resolve(range, B256::ZERO, None).await {
            Ok(counted) => return Ok(counted),
            Err(refused) => refused,
        };
        match reason(&refused) {
            Some(RangeRefusal::TooEarly(at)) => Err(Error::Uncounted {
                range,
                at: at.saturating_to(),
                now: self.hub().now().await?,
            }),
            Some(RangeRefusal::CallbackMismatch) => self.count_and_deliver(range, refused).await,
            _ => Err(refused.into()),
        }
    }

    /// The same for a task with a callback, which takes what the votes were for: the store has it.
    async fn count_and_deliver(
        &self,
        range: Range,
        mut refused: HubError,
    ) -> Result<Receipt<Option<Settled>>> {
        let filter = Filter::new()
            .address(self.hub().address())
            .event_signature(IHub::RangeOpened::SIGNATURE_HASH)
            .topic1(range.id().0)
            .from_block(0);
        let mut links: Vec<_> = self
            .client()
            .logs(&filter)
            .await?
            .iter()
            .filter_map(|log| Some(IHub::RangeOpened::decode_log(&log.inner).ok()?.link))
            .collect();
        links.dedup();
        for link in links {
            let (leaf, callback) = self
                .client()
                .archived(range, link, range.first(), true)
                .await?;
            let delivered = Delivered {
                content: leaf.content,
                data: callback.unwrap_or_default(),
            };
            refused = match self
                .caller()
                .resolve(range, B256::ZERO, Some(&delivered))
                .await
            {
                Ok(counted) => return Ok(counted),
                // Votes for something else may have won.
                Err(error) if reason(&error) == Some(&RangeRefusal::CallbackMismatch) => error,
                Err(error) => return Err(error.into()),
            };
        }
        Err(refused.into())
    }

    /// Has the price of tasks refunded.
    async fn refund(&self, deal: DealId, due: &[&TaskStatus], claimed: &mut Claimed) -> Result<()> {
        let (unset, begun): (Vec<&TaskStatus>, Vec<&TaskStatus>) = due
            .iter()
            .copied()
            .partition(|task| task.status == Status::Unset);
        for batch in begun.chunks(BATCH) {
            let ids: Vec<_> = batch.iter().map(|task| task.task).collect();
            claimed.add(self.caller().claim_all(&ids).await?.transaction, ids);
        }
        if unset.is_empty() {
            return Ok(());
        }
        if self.hub().is_marked(deal).await? {
            for range in ranges(deal, unset.iter().map(|task| task.index)) {
                let done = self.caller().claim_range(range).await?;
                claimed.add(done.transaction, ids(&range));
            }
            return Ok(());
        }
        // Clients that know nothing of ranges see tasks of other deals by what is told of each.
        for batch in unset.chunks(BATCH) {
            let places: Vec<_> = batch.iter().map(|task| (task.deal, task.index)).collect();
            let done = self.caller().initialize_and_claim_all(&places).await?;
            claimed.add(done.transaction, batch.iter().map(|task| task.task));
        }
        Ok(())
    }
}

impl Claimed {
    fn add(&mut self, transaction: B256, tasks: impl IntoIterator<Item = TaskId>) {
        self.transactions.push(transaction);
        self.tasks.extend(tasks);
    }

    fn counted(&mut self, range: Range, counted: &Receipt<Option<Settled>>) {
        self.transactions.push(counted.transaction);
        match counted.value {
            Some(_) => self.certified.extend(ids(&range)),
            None => self.tasks.extend(ids(&range)),
        }
    }
}

fn reason(refused: &HubError) -> Option<&RangeRefusal> {
    match refused.refusal()? {
        Refusal::Range(reason) => Some(reason),
        _ => None,
    }
}

fn ids(range: &Range) -> impl Iterator<Item = TaskId> + use<> {
    let deal = range.deal();
    range.indices().map(move |index| TaskId::of(deal, index))
}

/// The fewest ranges of a deal with these tasks, given in ascending order.
fn ranges(deal: DealId, indices: impl Iterator<Item = u64>) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    for index in indices {
        let grown = ranges
            .last()
            .filter(|range| range.indices().end == index)
            .and_then(|range| Range::new(deal, range.first(), u64::from(range.count()) + 1).ok());
        match (grown, ranges.last_mut()) {
            (Some(grown), Some(last)) => *last = grown,
            _ => ranges.extend(Range::single(deal, index)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use canut_protocol::range::MAX_COUNT;

    use super::*;

    #[test]
    fn tasks_side_by_side_are_claimed_together() {
        let deal = DealId(B256::repeat_byte(7));
        let shape = |indices: &[u64]| -> Vec<(u64, u16)> {
            let ranges = ranges(deal, indices.iter().copied());
            ranges
                .iter()
                .map(|range| (range.first(), range.count()))
                .collect()
        };
        assert_eq!(shape(&[]), []);
        assert_eq!(shape(&[4]), [(4, 1)]);
        assert_eq!(shape(&[0, 1, 2, 5, 6, 9]), [(0, 3), (5, 2), (9, 1)]);
        let many: Vec<u64> = (3..u64::from(MAX_COUNT) + 5).collect();
        assert_eq!(
            shape(&many),
            [(3, MAX_COUNT), (u64::from(MAX_COUNT) + 3, 2)]
        );
    }
}
