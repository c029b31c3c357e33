//! Asking somebody else as well where a worker is late: slower than nine of ten, or away.
//!
//! The second worker is whoever would be drawn if the first one gave up. The first of them to have a vote is countersigned; in
//! the same step the others are dismissed, so there is one answer for each draw, and the pool has none to choose from (R5). Who
//! is dismissed may have signed, but told nobody what.

use std::{collections::BTreeSet, time::Duration};

use alloy_primitives::Address;
use canut_protocol::range::Range;

use super::{Hedge, Lag, Member, Phase, RangeCommand, Ranges, Stage};

/// Most workers that are asked for the same vote.
const MOST: usize = 3;

/// How often somebody else was asked as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hedges {
    /// Workers asked for what another one was late with.
    pub begun: u64,
    /// Those of them who had a vote first.
    pub won: u64,
}

impl Ranges {
    /// When [`handle`](Self::handle) has something to do though nothing happens, by the clock of `uptime`. It comes beside
    /// [`wake`](Self::wake).
    pub fn wake_late(&self, now: u64) -> Option<Duration> {
        let able = self.settings.hedge && self.stragglers.has_credit();
        (able && self.crew.somebody_is_free(now))
            .then(|| self.stragglers.next_late(self.uptime))
            .flatten()
    }

    /// Somebody left who was asked for the range.
    pub(super) fn note_stray(&mut self, now: u64, range: Range) {
        if self.settings.hedge {
            let at = now.saturating_add(self.settings.absence);
            self.strays.insert((at, range));
        }
    }

    /// When somebody will have been away for too long next, after `now`.
    pub(super) fn next_stray(&self, now: u64) -> Option<u64> {
        let mut times = self.strays.iter().map(|(at, _)| *at);
        times.find(|at| *at > now)
    }

    /// Asks somebody else where all who were asked are away. Whether anybody was asked.
    pub(super) fn replace_strays(&mut self, now: u64, commands: &mut Vec<RangeCommand>) -> bool {
        let due = self.strays.iter().take_while(|(at, _)| *at <= now);
        let absence = self.settings.absence;
        let is_away = |member: &Member| {
            member.stage == Stage::Away && member.since.saturating_add(absence) <= now
        };
        let mut asked = false;
        for (at, range) in due.copied().collect::<Vec<_>>() {
            let Some(beside) = self.waits_for(now, range, is_away) else {
                self.strays.remove(&(at, range));
                continue;
            };
            let hedge = Hedge { beside, lag: None };
            if self.assign(now, range, Some(hedge), commands) {
                self.strays.remove(&(at, range));
                self.hedges.begun += 1;
                asked = true;
            }
        }
        asked
    }

    /// Asks somebody else for what takes longer than is usual. Whether anybody was asked.
    pub(super) fn hedge(&mut self, now: u64, commands: &mut Vec<RangeCommand>) -> bool {
        if !self.settings.hedge || !self.stragglers.has_credit() {
            return false;
        }
        let late = self.stragglers.late(self.uptime);
        let who: BTreeSet<_> = late.iter().map(|(who, _)| *who).collect();
        let mut asked = false;
        for ((range, worker), late) in late {
            if !self.stragglers.has_credit() {
                break;
            }
            let voting = self.votings.get(&range);
            if !voting.is_some_and(|voting| voting.asked().any(|member| member.worker == worker)) {
                self.stragglers.forget((range, worker));
                continue;
            }
            let is_late = |member: &Member| {
                member.stage == Stage::Away || who.contains(&(range, member.worker))
            };
            if self.waits_for(now, range, is_late).is_none() {
                continue;
            }
            let lag = Lag {
                took: millis(late.took),
                usual: millis(late.usual),
            };
            let hedge = Hedge {
                beside: worker,
                lag: Some(lag),
            };
            if self.assign(now, range, Some(hedge), commands) {
                self.stragglers.spend();
                self.hedges.begun += 1;
                asked = true;
            }
        }
        asked
    }

    /// Whom the range waits for, if all who were asked are as `is_missed` says, and somebody else may be asked.
    fn waits_for(
        &self,
        now: u64,
        range: Range,
        is_missed: impl Fn(&Member) -> bool,
    ) -> Option<Address> {
        let voting = self.votings.get(&range)?;
        let in_time = self.deals.get(&range.deal())?.is_offered(now);
        if voting.phase != Phase::Open || !in_time || self.is_hopeless(range) {
            return None;
        }
        let first = voting.asked().next()?.worker;
        (voting.asked().count() < MOST && voting.asked().all(is_missed)).then_some(first)
    }

    /// The worker has a vote: the others who were asked for it are not wanted any more.
    pub(super) fn outrun(
        &mut self,
        now: u64,
        range: Range,
        worker: Address,
        commands: &mut Vec<RangeCommand>,
    ) {
        let Some(voting) = self.votings.get_mut(&range) else {
            return;
        };
        let winner = voting.member(worker);
        self.hedges.won += u64::from(winner.is_some_and(|member| member.hedge.is_some()));
        let others = voting.members.iter_mut();
        let others = others.filter(|member| member.stage.is_asked() && !member.bound);
        let slow: Vec<_> = others
            .map(|member| {
                member.stage = Stage::Outrun;
                member.since = now;
                member.worker
            })
            .collect();
        for worker in slow {
            self.let_go(range, worker, commands);
        }
    }

    /// Tells a worker that nobody waits for it any more. Its slot is free when it answers: it may be frozen, and would keep the
    /// next range waiting too.
    pub(super) fn let_go(
        &mut self,
        range: Range,
        worker: Address,
        commands: &mut Vec<RangeCommand>,
    ) {
        self.crew.absolve(worker, range);
        self.stragglers.end(self.uptime, (range, worker));
        commands.push(RangeCommand::Drop { range, worker });
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
