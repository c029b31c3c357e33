//! What one range needs now.

use alloy_primitives::Address;
use canut_protocol::{
    Failure, Fault,
    range::{Range, audit::Chain},
};

use super::{
    Phase, RangeCommand, Ranges, Stage, Voting, earliest,
    judge::{Verdict, judge},
};

impl Ranges {
    /// Orders what the range needs at `now`, and notes when to look again.
    pub(super) fn decide(&mut self, now: u64, range: Range, commands: &mut Vec<RangeCommand>) {
        let Some(voting) = self.votings.get(&range) else {
            return;
        };
        let alarm = match voting.phase.clone() {
            Phase::Open => self.decide_open(now, range, commands),
            Phase::Settling(value) => self.decide_settling(now, range, value, commands),
            Phase::Posted => self.decide_posted(now, range, commands),
            Phase::Split | Phase::Settled | Phase::Failed => {
                self.feed(range, false);
                None
            }
        };
        if let Some(old) = self.alarms.remove(&range) {
            self.agenda.remove(&(old, range));
        }
        if let Some(at) = alarm.filter(|at| *at > now) {
            self.agenda.insert((at, range));
            self.alarms.insert(range, at);
        }
    }

    fn decide_open(
        &mut self,
        now: u64,
        range: Range,
        commands: &mut Vec<RangeCommand>,
    ) -> Option<u64> {
        let clock = self.deals.get(&range.deal())?.clock;
        let alarm = self.expire(now, range, commands);
        if now >= clock.contribution {
            self.feed(range, false);
            return self.give_up(now, range, commands);
        }
        let alarm = earliest(alarm, clock.contribution);
        match self.verdict(range)? {
            Verdict::More => {
                self.feed_while_there_is_time(now, range);
                alarm
            }
            Verdict::Audited => {
                self.feed_while_there_is_time(now, range);
                if !self.nobody_is_left(range) {
                    return alarm;
                }
                let until = self.last_left.saturating_add(self.settings.grace);
                if now < until {
                    return earliest(alarm, until);
                }
                if let Some(voting) = self.votings.get_mut(&range) {
                    voting.audit = Some(0);
                    self.dirty.insert(range);
                }
                self.decide_open(now, range, commands)
            }
            Verdict::Wait => {
                self.feed(range, false);
                alarm
            }
            Verdict::Audit(votes) => {
                self.audit(range, votes);
                self.decide_open(now, range, commands)
            }
            Verdict::Open => {
                self.feed(range, false);
                let next = self.have_opened(now, range, commands);
                next.map_or(alarm, |at| earliest(alarm, at))
            }
            Verdict::Ask(workers) => {
                self.feed(range, false);
                let next = self.ask(now, range, &workers, commands);
                next.map_or(alarm, |at| earliest(alarm, at))
            }
            Verdict::Certified(group) => {
                self.feed(range, false);
                self.dismiss(range, commands);
                let voting = self.votings.get_mut(&range)?;
                let value = voting.opened.get(group)?.value;
                voting.phase = Phase::Settling(value);
                voting.delivery.take_if(|delivery| delivery.value != value);
                self.dirty.insert(range);
                self.decide_settling(now, range, value, commands)
            }
            Verdict::Split(parts) => {
                self.feed(range, false);
                self.dismiss(range, commands);
                self.split(now, range, parts, commands);
                None
            }
        }
    }

    /// Lets the range wait for one more worker, unless it is too late or hopeless.
    fn feed_while_there_is_time(&mut self, now: u64, range: Range) {
        let in_time = self
            .deals
            .get(&range.deal())
            .is_some_and(|open| now < open.clock.countersign);
        self.feed(range, in_time && !self.is_hopeless(range));
    }

    /// Whether everybody who is here, and takes tasks, has been asked. A pool of few workers cannot audit what they all voted
    /// on, and one that rests may do so for half a day; requesters would wait for the chain.
    fn nobody_is_left(&self, range: Range) -> bool {
        let need = self.need(range);
        let mut able = self.crew.able(need.tag).peekable();
        let voting = self.votings.get(&range);
        let was_asked = |worker| {
            let member = voting.and_then(|voting| voting.member(worker));
            member.is_some_and(|member| member.stage != Stage::Outrun)
        };
        able.peek().is_some() && able.all(|worker| was_asked(worker) || self.crew.rests(worker))
    }

    pub(super) fn verdict(&self, range: Range) -> Option<Verdict> {
        let voting = self.votings.get(&range)?;
        let trust = self.deals.get(&range.deal())?.terms.trust();
        Some(judge(
            voting,
            |worker| self.crew.weight(worker),
            trust,
            |worker| voting.courier.silent.contains(&worker),
            |parts| self.may_split(voting, parts),
        ))
    }

    /// Draws whether one more vote is wanted than trust asks for (R6).
    fn audit(&mut self, range: Range, votes: usize) {
        let Some(open) = self.deals.get(&range.deal()) else {
            return;
        };
        let (promise, deal) = (open.contract.promise, &open.contract.deal);
        let origin = promise.origin(&range, deal).unwrap_or(range);
        if let Some(voting) = self.votings.get_mut(&range) {
            let draw = promise.draw(origin.id());
            let audited = draw.is_audited(chain(voting), votes, promise.rates);
            voting.audit = Some(votes + usize::from(audited));
            self.dirty.insert(range);
        }
    }

    /// Gives up on workers that are slow or lost, and says when the next one will be.
    fn expire(&mut self, now: u64, range: Range, commands: &mut Vec<RangeCommand>) -> Option<u64> {
        let time_ref = self.deals.get(&range.deal())?.contract.time_ref;
        let settings = self.settings;
        let voting = self.votings.get_mut(&range)?;
        let slow = settings.slow_after.min(match voting.pace {
            Some(pace) => pace.saturating_mul(3).max(settings.patience),
            None => time_ref.saturating_add(settings.budget),
        });
        let (mut next, mut changed, mut missed) = (None, false, Vec::new());
        for member in &mut voting.members {
            let (patience, failure) = match member.stage {
                Stage::Offered | Stage::Away if member.bound => {
                    (settings.commit_patience, Failure::WorkerSlow)
                }
                Stage::Offered => (slow, Failure::WorkerSlow),
                Stage::Away => (settings.grace, Failure::WorkerLost),
                Stage::Countersigned(_) => (settings.commit_patience, Failure::WorkerSlow),
                Stage::Out(_) | Stage::Outrun | Stage::Committed(_) | Stage::Absent => continue,
            };
            let until = member.since.saturating_add(patience);
            if now < until {
                next = earliest(next, until);
                continue;
            }
            changed = true;
            let worker = member.worker;
            if member.bound || matches!(member.stage, Stage::Countersigned(_)) {
                member.stage = Stage::Absent;
                self.crew.release(worker, range);
            } else {
                member.stage = Stage::Out(failure);
                missed.push(worker);
            }
        }
        if changed {
            self.dirty.insert(range);
        }
        for worker in missed {
            self.let_go(range, worker, commands);
        }
        next
    }

    /// Whether so many workers failed through no fault of theirs that no more are asked.
    pub(super) fn is_hopeless(&self, range: Range) -> bool {
        let Some(voting) = self.votings.get(&range) else {
            return true;
        };
        let common = voting.members.iter().filter(|member| match member.stage {
            Stage::Out(failure) => matches!(failure.fault(), Fault::Requester | Fault::App),
            _ => false,
        });
        voting.listed().next().is_none() && common.count() >= self.settings.give_up
    }

    /// Sends the votes to everyone, and has one of the voters show what they voted for.
    fn have_opened(
        &mut self,
        now: u64,
        range: Range,
        commands: &mut Vec<RangeCommand>,
    ) -> Option<u64> {
        let patience = self.settings.open_patience;
        let retry = now.saturating_add(self.settings.retry);
        let voting = self.votings.get_mut(&range)?;
        let voters: Vec<Address> = voting.votes().map(|vote| vote.worker).collect();
        let courier = &mut voting.courier;
        if let Some((worker, since)) = courier.opener {
            let until = since.saturating_add(patience);
            if now < until && self.crew.is_here(worker) {
                return Some(until);
            }
            courier.opener = None;
            if now >= until {
                courier.silent.insert(worker);
            }
        }
        let able =
            |worker: &&Address| self.crew.is_here(**worker) && !courier.silent.contains(*worker);
        let Some(opener) = voters.iter().find(able).copied() else {
            if !voters.is_empty() && voters.iter().all(|worker| courier.silent.contains(worker)) {
                // They all keep it to themselves: somebody who does not know them is asked to vote as well.
                courier.silent.clear();
                voting.audit = Some(voters.len() + 1);
                self.dirty.insert(range);
                self.feed(range, true);
            }
            return Some(retry);
        };
        courier.opener = Some((opener, now));
        for worker in voters {
            let open = worker == opener;
            if self.crew.is_here(worker) && (courier.rostered.insert(worker) || open) {
                commands.push(RangeCommand::Roster {
                    range,
                    worker,
                    open,
                });
            }
        }
        Some(now.saturating_add(patience))
    }

    /// Asks those whose votes differ what they voted for, each once; who does not say has no say.
    fn ask(
        &mut self,
        now: u64,
        range: Range,
        workers: &[Address],
        commands: &mut Vec<RangeCommand>,
    ) -> Option<u64> {
        let patience = self.settings.open_patience;
        let voting = self.votings.get_mut(&range)?;
        let mut next = None;
        for worker in workers {
            let since = *voting.courier.asked.entry(*worker).or_insert_with(|| {
                let (worker, open) = (*worker, true);
                commands.push(RangeCommand::Roster {
                    range,
                    worker,
                    open,
                });
                now
            });
            let until = since.saturating_add(patience);
            if now >= until {
                voting.courier.silent.insert(*worker);
                self.touched.insert(range);
            } else {
                next = earliest(next, until);
            }
        }
        next
    }

    /// Tells workers that are still computing that their vote is not wanted any more.
    fn dismiss(&mut self, range: Range, commands: &mut Vec<RangeCommand>) {
        let Some(voting) = self.votings.get_mut(&range) else {
            return;
        };
        for member in &mut voting.members {
            if member.stage.is_asked() && !member.bound {
                member.stage = Stage::Out(Failure::Aborted);
                self.crew.absolve(member.worker, range);
                self.crew.release(member.worker, range);
                self.stragglers.forget((range, member.worker));
                commands.push(RangeCommand::Drop {
                    range,
                    worker: member.worker,
                });
            }
        }
    }
}

/// What the next draw depends on.
pub(super) fn chain(voting: &Voting) -> Chain {
    voting
        .sealed
        .iter()
        .fold(Chain::START, |chain, sealed| chain.then(*sealed))
}
