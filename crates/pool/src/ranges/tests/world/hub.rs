//! What the hub does with the pool's transactions, and what it checks.

use std::collections::BTreeSet;

use canut_protocol::range::{Member as Counted, Range, Sides, Standing};

use super::{
    super::super::{Phase, RangeChain, RangeEvent, RangeReport},
    REF, START, World,
};

impl World {
    pub(super) fn is_taken(&self, range: Range) -> bool {
        let over = self
            .settled
            .keys()
            .chain(&self.failed)
            .chain(self.posted.keys());
        over.into_iter().any(|other| other.overlaps(&range))
    }

    /// What the hub checks, and what nobody could prove against the pool afterwards.
    pub(super) fn settle(&mut self, range: Range) {
        let voting = self.ranges.voting(&range).unwrap().clone();
        let Phase::Settling(value) = voting.phase else {
            panic!("{:?}", voting.phase)
        };
        if self.is_taken(range) {
            return self.tell([RangeEvent::Errand(range, RangeReport::Thwarted)]);
        }
        assert!(self.now < START + 10 * REF);
        let members = voting.account(value);
        self.check_omission(range, &members);
        let weight = Standing::default().weight();
        let sides = members
            .iter()
            .fold(Sides::new(), |sides, member| match member {
                Counted::Loser { .. } => sides.with_loser(weight),
                Counted::Absent { .. } => sides.with_absent(weight),
                _ => sides.with_winner(weight),
            });
        assert!(sides.certify(self.deal.trust), "{members:?}");
        self.settled.insert(range, members);
        self.tell([RangeEvent::Chain(RangeChain::Settled(range))]);
    }

    /// Everyone whom the pool countersigned on a range with a task in common is accounted for.
    pub(super) fn check_omission(&self, range: Range, members: &[Counted]) {
        for (other, worker) in self.assignments.keys() {
            let listed = members.iter().any(|member| member.worker() == *worker);
            assert!(
                !other.overlaps(&range) || listed,
                "{worker} can prove that it was left out"
            );
        }
    }

    pub(super) fn post(&mut self, range: Range) {
        assert!((START + 7 * REF..START + 8 * REF).contains(&self.now));
        if self.is_taken(range) {
            return self.tell([RangeEvent::Errand(range, RangeReport::Thwarted)]);
        }
        self.posted.insert(range, BTreeSet::new());
        self.tell([RangeEvent::Chain(RangeChain::Posted(range))]);
    }

    pub(super) fn resolve(&mut self, range: Range) {
        assert!(self.now >= START + 9 * REF);
        let Some(values) = self.posted.remove(&range) else {
            return;
        };
        let voting = self.ranges.voting(&range).unwrap().clone();
        let winner = values.into_iter().find(|value| {
            let weight = Standing::default().weight();
            let sides = voting
                .account(*value)
                .iter()
                .fold(Sides::new(), |sides, member| match member {
                    Counted::Winner { .. } => sides.with_winner(weight),
                    Counted::Loser { .. } => sides.with_loser(weight),
                    _ => sides,
                });
            sides.certify(self.deal.trust)
        });
        let event = match winner {
            Some(value) => {
                self.settled.insert(range, voting.account(value));
                RangeChain::Settled(range)
            }
            None => {
                self.failed.insert(range);
                RangeChain::Failed(range)
            }
        };
        self.tell([RangeEvent::Chain(event)]);
    }

    pub(super) fn claim(&mut self, range: Range) {
        assert!(self.now >= START + 10 * REF);
        if self.is_taken(range) {
            return self.tell([RangeEvent::Errand(range, RangeReport::Thwarted)]);
        }
        self.failed.insert(range);
        self.tell([RangeEvent::Chain(RangeChain::Failed(range))]);
    }
}
