//! What bonds, ranges and money must be, worked out with the rules of `canut-protocol` beside the contracts.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

use canut_protocol::range::{Sides, Standing, Terms, money::Payout};
use canut_protocol::{Deal, Nrlc, Trust, deal::Resource};
use canut_tests::market::certificate::{Member, Voter};
use canut_tests::market::{APP_PRICE, DATASET_PRICE, POOL_PRICE, TIME_REF};

/// How many voters play; those below [`HONEST`] never vote but for the right value.
pub(super) const PLAYERS: usize = 14;
/// See [`PLAYERS`].
pub(super) const HONEST: usize = 9;
pub(super) const DAYS: u64 = 172_800;

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Free,
    Open,
    Posted,
    Ended,
}

#[derive(Clone, Debug)]
pub(super) struct Bag {
    pub(super) id: B256,
    pub(super) marked: bool,
    pub(super) trust: u64,
    pub(super) start: u64,
    pub(super) fates: Vec<Fate>,
    pub(super) terms: Terms,
}

impl Bag {
    pub(super) fn new(id: B256, size: usize, marked: bool, trust: u64, start: u64) -> Self {
        let resource = |price| Resource {
            price: Nrlc(price),
            ..Resource::default()
        };
        let deal = Deal {
            app: resource(APP_PRICE),
            dataset: resource(DATASET_PRICE),
            workerpool: resource(POOL_PRICE),
            trust: Trust::from(trust),
            worker_stake: Nrlc(POOL_PRICE * n(30) / n(100)),
            scheduler_reward_ratio: 1,
            ..Deal::default()
        };
        let fates = vec![Fate::Free; size];
        let terms = Terms::of(&deal, TIME_REF).unwrap();
        Self {
            id,
            marked,
            trust,
            start,
            fates,
            terms,
        }
    }

    pub(super) const fn deadline(&self, ratio: u64) -> u64 {
        self.start + ratio * TIME_REF
    }

    pub(super) fn is_free(&self, range: Range) -> bool {
        self.of(range).iter().all(|fate| *fate == Fate::Free)
    }

    fn of(&self, range: Range) -> &[Fate] {
        let first = usize::try_from(range.first).unwrap();
        &self.fates[first..first + usize::try_from(range.count).unwrap()]
    }

    pub(super) fn turn(&mut self, range: Range, fate: Fate) {
        let first = usize::try_from(range.first).unwrap();
        let end = first + usize::try_from(range.count).unwrap();
        for old in &mut self.fates[first..end] {
            assert_ne!(*old, Fate::Ended, "a task ends once");
            *old = fate;
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Standings {
    pub(super) amount: U256,
    pub(super) pending: U256,
    pub(super) posted: U256,
    pub(super) ready_at: u64,
    pub(super) nonce: u64,
    pub(super) free: U256,
    pub(super) standing: Standing,
}

impl Standings {
    fn draw(&mut self, amount: U256) -> U256 {
        let drawn = amount.min(self.amount + self.pending);
        let own = drawn.min(self.amount);
        self.amount -= own;
        self.pending -= drawn - own;
        drawn
    }
}

#[derive(Clone, Debug)]
pub(super) struct Posting {
    pub(super) range: Range,
    pub(super) poster: Actor,
    pub(super) votes: Vec<(Voter, Value, U256, bool)>,
    pub(super) values: Vec<Value>,
    pub(super) over: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Buckets {
    pub(super) epoch: u64,
    pub(super) current: U256,
    pub(super) previous: U256,
}

impl Buckets {
    pub(super) fn touch(&mut self, now: u64) -> U256 {
        let epoch = now / DAYS;
        let before = self.current + self.previous;
        match epoch - self.epoch {
            0 => {}
            1 => {
                self.previous = self.current;
                self.current = U256::ZERO;
            }
            _ => (self.current, self.previous) = (U256::ZERO, U256::ZERO),
        }
        self.epoch = epoch;
        before - self.current - self.previous
    }

    pub(super) fn take(&mut self, time: u64, stake: U256) {
        if time / DAYS == self.epoch {
            self.current -= stake;
        } else {
            self.previous -= stake;
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) bags: Vec<Bag>,
    pub(super) voters: Vec<Standings>,
    pub(super) posts: Vec<Posting>,
    pub(super) faults: BTreeSet<(B256, Address)>,
    pub(super) held: Buckets,
    pub(super) sink: U256,
}

impl Model {
    pub(super) fn new() -> Self {
        let voter = Standings {
            amount: bond(),
            ..Standings::default()
        };
        Self {
            voters: vec![voter; PLAYERS],
            ..Self::default()
        }
    }

    pub(super) fn bag(&self, deal: B256) -> usize {
        self.bags.iter().position(|bag| bag.id == deal).unwrap()
    }

    pub(super) fn risk(&self, range: Range) -> U256 {
        let bag = &self.bags[self.bag(range.deal)];
        let count = u16::try_from(range.count).unwrap();
        bag.terms.risk(count).unwrap().0
    }

    pub(super) fn is_bonded(&self, voter: Voter, risk: U256) -> bool {
        self.voters[voter.0].amount + self.voters[voter.0].pending >= risk
    }

    /// Whether the hub must take this settlement.
    pub(super) fn settles(&self, range: Range, members: &[Member], now: u64) -> bool {
        let bag = &self.bags[self.bag(range.deal)];
        let risk = self.risk(range);
        let mut sides = Sides::new();
        for member in members {
            let weight = self.voters[member.voter().0].standing.weight();
            sides = match member {
                Member::Loser(..) => sides.with_loser(weight),
                Member::Absent(_) => sides.with_absent(weight),
                _ if self.is_bonded(member.voter(), risk) => sides.with_winner(weight),
                _ => return false,
            };
        }
        let in_time = now < bag.deadline(10);
        in_time && bag.is_free(range) && sides.certify(Trust::from(bag.trust))
    }

    /// Does what a settlement does. `value` is the certified one.
    pub(super) fn settle(&mut self, range: Range, value: Value, members: &[Member], now: u64) {
        let risk = self.risk(range);
        let mut forfeited = U256::ZERO;
        for member in members {
            if let Member::Loser(voter, vote) = member {
                assert_ne!(*vote, value, "a right vote never loses");
                if self.faults.insert((range.id(), voter.address())) {
                    forfeited += self.slash(*voter, risk);
                }
            }
        }
        let winners: Vec<Voter> = sorted(members)
            .into_iter()
            .filter(|member| matches!(member, Member::Winner(_)))
            .map(|member| member.voter())
            .collect();
        self.pay(range, &winners, forfeited, false, now);
        let bag = self.bag(range.deal);
        let count = u16::try_from(range.count).unwrap();
        let stake = self.bags[bag].terms.scheduler_stake(count).unwrap().0;
        self.held.touch(now);
        self.held.current += stake;
        self.bags[bag].turn(range, Fate::Ended);
    }

    /// Takes up to `amount` from a bond.
    pub(super) fn slash(&mut self, voter: Voter, amount: U256) -> U256 {
        let state = &mut self.voters[voter.0];
        state.standing = state.standing.slashed();
        state.draw(amount)
    }

    fn pay(&mut self, range: Range, winners: &[Voter], forfeited: U256, stalled: bool, now: u64) {
        let bag = &self.bags[self.bag(range.deal)];
        let weight = |voter: &Voter| self.voters[voter.0].standing.weight().get();
        let shares: Vec<u32> = winners.iter().map(|v| weight(v).ilog2()).collect();
        let count = u16::try_from(range.count).unwrap();
        let split = if stalled {
            Payout::resolve
        } else {
            Payout::settle
        };
        let payout = split(&bag.terms, count, &shares, Nrlc(forfeited)).unwrap();
        for (voter, reward) in winners.iter().zip(&payout.winners) {
            assert!(stalled || reward.bonus <= reward.pay, "framing never pays");
            let state = &mut self.voters[voter.0];
            state.free += reward.pay.0 + reward.bonus.0;
            state.standing = state.standing.rewarded(now, winners.len(), true);
        }
        self.sink += payout.sink.0;
    }

    /// Whether votes can be posted.
    pub(super) fn posts(&self, range: Range, votes: &[(Voter, Value)], now: u64) -> bool {
        let bag = &self.bags[self.bag(range.deal)];
        let in_time = bag.deadline(7) <= now && now < bag.deadline(8);
        let there = self.posts.iter().find(|post| post.range == range);
        let room = there.map_or_else(
            || bag.is_free(range),
            |post| {
                let is_new = |voter: &Voter| post.votes.iter().all(|vote| vote.0 != *voter);
                votes.iter().all(|(voter, _)| is_new(voter))
            },
        );
        let risk = self.risk(range);
        let bonded = votes.iter().all(|(voter, _)| self.is_bonded(*voter, risk));
        in_time && room && bonded && !votes.is_empty()
    }

    pub(super) fn post(&mut self, poster: Actor, range: Range, votes: &[(Voter, Value)]) {
        let risk = self.risk(range);
        let at = self.posts.iter().position(|post| post.range == range);
        let at = at.unwrap_or_else(|| {
            let bag = self.bag(range.deal);
            self.bags[bag].turn(range, Fate::Posted);
            self.posts.push(Posting {
                range,
                poster,
                votes: Vec::new(),
                values: Vec::new(),
                over: false,
            });
            self.posts.len() - 1
        });
        for (voter, value) in votes {
            let state = &mut self.voters[voter.0];
            let stake = state.draw(risk);
            state.posted += stake;
            self.posts[at].votes.push((*voter, *value, stake, false));
        }
    }

    /// Whether a posted range can be counted.
    pub(super) fn resolves(&self, at: usize, now: u64) -> bool {
        let post = &self.posts[at];
        let bag = &self.bags[self.bag(post.range.deal)];
        let all = post.votes.iter().all(|vote| vote.3);
        !post.over && now >= bag.deadline(if all { 8 } else { 9 })
    }

    /// Counts a posted range; says whether it was certified.
    pub(super) fn resolve(&mut self, at: usize, now: u64) -> Option<Value> {
        self.posts[at].over = true;
        let post = self.posts[at].clone();
        let bag = self.bag(post.range.deal);
        self.bags[bag].turn(post.range, Fate::Ended);
        let mut votes: BTreeMap<Value, usize> = BTreeMap::new();
        for vote in post.votes.iter().filter(|vote| vote.3) {
            *votes.entry(vote.1).or_default() += 1;
        }
        // Of the values with most votes, the one that was opened first.
        let best = post.values.iter().rev().max_by_key(|value| votes[*value]);
        let certified = best.copied().filter(|best| {
            let sides = post.votes.iter().fold(Sides::new(), |sides, vote| {
                let weight = self.voters[vote.0.0].standing.weight();
                match vote.3 && vote.1 == *best {
                    true => sides.with_winner(weight),
                    false => sides.with_loser(weight),
                }
            });
            sides.certify(Trust::from(self.bags[bag].trust))
        });
        let (mut winners, mut forfeited) = (Vec::new(), U256::ZERO);
        for (voter, value, stake, opened) in post.votes {
            let lost = certified.map_or(!opened, |best| !opened || value != best);
            assert!(
                !lost || Some(value) != certified,
                "a right vote never loses"
            );
            if !lost {
                winners.push(voter);
            }
            let state = &mut self.voters[voter.0];
            state.posted -= stake;
            if lost && self.faults.insert((post.range.id(), voter.address())) {
                state.standing = state.standing.slashed();
                forfeited += stake;
            } else {
                state.amount += stake;
            }
        }
        if certified.is_none() {
            self.sink += forfeited;
            return None;
        }
        let stalled = post.poster != Actor::Scheduler;
        self.pay(post.range, &winners, forfeited, stalled, now);
        certified
    }
}

pub(super) fn sorted(members: &[Member]) -> Vec<Member> {
    let mut members = members.to_vec();
    members.sort_by_key(|member| member.voter().address());
    members
}
