//! Random calls of both ways on the same deals, each foreseen by the model.
//!
//! `CERTIFICATE_CALLS` says how many calls to make, `CERTIFICATE_SEED` where to start.

mod checks;
mod evidence;
mod ranges;

use super::model::{Bag, Fate, HONEST, Model, PLAYERS, sorted};
use super::*;
use std::collections::BTreeMap;

use canut_tests::abi::{Hub, Settled};
use canut_tests::market::certificate::{Member, Voter, compact};
use canut_tests::market::{APP_PRICE, DATASET_PRICE, DEPOSIT, KITTY, POOL_PRICE, digest, task_id};
use canut_tests::outcome::Outcome;

const RELAY: Actor = Actor::Worker(7);
const DAY: u64 = 86_400;
const PER_MARKET: u64 = 400;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    const fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        let sides = of.len() as u64;
        (sides > 0).then(|| of[usize::try_from(self.roll(sides)).unwrap()].clone())
    }
}

/// A settled range, and who was listed.
#[derive(Clone)]
struct Done {
    range: Range,
    value: Value,
    told: Settled,
    time: u64,
    listed: BTreeMap<Voter, bool>, // whether as absent only
}

struct Play {
    m: Market,
    model: Model,
    dice: Dice,
    done: Vec<Done>,
    /// What workers of the open way have at stake, by task.
    open: BTreeMap<B256, Vec<Actor>>,
    kitty: U256,
    reached: BTreeMap<&'static str, (u64, u64)>,
}

fn play(seed: u64) -> Play {
    let mut m = Market::deploy(Side::Canut, Coin::Canut).unwrap();
    m.bond(0..PLAYERS, bond());
    Play {
        m,
        model: Model::new(),
        dice: Dice(seed),
        done: Vec::new(),
        open: BTreeMap::new(),
        kitty: U256::ZERO,
        reached: BTreeMap::new(),
    }
}

impl Play {
    fn now(&self) -> u64 {
        self.m.world.time()
    }

    /// Whether a call did what the model says.
    fn foreseen(&mut self, what: &'static str, outcome: &Outcome, expected: bool) {
        let count = self.reached.entry(what).or_default();
        *(if expected { &mut count.0 } else { &mut count.1 }) += 1;
        let done = outcome.result.is_ok();
        assert_eq!(done, expected, "{what}: {:?}", outcome.result);
        for event in outcome.events::<Hub::Reward>(self.m.hub) {
            if event.owner == KITTY {
                self.kitty += event.amount;
            }
        }
        for event in outcome.events::<Hub::Seize>(self.m.hub) {
            if event.owner == KITTY {
                self.kitty -= event.amount;
            }
        }
    }

    fn range(&mut self) -> Option<Range> {
        let recent = self.model.bags.len().saturating_sub(4);
        let bag = self.dice.pick(&self.model.bags[recent..])?;
        let size = bag.fates.len() as u64;
        let first = self.dice.roll(size);
        let count = 1 + self.dice.roll(size - first);
        Some(range(bag.id, first, count))
    }

    fn vote(&mut self, voter: usize) -> Value {
        match voter {
            honest if honest < HONEST => right(),
            _ => self.value(),
        }
    }

    fn step(&mut self) {
        match self.dice.roll(32) {
            0..=1 => self.deal(),
            2..=7 => self.settle(),
            8..=10 => self.post(),
            11..=14 => self.open(),
            15..=16 => self.resolve(),
            17 => self.claim_range(),
            18..=19 => self.bonds(),
            20 => self.slash_loser(),
            21 => self.slash_equivocation(),
            22 => self.slash_omission(),
            23 => self.release(),
            24 => self.materialise(),
            25..=28 => self.open_way(),
            _ => self.wait(),
        }
    }

    fn deal(&mut self) {
        let size = [1, 1, 3, 12][usize::try_from(self.dice.roll(4)).unwrap()];
        let trust = [1, 2, 4, 8, 20][usize::try_from(self.dice.roll(5)).unwrap()];
        let mut orders = self.m.orders().volume(size).trust(trust);
        let is_marked = self.dice.roll(3) > 0;
        if is_marked {
            orders = orders.marked();
        }
        let id = self.m.deal(orders);
        let size = usize::try_from(size).unwrap();
        let start = self.now();
        let bag = Bag::new(id, size, is_marked, trust, start);
        self.model.bags.push(bag);
    }

    fn bonds(&mut self) {
        let who = usize::try_from(self.dice.roll(PLAYERS as u64)).unwrap();
        let (workerpool, worker) = (self.m.pool, Voter(who).address());
        let amount = n(self.dice.roll(20)) * RLC;
        let now = self.now();
        let state = &mut self.model.voters[who];
        match self.dice.roll(3) {
            0 => {
                state.amount += amount;
                let call = Hub::bondForCall {
                    workerpool,
                    worker,
                    amount,
                };
                let done = self.m.send(Actor::Requester, call);
                self.foreseen("bondFor", &done, true);
            }
            1 => {
                let expected = amount <= state.amount;
                let deadline = now + 1;
                let digest = self.m.unbonding(workerpool, amount, state.nonce, deadline);
                if expected {
                    state.amount -= amount;
                    state.pending += amount;
                    state.ready_at = now + 604_800;
                    state.nonce += 1;
                }
                let call = Hub::unbondForCall {
                    worker,
                    workerpool,
                    amount,
                    deadline: n(deadline),
                    sign: Voter(who).sign(digest),
                };
                let done = self.m.send(RELAY, call);
                self.foreseen("unbondFor", &done, expected);
            }
            _ => {
                let expected = now >= state.ready_at;
                if expected {
                    state.free += state.pending;
                    state.pending = U256::ZERO;
                }
                let done = self
                    .m
                    .send(RELAY, Hub::withdrawBondCall { workerpool, worker });
                self.foreseen("withdrawBond", &done, expected);
            }
        }
    }

    fn open_way(&mut self) {
        let Some(Range { deal, first, .. }) = self.range() else {
            return;
        };
        let one = range(deal, first, 1);
        let at = self.model.bag(deal);
        let fate = self.model.bags[at].fates[usize::try_from(first).unwrap()];
        let task = task_id(deal, first);
        let worker = Actor::Worker(usize::try_from(self.dice.roll(4)).unwrap());
        let act = self.dice.roll(7);
        let outcome = match act {
            0..=1 => self.m.try_initialize(deal, first),
            2..=3 => self.m.contribute(task, worker, digest("r")),
            4 => self.m.reveal(task, worker, digest("r")),
            5 => self.m.finalize(task, "r"),
            _ => self.m.claim(task),
        };
        let ok = outcome.result.is_ok();
        self.foreseen("the open way", &outcome, ok);
        if !ok {
            return;
        }
        assert!(matches!(fate, Fate::Free | Fate::Open), "{act} on {fate:?}");
        match act {
            2..=3 => {
                self.open.entry(task).or_default().push(worker);
                self.model.bags[at].turn(one, Fate::Open);
            }
            5..=6 => {
                self.open.remove(&task);
                self.model.bags[at].turn(one, Fate::Ended);
            }
            _ => {}
        }
    }

    /// A little, or to about a deadline.
    fn wait(&mut self) {
        let recent = self.model.bags.len().saturating_sub(3);
        let bag = self.dice.pick(&self.model.bags[recent..]);
        let now = self.now();
        let to = match (self.dice.roll(4), bag) {
            (0, _) | (_, None) => now + self.dice.roll(DAY),
            (1, _) => (now / DAY + 1) * DAY - 1 + self.dice.roll(3),
            (_, Some(bag)) => bag.deadline(7 + self.dice.roll(4)) - 1 + self.dice.roll(3),
        };
        self.m.world.set_time(to.max(now));
    }
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

#[test]
fn whatever_is_called_both_ways_together_do_what_the_rules_say() {
    let calls = setting("CERTIFICATE_CALLS", 3_000);
    let mut seed = setting("CERTIFICATE_SEED", 1);
    let (mut made, mut reached) = (0, BTreeMap::<&str, (u64, u64)>::new());
    while made < calls {
        println!("seed {seed}");
        let mut play = play(seed);
        let mut own = 0;
        while own < PER_MARKET {
            play.step();
            play.check();
            own = play.reached.values().map(|(yes, no)| yes + no).sum();
        }
        play.finish();
        made += own;
        seed += 1;
        for (what, (yes, no)) in play.reached {
            let sum = reached.entry(what).or_default();
            *sum = (sum.0 + yes, sum.1 + no);
        }
    }
    println!("{made} calls, done and refused: {reached:?}");
    for (what, (yes, _)) in reached {
        assert!(yes > 0, "no play got {what} done");
    }
}
