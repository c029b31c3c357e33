//! Who takes longer than others do. What is usual is known from the past; how often somebody else may be asked as well is
//! bounded.
//!
//! Times are of a clock that only runs, from whenever its owner likes.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use alloy_primitives::Address;
use canut_protocol::Deal;

/// Durations that are remembered of one kind of work.
const REMEMBERED: usize = 128;
/// Durations without which nothing is usual.
const LEAST: usize = 16;
/// Kinds of work that are remembered.
const KINDS: usize = 1_024;
/// Nobody is late sooner: what takes less is spent on messages as much as on work.
const FLOOR: Duration = Duration::from_secs(1);
/// Somebody else is asked as well at most once for so many that are asked.
const PRICE: u32 = 10;
/// For so many at most that is saved up.
const SAVED: u32 = 32;

/// Work that takes alike: with the same app, in the same category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind(Address, u64);

impl Kind {
    /// The tasks of a deal.
    pub(crate) const fn of(deal: &Deal) -> Self {
        Self(deal.app.pointer, deal.category)
    }
}

/// The last durations of one kind of work, for one task.
#[derive(Clone, Debug, Default)]
struct Durations {
    last: VecDeque<Duration>,
    /// What nine of ten stayed within.
    usual: Option<Duration>,
}

impl Durations {
    fn add(&mut self, duration: Duration) {
        if self.last.len() == REMEMBERED {
            self.last.pop_front();
        }
        self.last.push_back(duration);
        if self.last.len() >= LEAST {
            let mut sorted: Vec<_> = self.last.iter().copied().collect();
            // The least one that nine tenths do not exceed.
            let rank = (sorted.len() * 9).div_ceil(10) - 1;
            self.usual = Some(*sorted.select_nth_unstable(rank).1);
        }
    }
}

/// Work that somebody was asked for.
#[derive(Clone, Copy, Debug)]
struct Run {
    kind: Kind,
    since: Duration,
    tasks: u32,
    budget: Option<Duration>,
}

/// Somebody who takes longer than is usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Late {
    /// How long by now.
    pub(crate) took: Duration,
    /// What nine of ten stay within.
    pub(crate) usual: Duration,
}

/// Everybody who was asked for something, by `W`: who for what.
#[derive(Debug)]
pub(crate) struct Stragglers<W> {
    kinds: BTreeMap<Kind, (Duration, Durations)>,
    runs: BTreeMap<W, Run>,
    oldest: BTreeSet<(Duration, W)>,
    saved: u32,
}

impl<W: Ord + Copy> Stragglers<W> {
    pub(crate) const fn new() -> Self {
        Self {
            kinds: BTreeMap::new(),
            runs: BTreeMap::new(),
            oldest: BTreeSet::new(),
            saved: 0,
        }
    }

    /// Somebody is asked for so many tasks, and answers within `budget`, if there is one, with what he has. Who was asked
    /// before is not asked anew.
    pub(crate) fn begin(
        &mut self,
        now: Duration,
        work: W,
        kind: Kind,
        tasks: u32,
        budget: Option<Duration>,
    ) {
        if self.runs.contains_key(&work) {
            return;
        }
        self.saved = (self.saved + 1).min(SAVED * PRICE);
        self.insert(
            work,
            Run {
                kind,
                since: now,
                tasks: tasks.max(1),
                budget,
            },
        );
    }

    /// The work of somebody is over, or nobody counts on it any more: it took, at least, until now.
    pub(crate) fn end(&mut self, now: Duration, work: W) {
        let Some(run) = self.remove(work) else { return };
        if self.kinds.len() >= KINDS && !self.kinds.contains_key(&run.kind) {
            let stale = self.kinds.iter().min_by_key(|(_, (last, _))| *last);
            if let Some(kind) = stale.map(|(kind, _)| *kind) {
                self.kinds.remove(&kind);
            }
        }
        let (last, durations) = self.kinds.entry(run.kind).or_default();
        *last = now;
        durations.add(now.saturating_sub(run.since) / run.tasks);
    }

    /// The same work turned out to be `less`, of so many tasks.
    pub(crate) fn shorten(&mut self, work: W, less: W, tasks: u32) {
        if let Some(run) = self.remove(work) {
            let tasks = tasks.max(1);
            self.insert(less, Run { tasks, ..run });
        }
    }

    /// The work was not done, and says nothing of how long it takes.
    pub(crate) fn forget(&mut self, work: W) {
        self.remove(work);
    }

    /// Whether somebody else may be asked as well.
    pub(crate) const fn has_credit(&self) -> bool {
        self.saved >= PRICE
    }

    /// Somebody else was asked as well.
    pub(crate) const fn spend(&mut self) {
        self.saved = self.saved.saturating_sub(PRICE);
    }

    /// Whatever is late, what was asked for first before the rest.
    pub(crate) fn late(&self, now: Duration) -> Vec<(W, Late)> {
        let old = self
            .oldest
            .iter()
            .take_while(|(since, _)| since.saturating_add(FLOOR) <= now);
        old.filter_map(|(since, work)| {
            let usual = self.usual(self.runs.get(work)?)?;
            let took = now.saturating_sub(*since);
            (took >= usual.max(FLOOR)).then_some((*work, Late { took, usual }))
        })
        .collect()
    }

    /// When something is late next that is not late by `now`.
    pub(crate) fn next_late(&self, now: Duration) -> Option<Duration> {
        let mut next = None;
        for (since, work) in &self.oldest {
            let soonest = since.saturating_add(FLOOR);
            if next.is_some_and(|next| next <= soonest) {
                break;
            }
            let Some(usual) = self.runs.get(work).and_then(|run| self.usual(run)) else {
                continue;
            };
            let due = since.saturating_add(usual.max(FLOOR));
            if due > now && next.is_none_or(|next| due < next) {
                next = Some(due);
            }
        }
        next
    }

    /// How long nine of ten would need for the work.
    fn usual(&self, run: &Run) -> Option<Duration> {
        let each = self.kinds.get(&run.kind)?.1.usual?;
        let all = each.saturating_mul(run.tasks);
        Some(match run.budget {
            // The task that is begun when the time is over is finished.
            Some(budget) => all.min(budget.saturating_add(each)),
            None => all,
        })
    }

    fn insert(&mut self, work: W, run: Run) {
        self.oldest.insert((run.since, work));
        self.runs.insert(work, run);
    }

    fn remove(&mut self, work: W) -> Option<Run> {
        let run = self.runs.remove(&work)?;
        self.oldest.remove(&(run.since, work));
        Some(run)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KIND: Kind = Kind(Address::ZERO, 0);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// After twenty tasks of two seconds each.
    fn experienced() -> Stragglers<u32> {
        let mut stragglers = Stragglers::new();
        for work in 0..20 {
            stragglers.begin(ms(0), work, KIND, 1, None);
            stragglers.end(ms(2_000), work);
        }
        stragglers
    }

    #[test]
    fn late_is_who_takes_longer_than_nine_of_ten_did_for_as_many_tasks() {
        let mut stragglers = experienced();
        stragglers.begin(ms(10_000), 50, KIND, 3, None);
        stragglers.begin(ms(11_000), 51, KIND, 1, None);
        stragglers.begin(ms(9_000), 52, Kind(Address::ZERO, 1), 1, None);
        assert_eq!(stragglers.next_late(ms(11_000)), Some(ms(13_000)));
        assert_eq!(stragglers.late(ms(12_999)), []);
        let late = |took, usual| Late {
            took: ms(took),
            usual: ms(usual),
        };
        assert_eq!(stragglers.late(ms(13_000)), [(51, late(2_000, 2_000))]);
        assert_eq!(stragglers.next_late(ms(13_000)), Some(ms(16_000)));
        assert_eq!(
            stragglers.late(ms(16_000)),
            [(50, late(6_000, 6_000)), (51, late(5_000, 2_000))]
        );
        stragglers.forget(50);
        stragglers.end(ms(17_000), 51);
        assert_eq!(
            stragglers.late(ms(90_000)),
            [],
            "of the other kind nothing is known"
        );
        assert_eq!(stragglers.next_late(ms(90_000)), None);
    }

    #[test]
    fn who_may_answer_with_less_after_a_while_is_late_soon_after() {
        let mut stragglers = experienced();
        stragglers.begin(ms(0), 50, KIND, 64, Some(ms(20_000)));
        assert_eq!(stragglers.next_late(ms(0)), Some(ms(22_000)));
        stragglers.shorten(50, 51, 2);
        assert_eq!(stragglers.next_late(ms(0)), Some(ms(4_000)));
    }

    #[test]
    fn one_in_ten_may_be_asked_twice() {
        let mut stragglers = experienced();
        let mut asked = 0;
        while stragglers.has_credit() {
            stragglers.spend();
            asked += 1;
        }
        assert_eq!(asked, 2, "of twenty");
    }

    #[test]
    fn of_many_kinds_those_are_remembered_that_were_done_lately() {
        let mut stragglers = Stragglers::new();
        for work in 0..KINDS as u64 + 10 {
            stragglers.begin(ms(work), work, Kind(Address::ZERO, work), 1, None);
            stragglers.end(ms(work), work);
        }
        assert_eq!(stragglers.kinds.len(), KINDS);
        assert_eq!(stragglers.kinds.first_key_value().unwrap().0.1, 10);
    }

    proptest! {
        #[test]
        fn nine_of_ten_of_the_last_ones_stay_within_what_is_usual(
            durations in prop::collection::vec(0_u64..5_000, LEAST..400),
        ) {
            let mut known = Durations::default();
            for duration in &durations {
                known.add(ms(*duration));
            }
            let mut last = durations[durations.len().saturating_sub(REMEMBERED)..].to_vec();
            last.sort_unstable();
            let usual = known.usual.unwrap();
            prop_assert!(last.iter().any(|duration| ms(*duration) == usual));
            let within = last.iter().filter(|duration| ms(**duration) <= usual).count();
            let below = last.iter().filter(|duration| ms(**duration) < usual).count();
            prop_assert!(within * 10 >= last.len() * 9, "nine tenths are within");
            prop_assert!(below * 10 < last.len() * 9, "and it is the least such");
        }
    }
}
