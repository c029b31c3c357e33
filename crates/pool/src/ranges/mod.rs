//! The scheduler of the certificate way: whole ranges of tasks, voted on by signed messages and settled at once.
//!
//! Pure, as [`schedule`](crate::schedule) is: told what happened, it says what to do, and never does anything itself. What
//! binds the pool is in its [`Voting`]s, which are written down before orders are carried out: whom it countersigned, and what
//! came of it. An order that is lost, repeated or late does no harm.
//!
//! 1. `dispatch` cuts deals into ranges and draws workers, one after the other (R5).
//! 2. `session` takes in what they say; `chain` what the hub says.
//! 3. `judge` says what a range needs: another worker, an audit (R6), an opening, a settlement, a split (§3.4).
//! 4. `decide` orders it, `settle` and `fallback` (§8) what follows, `split` the parts.
//! 5. `explain` tells people why things are as they are.

mod chain;
mod crew;
mod decide;
mod dispatch;
mod event;
mod explain;
mod fallback;
mod index;
mod judge;
mod session;
mod settings;
mod settle;
mod split;
mod suits;
mod voting;

use std::collections::{BTreeMap, BTreeSet};

use canut_protocol::{
    Deal, DealId,
    range::{Clock, Range, Terms, audit::Promise},
};
use serde::{Deserialize, Serialize};

pub use event::{Capacity, RangeChain, RangeCommand, RangeEvent, RangeReport, Said};
pub use explain::{RangeView, Reach, WorkerView};
pub use settings::{Link, RangeSettings};
pub use suits::{has_fixed_inputs, suits};
pub use voting::{Delivery, Member, Opened, Phase, Stage, Voting};

use crew::Crew;
use index::Index;

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
struct Open {
    contract: RangeDeal,
    terms: Terms,
    clock: Clock,
    /// Index of the first task that was in no range yet.
    next: u64,
    /// Where ranges from `next` on begin and end that are over, or decided by the chain, without a vote that the pool knows of.
    taken: BTreeMap<u64, u64>,
    /// Tasks that are not over.
    left: u64,
    /// What is being claimed, and was not in a vote.
    claiming: BTreeSet<Range>,
    retry_at: u64,
}

impl Open {
    fn end(&self) -> u64 {
        let deal = &self.contract.deal;
        deal.bot_first.saturating_add(deal.bot_size)
    }

    /// Whether workers are asked for its tasks at `now`: there is time, and nothing was forgotten of it.
    fn is_offered(&self, now: u64) -> bool {
        now < self.clock.countersign && !self.contract.forgotten
    }

    /// Where the tasks from `next` on end that were in no range yet.
    fn free_end(&self) -> u64 {
        let taken = self.taken.first_key_value();
        taken.map_or(self.end(), |(first, _)| self.end().min(*first))
    }

    /// The tasks up to `next` are in ranges.
    fn advance(&mut self, next: u64) {
        self.next = self.next.max(next);
        while let Some(entry) = self.taken.first_entry()
            && *entry.key() <= self.next
        {
            self.next = self.next.max(entry.remove());
        }
    }

    /// The chain took a range of which the pool may know nothing.
    fn take(&mut self, range: &Range) {
        if range.indices().end > self.next {
            let end = self.taken.entry(range.first()).or_default();
            *end = range.indices().end.max(*end);
            self.advance(self.next);
        }
    }
}

/// The scheduler of ranges. See the [module](self).
#[derive(Debug)]
pub struct Ranges {
    settings: RangeSettings,
    deals: BTreeMap<DealId, Open>,
    votings: BTreeMap<Range, Voting>,
    index: Index,
    crew: Crew,
    /// Ranges that want a worker, the oldest first.
    hungry: BTreeSet<(u64, Range)>,
    agenda: BTreeSet<(u64, Range)>,
    alarms: BTreeMap<Range, u64>,
    touched: BTreeSet<Range>,
    new_deals: BTreeSet<DealId>,
    dirty: BTreeSet<Range>,
    /// Ranges of which nothing is left: the first worker took less.
    gone: BTreeSet<Range>,
    /// When a worker left for the last time, or all of them because the pool stopped, in seconds since the epoch.
    last_left: u64,
}

/// What changed since it was last asked, and is to be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeChanges {
    /// New deals. They never change again.
    pub deals: Vec<(DealId, RangeDeal)>,
    /// Votes as they are now.
    pub votings: Vec<Voting>,
    /// Votes that never took place.
    pub gone: Vec<Range>,
}

impl RangeChanges {
    /// Whether nothing changed.
    pub const fn is_empty(&self) -> bool {
        self.deals.is_empty() && self.votings.is_empty() && self.gone.is_empty()
    }
}

impl Ranges {
    /// A scheduler that knows of nothing.
    pub fn new(settings: RangeSettings) -> Self {
        Self {
            settings,
            deals: BTreeMap::new(),
            votings: BTreeMap::new(),
            index: Index::default(),
            crew: Crew::default(),
            hungry: BTreeSet::new(),
            agenda: BTreeSet::new(),
            alarms: BTreeMap::new(),
            touched: BTreeSet::new(),
            new_deals: BTreeSet::new(),
            dirty: BTreeSet::new(),
            gone: BTreeSet::new(),
            last_left: 0,
        }
    }

    /// Takes up what an earlier scheduler wrote down, at `now`: every worker counts as away since then, and has its time anew
    /// for what it owes the pool.
    pub fn restore(
        &mut self,
        now: u64,
        deals: impl IntoIterator<Item = (DealId, RangeDeal)>,
        votings: impl IntoIterator<Item = Voting>,
    ) {
        self.last_left = now;
        for (id, contract) in deals {
            self.open_deal(id, contract);
        }
        for mut voting in votings {
            let range = voting.range;
            let Some(open) = self.deals.get_mut(&range.deal()) else {
                continue;
            };
            open.take(&range);
            if voting.phase.is_over() {
                open.left = open.left.saturating_sub(range.count().into());
            } else {
                let risk = open.terms.risk(range.count()).unwrap_or_default();
                for member in &mut voting.members {
                    if member.stage.is_asked() {
                        member.stage = Stage::Away;
                    }
                    member.since = now;
                    if member.stage.is_asked() || member.stage.is_listed() || member.bound {
                        self.crew.stake(member.worker, range, risk);
                    }
                }
            }
            self.votings.insert(range, voting);
            self.reindex(range);
            self.touched.insert(range);
        }
    }

    /// Takes in what happened until `now` (seconds since the epoch, by the clock of the chain), and says what to do.
    pub fn handle(
        &mut self,
        now: u64,
        events: impl IntoIterator<Item = RangeEvent>,
    ) -> Vec<RangeCommand> {
        let mut commands = Vec::new();
        for event in events {
            match event {
                RangeEvent::Chain(event) => self.on_chain(now, event, &mut commands),
                RangeEvent::Session(worker, said) => {
                    self.on_session(now, worker, said, &mut commands);
                }
                RangeEvent::Errand(range, report) => {
                    self.on_errand(now, range, report, &mut commands);
                }
            }
        }
        while let Some((at, range)) = self.agenda.first().copied()
            && at <= now
        {
            self.agenda.remove(&(at, range));
            self.alarms.remove(&range);
            self.touched.insert(range);
        }
        loop {
            while let Some(range) = self.touched.pop_first() {
                self.decide(now, range, &mut commands);
            }
            if !self.dispatch(now, &mut commands) {
                break;
            }
        }
        self.claim_uncut(now, &mut commands);
        debug_assert_eq!(
            self.index.open(),
            self.votings()
                .filter(|voting| matches!(voting.phase, Phase::Open | Phase::Settling(_)))
                .count()
        );
        commands
    }

    /// When [`handle`](Self::handle) has something to do though nothing happens, in seconds since the epoch.
    pub fn wake(&self, now: u64) -> Option<u64> {
        let range = self.agenda.first().map(|(at, _)| *at);
        let uncut = self.deals.values().filter(|open| open.next < open.end());
        let deal = uncut.map(|open| open.clock.end.max(open.retry_at)).min();
        [range, deal, self.crew.next_unbench(now)]
            .into_iter()
            .flatten()
            .min()
    }

    /// What is to be written down before orders are carried out. Deals whose tasks are all over are forgotten then.
    pub fn take_changes(&mut self) -> RangeChanges {
        let deals = std::mem::take(&mut self.new_deals);
        let deals = deals
            .into_iter()
            .filter_map(|id| Some((id, self.deals.get(&id)?.contract.clone())));
        let changed = std::mem::take(&mut self.dirty);
        let changes = RangeChanges {
            deals: deals.collect(),
            votings: changed
                .iter()
                .filter_map(|range| self.votings.get(range))
                .cloned()
                .collect(),
            gone: std::mem::take(&mut self.gone).into_iter().collect(),
        };
        for voting in changes
            .votings
            .iter()
            .filter(|voting| voting.phase.is_over())
        {
            self.forget_if_over(voting.range.deal());
        }
        changes
    }

    fn forget_if_over(&mut self, id: DealId) {
        if self.deals.get(&id).is_none_or(|open| open.left > 0) {
            return;
        }
        self.deals.remove(&id);
        self.votings.retain(|range, _| range.deal() != id);
    }

    /// A deal that is not over.
    pub fn contract(&self, id: DealId) -> Option<&RangeDeal> {
        self.deals.get(&id).map(|open| &open.contract)
    }

    /// A range that workers were asked for.
    pub fn voting(&self, range: &Range) -> Option<&Voting> {
        self.votings.get(range)
    }

    /// All ranges that workers were asked for, of deals that are not over.
    pub fn votings(&self) -> impl Iterator<Item = &Voting> {
        self.votings.values()
    }

    /// Workers with a session.
    pub fn workers(&self) -> usize {
        self.crew.here()
    }

    /// Ranges that wait for a worker.
    pub fn waiting(&self) -> usize {
        self.hungry.len()
    }

    /// Tasks of deals that are not over.
    pub fn open_tasks(&self) -> u64 {
        self.deals
            .values()
            .map(|open| open.left)
            .fold(0, u64::saturating_add)
    }

    fn open_deal(&mut self, id: DealId, contract: RangeDeal) {
        let deal = &contract.deal;
        let (Ok(terms), Ok(clock)) = (
            Terms::of(deal, contract.time_ref),
            Clock::of(deal.start_time, contract.time_ref),
        ) else {
            return;
        };
        let open = Open {
            next: deal.bot_first,
            taken: BTreeMap::new(),
            left: deal.bot_size,
            claiming: BTreeSet::new(),
            retry_at: 0,
            terms,
            clock,
            contract,
        };
        self.deals.entry(id).or_insert(open);
    }

    fn mark(&mut self, range: Range) {
        self.touched.insert(range);
        self.dirty.insert(range);
        self.reindex(range);
    }

    /// Notes the phase of a range in the index; wherever a phase changes, [`mark`](Self::mark) does.
    fn reindex(&mut self, range: Range) {
        let voting = self.votings.get(&range);
        self.index.put(range, voting.map(|voting| &voting.phase));
    }

    /// Whether the range is in the queue for a worker.
    fn feed(&mut self, range: Range, wanted: bool) {
        let Some(voting) = self.votings.get(&range) else {
            return;
        };
        let urgency = (voting.started, range);
        if wanted {
            self.hungry.insert(urgency);
        } else {
            self.hungry.remove(&urgency);
        }
    }
}

fn earliest(known: Option<u64>, at: u64) -> Option<u64> {
    Some(known.map_or(at, |known| known.min(at)))
}

#[cfg(test)]
mod tests;
