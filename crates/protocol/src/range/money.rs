//! Who gets what when a range is settled, fails, or a vote is slashed (§4.5, §8.2).

use alloy_primitives::{U256, uint};
use serde::{Deserialize, Serialize};

use super::{Terms, settled::UnknownNumber};
use crate::{Nrlc, Overflow};

/// What a winner gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reward {
    /// Its share of the workerpool price.
    pub pay: Nrlc,
    /// Its share of what the losers forfeit; never more than the pay.
    pub bonus: Nrlc,
}

/// What becomes of the payer's money and of what losers forfeit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// Taken from what the payer locked.
    pub payer: Nrlc,
    /// To the app's owner.
    pub app: Nrlc,
    /// To the dataset's owner.
    pub dataset: Nrlc,
    /// To the winners, in the order given.
    pub winners: Vec<Reward>,
    /// To the scheduler: its part of the price, and all dust.
    pub scheduler: Nrlc,
    /// To the account whose key nobody has.
    pub sink: Nrlc,
}

impl Payout {
    /// Of a range of `count` tasks that the scheduler settles (§4.5).
    ///
    /// The workers' pot is `⌊price × (100 − ratio)/100⌋`; a winner is paid `⌊pot × ℓ/Λ⌋`, `ℓ` the binary logarithm of its own
    /// weight (also in a dispute) and `Λ` the sum of them. Of `forfeited`, all that losers lose, it gets `⌊forfeited × ℓ/Λ⌋`,
    /// but no more than its pay; the sink has the rest. Without winners this is an overflow.
    pub fn settle(
        terms: &Terms,
        count: u16,
        winners: &[u32],
        forfeited: Nrlc,
    ) -> Result<Self, Overflow> {
        let price = terms.workerpool(count)?;
        let part = U256::from(100u8.checked_sub(terms.scheduler_ratio()).ok_or(Overflow)?);
        let winners = rewards(price.percent(part)?, winners, forfeited)?;
        Self::close(terms, count, winners, forfeited)
    }

    /// Of a range of `count` tasks certified by the fallback although the scheduler stalled (§8.2). The pot is the whole price;
    /// the first winner gets the dust, which does not count for its bonus.
    pub fn resolve(
        terms: &Terms,
        count: u16,
        winners: &[u32],
        forfeited: Nrlc,
    ) -> Result<Self, Overflow> {
        let winners = rewards(terms.workerpool(count)?, winners, forfeited)?;
        let mut payout = Self::close(terms, count, winners, forfeited)?;
        let first = payout.winners.first_mut().ok_or(Overflow)?;
        first.pay = first.pay.plus(payout.scheduler)?;
        payout.scheduler = Nrlc::ZERO;
        Ok(payout)
    }

    fn close(
        terms: &Terms,
        count: u16,
        winners: Vec<Reward>,
        forfeited: Nrlc,
    ) -> Result<Self, Overflow> {
        let paid = Nrlc::sum(winners.iter().map(|reward| reward.pay))?;
        let bonuses = Nrlc::sum(winners.iter().map(|reward| reward.bonus))?;
        Ok(Self {
            payer: terms.price(count)?,
            app: terms.app(count)?,
            dataset: terms.dataset(count)?,
            scheduler: terms.workerpool(count)?.minus(paid)?,
            sink: forfeited.minus(bonuses)?,
            winners,
        })
    }
}

fn rewards(pot: Nrlc, winners: &[u32], forfeited: Nrlc) -> Result<Vec<Reward>, Overflow> {
    let sum: U256 = winners.iter().map(|part| U256::from(*part)).sum();
    let reward = |part: &u32| {
        let pay = pot.share(U256::from(*part), sum)?;
        let bonus = forfeited.share(U256::from(*part), sum)?.min(pay);
        Ok(Reward { pay, bonus })
    };
    match winners {
        [] => Err(Overflow),
        _ => winners.iter().map(reward).collect(),
    }
}

/// What becomes of the stake of a scheduler that stalled (§8.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// To who posted first: `⌊stake/10⌋`.
    pub poster: Nrlc,
    /// To who resolved: as much.
    pub resolver: Nrlc,
    /// To the payer: the rest.
    pub payer: Nrlc,
}

impl Stall {
    /// Shares a stake.
    pub fn of(stake: Nrlc) -> Result<Self, Overflow> {
        let tenth = stake.share(U256::ONE, U256::from(10))?;
        let payer = stake.minus(tenth)?.minus(tenth)?;
        Ok(Self {
            poster: tenth,
            resolver: tenth,
            payer,
        })
    }
}

/// Why a stake is taken. The numbers are those of the hub's `Slashed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[repr(u8)]
pub enum Fault {
    /// A worker voted against the certified value.
    Loser = 1,
    /// A worker signed two different votes on one range.
    Equivocation = 2,
    /// A worker's posted vote was opened by nobody.
    Unopened = 3,
    /// The scheduler did not account for a vote it had countersigned.
    Omission = 4,
    /// The scheduler did not settle in time.
    Stall = 5,
}

impl TryFrom<u8> for Fault {
    type Error = UnknownNumber;

    fn try_from(number: u8) -> Result<Self, UnknownNumber> {
        match number {
            1 => Ok(Self::Loser),
            2 => Ok(Self::Equivocation),
            3 => Ok(Self::Unopened),
            4 => Ok(Self::Omission),
            5 => Ok(Self::Stall),
            _ => Err(UnknownNumber(number)),
        }
    }
}

/// What becomes of a stake slashed outside a settlement (§4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slash {
    /// To who proved the fault.
    pub caller: Nrlc,
    /// To the payer of the deal.
    pub payer: Nrlc,
    /// To the account whose key nobody has.
    pub sink: Nrlc,
}

impl Slash {
    /// Of a worker that voted against the certified value and was not listed. Nobody earns by it: a pool could frame workers.
    pub const fn loser(amount: Nrlc) -> Self {
        Self {
            caller: Nrlc::ZERO,
            payer: Nrlc::ZERO,
            sink: amount,
        }
    }

    /// Of a worker that signed two different votes: a fifth, rounded down, to the caller.
    pub fn equivocation(amount: Nrlc) -> Result<Self, Overflow> {
        let caller = amount.percent(BOUNTY)?;
        Ok(Self {
            caller,
            payer: Nrlc::ZERO,
            sink: amount.minus(caller)?,
        })
    }

    /// Of a scheduler that left a vote out: a fifth, rounded down, to the caller, the rest to the payer.
    pub fn omission(amount: Nrlc) -> Result<Self, Overflow> {
        let caller = amount.percent(BOUNTY)?;
        Ok(Self {
            caller,
            payer: amount.minus(caller)?,
            sink: Nrlc::ZERO,
        })
    }
}

/// Part of a slashed stake for who proved the fault, in percent.
const BOUNTY: U256 = uint!(20_U256);
