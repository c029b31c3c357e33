//! The certificate way and the open way on the same deals.

use super::*;
use canut_tests::abi::Hub;
use canut_tests::market::certificate::winners;
use canut_tests::market::{KITTY, POOL_PRICE, TIME_REF, digest, task_id};
use canut_tests::outcome::Outcome;

fn settle(m: &mut Market, deal: B256, first: u64, count: u64) -> Outcome {
    m.settle(range(deal, first, count), right(), &winners(0..1))
}

fn taken(index: u64) -> Hub::TaskTaken {
    Hub::TaskTaken { idx: n(index) }
}

#[test]
fn initializing_tasks_stops_nobody() {
    for tasks in [1, 5] {
        let mut m = market();
        let deal = marked(&mut m, tasks, 2);
        for index in 0..tasks {
            m.initialize(deal, index);
        }
        settle(&mut m, deal, 0, tasks).succeeds();
        m.contribute(task_id(deal, 0), Actor::Worker(0), digest("r"))
            .reverts_as(&taken(0));
        m.wait(10 * TIME_REF);
        m.claim(task_id(deal, 0)).reverts_as(&taken(0));
        check_books(&m);
    }
}

#[test]
fn a_contribution_takes_a_task_for_the_open_way() {
    for tasks in [1, 5] {
        let mut m = market();
        let deal = marked(&mut m, tasks, 3);
        let last = tasks - 1;
        let task = m.initialize(deal, last);
        m.contribute(task, Actor::Worker(0), digest("r")).succeeds();
        settle(&mut m, deal, 0, tasks).reverts_as(&taken(last));
        m.contribute(task, Actor::Worker(1), digest("r")).succeeds();
        settle(&mut m, deal, last, 1).reverts_as(&taken(last));
        for worker in 0..2 {
            m.reveal(task, Actor::Worker(worker), digest("r"))
                .succeeds();
        }
        m.finalize(task, "result").succeeds();
        settle(&mut m, deal, last, 1).reverts_as(&taken(last));
        if tasks > 1 {
            m.settle(range(deal, 0, last), right(), &winners(0..2))
                .succeeds();
        }
        check_books(&m);
    }
}

#[test]
fn a_settled_task_is_closed_to_the_open_way() {
    for make in [marked, unmarked] {
        for tasks in [1, 5] {
            let mut m = market();
            let deal = make(&mut m, tasks, 2);
            settle(&mut m, deal, 0, tasks).succeeds();
            for index in 0..tasks {
                assert!(m.try_initialize(deal, index).result.is_err());
                let task = task_id(deal, index);
                let vote = m.contribute(task, Actor::Worker(0), digest("r"));
                vote.reverts_empty();
                m.claim(task).reverts_empty();
            }
            check_books(&m);
        }
    }
}

#[test]
fn at_trust_one_a_single_call_takes_a_task_too() {
    for tasks in [1, 5] {
        let mut m = market();
        let deal = marked(&mut m, tasks, 1);
        let task = m.initialize(deal, 0);
        m.contribute_and_finalize(task, Actor::Worker(0), digest("r"), "r")
            .succeeds();
        settle(&mut m, deal, 0, 1).reverts_as(&taken(0));
        if tasks > 1 {
            let task = m.initialize(deal, 1);
            settle(&mut m, deal, 1, 2).succeeds();
            m.contribute_and_finalize(task, Actor::Worker(0), digest("r"), "r")
                .reverts_as(&taken(1));
        }
        check_books(&m);
    }
}

#[test]
fn a_reopened_task_stays_with_the_open_way() {
    let mut m = market();
    let deal = marked(&mut m, 3, 1);
    let task = m.initialize(deal, 1);
    m.contribute(task, Actor::Worker(0), digest("r")).succeeds();
    m.wait(2 * TIME_REF);
    m.reopen(task).succeeds();
    settle(&mut m, deal, 0, 3).reverts_as(&taken(1));
}

#[test]
fn a_claim_ends_a_task_and_a_marked_deals_seized_stake_goes_to_the_payer() {
    for tasks in [1, 5] {
        let stake = POOL_PRICE * n(30) / n(100);
        for (make, to_payer) in [(marked as Make, stake), (unmarked, n(0))] {
            let mut m = market();
            let deal = make(&mut m, tasks, 2);
            let before = m.clone();
            let task = m.initialize(deal, 0);
            m.wait(10 * TIME_REF);
            m.claim(task).succeeds();
            let (payer, old) = (
                m.account(Actor::Requester),
                before.account(Actor::Requester),
            );
            let back = old.locked - payer.locked;
            assert_eq!(payer.stake - old.stake, back + to_payer);
            assert_eq!(m.account(KITTY).locked, stake - to_payer);
            assert_eq!(m.bond_of(Actor::Worker(0)).bond, n(0));
            check_books(&m);
        }
    }
}

type Make = fn(&mut Market, u64, u64) -> B256;

#[test]
fn a_marked_deal_is_an_ordinary_deal_for_the_open_way() {
    let mut m = market();
    let deal = marked(&mut m, 2, 3);
    let ask = |dealid| Hub::viewMarkedCall { dealid };
    assert!(m.view(ask(deal)));
    m.complete(deal, 1, &[Actor::Worker(0), Actor::Worker(1)]);
    assert_eq!(m.view_deal(deal).schedulerRewardRatio, n(1));
    let plain = unmarked(&mut m, 2, 3);
    assert!(!m.view(ask(plain)));
    check_books(&m);
}
