//! Attacks on the certificate way that no other story of these tests tries.

use super::*;
use alloy::primitives::Bytes;
use canut_tests::abi::Hub;
use canut_tests::market::KITTY;
use canut_tests::market::certificate::{Member, Voter, winners};

#[test]
fn a_contracts_word_is_no_vote_for_it_could_change_its_mind() {
    let mut m = market();
    let wallet = m.install("Wallet", "wallet");
    let deal = marked(&mut m, 2, 2);
    let (mine, whole) = (range(deal, 0, 1), range(deal, 0, 2));
    let (workerpool, amount) = (m.pool, bond());
    m.send(
        Actor::Requester,
        Hub::bondForCall {
            workerpool,
            worker: wallet,
            amount,
        },
    )
    .succeeds();
    // Asked, the wallet says that it signed whatever digest it is shown.
    let seal = mine.seal(wallet, right());
    let digest = m.commitment(mine, Address::ZERO, seal);
    let mut call = m.settle_call(mine, right(), &[]);
    call.members = [&[0], &wallet[..], &digest[..], &digest[..]]
        .concat()
        .into();
    let refused = Hub::BadSignature { signer: wallet };
    m.send(Actor::Scheduler, call).reverts_as(&refused);

    let done = m.settle(whole, right(), &winners(0..1)).ok();
    let s = m.settled(&done);
    let mut v = m.evidence(whole, Voter(9), wrong());
    let seal = whole.seal(wallet, wrong());
    (v.worker, v.seal) = (wallet, seal);
    let digest = m.commitment(whole, Address::ZERO, seal);
    for sign in [digest.to_vec(), [digest, digest].concat()] {
        v.sign = Bytes::from(sign);
        let (s, v) = (s.clone(), v.clone());
        m.send(Actor::Stranger, Hub::slashLoserCall { s, v })
            .reverts_as(&refused);
    }
}

#[test]
fn what_is_forfeited_reaches_neither_the_kitty_nor_the_owner() {
    let mut m = market();
    let supply = m.view(Hub::totalSupplyCall {});
    let kitty = m.account(KITTY);
    let deal = marked(&mut m, 20, 2);
    let members = [winners(0..6), vec![Member::Loser(Voter(6), wrong())]].concat();
    m.settle(range(deal, 0, 20), right(), &members).succeeds();
    let sunk = m.account(SINK);
    let done = m.send(Actor::Admin, Hub::recoverCall {});
    assert_eq!(done.returned::<Hub::recoverCall>(), n(0));
    assert_eq!(m.account(SINK), sunk);
    assert_eq!(m.account(KITTY), kitty);
    assert_eq!(m.view(Hub::totalSupplyCall {}), supply);
    check_books(&m);
}

#[test]
fn a_record_and_a_bond_in_ones_own_pool_are_worth_nothing_elsewhere() {
    let mut m = market();
    for _ in 0..32 {
        let deal = marked(&mut m, 1, 2);
        m.settle(range(deal, 0, 1), right(), &winners(0..2))
            .succeeds();
        m.wait(86_400);
    }
    assert_eq!(m.bond_of(Voter(0)).weight, n(10));
    m.pool = m.create_pool(Actor::Scheduler, "another pool");
    let there = m.bond_of(Voter(0));
    assert_eq!((there.bond, there.score, there.weight), (n(0), n(0), n(2)));
    let deal = marked(&mut m, 1, 10);
    let worker = Voter(0).address();
    let settle = |m: &mut Market| m.settle(range(deal, 0, 1), right(), &winners(0..1));
    settle(&mut m).reverts_as(&Hub::Underbonded { worker });
    m.bond(0..1, bond());
    let alone = Hub::NotCredible {
        p: n(2),
        q: n(1),
        trust: n(10),
    };
    settle(&mut m).reverts_as(&alone);
}
