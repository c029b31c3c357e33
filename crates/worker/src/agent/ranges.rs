//! The ranges that a worker holds, and what it does about them: the certificate way's part of the agent.

mod chain;

use std::{collections::BTreeMap, time::Duration};

use alloy_primitives::B256;
use canut_pool::session::{Listed, ToPool, ToWorker};
use canut_protocol::{
    Failure, Nrlc,
    range::{Leaves, Range},
    signature::CompactSignature,
};
use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::range_errands::{Done, RangeHands};
use crate::{
    activity::{self, Progress, Stage, Work},
    ranges::{record::RangeRecord, step},
};

/// After so long without an answer a vote is announced again.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often, before it is given up.
const TRIES: u32 = 3;
/// Rest after something failed.
const REST: Duration = Duration::from_secs(5);

/// How a worker behaves; honestly, but for tests.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manners {
    /// Whether it keeps its vote to itself once it is countersigned.
    pub(crate) keeps_votes: bool,
    /// Whether it never shows what it voted for.
    pub(crate) withholds: bool,
}

/// A range, and what the worker is doing about it.
#[derive(Debug)]
struct Held {
    /// None while it is computed.
    record: Option<RangeRecord>,
    /// How much of it is computed.
    progress: Progress,
    /// Since when it is as far as it is, by the clock of this machine, in seconds since the epoch.
    since: u64,
    /// Stops what is under way.
    stop: CancellationToken,
    /// Whether something is under way.
    busy: bool,
    /// How often the vote was announced, and when it is next.
    tries: u32,
    due: Option<Instant>,
    /// When there may be something to do, in seconds since the epoch.
    wake: Option<u64>,
    /// How often it tried to post its own vote beside those of others.
    joins: u32,
    /// Members of the range, to whom to show what was voted for once nothing is under way.
    asked: Option<Vec<Listed>>,
}

impl Held {
    fn new(record: Option<RangeRecord>) -> Self {
        Self {
            record,
            progress: Progress::default(),
            since: activity::now(),
            stop: CancellationToken::new(),
            busy: false,
            tries: 0,
            due: None,
            wake: None,
            joins: 0,
            asked: None,
        }
    }

    fn is_open(&self) -> bool {
        self.stage() != Stage::Offering
    }

    fn stage(&self) -> Stage {
        match &self.record {
            None => Stage::Computing,
            Some(record) if record.assignment.is_none() => Stage::Offering,
            Some(_) => Stage::Voted,
        }
    }
}

/// See the [module](self).
pub(super) struct Ranges {
    hands: RangeHands,
    held: BTreeMap<Range, Held>,
    pub(super) doing: JoinSet<Done>,
    pool: mpsc::Sender<ToPool>,
    /// Most ranges that are voted on and not paid.
    open: usize,
    manners: Manners,
}

impl Ranges {
    pub(super) fn new(
        hands: RangeHands,
        records: Vec<RangeRecord>,
        pool: mpsc::Sender<ToPool>,
        open: usize,
        manners: Manners,
    ) -> Self {
        let held = records
            .into_iter()
            .map(|record| (record.range, Held::new(Some(record))));
        Self {
            hands,
            held: held.collect(),
            doing: JoinSet::new(),
            pool,
            open,
            manners,
        }
    }

    /// What is held.
    pub(super) fn work(&self) -> impl Iterator<Item = Work> + '_ {
        self.held.iter().map(|(range, held)| {
            let (stage, count) = (held.stage(), u64::from(range.count()));
            Work {
                deal: range.deal(),
                first: range.first(),
                count,
                done: match stage {
                    Stage::Computing => held.progress.done().min(count),
                    Stage::Offering | Stage::Voted => count,
                },
                stage,
                since: held.since,
            }
        })
    }

    /// Ranges that are being computed, or are going to be.
    pub(super) fn computing(&self) -> usize {
        self.held
            .values()
            .filter(|held| held.record.is_none())
            .count()
    }

    /// Whether nothing is left to do that cannot wait: whatever is computed, or was promised to be accounted for. A vote that
    /// the pool did not want for a while is nobody's.
    pub(super) fn is_done(&self) -> bool {
        let waits = |held: &Held| held.is_open() || held.busy || held.tries < TRIES;
        self.doing.is_empty() && !self.held.values().any(waits)
    }

    /// Asks the chain what became of everything that was written down.
    pub(super) fn begin(&mut self) {
        let ranges: Vec<_> = self.held.keys().copied().collect();
        ranges.into_iter().for_each(|range| self.look(range));
    }

    pub(super) fn due(&self, now: u64) -> Option<Instant> {
        let clock =
            |at: u64| Instant::now() + Duration::from_secs(at.saturating_sub(now).clamp(1, 3_600));
        let wakes = self.held.values().filter_map(|held| held.wake).map(clock);
        self.held
            .values()
            .filter_map(|held| held.due)
            .chain(wakes)
            .min()
    }

    /// Does what is due.
    pub(super) fn wake(&mut self, now: u64) {
        let due = |held: &Held| held.due.is_some_and(|at| at <= Instant::now());
        let again: Vec<_> = self
            .held
            .iter()
            .filter(|(_, held)| due(held))
            .map(|(range, _)| *range)
            .collect();
        for range in again {
            let Some(held) = self.held.get_mut(&range) else {
                continue;
            };
            held.due = None;
            held.tries += 1;
            // It goes on holding what it found: the vote is never signed again.
            if held.tries < TRIES {
                self.speak(range);
            }
        }
        let woken: Vec<_> = self
            .held
            .iter()
            .filter(|(_, held)| held.wake.is_some_and(|at| at <= now))
            .map(|(range, _)| *range)
            .collect();
        woken.into_iter().for_each(|range| self.look(range));
    }

    /// A session opened: what the pool may not have heard is said again.
    pub(super) fn on_up(&mut self) {
        for range in self.held.keys().copied().collect::<Vec<_>>() {
            if let Some(held) = self.held.get_mut(&range) {
                held.tries = 0;
            }
            self.speak(range);
        }
    }

    /// Says the next thing about a range: that there is a vote, or the vote.
    fn speak(&mut self, range: Range) {
        let keeps = self.manners.keeps_votes;
        let Some(held) = self.held.get_mut(&range) else {
            return;
        };
        let Some(record) = &held.record else { return };
        let message = match record.assignment {
            None => {
                held.due = Some(Instant::now() + PATIENCE);
                ToPool::Ready {
                    range,
                    sealed: record.vote.sealed(),
                }
            }
            Some(_) if keeps => return,
            Some(_) => ToPool::Commitment { vote: record.vote },
        };
        self.tell(message);
    }

    /// Takes in what the pool says about ranges. `taken` slots are in use by tasks of the open way.
    pub(super) fn on_said(&mut self, said: ToWorker, taken: usize, slots: usize, now: u64) {
        match said {
            ToWorker::Offer { range, budget, .. } => {
                let free = taken + self.computing() < slots;
                self.on_offer(range, budget.map(Duration::from_secs), free, now);
            }
            ToWorker::Assignment {
                range, signature, ..
            } => self.on_assignment(range, signature),
            ToWorker::Roster {
                range,
                members,
                open,
            } => self.on_roster(range, members, open),
            ToWorker::Plan { range, parts } => self.on_plan(range, &parts),
            ToWorker::Deliver { range } => {
                if let Some(record) = self.idle_record(range) {
                    self.start(range, self.hands.clone().deliver(record));
                }
            }
            ToWorker::Drop { range } => self.on_drop(range),
            // The chain says so as well, and is believed.
            ToWorker::Settled { .. } => {}
            _ => {}
        }
    }

    fn on_offer(&mut self, range: Range, budget: Option<Duration>, free: bool, now: u64) {
        if let Some(held) = self.held.get(&range) {
            if held.record.is_some() {
                self.speak(range);
            }
            return;
        }
        let refused =
            if !free || self.held.values().filter(|held| held.is_open()).count() >= self.open {
                Some(Failure::SlotsFull)
            } else if self
                .held
                .iter()
                .any(|(other, held)| held.is_open() && other.overlaps(&range))
            {
                Some(Failure::Aborted)
            } else {
                None
            };
        if let Some(failure) = refused {
            return self.tell(ToPool::RangeFailed { range, failure });
        }
        let at_risk = self.at_risk();
        self.held.insert(range, Held::new(None));
        self.start(range, self.hands.clone().admit(range, budget, at_risk, now));
    }

    /// What the votes that were countersigned put at risk, and those that are being computed.
    fn at_risk(&self) -> Nrlc {
        let risks = self.held.iter().filter_map(|(range, held)| {
            let record = held
                .record
                .as_ref()
                .filter(|record| record.assignment.is_some())?;
            Some(record.place.risk(*range))
        });
        Nrlc::sum(risks).unwrap_or(Nrlc(alloy_primitives::U256::MAX))
    }

    fn on_assignment(&mut self, range: Range, signature: CompactSignature) {
        let Some(record) = self.held.get(&range).and_then(|held| held.record.clone()) else {
            return;
        };
        if record.assignment.is_some() {
            return self.speak(range);
        }
        if !self.hands.is_countersigned(&record, signature) {
            warn!(%range, "the pool's word is not signed by the scheduler");
            return;
        }
        let record = RangeRecord {
            assignment: Some(signature),
            ..record
        };
        self.start(range, self.hands.clone().write_down(record));
    }

    fn on_roster(&mut self, range: Range, members: Vec<Listed>, open: bool) {
        if !open || self.manners.withholds {
            return;
        }
        if let Some(held) = self.held.get_mut(&range) {
            held.asked = Some(members);
            self.go_on(range);
        }
    }

    /// Shows what it was asked for, once nothing else is under way.
    fn go_on(&mut self, range: Range) {
        if let Some(record) = self.idle_record(range)
            && record.assignment.is_some()
            && let Some(members) = self.held.get_mut(&range).and_then(|held| held.asked.take())
        {
            self.start(range, self.hands.clone().open(record, members));
        }
    }

    /// The workers of a range disagree: this one votes anew on parts of it, with what it found.
    fn on_plan(&mut self, range: Range, parts: &[Range]) {
        let Some(whole) = self.held.get(&range).and_then(|held| held.record.clone()) else {
            return;
        };
        for part in parts {
            let (hands, whole) = (self.hands.clone(), whole.clone());
            match self.held.get(part) {
                Some(_) => self.speak(*part),
                None if whole.assignment.is_some() && whole.range != *part => {
                    self.held.insert(*part, Held::new(None));
                    self.start(*part, hands.vote_on_part(whole, *part));
                }
                None => {}
            }
        }
    }

    fn on_drop(&mut self, range: Range) {
        if self
            .held
            .get(&range)
            .is_some_and(|held| held.record.is_none())
        {
            debug!(%range, "not wanted any more");
            if let Some(held) = self.held.remove(&range) {
                held.stop.cancel();
            }
            if let Err(error) = self.hands.journal.discard(range) {
                warn!(%range, %error, "a range that is not wanted cannot be swept away");
            }
            let failure = Failure::Aborted;
            self.tell(ToPool::RangeFailed { range, failure });
        }
    }

    pub(super) fn on_done(&mut self, done: Done, now: u64) {
        match done {
            Done::Admitted(range, deal, place, budget) => {
                if let Some(held) = self.held.get(&range) {
                    let progress = held.progress.clone();
                    let hands = self.hands.clone();
                    self.start(range, hands.weave(range, deal, place, budget, progress));
                }
            }
            Done::Declined(range, failure) => {
                if let Some(held) = self.held.get(&range)
                    && held.record.is_none()
                {
                    info!(%range, %failure, remedy = failure.remedy(), "not taken");
                    self.forget(range);
                    self.tell(ToPool::RangeFailed { range, failure });
                }
            }
            Done::Voted(offered, record) => self.on_voted(offered, *record, now),
            Done::Written(record) => {
                let range = record.range;
                if let Some(held) = self.held.get_mut(&range) {
                    (held.busy, held.due) = (false, None);
                    // From then on the pool may be late.
                    held.wake = Some(step::turn(record.place.clock()));
                    held.record = Some(*record);
                    self.speak(range);
                    self.go_on(range);
                }
            }
            Done::Delivered(range, roster, delivery) => self.on_delivered(range, roster, delivery),
            Done::Looked(range, state) => self.on_looked(range, state, now),
            Done::Sent(range) => self.look_later(range, now, Duration::from_secs(1)),
            Done::Failed(range, failure) => {
                if let Some(held) = self.held.get_mut(&range) {
                    held.busy = false;
                    self.tell(ToPool::RangeFailed { range, failure });
                    self.look_later(range, now, REST);
                }
            }
        }
    }

    fn on_voted(&mut self, offered: Range, record: RangeRecord, now: u64) {
        let range = record.range;
        // Dropped meanwhile: the vote stays on disk, so that no other is ever signed.
        let Some(_) = self.held.remove(&offered) else {
            return;
        };
        if record.settled.is_some() {
            return;
        }
        self.held.insert(range, Held::new(Some(record)));
        self.speak(range);
        self.schedule(range, None, now);
    }

    fn on_delivered(&mut self, range: Range, roster: Option<Vec<Listed>>, delivery: Option<B256>) {
        let Some(held) = self.held.get_mut(&range) else {
            return;
        };
        held.busy = false;
        let Some(record) = &mut held.record else {
            return;
        };
        let open = roster.is_some();
        record.roster = roster.or_else(|| record.roster.take());
        let message = match (open, record.value()) {
            (true, Some(value)) => ToPool::Opening {
                range,
                value,
                leaves: Leaves(record.leaves.clone()),
                delivery,
            },
            _ => ToPool::Delivered { range, delivery },
        };
        self.tell(message);
        self.go_on(range);
    }

    /// A range is over: its archives are kept for a while.
    fn keep(&mut self, range: Range, record: RangeRecord) {
        if let Some(held) = self.held.remove(&range) {
            held.stop.cancel();
        }
        // By the time of the chain when the record was made: good enough to sweep by.
        let settled = Some(record.place.clock().countersign);
        let record = RangeRecord { settled, ..record };
        self.doing.spawn(self.hands.clone().write_down(record));
    }

    fn forget(&mut self, range: Range) {
        if let Some(held) = self.held.remove(&range) {
            held.stop.cancel();
        }
        if let Err(error) = self.hands.journal.remove(range) {
            warn!(%range, %error, "a range that is over cannot be swept away");
        }
    }

    /// The record of a range about which nothing is under way.
    fn idle_record(&self, range: Range) -> Option<RangeRecord> {
        let held = self.held.get(&range).filter(|held| !held.busy)?;
        held.record.clone()
    }

    fn start(&mut self, range: Range, work: impl Future<Output = Done> + Send + 'static) {
        let Some(held) = self.held.get_mut(&range) else {
            return;
        };
        held.busy = true;
        let stop = held.stop.clone();
        self.doing.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => Done::Declined(range, Failure::Aborted),
                done = work => done,
            }
        });
    }

    /// Says something to the pool, if it listens; what matters is said again when a session opens.
    fn tell(&self, message: ToPool) {
        if let Err(error) = self.pool.try_send(message) {
            debug!(%error, "not said to the pool");
        }
    }
}
