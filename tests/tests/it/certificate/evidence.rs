//! What can be held against workers and schedulers after a settlement.

use super::*;
use alloy::primitives::keccak256;
use canut_tests::abi::{Hub, Settled, Vote};
use canut_tests::market::certificate::{Member, Voter, compact, post_call, winners};
use canut_tests::market::{POOL_PRICE, TIME_REF, task_id};
use canut_tests::outcome::Outcome;

const EVIDENCE: u64 = 172_800;
const FINDER: Actor = Actor::Worker(7);

fn settled(m: &mut Market, deal: B256, count: u64, members: &[Member]) -> Settled {
    let done = m.settle(range(deal, 0, count), right(), members).ok();
    m.settled(&done)
}

fn slash_loser(m: &mut Market, s: &Settled, v: &Vote) -> Outcome {
    let (s, v) = (s.clone(), v.clone());
    m.send(FINDER, Hub::slashLoserCall { s, v })
}

#[test]
fn a_wrong_vote_left_out_is_slashed_later_without_a_bounty() {
    for absent in [false, true] {
        let mut m = market();
        let deal = marked(&mut m, 20, 2);
        let mut members = winners(0..3);
        if absent {
            members.push(Member::Absent(Voter(9)));
        }
        let s = settled(&mut m, deal, 20, &members);
        let before = m.account(FINDER);
        let v = m.evidence(range(deal, 0, 20), Voter(9), wrong());
        let mut late = m.clone();
        late.wait(EVIDENCE + 1);
        let deadline = n(m.world.time() + EVIDENCE);
        slash_loser(&mut late, &s, &v).reverts_as(&Hub::TooLate { deadline });
        m.wait(EVIDENCE);
        slash_loser(&mut m, &s, &v).succeeds();
        let bond_left = bond() - risk(20);
        assert_eq!(m.bond_of(Voter(9)).bond, bond_left);
        assert_eq!(m.account(SINK).stake, risk(20));
        assert_eq!(m.account(FINDER), before);
        let account = Voter(9).address();
        slash_loser(&mut m, &s, &v).reverts_as(&Hub::AlreadyFaulted { account });
        check_books(&m);
    }
}

#[test]
fn a_vote_is_held_against_its_author_only_in_its_own_range() {
    let mut m = market();
    let deal = marked(&mut m, 20, 2);
    let other = marked(&mut m, 20, 2);
    let s = settled(&mut m, deal, 10, &winners(0..3));
    for range in [
        range(deal, 0, 9),
        range(deal, 1, 10),
        range(deal, 0, 20),
        range(other, 0, 10),
    ] {
        let v = m.evidence(range, Voter(9), wrong());
        let error = Hub::WrongRange {
            first: v.first,
            count: v.count,
        };
        slash_loser(&mut m, &s, &v).reverts_as(&error);
    }
    let own = range(deal, 0, 10);
    // A vote for what was certified, by somebody the pool left out.
    let v = m.evidence(own, Voter(9), right());
    let worker = Voter(9).address();
    slash_loser(&mut m, &s, &v).reverts_as(&Hub::RightVote { worker });
    // Somebody who is listed already.
    let worker = Voter(0).address();
    let v = m.evidence(own, Voter(0), wrong());
    slash_loser(&mut m, &s, &v).reverts_as(&Hub::AlreadyListed { worker });
    // A signature of somebody else.
    let mut v = m.evidence(own, Voter(9), wrong());
    v.worker = Voter(10).address();
    slash_loser(&mut m, &s, &v).reverts_as(&Hub::BadSignature { signer: v.worker });
    // Another story than what happened.
    let good = m.evidence(own, Voter(9), wrong());
    let tales: [fn(&mut Settled); 7] = [
        |s| s.root = B256::repeat_byte(1),
        |s| s.link = B256::repeat_byte(1),
        |s| s.delivery = B256::repeat_byte(1),
        |s| s.way = 2,
        |s| s.members = s.members[22..].to_vec().into(),
        |s| s.count = n(11),
        |s| s.first = n(1),
    ];
    for tale in tales {
        let mut told = s.clone();
        tale(&mut told);
        slash_loser(&mut m, &told, &good).reverts_as(&Hub::WrongEvidence {});
    }
    slash_loser(&mut m, &s, &good).succeeds();
    check_books(&m);
}

#[test]
fn after_a_split_the_vote_on_the_whole_is_dead() {
    let mut m = market();
    let deal = marked(&mut m, 20, 2);
    let whole = m.evidence(range(deal, 0, 20), Voter(9), wrong());
    let s = settled(&mut m, deal, 10, &winners(0..3));
    let error = Hub::WrongRange {
        first: n(0),
        count: n(20),
    };
    slash_loser(&mut m, &s, &whole).reverts_as(&error);
    m.settle(range(deal, 0, 20), right(), &winners(0..3))
        .reverts_as(&Hub::TaskTaken { idx: n(0) });
    let mut m = market();
    let deal = marked(&mut m, 20, 2);
    m.settle(range(deal, 0, 20), right(), &winners(0..3))
        .succeeds();
    m.settle(range(deal, 0, 10), right(), &winners(0..3))
        .reverts_as(&Hub::TaskTaken { idx: n(0) });
}

#[test]
fn a_loser_of_a_settlement_is_slashed_once() {
    let mut m = market();
    let deal = marked(&mut m, 1, 2);
    let mut members = winners(0..5);
    members.push(Member::Loser(Voter(9), wrong()));
    let s = settled(&mut m, deal, 1, &members);
    let v = m.evidence(range(deal, 0, 1), Voter(9), Value::named("third"));
    let worker = Voter(9).address();
    slash_loser(&mut m, &s, &v).reverts_as(&Hub::AlreadyListed { worker });
    let other = m.evidence(range(deal, 0, 1), Voter(9), wrong());
    let call = Hub::slashEquivocationCall { a: v, b: other };
    m.send(FINDER, call)
        .reverts_as(&Hub::AlreadyFaulted { account: worker });
}

#[test]
fn two_votes_on_one_range_are_slashed_and_a_fifth_is_the_finders() {
    let mut m = market();
    let deal = marked(&mut m, 20, 2);
    let own = range(deal, 0, 20);
    let (a, b) = (
        m.evidence(own, Voter(9), right()),
        m.evidence(own, Voter(9), wrong()),
    );
    let slash = |m: &mut Market, a: &Vote, b: &Vote| {
        let (a, b) = (a.clone(), b.clone());
        m.send(FINDER, Hub::slashEquivocationCall { a, b })
    };
    slash(&mut m, &a, &a).reverts_as(&Hub::WrongEvidence {});
    let foreign = m.evidence(own, Voter(10), wrong());
    slash(&mut m, &a, &foreign).reverts_as(&Hub::WrongEvidence {});
    let part = m.evidence(range(deal, 0, 10), Voter(9), wrong());
    let error = Hub::WrongRange {
        first: n(0),
        count: n(10),
    };
    slash(&mut m, &a, &part).reverts_as(&error);
    let mut forged = b.clone();
    forged.sign = foreign.sign;
    let signer = Voter(9).address();
    slash(&mut m, &a, &forged).reverts_as(&Hub::BadSignature { signer });
    let end = 10 * TIME_REF + EVIDENCE;
    let mut late = m.clone();
    late.wait(end + 1);
    slash(&mut late, &a, &b).reverts_as(&Hub::TooLate {
        deadline: n(m.world.time() + end),
    });
    m.wait(end);
    let before = m.account(FINDER).stake;
    slash(&mut m, &a, &b).succeeds();
    assert_eq!(m.account(FINDER).stake - before, risk(20) / n(5));
    assert_eq!(m.account(SINK).stake, risk(20) * n(4) / n(5));
    assert_eq!(m.bond_of(Voter(9)).bond, bond() - risk(20));
    let account = Voter(9).address();
    slash(&mut m, &b, &a).reverts_as(&Hub::AlreadyFaulted { account });
    check_books(&m);
}

#[test]
fn who_voted_twice_cannot_save_a_posted_stake_by_having_it_found_out() {
    let mut m = market();
    let deal = marked(&mut m, 3_333, 2);
    let own = range(deal, 0, 3_333);
    m.wait(7 * TIME_REF);
    // All of its bond is in the post: nothing else is left to slash.
    m.post(FINDER, own, &[(Voter(9), wrong())]).succeeds();
    let (a, b) = (
        m.evidence(own, Voter(9), right()),
        m.evidence(own, Voter(9), wrong()),
    );
    m.send(FINDER, Hub::slashEquivocationCall { a, b })
        .succeeds();
    let left = bond() - risk(3_333);
    assert_eq!(m.account(Voter(9).address()).locked, left);
    m.wait(2 * TIME_REF);
    m.resolve(FINDER, own).succeeds();
    assert_eq!(m.account(Voter(9).address()).locked, left);
    check_books(&m);
}

#[test]
fn a_countersigned_vote_left_out_costs_the_scheduler_its_stake() {
    for epochs in [0, EVIDENCE] {
        let mut m = market();
        let deal = marked(&mut m, 20, 2);
        let voter = Voter(9).address();
        let own = range(deal, 0, 10);
        let s = settled(&mut m, deal, 10, &winners(0..3));
        let sealed = keccak256("signature");
        let countersign = |m: &Market, range, worker, sealed| {
            compact(&Actor::Scheduler.sign(m.assignment(range, worker, sealed)))
        };
        let omission = |m: &Market, of: canut_tests::market::certificate::Range, worker| {
            Hub::slashOmissionCall {
                s: s.clone(),
                first: n(of.first),
                count: n(of.count),
                worker,
                sealed,
                sign: countersign(m, of, worker, sealed),
            }
        };
        // Another range, somebody listed, somebody else's word.
        let apart = range(deal, 10, 1);
        let error = Hub::WrongRange {
            first: n(10),
            count: n(1),
        };
        let call = omission(&m, apart, voter);
        m.send(FINDER, call).reverts_as(&error);
        let listed = Voter(0).address();
        let call = omission(&m, own, listed);
        m.send(FINDER, call)
            .reverts_as(&Hub::AlreadyListed { worker: listed });
        let mut forged = omission(&m, own, voter);
        forged.sealed = keccak256("other");
        let signer = Actor::Scheduler.address();
        m.send(FINDER, forged)
            .reverts_as(&Hub::BadSignature { signer });
        let time = m.world.time();
        let overlapping = omission(&m, range(deal, 9, 11), voter);
        let mut late = m.clone();
        late.wait(EVIDENCE + 1);
        late.send(FINDER, overlapping.clone())
            .reverts_as(&Hub::TooLate {
                deadline: n(time + EVIDENCE),
            });
        m.wait(epochs);
        let before = m.clone();
        m.send(FINDER, overlapping.clone()).succeeds();
        let stake = POOL_PRICE * n(3);
        let gained = |who: Actor| m.account(who).stake - before.account(who).stake;
        assert_eq!(gained(FINDER), stake / n(5));
        assert_eq!(gained(Actor::Requester), stake * n(4) / n(5));
        assert_eq!(m.account(voter).stake, n(0), "nothing for a friend");
        assert_eq!(
            before.account(Actor::Scheduler).locked - m.account(Actor::Scheduler).locked,
            stake
        );
        let account = Address::ZERO;
        m.send(FINDER, overlapping)
            .reverts_as(&Hub::AlreadyFaulted { account });
        check_books(&m);
    }
}

#[test]
fn a_schedulers_stake_is_held_for_two_days_and_free_after_four() {
    let stake = POOL_PRICE * n(3) / n(10);
    for offset in [0, 1, EVIDENCE / 2, EVIDENCE - 1] {
        let mut m = market();
        let deal = marked(&mut m, 4, 2);
        let epoch = m.world.time() / EVIDENCE + 1;
        m.world.set_time(epoch * EVIDENCE + offset);
        let locked = |m: &Market| m.account(Actor::Scheduler).locked;
        let s = settled(&mut m, deal, 1, &winners(0..1));
        let time = m.world.time();
        let release = |m: &mut Market| {
            let (workerpool, scheduler) = (m.pool, Actor::Scheduler.address());
            let call = Hub::releaseHeldCall {
                workerpool,
                scheduler,
            };
            m.send(Actor::Stranger, call).succeeds();
        };
        // Others follow, and anybody may press.
        for wait in [1, EVIDENCE / 2, EVIDENCE / 2 - 1] {
            m.wait(wait);
            release(&mut m);
            if wait == 1 {
                m.settle(range(deal, 1, 1), right(), &winners(0..1))
                    .succeeds();
            }
        }
        assert_eq!(m.world.time(), time + EVIDENCE);
        assert_eq!(locked(&m), n(4) * stake, "still there");
        let sealed = B256::ZERO;
        let worker = Voter(9).address();
        let call = Hub::slashOmissionCall {
            s,
            first: n(0),
            count: n(1),
            worker,
            sealed,
            sign: compact(&Actor::Scheduler.sign(m.assignment(range(deal, 0, 1), worker, sealed))),
        };
        let mut slashed = m.clone();
        slashed.send(FINDER, call).succeeds();
        assert_eq!(locked(&slashed), n(3) * stake);
        m.world.set_time(time + 2 * EVIDENCE + 1);
        release(&mut m);
        assert_eq!(locked(&m), n(2) * stake, "free but for the open tasks'");
        slashed.world.set_time(time + 2 * EVIDENCE + 1);
        release(&mut slashed);
        assert_eq!(locked(&slashed), n(2) * stake);
        check_books(&m);
        check_books(&slashed);
    }
}

#[test]
fn audits_are_promised_before_their_epoch_by_the_pools_owner_once() {
    let mut m = market();
    let pool = m.pool;
    let epoch = u32::try_from(m.world.time() / 86_400 + 1).unwrap();
    let hash = B256::repeat_byte(5);
    let commit = |epoch, hash| Hub::commitAuditCall {
        workerpool: pool,
        epoch,
        hash,
    };
    m.send(FINDER, commit(epoch, hash))
        .reverts_as(&Hub::NotScheduler {
            account: FINDER.address(),
            scheduler: Actor::Scheduler.address(),
        });
    m.send(Actor::Scheduler, commit(epoch - 1, hash))
        .reverts_as(&Hub::TooLate {
            deadline: n((u64::from(epoch) - 1) * 86_400),
        });
    m.send(Actor::Scheduler, commit(epoch, B256::ZERO))
        .reverts_as(&Hub::WrongEvidence {});
    m.world.set_time(u64::from(epoch) * 86_400 - 1);
    m.send(Actor::Scheduler, commit(epoch, hash)).succeeds();
    m.send(Actor::Scheduler, commit(epoch, B256::repeat_byte(6)))
        .reverts_as(&Hub::AlreadyCommitted {
            workerpool: pool,
            epoch,
        });
    let ask = Hub::viewAuditCall {
        workerpool: pool,
        epoch,
    };
    assert_eq!(m.view(ask), hash);
    m.wait(1);
    m.send(Actor::Scheduler, commit(epoch + 1, hash)).succeeds();
    let nobodys = Hub::commitAuditCall {
        workerpool: Address::repeat_byte(1),
        epoch: epoch + 2,
        hash,
    };
    assert!(m.send(Actor::Scheduler, nobodys).result.is_err());
}

#[test]
fn a_marked_task_can_be_made_findable_later_and_then_looks_like_an_unmarked_one() {
    let mut twin = market();
    let deal = unmarked(&mut twin, 30, 2);
    twin.settle(range(deal, 0, 20), right(), &winners(0..3))
        .succeeds();
    let mut expected = twin.task(task_id(deal, 7));
    let mut m = market();
    let deal = marked(&mut m, 30, 2);
    m.initialize(deal, 8);
    let s = settled(&mut m, deal, 20, &winners(0..3));
    let call = |idx: u64| Hub::materialiseCall {
        dealid: deal,
        idx: n(idx),
        s: s.clone(),
    };
    let outside = Hub::WrongRange {
        first: n(20),
        count: n(1),
    };
    m.send(FINDER, call(20)).reverts_as(&outside);
    let mut tale = call(7);
    tale.s.link = B256::repeat_byte(1);
    m.send(FINDER, tale).reverts_as(&Hub::WrongEvidence {});
    for index in [7, 8] {
        let done = m.send(FINDER, call(index)).ok();
        assert_eq!(done.events::<Hub::TaskFinalize>(m.hub).len(), 1);
        let task = m.task(task_id(deal, index));
        assert_eq!(task, m.task_at(deal, index));
        expected.dealid = deal;
        if index == 7 {
            assert_eq!(task, expected);
        }
        m.send(FINDER, call(index))
            .reverts_as(&Hub::TaskTaken { idx: n(index) });
    }
    assert_eq!(m.task(task_id(deal, 9)).status, 0);
    // It can be contested all the same.
    let v = m.evidence(range(deal, 0, 20), Voter(9), wrong());
    slash_loser(&mut m, &s, &v).succeeds();
    check_books(&m);
}

#[test]
fn losers_of_the_fallback_can_be_found_later_too() {
    let mut m = market();
    let deal = marked(&mut m, 1, 2);
    let own = range(deal, 0, 1);
    m.wait(7 * TIME_REF);
    let vote = m.posted(own, Voter(0), right(), Address::ZERO);
    m.send(FINDER, post_call(own, &[vote])).succeeds();
    m.wait(TIME_REF);
    m.open(FINDER, own, right()).succeeds();
    let done = m.resolve(FINDER, own).ok();
    let s = m.settled(&done);
    let v = m.evidence(own, Voter(9), wrong());
    slash_loser(&mut m, &s, &v).succeeds();
    let call = Hub::slashOmissionCall {
        s,
        first: n(0),
        count: n(1),
        worker: Voter(8).address(),
        sealed: B256::ZERO,
        sign: compact(&Actor::Scheduler.sign(B256::ZERO)),
    };
    m.send(FINDER, call).reverts_as(&Hub::WrongEvidence {});
}
