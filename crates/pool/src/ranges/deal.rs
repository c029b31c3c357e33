//! A deal that is served by votes on ranges.

use std::collections::{BTreeMap, BTreeSet};

use canut_protocol::{
    Deal,
    range::{Clock, Range, Terms, audit::Promise},
};
use serde::{Deserialize, Serialize};

/// A deal that is served by votes on ranges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeDeal {
    /// What was agreed.
    pub deal: Deal,
    /// Reference time of its category, in seconds.
    pub time_ref: u64,
    /// What the pool promised about draws and audits.
    pub promise: Promise,
    /// Whether it was made before anything that the pool has written down. Votes on it may have been countersigned that nobody
    /// knows of any more, so none is ever again: what its workers do not have decided by the chain is refunded.
    #[serde(default)]
    pub forgotten: bool,
}

/// A deal, and which of its tasks are in no range yet.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) contract: RangeDeal,
    pub(super) terms: Terms,
    pub(super) clock: Clock,
    /// Index of the first task that was in no range yet.
    pub(super) next: u64,
    /// Where ranges from `next` on begin and end that are over, or decided by the chain, without a vote that the pool knows of.
    pub(super) taken: BTreeMap<u64, u64>,
    /// Tasks that are not over.
    pub(super) left: u64,
    /// What is being claimed, and was not in a vote.
    pub(super) claiming: BTreeSet<Range>,
    pub(super) retry_at: u64,
}

impl Open {
    /// A deal of which nothing was asked yet; `None` when its terms are beyond what the hub settles so.
    pub(super) fn new(contract: RangeDeal) -> Option<Self> {
        let deal = &contract.deal;
        Some(Self {
            next: deal.bot_first,
            taken: BTreeMap::new(),
            left: deal.bot_size,
            claiming: BTreeSet::new(),
            retry_at: 0,
            terms: Terms::of(deal, contract.time_ref).ok()?,
            clock: Clock::of(deal.start_time, contract.time_ref).ok()?,
            contract,
        })
    }

    pub(super) fn end(&self) -> u64 {
        let deal = &self.contract.deal;
        deal.bot_first.saturating_add(deal.bot_size)
    }

    /// Whether workers are asked for its tasks at `now`: there is time, and nothing was forgotten of it.
    pub(super) fn is_offered(&self, now: u64) -> bool {
        now < self.clock.countersign && !self.contract.forgotten
    }

    /// Where the tasks from `next` on end that were in no range yet.
    pub(super) fn free_end(&self) -> u64 {
        let taken = self.taken.first_key_value();
        taken.map_or(self.end(), |(first, _)| self.end().min(*first))
    }

    /// The tasks up to `next` are in ranges.
    pub(super) fn advance(&mut self, next: u64) {
        self.next = self.next.max(next);
        while let Some(entry) = self.taken.first_entry()
            && *entry.key() <= self.next
        {
            self.next = self.next.max(entry.remove());
        }
    }

    /// The chain took a range of which the pool may know nothing.
    pub(super) fn take(&mut self, range: &Range) {
        if range.indices().end > self.next {
            let end = self.taken.entry(range.first()).or_default();
            *end = range.indices().end.max(*end);
            self.advance(self.next);
        }
    }
}
