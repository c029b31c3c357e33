//! When the scheduler stalls: votes are posted, opened and counted by anybody.

use super::*;
use alloy::primitives::keccak256;
use canut_tests::abi::Hub;
use canut_tests::market::certificate::{Voter, enclave_proof, leaf, open_call, post_call, winners};
use canut_tests::market::{APP_PRICE, DATASET_PRICE, KITTY, POOL_PRICE, TIME_REF, task_id};

const CONTRIBUTED: u64 = 7 * TIME_REF;
const POSTED: u64 = 8 * TIME_REF;
const OPENED: u64 = 9 * TIME_REF;
const FINAL: u64 = 10 * TIME_REF;

const REVEALING: u8 = 2;
const COMPLETED: u8 = 3;
const FAILED: u8 = 4;

/// Somebody who has ether and nothing else to do with the deal.
const RELAY: Actor = Actor::Worker(7);
const CALLER: Actor = Actor::Worker(8);

/// Moves the clock to `seconds` after the deal's start.
fn at(m: &mut Market, deal: B256, seconds: u64) {
    m.world.set_time(start(m, deal) + seconds);
}

fn start(m: &Market, deal: B256) -> u64 {
    m.view_deal(deal).startTime.to()
}

fn votes(
    right_ones: std::ops::Range<usize>,
    wrong_ones: std::ops::Range<usize>,
) -> Vec<(Voter, Value)> {
    let right_ones = right_ones.map(|v| (Voter(v), right()));
    right_ones
        .chain(wrong_ones.map(|v| (Voter(v), wrong())))
        .collect()
}

fn stake(count: u64) -> U256 {
    POOL_PRICE * n(30) / n(100) * n(count)
}

struct Money<'a>(&'a Market, &'a Market);

impl Money<'_> {
    fn gained(&self, who: impl Into<Address> + Copy) -> U256 {
        self.1.account(who).stake - self.0.account(who).stake
    }

    fn unlocked(&self, who: impl Into<Address> + Copy) -> U256 {
        self.0.account(who).locked - self.1.account(who).locked
    }
}

#[test]
fn workers_of_a_pool_that_stalls_are_paid_by_the_hub() {
    let mut m = market();
    let deal = marked(&mut m, 10, 8);
    let range = range(deal, 2, 5);
    at(&mut m, deal, CONTRIBUTED);
    let before = m.clone();
    let done = m.post(RELAY, range, &votes(0..3, 0..0)).ok();
    assert_eq!(done.events::<Hub::RangePosted>(m.hub).len(), 3);
    assert_eq!(m.bond_of(Voter(0)).bond, bond() - risk(5), "in the post");
    assert_eq!(m.account(Voter(0).address()).locked, bond());
    assert_eq!(m.task_at(deal, 4).status, REVEALING);
    m.settle(range, right(), &winners(0..3))
        .reverts_as(&Hub::TaskTaken { idx: n(2) });
    at(&mut m, deal, POSTED);
    let done = m.open(Actor::Stranger, range, right()).ok();
    assert_eq!(done.events::<Hub::RangeOpened>(m.hub).len(), 3);
    // All are opened: nobody needs to wait.
    let done = m.resolve(CALLER, range).ok();
    let event = &done.events::<Hub::RangeSettled>(m.hub)[0];
    assert_eq!((event.way, event.root), (2, right().root));
    let money = Money(&before, &m);
    // Five RLC among three; the first to be posted has the two units that are lost to rounding.
    let third = POOL_PRICE * n(5) / n(3);
    assert_eq!(money.gained(Voter(0).address()), third + n(2));
    assert_eq!(money.gained(Voter(2).address()), third);
    assert_eq!(money.gained(RELAY), stake(5) / n(10));
    assert_eq!(money.gained(CALLER), stake(5) / n(10));
    assert_eq!(money.gained(Actor::Requester), stake(5) * n(8) / n(10));
    assert_eq!(money.gained(Actor::Scheduler), n(0));
    assert_eq!(money.unlocked(Actor::Scheduler), stake(5));
    assert_eq!(money.gained(Actor::AppOwner), APP_PRICE * n(5));
    assert_eq!(m.bond_of(Voter(0)).bond, bond());
    assert_eq!(m.bond_of(Voter(0)).score, n(1));
    assert_eq!(m.task_at(deal, 4).status, COMPLETED);
    m.resolve(CALLER, range)
        .reverts_as(&Hub::NotPosted { rid: range.id() });
    check_books(&m);
}

#[test]
fn a_pool_that_posts_first_keeps_its_stake_and_its_part() {
    let mut m = market();
    let deal = marked(&mut m, 1, 4);
    let range = range(deal, 0, 1);
    at(&mut m, deal, CONTRIBUTED);
    let before = m.clone();
    m.post(Actor::Scheduler, range, &votes(0..2, 0..0))
        .succeeds();
    at(&mut m, deal, POSTED);
    m.open(Actor::Stranger, range, right()).succeeds();
    m.resolve(CALLER, range).succeeds();
    let money = Money(&before, &m);
    let half = POOL_PRICE * n(99) / n(100) / n(2);
    assert_eq!(money.gained(Voter(1).address()), half);
    let part = POOL_PRICE - half * n(2);
    assert_eq!(money.gained(Actor::Scheduler), part + stake(1));
    assert_eq!(money.gained(CALLER), n(0));
    check_books(&m);
}

#[test]
fn nobody_opens_and_the_payer_is_refunded() {
    for poster in [RELAY, Actor::Scheduler] {
        let mut m = market();
        let deal = marked(&mut m, 4, 4);
        let range = range(deal, 0, 4);
        at(&mut m, deal, CONTRIBUTED);
        let before = m.clone();
        m.post(poster, range, &votes(0..2, 0..0)).succeeds();
        at(&mut m, deal, OPENED - 1);
        m.resolve(CALLER, range).reverts_as(&Hub::TooEarly {
            time: n(start(&m, deal) + OPENED),
        });
        at(&mut m, deal, OPENED);
        let done = m.resolve(CALLER, range).ok();
        assert_eq!(done.events::<Hub::RangeFailed>(m.hub)[0].count, n(4));
        let slashed = done.events::<Hub::Slashed>(m.hub);
        let reasons: Vec<u8> = slashed.iter().map(|event| event.reason).collect();
        assert_eq!(reasons, [3, 3, 5]);
        let money = Money(&before, &m);
        let price = (APP_PRICE + DATASET_PRICE + POOL_PRICE) * n(4);
        let back = price + stake(4) * n(8) / n(10);
        assert_eq!(money.gained(Actor::Requester), back);
        assert_eq!(money.gained(poster), stake(4) / n(10));
        assert_eq!(m.account(SINK).stake, risk(4) * n(2));
        assert_eq!(m.account(KITTY).locked, n(0));
        assert_eq!(m.bond_of(Voter(0)).bond, bond() - risk(4));
        assert_eq!(m.task_at(deal, 1).status, FAILED);
        m.settle(range, right(), &winners(0..2))
            .reverts_as(&Hub::TaskTaken { idx: n(0) });
        check_books(&m);
    }
}

#[test]
fn one_opening_is_enough_for_all_and_the_others_lose() {
    let mut m = market();
    let deal = marked(&mut m, 1, 4);
    let range = range(deal, 0, 1);
    at(&mut m, deal, CONTRIBUTED);
    // Five of a mind, one wrong and opened, one wrong and silent; 32·10 > (1 + 32 + 4)·9 is false; six are enough.
    let mut all = votes(0..6, 10..11);
    all.push((Voter(11), Value::named("secret")));
    let before = m.clone();
    m.post(RELAY, range, &all).succeeds();
    at(&mut m, deal, POSTED);
    m.open(Actor::Stranger, range, wrong()).succeeds();
    m.open(Actor::Stranger, range, wrong())
        .reverts_as(&Hub::NothingOpened { rid: range.id() });
    m.open(Actor::Stranger, range, Value::named("nothing"))
        .reverts_as(&Hub::NothingOpened { rid: range.id() });
    m.open(Actor::Stranger, range, right()).succeeds();
    at(&mut m, deal, OPENED);
    let done = m.resolve(CALLER, range).ok();
    let slashed = done.events::<Hub::Slashed>(m.hub);
    let found: Vec<_> = slashed.iter().map(|e| (e.account, e.reason)).collect();
    let expected = [(Voter(10).address(), 1), (Voter(11).address(), 3)];
    assert_eq!(found[..2], expected);
    let pay = POOL_PRICE / n(6);
    let money = Money(&before, &m);
    assert_eq!(money.gained(Voter(3).address()), pay * n(2));
    assert_eq!(m.bond_of(Voter(11)).bond, bond() - risk(1));
    let dust = POOL_PRICE - pay * n(6);
    assert_eq!(money.gained(Voter(0).address()), pay * n(2) + dust);
    assert_eq!(m.account(SINK).stake, risk(1) * n(2) - pay * n(6));
    check_books(&m);
}

#[test]
fn a_dispute_that_nobody_wins_costs_only_the_silent() {
    let mut m = market();
    let deal = marked(&mut m, 1, 4);
    let range = range(deal, 0, 1);
    at(&mut m, deal, CONTRIBUTED);
    let mut all = votes(0..3, 10..12);
    all.push((Voter(20), Value::named("secret")));
    m.post(RELAY, range, &all).succeeds();
    at(&mut m, deal, POSTED);
    for value in [right(), wrong()] {
        m.open(Actor::Stranger, range, value).succeeds();
    }
    at(&mut m, deal, OPENED);
    m.resolve(CALLER, range).succeeds();
    assert_eq!(m.task_at(deal, 0).status, FAILED);
    for voter in [0, 1, 2, 10, 11] {
        assert_eq!(m.bond_of(Voter(voter)).bond, bond());
    }
    assert_eq!(m.bond_of(Voter(20)).bond, bond() - risk(1));
    check_books(&m);
}

#[test]
fn every_window_opens_and_closes_to_the_second() {
    let mut m = market();
    let deal = marked(&mut m, 10, 2);
    let (a, b) = (range(deal, 0, 1), range(deal, 1, 2));
    let post = |m: &mut Market, range| m.post(RELAY, range, &votes(0..1, 0..0));
    let open = |m: &mut Market, range| m.open(Actor::Stranger, range, right());
    let t0 = start(&m, deal);
    let early = |at: u64| Hub::TooEarly { time: n(t0 + at) };
    let late = |at: u64| Hub::TooLate {
        deadline: n(t0 + at),
    };
    at(&mut m, deal, CONTRIBUTED - 1);
    post(&mut m, a).reverts_as(&early(CONTRIBUTED));
    at(&mut m, deal, CONTRIBUTED);
    post(&mut m, a).succeeds();
    open(&mut m, a).reverts_as(&early(POSTED));
    m.settle(range(deal, 9, 1), right(), &winners(0..1))
        .succeeds();
    at(&mut m, deal, POSTED - 1);
    post(&mut m, b).succeeds();
    open(&mut m, a).reverts_as(&early(POSTED));
    m.resolve(CALLER, a).reverts_as(&early(OPENED));
    at(&mut m, deal, POSTED);
    post(&mut m, range(deal, 3, 1)).reverts_as(&late(POSTED));
    m.post(RELAY, a, &votes(1..2, 0..0))
        .reverts_as(&late(POSTED));
    open(&mut m, a).succeeds();
    m.resolve(CALLER, a).succeeds();
    at(&mut m, deal, OPENED - 1);
    m.resolve(CALLER, b).reverts_as(&early(OPENED));
    open(&mut m, b).succeeds();
    at(&mut m, deal, OPENED);
    open(&mut m, b).reverts_as(&late(OPENED));
    m.settle(range(deal, 8, 1), right(), &winners(0..1))
        .succeeds();
    at(&mut m, deal, FINAL - 1);
    m.claim_range(range(deal, 3, 1)).reverts_as(&early(FINAL));
    at(&mut m, deal, FINAL);
    m.settle(range(deal, 7, 1), right(), &winners(0..1))
        .reverts_as(&late(FINAL));
    m.claim_range(range(deal, 3, 1)).succeeds();
    m.resolve(CALLER, b).succeeds();
    m.claim_range(range(deal, 3, 5))
        .reverts_as(&Hub::TaskTaken { idx: n(3) });
    m.claim_range(range(deal, 4, 4)).succeeds();
    check_books(&m);
}

#[test]
fn only_what_the_scheduler_countersigned_is_posted() {
    let mut m = market();
    let deal = marked(&mut m, 2, 2);
    let other = marked(&mut m, 2, 2);
    let range_ = range(deal, 0, 1);
    at(&mut m, deal, CONTRIBUTED);
    let good = m.posted(range_, Voter(0), right(), Address::ZERO);
    let worker = Voter(0).address();
    let scheduler = Actor::Scheduler.address();
    let with_assignment =
        |of: canut_tests::market::certificate::Range, who: Address, sign: &[u8]| {
            let mut vote = good.to_vec();
            vote.splice(136.., m.assigned(of, who, sign));
            vote
        };
    let sign = good[20..84].to_vec();
    let signer = scheduler;
    for vote in [
        with_assignment(range(deal, 1, 1), worker, &sign),
        with_assignment(range(other, 0, 1), worker, &sign),
        with_assignment(range(deal, 0, 2), worker, &sign),
        with_assignment(range_, Voter(1).address(), &sign),
        with_assignment(range_, worker, &good[..64]),
    ] {
        let call = post_call(range_, &[vote.into()]);
        m.send(RELAY, call)
            .reverts_as(&Hub::BadSignature { signer });
    }
    for byte in [20, 60, 83, 84, 110] {
        let mut vote = good.to_vec();
        vote[byte] ^= 1;
        let call = post_call(range_, &[vote.into()]);
        m.send(RELAY, call)
            .reverts_as(&Hub::BadSignature { signer: worker });
    }
    for length in [0, 1, 199, 201, 399] {
        let votes = [&good[..], &good[..]].concat()[..length].to_vec();
        let call = post_call(range_, &[votes.into()]);
        m.send(RELAY, call).reverts_as(&Hub::WrongLength {
            length: n(length as u64),
        });
    }
    let twice = post_call(range_, &[good.clone(), good.clone()]);
    m.send(RELAY, twice)
        .reverts_as(&Hub::AlreadyPosted { worker });
    m.send(RELAY, post_call(range_, std::slice::from_ref(&good)))
        .succeeds();
    m.send(RELAY, post_call(range_, &[good]))
        .reverts_as(&Hub::AlreadyPosted { worker });
    let both = m.posted(range(deal, 0, 2), Voter(0), right(), Address::ZERO);
    m.send(RELAY, post_call(range(deal, 0, 2), &[both]))
        .reverts_as(&Hub::TaskTaken { idx: n(0) });
}

#[test]
fn a_vote_is_posted_with_its_stake_even_out_of_what_was_asked_back() {
    let mut m = market();
    let deal = marked(&mut m, 3_334, 2);
    let lone = marked(&mut m, 1, 2);
    let worker = Voter(0).address();
    let digest = m.unbonding(m.pool, bond(), 0, u64::MAX >> 1);
    let call = Hub::unbondForCall {
        worker,
        workerpool: m.pool,
        amount: bond(),
        deadline: n(u64::MAX >> 1),
        sign: Voter(0).sign(digest),
    };
    m.send(Actor::Stranger, call).succeeds();
    at(&mut m, deal, CONTRIBUTED);
    m.post(RELAY, range(deal, 0, 3_334), &votes(0..1, 0..0))
        .reverts_as(&Hub::Underbonded { worker });
    m.post(RELAY, range(deal, 0, 3_330), &votes(0..1, 0..0))
        .succeeds();
    assert_eq!(m.bond_of(Voter(0)).pending, bond() - risk(3_330));
    m.post(RELAY, range(lone, 0, 1), &votes(0..1, 0..0))
        .reverts_as(&Hub::Underbonded { worker });
    // The week is over long after the opening, and what is posted stays.
    at(&mut m, deal, 604_800 + 10);
    let call = Hub::withdrawBondCall {
        workerpool: m.pool,
        worker,
    };
    m.send(Actor::Stranger, call).succeeds();
    assert_eq!(m.account(worker).locked, risk(3_330));
    m.resolve(CALLER, range(deal, 0, 3_330)).succeeds();
    assert_eq!(m.account(worker).locked, n(0));
    assert_eq!(m.account(SINK).stake, risk(3_330));
    check_books(&m);
}

#[test]
fn forty_eight_votes_fit_in_a_block_and_no_more_in_a_range() {
    let mut m = market();
    let deal = marked(&mut m, 1, 4);
    let range = range(deal, 0, 1);
    at(&mut m, deal, CONTRIBUTED);
    let mut all = votes(0..40, 0..0);
    // Every other vote is for a value of its own.
    all.extend((40..48).map(|v| (Voter(v), Value::named(&v.to_string()))));
    let posted = m.post(RELAY, range, &all).ok();
    m.post(RELAY, range, &votes(50..51, 0..0))
        .reverts_as(&Hub::TooManyMembers { most: n(48) });
    at(&mut m, deal, POSTED);
    for value in (40..48).map(|v: usize| Value::named(&v.to_string())) {
        m.open(RELAY, range, value).succeeds();
    }
    let opened = m.open(RELAY, range, right()).ok();
    let resolved = m.resolve(CALLER, range).ok();
    for gas in [posted.gas, opened.gas, resolved.gas] {
        assert!(gas < canut_tests::world::GAS_LIMIT, "one transaction");
    }
    assert_eq!(m.task_at(deal, 0).status, COMPLETED);
    check_books(&m);
}

#[test]
fn forty_eight_values_are_opened_and_none_is_believed() {
    let mut m = market();
    let deal = marked(&mut m, 1, 4);
    let range = range(deal, 0, 1);
    at(&mut m, deal, CONTRIBUTED);
    let own = |v: usize| Value::named(&format!("own {v}"));
    let all: Vec<_> = (0..48).map(|v| (Voter(v), own(v))).collect();
    m.post(RELAY, range, &all).succeeds();
    at(&mut m, deal, POSTED);
    for v in 0..48 {
        m.open(RELAY, range, own(v)).succeeds();
    }
    m.resolve(CALLER, range).succeeds();
    assert_eq!(m.task_at(deal, 0).status, FAILED);
    assert_eq!(m.account(SINK).stake, n(0));
    check_books(&m);
}

#[test]
fn a_claim_refunds_what_nobody_finished_and_equals_pocos_on_an_unmarked_deal() {
    for tasks in [1, 300] {
        let mut one = market();
        let deal = unmarked(&mut one, tasks, 2);
        let known = one.initialize(deal, 0);
        one.wait(FINAL);
        let mut many = one.clone();
        one.claim_range(range(deal, 0, tasks)).succeeds();
        for index in 0..tasks {
            if index > 0 {
                many.initialize(deal, index);
            }
            many.claim(task_id(deal, index)).succeeds();
        }
        for who in [Actor::Requester, Actor::Scheduler].map(Actor::address) {
            assert_eq!(one.account(who), many.account(who));
        }
        assert_eq!(one.account(KITTY), many.account(KITTY));
        assert_eq!(one.account(KITTY).locked, stake(tasks));
        assert_eq!(one.task(known).status, FAILED);
        one.claim(known).reverts_as(&Hub::TaskTaken { idx: n(0) });
        check_books(&one);
    }
    let mut m = market();
    let deal = marked(&mut m, 3, 2);
    m.wait(FINAL);
    let before = m.account(Actor::Requester);
    m.claim_range(range(deal, 0, 3)).succeeds();
    let after = m.account(Actor::Requester);
    let price = before.locked - after.locked;
    assert_eq!(after.stake - before.stake, price + stake(3));
    assert_eq!(m.account(KITTY).locked, n(0));
}

#[test]
fn a_claim_is_made_of_deals_that_votes_cannot_settle_too() {
    let mut m = market();
    let mut orders = m.orders().volume(2);
    let high = (U256::ONE << 64) + n(1);
    (orders.pool.trust, orders.request.trust) = (high, high);
    let deal = m.deal(orders);
    m.wait(FINAL);
    m.claim_range(range(deal, 0, 2)).succeeds();
}

#[test]
fn a_callback_is_called_by_the_fallback_too() {
    let mut m = market();
    let listener = m.install("Listener", "listener");
    let mut orders = m.orders().volume(2).trust(4).marked();
    orders.request.callback = listener;
    let deal = m.deal(orders);
    let task = task_id(deal, 1);
    let (told, content) = (vec![7; 40], B256::repeat_byte(3));
    let mut value = right();
    value.root = leaf(task, keccak256(&told), 0x70, content);
    let one = range(deal, 1, 1);
    at(&mut m, deal, CONTRIBUTED);
    m.post(RELAY, range(deal, 0, 2), &[(Voter(0), value)])
        .reverts_as(&Hub::CallbackMismatch {});
    m.post(RELAY, one, &[(Voter(0), value), (Voter(1), value)])
        .succeeds();
    at(&mut m, deal, POSTED);
    m.open(RELAY, one, value).succeeds();
    m.resolve(CALLER, one).reverts_as(&Hub::CallbackMismatch {});
    let call = Hub::resolveCall {
        dealid: deal,
        first: n(1),
        count: n(1),
        delivery: B256::ZERO,
        codec: 0x70,
        content,
        resultsCallback: told.clone().into(),
    };
    let mut junk = call.clone();
    junk.delivery = B256::repeat_byte(1);
    m.send(CALLER, junk).reverts_as(&Hub::NotScheduler {
        account: CALLER.address(),
        scheduler: Actor::Scheduler.address(),
    });
    let done = m.send(CALLER, call).ok();
    assert_eq!(*done.event_names().last().unwrap(), "GotResult");
    assert_eq!(m.view(Hub::resultForCall { id: task })[..], told);
    check_books(&m);
}

#[test]
fn a_vote_from_an_enclave_wins_with_its_proof_and_loses_nothing_without() {
    for broker in [None, Some(Actor::Broker)] {
        let mut m = market();
        if let Some(broker) = broker {
            let broker = broker.address();
            m.send(Actor::Admin, Hub::setTeeBrokerCall { broker })
                .succeeds();
        }
        let tag = B256::with_last_byte(1);
        let orders = m.orders().trust(4).tag(tag).marked();
        let deal = m.deal(orders);
        let range = range(deal, 0, 1);
        at(&mut m, deal, CONTRIBUTED);
        let worker = Voter(0).address();
        m.post(RELAY, range, &votes(0..1, 0..0))
            .reverts_as(&Hub::EnclaveMissing { worker });
        let enclave = Actor::Enclave.address();
        let posted = |v: usize| m.posted(range, Voter(v), right(), enclave);
        let call = post_call(range, &[posted(0), posted(1), posted(2)]);
        m.send(RELAY, call).succeeds();
        at(&mut m, deal, POSTED);
        let proof = |v: usize| {
            let worker = Voter(v).address();
            [&worker[..], &enclave_proof(range, worker, right(), broker)].concat()
        };
        m.send(RELAY, open_call(range, right(), &proof(0)[1..]))
            .reverts_as(&Hub::WrongLength {
                length: n(proof(0).len() as u64 - 1),
            });
        let mut forged = proof(0);
        forged[30] ^= 1;
        m.send(RELAY, open_call(range, right(), &forged))
            .reverts_as(&Hub::BadSignature { signer: enclave });
        // A stranger opens without proofs, and cannot have it counted before they come.
        m.open(Actor::Stranger, range, right()).succeeds();
        m.resolve(Actor::Stranger, range)
            .reverts_as(&Hub::TooEarly {
                time: n(start(&m, deal) + OPENED),
            });
        let mut alone = m.clone();
        at(&mut alone, deal, OPENED);
        alone.resolve(CALLER, range).succeeds();
        assert_eq!(alone.task_at(deal, 0).status, FAILED);
        assert_eq!(alone.bond_of(Voter(0)).bond, bond());
        check_books(&alone);
        // Two proofs of three: 4·4 > (1 + 4 + 2)·3 is false, so the third is needed.
        let two = [proof(0), proof(1)].concat();
        m.send(RELAY, open_call(range, right(), &two)).succeeds();
        let mut short = m.clone();
        at(&mut short, deal, OPENED);
        short.resolve(CALLER, range).succeeds();
        assert_eq!(short.task_at(deal, 0).status, FAILED);
        assert_eq!(short.bond_of(Voter(2)).bond, bond());
        m.send(RELAY, open_call(range, right(), &proof(2)))
            .succeeds();
        let done = m.resolve(CALLER, range).ok();
        let event = &done.events::<Hub::RangeSettled>(m.hub)[0];
        assert_eq!(event.members[0], 3);
        check_books(&m);
    }
}

#[test]
fn an_unmarked_task_that_the_fallback_certified_is_shown_like_any_other() {
    let mut m = market();
    let deal = unmarked(&mut m, 2, 2);
    let range = range(deal, 0, 2);
    at(&mut m, deal, CONTRIBUTED);
    m.post(RELAY, range, &votes(0..1, 0..0)).succeeds();
    at(&mut m, deal, POSTED);
    m.open(RELAY, range, right()).succeeds();
    let done = m.resolve(CALLER, range).ok();
    assert_eq!(done.events::<Hub::TaskFinalize>(m.hub).len(), 2);
    let task = m.task(task_id(deal, 1));
    assert_eq!((task.status, task.resultDigest), (COMPLETED, right().link));
}
