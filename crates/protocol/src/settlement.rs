//! Who is paid what: stakes, rewards, and the kitty.
//!
//! Every amount is per task and rounds down. The dust of the roundings goes to the scheduler, so nothing is lost.

use alloy_primitives::{Address, U256, address, uint};

use crate::{Nrlc, Overflow};

/// Stake of the scheduler, in percent of the workerpool price (PoCo 6.2.0, `workerpool_stake_ratio`).
pub const SCHEDULER_STAKE_RATIO: U256 = uint!(30_U256);

/// Part of the kitty that a success pays to the scheduler, in percent (PoCo 6.2.0, `kitty_ratio`).
pub const KITTY_RATIO: U256 = uint!(10_U256);

/// Least a success draws from the kitty while it has as much: 1 RLC (PoCo 6.2.0, `kitty_min`).
pub const KITTY_MIN: Nrlc = Nrlc::new(1_000_000_000);

/// The account that holds the stakes of failed schedulers, locked; nobody has its key (PoCo 6.2.0, `kitty_address`).
pub const KITTY: Address = address!("99c2268479b93fDe36232351229815DF80837e23");

/// Stake of the scheduler on a task: `floor(30 × price / 100)` (PoCo 6.2.0, `matchOrders`).
pub fn scheduler_stake(workerpool_price: Nrlc) -> Result<Nrlc, Overflow> {
    workerpool_price.percent(SCHEDULER_STAKE_RATIO)
}

/// Stake of a worker on a contribution: `floor(price × ratio / 100)`, the ratio being the workerpool's policy at the time of
/// the match; 30 unless changed, and without upper bound (PoCo 6.2.0, `matchOrders`).
pub fn worker_stake(workerpool_price: Nrlc, ratio: U256) -> Result<Nrlc, Overflow> {
    workerpool_price.percent(ratio)
}

/// What a success draws from a kitty of `kitty`: `min(max(floor(kitty × 10 / 100), 1 RLC), kitty)`
/// (PoCo 6.2.0, `finalize`).
pub fn kitty_share(kitty: Nrlc) -> Result<Nrlc, Overflow> {
    Ok(kitty.percent(KITTY_RATIO)?.max(KITTY_MIN).min(kitty))
}

/// What the workerpool price of a task, and the stakes of its losers, become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewards {
    /// For each winner, in the order given, besides his own stake.
    pub winners: Vec<Nrlc>,
    /// For the scheduler, besides his own stake: his ratio and all dust.
    pub scheduler: Nrlc,
}

impl Rewards {
    /// Shares `price + stake × losers` between the winners and the scheduler (PoCo 6.2.0, `finalize`).
    ///
    /// The workers' pot is `floor(total × (100 − ratio) / 100)`; a winner has `floor(pot × w / Σw)` of it, `w` being the
    /// binary logarithm of his weight at the time of his vote. `ratio` is the scheduler's, in percent, at most 100. Without
    /// winners everything is the scheduler's.
    pub fn share(
        price: Nrlc,
        stake: Nrlc,
        losers: usize,
        ratio: u8,
        winners: &[u32],
    ) -> Result<Self, Overflow> {
        let total = price.plus(stake.times(U256::from(losers))?)?;
        let workers = U256::from(100u8.checked_sub(ratio).ok_or(Overflow)?);
        let pot = total.percent(workers)?;
        let weights: U256 = winners.iter().map(|weight| U256::from(*weight)).sum();
        let winners: Vec<_> = winners
            .iter()
            .map(|weight| pot.share(U256::from(*weight), weights))
            .collect::<Result<_, _>>()?;
        let scheduler = total.minus(Nrlc::sum(winners.iter().copied())?)?;
        Ok(Self { winners, scheduler })
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn five_winners_and_one_loser_share_one_rlc_and_a_stake() {
        let price = Nrlc::rlc(1);
        let stake = worker_stake(price, U256::from(30)).unwrap();
        let rewards = Rewards::share(price, stake, 1, 1, &[1; 5]).unwrap();
        assert_eq!(rewards.winners, [Nrlc::new(257_400_000); 5]);
        assert_eq!(rewards.scheduler, Nrlc::new(13_000_000));
    }

    #[test]
    fn the_kitty_gives_a_tenth_or_one_rlc_or_all_it_has() {
        for (kitty, share) in [
            (0, 0),
            (900_000_000, 900_000_000),
            (5_000_000_000, 1_000_000_000),
            (50_000_000_019, 5_000_000_001),
        ] {
            assert_eq!(
                kitty_share(Nrlc::new(kitty)).unwrap(),
                Nrlc::new(share),
                "kitty {kitty}"
            );
        }
    }

    #[test]
    fn nobody_has_the_key_of_the_kitty() {
        let hash = U256::from_be_bytes(keccak256("iExecKitty").0);
        let prefix: U256 = hash >> 96;
        assert_eq!(Address::from_word((prefix - U256::ONE).into()), KITTY);
    }

    proptest! {
        #[test]
        fn money_is_conserved_and_the_dust_is_the_schedulers(
            price: u64, stake: u64, losers in 0..50usize, ratio in 0..=100u8, winners in prop::collection::vec(1..20u32, 1..20),
        ) {
            let (price, stake) = (Nrlc::new(price), Nrlc::new(stake));
            let rewards = Rewards::share(price, stake, losers, ratio, &winners).unwrap();
            let total = price.plus(stake.times(U256::from(losers)).unwrap()).unwrap();
            let paid = Nrlc::sum(rewards.winners.iter().copied()).unwrap();
            prop_assert_eq!(paid.plus(rewards.scheduler).unwrap(), total);

            let fee = total.percent(U256::from(ratio)).unwrap();
            prop_assert!(rewards.scheduler >= fee);
            let dust = rewards.scheduler.minus(fee).unwrap();
            prop_assert!(dust <= Nrlc::new(winners.len() as u64 + 1));
        }

        #[test]
        fn a_heavier_vote_is_never_paid_less(price: u64, winners in prop::collection::vec(1..20u32, 2..20)) {
            let rewards = Rewards::share(Nrlc::new(price), Nrlc::ZERO, 0, 1, &winners).unwrap();
            for (a, b) in winners.iter().zip(&rewards.winners) {
                for (c, d) in winners.iter().zip(&rewards.winners) {
                    prop_assert!(a < c || b >= d);
                }
            }
        }
    }
}
