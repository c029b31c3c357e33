//! Why the hub refused, where it does not say.
//!
//! The task functions revert without a word. The rules they follow are in `protocol`, so the same question is asked there,
//! with the state of the chain.

use alloy::primitives::Address;
use canut_protocol::{
    Deal, DealId, TaskId,
    matching::Orders,
    result::{authorization_digest, authorizer, enclave_digest, result_hash, result_seal},
    task::Action,
};

use super::Hub;
use crate::{Ballot, Error, Refusal, Result};

/// A call that may need an explanation.
#[derive(Clone, Debug)]
pub(crate) enum Attempt {
    /// Of `initialize`.
    Initialize { deal: DealId, index: u64 },
    /// Of another task function.
    Act { task: TaskId, action: Action },
    /// Of `contribute` or `contributeAndFinalize`.
    Vote(Box<Vote>),
    /// Of `matchOrders` or `sponsorMatchOrders`.
    Match { orders: Box<Orders>, payer: Address },
}

/// A vote, with what the hub checks beside the rules of the task.
#[derive(Clone, Debug)]
pub(crate) struct Vote {
    pub(crate) task: TaskId,
    pub(crate) action: Action,
    pub(crate) worker: Address,
    pub(crate) ballot: Ballot,
    /// Whether the worker's stake is locked.
    pub(crate) staked: bool,
}

impl Hub {
    /// `error`, with a better reason where the contract gave none and the state of the chain tells one.
    pub(crate) async fn explain(&self, error: Error, attempts: &[Attempt]) -> Error {
        if !error.refusal().is_some_and(Refusal::is_vague) {
            return error;
        }
        for attempt in attempts {
            let Err(Error::Refused(found)) = self.check(attempt).await else {
                continue;
            };
            return match error {
                Error::Reverted { hash, .. } => Error::Reverted {
                    hash,
                    refusal: found,
                },
                _ => Error::Refused(found),
            };
        }
        error
    }

    /// Asks the rules what they say about a call, on the state of now.
    async fn check(&self, attempt: &Attempt) -> Result<()> {
        match attempt {
            Attempt::Initialize { deal, index } => {
                let terms = self.deal(*deal).await?.unwrap_or_default();
                let task = self.task(TaskId::of(*deal, *index)).await?;
                let action = Action::Initialize {
                    index: *index,
                    time_ref: 0,
                };
                Ok(task
                    .check(&terms, &action, self.now().await?)
                    .map_err(Refusal::from)?)
            }
            Attempt::Act { task, action } => self.check_action(*task, action).await.map(|_| ()),
            Attempt::Vote(vote) => self.check_vote(vote).await,
            Attempt::Match { orders, payer } => self.preflight(orders, *payer).await.map(|_| ()),
        }
    }

    async fn check_action(&self, id: TaskId, action: &Action) -> Result<Deal> {
        let task = self.task(id).await?;
        let deal = self.deal(task.deal).await?.unwrap_or_default();
        task.check(&deal, action, self.now().await?)
            .map_err(Refusal::from)?;
        Ok(deal)
    }

    async fn check_vote(&self, vote: &Vote) -> Result<()> {
        let Vote {
            task,
            action,
            worker,
            ballot,
            staked,
        } = vote;
        let (task, worker, enclave) = (*task, *worker, ballot.enclave);
        let deal = self.check_action(task, action).await?;
        let broker = self.tee_broker().await?.unwrap_or_default();
        let signer = authorizer(deal.scheduler(), broker, enclave);
        let digest = authorization_digest(worker, task, enclave);
        if !self
            .is_signed(signer, digest, ballot.authorization.clone())
            .await?
        {
            return Err(Refusal::Unauthorized { signer }.into());
        }
        let (hash, seal) = (
            result_hash(task, ballot.digest),
            result_seal(worker, task, ballot.digest),
        );
        let digest = enclave_digest(hash, seal);
        if enclave != Address::ZERO
            && !self
                .is_signed(enclave, digest, ballot.enclave_sign.clone())
                .await?
        {
            return Err(Refusal::NotFromEnclave { enclave }.into());
        }
        let free = self.account(worker).await?.stake;
        let needed = deal.worker_stake;
        if *staked && free < needed {
            return Err(Refusal::TooPoor {
                account: worker,
                free,
                needed,
            }
            .into());
        }
        Ok(())
    }
}
