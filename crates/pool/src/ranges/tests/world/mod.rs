//! A hub and workers, as simple as can be: they check what the contract would check, and what the pool has promised.

mod hub;
mod workers;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use alloy_primitives::{Address, B256, keccak256};
use canut_protocol::{
    Deal, DealId, Failure, Nrlc, Resource, Tag, Trust,
    range::{
        Content, Member as Counted, Range, Standing, Value,
        audit::{Promise, Rates},
    },
};

pub(super) use workers::{Behaviour, Sim};

use super::super::{
    Capacity, Delivery, Hedges, RangeChain, RangeCommand, RangeDeal, RangeEvent, RangeReport,
    RangeSettings, Ranges, Said, Voting, session::value_of,
};

pub(super) const REF: u64 = 300;
pub(super) const STAKE: u64 = 100;
pub(super) const ID: DealId = DealId(B256::repeat_byte(9));
const START: u64 = 1_000_000;
const OWNER: Address = Address::repeat_byte(0xff);

#[derive(Debug)]
pub(super) struct World {
    pub(super) now: u64,
    settings: RangeSettings,
    pub(super) ranges: Ranges,
    pub(super) mailbox: Vec<RangeCommand>,
    pub(super) sims: Vec<Sim>,
    pub(super) deal: Deal,
    pub(super) settled: BTreeMap<Range, Vec<Counted>>,
    pub(super) failed: BTreeSet<Range>,
    pub(super) posted: BTreeMap<Range, BTreeSet<Value>>,
    /// Every assignment that the pool ever signed.
    pub(super) assignments: BTreeMap<(Range, Address), B256>,
    stored: BTreeSet<(Range, Value)>,
    bond: u64,
    saved: (BTreeMap<DealId, RangeDeal>, BTreeMap<Range, String>),
    restarts: u8,
    /// What the pool told of second workers.
    pub(super) hedges: Hedges,
}

pub(super) fn link(first: u64, contents: &[Content]) -> Option<B256> {
    let all: Vec<u8> = contents
        .iter()
        .flat_map(|content| content.sha256.0)
        .collect();
    Some(keccak256([first.to_be_bytes().as_slice(), &all].concat()))
}

fn settings() -> RangeSettings {
    RangeSettings {
        slow_after: 60,
        ..RangeSettings::new(link)
    }
}

fn matched(deal: Deal, forgotten: bool) -> RangeChain {
    RangeChain::Matched {
        id: ID,
        deal: Box::new(deal),
        time_ref: REF,
        promise: Promise {
            secret: B256::repeat_byte(5),
            rates: Rates::default(),
            stride: 16,
        },
        forgotten,
    }
}

impl World {
    pub(super) fn new(trust: u64, size: u64, bond: u64, behaviours: &[Behaviour]) -> Self {
        Self::with(trust, size, bond, behaviours, |_| {})
    }

    /// A pool with settings of its own.
    pub(super) fn with(
        trust: u64,
        size: u64,
        bond: u64,
        behaviours: &[Behaviour],
        set: impl Fn(&mut RangeSettings),
    ) -> Self {
        let mut settings = settings();
        set(&mut settings);
        let pool = Resource {
            pointer: OWNER,
            owner: OWNER,
            price: Nrlc::from(100),
        };
        let deal = Deal {
            workerpool: pool,
            trust: Trust::new(trust),
            bot_first: 7,
            bot_size: size,
            start_time: START,
            worker_stake: Nrlc::from(STAKE),
            ..Deal::default()
        };
        let sims = (1..).zip(behaviours).map(|(number, behaviour)| Sim {
            address: Address::repeat_byte(number),
            behaviour: *behaviour,
            here: false,
            votes: BTreeMap::new(),
            countersigned: BTreeSet::new(),
        });
        let mut world = Self {
            now: START,
            settings,
            ranges: Ranges::new(settings),
            mailbox: Vec::new(),
            sims: sims.collect(),
            deal: deal.clone(),
            settled: BTreeMap::new(),
            failed: BTreeSet::new(),
            posted: BTreeMap::new(),
            assignments: BTreeMap::new(),
            stored: BTreeSet::new(),
            bond,
            saved: Default::default(),
            restarts: 0,
            hedges: Hedges::default(),
        };
        world.back_all();
        world.join_all();
        world.tell([RangeEvent::Chain(matched(deal, false))]);
        world
    }

    fn back_all(&mut self) {
        let bonds: Vec<_> = self
            .sims
            .iter()
            .map(|sim| {
                let bond =
                    RangeChain::Bonded(sim.address, Nrlc::from(self.bond), Standing::default());
                RangeEvent::Chain(bond)
            })
            .collect();
        self.tell(bonds);
    }

    pub(super) fn tell(&mut self, events: impl IntoIterator<Item = RangeEvent>) {
        let commands = self.ranges.handle(self.now, self.uptime(), events);
        let changes = self.ranges.take_changes();
        self.hedges.begun += changes.hedges.begun;
        self.hedges.won += changes.hedges.won;
        self.saved.0.extend(changes.deals);
        for range in changes.gone {
            self.saved.1.remove(&range);
        }
        for voting in changes.votings {
            self.saved
                .1
                .insert(voting.range, serde_json::to_string(&voting).unwrap());
        }
        self.mailbox.extend(commands);
    }

    fn uptime(&self) -> Duration {
        Duration::from_secs(self.now - START)
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        self.now += seconds;
        self.tell([]);
    }

    /// The pool is killed: orders that were not carried out are lost. It starts with what it wrote down.
    pub(super) fn restart(&mut self) {
        self.restarts += 1;
        self.mailbox.clear();
        self.sims.iter_mut().for_each(|sim| sim.here = false);
        self.ranges = Ranges::new(self.settings);
        let votings: Vec<Voting> = self
            .saved
            .1
            .values()
            .map(|voting| serde_json::from_str(voting).unwrap())
            .collect();
        self.ranges.restore(self.now, self.saved.0.clone(), votings);
        self.back_all();
    }

    /// The pool is killed, and its folder with it: it reads the chain again.
    pub(super) fn forget(&mut self) {
        self.mailbox.clear();
        self.sims.iter_mut().for_each(|sim| sim.here = false);
        self.ranges = Ranges::new(self.settings);
        self.saved = Default::default();
        self.back_all();
        let matched = matched(self.deal.clone(), true);
        let settled = self.settled.keys().copied().map(RangeChain::Settled);
        let past: Vec<_> = [matched].into_iter().chain(settled).collect();
        self.tell(past.into_iter().map(RangeEvent::Chain));
    }

    pub(super) fn join_all(&mut self) {
        (0..self.sims.len()).for_each(|number| self.join(number));
    }

    /// The worker dials in, and says again what it has said before.
    pub(super) fn join(&mut self, number: usize) {
        let sim = &mut self.sims[number];
        sim.here = true;
        let worker = sim.address;
        let capacity = Capacity {
            slots: 1,
            tag: Tag::default(),
            open: 4,
        };
        let mut events = vec![RangeEvent::Session(worker, Said::Joined(capacity))];
        for (range, (vote, ..)) in &sim.votes {
            let said = match sim.countersigned.contains(range) {
                false => Said::Ready {
                    range: *range,
                    sealed: vote.sealed(),
                },
                true if sim.behaviour == Behaviour::Absent => continue,
                true => Said::Committed(*vote),
            };
            events.push(RangeEvent::Session(worker, said));
        }
        self.tell(events);
    }

    /// The worker takes nothing new from now on.
    pub(super) fn rest(&mut self, number: usize) {
        let worker = self.sims[number].address;
        self.tell([RangeEvent::Session(worker, Said::Slots(0))]);
    }

    pub(super) fn leave(&mut self, number: usize) {
        if std::mem::take(&mut self.sims[number].here) {
            let worker = self.sims[number].address;
            self.tell([RangeEvent::Session(worker, Said::Left)]);
        }
    }

    fn sim(&mut self, worker: Address) -> Option<&mut Sim> {
        self.sims
            .iter_mut()
            .find(|sim| sim.address == worker && sim.here)
    }

    /// Carries out the order at `place`, if there is one.
    pub(super) fn run(&mut self, place: usize) -> bool {
        if place >= self.mailbox.len() {
            return false;
        }
        let command = self.mailbox.remove(place);
        self.carry_out(command);
        true
    }

    fn carry_out(&mut self, command: RangeCommand) {
        match command {
            RangeCommand::Offer {
                range,
                worker,
                budget,
                ..
            } => self.on_offer(range, worker, budget),
            RangeCommand::Countersign {
                range,
                worker,
                sealed,
            } => {
                self.countersign(range, worker, sealed);
            }
            RangeCommand::Roster {
                range,
                worker,
                open: true,
            } => {
                self.have_opened(range, worker);
            }
            RangeCommand::Drop { range, worker } => self.on_drop(range, worker),
            RangeCommand::Roster { .. } | RangeCommand::Settled { .. } => {}
            RangeCommand::Plan {
                range,
                worker,
                parts,
            } => self.on_plan(range, worker, &parts),
            RangeCommand::Upload { range, worker } => {
                let Some(sim) = self.sim(worker) else { return };
                let value = sim.votes[&range].1;
                if sim.behaviour != Behaviour::Keeps {
                    self.stored.insert((range, value));
                }
                self.say(worker, Said::Uploaded(range, None));
            }
            RangeCommand::Check {
                range,
                value,
                leaves,
                ..
            } => {
                assert_eq!(value_of(range, &leaves, link), Some(value));
                let report = if self.stored.contains(&(range, value)) {
                    RangeReport::Delivered(Delivery {
                        value,
                        callback: Default::default(),
                        encrypted: None,
                    })
                } else {
                    RangeReport::Undelivered(Failure::UploadWrong)
                };
                self.tell([RangeEvent::Errand(range, report)]);
            }
            RangeCommand::Settle { range } => self.settle(range),
            RangeCommand::Post { range } => self.post(range),
            RangeCommand::Open { range, value } => {
                let opened = self
                    .posted
                    .get_mut(&range)
                    .map(|values| values.insert(value));
                if opened.is_none() {
                    self.tell([RangeEvent::Errand(range, RangeReport::Thwarted)]);
                }
            }
            RangeCommand::Resolve { range, .. } => self.resolve(range),
            RangeCommand::Claim { range } => self.claim(range),
            RangeCommand::Look { workers } => {
                let bond = Nrlc::from(self.bond);
                let facts = workers.into_iter().map(|worker| {
                    RangeEvent::Chain(RangeChain::Bonded(worker, bond, Standing::default()))
                });
                self.tell(facts.collect::<Vec<_>>());
            }
        }
    }

    /// Everything happens that can, and time passes when nothing can, until the deal is over.
    pub(super) fn finish(&mut self) {
        for _ in 0..100_000 {
            if self.is_over() {
                return;
            }
            if !self.step() {
                break;
            }
        }
        panic!(
            "no end in sight at {}: {:#?}",
            self.now - START,
            self.ranges.votings().collect::<Vec<_>>()
        );
    }

    /// The next order is carried out, or time passes until there is one. False when nothing happens any more.
    pub(super) fn step(&mut self) -> bool {
        if self.run(0) {
            return true;
        }
        match self.wake() {
            Some(at) if at <= START + 20 * REF => {
                self.pass(at.saturating_sub(self.now).max(1));
                true
            }
            _ => false,
        }
    }

    /// When there is something to do though nothing happens.
    fn wake(&self) -> Option<u64> {
        let late = self.ranges.wake_late(self.now);
        let late = late.map(|at| START + at.as_secs());
        self.ranges.wake(self.now).into_iter().chain(late).min()
    }

    pub(super) fn is_over(&self) -> bool {
        self.count(self.settled.keys()) + self.count(self.failed.iter()) == self.deal.bot_size
    }

    pub(super) fn certified(&self) -> u64 {
        self.count(self.settled.keys())
    }

    fn count<'a>(&self, ranges: impl Iterator<Item = &'a Range>) -> u64 {
        ranges.map(|range| u64::from(range.count())).sum()
    }

    /// How often each worker was counted as a loser.
    pub(super) fn losers(&self) -> BTreeSet<Address> {
        let members = self.settled.values().flatten();
        let losers = members.filter(|member| matches!(member, Counted::Loser { .. }));
        losers.map(Counted::worker).collect()
    }
}
