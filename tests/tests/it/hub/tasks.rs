//! The steps of a task and who may take them when. Refusals say nothing.

use super::*;
use canut_tests::abi::Hub;
use canut_tests::market::{POOL_PRICE, TIME_REF, digest, result_hash, task_id};

/// A deal of `tasks` tasks at the trust of this many workers.
fn deal(m: &mut Market, tasks: u64, workers: usize) -> B256 {
    let orders = m.orders().volume(tasks).trust(trust_of(workers));
    m.deal(orders)
}

/// A task that waits for contributions.
fn active(m: &mut Market, workers: usize) -> B256 {
    let deal = deal(m, 1, workers);
    m.initialize(deal, 0)
}

/// A task whose votes agree, that waits for their proof.
fn revealing(m: &mut Market, count: usize) -> B256 {
    let task = active(m, count);
    for worker in workers(count) {
        m.contribute(task, worker, digest("r")).succeeds();
    }
    task
}

const STAKE: u64 = 300_000_000;

#[test]
fn tasks_are_initialized_once_and_within_the_deal() {
    on_both(|m| {
        let deal = deal(m, 3, 1);
        let done = m.try_initialize(deal, 1).ok();
        let task = done.returned::<Hub::initializeCall>();
        assert_eq!(task, task_id(deal, 1));
        let initialized = Hub::TaskInitialize {
            taskid: task,
            workerpool: m.pool,
        };
        assert_eq!(done.events::<Hub::TaskInitialize>(m.hub), [initialized]);
        let shown = m
            .ask(Hub::viewTaskCall { id: task })
            .returned::<Hub::viewTaskCall>();
        let start = m.world.time();
        assert_eq!((shown.status, shown.dealid, shown.idx), (1, deal, n(1)));
        assert_eq!(shown.timeref, n(TIME_REF));
        assert_eq!(shown.contributionDeadline, n(start + 7 * TIME_REF));
        assert_eq!(shown.finalDeadline, n(start + 10 * TIME_REF));
        m.try_initialize(deal, 1).reverts_empty();
        m.try_initialize(deal, 3).reverts_empty();
        m.try_initialize(deal, u64::MAX).reverts_empty();
        m.try_initialize(B256::ZERO, 0).reverts_empty();
        let call = Hub::initializeCall {
            dealId: deal,
            index: U256::MAX,
        };
        m.send(Actor::Stranger, call).reverts_empty();
    });
}

#[test]
fn a_later_deal_of_an_order_begins_where_the_first_ended() {
    on_both(|m| {
        let mut orders = m.orders();
        orders.request.volume = n(4);
        orders.app.volume = n(9);
        orders.dataset.volume = n(9);
        orders.pool.volume = n(2);
        let _first = m.deal(orders.clone());
        orders.pool = m.orders().pool;
        orders.pool.volume = n(2);
        let second = m.deal(orders);
        m.try_initialize(second, 1).reverts_empty();
        m.complete(second, 2, &workers(1));
        m.complete(second, 3, &workers(1));
        m.try_initialize(second, 4).reverts_empty();
    });
}

#[test]
fn tasks_are_initialized_even_late() {
    on_both(|m| {
        let deal = deal(m, 1, 1);
        m.wait(20 * TIME_REF);
        let task = m.initialize(deal, 0);
        m.contribute(task, Actor::Worker(0), digest("r"))
            .reverts_empty();
        m.claim(task).succeeds();
    });
}

#[test]
fn a_contribution_is_staked_and_recorded() {
    on_both(|m| {
        let task = active(m, 3);
        let worker = Actor::Worker(0);
        let ballot = m.ballot(task, worker, digest("r"));
        let done = m.cast(&ballot).ok();
        assert_eq!(done.event_names(), ["Transfer", "Lock", "TaskContribute"]);
        let hash = ballot.call.resultHash;
        let contributed = Hub::TaskContribute {
            taskid: task,
            worker: worker.address(),
            hash,
        };
        assert_eq!(done.events::<Hub::TaskContribute>(m.hub), [contributed]);
        assert_eq!(m.account(worker).locked, n(STAKE));
        let call = Hub::viewContributionCall {
            taskid: task,
            worker: worker.address(),
        };
        let shown = m.ask(call).returned::<Hub::viewContributionCall>();
        assert_eq!((shown.status, shown.weight), (1, n(1)));
        assert_eq!(
            (shown.resultHash, shown.resultSeal),
            (hash, ballot.call.resultSeal)
        );
        assert_eq!(m.task(task).contributors, [worker.address()]);
        m.cast(&ballot).reverts_empty();
        m.contribute(task, worker, digest("changed my mind"))
            .reverts_empty();
    });
}

#[test]
fn a_contribution_wants_an_authorization_of_the_scheduler() {
    on_both(|m| {
        let task = active(m, 3);
        let good = m.ballot(task, Actor::Worker(0), digest("r"));
        let mut bad = good.clone();
        bad.worker = Actor::Worker(1);
        m.cast(&bad).reverts_empty();
        for authority in [Actor::Stranger, Actor::Worker(0), Actor::Broker] {
            bad = good.clone();
            let to = Actor::Worker(0).address();
            bad.call.authorizationSign =
                canut_tests::market::authorization(authority, to, task, Address::ZERO);
            m.cast(&bad).reverts_empty();
        }
        for length in [0, 63, 66] {
            bad = good.clone();
            bad.call.authorizationSign = vec![1; length].into();
            m.cast(&bad).reverts_with("invalid-signature-format");
        }
        bad = good.clone();
        bad.call.taskId = task_id(task, 9);
        m.cast(&bad).reverts_empty();
        m.cast(&good).succeeds();
    });
}

#[test]
fn a_contribution_wants_a_stake() {
    on_both(|m| {
        let task = active(m, 3);
        let worker = Actor::Worker(0);
        let stake = m.account(worker).stake;
        m.send(
            worker,
            Hub::withdrawCall {
                amount: stake - n(STAKE - 1),
            },
        )
        .succeeds();
        m.contribute(task, worker, digest("r"))
            .reverts_with("IexecEscrow: Transfer amount exceeds balance");
        m.send(
            Actor::Admin,
            Hub::transferCall {
                to: worker.address(),
                amount: n(1),
            },
        )
        .succeeds();
        m.contribute(task, worker, digest("r")).succeeds();
    });
}

#[test]
fn contributions_end_with_their_deadline() {
    on_both(|m| {
        let task = active(m, 3);
        m.wait(7 * TIME_REF - 1);
        m.contribute(task, Actor::Worker(0), digest("r")).succeeds();
        m.wait(1);
        m.contribute(task, Actor::Worker(1), digest("r"))
            .reverts_empty();
    });
}

#[test]
fn contributions_end_with_the_consensus() {
    on_both(|m| {
        let task = active(m, 2);
        m.contribute(task, Actor::Worker(0), digest("r")).succeeds();
        let done = m.contribute(task, Actor::Worker(1), digest("r")).ok();
        assert_eq!(
            done.event_names(),
            ["Transfer", "Lock", "TaskContribute", "TaskConsensus"]
        );
        let consensus = result_hash(task, digest("r"));
        let reached = Hub::TaskConsensus {
            taskid: task,
            consensus,
        };
        assert_eq!(done.events::<Hub::TaskConsensus>(m.hub), [reached]);
        let shown = m.task(task);
        assert_eq!((shown.status, shown.consensusValue), (2, consensus));
        assert_eq!((shown.winnerCounter, shown.revealCounter), (n(2), n(0)));
        assert_eq!(shown.revealDeadline, n(m.world.time() + 2 * TIME_REF));
        m.contribute(task, Actor::Worker(2), digest("r"))
            .reverts_empty();
    });
}

#[test]
fn winners_reveal_once_and_in_time() {
    on_both(|m| {
        let task = active(m, 3);
        m.reveal(task, Actor::Worker(0), digest("r"))
            .reverts_empty();
        m.contribute(task, Actor::Worker(9), digest("wrong"))
            .succeeds();
        for worker in workers(5) {
            m.contribute(task, worker, digest("r")).succeeds();
        }
        let done = m.reveal(task, Actor::Worker(0), digest("r")).ok();
        let worker = Actor::Worker(0).address();
        let revealed = Hub::TaskReveal {
            taskid: task,
            worker,
            digest: digest("r"),
        };
        assert_eq!(done.events::<Hub::TaskReveal>(m.hub), [revealed]);
        assert_eq!(m.contribution(task, Actor::Worker(0)).status, 2);
        assert_eq!(
            (m.task(task).revealCounter, m.task(task).resultDigest),
            (n(1), digest("r"))
        );
        m.reveal(task, Actor::Worker(0), digest("r"))
            .reverts_empty();
        m.reveal(task, Actor::Worker(1), digest("else"))
            .reverts_empty();
        m.reveal(task, Actor::Worker(9), digest("wrong"))
            .reverts_empty();
        m.reveal(task, Actor::Worker(9), digest("r"))
            .reverts_empty();
        m.reveal(task, Actor::Stranger, digest("r")).reverts_empty();
        m.reveal(task_id(task, 1), Actor::Worker(1), digest("r"))
            .reverts_empty();
        m.wait(2 * TIME_REF - 1);
        m.reveal(task, Actor::Worker(1), digest("r")).succeeds();
        m.wait(1);
        m.reveal(task, Actor::Worker(2), digest("r"))
            .reverts_empty();
    });
}

#[test]
fn a_copied_vote_cannot_be_proved() {
    on_both(|m| {
        let task = active(m, 2);
        m.contribute(task, Actor::Worker(0), digest("r")).succeeds();
        let honest = m.ballot(task, Actor::Worker(0), digest("r"));
        let mut copy = m.ballot(task, Actor::Worker(1), digest("r"));
        copy.call.resultSeal = honest.call.resultSeal;
        m.cast(&copy).succeeds();
        m.reveal(task, Actor::Worker(0), digest("r")).succeeds();
        m.reveal(task, Actor::Worker(1), digest("r"))
            .reverts_empty();
        m.finalize(task, "r").reverts_empty();
        m.wait(2 * TIME_REF);
        m.finalize(task, "r").succeeds();
        assert_eq!(m.account(Actor::Worker(1)).locked, n(0));
    });
}

#[test]
fn only_the_scheduler_finalizes_and_only_when_all_is_proved() {
    on_both(|m| {
        let early = active(m, 2);
        m.finalize(early, "r").reverts_empty();
        let task = revealing(m, 2);
        m.finalize(task, "r").reverts_empty();
        m.reveal(task, Actor::Worker(0), digest("r")).succeeds();
        m.finalize(task, "r").reverts_empty();
        m.reveal(task, Actor::Worker(1), digest("r")).succeeds();
        for other in [
            Actor::Stranger,
            Actor::Requester,
            Actor::Admin,
            Actor::Worker(0),
        ] {
            m.finalize_with(other, task, b"r", b"").reverts_empty();
        }
        m.finalize_with(Actor::Scheduler, task, b"r", b"callback data")
            .reverts_empty();
        m.finalize(task, "r").succeeds();
        m.finalize(task, "r").reverts_empty();
        m.claim(task).reverts_empty();
        m.reopen(task).reverts_empty();
        m.finalize(task_id(task, 5), "r").reverts_empty();
    });
}

#[test]
fn a_settlement_must_come_before_the_final_deadline() {
    on_both(|m| {
        let task = revealing(m, 1);
        m.reveal(task, Actor::Worker(0), digest("r")).succeeds();
        m.wait(10 * TIME_REF - 1);
        m.claim(task).reverts_empty();
        let mut late = m.clone();
        m.finalize(task, "r").succeeds();
        late.wait(1);
        late.finalize(task, "r").reverts_empty();
        late.claim(task).succeeds();
        assert_eq!(late.task(task).status, 4);
    });
}

#[test]
fn a_task_reopens_when_nobody_proved() {
    on_both(|m| {
        let task = active(m, 2);
        m.reopen(task).reverts_empty();
        m.contribute(task, Actor::Worker(9), digest("other"))
            .succeeds();
        for worker in workers(3) {
            m.contribute(task, worker, digest("r")).succeeds();
        }
        m.wait(2 * TIME_REF - 1);
        m.reopen(task).reverts_empty();
        m.wait(1);
        for other in [Actor::Stranger, Actor::Requester, Actor::Worker(0)] {
            m.send(other, Hub::reopenCall { taskId: task })
                .reverts_empty();
        }
        let done = m.reopen(task).ok();
        assert_eq!(
            done.events::<Hub::TaskReopen>(m.hub),
            [Hub::TaskReopen { taskid: task }]
        );
        let shown = m
            .ask(Hub::viewTaskCall { id: task })
            .returned::<Hub::viewTaskCall>();
        assert_eq!((shown.status, shown.consensusValue), (1, B256::ZERO));
        assert_eq!((shown.revealDeadline, shown.winnerCounter), (n(0), n(0)));
        assert_eq!(m.contribution(task, Actor::Worker(0)).status, 3);
        assert_eq!(m.contribution(task, Actor::Worker(9)).status, 1);
        m.contribute(task, Actor::Worker(0), digest("r"))
            .reverts_empty();
        // Those who stalled are out; others may still agree, and the stalled pay.
        m.contribute(task, Actor::Worker(5), digest("other"))
            .succeeds();
        assert_eq!((m.task(task).status, m.task(task).winnerCounter), (2, n(2)));
        m.reveal(task, Actor::Worker(9), digest("other")).succeeds();
        m.wait(2 * TIME_REF);
        m.finalize(task, "other").succeeds();
        assert_eq!(m.account(Actor::Worker(0)).locked, n(0));
    });
}

#[test]
fn the_same_result_can_win_after_a_reopening() {
    on_both(|m| {
        let task = revealing(m, 3);
        m.wait(2 * TIME_REF);
        m.reopen(task).succeeds();
        for worker in [Actor::Worker(5), Actor::Worker(6), Actor::Worker(7)] {
            m.contribute(task, worker, digest("r")).succeeds();
        }
        let shown = m.task(task);
        assert_eq!((shown.status, shown.winnerCounter), (2, n(3)));
        m.wait(2 * TIME_REF);
        m.reopen(task).succeeds();
        assert_eq!(m.contribution(task, Actor::Worker(6)).status, 3);
        m.wait(6 * TIME_REF);
        m.claim(task).succeeds();
        assert_eq!(m.account(Actor::Worker(0)).locked, n(0));
        assert_eq!(m.account(Actor::Worker(6)).locked, n(0));
    });
}

#[test]
fn no_task_reopens_once_somebody_proved() {
    on_both(|m| {
        let task = revealing(m, 2);
        m.reveal(task, Actor::Worker(0), digest("r")).succeeds();
        m.wait(2 * TIME_REF);
        m.reopen(task).reverts_empty();
        m.finalize(task, "r").succeeds();
    });
}

#[test]
fn no_task_reopens_after_the_final_deadline() {
    on_both(|m| {
        let task = revealing(m, 2);
        m.wait(10 * TIME_REF);
        m.reopen(task).reverts_empty();
        m.claim(task).succeeds();
    });
}

#[test]
fn anyone_claims_what_nobody_finished() {
    on_both(|m| {
        let deal = deal(m, 3, 3);
        let never = task_id(deal, 0);
        m.claim(never).reverts_empty();
        let empty = m.initialize(deal, 0);
        let voted = m.initialize(deal, 1);
        m.contribute(voted, Actor::Worker(0), digest("r"))
            .succeeds();
        m.contribute(voted, Actor::Worker(1), digest("else"))
            .succeeds();
        let stalled = m.initialize(deal, 2);
        for worker in workers(3) {
            m.contribute(stalled, worker, digest("r")).succeeds();
        }
        m.wait(10 * TIME_REF - 1);
        m.claim(empty).reverts_empty();
        m.wait(1);
        for task in [empty, voted, stalled] {
            let done = m.claim(task).ok();
            assert_eq!(
                done.events::<Hub::TaskClaimed>(m.hub),
                [Hub::TaskClaimed { taskid: task }]
            );
            assert_eq!(m.task(task).status, 4);
            m.claim(task).reverts_empty();
        }
        assert_eq!(m.account(Actor::Requester).locked, n(0));
        assert_eq!(m.account(Actor::Scheduler).locked, n(0));
        let seized = POOL_PRICE * n(30) / n(100) * n(3);
        assert_eq!(m.account(canut_tests::market::KITTY).locked, seized);
    });
}

#[test]
fn many_tasks_in_one_call() {
    on_both(|m| {
        let deal = deal(m, 6, 1);
        m.name_tasks(deal, 6);
        let call = |deals: Vec<B256>, indexes: Vec<U256>| Hub::initializeArrayCall {
            dealIds: deals,
            indexes,
        };
        let done = m.send(Actor::Stranger, call(vec![deal; 3], vec![n(0), n(2), n(4)]));
        assert!(done.returned::<Hub::initializeArrayCall>());
        assert_eq!(done.event_names(), ["TaskInitialize"; 3]);
        m.send(Actor::Stranger, call(vec![deal; 2], vec![n(1)]))
            .reverts_empty();
        m.send(Actor::Stranger, call(vec![deal; 2], vec![n(1), n(2)]))
            .reverts_empty();
        assert_eq!(m.task(task_id(deal, 1)).status, 0);
        m.send(Actor::Stranger, call(vec![], vec![])).succeeds();

        let claims = |ids: &[u64]| Hub::claimArrayCall {
            taskIds: ids.iter().map(|index| task_id(deal, *index)).collect(),
        };
        m.wait(10 * TIME_REF);
        assert!(
            m.send(Actor::Stranger, claims(&[0, 2]))
                .returned::<Hub::claimArrayCall>()
        );
        m.send(Actor::Stranger, claims(&[4, 0])).reverts_empty();
        m.send(Actor::Stranger, claims(&[4, 4])).reverts_empty();
        m.send(Actor::Stranger, claims(&[])).succeeds();

        let both = |deals: Vec<B256>, indexes: Vec<U256>| Hub::initializeAndClaimArrayCall {
            dealIds: deals,
            indexes,
        };
        m.send(Actor::Stranger, both(vec![deal], vec![]))
            .reverts_empty();
        m.send(Actor::Stranger, both(vec![deal; 2], vec![n(1), n(4)]))
            .reverts_empty();
        let done = m.send(Actor::Stranger, both(vec![deal; 3], vec![n(1), n(3), n(5)]));
        assert!(done.returned::<Hub::initializeAndClaimArrayCall>());
        m.send(Actor::Stranger, claims(&[4])).succeeds();
        assert_eq!(m.account(Actor::Requester).locked, n(0));
    });
}

#[test]
fn a_deal_cannot_be_claimed_early_by_initializing_it() {
    on_both(|m| {
        let deal = deal(m, 1, 1);
        let call = Hub::initializeAndClaimArrayCall {
            dealIds: vec![deal],
            indexes: vec![n(0)],
        };
        m.send(Actor::Stranger, call).reverts_empty();
        assert_eq!(m.task(task_id(deal, 0)).status, 0);
    });
}
