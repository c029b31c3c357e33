//! Random calls of both ways on the same deals, each foreseen by the model.
//!
//! `CERTIFICATE_CALLS` says how many calls to make, `CERTIFICATE_SEED` where to start.

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

    fn value(&mut self) -> Value {
        match self.dice.roll(6) {
            0 => wrong(),
            1 => Value::named("third"),
            _ => right(),
        }
    }

    fn vote(&mut self, voter: usize) -> Value {
        match voter {
            honest if honest < HONEST => right(),
            _ => self.value(),
        }
    }

    fn voters(&mut self) -> Vec<usize> {
        let most = 1 + self.dice.roll(10);
        let mut all: Vec<usize> = (0..PLAYERS).collect();
        let take = |dice: &mut Dice| usize::try_from(dice.roll(1 << 32)).unwrap();
        (0..most)
            .map(|_| {
                let at = take(&mut self.dice) % all.len();
                all.swap_remove(at)
            })
            .collect()
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

    fn settle(&mut self) {
        let Some(range) = self.range() else { return };
        let value = self.value();
        let mut members = Vec::new();
        for voter in self.voters() {
            let vote = self.vote(voter);
            members.push(match self.dice.roll(12) {
                0 => Member::Absent(Voter(voter)),
                _ if vote == value => Member::Winner(Voter(voter)),
                _ => Member::Loser(Voter(voter), vote),
            });
        }
        let now = self.now();
        let expected = self.model.settles(range, &members, now);
        let done = self.m.settle(range, value, &members);
        self.foreseen("settle", &done, expected);
        if !expected {
            return;
        }
        self.model.settle(range, value, &members, now);
        let listed = sorted(&members).into_iter();
        let listed = listed.map(|m| (m.voter(), matches!(m, Member::Absent(_))));
        self.done.push(Done {
            range,
            value,
            told: self.m.settled(&done),
            time: now,
            listed: listed.collect(),
        });
    }

    fn post(&mut self) {
        let posted: Vec<_> = self.model.posts.iter().map(|post| post.range).collect();
        let again = self.dice.roll(3) == 0;
        let found = if again {
            self.dice.pick(&posted)
        } else {
            self.range()
        };
        let Some(range) = found else { return };
        let mut votes = Vec::new();
        for voter in self.voters() {
            votes.push((Voter(voter), self.vote(voter)));
        }
        let poster = if self.dice.roll(3) == 0 {
            Actor::Scheduler
        } else {
            RELAY
        };
        let expected = self.model.posts(range, &votes, self.now());
        let done = self.m.post(poster, range, &votes);
        self.foreseen("post", &done, expected);
        if expected {
            self.model.post(poster, range, &votes);
        }
    }

    /// One of the last posted ranges.
    fn posting(&mut self) -> Option<usize> {
        let (all, last) = (self.model.posts.len(), 5);
        let places: Vec<usize> = (all.saturating_sub(last)..all).collect();
        self.dice.pick(&places)
    }

    fn open(&mut self) {
        let Some(at) = self.posting() else { return };
        let (value, now) = (self.value(), self.now());
        let post = &self.model.posts[at];
        let bag = &self.model.bags[self.model.bag(post.range.deal)];
        let in_time = bag.deadline(8) <= now && now < bag.deadline(9);
        let some = post.votes.iter().any(|vote| vote.1 == value && !vote.3);
        let range = post.range;
        let done = self.m.open(RELAY, range, value);
        self.foreseen("open", &done, in_time && some);
        if in_time && some {
            let post = &mut self.model.posts[at];
            for vote in post.votes.iter_mut().filter(|vote| vote.1 == value) {
                vote.3 = true;
            }
            post.values.push(value);
        }
    }

    fn resolve(&mut self) {
        let Some(at) = self.posting() else { return };
        let now = self.now();
        let expected = self.model.resolves(at, now);
        let range = self.model.posts[at].range;
        let done = self.m.resolve(RELAY, range);
        self.foreseen("resolve", &done, expected);
        if !expected {
            return;
        }
        let certified = self.model.resolve(at, now);
        let found = done.events::<Hub::RangeSettled>(self.m.hub).len();
        assert_eq!(found, usize::from(certified.is_some()));
        if let Some(value) = certified {
            let votes = &self.model.posts[at].votes;
            let listed = votes.iter().map(|vote| (vote.0, false)).collect();
            self.done.push(Done {
                range,
                value,
                told: self.m.settled(&done),
                time: now,
                listed,
            });
        }
    }

    fn claim_range(&mut self) {
        let Some(range) = self.range() else { return };
        let at = self.model.bag(range.deal);
        let bag = &self.model.bags[at];
        let expected = self.now() >= bag.deadline(10) && bag.is_free(range);
        let done = self.m.claim_range(range);
        self.foreseen("claimRange", &done, expected);
        if expected {
            self.model.bags[at].turn(range, Fate::Ended);
        }
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

    fn recent(&mut self) -> Option<Done> {
        let recent = self.done.len().saturating_sub(6);
        self.dice.pick(&self.done[recent..])
    }

    fn slash_loser(&mut self) {
        let Some(done) = self.recent() else { return };
        let who = usize::try_from(self.dice.roll(PLAYERS as u64)).unwrap();
        let (voter, vote) = (Voter(who), self.vote(who));
        let bag = &self.model.bags[self.model.bag(done.range.deal)];
        let in_time = self.now() <= done.time.min(bag.deadline(10)) + 2 * DAY;
        let fault = (done.range.id(), voter.address());
        let expected = in_time
            && vote != done.value
            && done.listed.get(&voter).copied().unwrap_or(true)
            && !self.model.faults.contains(&fault);
        let (s, v) = (done.told.clone(), self.m.evidence(done.range, voter, vote));
        let outcome = self.m.send(RELAY, Hub::slashLoserCall { s, v });
        self.foreseen("slashLoser", &outcome, expected);
        if expected {
            self.model.faults.insert(fault);
            let risk = self.model.risk(done.range);
            let taken = self.model.slash(voter, risk);
            self.model.sink += taken;
        }
    }

    /// Only liars vote twice.
    fn slash_equivocation(&mut self) {
        let posted: Vec<_> = self.model.posts.iter().map(|post| post.range).collect();
        let settled: Vec<_> = self.done.iter().map(|done| done.range).collect();
        let any: Vec<_> = self.range().into_iter().collect();
        let from = [&posted, &settled, &any][usize::try_from(self.dice.roll(3)).unwrap()];
        let Some(range) = self.dice.pick(&from[from.len().saturating_sub(4)..]) else {
            return;
        };
        let liars = (PLAYERS - HONEST) as u64;
        let voter = Voter(HONEST + usize::try_from(self.dice.roll(liars)).unwrap());
        let bag = &self.model.bags[self.model.bag(range.deal)];
        let fault = (range.id(), voter.address());
        let in_time = self.now() <= bag.deadline(10) + 2 * DAY;
        let expected = in_time && !self.model.faults.contains(&fault);
        let [a, b] = [right(), wrong()].map(|value| self.m.evidence(range, voter, value));
        let before = self.m.account(RELAY).stake;
        let call = Hub::slashEquivocationCall { a, b };
        let outcome = self.m.send(RELAY, call);
        self.foreseen("slashEquivocation", &outcome, expected);
        if !expected {
            return;
        }
        self.model.faults.insert(fault);
        let open = self.model.posts.iter_mut();
        let open = open.filter(|post| post.range == range && !post.over);
        for vote in open.flat_map(|post| &mut post.votes) {
            if vote.0 == voter {
                let state = &mut self.model.voters[voter.0];
                state.posted -= vote.2;
                state.amount += std::mem::take(&mut vote.2);
            }
        }
        let risk = self.model.risk(range);
        let taken = self.model.slash(voter, risk);
        self.model.sink += taken - taken / n(5);
        assert_eq!(self.m.account(RELAY).stake - before, taken / n(5));
    }

    fn slash_omission(&mut self) {
        let Some(done) = self.recent() else { return };
        let who = usize::try_from(self.dice.roll(PLAYERS as u64)).unwrap();
        let worker = Voter(who).address();
        let now = self.now();
        let fault = (done.range.id(), Address::ZERO);
        let expected = done.told.way == 1
            && now <= done.time + 2 * DAY
            && !done.listed.contains_key(&Voter(who))
            && !self.model.faults.contains(&fault);
        let sealed = B256::ZERO;
        let word = self.m.assignment(done.range, worker, sealed);
        let call = Hub::slashOmissionCall {
            s: done.told,
            first: n(done.range.first),
            count: n(done.range.count),
            worker,
            sealed,
            sign: compact(&Actor::Scheduler.sign(word)),
        };
        let outcome = self.m.send(RELAY, call);
        self.foreseen("slashOmission", &outcome, expected);
        if expected {
            self.model.faults.insert(fault);
            self.model.held.touch(now);
            let stake = POOL_PRICE * n(30) / n(100) * n(done.range.count);
            self.model.held.take(done.time, stake);
        }
    }

    fn release(&mut self) {
        let (workerpool, scheduler) = (self.m.pool, Actor::Scheduler.address());
        let call = Hub::releaseHeldCall {
            workerpool,
            scheduler,
        };
        let outcome = self.m.send(RELAY, call);
        self.foreseen("releaseHeld", &outcome, true);
        let now = self.now();
        self.model.held.touch(now);
    }

    fn materialise(&mut self) {
        let Some(done) = self.recent() else { return };
        let index = done.range.first + self.dice.roll(done.range.count);
        let task = task_id(done.range.deal, index);
        let bag = &self.model.bags[self.model.bag(done.range.deal)];
        let known = !bag.marked || self.m.task(task).resultDigest != B256::ZERO;
        // A neighbour may have brought the link, and the task been initialized by somebody: then it can still be done.
        let call = Hub::materialiseCall {
            dealid: done.range.deal,
            idx: n(index),
            s: done.told,
        };
        let outcome = self.m.send(RELAY, call);
        let ok = outcome.result.is_ok();
        assert!(ok || known, "{:?}", outcome.result);
        assert!(bag.marked || !ok, "an unmarked task needs none");
        self.foreseen("materialise", &outcome, ok);
        let (by_id, by_place) = (self.m.task(task), self.m.task_at(done.range.deal, index));
        assert_eq!(by_id, by_place);
        assert_eq!(by_id.resultDigest, done.value.link);
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

    fn check(&self) {
        let (m, model) = (&self.m, &self.model);
        for (who, state) in model.voters.iter().enumerate() {
            let (account, bond) = (m.account(Voter(who).address()), m.bond_of(Voter(who)));
            assert_eq!(account.stake, state.free, "free of voter {who}");
            let locked = state.amount + state.pending + state.posted;
            assert_eq!(account.locked, locked, "locked of voter {who}");
            assert_eq!((bond.bond, bond.pending), (state.amount, state.pending));
            assert_eq!(bond.score, n(state.standing.score().into()));
        }
        assert_eq!(m.account(SINK).stake, model.sink);
        assert_eq!(m.account(KITTY).locked, self.kitty);
        let unfinished = |bag: &Bag| bag.fates.iter().filter(|f| **f != Fate::Ended).count();
        let unfinished: usize = model.bags.iter().map(unfinished).sum();
        let unfinished = n(unfinished as u64);
        let price = APP_PRICE + DATASET_PRICE + POOL_PRICE;
        assert_eq!(m.account(Actor::Requester).locked, price * unfinished);
        let stake = POOL_PRICE * n(30) / n(100);
        let held = model.held.current + model.held.previous;
        let scheduler = m.account(Actor::Scheduler).locked;
        assert_eq!(scheduler, stake * unfinished + held);
        for worker in (0..4).map(Actor::Worker) {
            let votes = self.open.values().flatten();
            let votes = votes.filter(|voter| **voter == worker).count();
            assert_eq!(m.account(worker).locked, stake * n(votes as u64));
        }
        self.check_sum();
    }

    /// What everybody has is all there is.
    fn check_sum(&self) {
        let people = Actor::all().map(Actor::address);
        let voters = (0..PLAYERS).map(|voter| Voter(voter).address());
        let everybody: Vec<Address> = people.chain(voters).chain([KITTY, SINK]).collect();
        let accounts = self.m.views(
            everybody
                .iter()
                .map(|account| Hub::viewAccountCall { account: *account }),
        );
        let free: U256 = accounts.iter().map(|account| account.stake).sum();
        let locked: U256 = accounts.iter().map(|account| account.locked).sum();
        assert_eq!(self.m.account(self.m.hub).stake, locked);
        let people = n(Actor::all().count() as u64 - 1);
        assert_eq!(free + locked, DEPOSIT * people, "nothing is made or lost");
    }

    /// In the end every task ended in one way, and nothing stays locked but bonds and stakes that can be contested.
    fn finish(&mut self) {
        let last = self.now() + 10 * canut_tests::market::TIME_REF;
        self.m.world.set_time(last);
        for at in 0..self.model.posts.len() {
            if self.model.posts[at].over {
                continue;
            }
            let range = self.model.posts[at].range;
            self.m.resolve(RELAY, range).succeeds();
            self.model.resolve(at, last);
        }
        for at in 0..self.model.bags.len() {
            for index in 0..self.model.bags[at].fates.len() {
                let (id, fate) = (self.model.bags[at].id, self.model.bags[at].fates[index]);
                let one = range(id, index as u64, 1);
                let outcome = match fate {
                    Fate::Free => self.m.claim_range(one),
                    Fate::Open => self.m.claim(task_id(id, index as u64)),
                    _ => continue,
                };
                self.open.remove(&task_id(id, index as u64));
                self.foreseen("the end", &outcome, true);
                self.model.bags[at].turn(one, Fate::Ended);
            }
        }
        self.check();
        assert_eq!(self.m.account(Actor::Requester).locked, U256::ZERO);
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
