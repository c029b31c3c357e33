//! The money of a task at its end.

use alloy_primitives::Address;

use super::{ContributionStatus, Effect, Task};
use crate::{
    Deal, Nrlc, Overflow,
    ledger::Move,
    settlement::{Rewards, kitty_share},
};

/// What a success moves, in the order of the contract (PoCo 6.2.0, `finalize`). A worker is a winner when he proved his vote.
pub(super) fn success(task: &Task, deal: &Deal, kitty: Nrlc) -> Result<Vec<Effect>, Overflow> {
    let stake = deal.worker_stake;
    let votes = &task.contributions;
    let proved = votes
        .iter()
        .filter(|(_, vote)| vote.status == ContributionStatus::Proved);
    let weights: Vec<_> = proved.map(|(_, vote)| vote.log_weight).collect();
    let losers = votes.len() - weights.len();
    let rewards = Rewards::share(
        deal.workerpool.price,
        stake,
        losers,
        deal.scheduler_reward_ratio,
        &weights,
    )?;

    let mut effects = parties(deal, kitty)?;
    let mut shares = rewards.winners.into_iter();
    for (worker, vote) in votes {
        let account = *worker;
        if vote.status != ContributionStatus::Proved {
            effects.push(
                Move::Seize {
                    account,
                    amount: stake,
                }
                .into(),
            );
            effects.push(Effect::Faulty { worker: account });
            continue;
        }
        effects.push(
            Move::Unlock {
                account,
                amount: stake,
            }
            .into(),
        );
        effects.push(
            Move::Reward {
                account,
                amount: shares.next().unwrap_or_default(),
            }
            .into(),
        );
        if votes.len() > 1 {
            effects.push(Effect::Accurate { worker: account });
        }
    }
    effects.push(
        Move::Reward {
            account: deal.scheduler(),
            amount: rewards.scheduler,
        }
        .into(),
    );
    Ok(effects)
}

/// What a success in one call moves: no stake, no score (PoCo 6.2.0, `contributeAndFinalize`).
pub(super) fn sole_success(
    deal: &Deal,
    worker: Address,
    kitty: Nrlc,
) -> Result<Vec<Effect>, Overflow> {
    let rewards = Rewards::share(
        deal.workerpool.price,
        Nrlc::ZERO,
        0,
        deal.scheduler_reward_ratio,
        &[1],
    )?;
    let mut effects = parties(deal, kitty)?;
    for amount in rewards.winners {
        effects.push(
            Move::Reward {
                account: worker,
                amount,
            }
            .into(),
        );
    }
    effects.push(
        Move::Reward {
            account: deal.scheduler(),
            amount: rewards.scheduler,
        }
        .into(),
    );
    Ok(effects)
}

/// Payer, app, dataset, scheduler's stake and kitty: what every success has in common.
fn parties(deal: &Deal, kitty: Nrlc) -> Result<Vec<Effect>, Overflow> {
    let scheduler = deal.scheduler();
    let mut moves = vec![Move::Seize {
        account: deal.sponsor,
        amount: deal.price()?,
    }];
    for asset in [deal.app, deal.dataset] {
        if !asset.price.is_zero() {
            moves.push(Move::Reward {
                account: asset.owner,
                amount: asset.price,
            });
        }
    }
    moves.push(Move::Unlock {
        account: scheduler,
        amount: deal.scheduler_stake()?,
    });
    if !kitty.is_zero() {
        let amount = kitty_share(kitty)?;
        moves.push(Move::Seize {
            account: crate::settlement::KITTY,
            amount,
        });
        moves.push(Move::Reward {
            account: scheduler,
            amount,
        });
    }
    Ok(moves.into_iter().map(Effect::from).collect())
}

/// What a failure moves: the payer and every contributor have theirs back, the scheduler's stake feeds the kitty
/// (PoCo 6.2.0, `claim`).
pub(super) fn failure(task: &Task, deal: &Deal) -> Result<Vec<Effect>, Overflow> {
    let amount = deal.scheduler_stake()?;
    let mut moves = vec![
        Move::Unlock {
            account: deal.sponsor,
            amount: deal.price()?,
        },
        Move::Seize {
            account: deal.scheduler(),
            amount,
        },
        Move::FeedKitty { amount },
    ];
    let workers = task.contributions.iter().map(|(worker, _)| *worker);
    moves.extend(workers.map(|account| Move::Unlock {
        account,
        amount: deal.worker_stake,
    }));
    Ok(moves.into_iter().map(Effect::from).collect())
}
