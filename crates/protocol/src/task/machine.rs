//! Carrying actions out.

use alloy_primitives::{Address, B256, Bytes};

use super::{
    Action, Contribution, ContributionStatus, Deadlines, Effect, Status, Task, TaskRefusal, payment,
};
use crate::{Deal, DealId, Overflow, Tally, Weight, ledger::Move, result};

/// A task together with the weights of its votes. The pure twin of the contract's task functions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// What the chain shows.
    pub task: Task,
    /// What it counts.
    pub tally: Tally,
}

/// Why an action was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// A rule forbids it.
    #[error(transparent)]
    Refused(#[from] TaskRefusal),
    /// An amount, a weight or a time is absurdly large.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

impl Machine {
    /// Carries `action` out at time `now` on a task of `deal`, whose id is `id`, and returns what becomes of the task and
    /// what else it causes, in the order of the contract's events. This machine is left as it is.
    ///
    /// That accounts can pay shows when the moves are applied to the [`Ledger`](crate::ledger::Ledger).
    pub fn step(
        &self,
        id: DealId,
        deal: &Deal,
        action: &Action,
        now: u64,
    ) -> Result<(Self, Vec<Effect>), StepError> {
        self.task.check(deal, action, now)?;
        let mut next = self.clone();
        let effects = next.carry_out(id, deal, action, now)?;
        Ok((next, effects))
    }

    fn carry_out(
        &mut self,
        id: DealId,
        deal: &Deal,
        action: &Action,
        now: u64,
    ) -> Result<Vec<Effect>, Overflow> {
        match action {
            Action::Initialize { index, time_ref } => self.initialize(id, deal, *index, *time_ref),
            Action::Contribute {
                worker,
                weight,
                result_hash,
                result_seal,
                enclave,
            } => {
                let vote = Contribution {
                    status: ContributionStatus::Contributed,
                    result_hash: *result_hash,
                    result_seal: *result_seal,
                    enclave: *enclave,
                    log_weight: weight.log2(),
                };
                self.contribute(deal, *worker, *weight, vote, now)
            }
            Action::ContributeAndFinalize {
                worker,
                digest,
                results,
                results_callback,
                enclave,
                kitty,
            } => {
                self.contribute_alone(*worker, *digest, *enclave, now)?;
                let mut effects = payment::sole_success(deal, *worker, *kitty)?;
                let result_hash = self.task.consensus;
                effects.extend([
                    Effect::Contributed {
                        worker: *worker,
                        result_hash,
                    },
                    Effect::Certified { result_hash },
                    Effect::Revealed {
                        worker: *worker,
                        digest: *digest,
                    },
                ]);
                self.publish(
                    deal,
                    results.clone(),
                    results_callback.clone(),
                    &mut effects,
                );
                Ok(effects)
            }
            Action::Reveal { worker, digest } => Ok(self.reveal(*worker, *digest)),
            Action::Reopen { .. } => Ok(self.reopen()),
            Action::Finalize {
                results,
                results_callback,
                kitty,
                ..
            } => {
                let mut effects = payment::success(&self.task, deal, *kitty)?;
                self.publish(
                    deal,
                    results.clone(),
                    results_callback.clone(),
                    &mut effects,
                );
                Ok(effects)
            }
            Action::Claim => {
                let mut effects = payment::failure(&self.task, deal)?;
                self.task.status = Status::Failed;
                effects.push(Effect::Claimed);
                Ok(effects)
            }
        }
    }

    fn initialize(
        &mut self,
        id: DealId,
        deal: &Deal,
        index: u64,
        time_ref: u64,
    ) -> Result<Vec<Effect>, Overflow> {
        let deadlines = Deadlines::of(deal.start_time, time_ref)?;
        self.task = Task {
            status: Status::Active,
            deal: id,
            index,
            time_ref,
            contribution_deadline: deadlines.contribution,
            final_deadline: deadlines.end,
            ..Task::default()
        };
        self.tally = Tally::new();
        Ok(vec![Effect::Initialized])
    }

    fn contribute(
        &mut self,
        deal: &Deal,
        worker: Address,
        weight: Weight,
        vote: Contribution,
        now: u64,
    ) -> Result<Vec<Effect>, Overflow> {
        let result_hash = vote.result_hash;
        self.tally.vote(result_hash, weight)?;
        self.task.contributions.push((worker, vote));
        let stake = Move::Lock {
            account: worker,
            amount: deal.worker_stake,
        };
        let mut effects = vec![
            stake.into(),
            Effect::Contributed {
                worker,
                result_hash,
            },
        ];
        if self.tally.certified(result_hash, deal.trust)? {
            let task = &mut self.task;
            task.winner_counter = winners(task, result_hash);
            task.status = Status::Revealing;
            task.consensus = result_hash;
            task.reveal_deadline = Deadlines::reveal(now, task.time_ref)?;
            task.reveal_counter = 0;
            effects.push(Effect::Certified { result_hash });
        }
        Ok(effects)
    }

    fn contribute_alone(
        &mut self,
        worker: Address,
        digest: B256,
        enclave: Address,
        now: u64,
    ) -> Result<(), Overflow> {
        let task = &mut self.task;
        let result_hash = result::result_hash(task.id(), digest);
        let vote = Contribution {
            status: ContributionStatus::Proved,
            result_hash,
            result_seal: result::result_seal(worker, task.id(), digest),
            enclave,
            log_weight: 0,
        };
        task.contributions.push((worker, vote));
        task.consensus = result_hash;
        task.reveal_deadline = Deadlines::reveal(now, task.time_ref)?;
        (task.reveal_counter, task.winner_counter) = (1, 1);
        task.result_digest = digest;
        Ok(())
    }

    fn reveal(&mut self, worker: Address, digest: B256) -> Vec<Effect> {
        let task = &mut self.task;
        for (_, vote) in task
            .contributions
            .iter_mut()
            .filter(|(owner, _)| *owner == worker)
        {
            vote.status = ContributionStatus::Proved;
        }
        task.reveal_counter += 1;
        task.result_digest = digest;
        vec![Effect::Revealed { worker, digest }]
    }

    fn reopen(&mut self) -> Vec<Effect> {
        let task = &mut self.task;
        for (_, vote) in task
            .contributions
            .iter_mut()
            .filter(|(_, vote)| vote.result_hash == task.consensus)
        {
            vote.status = ContributionStatus::Rejected;
        }
        self.tally.reject(task.consensus);
        task.status = Status::Active;
        task.consensus = B256::ZERO;
        (task.reveal_deadline, task.winner_counter) = (0, 0);
        vec![Effect::Reopened]
    }

    fn publish(
        &mut self,
        deal: &Deal,
        results: Bytes,
        results_callback: Bytes,
        effects: &mut Vec<Effect>,
    ) {
        self.task.status = Status::Completed;
        self.task.results = results;
        self.task.results_callback = results_callback;
        effects.push(Effect::Finalized);
        if deal.callback != Address::ZERO {
            effects.push(Effect::Callback {
                target: deal.callback,
            });
        }
    }
}

fn winners(task: &Task, result_hash: B256) -> u64 {
    let votes = task.contributions.iter().map(|(_, vote)| vote);
    let standing = votes.filter(|vote| vote.status == ContributionStatus::Contributed);
    standing.fold(0, |count, vote| {
        count + u64::from(vote.result_hash == result_hash)
    })
}

#[cfg(test)]
mod tests;
