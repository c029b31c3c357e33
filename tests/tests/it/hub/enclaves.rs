//! Tasks that run in an enclave.

use super::*;
use canut_tests::abi::Hub;
use canut_tests::market::{authorization, digest, enclave_sign};

/// A task that must run in an enclave.
fn task(m: &mut Market, workers: usize) -> B256 {
    let orders = m.orders().tag(bit(0)).trust(trust_of(workers));
    let deal = m.deal(orders);
    m.initialize(deal, 0)
}

#[test]
fn an_enclave_signs_what_it_computed() {
    on_both(|m| {
        let task = task(m, 3);
        for worker in workers(3) {
            let ballot = m.enclave_ballot(task, worker, digest("r"), Actor::Scheduler);
            m.cast(&ballot).succeeds();
            m.ask(Hub::viewContributionCall {
                taskid: task,
                worker: worker.address(),
            })
            .succeeds();
            let shown = m.contribution(task, worker);
            assert_eq!(shown.enclaveChallenge, Actor::Enclave.address());
        }
        for worker in workers(3) {
            m.reveal(task, worker, digest("r")).succeeds();
        }
        m.finalize(task, "r").succeeds();
    });
}

#[test]
fn an_enclave_task_wants_an_enclave() {
    on_both(|m| {
        let task = task(m, 3);
        let worker = Actor::Worker(0);
        m.contribute(task, worker, digest("r")).reverts_empty();
        let good = m.enclave_ballot(task, worker, digest("r"), Actor::Scheduler);
        // Somebody else's word.
        let mut bad = good.clone();
        bad.call.enclaveSign =
            enclave_sign(Actor::Worker(0), bad.call.resultHash, bad.call.resultSeal);
        m.cast(&bad).reverts_empty();
        // A word for another result.
        bad = good.clone();
        bad.call.enclaveSign =
            enclave_sign(Actor::Enclave, bad.call.resultHash, bad.call.resultHash);
        m.cast(&bad).reverts_empty();
        bad.call.enclaveSign = vec![1; 3].into();
        m.cast(&bad).reverts_with("invalid-signature-format");
        // An authorization for another enclave, or for none.
        for enclave in [Address::ZERO, nobody()] {
            bad = good.clone();
            bad.call.authorizationSign =
                authorization(Actor::Scheduler, worker.address(), task, enclave);
            m.cast(&bad).reverts_empty();
        }
        m.cast(&good).succeeds();
    });
}

#[test]
fn any_task_may_run_in_an_enclave() {
    on_both(|m| {
        let orders = m.orders();
        let deal = m.deal(orders);
        let task = m.initialize(deal, 0);
        let ballot = m.enclave_ballot(task, Actor::Worker(0), digest("r"), Actor::Scheduler);
        m.cast(&ballot).succeeds();
    });
}

#[test]
fn a_broker_vouches_for_enclaves_once_there_is_one() {
    on_both(|m| {
        let broker = Actor::Broker.address();
        m.send(Actor::Stranger, Hub::setTeeBrokerCall { broker })
            .reverts_with("Ownable: caller is not the owner");
        m.send(Actor::Admin, Hub::setTeeBrokerCall { broker })
            .succeeds();
        assert_eq!(
            m.ask(Hub::teebrokerCall {})
                .returned::<Hub::teebrokerCall>(),
            broker
        );
        let task = task(m, 3);
        let bad = m.enclave_ballot(task, Actor::Worker(0), digest("r"), Actor::Scheduler);
        m.cast(&bad).reverts_empty();
        let good = m.enclave_ballot(task, Actor::Worker(0), digest("r"), Actor::Broker);
        m.cast(&good).succeeds();
        // Without an enclave the scheduler's word still counts, and only his.
        let orders = m.orders();
        let deal = m.deal(orders);
        let open = m.initialize(deal, 0);
        let mut ballot = m.ballot(open, Actor::Worker(0), digest("r"));
        let to = Actor::Worker(0).address();
        let by_scheduler = ballot.call.authorizationSign.clone();
        ballot.call.authorizationSign = authorization(Actor::Broker, to, open, Address::ZERO);
        m.cast(&ballot).reverts_empty();
        ballot.call.authorizationSign = by_scheduler;
        m.cast(&ballot).succeeds();
    });
}

#[test]
fn the_short_way_runs_in_enclaves_too() {
    on_both(|m| {
        let task = task(m, 1);
        let (worker, result) = (Actor::Worker(0), digest("r"));
        let orders = m.orders().tag(bit(0)).trust(1);
        let deal = m.deal(orders);
        let other = m.initialize(deal, 0);
        let mut call = m.caf_call(other, worker, result, "r");
        m.send(worker, call.clone()).reverts_empty();
        let ballot = m.enclave_ballot(other, worker, result, Actor::Scheduler);
        call.enclaveChallenge = ballot.call.enclaveChallenge;
        call.authorizationSign = ballot.call.authorizationSign;
        m.send(worker, call.clone())
            .reverts_with("invalid-signature-format");
        call.enclaveSign = enclave_sign(
            Actor::Stranger,
            ballot.call.resultHash,
            ballot.call.resultSeal,
        );
        m.send(worker, call.clone()).reverts_empty();
        call.enclaveSign = ballot.call.enclaveSign;
        m.send(worker, call).succeeds();
        assert_eq!(m.task(task).status, 1, "the other task is untouched");
    });
}

#[test]
fn a_contract_may_be_the_enclave_or_the_broker() {
    on_both(|m| {
        use alloy::primitives::{eip191_hash_message, keccak256};
        let wallet = m.install("Wallet", "wallet");
        m.send(Actor::Admin, Hub::setTeeBrokerCall { broker: wallet })
            .succeeds();
        let task = task(m, 1);
        let worker = Actor::Worker(0);
        let mut ballot = m.enclave_ballot(task, worker, digest("r"), Actor::Broker);
        m.cast(&ballot).reverts_empty();
        ballot.call.enclaveChallenge = wallet;
        let packed = [&worker.address()[..], &task[..], &wallet[..]].concat();
        ballot.call.authorizationSign = eip191_hash_message(keccak256(packed)).to_vec().into();
        let voted = [ballot.call.resultHash, ballot.call.resultSeal].concat();
        ballot.call.enclaveSign = eip191_hash_message(keccak256(voted)).to_vec().into();
        m.cast(&ballot).succeeds();
    });
}
