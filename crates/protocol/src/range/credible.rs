//! When votes certify a value.

use alloy_primitives::{U256, uint};

use crate::{Trust, Weight};

/// Most members of a settlement.
pub const MAX_MEMBERS: usize = 32;

/// Most votes that can be posted on a range.
pub const MAX_POSTS: usize = 48;

/// What every member weighs in a dispute (R4).
pub const FLAT_WEIGHT: u64 = 2;

/// The least trust that decides a dispute (R4).
pub const FLAT_TRUST: Trust = Trust::new(10);

/// The highest trust this way settles at: 2⁶⁴.
pub const MAX_TRUST: Trust = Trust(uint!(0x10000000000000000_U256));

/// Products of weights are cut here; 48 weights of 10 stay below.
const MAX_PRODUCT: U256 = uint!(0x10000000000000000000000000000000000000000_U256);

/// Whether votes whose weights have the product `p` certify their value at `trust`, against others whose product is `q`, 1 if
/// there are none: `p·T > (1 + p + (q > 1 ? q : 0))·(T − 1)` (R3). Never at a trust above [`MAX_TRUST`].
///
/// Against nobody this is `p ≥ T`. All others count as one coalition.
pub fn credible(p: U256, q: U256, trust: Trust) -> bool {
    let (p, q) = (p.min(MAX_PRODUCT), q.min(MAX_PRODUCT));
    let trust = trust.in_deal();
    if trust > MAX_TRUST {
        return false;
    }
    p * trust.0 > whole(p, q) * (trust.0 - U256::ONE)
}

fn whole(p: U256, q: U256) -> U256 {
    U256::ONE + p + against(q)
}

fn against(q: U256) -> U256 {
    if q > U256::ONE { q } else { U256::ZERO }
}

/// Who is for a value and who is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides {
    winners: (U256, usize),
    others: (U256, usize),
    dissent: bool,
}

impl Default for Sides {
    fn default() -> Self {
        Self::new()
    }
}

impl Sides {
    /// Nobody.
    pub const fn new() -> Self {
        Self {
            winners: (U256::ONE, 0),
            others: (U256::ONE, 0),
            dissent: false,
        }
    }

    /// A vote for the value.
    #[must_use]
    pub fn with_winner(mut self, weight: Weight) -> Self {
        multiply(&mut self.winners, weight);
        self
    }

    /// A vote for another value.
    #[must_use]
    pub fn with_loser(mut self, weight: Weight) -> Self {
        multiply(&mut self.others, weight);
        self.dissent = true;
        self
    }

    /// A vote that was countersigned and never shown.
    #[must_use]
    pub fn with_absent(mut self, weight: Weight) -> Self {
        multiply(&mut self.others, weight);
        self
    }

    /// Product of the weights for the value. In a dispute every weight counts 2 (R4).
    pub fn p(&self) -> U256 {
        self.product(self.winners)
    }

    /// Product of the weights not for the value; 1 when there are none. In a dispute every weight counts 2 (R4).
    pub fn q(&self) -> U256 {
        self.product(self.others)
    }

    /// Votes for the value.
    pub const fn winners(&self) -> usize {
        self.winners.1
    }

    /// Whether there is a vote for another value.
    pub const fn is_dispute(&self) -> bool {
        self.dissent
    }

    /// The trust that the votes must reach: in a dispute at least [`FLAT_TRUST`] (R4).
    pub fn required(&self, trust: Trust) -> Trust {
        let trust = trust.in_deal();
        if self.dissent {
            trust.max(FLAT_TRUST)
        } else {
            trust
        }
    }

    /// Whether the value is certified at `trust`: somebody votes for it, and the votes are [`credible`].
    pub fn certify(&self, trust: Trust) -> bool {
        self.winners.1 > 0 && credible(self.p(), self.q(), self.required(trust))
    }

    /// The highest trust that the votes reach: `⌊(p + q)/(1 + q)⌋`, `q` zero without others. Zero without winners.
    pub fn reached(&self) -> Trust {
        if self.winners.1 == 0 {
            return Trust(U256::ZERO);
        }
        let against = against(self.q());
        Trust(((self.p() + against) / (U256::ONE + against)).min(MAX_TRUST.0))
    }

    /// Further votes of `weight` for the value until it is certified at `trust`; 0 when it is. `None` when no number is enough.
    pub fn missing(&self, weight: Weight, trust: Trust) -> Option<usize> {
        let mut sides = *self;
        for votes in 0..=MAX_PRODUCT.bit_len() {
            if sides.certify(trust) {
                return Some(votes);
            }
            sides = sides.with_winner(weight);
        }
        None
    }

    fn product(&self, (product, count): (U256, usize)) -> U256 {
        if self.dissent {
            (U256::ONE << count).min(MAX_PRODUCT)
        } else {
            product
        }
    }
}

fn multiply((product, count): &mut (U256, usize), weight: Weight) {
    *product = product
        .saturating_mul(U256::from(weight.get()))
        .min(MAX_PRODUCT);
    *count += 1;
}
