//! The workers: who is here, what they can do, who is free.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use canut_protocol::{Score, Tag, TaskId, Weight};
use rand::{RngExt, rngs::StdRng};

use super::event::Ability;

/// Draws among all free workers before they are sorted out one by one.
const DRAWS: usize = 8;

/// What the pool knows of its workers.
#[derive(Debug, Default)]
pub(super) struct Roster {
    scores: BTreeMap<Address, Score>,
    /// Tasks of each worker that are not over, whether it is here or not.
    tasks: BTreeMap<Address, BTreeSet<TaskId>>,
    present: BTreeMap<Address, Present>,
    /// Present workers with a free slot, in no order, so that one can be drawn in constant time.
    free: Vec<Address>,
    benched: BTreeSet<(u64, Address)>,
}

#[derive(Debug)]
struct Present {
    ability: Ability,
    busy: BTreeSet<TaskId>,
    benched: bool,
    place: Option<usize>,
}

impl Roster {
    pub(super) fn weight(&self, worker: Address) -> Weight {
        self.scores
            .get(&worker)
            .copied()
            .unwrap_or_default()
            .weight()
    }

    pub(super) fn score(&mut self, worker: Address, score: Score) {
        self.scores.insert(worker, score);
    }

    pub(super) fn is_here(&self, worker: Address) -> bool {
        self.present.contains_key(&worker)
    }

    pub(super) fn here(&self) -> usize {
        self.present.len()
    }

    /// The worker is here. It replaces an older session of the same worker.
    pub(super) fn join(&mut self, worker: Address, ability: Ability, busy: BTreeSet<TaskId>) {
        self.leave(worker);
        let present = Present {
            ability,
            busy,
            benched: false,
            place: None,
        };
        self.present.insert(worker, present);
        self.refresh(worker);
    }

    /// The worker has so many slots from now on.
    pub(super) fn resize(&mut self, worker: Address, slots: u32) {
        if let Some(present) = self.present.get_mut(&worker) {
            present.ability.slots = slots;
        }
        self.unbench(worker);
    }

    pub(super) fn leave(&mut self, worker: Address) {
        if let Some(present) = self.present.remove(&worker)
            && let Some(place) = present.place
        {
            self.vacate(place);
        }
        self.benched.retain(|(_, benched)| *benched != worker);
    }

    /// Tasks of the worker that are not over.
    pub(super) fn tasks(&self, worker: Address) -> Vec<TaskId> {
        self.tasks
            .get(&worker)
            .into_iter()
            .flatten()
            .copied()
            .collect()
    }

    /// The worker has to do with the task from now on.
    pub(super) fn attach(&mut self, worker: Address, task: TaskId) {
        self.tasks.entry(worker).or_default().insert(task);
    }

    /// The worker has nothing to do with the task any more.
    pub(super) fn detach(&mut self, worker: Address, task: TaskId) {
        self.release(worker, task);
        if let Some(tasks) = self.tasks.get_mut(&worker) {
            tasks.remove(&task);
            if tasks.is_empty() {
                self.tasks.remove(&worker);
            }
        }
    }

    /// The task takes one of the worker's slots.
    pub(super) fn occupy(&mut self, worker: Address, task: TaskId) {
        if let Some(present) = self.present.get_mut(&worker) {
            present.busy.insert(task);
            self.refresh(worker);
        }
    }

    /// The task no longer takes a slot. Whether it did.
    pub(super) fn release(&mut self, worker: Address, task: TaskId) -> bool {
        let Some(present) = self.present.get_mut(&worker) else {
            return false;
        };
        let was_busy = present.busy.remove(&task);
        self.refresh(worker);
        was_busy
    }

    /// Draws nobody's name until `until`: the worker said that it cannot take tasks now.
    pub(super) fn bench(&mut self, worker: Address, until: u64) {
        if let Some(present) = self.present.get_mut(&worker) {
            present.benched = true;
            self.benched.insert((until, worker));
            self.refresh(worker);
        }
    }

    /// Lets the worker be drawn again.
    pub(super) fn unbench(&mut self, worker: Address) {
        self.benched.retain(|(_, benched)| *benched != worker);
        if let Some(present) = self.present.get_mut(&worker) {
            present.benched = false;
            self.refresh(worker);
        }
    }

    /// Lets those be drawn again whose time on the bench is over at `now`.
    pub(super) fn unbench_due(&mut self, now: u64) {
        while let Some((until, worker)) = self.benched.first().copied()
            && until <= now
        {
            self.unbench(worker);
        }
    }

    /// When somebody leaves the bench next.
    pub(super) fn next_unbench(&self) -> Option<u64> {
        self.benched.first().map(|(until, _)| *until)
    }

    /// Free slots of workers that satisfy `tag`.
    pub(super) fn free_slots(&self, tag: Tag) -> usize {
        let free = self
            .free
            .iter()
            .filter_map(|worker| self.present.get(worker));
        free.filter(|present| present.ability.tag.contains(tag))
            .map(Present::free)
            .sum()
    }

    pub(super) fn nobody_is_free(&self) -> bool {
        self.free.is_empty()
    }

    /// Draws one of the free workers that satisfy `tag` and `fits`, each with the same chance.
    pub(super) fn draw(
        &self,
        rng: &mut StdRng,
        tag: Tag,
        fits: impl Fn(Address) -> bool,
    ) -> Option<Address> {
        let able = |worker: &Address| {
            let present = self.present.get(worker);
            present.is_some_and(|present| present.ability.tag.contains(tag)) && fits(*worker)
        };
        if self.free.is_empty() {
            return None;
        }
        for _ in 0..DRAWS {
            let worker = self.free[rng.random_range(..self.free.len())];
            if able(&worker) {
                return Some(worker);
            }
        }
        let able: Vec<_> = self.free.iter().copied().filter(able).collect();
        (!able.is_empty()).then(|| able[rng.random_range(..able.len())])
    }

    /// Puts the worker on the list of the free, or takes it off.
    fn refresh(&mut self, worker: Address) {
        let Some(present) = self.present.get_mut(&worker) else {
            return;
        };
        let is_free = !present.benched && present.free() > 0;
        match (is_free, present.place) {
            (true, None) => {
                present.place = Some(self.free.len());
                self.free.push(worker);
            }
            (false, Some(place)) => {
                present.place = None;
                self.vacate(place);
            }
            _ => {}
        }
    }

    fn vacate(&mut self, place: usize) {
        self.free.swap_remove(place);
        if let Some(moved) = self.free.get(place)
            && let Some(present) = self.present.get_mut(moved)
        {
            present.place = Some(place);
        }
    }
}

impl Present {
    fn free(&self) -> usize {
        (self.ability.slots as usize).saturating_sub(self.busy.len())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn worker(number: u8) -> Address {
        Address::repeat_byte(number)
    }

    fn task(number: u8) -> TaskId {
        TaskId([number; 32].into())
    }

    fn roster(workers: u8, slots: u32) -> Roster {
        let mut roster = Roster::default();
        for number in 1..=workers {
            let ability = Ability {
                slots,
                tag: Tag::default(),
            };
            roster.join(worker(number), ability, BTreeSet::new());
        }
        roster
    }

    #[test]
    fn everyone_free_is_drawn_and_nobody_else() {
        let mut roster = roster(12, 1);
        roster.occupy(worker(3), task(1));
        roster.bench(worker(4), 100);
        roster.leave(worker(5));
        let mut rng = StdRng::seed_from_u64(1);
        let mut seen = BTreeSet::new();
        for _ in 0..500 {
            seen.insert(
                roster
                    .draw(&mut rng, Tag::default(), |w| w != worker(6))
                    .unwrap(),
            );
        }
        let expected: BTreeSet<_> = (1..=12)
            .filter(|number| !(3..=6).contains(number))
            .map(worker)
            .collect();
        assert_eq!(seen, expected);

        roster.release(worker(3), task(1));
        roster.unbench_due(100);
        assert_eq!(roster.free_slots(Tag::default()), 11);
    }

    #[test]
    fn a_slot_is_used_once() {
        let mut roster = roster(1, 2);
        let mut rng = StdRng::seed_from_u64(1);
        roster.occupy(worker(1), task(1));
        roster.occupy(worker(1), task(1));
        assert_eq!(roster.free_slots(Tag::default()), 1);
        roster.occupy(worker(1), task(2));
        assert!(roster.nobody_is_free());
        assert_eq!(roster.draw(&mut rng, Tag::default(), |_| true), None);
    }

    #[test]
    fn a_worker_that_takes_no_more_tasks_is_not_drawn_until_it_does() {
        let mut roster = roster(1, 2);
        let mut rng = StdRng::seed_from_u64(1);
        roster.occupy(worker(1), task(1));
        roster.resize(worker(1), 0);
        assert_eq!(roster.draw(&mut rng, Tag::default(), |_| true), None);
        roster.release(worker(1), task(1));
        assert!(roster.nobody_is_free());
        roster.bench(worker(1), 100);
        roster.resize(worker(1), 1);
        assert_eq!(
            roster.draw(&mut rng, Tag::default(), |_| true),
            Some(worker(1))
        );
    }
}
