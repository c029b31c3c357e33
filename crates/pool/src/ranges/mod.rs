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
//! 5. `hedge` asks somebody else as well where a worker is late.
//! 6. `explain` tells people why things are as they are.

mod chain;
mod crew;
mod deal;
mod decide;
mod dispatch;
mod event;
mod explain;
mod fallback;
mod hedge;
mod index;
mod judge;
mod session;
mod settings;
mod settle;
mod split;
mod suits;
mod voting;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use alloy_primitives::Address;
use canut_protocol::{DealId, range::Range};

pub use deal::RangeDeal;
pub use event::{Capacity, RangeChain, RangeCommand, RangeEvent, RangeReport, Said};
pub use explain::{RangeView, Reach, WorkerView};
pub use hedge::Hedges;
pub use settings::{Link, RangeSettings};
pub use suits::{has_fixed_inputs, suits};
pub use voting::{Delivery, Hedge, Lag, Member, Opened, Phase, Stage, Voting};

use crate::stragglers::Stragglers;
use crew::Crew;
use deal::Open;
use index::Index;

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
    /// Who computes what, by a clock of their own: it only runs.
    stragglers: Stragglers<(Range, Address)>,
    uptime: Duration,
    /// When to ask somebody else where all who were asked are away.
    strays: BTreeSet<(u64, Range)>,
    hedges: Hedges,
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
    /// What became of second workers; this is counted, not kept.
    pub hedges: Hedges,
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
            stragglers: Stragglers::new(),
            uptime: Duration::ZERO,
            strays: BTreeSet::new(),
            hedges: Hedges::default(),
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

    /// Takes in what happened until `now` (seconds since the epoch, by the clock of the chain), and says what to do. `uptime`
    /// is of a clock that only runs, by which durations are measured.
    pub fn handle(
        &mut self,
        now: u64,
        uptime: Duration,
        events: impl IntoIterator<Item = RangeEvent>,
    ) -> Vec<RangeCommand> {
        self.uptime = uptime;
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
        [
            range,
            deal,
            self.crew.next_unbench(now),
            self.next_stray(now),
        ]
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
            hedges: std::mem::take(&mut self.hedges),
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
        if let Some(open) = Open::new(contract) {
            self.deals.entry(id).or_insert(open);
        }
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
