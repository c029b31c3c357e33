//! What the chain remembers of a task: its events, and the weights of its voters.

use std::collections::BTreeMap;

use alloy::{
    network::TransactionBuilder,
    providers::Provider,
    rpc::types::{BlockNumberOrTag, Filter, TransactionRequest},
    sol_types::{SolCall, SolEvent},
};
use alloy_primitives::{Address, B256, U256};
use canut_hub::{Event, bindings::IHub, events::Happening};
use canut_protocol::{Score, TaskId};

use crate::{Client, Error, Result};

/// What happened to a task, in order.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Events of the task, and those of the transaction that ended it: payments, seizures, scores.
    pub events: Vec<Happening>,
}

impl Client {
    /// What happened to a task. Give the time of its deal, from which on the chain is searched.
    pub async fn evidence(&self, task: TaskId, start_time: u64) -> Result<Evidence> {
        let from = self.block_at(start_time).await?;
        let filter = Filter::new()
            .address(self.hub().address())
            .topic1(task.0)
            .from_block(from);
        let logs = self
            .hub()
            .provider()
            .get_logs(&filter)
            .await
            .map_err(Error::node)?;
        let mut events: Vec<_> = logs.iter().filter_map(|log| self.happening(log)).collect();
        let end = events.iter().find(|happening| {
            matches!(
                happening.event,
                Event::Finalized { .. } | Event::Claimed { .. }
            )
        });
        if let Some(end) = end.map(|end| end.transaction) {
            let receipt = self
                .hub()
                .provider()
                .get_transaction_receipt(end)
                .await
                .map_err(Error::node)?;
            let logs = receipt
                .as_ref()
                .map(|receipt| receipt.inner.logs())
                .unwrap_or_default();
            events.retain(|happening| happening.transaction != end);
            events.extend(
                logs.iter()
                    .filter_map(|log| self.happening(log))
                    .filter(|happening| of_task(&happening.event, task)),
            );
        }
        events.sort_by_key(|happening| (happening.block, happening.log_index));
        Ok(Evidence { events })
    }

    pub(crate) fn happening(&self, log: &alloy::rpc::types::Log) -> Option<Happening> {
        Some(Happening {
            event: Event::read(self.hub().deployment(), log)?,
            block: log.block_number?,
            time: log.block_timestamp,
            transaction: log.transaction_hash?,
            log_index: log.log_index?,
        })
    }

    /// The first block of that time or later.
    pub(crate) async fn block_at(&self, time: u64) -> Result<u64> {
        let provider = self.hub().provider();
        let (mut low, mut high) = (0, provider.get_block_number().await.map_err(Error::node)?);
        while low < high {
            let middle = low + (high - low) / 2;
            let block = provider
                .get_block_by_number(BlockNumberOrTag::Number(middle))
                .await
                .map_err(Error::node)?;
            // A block that the node no longer has is an old one.
            if block.is_some_and(|block| block.header.timestamp >= time) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(low)
    }

    /// Scores that workers had when they voted, as far as the node can tell.
    pub(crate) async fn scores_at(
        &self,
        votes: &[(Address, &Happening)],
    ) -> BTreeMap<Address, Score> {
        let mut scores = BTreeMap::new();
        for (worker, vote) in votes {
            let score = match self.score_before(*worker, vote).await {
                Some(score) => Some(score),
                None => self.score_from_events(*worker, vote).await,
            };
            scores.extend(score.map(|score| (*worker, score)));
        }
        scores
    }

    /// From the state before the block, which nodes forget after a while, and what happened in the block before the vote.
    async fn score_before(&self, worker: Address, vote: &Happening) -> Option<Score> {
        let before = vote.block.checked_sub(1)?;
        let call = IHub::viewScoreCall { worker };
        let request = TransactionRequest::default()
            .with_to(self.hub().address())
            .with_input(call.abi_encode());
        let answer = self
            .hub()
            .provider()
            .call(request)
            .block(before.into())
            .await
            .ok()?;
        let score = IHub::viewScoreCall::abi_decode_returns(&answer).ok()?;
        let changes = self.changes(worker, vote.block, vote).await?;
        Some(
            changes
                .into_iter()
                .fold(Score(u64::try_from(score).ok()?), apply),
        )
    }

    /// From all that happened to the worker on this hub. A score taken over from an older hub is not among it.
    async fn score_from_events(&self, worker: Address, vote: &Happening) -> Option<Score> {
        let changes = self.changes(worker, 0, vote).await?;
        Some(changes.into_iter().fold(Score::default(), apply))
    }

    /// Whether the worker was right, each time it was judged from a block on, until the vote.
    async fn changes(&self, worker: Address, from: u64, vote: &Happening) -> Option<Vec<bool>> {
        let kinds = vec![
            IHub::AccurateContribution::SIGNATURE_HASH,
            IHub::FaultyContribution::SIGNATURE_HASH,
        ];
        let filter = Filter::new()
            .address(self.hub().address())
            .event_signature(kinds)
            .topic1(worker)
            .from_block(from)
            .to_block(vote.block);
        let logs = self.hub().provider().get_logs(&filter).await.ok()?;
        let mut judged: Vec<_> = logs.iter().filter_map(|log| self.happening(log)).collect();
        judged.sort_by_key(|happening| (happening.block, happening.log_index));
        let before = |happening: &&Happening| {
            (happening.block, happening.log_index) < (vote.block, vote.log_index)
        };
        Some(
            judged
                .iter()
                .filter(before)
                .map(|judged| matches!(judged.event, Event::Accurate { .. }))
                .collect(),
        )
    }
}

const fn apply(score: Score, right: bool) -> Score {
    if right {
        score.rewarded()
    } else {
        score.penalised()
    }
}

fn of_task(event: &Event, id: TaskId) -> bool {
    match event {
        Event::Initialized { task, .. }
        | Event::Contributed { task, .. }
        | Event::Certified { task, .. }
        | Event::Revealed { task, .. }
        | Event::Reopened { task }
        | Event::Finalized { task, .. }
        | Event::Claimed { task }
        | Event::Accurate { task, .. }
        | Event::Faulty { task, .. }
        | Event::Rewarded { task, .. }
        | Event::Seized { task, .. } => *task == id,
        _ => false,
    }
}

impl Evidence {
    /// The votes, in order.
    pub fn votes(&self) -> impl Iterator<Item = (Address, B256, &Happening)> {
        self.events
            .iter()
            .filter_map(|happening| match happening.event {
                Event::Contributed {
                    worker,
                    result_hash,
                    ..
                } => Some((worker, result_hash, happening)),
                _ => None,
            })
    }

    /// What an account was paid for the task, or lost on it.
    pub(crate) fn sum(
        &self,
        whose: Address,
        pick: impl Fn(&Event) -> Option<(Address, U256)>,
    ) -> U256 {
        let amounts = self
            .events
            .iter()
            .filter_map(|happening| pick(&happening.event));
        amounts
            .filter(|(account, _)| *account == whose)
            .map(|(_, amount)| amount)
            .sum()
    }
}
