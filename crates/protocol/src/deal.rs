//! Deals: what four matched orders agreed on.

use alloy_primitives::{Address, U256};
use serde::{Deserialize, Serialize};

use crate::{DealId, Nrlc, Overflow, Tag, TaskId, Trust, json, settlement};

/// An asset in a deal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resource {
    /// Address of the asset.
    #[serde(with = "json::address")]
    pub pointer: Address,
    /// Its owner at the time of the match. Later transfers of the asset change nothing for the deal.
    #[serde(with = "json::address")]
    pub owner: Address,
    /// Price per task.
    pub price: Nrlc,
}

/// A deal. It never changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deal {
    /// The application.
    pub app: Resource,
    /// The dataset; all zero without one.
    pub dataset: Resource,
    /// The workerpool. Its owner is the scheduler of the deal.
    pub workerpool: Resource,
    /// Trust at which results are certified; at least 1.
    pub trust: Trust,
    /// Category of the tasks.
    pub category: u64,
    /// What the tasks require of a machine.
    pub tag: Tag,
    /// Who asked.
    #[serde(with = "json::address")]
    pub requester: Address,
    /// For whom results are encrypted.
    #[serde(with = "json::address")]
    pub beneficiary: Address,
    /// Contract that receives results on chain; the zero address for none.
    #[serde(with = "json::address")]
    pub callback: Address,
    /// Parameters of the runs.
    pub params: String,
    /// Time of the match, from which deadlines count, in seconds since the epoch.
    pub start_time: u64,
    /// Index of the first task.
    pub bot_first: u64,
    /// Number of tasks.
    pub bot_size: u64,
    /// What a worker stakes on each contribution.
    pub worker_stake: Nrlc,
    /// Share of the scheduler in the workerpool price, in percent: 0 to 100.
    pub scheduler_reward_ratio: u8,
    /// Who pays: the requester, or a sponsor.
    #[serde(with = "json::address")]
    pub sponsor: Address,
}

impl Deal {
    /// Who dispatches, reopens and finalizes the tasks: the owner of the workerpool at the time of the match.
    pub const fn scheduler(&self) -> Address {
        self.workerpool.owner
    }

    /// What the payer locked per task: the three prices (PoCo 6.2.0, `matchOrders`).
    pub fn price(&self) -> Result<Nrlc, Overflow> {
        Nrlc::sum([self.app.price, self.dataset.price, self.workerpool.price])
    }

    /// What the scheduler locked per task.
    pub fn scheduler_stake(&self) -> Result<Nrlc, Overflow> {
        settlement::scheduler_stake(self.workerpool.price)
    }

    /// Whether `index` is the index of a task of this deal.
    pub const fn has_task(&self, index: u64) -> bool {
        index >= self.bot_first && index - self.bot_first < self.bot_size
    }

    /// The tasks of this deal, whose id is `id`, with their indices.
    pub fn tasks(&self, id: DealId) -> impl Iterator<Item = (u64, TaskId)> + use<> {
        let end = self.bot_first.saturating_add(self.bot_size);
        (self.bot_first..end).map(move |index| (index, TaskId::of(id, index)))
    }

    /// What all tasks cost the payer together.
    pub fn total_price(&self) -> Result<Nrlc, Overflow> {
        self.price()?.times(U256::from(self.bot_size))
    }
}
