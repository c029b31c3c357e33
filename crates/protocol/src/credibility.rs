//! Credibility: how many workers must agree before a result is certified.
//!
//! A worker who was right often weighs more. The weights of workers that voted the same multiply, and a result is certified
//! at trust *T* when its group holds more than 1 − 1/*T* of the credibility of all groups (Sarmenta, *Sabotage-tolerance
//! mechanisms for volunteer computing systems*, 2001; integers as in PoCo 6.2.0, consensus rule).

use std::{collections::BTreeMap, fmt, num::NonZeroU64};

use alloy_primitives::{B256, U256};
use serde::{Deserialize, Serialize};

use crate::{Overflow, json};

/// How often a worker was right, less what wrong votes cost him.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Score(pub u64);

impl Score {
    /// After a right vote next to at least one other: one more (PoCo 6.2.0, `finalize`).
    #[must_use]
    pub const fn rewarded(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// After a wrong, unrevealed or rejected vote: two thirds, rounded down (PoCo 6.2.0, `finalize`).
    #[must_use]
    pub const fn penalised(self) -> Self {
        // floor(2s/3) without leaving 64 bits.
        Self(self.0 / 3 * 2 + self.0 % 3 * 2 / 3)
    }

    /// `max(⌊score/3⌋, 3) − 1`, so never below 2 (PoCo 6.2.0, `contribute`).
    pub const fn weight(self) -> Weight {
        let third = if self.0 / 3 > 3 { self.0 / 3 } else { 3 };
        Weight(NonZeroU64::MIN.saturating_add(third - 2))
    }
}

/// What the vote of one worker multiplies the credibility of its group by; at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(NonZeroU64);

impl Weight {
    /// The weight of a worker nobody knows: 2.
    pub const FRESH: Self = Score(0).weight();

    /// `weight`, unless it is zero.
    pub const fn new(weight: u64) -> Option<Self> {
        match NonZeroU64::new(weight) {
            Some(weight) => Some(Self(weight)),
            None => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// `⌊log₂ weight⌋`: the worker's part in the reward, and the weight that `viewContribution` shows (PoCo 6.2.0).
    pub const fn log2(self) -> u32 {
        self.0.ilog2()
    }
}

/// How sure a requester wants to be: a result certified at trust *T* is wrong with probability 1/*T* at most, if workers err
/// independently. 0 and 1 accept the first vote.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Trust(#[serde(with = "json::uint")] pub U256);

impl Trust {
    /// The first vote decides.
    pub const ONE: Self = Self(U256::ONE);

    /// Trust `level`.
    pub const fn new(level: u64) -> Self {
        Self(U256::from_limbs([level, 0, 0, 0]))
    }

    /// What a deal stores: at least 1 (PoCo 6.2.0, `matchOrders`).
    #[must_use]
    pub fn in_deal(self) -> Self {
        self.max(Self::ONE)
    }

    /// Votes of `weight` needed when nobody dissents: the least n ≥ 1 with weightⁿ > *T* − 1. `None` when no number of such
    /// votes is enough, or the contract's arithmetic overflows before.
    pub fn unanimous_votes(self, weight: Weight) -> Option<u32> {
        Tally::new().votes_missing(B256::ZERO, weight, self)
    }
}

impl From<u64> for Trust {
    fn from(level: u64) -> Self {
        Self::new(level)
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Bits of a group's weight on chain. PoCo 6.2.0 has 256; the difference is eight doublings.
const GROUP_BITS: usize = 240;

/// Most different results that one task can be voted on chain.
const MAX_GROUPS: usize = 255;

/// The votes on one task, by group: a group is all votes for one result hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    groups: BTreeMap<B256, U256>,
    total: U256,
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

impl Tally {
    /// No vote yet; the total starts at 1 (PoCo 6.2.0, `initialize`).
    pub const fn new() -> Self {
        Self {
            groups: BTreeMap::new(),
            total: U256::ONE,
        }
    }

    /// Counts a vote: `g' = max(g, 1) × weight`, `total' = total + g' − g` (PoCo 6.2.0, `contribute`). Nothing changes on
    /// overflow: when the group would leave 240 bits, or would be the 256th.
    pub fn vote(&mut self, hash: B256, weight: Weight) -> Result<(), Overflow> {
        let before = self.group(hash);
        let after = before
            .max(U256::ONE)
            .checked_mul(U256::from(weight.get()))
            .filter(|product| product.bit_len() <= GROUP_BITS)
            .ok_or(Overflow)?;
        if !self.groups.contains_key(&hash) && self.groups.len() == MAX_GROUPS {
            return Err(Overflow);
        }
        self.total = self.total.checked_add(after - before).ok_or(Overflow)?;
        self.groups.insert(hash, after);
        Ok(())
    }

    /// Empties the group of `hash`, whose result nobody would reveal (PoCo 6.2.0, `reopen`).
    pub fn reject(&mut self, hash: B256) {
        if let Some(group) = self.groups.get_mut(&hash) {
            self.total -= *group;
            *group = U256::ZERO;
        }
    }

    /// Product of the weights of the votes for `hash`; zero without votes.
    pub fn group(&self, hash: B256) -> U256 {
        self.groups.get(&hash).copied().unwrap_or_default()
    }

    /// One, plus the sum of all groups.
    pub const fn total(&self) -> U256 {
        self.total
    }

    /// Whether `hash` is certified at `trust`: `group × T > total × (T − 1)`, strictly (PoCo 6.2.0, consensus rule).
    /// The contract asks this of the hash just voted for; a hash without votes is never certified.
    pub fn certified(&self, hash: B256, trust: Trust) -> Result<bool, Overflow> {
        let trust = trust.in_deal().0;
        let group = self.group(hash).checked_mul(trust).ok_or(Overflow)?;
        let bar = self.total.checked_mul(trust - U256::ONE).ok_or(Overflow)?;
        Ok(group > bar)
    }

    /// The share of `hash` in the credibility of all groups, 0 to 1, for people to read.
    pub fn share(&self, hash: B256) -> f64 {
        f64::from(self.group(hash)) / f64::from(self.total)
    }

    /// Further votes of `weight` for `hash` until it is certified at `trust`, if all agree; 0 when it is already. `None` when
    /// no number of them is enough before the arithmetic overflows.
    pub fn votes_missing(&self, hash: B256, weight: Weight, trust: Trust) -> Option<u32> {
        let mut tally = self.clone();
        for votes in 0.. {
            if tally.certified(hash, trust).ok()? {
                return Some(votes);
            }
            let before = tally.group(hash);
            tally.vote(hash, weight).ok()?;
            if tally.group(hash) == before {
                return None;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
