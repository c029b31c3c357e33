//! Taking in what workers say.

use alloy_primitives::{Address, B256};
use canut_protocol::{
    Failure,
    range::{Leaf, Range, Value, Vote, tree},
};

use super::{
    Capacity, Link, Opened, Phase, RangeCommand, Ranges, Said, Stage, Voting,
    voting::{Errand, Member},
};
use crate::schedule::is_passing;

impl Ranges {
    pub(super) fn on_session(
        &mut self,
        now: u64,
        worker: Address,
        said: Said,
        commands: &mut Vec<RangeCommand>,
    ) {
        match said {
            Said::Joined(capacity) => self.on_joined(now, worker, capacity, commands),
            Said::Slots(slots) => {
                self.crew.resize(worker, slots);
                if slots == 0 {
                    self.last_left = now;
                }
            }
            Said::Left => self.on_left(now, worker),
            Said::Ready { range, sealed } => self.on_ready(now, worker, range, sealed, commands),
            Said::Committed(vote) => self.on_committed(now, worker, vote),
            Said::Opened {
                range,
                value,
                leaves,
                delivery,
            } => {
                let opened = Opened {
                    worker,
                    value,
                    leaves,
                    delivery,
                };
                self.on_opened(range, opened)
            }
            Said::Uploaded(range, delivery) => self.on_uploaded(worker, range, delivery),
            Said::Failed(range, failure) => self.on_failed(now, worker, range, failure),
        }
    }

    /// A worker is here. What it was asked and did not answer it is asked again.
    fn on_joined(
        &mut self,
        now: u64,
        worker: Address,
        capacity: Capacity,
        commands: &mut Vec<RangeCommand>,
    ) {
        self.crew.leave(worker);
        self.crew.join(worker, capacity);
        for range in self.crew.ranges(worker) {
            let Some(voting) = self.votings.get_mut(&range) else {
                continue;
            };
            voting.courier.rostered.remove(&worker);
            voting.courier.silent.remove(&worker);
            voting.courier.asked.remove(&worker);
            voting.courier.failed.remove(&worker);
            if voting
                .courier
                .opener
                .is_some_and(|(asked, _)| asked == worker)
            {
                voting.courier.opener = None;
            }
            self.touched.insert(range);
            let Some(member) = voting.member_mut(worker) else {
                continue;
            };
            match member.stage {
                Stage::Away | Stage::Offered => {
                    member.stage = Stage::Offered;
                    member.since = now;
                    let bound = member.bound;
                    self.dirty.insert(range);
                    if !bound {
                        self.crew.occupy(worker, range);
                        self.offer(now, range, worker, commands);
                    }
                }
                Stage::Countersigned(sealed) => {
                    commands.push(RangeCommand::Countersign {
                        range,
                        worker,
                        sealed,
                    });
                }
                Stage::Out(_) | Stage::Outrun | Stage::Committed(_) | Stage::Absent => {}
            }
        }
        self.send_plans(worker, commands);
    }

    fn on_left(&mut self, now: u64, worker: Address) {
        self.crew.leave(worker);
        self.last_left = now;
        for range in self.crew.ranges(worker) {
            if let Some(member) = self
                .votings
                .get_mut(&range)
                .and_then(|voting| voting.member_mut(worker))
                && member.stage == Stage::Offered
            {
                member.stage = Stage::Away;
                member.since = now;
                self.dirty.insert(range);
                self.note_stray(now, range);
            }
            self.touched.insert(range);
        }
    }

    /// A worker has a vote. From the moment this is written down the pool must account for it, so nothing of it is ever
    /// forgotten or changed.
    fn on_ready(
        &mut self,
        now: u64,
        worker: Address,
        range: Range,
        sealed: B256,
        commands: &mut Vec<RangeCommand>,
    ) {
        self.shorten(now, worker, range, commands);
        let late = self
            .deals
            .get(&range.deal())
            .is_none_or(|open| now >= open.clock.countersign);
        let Some(voting) = self.votings.get_mut(&range) else {
            commands.push(RangeCommand::Drop { range, worker });
            return;
        };
        let is_open = voting.phase == Phase::Open;
        let started = voting.started;
        let Some(member) = voting.member_mut(worker) else {
            commands.push(RangeCommand::Drop { range, worker });
            return;
        };
        match member.stage {
            Stage::Offered | Stage::Away if is_open && !late => {
                let took = now.saturating_sub(member.since.max(started));
                member.stage = Stage::Countersigned(sealed);
                member.since = now;
                voting.sealed.push(sealed);
                voting.pace = Some(voting.pace.map_or(took, |pace| pace.max(took)));
                self.crew.release(worker, range);
                commands.push(RangeCommand::Countersign {
                    range,
                    worker,
                    sealed,
                });
                self.stragglers.end(self.uptime, (range, worker));
                self.outrun(now, range, worker, commands);
                self.mark(range);
            }
            // The same words again: so is the answer. Another vote is never countersigned.
            Stage::Countersigned(known) if known == sealed => {
                commands.push(RangeCommand::Countersign {
                    range,
                    worker,
                    sealed,
                });
            }
            Stage::Committed(_) | Stage::Countersigned(_) | Stage::Absent => {}
            Stage::Offered | Stage::Away | Stage::Out(_) | Stage::Outrun => {
                self.crew.release(worker, range);
                commands.push(RangeCommand::Drop { range, worker });
            }
        }
    }

    /// The first worker of a range votes on the beginning of it: the rest becomes a range of its own.
    fn shorten(
        &mut self,
        now: u64,
        worker: Address,
        part: Range,
        commands: &mut Vec<RangeCommand>,
    ) {
        if self.votings.contains_key(&part) {
            return;
        }
        let same_start = self
            .votings
            .range(part..)
            .map(|(_, voting)| voting)
            .take_while(|voting| {
                voting.range.deal() == part.deal() && voting.range.first() == part.first()
            });
        let whole = same_start.into_iter().find(|voting| {
            voting.phase == Phase::Open
                && voting.listed().next().is_none()
                && voting
                    .member(worker)
                    .is_some_and(|member| member.stage.is_asked())
        });
        let Some(range) = whole.map(|voting| voting.range) else {
            return;
        };
        let end = part.indices().end;
        let Ok(rest) = Range::new(range.deal(), end, range.indices().end - end) else {
            return;
        };
        let Some(whole) = self.votings.remove(&range) else {
            return;
        };
        self.feed_removed(&whole);
        self.gone.insert(range);
        self.dirty.remove(&range);
        self.reindex(range);
        let risk = self.risk_of(part);
        let mut voting = Voting::new(part, whole.started);
        for mut member in whole.members {
            self.crew.absolve(member.worker, range);
            if member.worker == worker {
                self.crew.release(worker, range);
                self.crew.stake(worker, part, risk);
                let (whole, tasks) = ((range, worker), part.count().into());
                self.stragglers.shorten(whole, (part, worker), tasks);
                voting.members.push(member);
            } else if member.stage.is_asked() {
                self.let_go(range, member.worker, commands);
                (member.stage, member.since) = (Stage::Outrun, now);
                voting.members.push(member);
            }
        }
        self.votings.insert(part, voting);
        self.votings.insert(rest, Voting::new(rest, now));
        self.mark(part);
        self.mark(rest);
    }

    fn on_committed(&mut self, now: u64, worker: Address, vote: Vote) {
        let range = vote.commitment.range;
        let Some(voting) = self.votings.get_mut(&range) else {
            return;
        };
        let sealed = vote.sealed();
        if vote.worker == worker
            && let Some(member) = voting.member_mut(worker)
            && member.stage == Stage::Countersigned(sealed)
        {
            member.stage = Stage::Committed(vote);
            member.since = now;
            self.mark(range);
        }
    }

    fn on_opened(&mut self, range: Range, shown: Opened) {
        let (worker, value) = (shown.worker, shown.value);
        let link = self.settings.link;
        let Some(voting) = self.votings.get_mut(&range) else {
            return;
        };
        let Some(vote) = voting.member(worker).and_then(|member| member.stage.vote()) else {
            return;
        };
        let fits = value.seal(worker, range.id()) == vote.commitment.seal
            && shown.leaves.len() == usize::from(range.count());
        if !fits || voting.opened.iter().any(|opened| opened.value == value) {
            self.touched.insert(range);
            return;
        }
        if value_of(range, &shown.leaves, link) == Some(value) {
            voting.opened.push(shown);
        } else {
            // Its seal is of a value that no results have: nobody can share it.
            voting.courier.silent.insert(worker);
        }
        self.mark(range);
    }

    fn on_uploaded(&mut self, worker: Address, range: Range, delivery: Option<B256>) {
        if let Some(voting) = self.votings.get_mut(&range)
            && voting
                .courier
                .uploader
                .is_some_and(|(asked, _)| asked == worker)
        {
            voting.courier.uploader = None;
            voting.courier.uploaded = Some(worker);
            voting.retry_at = 0;
            if let Phase::Settling(value) = voting.phase
                && let Some(opened) = voting.opened_mut(value)
            {
                opened.delivery = delivery;
            }
            if voting.errand == Some(Errand::Check) {
                voting.errand = None;
            }
            self.mark(range);
        }
    }

    fn on_failed(&mut self, now: u64, worker: Address, range: Range, failure: Failure) {
        self.crew.release(worker, range);
        let passing = is_passing(failure);
        if passing {
            self.crew
                .bench(worker, now.saturating_add(self.settings.bench));
        }
        let Some(voting) = self.votings.get_mut(&range) else {
            return;
        };
        if voting
            .courier
            .uploader
            .is_some_and(|(asked, _)| asked == worker)
        {
            voting.courier.uploader = None;
            voting.courier.failed.insert(worker);
        }
        if voting
            .courier
            .opener
            .is_some_and(|(asked, _)| asked == worker)
        {
            voting.courier.opener = None;
            voting.courier.silent.insert(worker);
        }
        let Some(at) = voting
            .members
            .iter()
            .position(|member| member.worker == worker)
        else {
            return;
        };
        let Member { stage, bound, .. } = &mut voting.members[at];
        if stage.is_asked() {
            self.stragglers.forget((range, worker));
            match (*bound, passing) {
                (true, _) => *stage = Stage::Absent,
                // It never began, so it may be asked again.
                (false, true) => {
                    voting.members.remove(at);
                    self.crew.absolve(worker, range);
                }
                (false, false) => {
                    *stage = Stage::Out(failure);
                    self.crew.absolve(worker, range);
                }
            }
        }
        self.mark(range);
    }
}

/// The value that results make.
pub(super) fn value_of(range: Range, leaves: &[Leaf], link: Link) -> Option<Value> {
    let contents: Vec<_> = leaves.iter().map(|leaf| leaf.content).collect();
    Some(Value {
        root: tree::root(&tree::hashes(range, leaves))?,
        link: link(range.first(), &contents)?,
    })
}
