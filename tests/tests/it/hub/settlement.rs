//! Who gets what in the end.

use super::*;
use canut_tests::abi::{Asset, Hub};
use canut_tests::market::{
    APP_PRICE, DATASET_PRICE, DEPOSIT, KITTY, POOL_PRICE, RLC, TIME_REF, digest,
};

/// The stake of a worker, or of the scheduler, a task at the stage's prices.
fn stake() -> U256 {
    POOL_PRICE * n(30) / n(100)
}

/// A deal of one task for this many workers.
fn task(m: &mut Market, workers: usize) -> B256 {
    let orders = m.orders().trust(trust_of(workers));
    let deal = m.deal(orders);
    m.initialize(deal, 0)
}

fn agree(m: &mut Market, task: B256, workers: &[Actor]) {
    for worker in workers {
        m.contribute(task, *worker, digest("result")).succeeds();
    }
}

fn prove(m: &mut Market, task: B256, workers: &[Actor]) {
    for worker in workers {
        m.reveal(task, *worker, digest("result")).succeeds();
    }
}

#[test]
fn one_worker_earns_the_price_but_the_schedulers_share() {
    on_both(|m| {
        let task = task(m, 1);
        agree(m, task, &workers(1));
        prove(m, task, &workers(1));
        let done = m.finalize(task, "result").ok();
        assert_eq!(
            done.event_names(),
            [
                "Seize",
                "Transfer",
                "Reward",
                "Transfer",
                "Reward",
                "Transfer",
                "Unlock",
                "Transfer",
                "Unlock",
                "Transfer",
                "Reward",
                "Transfer",
                "Reward",
                "TaskFinalize"
            ]
        );
        let pot = POOL_PRICE * n(99) / n(100);
        assert_eq!(m.account(Actor::Requester).locked, n(0));
        assert_eq!(m.account(Actor::AppOwner).stake, DEPOSIT + APP_PRICE);
        assert_eq!(
            m.account(Actor::DatasetOwner).stake,
            DEPOSIT + DATASET_PRICE
        );
        assert_eq!(m.account(Actor::Worker(0)).stake, DEPOSIT + pot);
        assert_eq!(
            m.account(Actor::Scheduler).stake,
            DEPOSIT + POOL_PRICE - pot
        );
        assert_eq!(m.account(m.hub).stake, n(0));
        assert_eq!(m.score(Actor::Worker(0)), n(0), "nobody to agree with");
        let finalized = Hub::TaskFinalize {
            taskid: task,
            results: b"result".to_vec().into(),
        };
        assert_eq!(done.events::<Hub::TaskFinalize>(m.hub), [finalized]);
    });
}

#[test]
fn three_workers_share_and_five_too() {
    for count in [2, 3, 4, 5] {
        on_both(|m| {
            let task = task(m, count);
            agree(m, task, &workers(count));
            prove(m, task, &workers(count));
            let done = m.finalize(task, "result").ok();
            let pot = POOL_PRICE * n(99) / n(100);
            let each = pot / n(count as u64);
            for worker in workers(count) {
                assert_eq!(m.account(worker).stake, DEPOSIT + each);
                assert_eq!(m.score(worker), n(1));
            }
            let rest = POOL_PRICE - each * n(count as u64);
            assert_eq!(
                m.account(Actor::Scheduler).stake,
                DEPOSIT + rest,
                "share and dust"
            );
            assert_eq!(done.events::<Hub::AccurateContribution>(m.hub).len(), count);
            let shown = m
                .ask(Hub::viewTaskCall { id: task })
                .returned::<Hub::viewTaskCall>();
            assert_eq!((shown.status, shown.resultDigest), (3, digest("result")));
            assert_eq!(shown.results[..], b"result"[..]);
            assert_eq!(shown.resultsTimestamp, n(0));
        });
    }
}

#[test]
fn whoever_is_wrong_pays_those_who_are_right() {
    on_both(|m| {
        let task = task(m, 3);
        m.contribute(task, Actor::Worker(9), digest("wrong"))
            .succeeds();
        agree(m, task, &workers(5));
        prove(m, task, &workers(5));
        let done = m.finalize(task, "result").ok();
        for worker in workers(5) {
            assert_eq!(m.account(worker).stake, DEPOSIT + n(257_400_000));
        }
        assert_eq!(m.account(Actor::Scheduler).stake, DEPOSIT + n(13_000_000));
        assert_eq!(m.account(Actor::Worker(9)).stake, DEPOSIT - stake());
        assert_eq!(m.account(Actor::Worker(9)).locked, n(0));
        let owner = Actor::Worker(9).address();
        let seized = Hub::Seize {
            owner,
            amount: stake(),
            r#ref: task,
        };
        assert!(done.events::<Hub::Seize>(m.hub).contains(&seized));
    });
}

#[test]
fn whoever_does_not_prove_pays_too() {
    on_both(|m| {
        let task = task(m, 3);
        agree(m, task, &workers(3));
        prove(m, task, &workers(1));
        m.wait(2 * TIME_REF);
        m.finalize(task, "result").succeeds();
        let pot = (POOL_PRICE + stake() * n(2)) * n(99) / n(100);
        assert_eq!(m.account(Actor::Worker(0)).stake, DEPOSIT + pot);
        assert_eq!(m.account(Actor::Worker(1)).stake, DEPOSIT - stake());
        assert_eq!(m.score(Actor::Worker(0)), n(1));
    });
}

#[test]
fn a_heavier_worker_earns_more() {
    on_both(|m| {
        // Worker 0 gets a score of 24 and so a weight of 7, whose logarithm is 2.
        let orders = m.orders().without_dataset().trust(15).volume(24);
        let deal = m.deal(orders);
        for index in 0..24 {
            let task = m.initialize(deal, index);
            let mut sent = Vec::new();
            for worker in [
                0,
                1 + index as usize % 9,
                1 + (index + 3) as usize % 9,
                1 + (index + 5) as usize % 9,
            ]
            .map(Actor::Worker)
            {
                if m.task(task).status == 1 {
                    m.contribute(task, worker, digest("result")).succeeds();
                    sent.push(worker);
                }
            }
            prove(m, task, &sent);
            if m.task(task).status == 1 {
                m.contribute(
                    task,
                    Actor::Worker(1 + (index + 7) as usize % 9),
                    digest("result"),
                )
                .succeeds();
                sent.push(Actor::Worker(1 + (index + 7) as usize % 9));
                prove(m, task, &sent);
            }
            m.finalize(task, "result").succeeds();
        }
        assert_eq!(m.score(Actor::Worker(0)), n(24));
        let task = self::task(m, 4);
        m.contribute(task, Actor::Worker(9), digest("result"))
            .succeeds();
        m.contribute(task, Actor::Worker(0), digest("result"))
            .succeeds();
        for worker in workers(9).into_iter().skip(1) {
            if m.task(task).status == 1 {
                m.contribute(task, worker, digest("result")).succeeds();
            }
        }
        assert_eq!(m.contribution(task, Actor::Worker(0)).weight, n(2));
        let sent: Vec<Actor> = workers(10)
            .into_iter()
            .filter(|worker| m.contribution(task, *worker).status == 1)
            .collect();
        prove(m, task, &sent);
        let before = (
            m.account(Actor::Worker(0)).stake,
            m.account(Actor::Worker(9)).stake,
        );
        m.finalize(task, "result").succeeds();
        let heavy = m.account(Actor::Worker(0)).stake - before.0;
        let light = m.account(Actor::Worker(9)).stake - before.1;
        assert_eq!(heavy - stake(), (light - stake()) * n(2));
    });
}

#[test]
fn a_scheduler_may_take_it_all_and_workers_may_stake_nothing() {
    for (stake, share) in [(0, 100), (100, 0), (33, 50), (1_000, 99)] {
        on_both(|m| {
            let policy = Asset::changePolicyCall {
                newWorkerStakeRatioPolicy: n(stake),
                newSchedulerRewardRatioPolicy: n(share),
            };
            m.send_to(Actor::Scheduler, m.pool, policy).succeeds();
            let orders = m.orders().prices(n(7), n(0), n(1_003)).trust(3);
            let deal = m.deal(orders);
            let task = m.initialize(deal, 0);
            m.contribute(task, Actor::Worker(9), digest("wrong"))
                .succeeds();
            agree(m, task, &workers(3));
            prove(m, task, &workers(3));
            m.finalize(task, "result").succeeds();
            let lost = n(1_003 * stake / 100);
            let pot = (n(1_003) + lost) * n(100 - share) / n(100);
            assert_eq!(m.account(Actor::Worker(0)).stake, DEPOSIT + pot / n(3));
            assert_eq!(m.account(Actor::Worker(9)).stake, DEPOSIT - lost);
        });
    }
}

#[test]
fn prices_of_nothing_settle_with_events() {
    on_both(|m| {
        let orders = m.orders().prices(n(0), n(0), n(0)).trust(3);
        let deal = m.deal(orders);
        let task = m.complete(deal, 0, &workers(2));
        assert_eq!(m.task(task).status, 3);
        assert_eq!(m.account(Actor::Scheduler).stake, DEPOSIT);
    });
}

#[test]
fn a_bag_of_tasks_settles_task_by_task() {
    on_both(|m| {
        let orders = m.orders().volume(10).trust(3);
        let deal = m.deal(orders);
        for index in (0..10).rev() {
            m.complete(deal, index, &workers(2));
        }
        assert_eq!(m.account(Actor::Requester).locked, n(0));
        assert_eq!(m.account(m.hub).stake, n(0));
        assert_eq!(m.score(Actor::Worker(0)), n(10));
    });
}

#[test]
fn a_sponsored_deal_spends_the_sponsors_money() {
    on_both(|m| {
        let orders = m.orders().volume(2);
        let orders = m.signed(orders);
        let deal = m
            .sponsor_from(Actor::Sponsor, &orders)
            .returned::<Hub::sponsorMatchOrdersCall>();
        m.complete(deal, 0, &workers(1));
        let price = APP_PRICE + DATASET_PRICE + POOL_PRICE;
        assert_eq!(m.account(Actor::Sponsor).locked, price);
        m.wait(10 * TIME_REF);
        let task = m.initialize(deal, 1);
        m.claim(task).succeeds();
        assert_eq!(m.account(Actor::Sponsor).stake, DEPOSIT - price);
        assert_eq!(m.account(Actor::Requester).stake, DEPOSIT);
    });
}

#[test]
fn one_person_may_play_every_part() {
    on_both(|m| {
        let alone = Actor::Scheduler;
        let app = m.create_app(alone, "own app");
        let mut orders = m.orders().without_dataset();
        (orders.app.app, orders.request.app) = (app, app);
        orders.request.requester = alone.address();
        let mut orders = m.signed(orders);
        m.sign(&mut orders.app, alone);
        m.sign(&mut orders.request, alone);
        let deal = m
            .match_from(alone, &orders)
            .returned::<Hub::matchOrdersCall>();
        let locked = APP_PRICE + POOL_PRICE + stake();
        assert_eq!(m.account(alone).locked, locked);
        m.complete(deal, 0, &[alone]);
        assert_eq!(m.account(alone).stake, DEPOSIT);
        assert_eq!(m.account(alone).locked, n(0));
    });
}

#[test]
fn a_failed_task_refunds_the_payer_at_the_schedulers_cost() {
    on_both(|m| {
        let task = task(m, 3);
        agree(m, task, &workers(2));
        m.wait(10 * TIME_REF);
        let done = m.claim(task).ok();
        assert_eq!(
            done.event_names(),
            [
                "Transfer",
                "Unlock",
                "Seize",
                "Reward",
                "Lock",
                "Transfer",
                "Unlock",
                "Transfer",
                "Unlock",
                "TaskClaimed"
            ]
        );
        assert_eq!(m.account(Actor::Requester).stake, DEPOSIT);
        assert_eq!(m.account(Actor::Scheduler).stake, DEPOSIT - stake());
        assert_eq!(m.account(Actor::Worker(1)).stake, DEPOSIT);
        assert_eq!(
            (m.account(KITTY).stake, m.account(KITTY).locked),
            (n(0), stake())
        );
        assert_eq!(
            m.ask(Hub::frozenOfCall { account: KITTY })
                .returned::<Hub::frozenOfCall>(),
            stake()
        );
    });
}

#[test]
fn the_kitty_pays_whoever_finalizes_next() {
    on_both(|m| {
        // Three sizes: less than one RLC, a little more, and so much that a tenth is more than one RLC.
        for price in [1, 4, 400] {
            let orders = m.orders().prices(n(0), n(0), n(price) * RLC);
            let deal = m.deal(orders);
            let task = m.initialize(deal, 0);
            m.wait(10 * TIME_REF);
            m.claim(task).succeeds();
            let kitty = m.account(KITTY).locked;
            let before = m.account(Actor::Scheduler).stake;
            let orders = m.orders().prices(n(0), n(0), n(0));
            let deal = m.deal(orders);
            let task = m.initialize(deal, 0);
            agree(m, task, &workers(1));
            prove(m, task, &workers(1));
            let done = m.finalize(task, "result").ok();
            let share = (kitty / n(10)).max(RLC).min(kitty);
            assert_eq!(m.account(Actor::Scheduler).stake, before + share);
            assert_eq!(m.account(KITTY).locked, kitty - share);
            let seized = Hub::Seize {
                owner: KITTY,
                amount: share,
                r#ref: task,
            };
            assert!(done.events::<Hub::Seize>(m.hub).contains(&seized));
        }
        assert!(m.account(KITTY).locked > n(0));
        // The direct way draws on it too.
        let orders = m.orders().trust(1);
        let deal = m.deal(orders);
        let task = m.initialize(deal, 0);
        m.contribute_and_finalize(task, Actor::Worker(0), digest("r"), "r")
            .succeeds();
    });
}

#[test]
fn one_worker_may_settle_at_once() {
    on_both(|m| {
        let task = task(m, 1);
        let worker = Actor::Worker(0);
        let done = m
            .contribute_and_finalize(task, worker, digest("r"), "results")
            .ok();
        assert_eq!(
            done.event_names(),
            [
                "Seize",
                "Transfer",
                "Reward",
                "Transfer",
                "Reward",
                "Transfer",
                "Unlock",
                "Transfer",
                "Reward",
                "Transfer",
                "Reward",
                "TaskContribute",
                "TaskConsensus",
                "TaskReveal",
                "TaskFinalize"
            ]
        );
        assert_eq!(
            m.account(worker).stake,
            DEPOSIT + POOL_PRICE * n(99) / n(100)
        );
        assert_eq!(
            m.account(Actor::Scheduler).stake,
            DEPOSIT + POOL_PRICE / n(100)
        );
        assert_eq!(m.score(worker), n(0));
        let shown = m
            .ask(Hub::viewTaskCall { id: task })
            .returned::<Hub::viewTaskCall>();
        assert_eq!(
            (shown.status, shown.results[..].to_vec()),
            (3, b"results".to_vec())
        );
        assert_eq!(shown.contributors, [worker.address()]);
        assert_eq!((shown.revealCounter, shown.winnerCounter), (n(1), n(1)));
        let call = Hub::viewContributionCall {
            taskid: task,
            worker: worker.address(),
        };
        assert_eq!(
            m.ask(call).returned::<Hub::viewContributionCall>().status,
            2
        );
        m.contribute_and_finalize(task, worker, digest("r"), "results")
            .reverts_empty();
        m.finalize(task, "r").reverts_empty();
    });
}

#[test]
fn the_short_way_needs_no_stake() {
    on_both(|m| {
        let task = task(m, 1);
        m.contribute_and_finalize(task, Actor::Stranger, digest("r"), "")
            .succeeds();
        assert_eq!(
            m.account(Actor::Stranger).stake,
            POOL_PRICE * n(99) / n(100)
        );
    });
}

#[test]
fn the_short_way_is_for_trust_one_and_the_first_contributor() {
    on_both(|m| {
        let worker = Actor::Worker(0);
        let trusting = task(m, 2);
        m.contribute_and_finalize(trusting, worker, digest("r"), "r")
            .reverts_empty();
        let orders = m.orders().trust(2);
        let deal = m.deal(orders);
        let two = m.initialize(deal, 0);
        m.contribute_and_finalize(two, worker, digest("r"), "r")
            .reverts_empty();

        let task = task(m, 1);
        let mut call = m.caf_call(task, worker, digest("r"), "r");
        m.send(Actor::Worker(1), call.clone()).reverts_empty();
        call.resultsCallback = b"unasked".to_vec().into();
        m.send(worker, call.clone()).reverts_empty();
        call.resultsCallback = [].into();
        call.authorizationSign = [].into();
        m.send(worker, call)
            .reverts_with("invalid-signature-format");
        m.contribute(task, Actor::Worker(1), digest("r")).succeeds();
        m.contribute_and_finalize(task, worker, digest("r"), "r")
            .reverts_empty();
    });
}

#[test]
fn the_short_way_ends_with_contributions() {
    on_both(|m| {
        let task = task(m, 1);
        m.wait(7 * TIME_REF);
        m.contribute_and_finalize(task, Actor::Worker(0), digest("r"), "r")
            .reverts_empty();
    });
}

#[test]
fn results_of_any_length_are_kept() {
    on_both(|m| {
        for length in [0, 1, 31, 32, 33, 84, 1024] {
            let task = task(m, 1);
            let results = "x".repeat(length);
            m.contribute_and_finalize(task, Actor::Worker(0), digest("r"), &results)
                .succeeds();
            let shown = m
                .ask(Hub::viewTaskCall { id: task })
                .returned::<Hub::viewTaskCall>();
            assert_eq!(shown.results.len(), length);
        }
    });
}
