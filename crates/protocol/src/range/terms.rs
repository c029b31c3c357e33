//! Which deals can be settled by certificate, and what a range of one costs.

use alloy_primitives::{U256, uint};

use super::credible::MAX_TRUST;
use crate::{Deal, Nrlc, Overflow, Trust};

/// Longest time reference of a category, in seconds: with a longer one a bond could leave before a vote is done mattering.
pub const MAX_TIME_REF: u64 = 36_000;

/// Tasks that a range counts as at least when its risk is worked out (R8).
pub const MIN_RISK_COUNT: u16 = 10;

/// Amounts of this way stay below 2⁷² nRLC.
const MAX_AMOUNT: U256 = uint!(0xFFFFFFFFFFFFFFFFFF_U256);

/// Why a deal cannot be settled by certificate. It can be settled the open way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TermsRefusal {
    /// The category is too long.
    #[error(
        "the deal's category has a time reference of {0} s, and certificates are for 36 000 s at most"
    )]
    TooLong(u64),
    /// A price or the stake is absurdly large.
    #[error("the price or the stake of {0} per task is too large for a certificate")]
    TooDear(Nrlc),
    /// The trust is absurdly high.
    #[error("trust {0} is too high for a certificate, which reaches 2^64")]
    TooSure(Trust),
    /// The scheduler's part is more than everything.
    #[error("the scheduler's part is {0} %, and no more than 100 % can be shared")]
    TooGreedy(u8),
}

/// Prices per task, stakes and trust of a deal, all within what this way can count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    app: Nrlc,
    dataset: Nrlc,
    workerpool: Nrlc,
    stake: Nrlc,
    ratio: u8,
    trust: Trust,
}

impl Terms {
    /// The terms of `deal`, whose category has a reference of `time_ref` seconds.
    pub fn of(deal: &Deal, time_ref: u64) -> Result<Self, TermsRefusal> {
        let amounts = [
            deal.app.price,
            deal.dataset.price,
            deal.workerpool.price,
            deal.worker_stake,
        ];
        if time_ref > MAX_TIME_REF {
            return Err(TermsRefusal::TooLong(time_ref));
        }
        if let Some(amount) = amounts.into_iter().find(|amount| amount.0 > MAX_AMOUNT) {
            return Err(TermsRefusal::TooDear(amount));
        }
        if deal.trust > MAX_TRUST {
            return Err(TermsRefusal::TooSure(deal.trust));
        }
        if deal.scheduler_reward_ratio > 100 {
            return Err(TermsRefusal::TooGreedy(deal.scheduler_reward_ratio));
        }
        let [app, dataset, workerpool, stake] = amounts;
        let ratio = deal.scheduler_reward_ratio;
        Ok(Self {
            app,
            dataset,
            workerpool,
            stake,
            ratio,
            trust: deal.trust.in_deal(),
        })
    }

    /// What the app's owner gets for `count` tasks.
    pub fn app(&self, count: u16) -> Result<Nrlc, Overflow> {
        self.app.times(U256::from(count))
    }

    /// What the dataset's owner gets for `count` tasks.
    pub fn dataset(&self, count: u16) -> Result<Nrlc, Overflow> {
        self.dataset.times(U256::from(count))
    }

    /// What workers and scheduler share for `count` tasks.
    pub fn workerpool(&self, count: u16) -> Result<Nrlc, Overflow> {
        self.workerpool.times(U256::from(count))
    }

    /// What the payer pays for `count` tasks, or gets back.
    pub fn price(&self, count: u16) -> Result<Nrlc, Overflow> {
        Nrlc::sum([
            self.app(count)?,
            self.dataset(count)?,
            self.workerpool(count)?,
        ])
    }

    /// What the scheduler has at stake for `count` tasks: the stake per task, rounded down, times their number.
    pub fn scheduler_stake(&self, count: u16) -> Result<Nrlc, Overflow> {
        crate::settlement::scheduler_stake(self.workerpool)?.times(U256::from(count))
    }

    /// What a vote on `count` tasks puts at risk: the deal's stake per task × max(`count`, 10) (R8).
    pub fn risk(&self, count: u16) -> Result<Nrlc, Overflow> {
        self.stake.times(U256::from(count.max(MIN_RISK_COUNT)))
    }

    /// Part of the scheduler in the workerpool price, in percent: 0 to 100.
    pub const fn scheduler_ratio(&self) -> u8 {
        self.ratio
    }

    /// Trust asked for, at least 1.
    pub const fn trust(&self) -> Trust {
        self.trust
    }

    /// Whether winners' scores can grow: there are a price to earn and a stake to lose (R2).
    pub fn count_for_score(&self) -> bool {
        !self.workerpool.is_zero() && !self.stake.is_zero()
    }
}
