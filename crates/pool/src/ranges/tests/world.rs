//! A hub and workers, as simple as can be: they check what the contract would check, and what the pool has promised.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, FixedBytes, keccak256};
use canut_protocol::{
    Deal, DealId, Failure, Nrlc, Resource, Tag, Trust,
    range::{
        Codec, Commitment, Content, Leaf, Member as Counted, Range, Sides, Standing, Terms, Value,
        Vote,
        audit::{Promise, Rates},
    },
    signature::CompactSignature,
};

use super::super::{
    Capacity, Delivery, Phase, RangeChain, RangeCommand, RangeDeal, RangeEvent, RangeReport,
    RangeSettings, Ranges, Said, Voting, session::value_of,
};

pub(super) const REF: u64 = 300;
pub(super) const STAKE: u64 = 100;
pub(super) const ID: DealId = DealId(B256::repeat_byte(9));
const START: u64 = 1_000_000;
const OWNER: Address = Address::repeat_byte(0xff);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behaviour {
    Honest,
    /// Finds only a part of what it is offered, in time.
    Slow,
    /// Finds something else than anyone, for every task.
    Wrong,
    /// Finds something else than anyone for one task in eight.
    Sloppy,
    /// Votes with somebody else's seal.
    Copies,
    /// Says that it has a vote, and never shows it.
    Absent,
    /// Votes, and never says what for.
    Withholds,
    /// Takes ranges and does nothing.
    Idle,
    /// Cannot do what the requester wants.
    Unable,
}

#[derive(Debug)]
pub(super) struct Sim {
    pub(super) address: Address,
    pub(super) behaviour: Behaviour,
    pub(super) here: bool,
    votes: BTreeMap<Range, (Vote, Value, Vec<Leaf>)>,
    countersigned: BTreeSet<Range>,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) now: u64,
    pub(super) ranges: Ranges,
    pub(super) mailbox: Vec<RangeCommand>,
    pub(super) sims: Vec<Sim>,
    pub(super) deal: Deal,
    pub(super) settled: BTreeMap<Range, Vec<Counted>>,
    pub(super) failed: BTreeSet<Range>,
    posted: BTreeMap<Range, BTreeSet<Value>>,
    /// Every assignment that the pool ever signed.
    pub(super) assignments: BTreeMap<(Range, Address), B256>,
    stored: BTreeSet<(Range, Value)>,
    bond: u64,
    saved: (BTreeMap<DealId, RangeDeal>, BTreeMap<Range, String>),
    restarts: u8,
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

fn leaf(index: u64, by: Address) -> Leaf {
    let found = keccak256([index.to_be_bytes().as_slice(), by.as_slice()].concat());
    Leaf {
        digest: found,
        content: Content {
            codec: Codec::Raw,
            sha256: found,
        },
    }
}

/// A signature that nobody checks here: another one for every worker and vote.
fn sign(worker: Address, commitment: &Commitment) -> CompactSignature {
    let seed = keccak256(
        [
            worker.as_slice(),
            commitment.range.id().0.as_slice(),
            commitment.seal.as_slice(),
        ]
        .concat(),
    );
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(seed.as_slice());
    bytes[33..].copy_from_slice(&seed[1..]);
    CompactSignature::try_from(FixedBytes(bytes)).unwrap()
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
            ranges: Ranges::new(settings()),
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
        let commands = self.ranges.handle(self.now, events);
        let changes = self.ranges.take_changes();
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

    pub(super) fn pass(&mut self, seconds: u64) {
        self.now += seconds;
        self.tell([]);
    }

    /// The pool is killed: orders that were not carried out are lost. It starts with what it wrote down.
    pub(super) fn restart(&mut self) {
        self.restarts += 1;
        self.mailbox.clear();
        self.sims.iter_mut().for_each(|sim| sim.here = false);
        self.ranges = Ranges::new(settings());
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
        self.ranges = Ranges::new(settings());
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
            RangeCommand::Roster { .. }
            | RangeCommand::Drop { .. }
            | RangeCommand::Settled { .. } => {}
            RangeCommand::Plan {
                range,
                worker,
                parts,
            } => self.on_plan(range, worker, &parts),
            RangeCommand::Upload { range, worker } => {
                let Some(sim) = self.sim(worker) else { return };
                let value = sim.votes[&range].1;
                self.stored.insert((range, value));
                self.say(worker, Said::Uploaded(range));
            }
            RangeCommand::Check {
                range,
                value,
                leaves,
            } => {
                assert_eq!(value_of(range, &leaves, link), Some(value));
                let report = if self.stored.contains(&(range, value)) {
                    RangeReport::Delivered(Delivery {
                        value,
                        callback: Default::default(),
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

    fn say(&mut self, worker: Address, said: Said) {
        self.tell([RangeEvent::Session(worker, said)]);
    }

    fn on_offer(&mut self, range: Range, worker: Address, budget: Option<u64>) {
        let deal = self.deal.clone();
        let Some(sim) = self.sim(worker) else { return };
        assert!(range.is_within(&deal));
        match sim.behaviour {
            Behaviour::Idle => return,
            Behaviour::Unable => {
                return self.say(worker, Said::Failed(range, Failure::InputRefused));
            }
            _ => {}
        }
        let shorter = budget.is_some() && sim.behaviour == Behaviour::Slow;
        let count = if shorter {
            range.count().div_ceil(2)
        } else {
            range.count()
        };
        let range = Range::new(range.deal(), range.first(), count.into()).unwrap();
        let liar = sim.behaviour;
        let leaves = range.indices().map(|index| match liar {
            Behaviour::Wrong => leaf(index, worker),
            Behaviour::Sloppy if index % 8 == 1 => leaf(index, worker),
            _ => leaf(index, Address::ZERO),
        });
        let leaves: Vec<_> = leaves.collect();
        self.ready(range, worker, leaves);
    }

    fn ready(&mut self, range: Range, worker: Address, leaves: Vec<Leaf>) {
        let value = value_of(range, &leaves, link).unwrap();
        let victim = self.sims[0].address;
        let Some(sim) = self.sim(worker) else { return };
        let owner = if sim.behaviour == Behaviour::Copies {
            victim
        } else {
            worker
        };
        let commitment = Commitment {
            range,
            enclave: Address::ZERO,
            seal: value.seal(owner, range.id()),
        };
        let vote = Vote {
            worker,
            commitment,
            signature: sign(worker, &commitment),
        };
        // A vote is signed once.
        let (vote, ..) = sim.votes.entry(range).or_insert((vote, value, leaves));
        let sealed = vote.sealed();
        self.say(worker, Said::Ready { range, sealed });
    }

    fn countersign(&mut self, range: Range, worker: Address, sealed: B256) {
        let known = self.assignments.insert((range, worker), sealed);
        assert!(
            known.is_none_or(|known| known == sealed),
            "two assignments for one vote"
        );
        assert!(
            self.ranges
                .voting(&range)
                .is_none_or(|voting| voting.member(worker).is_some())
        );
        self.check_risk(worker);
        let Some(sim) = self.sim(worker) else { return };
        sim.countersigned.insert(range);
        if sim.behaviour == Behaviour::Absent {
            return;
        }
        let vote = sim.votes[&range].0;
        self.say(worker, Said::Committed(vote));
    }

    /// What the worker can lose in all its open votes is within its bond (§5.2).
    fn check_risk(&self, worker: Address) {
        let terms = Terms::of(&self.deal, REF).unwrap();
        let over = |range: &Range| {
            self.settled
                .keys()
                .chain(&self.failed)
                .any(|settled| settled.overlaps(range))
        };
        let open = self
            .assignments
            .keys()
            .filter(|(range, who)| *who == worker && !over(range));
        let risk = Nrlc::sum(open.map(|(range, _)| terms.risk(range.count()).unwrap())).unwrap();
        assert!(risk <= Nrlc::from(self.bond), "{worker} risks {risk}");
    }

    fn have_opened(&mut self, range: Range, worker: Address) {
        let Some(sim) = self.sim(worker) else { return };
        if matches!(sim.behaviour, Behaviour::Withholds | Behaviour::Copies) {
            return;
        }
        let (_, value, leaves) = sim.votes[&range].clone();
        self.stored.insert((range, value));
        self.say(
            worker,
            Said::Opened {
                range,
                value,
                leaves,
            },
        );
    }

    fn on_plan(&mut self, range: Range, worker: Address, parts: &[Range]) {
        let Some(sim) = self.sim(worker) else { return };
        let Some((_, _, leaves)) = sim.votes.get(&range).cloned() else {
            return;
        };
        for part in parts {
            let from = usize::from(range.position(part.first()).unwrap());
            let leaves = leaves[from..from + usize::from(part.count())].to_vec();
            self.ready(*part, worker, leaves);
        }
    }

    fn is_taken(&self, range: Range) -> bool {
        let over = self
            .settled
            .keys()
            .chain(&self.failed)
            .chain(self.posted.keys());
        over.into_iter().any(|other| other.overlaps(&range))
    }

    /// What the hub checks, and what nobody could prove against the pool afterwards.
    fn settle(&mut self, range: Range) {
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
    fn check_omission(&self, range: Range, members: &[Counted]) {
        for (other, worker) in self.assignments.keys() {
            let listed = members.iter().any(|member| member.worker() == *worker);
            assert!(
                !other.overlaps(&range) || listed,
                "{worker} can prove that it was left out"
            );
        }
    }

    fn post(&mut self, range: Range) {
        assert!((START + 7 * REF..START + 8 * REF).contains(&self.now));
        if self.is_taken(range) {
            return self.tell([RangeEvent::Errand(range, RangeReport::Thwarted)]);
        }
        self.posted.insert(range, BTreeSet::new());
        self.tell([RangeEvent::Chain(RangeChain::Posted(range))]);
    }

    fn resolve(&mut self, range: Range) {
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

    fn claim(&mut self, range: Range) {
        assert!(self.now >= START + 10 * REF);
        if self.is_taken(range) {
            return self.tell([RangeEvent::Errand(range, RangeReport::Thwarted)]);
        }
        self.failed.insert(range);
        self.tell([RangeEvent::Chain(RangeChain::Failed(range))]);
    }

    /// Everything happens that can, and time passes when nothing can, until the deal is over.
    pub(super) fn finish(&mut self) {
        for _ in 0..100_000 {
            if self.is_over() {
                return;
            }
            if self.run(0) {
                continue;
            }
            match self.ranges.wake(self.now) {
                Some(at) if at <= START + 20 * REF => self.pass(at.saturating_sub(self.now).max(1)),
                _ => break,
            }
        }
        panic!(
            "no end in sight at {}: {:#?}",
            self.now - START,
            self.ranges.votings().collect::<Vec<_>>()
        );
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
