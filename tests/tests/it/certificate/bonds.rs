//! Bonds: given at once, given back a week after they were asked back.

use super::*;
use canut_tests::abi::Hub;
use canut_tests::market::certificate::Voter;
use canut_tests::outcome::Outcome;

const WEEK: u64 = 604_800;

fn bond_call(m: &mut Market, from: Actor, amount: U256) -> Outcome {
    let workerpool = m.pool;
    m.send(from, Hub::bondCall { workerpool, amount })
}

fn unbond(m: &mut Market, from: Actor, amount: U256) -> Outcome {
    let workerpool = m.pool;
    m.send(from, Hub::unbondCall { workerpool, amount })
}

fn withdraw(m: &mut Market, worker: impl Into<Address>) -> Outcome {
    let (workerpool, worker) = (m.pool, worker.into());
    m.send(
        Actor::Stranger,
        Hub::withdrawBondCall { workerpool, worker },
    )
}

#[test]
fn a_bond_is_locked_money_in_one_pool_and_comes_back_after_a_week() {
    let mut m = market();
    let worker = Actor::Worker(0);
    let before = m.account(worker);
    let done = bond_call(&mut m, worker, n(100)).ok();
    assert_eq!(done.event_names(), ["Transfer", "Lock", "Bonded"]);
    assert_eq!(m.account(worker).locked, before.locked + n(100));
    assert_eq!(m.account(worker).stake, before.stake - n(100));
    let other = Hub::viewBondCall {
        workerpool: nobody(),
        worker: worker.address(),
    };
    assert_eq!(m.view(other).bond, n(0), "only in the pool it was given to");

    let who = worker.address();
    unbond(&mut m, worker, n(101)).reverts_as(&Hub::Underbonded { worker: who });
    unbond(&mut m, worker, n(60)).succeeds();
    let first = m.world.time() + WEEK;
    let bond = m.bond_of(worker);
    assert_eq!((bond.bond, bond.pending), (n(40), n(60)));
    assert_eq!(bond.readyAt, n(first));
    // A second request starts the clock anew for all.
    m.wait(WEEK - 1);
    unbond(&mut m, worker, n(10)).succeeds();
    let ready = m.world.time() + WEEK;
    m.wait(1);
    withdraw(&mut m, worker).reverts_as(&Hub::TooEarly { time: n(ready) });
    m.wait(WEEK - 2);
    withdraw(&mut m, worker).reverts_as(&Hub::TooEarly { time: n(ready) });
    m.wait(1);
    withdraw(&mut m, worker).succeeds();
    assert_eq!(m.account(worker).locked, before.locked + n(30));
    let bond = m.bond_of(worker);
    assert_eq!((bond.bond, bond.pending), (n(30), n(0)));
    withdraw(&mut m, worker).succeeds();
    assert_eq!(m.account(worker).stake, before.stake - n(30));
    check_books(&m);
}

#[test]
fn nobody_bonds_more_than_there_is() {
    let mut m = market();
    let free = m.account(Actor::Worker(0)).stake;
    let refused = bond_call(&mut m, Actor::Worker(0), free + n(1));
    refused.reverts_with("IexecEscrow: Transfer amount exceeds balance");
    bond_call(&mut m, Actor::Worker(0), free).succeeds();
    let huge = bond_call(&mut m, Actor::Worker(1), U256::from(1) << 72);
    assert!(huge.result.is_err());
    let endless = bond_call(&mut m, Actor::Worker(1), U256::MAX);
    assert!(endless.result.is_err());
    check_books(&m);
}

#[test]
fn a_worker_without_ether_asks_its_bond_back_by_a_signature() {
    let mut m = market();
    let (pool, worker) = (m.pool, Voter(3).address());
    let deadline = m.world.time() + 100;
    let ask = |m: &Market, nonce, sign_with: Voter| Hub::unbondForCall {
        worker,
        workerpool: pool,
        amount: n(5),
        deadline: n(deadline),
        sign: sign_with.sign(m.unbonding(pool, n(5), nonce, deadline)),
    };
    let bad = Hub::BadSignature { signer: worker };
    for call in [ask(&m, 1, Voter(3)), ask(&m, 0, Voter(4))] {
        m.send(Actor::Stranger, call).reverts_as(&bad);
    }
    let good = ask(&m, 0, Voter(3));
    for change in [
        |call: &mut Hub::unbondForCall| call.amount = n(6),
        |call: &mut Hub::unbondForCall| call.deadline += n(1),
        |call: &mut Hub::unbondForCall| call.workerpool = nobody(),
        |call: &mut Hub::unbondForCall| {
            let long: Vec<u8> = call.sign.iter().copied().chain([27]).collect();
            call.sign = long.into();
        },
    ] {
        let mut call = good.clone();
        change(&mut call);
        m.send(Actor::Stranger, call).reverts_as(&bad);
    }
    let mut late = m.clone();
    late.wait(101);
    late.send(Actor::Stranger, good.clone())
        .reverts_as(&Hub::TooLate {
            deadline: n(deadline),
        });
    m.wait(100);
    m.send(Actor::Stranger, good.clone()).succeeds();
    m.send(Actor::Stranger, good).reverts_as(&bad);
    let nonce = Hub::viewBondNonceCall {
        workerpool: pool,
        worker,
    };
    assert_eq!(m.view(nonce), n(1));
    assert_eq!(m.bond_of(Voter(3)).pending, n(5));
}

#[test]
fn a_bond_cannot_be_spent_while_it_stands() {
    let mut m = market();
    let worker = Actor::Worker(0);
    let free = m.account(worker).stake;
    bond_call(&mut m, worker, free).succeeds();
    let call = Hub::withdrawCall { amount: n(1) };
    assert!(m.send(worker, call).result.is_err());
    let call = Hub::transferCall {
        to: nobody(),
        amount: n(1),
    };
    assert!(m.send(worker, call).result.is_err());
}

fn nobody() -> Address {
    Address::repeat_byte(0xee)
}
