//! What the rules foresee of the steps of a task.

use canut_protocol::result::authorization_digest;
use canut_protocol::task::{Action, Effect, Machine};
use canut_protocol::{DealId, TaskId, signature};
use canut_tests::abi::Hub;
use canut_tests::market::{TIME_REF, task_id};

use super::*;

impl Model {
    pub(super) fn initialize(&mut self, deal: B256, index: u64, now: u64) -> Foreseen {
        let task = task_id(deal, index);
        self.machines
            .entry(task)
            .or_insert_with(|| (deal, Machine::default()));
        let category = self.deals.get(&deal).ok_or(Refused::Silently)?.category;
        let time_ref = [300, 1_200, 3_600, 10_800, TIME_REF][category as usize];
        self.act(task, &Action::Initialize { index, time_ref }, now, b"")
    }

    pub(super) fn contribute(
        &mut self,
        worker: Address,
        call: &Hub::contributeCall,
        now: u64,
    ) -> Foreseen {
        let action = Action::Contribute {
            worker,
            weight: self.score(worker).weight(),
            result_hash: call.resultHash,
            result_seal: call.resultSeal,
            enclave: call.enclaveChallenge,
        };
        self.check(call.taskId, &action, now)?;
        self.authorized(call.taskId, worker, &call.authorizationSign)?;
        self.act(call.taskId, &action, now, b"")
    }

    pub(super) fn contribute_and_finalize(
        &mut self,
        worker: Address,
        call: &Hub::contributeAndFinalizeCall,
        now: u64,
    ) -> Foreseen {
        let action = Action::ContributeAndFinalize {
            worker,
            digest: call.resultDigest,
            results: call.results.clone(),
            results_callback: call.resultsCallback.clone(),
            enclave: call.enclaveChallenge,
            kitty: self.ledger.kitty(),
        };
        self.check(call.taskId, &action, now)?;
        self.authorized(call.taskId, worker, &call.authorizationSign)?;
        self.act(call.taskId, &action, now, &call.results)
    }

    pub(super) fn authorized(
        &self,
        task: B256,
        worker: Address,
        sign: &[u8],
    ) -> Result<(), Refused> {
        let digest = authorization_digest(worker, TaskId(task), Address::ZERO);
        match signature::verify(self.owners.workerpool, digest, sign) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refused::Silently),
            Err(_) => Err(Refused::Because("invalid-signature-format".into())),
        }
    }

    pub(super) fn check(&self, task: B256, action: &Action, now: u64) -> Result<(), Refused> {
        let (deal, machine) = self.machines.get(&task).ok_or(Refused::Silently)?;
        let deal = self.deals.get(deal).ok_or(Refused::Silently)?;
        machine
            .task
            .check(deal, action, now)
            .map_err(|_| Refused::Silently)
    }

    /// Carries an action out: on the task, on the accounts, on the scores.
    pub(super) fn act(
        &mut self,
        task: B256,
        action: &Action,
        now: u64,
        results: &[u8],
    ) -> Foreseen {
        let (id, machine) = self.machines.get(&task).cloned().ok_or(Refused::Silently)?;
        let deal = self.deals.get(&id).cloned().ok_or(Refused::Silently)?;
        let (machine, effects) = machine
            .step(DealId(id), &deal, action, now)
            .map_err(|_| Refused::Silently)?;
        self.machines.insert(task, (id, machine));
        let mut events = Vec::new();
        for effect in effects {
            if let Effect::Money(step) = effect {
                self.move_money(step)?;
            }
            if let Effect::Accurate { worker } = effect {
                self.scores.insert(worker, self.score(worker).rewarded());
            }
            if let Effect::Faulty { worker } = effect {
                self.scores.insert(worker, self.score(worker).penalised());
            }
            events.extend(self.events(task, effect, results));
        }
        Ok(events)
    }
}
