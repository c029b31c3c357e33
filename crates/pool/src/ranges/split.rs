//! A range on which workers disagree becomes several: those tasks on which they agree, and each of the others (§3.4).

use alloy_primitives::Address;
use canut_protocol::{
    Nrlc,
    range::{Range, split::Split},
};

use super::{
    Phase, RangeCommand, Ranges, Stage, Voting,
    session::value_of,
    voting::{Member, Opened},
};

impl Ranges {
    /// Whether the bonds of those who opened can answer for their votes on all parts as well.
    pub(super) fn may_split(&self, voting: &Voting, parts: &Split) -> bool {
        let parts = parts.agreed.iter().chain(&parts.disputed);
        let more = Nrlc::sum(parts.map(|part| self.risk_of(*part)));
        let mut openers = voting
            .votes()
            .filter(|vote| voting.group_of(vote).is_some());
        more.is_ok_and(|more| openers.all(|vote| self.crew.can_risk(vote.worker, more)))
    }

    /// What a vote on the range puts at risk.
    pub(super) fn risk_of(&self, range: Range) -> Nrlc {
        let terms = self.deals.get(&range.deal()).map(|open| open.terms);
        let risk = terms.and_then(|terms| terms.risk(range.count()).ok());
        // A deal that nobody knows, or with stakes beyond all measure, is backed by no bond.
        risk.unwrap_or(Nrlc(alloy_primitives::U256::MAX))
    }

    pub(super) fn split(
        &mut self,
        now: u64,
        range: Range,
        parts: Split,
        commands: &mut Vec<RangeCommand>,
    ) {
        let parts: Vec<Range> = parts.agreed.into_iter().chain(parts.disputed).collect();
        let Some(whole) = self.votings.get_mut(&range) else {
            return;
        };
        whole.phase = Phase::Split;
        let whole = whole.clone();
        for part in &parts {
            let voting = self.part(now, &whole, *part);
            let risk = self.risk_of(*part);
            for member in voting
                .members
                .iter()
                .filter(|member| member.stage.is_asked())
            {
                self.crew.stake(member.worker, *part, risk);
            }
            self.votings.insert(*part, voting);
            self.mark(*part);
        }
        self.mark(range);
        for member in &whole.members {
            self.send_plan(range, member.worker, commands);
        }
    }

    /// The vote on a part of what was voted on: everyone is accounted for in it, and who showed what it found votes anew.
    fn part(&self, now: u64, whole: &Voting, part: Range) -> Voting {
        let mut voting = Voting::new(part, whole.started);
        let from = whole.range.position(part.first()).unwrap_or_default();
        let places = usize::from(from)..usize::from(from) + usize::from(part.count());
        for opened in &whole.opened {
            let leaves = opened
                .leaves
                .get(places.clone())
                .unwrap_or_default()
                .to_vec();
            let Some(value) = value_of(part, &leaves, self.settings.link) else {
                continue;
            };
            if voting.opened.iter().all(|known| known.value != value) {
                voting.opened.push(Opened {
                    worker: opened.worker,
                    value,
                    leaves,
                    delivery: None,
                });
            }
        }
        voting.members = whole
            .listed()
            .map(|member| {
                let opened = member
                    .stage
                    .vote()
                    .is_some_and(|vote| whole.group_of(vote).is_some());
                let stage = match opened {
                    true if self.crew.is_here(member.worker) => Stage::Offered,
                    true => Stage::Away,
                    false => Stage::Absent,
                };
                Member {
                    worker: member.worker,
                    since: now,
                    stage,
                    bound: true,
                    hedge: None,
                }
            })
            .collect();
        // The range was drawn for when it was whole.
        voting.audit = Some(0);
        voting
    }

    /// Has the worker vote anew on those parts of `range` on which it has not.
    fn send_plan(&self, range: Range, worker: Address, commands: &mut Vec<RangeCommand>) {
        let parts: Vec<_> = self
            .votings
            .values()
            .filter(|voting| range.contains(&voting.range) && voting.range != range)
            .filter(|voting| {
                voting
                    .member(worker)
                    .is_some_and(|member| member.bound && member.stage.is_asked())
            })
            .map(|voting| voting.range)
            .collect();
        if !parts.is_empty() {
            commands.push(RangeCommand::Plan {
                range,
                worker,
                parts,
            });
        }
    }

    /// The same for every range that was split, for a worker that came back.
    pub(super) fn send_plans(&self, worker: Address, commands: &mut Vec<RangeCommand>) {
        for range in self.crew.ranges(worker) {
            if self
                .votings
                .get(&range)
                .is_some_and(|voting| voting.phase == Phase::Split)
            {
                self.send_plan(range, worker, commands);
            }
        }
    }

    /// A range is no more.
    pub(super) fn feed_removed(&mut self, voting: &Voting) {
        self.hungry.remove(&(voting.started, voting.range));
        if let Some(alarm) = self.alarms.remove(&voting.range) {
            self.agenda.remove(&(alarm, voting.range));
        }
        self.touched.remove(&voting.range);
    }
}
