//! A range is settled by one call of the scheduler.

use super::*;
use alloy::primitives::Bytes;
use canut_tests::abi::Hub;
use canut_tests::market::certificate::{Member, Voter, winners};
use canut_tests::market::{APP_PRICE, DATASET_PRICE, POOL_PRICE, TIME_REF};

fn voter(number: usize) -> Address {
    Voter(number).address()
}

#[test]
fn one_call_settles_tasks_that_nobody_initialized() {
    for make in [marked, unmarked] {
        for count in [1, 2, 31, 256, 300] {
            let mut m = market();
            let deal = make(&mut m, count, 8);
            let done = m
                .settle(range(deal, 0, count), right(), &winners(0..3))
                .ok();
            let event = &done.events::<Hub::RangeSettled>(m.hub)[0];
            assert_eq!((event.dealid, event.first), (deal, n(0)));
            assert_eq!((event.count, event.way), (n(count), 1));
            assert_eq!((event.root, event.link), (right().root, right().link));
            assert_eq!(event.members.len(), 3 * 22);
            check_books(&m);
        }
    }
}

#[test]
fn everybody_is_paid_to_the_unit() {
    let mut m = market();
    let orders = m.orders().volume(7).trust(8).marked();
    let orders = orders.prices(n(3), n(5), n(1_001));
    let deal = m.deal(orders);
    let before = m.clone();
    m.settle(range(deal, 0, 7), right(), &winners(0..3))
        .succeeds();
    let gained = |who: Address| m.account(who).stake - before.account(who).stake;
    // 99 % of 7 007 is 6 936.93: 2 312 for each of three, and the rest for the scheduler.
    for winner in 0..3 {
        assert_eq!(gained(voter(winner)), n(2_312));
        assert_eq!(m.account(voter(winner)).locked, bond());
    }
    assert_eq!(gained(Actor::Scheduler.address()), n(7_007 - 3 * 2_312));
    assert_eq!(gained(Actor::AppOwner.address()), n(21));
    assert_eq!(gained(Actor::DatasetOwner.address()), n(35));
    let frozen = |m: &Market, who: Actor| m.account(who).locked;
    let payer = Actor::Requester;
    assert_eq!(
        frozen(&before, payer) - frozen(&m, payer),
        n(7 * (3 + 5 + 1_001))
    );
    // Its stake can still be contested.
    assert_eq!(frozen(&m, Actor::Scheduler), n(7 * 300));
    check_books(&m);
}

#[test]
fn losers_pay_the_winners_who_get_no_more_than_they_earned() {
    let mut m = market();
    let deal = marked(&mut m, 1, 2);
    let before = m.clone();
    let mut members = winners(0..6);
    members.push(Member::Loser(Voter(9), wrong()));
    let done = m.settle(range(deal, 0, 1), right(), &members).ok();
    // Three RLC forfeited, half an RLC for each of six, of which each earned 165 000 000.
    let pay = POOL_PRICE * n(99) / n(100) / n(6);
    let gained = m.account(voter(0)).stake - before.account(voter(0)).stake;
    assert_eq!(gained, pay + pay);
    assert_eq!(m.account(SINK).stake, risk(1) - n(6) * pay);
    assert_eq!(m.account(voter(9)).locked, bond() - risk(1));
    assert_eq!(m.bond_of(Voter(9)).bond, bond() - risk(1));
    let slashed = &done.events::<Hub::Slashed>(m.hub)[0];
    assert_eq!((slashed.account, slashed.reason), (voter(9), 1));
    assert_eq!(
        (slashed.amount, slashed.rid),
        (risk(1), range(deal, 0, 1).id())
    );
    check_books(&m);
}

#[test]
fn a_bond_that_is_asked_back_is_forfeited_last_and_no_more_than_there_is() {
    let mut m = market();
    let (small, lone) = (Voter(9), n(2) * RLC);
    let pool = m.pool;
    for (amount, asked) in [(lone, n(1) * RLC), (n(4) * RLC, n(1) * RLC)] {
        let mut m = m.clone();
        m.wait(1);
        // The voter has 1 000 RLC; leave `amount`, of which `asked` is pending.
        let digest = m.unbonding(pool, bond() - amount, 0, u64::MAX >> 1);
        unbond(&mut m, small, bond() - amount, digest);
        m.wait(604_800);
        let call = Hub::withdrawBondCall {
            workerpool: pool,
            worker: small.address(),
        };
        m.send(Actor::Stranger, call).succeeds();
        let digest = m.unbonding(pool, asked, 1, u64::MAX >> 1);
        unbond(&mut m, small, asked, digest);
        let deal = marked(&mut m, 1, 2);
        let mut members = winners(0..6);
        members.push(Member::Loser(small, wrong()));
        m.settle(range(deal, 0, 1), right(), &members).succeeds();
        let left = m.bond_of(small);
        let rest = amount - amount.min(risk(1));
        assert_eq!(left.bond + left.pending, rest);
        assert_eq!(left.bond, n(0));
        assert_eq!(m.account(small.address()).locked, rest);
        check_books(&m);
    }
    m.wait(1);
}

fn unbond(m: &mut Market, who: Voter, amount: U256, digest: B256) {
    let call = Hub::unbondForCall {
        worker: who.address(),
        workerpool: m.pool,
        amount,
        deadline: U256::from(u64::MAX >> 1),
        sign: who.sign(digest),
    };
    m.send(Actor::Stranger, call).succeeds();
}

#[test]
fn who_is_absent_counts_against_and_loses_nothing() {
    let mut m = market();
    let deal = marked(&mut m, 1, 3);
    let absent = |count: usize| {
        let absent = (10..10 + count).map(|voter| Member::Absent(Voter(voter)));
        absent.collect::<Vec<_>>()
    };
    let with = |yes: usize, no: usize| [winners(0..yes), absent(no)].concat();
    // 4·3 > (1 + 4 + 2)·2 is false, 8·3 > 11·2 is true.
    let error = Hub::NotCredible {
        p: n(4),
        q: n(2),
        trust: n(3),
    };
    m.settle(range(deal, 0, 1), right(), &with(2, 1))
        .reverts_as(&error);
    m.settle(range(deal, 0, 1), right(), &with(3, 1)).succeeds();
    assert_eq!(m.bond_of(Voter(10)).bond, bond());
    check_books(&m);
}

#[test]
fn in_a_dispute_five_must_agree_against_one_whatever_was_asked() {
    for trust in [1, 2, 10] {
        let mut m = market();
        let deal = marked(&mut m, 1, trust);
        let against = |yes: usize| {
            let mut members = winners(0..yes);
            members.push(Member::Loser(Voter(9), wrong()));
            members
        };
        // 16·10 > 19·9 is false.
        let error = Hub::NotCredible {
            p: n(16),
            q: n(2),
            trust: n(10),
        };
        m.settle(range(deal, 0, 1), right(), &against(4))
            .reverts_as(&error);
        m.settle(range(deal, 0, 1), right(), &against(5)).succeeds();
    }
}

#[test]
fn trust_is_reached_exactly_when_the_product_of_the_weights_is() {
    let mut m = market();
    for trust in [1, 2, 3, 4, 5, 8, 9, 16, 17, 1_000] {
        let deal = marked(&mut m, 1, trust);
        let enough = (1..).find(|votes| 1 << votes >= trust).unwrap();
        if enough > 1 {
            let few = m.settle(range(deal, 0, 1), right(), &winners(0..enough - 1));
            few.reverts_as(&Hub::NotCredible {
                p: n(1 << (enough - 1)),
                q: n(1),
                trust: n(trust),
            });
        }
        m.settle(range(deal, 0, 1), right(), &winners(0..enough))
            .succeeds();
    }
    let deal = marked(&mut m, 1, 1);
    let nobody = Hub::NotCredible {
        p: n(1),
        q: n(1),
        trust: n(1),
    };
    m.settle(range(deal, 0, 1), right(), &[])
        .reverts_as(&nobody);
}

#[test]
fn only_the_scheduler_settles_and_only_in_time() {
    let mut m = market();
    let deal = marked(&mut m, 2, 2);
    let call = m.settle_call(range(deal, 0, 1), right(), &winners(0..1));
    let error = Hub::NotScheduler {
        account: Actor::Stranger.address(),
        scheduler: Actor::Scheduler.address(),
    };
    m.send(Actor::Stranger, call.clone()).reverts_as(&error);
    let mut elsewhere = call;
    elsewhere.dealid = B256::repeat_byte(1);
    let error = Hub::UnknownDeal {
        dealid: elsewhere.dealid,
    };
    m.send(Actor::Scheduler, elsewhere).reverts_as(&error);
    m.wait(10 * TIME_REF - 1 - (m.world.time() - start(&m, deal)));
    m.settle(range(deal, 0, 1), right(), &winners(0..1))
        .succeeds();
    m.wait(1);
    let error = Hub::TooLate {
        deadline: n(start(&m, deal) + 10 * TIME_REF),
    };
    m.settle(range(deal, 1, 1), right(), &winners(0..1))
        .reverts_as(&error);
}

fn start(m: &Market, deal: B256) -> u64 {
    m.view_deal(deal).startTime.to()
}

#[test]
fn deals_that_a_bond_cannot_outlast_or_numbers_cannot_hold_are_refused() {
    let mut m = market();
    let slow = Hub::createCategoryCall {
        name: "slow".into(),
        description: String::new(),
        workClockTimeRef: n(36_001),
    };
    m.send(Actor::Admin, slow).succeeds();
    let mut orders = m.orders().marked();
    (orders.pool.category, orders.request.category) = (n(5), n(5));
    let slow = m.deal(orders);
    let mut orders = m.orders().marked();
    let high = (U256::ONE << 64) + U256::ONE;
    (orders.pool.trust, orders.request.trust) = (high, high);
    let sure = m.deal(orders);
    for dealid in [slow, sure] {
        m.settle(range(dealid, 0, 1), right(), &winners(0..1))
            .reverts_as(&Hub::UnsuitedDeal { dealid });
    }
}

#[test]
fn a_range_lies_within_its_deal_and_has_4096_tasks_at_most() {
    let mut m = market();
    let mut orders = m.orders().volume(3).trust(2).marked();
    orders.request.volume = n(5_000);
    m.deal(orders.clone());
    let mut rest = m.orders().volume(5_000).trust(2).marked();
    rest.request = orders.request;
    let deal = m.deal(rest);
    assert_eq!(m.view_deal(deal).botFirst, n(3));
    let refused = [
        (3, 0),
        (2, 1),
        (0, 4),
        (5_000, 1),
        (3, 4_097),
        (4_999, 2),
        (3, 4_998),
    ];
    for (first, count) in refused {
        let error = Hub::WrongRange {
            first: n(first),
            count: n(count),
        };
        m.settle(range(deal, first, count), right(), &winners(0..1))
            .reverts_as(&error);
    }
    let mut call = m.settle_call(range(deal, 3, 1), right(), &winners(0..1));
    for (first, count) in [(U256::MAX, n(1)), (U256::MAX, U256::MAX), (n(3), U256::MAX)] {
        (call.first, call.count) = (first, count);
        let outcome = m.send(Actor::Scheduler, call.clone());
        outcome.reverts_as(&Hub::WrongRange { first, count });
    }
    m.settle(range(deal, 4_999, 1), right(), &winners(0..1))
        .succeeds();
    m.settle(range(deal, 3, 1), right(), &winners(0..1))
        .succeeds();
}

#[test]
fn a_task_is_settled_once() {
    let mut m = market();
    let deal = marked(&mut m, 1_000, 2);
    let settle =
        |m: &mut Market, first, count| m.settle(range(deal, first, count), right(), &winners(0..1));
    settle(&mut m, 250, 20).succeeds();
    for (first, count, clash) in [
        (250, 20, 250),
        (269, 1, 269),
        (0, 251, 250),
        (269, 600, 269),
        (0, 1_000, 250),
        (260, 1, 260),
    ] {
        let error = Hub::TaskTaken { idx: n(clash) };
        settle(&mut m, first, count).reverts_as(&error);
    }
    settle(&mut m, 0, 250).succeeds();
    settle(&mut m, 270, 730).succeeds();
    let lone = marked(&mut m, 1, 2);
    m.settle(range(lone, 0, 1), right(), &winners(0..1))
        .succeeds();
    m.settle(range(lone, 0, 1), right(), &winners(0..1))
        .reverts_as(&Hub::TaskTaken { idx: n(0) });
    check_books(&m);
}

#[test]
fn members_come_in_order_once_and_whole() {
    let mut m = market();
    let deal = marked(&mut m, 1, 2);
    let range = range(deal, 0, 1);
    let good = m.settle_call(range, right(), &winners(0..2));
    let (one, two) = good.members.split_at(85);
    let refused = |m: &mut Market, members: Vec<u8>| {
        let call = Hub::settleCall {
            members: members.into(),
            ..good.clone()
        };
        m.send(Actor::Scheduler, call)
    };
    let first = Address::from_slice(&one[1..21]);
    let unsorted = Hub::UnsortedWorkers { worker: first };
    refused(&mut m, [two, one].concat()).reverts_as(&unsorted);
    refused(&mut m, [one, one].concat()).reverts_as(&unsorted);
    let nobody = [&[0][..], &[0; 20], &one[21..]].concat();
    let zero = Address::ZERO;
    refused(&mut m, nobody).reverts_as(&Hub::UnsortedWorkers { worker: zero });
    for length in [1, 20, 21, 84] {
        let error = Hub::BadMembers { offset: n(85) };
        refused(&mut m, [one, &two[..length]].concat()).reverts_as(&error);
    }
    let mut odd = good.members.to_vec();
    odd[85] = 4;
    refused(&mut m, odd).reverts_as(&Hub::BadMembers { offset: n(85) });
    let mut many: Vec<Member> = winners(0..1);
    many.extend((1..33).map(|voter| Member::Absent(Voter(voter))));
    m.settle(range, right(), &many)
        .reverts_as(&Hub::TooManyMembers { most: n(32) });
    m.settle(range, right(), &winners(0..32)).succeeds();
}

#[test]
fn a_winner_is_bonded_for_the_range_even_by_what_it_asked_back() {
    let mut m = market();
    let deal = marked(&mut m, 4_000, 2);
    let settle = |m: &mut Market, count| m.settle(range(deal, 0, count), right(), &winners(0..1));
    // 1 000 RLC stand for 3 333 tasks at 0.3 each.
    let worker = voter(0);
    settle(&mut m, 3_334).reverts_as(&Hub::Underbonded { worker });
    let digest = m.unbonding(m.pool, bond(), 0, u64::MAX >> 1);
    unbond(&mut m, Voter(0), bond(), digest);
    settle(&mut m, 3_333).succeeds();
    let newcomer = marked(&mut m, 1, 2);
    let call = Hub::withdrawBondCall {
        workerpool: m.pool,
        worker,
    };
    m.wait(604_800);
    m.send(Actor::Stranger, call).succeeds();
    let late = marked(&mut m, 1, 2);
    m.settle(range(late, 0, 1), right(), &winners(0..1))
        .reverts_as(&Hub::Underbonded { worker });
    assert_ne!(newcomer, late);
}

#[test]
fn a_right_vote_is_no_loser() {
    let mut m = market();
    let deal = marked(&mut m, 1, 2);
    let mut members = winners(0..6);
    members.push(Member::Loser(Voter(9), right()));
    m.settle(range(deal, 0, 1), right(), &members)
        .reverts_as(&Hub::RightVote { worker: voter(9) });
}

#[test]
fn a_signature_is_for_one_range_value_worker_enclave_deal_hub_and_chain() {
    let mut m = market();
    let deal = marked(&mut m, 4, 2);
    let other = marked(&mut m, 4, 2);
    let (mine, worker) = (range(deal, 0, 2), voter(0));
    let good = m.settle_call(mine, right(), &winners(0..1));
    let seal = mine.seal(worker, right());
    let with = |sign: Bytes| [&[0][..], &worker[..], &sign].concat();
    let mut stranger = m.clone();
    stranger.hub = Address::repeat_byte(7);
    let mut fork = m.clone();
    fork.world.chain_id += 1;
    let enclave = Actor::Enclave.address();
    let elsewhere = [
        m.commitment(range(deal, 0, 1), Address::ZERO, seal),
        m.commitment(range(deal, 1, 2), Address::ZERO, seal),
        m.commitment(range(other, 0, 2), Address::ZERO, seal),
        m.commitment(mine, enclave, seal),
        m.commitment(mine, Address::ZERO, mine.seal(worker, wrong())),
        m.commitment(mine, Address::ZERO, mine.seal(voter(1), right())),
        stranger.commitment(mine, Address::ZERO, seal),
        fork.commitment(mine, Address::ZERO, seal),
    ];
    let error = Hub::BadSignature { signer: worker };
    for digest in elsewhere {
        let call = Hub::settleCall {
            members: with(Voter(0).sign(digest)).into(),
            ..good.clone()
        };
        m.send(Actor::Scheduler, call).reverts_as(&error);
    }
    let digest = m.commitment(mine, Address::ZERO, seal);
    let (own, foreign) = (Voter(0).sign(digest), Voter(1).sign(digest));
    for sign in [foreign].into_iter().chain(mutations(&own)) {
        let call = Hub::settleCall {
            members: with(sign).into(),
            ..good.clone()
        };
        m.send(Actor::Scheduler, call).reverts_as(&error);
    }
    m.send(Actor::Scheduler, good).succeeds();
}

/// Other signatures made of a good one, each of which a careless verifier takes.
fn mutations(sign: &Bytes) -> Vec<Bytes> {
    let order = alloy::primitives::uint!(
        0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256
    );
    let top: U256 = U256::ONE << 255;
    let r = U256::from_be_slice(&sign[..32]);
    let vs = U256::from_be_slice(&sign[32..]);
    let (s, parity) = (vs & !top, vs & top);
    let join = |r: U256, vs: U256| Bytes::from([r.to_be_bytes::<32>(), vs.to_be_bytes()].concat());
    let high = order - s;
    vec![
        join(r, vs ^ top),
        // The same point with a high s, where 255 bits hold it; else cut.
        join(r, (high & !top) | (parity ^ top)),
        join(r, U256::ZERO),
        join(U256::ZERO, vs),
        join(order, vs),
        join(r, top),
        Bytes::from(vec![0; 64]),
        Bytes::from(vec![0xff; 64]),
    ]
}

#[test]
fn enclaves_vouch_where_they_were_asked_for_and_a_broker_where_there_is_one() {
    for broker in [None, Some(Actor::Broker)] {
        let mut m = market();
        if let Some(broker) = broker {
            let broker = broker.address();
            m.send(Actor::Admin, Hub::setTeeBrokerCall { broker })
                .succeeds();
        }
        let tag = B256::with_last_byte(1);
        let orders = m.orders().volume(2).trust(4).tag(tag).marked();
        let deal = m.deal(orders);
        let range = range(deal, 0, 2);
        let plain = m.settle(range, right(), &winners(0..2));
        let first = voter(0).min(voter(1));
        plain.reverts_as(&Hub::EnclaveMissing { worker: first });
        let inside = |v| Member::Enclave(Voter(v), broker);
        let good = m.settle_call(range, right(), &[inside(0), inside(1)]);
        let size = if broker.is_some() { 233 } else { 169 };
        assert_eq!(good.members.len(), 2 * size);
        let change = |at: usize, by: u8| {
            let mut call = good.clone();
            let mut members = call.members.to_vec();
            members[at] ^= by;
            call.members = members.into();
            call
        };
        let enclave = Actor::Enclave.address();
        m.send(Actor::Scheduler, change(21 + 84 + 5, 1))
            .reverts_as(&Hub::BadSignature { signer: enclave });
        if let Some(broker) = broker {
            let signer = broker.address();
            m.send(Actor::Scheduler, change(21 + 148 + 5, 1))
                .reverts_as(&Hub::BadSignature { signer });
        }
        let mut nowhere = good.clone();
        let mut members = nowhere.members.to_vec();
        members[85..105].fill(0);
        nowhere.members = members.into();
        m.send(Actor::Scheduler, nowhere)
            .reverts_as(&Hub::EnclaveMissing { worker: first });
        let done = m.send(Actor::Scheduler, good).ok();
        let event = &done.events::<Hub::RangeSettled>(m.hub)[0];
        assert_eq!((event.members[0], event.members[22]), (3, 3));
    }
    // Where none was asked for, one is welcome.
    let mut m = market();
    let deal = marked(&mut m, 1, 4);
    let both = [Member::Enclave(Voter(0), None), Member::Winner(Voter(1))];
    m.settle(range(deal, 0, 1), right(), &both).succeeds();
}

#[test]
fn the_score_grows_a_step_a_day_for_those_that_agree_and_earn() {
    let mut m = market();
    let score = |m: &Market, v: usize| {
        let bond = m.bond_of(Voter(v));
        (bond.score.to::<u64>(), bond.weight.to::<u64>())
    };
    let settle = |m: &mut Market, orders, team: std::ops::Range<usize>| {
        let deal = m.deal(orders);
        m.settle(range(deal, 0, 1), right(), &winners(team))
            .succeeds();
    };
    let orders = m.orders().marked();
    settle(&mut m, orders, 0..1);
    assert_eq!(score(&m, 0), (0, 2), "alone");
    let orders = m.orders().prices(n(1), n(1), n(0)).marked();
    settle(&mut m, orders, 0..2);
    assert_eq!(score(&m, 0), (0, 2), "for nothing");
    // 30 % of 3 is no stake.
    let orders = m.orders().prices(n(1), n(1), n(3)).marked();
    settle(&mut m, orders, 0..2);
    assert_eq!(score(&m, 0), (0, 2), "without a stake");
    for day in 1..=40 {
        for _ in 0..2 {
            let orders = m.orders().marked();
            settle(&mut m, orders, 0..2);
        }
        let expected = day.min(32);
        assert_eq!(score(&m, 0), (expected, 2 + expected / 4));
        m.wait(86_400);
    }
    let deal = marked(&mut m, 1, 10);
    m.settle(range(deal, 0, 1), right(), &winners(0..1))
        .succeeds();
    let deal = marked(&mut m, 1, 11);
    let alone = Hub::NotCredible {
        p: n(10),
        q: n(1),
        trust: n(11),
    };
    m.settle(range(deal, 0, 1), right(), &winners(0..1))
        .reverts_as(&alone);
    // Mature votes share three to one with a newcomer's.
    let before = m.clone();
    m.settle(range(deal, 0, 1), right(), &winners([0, 1, 5]))
        .succeeds();
    let gained = |v| m.account(voter(v)).stake - before.account(voter(v)).stake;
    let pot = POOL_PRICE * n(99) / n(100);
    assert_eq!((gained(0), gained(5)), (pot * n(3) / n(7), pot / n(7)));
    // In a dispute the record does not vote.
    let deal = marked(&mut m, 1, 1);
    let against = |yes: &[usize]| {
        let agreed = winners(yes.iter().copied());
        [agreed, vec![Member::Loser(Voter(1), wrong())]].concat()
    };
    let refused = m.settle(range(deal, 0, 1), right(), &against(&[0]));
    refused.reverts_as(&Hub::NotCredible {
        p: n(2),
        q: n(2),
        trust: n(10),
    });
    m.settle(range(deal, 0, 1), right(), &against(&[0, 2, 3, 4, 5]))
        .succeeds();
    assert_eq!(score(&m, 1), (0, 2), "and a lie costs all of it");
    assert_eq!(score(&m, 0), (32, 10));
}

#[test]
fn prices_are_per_task_and_the_payer_may_be_a_sponsor() {
    let mut m = market();
    let orders = m.orders().volume(10).trust(2).marked();
    let orders = m.signed(orders);
    let deal = m
        .sponsor_from(Actor::Sponsor, &orders)
        .returned::<Hub::sponsorMatchOrdersCall>();
    let each = APP_PRICE + DATASET_PRICE + POOL_PRICE;
    assert_eq!(m.account(Actor::Sponsor).locked, n(10) * each);
    m.settle(range(deal, 2, 3), right(), &winners(0..1))
        .succeeds();
    assert_eq!(m.account(Actor::Sponsor).locked, n(7) * each);
    check_books(&m);
}
