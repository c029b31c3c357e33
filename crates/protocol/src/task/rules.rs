//! When an action is allowed.

use alloy_primitives::{Address, B256};

use super::{Action, ContributionStatus, Status, Task, TaskRefusal};
use crate::{Deal, Trust, result};

impl Task {
    /// Whether `action` is allowed at `now` on this task of `deal` (PoCo 6.2.0, guards of the task functions).
    ///
    /// Of what the hub asks besides, the caller checks signatures and the worker's balance.
    pub fn check(&self, deal: &Deal, action: &Action, now: u64) -> Result<(), TaskRefusal> {
        match action {
            Action::Initialize { index, .. } => self.may_initialize(deal, *index),
            Action::Contribute {
                worker, enclave, ..
            } => {
                self.may_vote(deal, *enclave, now)?;
                let known = self.contribution(*worker).is_some();
                require(!known, || TaskRefusal::AlreadyContributed {
                    worker: *worker,
                })
            }
            Action::ContributeAndFinalize {
                digest,
                results_callback,
                enclave,
                ..
            } => {
                self.may_vote(deal, *enclave, now)?;
                let contributors = self.contributions.len();
                require(contributors == 0, || TaskRefusal::NotAlone { contributors })?;
                let trust = deal.trust;
                require(trust == Trust::ONE, || TaskRefusal::TrustNotOne { trust })?;
                let accepted = result::callback_accepted(deal.callback, results_callback, *digest);
                require(accepted, || TaskRefusal::CallbackMismatch)
            }
            Action::Reveal { worker, digest } => self.may_reveal(*worker, *digest, now),
            Action::Reopen { caller } => self.may_reopen(deal, *caller, now),
            Action::Finalize {
                caller,
                results_callback,
                ..
            } => {
                self.may_finalize(deal, *caller, now)?;
                let accepted =
                    result::callback_accepted(deal.callback, results_callback, self.result_digest);
                require(accepted, || TaskRefusal::CallbackMismatch)
            }
            Action::Claim => self.may_claim(now),
        }
    }

    fn may_initialize(&self, deal: &Deal, index: u64) -> Result<(), TaskRefusal> {
        let (first, size) = (deal.bot_first, deal.bot_size);
        require(deal.has_task(index), || TaskRefusal::NoSuchTask {
            index,
            first,
            size,
        })?;
        require(self.status == Status::Unset, || {
            TaskRefusal::AlreadyInitialized
        })
    }

    fn may_vote(&self, deal: &Deal, enclave: Address, now: u64) -> Result<(), TaskRefusal> {
        self.is(Status::Active)?;
        let deadline = self.contribution_deadline;
        require(now < deadline, || TaskRefusal::ContributionClosed {
            deadline,
            now,
        })?;
        require(!deal.tag.is_tee() || enclave != Address::ZERO, || {
            TaskRefusal::EnclaveRequired
        })
    }

    fn may_reveal(&self, worker: Address, digest: B256, now: u64) -> Result<(), TaskRefusal> {
        self.is(Status::Revealing)?;
        let deadline = self.reveal_deadline;
        require(now < deadline, || TaskRefusal::RevealClosed {
            deadline,
            now,
        })?;
        let vote = self
            .contribution(worker)
            .filter(|vote| vote.status == ContributionStatus::Contributed)
            .ok_or(TaskRefusal::NothingToReveal { worker })?;
        let id = self.id();
        require(vote.result_hash == self.consensus, || {
            TaskRefusal::NotAWinner { worker }
        })?;
        require(vote.result_hash == result::result_hash(id, digest), || {
            TaskRefusal::WrongDigest
        })?;
        let seal = result::result_seal(worker, id, digest);
        require(vote.result_seal == seal, || TaskRefusal::WrongSeal {
            worker,
        })
    }

    fn may_reopen(&self, deal: &Deal, caller: Address, now: u64) -> Result<(), TaskRefusal> {
        self.scheduler_may(deal, caller, now)?;
        let (revealed, winners, deadline) = (
            self.reveal_counter,
            self.winner_counter,
            self.reveal_deadline,
        );
        require(revealed == 0, || TaskRefusal::AlreadyRevealed { revealed })?;
        require(now >= deadline, || TaskRefusal::StillRevealing {
            revealed,
            winners,
            deadline,
            now,
        })
    }

    fn may_finalize(&self, deal: &Deal, caller: Address, now: u64) -> Result<(), TaskRefusal> {
        self.scheduler_may(deal, caller, now)?;
        let (revealed, winners, deadline) = (
            self.reveal_counter,
            self.winner_counter,
            self.reveal_deadline,
        );
        let done = revealed == winners || (revealed > 0 && now >= deadline);
        require(done, || TaskRefusal::StillRevealing {
            revealed,
            winners,
            deadline,
            now,
        })
    }

    fn scheduler_may(&self, deal: &Deal, caller: Address, now: u64) -> Result<(), TaskRefusal> {
        self.is(Status::Revealing)?;
        let scheduler = deal.scheduler();
        require(caller == scheduler, || TaskRefusal::NotTheScheduler {
            scheduler,
            caller,
        })?;
        let deadline = self.final_deadline;
        require(now < deadline, || TaskRefusal::Expired { deadline, now })
    }

    fn may_claim(&self, now: u64) -> Result<(), TaskRefusal> {
        let status = self.status;
        let open = matches!(status, Status::Active | Status::Revealing);
        require(open, || TaskRefusal::NothingToClaim { status })?;
        let deadline = self.final_deadline;
        require(now >= deadline, || TaskRefusal::NotExpired {
            deadline,
            now,
        })
    }

    fn is(&self, needed: Status) -> Result<(), TaskRefusal> {
        let status = self.status;
        require(status == needed, || TaskRefusal::WrongStatus {
            status,
            needed,
        })
    }
}

fn require(met: bool, refusal: impl FnOnce() -> TaskRefusal) -> Result<(), TaskRefusal> {
    if met { Ok(()) } else { Err(refusal()) }
}
