//! The workers: who is here, who is free, what backs their votes.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use canut_protocol::{
    Nrlc, Tag, Weight,
    range::{Range, Standing},
};

use super::event::Capacity;
use crate::Idle;

/// What the pool knows of its workers.
#[derive(Debug, Default)]
pub(super) struct Crew {
    backing: BTreeMap<Address, Backing>,
    present: BTreeMap<Address, Present>,
    /// What each worker has at risk in this pool, by range. The sum never exceeds its bond (§5.2).
    risks: BTreeMap<Address, BTreeMap<Range, Nrlc>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Backing {
    bond: Nrlc,
    standing: Standing,
}

#[derive(Debug)]
struct Present {
    capacity: Capacity,
    computing: BTreeSet<Range>,
    benched_until: u64,
}

impl Present {
    /// Why the worker cannot be asked for anything.
    fn obstacle(&self, now: u64) -> Option<Idle> {
        if self.capacity.slots == 0 {
            Some(Idle::Benched)
        } else if self.computing.len() >= self.capacity.slots {
            Some(Idle::Busy)
        } else if self.benched_until > now {
            Some(Idle::Benched)
        } else {
            None
        }
    }
}

/// What a range asks of a worker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need {
    pub(super) tag: Tag,
    pub(super) risk: Nrlc,
}

impl Crew {
    pub(super) fn weight(&self, worker: Address) -> Weight {
        self.backing
            .get(&worker)
            .copied()
            .unwrap_or_default()
            .standing
            .weight()
    }

    /// The chain says what a worker's votes are worth.
    pub(super) fn back(&mut self, worker: Address, bond: Nrlc, standing: Standing) {
        self.backing.insert(worker, Backing { bond, standing });
    }

    pub(super) fn join(&mut self, worker: Address, capacity: Capacity) {
        let present = Present {
            capacity,
            computing: BTreeSet::new(),
            benched_until: 0,
        };
        self.present.insert(worker, present);
    }

    /// The worker has so many slots from now on.
    pub(super) fn resize(&mut self, worker: Address, slots: usize) {
        if let Some(present) = self.present.get_mut(&worker) {
            present.capacity.slots = slots;
            present.benched_until = 0;
        }
    }

    /// Whether the worker is here and takes no tasks.
    pub(super) fn rests(&self, worker: Address) -> bool {
        let present = self.present.get(&worker);
        present.is_some_and(|present| present.capacity.slots == 0)
    }

    pub(super) fn leave(&mut self, worker: Address) {
        self.present.remove(&worker);
    }

    pub(super) fn is_here(&self, worker: Address) -> bool {
        self.present.contains_key(&worker)
    }

    pub(super) fn here(&self) -> usize {
        self.present.len()
    }

    /// Slots of all workers that are here.
    pub(super) fn slots(&self) -> usize {
        self.present
            .values()
            .map(|present| present.capacity.slots)
            .sum()
    }

    /// The range takes one of the worker's slots.
    pub(super) fn occupy(&mut self, worker: Address, range: Range) {
        if let Some(present) = self.present.get_mut(&worker) {
            present.computing.insert(range);
        }
    }

    /// The range no longer takes a slot, nor does one that was to be longer: a worker may answer with the beginning of what it was
    /// asked for.
    pub(super) fn release(&mut self, worker: Address, range: Range) {
        let begin = |range: &Range| (range.deal(), range.first());
        if let Some(present) = self.present.get_mut(&worker) {
            present
                .computing
                .retain(|held| begin(held) != begin(&range));
        }
    }

    /// Whether the range takes one of the worker's slots.
    pub(super) fn is_computing(&self, worker: Address, range: Range) -> bool {
        self.present
            .get(&worker)
            .is_some_and(|present| present.computing.contains(&range))
    }

    /// Asks the worker for nothing until `until`.
    pub(super) fn bench(&mut self, worker: Address, until: u64) {
        if let Some(present) = self.present.get_mut(&worker) {
            present.benched_until = until;
        }
    }

    /// When the next worker leaves the bench, after `now`.
    pub(super) fn next_unbench(&self, now: u64) -> Option<u64> {
        let benched = self.present.values().map(|present| present.benched_until);
        benched.filter(|until| *until > now).min()
    }

    /// The worker's bond answers for its vote on `range` from now on.
    pub(super) fn stake(&mut self, worker: Address, range: Range, risk: Nrlc) {
        self.risks.entry(worker).or_default().insert(range, risk);
    }

    /// Nothing that happens to `range` can cost the worker anything any more.
    pub(super) fn absolve(&mut self, worker: Address, range: Range) {
        if let Some(risks) = self.risks.get_mut(&worker) {
            risks.remove(&range);
            if risks.is_empty() {
                self.risks.remove(&worker);
            }
        }
    }

    /// What the worker has at risk.
    pub(super) fn at_risk(&self, worker: Address) -> Nrlc {
        let risks = self
            .risks
            .get(&worker)
            .into_iter()
            .flat_map(BTreeMap::values);
        Nrlc::sum(risks.copied()).unwrap_or(Nrlc(alloy_primitives::U256::MAX))
    }

    /// The ranges on which the worker has something at risk.
    pub(super) fn ranges(&self, worker: Address) -> Vec<Range> {
        self.risks
            .get(&worker)
            .into_iter()
            .flat_map(BTreeMap::keys)
            .copied()
            .collect()
    }

    /// Whether the worker's bond can answer for so much more.
    pub(super) fn can_risk(&self, worker: Address, more: Nrlc) -> bool {
        let bond = self.bond(worker);
        self.at_risk(worker).plus(more).is_ok_and(|sum| sum <= bond)
    }

    /// The workers that can be asked for a range now.
    pub(super) fn free(&self, now: u64, need: Need) -> impl Iterator<Item = Address> + '_ {
        self.present
            .iter()
            .filter(move |(worker, present)| {
                present.obstacle(now).is_none()
                    && self.obstacle_to(**worker, present, need).is_none()
            })
            .map(|(worker, _)| *worker)
    }

    /// Why the worker cannot be asked for anything.
    pub(super) fn obstacle(&self, now: u64, worker: Address) -> Option<Idle> {
        match self.present.get(&worker) {
            Some(present) => present.obstacle(now),
            None => Some(Idle::Away),
        }
    }

    /// Why the worker cannot be asked for a range that needs so much, if it could be asked for others.
    pub(super) fn unfit(&self, worker: Address, need: Need) -> Option<Idle> {
        let present = self.present.get(&worker)?;
        self.obstacle_to(worker, present, need)
    }

    fn obstacle_to(&self, worker: Address, present: &Present, need: Need) -> Option<Idle> {
        if !present.capacity.tag.contains(need.tag) {
            Some(Idle::Tag)
        } else if self.open(worker) >= present.capacity.open {
            Some(Idle::Votes)
        } else if !self.can_risk(worker, need.risk) {
            Some(Idle::Bond)
        } else {
            None
        }
    }

    /// The workers that are here, in the order of their addresses.
    pub(super) fn everybody(&self) -> impl Iterator<Item = Address> + '_ {
        self.present.keys().copied()
    }

    /// The workers that are here and satisfy the tag, free or not.
    pub(super) fn able(&self, tag: Tag) -> impl Iterator<Item = Address> + '_ {
        let able = move |present: &Present| present.capacity.tag.contains(tag);
        self.present
            .iter()
            .filter(move |(_, present)| able(present))
            .map(|(worker, _)| *worker)
    }

    /// The workers that are here and could be asked for a range, once they are free.
    pub(super) fn fit(&self, need: Need) -> impl Iterator<Item = Address> + '_ {
        let fit = move |worker: Address, present: &Present| {
            let Capacity {
                slots, open, tag, ..
            } = present.capacity;
            slots > 0 && open > 0 && tag.contains(need.tag) && self.bond(worker) >= need.risk
        };
        self.present
            .iter()
            .filter(move |(worker, present)| fit(**worker, present))
            .map(|(worker, _)| *worker)
    }

    /// Slots of the worker, and what it computes.
    pub(super) fn work(&self, worker: Address) -> (usize, Vec<Range>) {
        self.present
            .get(&worker)
            .map_or((0, Vec::new()), |present| {
                let computing = present.computing.iter().copied().collect();
                (present.capacity.slots, computing)
            })
    }

    /// What the worker has bonded.
    pub(super) fn bond(&self, worker: Address) -> Nrlc {
        self.backing
            .get(&worker)
            .map_or(Nrlc::ZERO, |backing| backing.bond)
    }

    /// Whether somebody who is here has a free slot.
    pub(super) fn somebody_is_free(&self, now: u64) -> bool {
        self.present
            .values()
            .any(|present| present.obstacle(now).is_none())
    }

    /// How many ranges may be voted on at once, each by `members` workers and with so much at risk, so that every one of them
    /// can be finished: whoever is needed must not be held up by others that wait for him.
    pub(super) fn room(&self, need: Need, members: usize) -> usize {
        let each: Vec<_> = self
            .present
            .iter()
            .filter(|(_, present)| {
                present.capacity.slots > 0 && present.capacity.tag.contains(need.tag)
            })
            .map(|(worker, present)| present.capacity.open.min(self.times(*worker, need.risk)))
            .filter(|places| *places > 0)
            .collect();
        let Some(least) = each.iter().copied().min() else {
            return 0;
        };
        // With places for `least` ranges each worker can be in all of them. With twice the workers that a range needs, half
        // of all places can be taken, and still for every range there is somebody with a place left.
        let members = members.max(1);
        if members * 2 > each.len() {
            return least;
        }
        least.max(each.len() * least / (2 * members))
    }

    /// How often the worker's bond holds `risk`.
    fn times(&self, worker: Address, risk: Nrlc) -> usize {
        self.bond(worker)
            .0
            .checked_div(risk.0)
            .map_or(usize::MAX, |times| times.saturating_to())
    }

    /// Ranges that the worker votes on, and that are not paid.
    pub(super) fn open(&self, worker: Address) -> usize {
        self.risks.get(&worker).map_or(0, BTreeMap::len)
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;
    use canut_protocol::DealId;

    use super::*;

    #[test]
    fn who_answers_with_the_beginning_of_a_range_is_free_for_another() {
        let (mut crew, worker) = (Crew::default(), Address::repeat_byte(1));
        let range = |first, count| Range::new(DealId(B256::ZERO), first, count).unwrap();
        let capacity = Capacity {
            slots: 2,
            tag: Tag::default(),
            open: 8,
        };
        crew.join(worker, capacity);
        crew.occupy(worker, range(0, 64));
        crew.occupy(worker, range(64, 64));
        crew.release(worker, range(0, 20));
        assert!(!crew.is_computing(worker, range(0, 64)));
        assert!(crew.is_computing(worker, range(64, 64)));
    }
}
