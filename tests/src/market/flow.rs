//! The life of a deal, step by step.

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};

use super::{Market, Orders};
use crate::abi::{Contribution, Deal, Hub, Task};
use crate::actor::Actor;
use crate::outcome::Outcome;

/// Names a result: the digest a worker computes.
#[must_use]
pub fn digest(result: &str) -> B256 {
    keccak256(result)
}

/// The id of a task of a deal.
#[must_use]
pub fn task_id(deal: B256, index: u64) -> B256 {
    keccak256([&deal[..], &U256::from(index).to_be_bytes::<32>()].concat())
}

/// The vote for a result.
#[must_use]
pub fn result_hash(task: B256, digest: B256) -> B256 {
    keccak256([task, digest].concat())
}

/// The proof that a worker knew the result.
#[must_use]
pub fn result_seal(worker: Address, task: B256, digest: B256) -> B256 {
    keccak256([&worker[..], &task[..], &digest[..]].concat())
}

/// A contribution about to be sent. Change a field to make a bad one.
#[derive(Clone, Debug)]
pub struct Ballot {
    /// Who sends it.
    pub worker: Actor,
    /// The arguments of `contribute`.
    pub call: Hub::contributeCall,
}

impl Market {
    /// Matches orders; the requester pays and sends.
    pub fn match_orders(&mut self, orders: &Orders) -> Outcome {
        self.match_from(Actor::Requester, orders)
    }

    /// Matches orders; the requester pays, somebody else sends.
    pub fn match_from(&mut self, sender: impl Into<Address>, orders: &Orders) -> Outcome {
        let Orders {
            app,
            dataset,
            pool,
            request,
        } = orders.clone();
        let outcome = self.send(
            sender,
            Hub::matchOrdersCall {
                app,
                dataset,
                pool,
                request,
            },
        );
        self.name_deal(&outcome);
        outcome
    }

    /// Matches orders; `sponsor` sends and pays.
    pub fn sponsor_from(&mut self, sponsor: impl Into<Address>, orders: &Orders) -> Outcome {
        let Orders {
            app,
            dataset,
            pool,
            request,
        } = orders.clone();
        let call = Hub::sponsorMatchOrdersCall {
            app,
            dataset,
            pool,
            request,
        };
        let outcome = self.send(sponsor, call);
        self.name_deal(&outcome);
        outcome
    }

    /// Signs and matches orders that must match; returns the deal's id.
    #[track_caller]
    pub fn deal(&mut self, orders: Orders) -> B256 {
        let orders = self.signed(orders);
        self.match_orders(&orders)
            .returned::<Hub::matchOrdersCall>()
    }

    fn name_deal(&mut self, outcome: &Outcome) {
        if let Ok(data) = &outcome.result
            && let Ok(deal) = B256::try_from(&data[..])
        {
            self.names.number(deal, "deal");
        }
    }

    /// Names a deal's first tasks, for calls that speak of many.
    pub fn name_tasks(&mut self, deal: B256, count: u64) {
        for index in 0..count {
            self.names.number(task_id(deal, index), "task");
        }
    }

    /// Initializes a task; anyone may.
    pub fn try_initialize(&mut self, deal: B256, index: u64) -> Outcome {
        self.names.number(task_id(deal, index), "task");
        self.send(
            Actor::Stranger,
            Hub::initializeCall {
                dealId: deal,
                index: U256::from(index),
            },
        )
    }

    /// Initializes a task that can be; returns its id.
    #[track_caller]
    pub fn initialize(&mut self, deal: B256, index: u64) -> B256 {
        self.try_initialize(deal, index)
            .returned::<Hub::initializeCall>()
    }

    /// A ballot for a result, authorised by the scheduler, without an enclave.
    pub fn ballot(&mut self, task: B256, worker: Actor, digest: B256) -> Ballot {
        let hash = result_hash(task, digest);
        let seal = result_seal(worker.address(), task, digest);
        self.names.number(hash, "hash");
        self.names.number(seal, "seal");
        let call = Hub::contributeCall {
            taskId: task,
            resultHash: hash,
            resultSeal: seal,
            enclaveChallenge: Address::ZERO,
            enclaveSign: Bytes::new(),
            authorizationSign: authorization(
                Actor::Scheduler,
                worker.address(),
                task,
                Address::ZERO,
            ),
        };
        Ballot { worker, call }
    }

    /// A ballot from inside an enclave, authorised by `authority`.
    pub fn enclave_ballot(
        &mut self,
        task: B256,
        worker: Actor,
        digest: B256,
        authority: Actor,
    ) -> Ballot {
        let mut ballot = self.ballot(task, worker, digest);
        let enclave = Actor::Enclave.address();
        ballot.call.enclaveChallenge = enclave;
        ballot.call.enclaveSign = enclave_sign(
            Actor::Enclave,
            ballot.call.resultHash,
            ballot.call.resultSeal,
        );
        ballot.call.authorizationSign = authorization(authority, worker.address(), task, enclave);
        ballot
    }

    /// Sends a ballot.
    pub fn cast(&mut self, ballot: &Ballot) -> Outcome {
        self.send(ballot.worker, ballot.call.clone())
    }

    /// Contributes a result, authorised by the scheduler.
    pub fn contribute(&mut self, task: B256, worker: Actor, digest: B256) -> Outcome {
        let ballot = self.ballot(task, worker, digest);
        self.cast(&ballot)
    }

    /// Contributes and settles at once, without an enclave or a callback.
    pub fn contribute_and_finalize(
        &mut self,
        task: B256,
        worker: Actor,
        digest: B256,
        results: &str,
    ) -> Outcome {
        let call = self.caf_call(task, worker, digest, results);
        self.send(worker, call)
    }

    /// The arguments of such a call. Change a field to make a bad one.
    pub fn caf_call(
        &mut self,
        task: B256,
        worker: Actor,
        digest: B256,
        results: &str,
    ) -> Hub::contributeAndFinalizeCall {
        self.names.number(result_hash(task, digest), "hash");
        self.names
            .number(result_seal(worker.address(), task, digest), "seal");
        Hub::contributeAndFinalizeCall {
            taskId: task,
            resultDigest: digest,
            results: results.as_bytes().to_vec().into(),
            resultsCallback: Bytes::new(),
            enclaveChallenge: Address::ZERO,
            enclaveSign: Bytes::new(),
            authorizationSign: authorization(
                Actor::Scheduler,
                worker.address(),
                task,
                Address::ZERO,
            ),
        }
    }

    /// Reveals a result.
    pub fn reveal(&mut self, task: B256, worker: Actor, digest: B256) -> Outcome {
        self.send(
            worker,
            Hub::revealCall {
                taskId: task,
                resultDigest: digest,
            },
        )
    }

    /// Settles a task; the scheduler does.
    pub fn finalize(&mut self, task: B256, results: &str) -> Outcome {
        self.finalize_with(Actor::Scheduler, task, results.as_bytes(), &[])
    }

    /// Settles a task, with something for its callback.
    pub fn finalize_with(
        &mut self,
        sender: Actor,
        task: B256,
        results: &[u8],
        callback: &[u8],
    ) -> Outcome {
        let (results, callback) = (results.to_vec().into(), callback.to_vec().into());
        self.send(
            sender,
            Hub::finalizeCall {
                taskId: task,
                results,
                resultsCallback: callback,
            },
        )
    }

    /// Reopens a task; the scheduler does.
    pub fn reopen(&mut self, task: B256) -> Outcome {
        self.send(Actor::Scheduler, Hub::reopenCall { taskId: task })
    }

    /// Claims a refund; anyone may.
    pub fn claim(&mut self, task: B256) -> Outcome {
        self.send(Actor::Stranger, Hub::claimCall { taskId: task })
    }

    /// Runs a task from beginning to end with workers who agree; returns its id.
    #[track_caller]
    pub fn complete(&mut self, deal: B256, index: u64, workers: &[Actor]) -> B256 {
        let task = self.initialize(deal, index);
        for worker in workers {
            self.contribute(task, *worker, digest("result")).succeeds();
        }
        for worker in workers {
            self.reveal(task, *worker, digest("result")).succeeds();
        }
        self.finalize(task, "result").succeeds();
        task
    }

    /// A task as the hub shows it.
    #[must_use]
    pub fn task(&self, task: B256) -> Task {
        self.view(Hub::viewTaskCall { id: task })
    }

    /// A deal as the hub shows it.
    #[must_use]
    pub fn view_deal(&self, deal: B256) -> Deal {
        self.view(Hub::viewDealCall { id: deal })
    }

    /// A contribution as the hub shows it.
    #[must_use]
    pub fn contribution(&self, task: B256, worker: Actor) -> Contribution {
        self.view(Hub::viewContributionCall {
            taskid: task,
            worker: worker.address(),
        })
    }
}

/// Leave to contribute.
#[must_use]
pub fn authorization(authority: Actor, worker: Address, task: B256, enclave: Address) -> Bytes {
    authority.sign_message(keccak256([&worker[..], &task[..], &enclave[..]].concat()))
}

/// An enclave's word for a result.
#[must_use]
pub fn enclave_sign(enclave: Actor, hash: B256, seal: B256) -> Bytes {
    enclave.sign_message(keccak256([hash, seal].concat()))
}
