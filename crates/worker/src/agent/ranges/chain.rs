//! What the chain says of ranges, and what the worker owes itself when its pool does not do its part.

use std::time::Duration;

use canut_hub::{Event, RangeState, events::Batch};
use canut_protocol::range::{Range, Settled};
use tracing::warn;

use super::{Done, REST, Ranges, TRIES};
use crate::ranges::{
    record::RangeRecord,
    step::{Step, next},
};

impl Ranges {
    pub(in crate::agent) fn on_batch(&mut self, batch: &Batch) {
        for happening in &batch.events {
            match &happening.event {
                Event::RangeSettled(settled) => self.on_settled(settled),
                Event::RangePosted { range, .. } | Event::RangeFailed { range } => {
                    self.overlapping(range)
                        .into_iter()
                        .for_each(|held| self.look(held));
                }
                Event::Slashed {
                    account: worker, ..
                }
                | Event::Bonded { worker, .. }
                | Event::Unbonding { worker, .. } => self.hands.forget_bond(*worker),
                _ => {}
            }
        }
    }

    fn on_settled(&mut self, settled: &Settled) {
        for range in self.overlapping(&settled.range) {
            let Some(record) = self.held.get(&range).and_then(|held| held.record.clone()) else {
                self.forget(range);
                continue;
            };
            let listed = settled
                .members
                .iter()
                .any(|member| member.worker == record.vote.worker);
            if record.assignment.is_some() && !listed {
                warn!(%range, "settled without this worker's vote, which the pool had promised to count");
                self.start(range, self.hands.clone().complain(record, settled.clone()));
            } else {
                self.keep(range, record);
            }
        }
    }

    pub(super) fn overlapping(&self, range: &Range) -> Vec<Range> {
        self.held
            .keys()
            .filter(|held| held.overlaps(range))
            .copied()
            .collect()
    }

    /// Asks the chain what became of a range, unless something is under way.
    pub(super) fn look(&mut self, range: Range) {
        if self.idle_record(range).is_some() {
            if let Some(held) = self.held.get_mut(&range) {
                held.wake = None;
            }
            self.start(range, self.hands.clone().look(range));
        }
    }

    pub(super) fn look_later(&mut self, range: Range, now: u64, after: Duration) {
        if let Some(held) = self.held.get_mut(&range) {
            held.busy = false;
            held.wake = Some(now.saturating_add(after.as_secs().max(1)));
        }
    }

    pub(super) fn on_looked(&mut self, range: Range, state: Option<Option<RangeState>>, now: u64) {
        match state {
            Some(state) => {
                if let Some(held) = self.held.get_mut(&range) {
                    held.busy = false;
                }
                self.schedule(range, state, now);
                self.go_on(range);
            }
            None => self.look_later(range, now, REST),
        }
    }

    /// Does what the worker owes itself when the pool does not do its part in time.
    pub(super) fn schedule(&mut self, range: Range, state: Option<RangeState>, now: u64) {
        let Some(record) = self.held.get(&range).and_then(|held| held.record.clone()) else {
            return;
        };
        let hands = self.hands.clone();
        match next(&record, state, now) {
            Step::Wait(until) => {
                if let Some(held) = self.held.get_mut(&range) {
                    held.wake = Some(until);
                }
            }
            Step::Post => self.start(range, hands.post(record)),
            Step::Join => self.join(range, record),
            Step::Open if self.manners.withholds => {}
            Step::Open => self.start(range, hands.reveal(record)),
            Step::Resolve => self.start(range, hands.resolve(range)),
            Step::Forget if matches!(state, Some(RangeState::Settled(_))) => {
                self.keep(range, record)
            }
            Step::Forget => self.forget(range),
        }
    }

    /// Posts the worker's own vote beside those that others posted. If it is among them the contract refuses, which costs
    /// nothing, and nothing is left to do before votes are opened.
    fn join(&mut self, range: Range, record: RangeRecord) {
        let Some(held) = self.held.get_mut(&range) else {
            return;
        };
        if held.joins >= TRIES {
            held.wake = Some(record.place.clock().posting);
            return;
        }
        held.joins += 1;
        let alone = RangeRecord {
            roster: None,
            ..record
        };
        let post = self.hands.clone().post(alone);
        // A refusal is what is expected, and nothing that the pool need hear of.
        self.start(range, async move {
            match post.await {
                Done::Failed(range, _) => Done::Sent(range),
                done => done,
            }
        });
    }
}
