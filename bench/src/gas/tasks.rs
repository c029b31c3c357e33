//! The life of one task.

use alloy::primitives::{Address, B256, U256, keccak256};
use canut_tests::abi::Hub;
use canut_tests::actor::Actor;
use canut_tests::market::{Market, Orders, TIME_REF, digest, task_id};

use super::matches::params;
use super::sheet::Sheet;
use super::steady::{Phases, TRUST, whole_task};

const TEE: B256 = B256::with_last_byte(1);

pub(crate) fn measure(sheet: &mut Sheet, steady: &Market) {
    phases(sheet, steady);
    sheet.part("whole tasks, from the match to the money");
    for (workers, key) in [
        (1, Some("task_1")),
        (2, None),
        (3, Some("task_3")),
        (4, None),
        (5, Some("task_5")),
    ] {
        let (total, _) = whole_task(&mut steady.clone(), workers);
        let name = format!("{workers} worker{}", if workers == 1 { "" } else { "s" });
        match key {
            Some(key) => sheet.keyed(key, name, total),
            None => sheet.row(name, total),
        }
    }
    short_way(sheet, steady);
    endings(sheet, steady);
    batches(sheet, steady);
}

fn phases(sheet: &mut Sheet, steady: &Market) {
    sheet.part("phases of a task with 3 workers");
    let (
        _,
        Phases {
            matching,
            initialize,
            contributions,
            reveals,
            finalize,
        },
    ) = whole_task(&mut steady.clone(), 3);
    sheet.row("matchOrders", matching);
    sheet.keyed("initialize", "initialize", initialize);
    for (gas, which) in
        contributions
            .iter()
            .zip(["first", "middle", "last, which reaches consensus"])
    {
        sheet.row(format!("contribute, {which}"), *gas);
    }
    sheet.keyed(
        "contribute",
        "contribute, mean of the three",
        mean(&contributions),
    );
    for (gas, which) in reveals.iter().zip(["first", "next"]) {
        sheet.row(format!("reveal, {which}"), *gas);
    }
    sheet.keyed("reveal", "reveal, mean of the three", mean(&reveals));
    sheet.keyed("finalize", "finalize", finalize);
    sheet.part("phases that depend on the number of workers");
    for workers in [1, 2, 4, 5] {
        let (_, phases) = whole_task(&mut steady.clone(), workers);
        if let Some(last) = phases.contributions.last() {
            sheet.row(format!("contribute, the last of {workers}"), *last);
        }
        sheet.row(format!("finalize, {workers}"), phases.finalize);
    }
}

fn mean(gas: &[u64]) -> u64 {
    let count = gas.len().max(1) as u64;
    (gas.iter().sum::<u64>() + count / 2) / count
}

/// A task that waits for contributions.
fn active(m: &mut Market, change: impl Fn(Orders) -> Orders) -> B256 {
    let orders = m.orders();
    let deal = m.deal(change(orders));
    m.initialize(deal, 0)
}

fn vote(m: &mut Market, task: B256, workers: usize, result: B256) {
    for worker in (0..workers).map(Actor::Worker) {
        m.contribute(task, worker, result).succeeds();
    }
}

fn prove(m: &mut Market, task: B256, workers: usize, result: B256) {
    for worker in (0..workers).map(Actor::Worker) {
        m.reveal(task, worker, result).succeeds();
    }
}

fn short_way(sheet: &mut Sheet, steady: &Market) {
    sheet.part("contributeAndFinalize");
    let short = |change: fn(Orders) -> Orders, length: usize| {
        let mut m = steady.clone();
        let task = active(&mut m, change);
        let results = "r".repeat(length);
        m.contribute_and_finalize(task, Actor::Worker(0), digest("result"), &results)
            .ok()
            .gas
    };
    sheet.row("with a dataset", short(|o| o, 6));
    sheet.row("without a dataset", short(Orders::without_dataset, 6));
    for length in [32, 100, 256, 1_024] {
        sheet.row(format!("results of {length} bytes"), short(|o| o, length));
    }
    sheet.row("in an enclave", enclave(steady, 0));
    sheet.row("in an enclave, params of 200 bytes", enclave(steady, 200));
}

fn enclave(steady: &Market, length: usize) -> u64 {
    let mut m = steady.clone();
    let task = active(&mut m, |orders| params(orders.tag(TEE), length));
    let worker = Actor::Worker(0);
    let mut call = m.caf_call(task, worker, digest("result"), "result");
    let ballot = m
        .enclave_ballot(task, worker, digest("result"), Actor::Scheduler)
        .call;
    call.enclaveChallenge = ballot.enclaveChallenge;
    call.enclaveSign = ballot.enclaveSign;
    call.authorizationSign = ballot.authorizationSign;
    m.send(worker, call).ok().gas
}

fn endings(sheet: &mut Sheet, steady: &Market) {
    sheet.part("other endings");
    let result = digest("result");
    let mut m = steady.clone();
    let task = active(&mut m, |o| o.trust(TRUST[3]));
    vote(&mut m, task, 3, result);
    m.wait(2 * TIME_REF);
    sheet.row("reopen, 3 workers", m.reopen(task).ok().gas);

    let mut m = steady.clone();
    let task = active(&mut m, |o| o.trust(TRUST[3]));
    m.contribute(task, Actor::Worker(9), digest("wrong"))
        .succeeds();
    vote(&mut m, task, 5, result);
    prove(&mut m, task, 5, result);
    sheet.row(
        "finalize, 5 winners and 1 loser",
        m.finalize(task, "result").ok().gas,
    );

    let mut m = steady.clone();
    let failed = active(&mut m, |o| o);
    m.wait(10 * TIME_REF);
    sheet.row(
        "claim, nobody voted, the first ever",
        m.claim(failed).ok().gas,
    );
    for voters in 0..5 {
        let mut m = m.clone();
        let task = active(&mut m, |o| o.trust(TRUST[5]));
        vote(&mut m, task, voters, result);
        m.wait(10 * TIME_REF);
        sheet.row(format!("claim, {voters} voted"), m.claim(task).ok().gas);
    }
    let task = active(&mut m, |o| o.trust(TRUST[3]));
    vote(&mut m, task, 3, result);
    prove(&mut m, task, 3, result);
    sheet.row(
        "finalize, 3 workers and a kitty",
        m.finalize(task, "result").ok().gas,
    );

    let mut m = steady.clone();
    let told = [7; 64];
    let task = active(&mut m, |mut o| {
        o.request.callback = Address::repeat_byte(0xca);
        o
    });
    vote(&mut m, task, 1, keccak256(told));
    prove(&mut m, task, 1, keccak256(told));
    let done = m
        .finalize_with(Actor::Scheduler, task, b"result", &told)
        .ok();
    sheet.row("finalize, 1 worker, 64 bytes for a callback", done.gas);
}

fn batches(sheet: &mut Sheet, steady: &Market) {
    sheet.part("many tasks in one call");
    for count in [1, 10, 25] {
        let mut m = steady.clone();
        let orders = m.orders().volume(count);
        let deals = vec![m.deal(orders); count as usize];
        let indexes = (0..count).map(U256::from).collect();
        let done = m
            .send(
                Actor::Stranger,
                Hub::initializeArrayCall {
                    dealIds: deals,
                    indexes,
                },
            )
            .ok();
        sheet.row(format!("initializeArray of {count}"), done.gas);
    }
    let mut m = steady.clone();
    let orders = m.orders().volume(8);
    let deal = m.deal(orders);
    m.wait(10 * TIME_REF);
    let (deals, indexes) = (vec![deal; 4], (0..4).map(U256::from).collect());
    let call = Hub::initializeAndClaimArrayCall {
        dealIds: deals,
        indexes,
    };
    sheet.row(
        "initializeAndClaimArray of 4",
        m.send(Actor::Stranger, call).ok().gas,
    );
    for index in 4..8 {
        m.initialize(deal, index);
    }
    let tasks = (4..8).map(|index| task_id(deal, index)).collect();
    sheet.row(
        "claimArray of 4",
        m.send(Actor::Stranger, Hub::claimArrayCall { taskIds: tasks })
            .ok()
            .gas,
    );
}
