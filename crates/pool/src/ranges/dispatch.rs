//! Cutting deals into ranges, and drawing workers for them.

use std::time::Duration;

use alloy_primitives::Address;
use canut_protocol::{
    DealId,
    range::{MAX_COUNT, Range, Standing},
};

use super::{
    Hedge, RangeCommand, Ranges, Stage, Voting, crew::Need, decide::chain, voting::Member,
};
use crate::stragglers::Kind;

impl Ranges {
    /// Asks free workers: first for ranges that were begun, the oldest first, then for new ones; where there are none, for what
    /// others are late with. Whether anybody was asked.
    pub(super) fn dispatch(&mut self, now: u64, commands: &mut Vec<RangeCommand>) -> bool {
        if !self.crew.somebody_is_free(now) {
            return false;
        }
        let mut asked = false;
        for (_, range) in self.hungry.clone() {
            asked |= self.assign(now, range, None, commands);
        }
        asked |= self.replace_strays(now, commands);
        let deals: Vec<_> = self
            .deals
            .iter()
            .filter(|(_, open)| open.next < open.end() && open.is_offered(now))
            .map(|(id, open)| (open.clock.contribution, *id))
            .collect();
        let mut deals = std::collections::BTreeSet::from_iter(deals);
        while let Some((_, id)) = deals.pop_first() {
            while self.begin(now, id, commands) {
                asked = true;
            }
        }
        asked || self.hedge(now, commands)
    }

    /// Begins a new range of the deal, if somebody can be asked for it and there is room for it.
    fn begin(&mut self, now: u64, id: DealId, commands: &mut Vec<RangeCommand>) -> bool {
        let Some(range) = self.next_range(id) else {
            return false;
        };
        let need = self.need(range);
        if self.crew.free(now, need).next().is_none() {
            return false;
        }
        if self.index.open() >= self.crew.room(need, self.members_wanted(id)) {
            return false;
        }
        if let Some(open) = self.deals.get_mut(&id) {
            open.advance(range.indices().end);
        }
        self.votings.insert(range, Voting::new(range, now));
        self.mark(range);
        self.feed(range, true);
        self.assign(now, range, None, commands)
    }

    /// The next range of the deal. None crosses a border of the stride that the pool promised, and within one all are of
    /// nearly one size: as large as leaves something to do for every slot.
    pub(super) fn next_range(&self, id: DealId) -> Option<Range> {
        let open = self.deals.get(&id)?;
        let (deal, next) = (&open.contract.deal, open.next);
        if next >= open.end() {
            return None;
        }
        if deal.callback != Address::ZERO {
            return Range::single(id, next).ok();
        }
        let stride = u64::from(open.contract.promise.stride.clamp(1, MAX_COUNT));
        let block = next - (next - deal.bot_first) % stride;
        let block_end = block.saturating_add(stride).min(open.free_end());
        let slots = u64::try_from(self.crew.slots()).unwrap_or(u64::MAX).max(1);
        let fair = deal.bot_size.div_ceil(slots).max(1);
        let size = block_end - block;
        // Half up: a range of one and a half fair shares is one, not two.
        let pieces = ((size * 2 + fair) / (fair * 2)).max(1);
        let count = size.div_ceil(pieces).min(block_end - next);
        Range::new(id, next, count).ok()
    }

    /// How many workers agree on a range of the deal, as far as can be told before they are drawn.
    fn members_wanted(&self, id: DealId) -> usize {
        let trust = self.deals.get(&id).map(|open| open.terms.trust());
        let members = trust.and_then(|trust| Standing::default().weight().unanimous_members(trust));
        members.map_or(1, |members| members as usize + 1)
    }

    pub(super) fn need(&self, range: Range) -> Need {
        let tag = self
            .deals
            .get(&range.deal())
            .map(|open| open.contract.deal.tag);
        Need {
            tag: tag.unwrap_or_default(),
            risk: self.risk_of(range),
        }
    }

    /// Draws a worker for the range among those who are free, and asks him: one who was not asked for it; or, where nobody else
    /// could be, one who was and sealed nothing, as when every worker was lost for a while.
    pub(super) fn assign(
        &mut self,
        now: u64,
        range: Range,
        hedge: Option<Hedge>,
        commands: &mut Vec<RangeCommand>,
    ) -> bool {
        let need = self.need(range);
        let (Some(voting), Some(open)) = (self.votings.get(&range), self.deals.get(&range.deal()))
        else {
            return false;
        };
        let promise = &open.contract.promise;
        let origin = promise.origin(&range, &open.contract.deal).unwrap_or(range);
        let draw = promise.draw(origin.id());
        let is_new = |worker: &Address| voting.member(*worker).is_none();
        let may_return = |worker: &Address| {
            let member = voting.member(*worker);
            member.is_some_and(|member| member.stage.may_return())
                && !self.crew.is_computing(*worker, range)
        };
        let new = self.crew.free(now, need).filter(is_new);
        let worker = draw.next(chain(voting), new).or_else(|| {
            if self.crew.fit(need).any(|worker| is_new(&worker)) {
                return None;
            }
            let again = self.crew.free(now, need).filter(may_return);
            draw.next(chain(voting), again)
        });
        let (Some(worker), Some(voting)) = (worker, self.votings.get_mut(&range)) else {
            return false;
        };
        voting.members.retain(|member| member.worker != worker);
        voting.members.push(Member {
            worker,
            since: now,
            stage: Stage::Offered,
            bound: false,
            hedge,
        });
        self.crew.stake(worker, range, need.risk);
        self.crew.occupy(worker, range);
        self.feed(range, false);
        self.mark(range);
        self.offer(now, range, worker, commands);
        true
    }

    /// Asks the worker to compute the range. The first one asked may take less of it.
    pub(super) fn offer(
        &mut self,
        now: u64,
        range: Range,
        worker: Address,
        commands: &mut Vec<RangeCommand>,
    ) {
        let (Some(voting), Some(open)) = (self.votings.get(&range), self.deals.get(&range.deal()))
        else {
            return;
        };
        let by = open.clock.countersign;
        let alone = voting.listed().next().is_none() && range.count() > 1;
        let turns = u64::try_from(self.members_wanted(range.deal())).unwrap_or(u64::MAX);
        let fair = by.saturating_sub(now) / turns.saturating_add(1);
        let budget = alone.then_some(self.settings.budget.min(fair));
        self.stragglers.begin(
            self.uptime,
            (range, worker),
            Kind::of(&open.contract.deal),
            range.count().into(),
            budget.map(Duration::from_secs),
        );
        commands.push(RangeCommand::Offer {
            range,
            worker,
            budget,
            by,
        });
    }
}
