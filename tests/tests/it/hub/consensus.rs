//! When votes are enough, and what scores do to them (5.6).

use super::*;
use canut_tests::abi::Hub;
use canut_tests::market::{TIME_REF, digest};

/// A fresh task at this trust.
fn task(m: &mut Market, trust: u64) -> B256 {
    let orders = m.orders().without_dataset().trust(trust);
    let deal = m.deal(orders);
    m.initialize(deal, 0)
}

#[test]
fn trust_asks_for_as_many_fresh_workers_as_the_table_says() {
    let table = [
        (0, 1),
        (1, 1),
        (2, 1),
        (3, 2),
        (4, 2),
        (5, 3),
        (8, 3),
        (9, 4),
        (16, 4),
        (17, 5),
        (32, 5),
        (33, 6),
        (64, 6),
        (100, 7),
    ];
    on_both(|m| {
        for (trust, count) in table {
            let task = task(m, trust);
            for (sent, worker) in workers(count).into_iter().enumerate() {
                assert_eq!(
                    m.task(task).status,
                    1,
                    "trust {trust} was reached by {sent}"
                );
                m.contribute(task, worker, digest("r")).succeeds();
            }
            assert_eq!(
                m.task(task).status,
                2,
                "trust {trust} was not reached by {count}"
            );
        }
    });
}

#[test]
fn a_dissenter_makes_trust_dearer() {
    on_both(|m| {
        let task = task(m, 7);
        m.contribute(task, Actor::Worker(9), digest("wrong"))
            .succeeds();
        for worker in workers(4) {
            m.contribute(task, worker, digest("r")).succeeds();
            assert_eq!(m.task(task).status, 1);
        }
        m.contribute(task, Actor::Worker(4), digest("r")).succeeds();
        assert_eq!((m.task(task).status, m.task(task).winnerCounter), (2, n(5)));
    });
}

#[test]
fn liars_win_when_they_outweigh_the_honest() {
    on_both(|m| {
        let task = task(m, 3);
        m.contribute(task, Actor::Worker(0), digest("right"))
            .succeeds();
        for worker in &workers(5)[1..] {
            if m.task(task).status == 1 {
                m.contribute(task, *worker, digest("wrong")).succeeds();
            }
        }
        assert_eq!(m.task(task).status, 2);
    });
}

#[test]
fn scores_rise_with_success_and_weigh_more() {
    on_both(|m| {
        // Two workers agree thirty times.
        let orders = m.orders().without_dataset().trust(3).volume(31);
        let deal = m.deal(orders);
        for index in 0..30 {
            let task = m.initialize(deal, index);
            for worker in workers(2) {
                if m.task(task).status == 1 {
                    m.contribute(task, worker, digest("result")).succeeds();
                }
            }
            let shown = m.task(task);
            let winners = shown.contributors.len();
            for worker in &workers(2)[..winners] {
                m.reveal(task, *worker, digest("result")).succeeds();
            }
            let done = m.finalize(task, "result").ok();
            let accurate = done.events::<Hub::AccurateContribution>(m.hub).len();
            assert_eq!(accurate, if winners > 1 { winners } else { 0 });
        }
        // At score 12 the weight is 3, and one worker is enough for trust 3: alone, he gains no score.
        assert_eq!(m.score(Actor::Worker(0)), n(12));
        let last = m.initialize(deal, 30);
        m.contribute(last, Actor::Worker(0), digest("result"))
            .succeeds();
        assert_eq!(m.task(last).status, 2);
        assert_eq!(
            m.contribution(last, Actor::Worker(0)).weight,
            n(1),
            "⌊log₂ 3⌋"
        );
        m.ask(Hub::viewScoreCall {
            worker: Actor::Worker(0).address(),
        })
        .succeeds();
    });
}

#[test]
fn high_scores_have_high_weights() {
    on_both(|m| {
        raise_scores(m, 33);
        assert_eq!(m.score(Actor::Worker(0)), n(33));
        let task = task(m, 1_000_000);
        m.contribute(task, Actor::Worker(0), digest("r")).succeeds();
        assert_eq!(
            m.contribution(task, Actor::Worker(0)).weight,
            n(3),
            "⌊log₂(33/3 - 1)⌋"
        );
        m.contribute(task, Actor::Worker(8), digest("r")).succeeds();
        assert_eq!(m.contribution(task, Actor::Worker(8)).weight, n(1));
    });
}

/// Workers 0 to 2 agree this many times, on tasks that nobody decides alone.
fn raise_scores(m: &mut Market, times: u64) {
    let orders = m.orders().without_dataset().trust(150).volume(times);
    let deal = m.deal(orders);
    for index in 0..times {
        let task = m.initialize(deal, index);
        let mut sent = Vec::new();
        for worker in workers(8) {
            if m.task(task).status == 1 {
                m.contribute(task, worker, digest("result")).succeeds();
                sent.push(worker);
            }
        }
        for worker in sent {
            m.reveal(task, worker, digest("result")).succeeds();
        }
        m.finalize(task, "result").succeeds();
    }
}

#[test]
fn a_wrong_result_costs_a_third_of_the_score() {
    on_both(|m| {
        raise_scores(m, 8);
        assert_eq!(m.score(Actor::Worker(0)), n(8));
        let task = task(m, 3);
        m.contribute(task, Actor::Worker(0), digest("wrong"))
            .succeeds();
        for worker in [
            Actor::Worker(1),
            Actor::Worker(2),
            Actor::Worker(3),
            Actor::Worker(4),
        ] {
            if m.task(task).status == 1 {
                m.contribute(task, worker, digest("r")).succeeds();
            }
        }
        let winners = m.task(task).contributors.len() - 1;
        for worker in &workers(5)[1..=winners] {
            m.reveal(task, *worker, digest("r")).succeeds();
        }
        let done = m.finalize(task, "r").ok();
        let worker = Actor::Worker(0).address();
        let faulty = Hub::FaultyContribution {
            worker,
            taskid: task,
        };
        assert_eq!(done.events::<Hub::FaultyContribution>(m.hub), [faulty]);
        assert_eq!(m.score(Actor::Worker(0)), n(5), "⌊8 · 2/3⌋");
        assert_eq!(m.score(Actor::Worker(1)), n(9));
    });
}

#[test]
fn claims_and_reopenings_leave_scores_alone() {
    on_both(|m| {
        raise_scores(m, 5);
        let task = task(m, 15);
        for worker in workers(4) {
            m.contribute(task, worker, digest("r")).succeeds();
        }
        m.wait(2 * TIME_REF);
        m.reopen(task).succeeds();
        m.wait(8 * TIME_REF);
        m.claim(task).succeeds();
        for worker in workers(3) {
            assert_eq!(m.score(worker), n(5));
        }
    });
}

#[test]
fn an_absurd_trust_never_ends() {
    on_both(|m| {
        let mut orders = m.orders();
        (orders.request.trust, orders.pool.trust) = (n(u64::MAX), n(u64::MAX));
        let deal = m.deal(orders);
        let task = m.initialize(deal, 0);
        for worker in workers(10) {
            m.contribute(task, worker, digest("r")).succeeds();
        }
        assert_eq!(m.task(task).status, 1);
    });
}
