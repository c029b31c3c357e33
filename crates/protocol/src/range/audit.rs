//! How workers are drawn, and which ranges get one worker more than trust asks for (R5, R6, §7).
//!
//! Both follow from a secret of the pool, of which a hash is on the chain before the day begins, and from the votes already
//! sealed. The pool publishes the secret later; then anyone can repeat the draws.

use alloy_primitives::{Address, B256, U256, uint};
use serde::{Deserialize, Serialize};

use super::{MAX_COUNT, Range, RangeId, packed};
use crate::{Deal, DealId};

/// Seconds of an epoch: a day.
pub const EPOCH_SECONDS: u64 = 86_400;

const MILLION: U256 = uint!(1_000_000_U256);

/// The epoch of a deal made at `start`, in seconds since the Unix epoch. `None` after its four billionth day.
pub fn epoch(start: u64) -> Option<u32> {
    u32::try_from(start / EPOCH_SECONDS).ok()
}

/// How many ranges in a million are audited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rates {
    /// Of those certified by one worker alone.
    pub alone: u32,
    /// Of those certified by several.
    pub joined: u32,
}

impl Default for Rates {
    /// 20 % and 5 % (R6).
    fn default() -> Self {
        Self {
            alone: 200_000,
            joined: 50_000,
        }
    }
}

/// What a pool promises for an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Promise {
    /// 32 random bytes, told nobody before the deals of the epoch are over.
    pub secret: B256,
    /// How many ranges are audited.
    pub rates: Rates,
    /// Tasks of a range that was not split, so that the pool cannot shape ranges around the draw.
    pub stride: u16,
}

impl Promise {
    /// What the hub holds of it before the epoch begins:
    /// `keccak256(secret ‖ uint32 alone ‖ uint32 joined ‖ uint16 stride ‖ workerpool ‖ uint32 epoch)`.
    pub fn hash(&self, workerpool: Address, epoch: u32) -> B256 {
        packed(&[
            self.secret.as_slice(),
            &self.rates.alone.to_be_bytes(),
            &self.rates.joined.to_be_bytes(),
            &self.stride.to_be_bytes(),
            workerpool.as_slice(),
            &epoch.to_be_bytes(),
        ])
    }

    /// The draws for `range`; parts of a split one use the draw of the range they come from.
    pub fn draw(&self, range: RangeId) -> Draw {
        Draw {
            secret: self.secret,
            range,
        }
    }

    /// The ranges of a deal, before any is split. None when the stride is no size of a range.
    pub fn ranges(&self, id: DealId, deal: &Deal) -> impl Iterator<Item = Range> + use<> {
        let valid = (1..=MAX_COUNT).contains(&self.stride);
        let (mut first, stride) = (deal.bot_first, u64::from(self.stride));
        let end = deal
            .bot_first
            .saturating_add(if valid { deal.bot_size } else { 0 });
        std::iter::from_fn(move || {
            let range = Range::new(id, first, stride.min(end - first)).ok()?;
            first = range.indices().end;
            Some(range)
        })
    }

    /// The range of the stride that `part` is, or is a part of.
    pub fn origin(&self, part: &Range, deal: &Deal) -> Option<Range> {
        if self.stride == 0 || !part.is_within(deal) {
            return None;
        }
        let stride = u64::from(self.stride);
        let first = part.first() - (part.first() - deal.bot_first) % stride;
        let left = deal.bot_first.checked_add(deal.bot_size)? - first;
        let origin = Range::new(part.deal(), first, left.min(stride)).ok()?;
        origin.contains(part).then_some(origin)
    }
}

/// The hash of the votes sealed so far on a range, in the order of the draws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Chain(pub B256);

impl Chain {
    /// Before the first vote: zero.
    pub const START: Self = Self(B256::ZERO);

    /// With one vote more: `keccak256(chain ‖ sealed)`, `sealed` being the hash of its signature.
    #[must_use]
    pub fn then(self, sealed: B256) -> Self {
        Self(packed(&[self.0.as_slice(), sealed.as_slice()]))
    }
}

/// The draws for one range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    secret: B256,
    range: RangeId,
}

impl Draw {
    /// The place of `worker` in the draw that follows `chain`, lowest first: `keccak256(secret ‖ range ‖ chain ‖ worker)`.
    pub fn rank(&self, chain: Chain, worker: Address) -> B256 {
        packed(&[
            self.secret.as_slice(),
            self.range.0.as_slice(),
            chain.0.as_slice(),
            worker.as_slice(),
        ])
    }

    /// Who is drawn next among those that can be.
    pub fn next(
        &self,
        chain: Chain,
        eligible: impl IntoIterator<Item = Address>,
    ) -> Option<Address> {
        eligible
            .into_iter()
            .min_by_key(|worker| self.rank(chain, *worker))
    }

    /// Whether one worker more is drawn after `votes` unanimous votes that are enough for the trust asked:
    /// `keccak256(secret ‖ range ‖ chain ‖ "audit") mod 1 000 000` is below the rate.
    pub fn is_audited(&self, chain: Chain, votes: usize, rates: Rates) -> bool {
        let hash = packed(&[
            self.secret.as_slice(),
            self.range.0.as_slice(),
            chain.0.as_slice(),
            b"audit",
        ]);
        let rate = if votes == 1 {
            rates.alone
        } else {
            rates.joined
        };
        U256::from_be_bytes(hash.0) % MILLION < U256::from(rate)
    }

    /// The members of a settled range in the order in which they were drawn, if each was the first of those listed. `members`
    /// are workers with the hashes of their signatures.
    pub fn order(&self, mut members: Vec<(Address, B256)>) -> Vec<(Address, Chain)> {
        let (mut chain, mut order) = (Chain::START, Vec::with_capacity(members.len()));
        let rank = |chain, worker| self.rank(chain, worker);
        while let Some(next) =
            (0..members.len()).min_by_key(|at| members.get(*at).map(|member| rank(chain, member.0)))
        {
            let (worker, sealed) = members.swap_remove(next);
            chain = chain.then(sealed);
            order.push((worker, chain));
        }
        order
    }
}
