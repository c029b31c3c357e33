//! A worker's standing in one pool, from which its votes get their weight.

use serde::{Deserialize, Serialize};

use crate::{Trust, Weight};

/// The highest score.
pub const MAX_SCORE: u8 = 32;

const DAY: u64 = 86_400;

/// What a worker has earned in one pool: a score, and when it last grew. It is worth nothing in another pool (R1, R2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Standing {
    score: u8,
    last_gain: u32,
}

impl Standing {
    /// Score, at most [`MAX_SCORE`], and the day (since the epoch) of its last growth, as the hub keeps them.
    pub fn new(score: u8, last_gain: u32) -> Self {
        Self {
            score: score.min(MAX_SCORE),
            last_gain,
        }
    }

    /// Days on which the worker was right in this pool, since it was last wrong: 0 to 32.
    pub const fn score(self) -> u8 {
        self.score
    }

    /// Day of the last growth, in days since the epoch; 0 for never.
    pub const fn last_gain(self) -> u32 {
        self.last_gain
    }

    /// `2 + ⌊score/4⌋`: 2 to 10 (R1).
    pub const fn weight(self) -> Weight {
        weight(self.score)
    }

    /// After a settlement at `now` seconds that the worker was a winner of. One more, once a day at most, if there were at
    /// least two winners, and both the workerpool price and the stake are not zero (R2). At the highest score nothing changes.
    #[must_use]
    pub fn rewarded(self, now: u64, winners: usize, paid: bool) -> Self {
        // The hub keeps 24 bits of the day: enough for 45 000 years.
        let today = u32::try_from(now / DAY).unwrap_or(u32::MAX);
        if winners < 2 || !paid || today <= self.last_gain || self.score >= MAX_SCORE {
            return self;
        }
        Self {
            score: self.score + 1,
            last_gain: today,
        }
    }

    /// After a wrong vote, two different ones, or one that nobody opened (R2).
    #[must_use]
    pub const fn slashed(self) -> Self {
        Self { score: 0, ..self }
    }
}

const fn weight(score: u8) -> Weight {
    match Weight::new(2 + score as u64 / 4) {
        Some(weight) => weight,
        None => Weight::FRESH,
    }
}

impl Weight {
    /// How many workers of this weight certify a value at `trust` in the certificate way, when nobody dissents: at least one.
    /// `None` for weight 1, of which no number is enough above trust 1.
    pub fn unanimous_members(self, trust: Trust) -> Option<u32> {
        let mut product = alloy_primitives::U256::from(self.get());
        let mut members = 1;
        while product < trust.in_deal().0 {
            if self.get() < 2 {
                return None;
            }
            product = product.saturating_mul(alloy_primitives::U256::from(self.get()));
            members += 1;
        }
        Some(members)
    }
}
