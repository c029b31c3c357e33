//! How long ranges take for each step from the first offer to the settlement, for the metrics.

use std::collections::BTreeMap;

use canut_protocol::range::Range;
use prometheus::CounterVec;
use tokio::time::Instant;

use crate::ranges::{Phase, RangeChanges, RangeCommand};

/// The steps, in their order, by what they are called in the metrics.
const VOTE: &str = "vote";
const OPEN: &str = "open";
const CHECK: &str = "check";
const SETTLE: &str = "settle";

/// A clock for every range that is under way.
#[derive(Debug)]
pub(super) struct Pace {
    seconds: CounterVec,
    under_way: BTreeMap<Range, (&'static str, Instant)>,
}

impl Pace {
    /// A pace that counts in `seconds`, by the name of the step.
    pub(super) const fn new(seconds: CounterVec) -> Self {
        Self {
            seconds,
            under_way: BTreeMap::new(),
        }
    }

    /// Takes in what was ordered, and what became of ranges.
    pub(super) fn note(&mut self, orders: &[RangeCommand], changes: &RangeChanges) {
        for order in orders {
            match order {
                RangeCommand::Offer { range, .. } | RangeCommand::Countersign { range, .. } => {
                    self.under_way
                        .entry(*range)
                        .or_insert_with(|| (VOTE, Instant::now()));
                }
                RangeCommand::Roster {
                    range, open: true, ..
                } => self.step(*range, OPEN),
                RangeCommand::Check { range, .. } => self.step(*range, CHECK),
                RangeCommand::Settle { range } => self.step(*range, SETTLE),
                _ => {}
            }
        }
        for range in &changes.gone {
            self.under_way.remove(range);
        }
        for voting in &changes.votings {
            match voting.phase {
                Phase::Open | Phase::Settling(_) => {}
                Phase::Settled => self.end(voting.range),
                Phase::Split | Phase::Posted | Phase::Failed => {
                    self.under_way.remove(&voting.range);
                }
            }
        }
    }

    fn step(&mut self, range: Range, next: &'static str) {
        if let Some(step) = self.under_way.get_mut(&range)
            && step.0 != next
        {
            let (done, since) = std::mem::replace(step, (next, Instant::now()));
            count(&self.seconds, done, since);
        }
    }

    fn end(&mut self, range: Range) {
        if let Some((done, since)) = self.under_way.remove(&range) {
            count(&self.seconds, done, since);
        }
    }
}

fn count(seconds: &CounterVec, step: &str, since: Instant) {
    let took = since.elapsed().as_secs_f64();
    seconds.with_label_values(&[step]).inc_by(took);
}
