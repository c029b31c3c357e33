//! The life of a task.

use alloy::primitives::{Address, B256, Bytes, U256};
use canut_protocol::{
    DealId, Nrlc, TaskId, Weight,
    result::{result_hash, result_seal},
    task::Action,
};

use super::{Caller, Receipt};
use crate::{
    Event, Result,
    bindings::IHub,
    hub::{Attempt, Vote},
};

/// A vote on a task, by the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ballot {
    /// Digest of the result. It stays hidden: only its hash and its seal are sent.
    pub digest: B256,
    /// The scheduler's signature (the broker's, for an enclave) that lets the caller contribute.
    pub authorization: Bytes,
    /// Key of the enclave it ran in; the zero address outside one.
    pub enclave: Address,
    /// The enclave's signature over the vote; empty outside one.
    pub enclave_sign: Bytes,
}

/// What the only worker of a task publishes with his vote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alone {
    /// The result, by convention a link to it.
    pub results: Bytes,
    /// The result to deliver on chain; empty without a callback.
    pub results_callback: Bytes,
}

impl Caller {
    /// Opens a task.
    pub async fn initialize(&self, deal: DealId, index: u64) -> Result<Receipt<TaskId>> {
        let call = IHub::initializeCall {
            dealid: deal.0,
            index: U256::from(index),
        };
        let receipt = self
            .attempt(call, &[Attempt::Initialize { deal, index }])
            .await?;
        Ok(receipt.with(TaskId::of(deal, index)))
    }

    /// Opens several tasks, or none.
    pub async fn initialize_all(&self, tasks: &[(DealId, u64)]) -> Result<Receipt<Vec<TaskId>>> {
        let (dealids, indexes) = tasks
            .iter()
            .map(|(deal, index)| (deal.0, U256::from(*index)))
            .unzip();
        let receipt = self
            .attempt(
                IHub::initializeArrayCall { dealids, indexes },
                &openings(tasks),
            )
            .await?;
        Ok(receipt.with(
            tasks
                .iter()
                .map(|(deal, index)| TaskId::of(*deal, *index))
                .collect(),
        ))
    }

    /// Votes. The value is the result hash, if it is certified by this vote.
    pub async fn contribute(&self, task: TaskId, ballot: &Ballot) -> Result<Receipt<Option<B256>>> {
        let (worker, digest, enclave) = (self.address(), ballot.digest, ballot.enclave);
        let (hash, seal) = (result_hash(task, digest), result_seal(worker, task, digest));
        // No rule that is asked for an explanation depends on the weight.
        let weight = Weight::FRESH;
        let action = Action::Contribute {
            worker,
            weight,
            result_hash: hash,
            result_seal: seal,
            enclave,
        };
        let call = IHub::contributeCall {
            taskid: task.0,
            resultHash: hash,
            resultSeal: seal,
            enclaveChallenge: ballot.enclave,
            enclaveSign: ballot.enclave_sign.clone(),
            authorizationSign: ballot.authorization.clone(),
        };
        let attempt = self.vote(task, ballot, action, true);
        let receipt = self.attempt(call, &[attempt]).await?;
        let certified = receipt.events.iter().find_map(|event| match event {
            Event::Certified { result_hash, .. } => Some(*result_hash),
            _ => None,
        });
        Ok(receipt.with(certified))
    }

    /// Votes, publishes the result and is paid, all in one: at trust 1, as the first and only worker.
    pub async fn contribute_and_finalize(
        &self,
        task: TaskId,
        ballot: &Ballot,
        alone: &Alone,
    ) -> Result<Receipt> {
        let Alone {
            results,
            results_callback,
        } = alone.clone();
        let call = IHub::contributeAndFinalizeCall {
            taskid: task.0,
            resultDigest: ballot.digest,
            results: results.clone(),
            resultsCallback: results_callback.clone(),
            enclaveChallenge: ballot.enclave,
            enclaveSign: ballot.enclave_sign.clone(),
            authorizationSign: ballot.authorization.clone(),
        };
        let action = Action::ContributeAndFinalize {
            worker: self.address(),
            digest: ballot.digest,
            results,
            results_callback,
            enclave: ballot.enclave,
            kitty: Nrlc::ZERO,
        };
        self.attempt(call, &[self.vote(task, ballot, action, false)])
            .await
    }

    /// Shows what the caller voted for.
    pub async fn reveal(&self, task: TaskId, digest: B256) -> Result<Receipt> {
        let call = IHub::revealCall {
            taskid: task.0,
            resultDigest: digest,
        };
        self.act(
            call,
            task,
            Action::Reveal {
                worker: self.address(),
                digest,
            },
        )
        .await
    }

    /// As the scheduler, throws out a certified result that nobody revealed.
    pub async fn reopen(&self, task: TaskId) -> Result<Receipt> {
        self.act(
            IHub::reopenCall { taskid: task.0 },
            task,
            Action::Reopen {
                caller: self.address(),
            },
        )
        .await
    }

    /// As the scheduler, publishes the result and pays everyone.
    pub async fn finalize(
        &self,
        task: TaskId,
        results: Bytes,
        results_callback: Bytes,
    ) -> Result<Receipt> {
        let call = IHub::finalizeCall {
            taskid: task.0,
            results: results.clone(),
            resultsCallback: results_callback.clone(),
        };
        let caller = self.address();
        self.act(
            call,
            task,
            Action::Finalize {
                caller,
                results,
                results_callback,
                kitty: Nrlc::ZERO,
            },
        )
        .await
    }

    /// Has the payer refunded, after the final deadline.
    pub async fn claim(&self, task: TaskId) -> Result<Receipt> {
        self.act(IHub::claimCall { taskid: task.0 }, task, Action::Claim)
            .await
    }

    /// Claims several tasks, or none.
    pub async fn claim_all(&self, tasks: &[TaskId]) -> Result<Receipt> {
        let claims: Vec<_> = tasks
            .iter()
            .map(|task| Attempt::Act {
                task: *task,
                action: Action::Claim,
            })
            .collect();
        let taskids = tasks.iter().map(|task| task.0).collect();
        self.attempt(IHub::claimArrayCall { taskids }, &claims)
            .await
    }

    /// Opens and claims several tasks that nobody opened, or none.
    pub async fn initialize_and_claim_all(&self, tasks: &[(DealId, u64)]) -> Result<Receipt> {
        let (dealids, indexes) = tasks
            .iter()
            .map(|(deal, index)| (deal.0, U256::from(*index)))
            .unzip();
        let call = IHub::initializeAndClaimArrayCall { dealids, indexes };
        self.attempt(call, &openings(tasks)).await
    }

    async fn act<C: alloy::sol_types::SolCall>(
        &self,
        call: C,
        task: TaskId,
        action: Action,
    ) -> Result<Receipt> {
        self.attempt(call, &[Attempt::Act { task, action }]).await
    }

    fn vote(&self, task: TaskId, ballot: &Ballot, action: Action, staked: bool) -> Attempt {
        let (worker, ballot) = (self.address(), ballot.clone());
        Attempt::Vote(Box::new(Vote {
            task,
            action,
            worker,
            ballot,
            staked,
        }))
    }
}

fn openings(tasks: &[(DealId, u64)]) -> Vec<Attempt> {
    tasks
        .iter()
        .map(|(deal, index)| Attempt::Initialize {
            deal: *deal,
            index: *index,
        })
        .collect()
}
