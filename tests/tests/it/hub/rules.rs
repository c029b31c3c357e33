//! The rules of `canut-protocol` and the contracts agree.

use super::model::Model;
use super::play::{Op, Player, op};
use super::*;
use alloy::primitives::keccak256;
use canut_protocol::task::{Deadlines, Task};
use canut_protocol::{Domain, Order as _, Score, TaskId, result, settlement};
use canut_tests::abi::{
    AppOrder, AppOrderOperation, DatasetOrder, DatasetOrderOperation, Hub, RequestOrder,
    RequestOrderOperation, WorkerpoolOrder, WorkerpoolOrderOperation,
};
use canut_tests::market::{digest, result_hash, result_seal, task_id};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(32))]

    #[test]
    fn the_rules_foresee_every_answer_event_and_account(
        ops in proptest::collection::vec(op(), 1..120)
    ) {
        foresee(&ops);
    }
}

fn foresee(ops: &[Op]) {
    let (mut m, mut player) = (canut(), Player::default());
    let mut model = Model::new(&m);
    m.start_journal();
    for op in ops {
        player.play(&mut m, op);
    }
    for entry in m.journal() {
        model.follow(entry);
    }
    for (id, (_, machine)) in &model.machines {
        same_task(&m, *id, &machine.task);
    }
    for (id, deal) in &model.deals {
        let shown = m.view_deal(*id);
        assert_eq!(
            (shown.app.price, shown.dataset.price),
            (deal.app.price.0, deal.dataset.price.0)
        );
        assert_eq!(
            (shown.trust, shown.category),
            (deal.trust.0, n(deal.category))
        );
        assert_eq!(
            (shown.botFirst, shown.botSize),
            (n(deal.bot_first), n(deal.bot_size))
        );
        assert_eq!(shown.workerStake, deal.worker_stake.0);
        assert_eq!(
            shown.schedulerRewardRatio,
            n(u64::from(deal.scheduler_reward_ratio))
        );
        assert_eq!(
            (shown.sponsor, shown.requester),
            (deal.sponsor, deal.requester)
        );
        assert_eq!(
            (shown.tag, shown.startTime),
            (deal.tag.0, n(deal.start_time))
        );
    }
}

fn same_task(m: &Market, id: B256, task: &Task) {
    let shown = m.task(id);
    assert_eq!(shown.status, task.status as u8);
    assert_eq!((shown.dealid, shown.idx), (task.deal.0, n(task.index)));
    assert_eq!(
        (shown.timeref, shown.finalDeadline),
        (n(task.time_ref), n(task.final_deadline))
    );
    assert_eq!(shown.contributionDeadline, n(task.contribution_deadline));
    assert_eq!(shown.revealDeadline, n(task.reveal_deadline));
    assert_eq!(
        (shown.consensusValue, shown.resultDigest),
        (task.consensus, task.result_digest)
    );
    assert_eq!(shown.revealCounter, n(task.reveal_counter));
    assert_eq!(shown.winnerCounter, n(task.winner_counter));
    assert_eq!(
        (shown.results, shown.resultsCallback),
        (task.results.clone(), task.results_callback.clone())
    );
    let voters: Vec<Address> = task
        .contributions
        .iter()
        .map(|(worker, _)| *worker)
        .collect();
    assert_eq!(shown.contributors, voters);
    for (worker, vote) in &task.contributions {
        let shown = m.view(Hub::viewContributionCall {
            taskid: id,
            worker: *worker,
        });
        assert_eq!(
            (shown.status, shown.weight),
            (vote.status as u8, n(u64::from(vote.log_weight)))
        );
        assert_eq!(
            (shown.resultHash, shown.resultSeal),
            (vote.result_hash, vote.result_seal)
        );
        assert_eq!(shown.enclaveChallenge, vote.enclave);
    }
}

fn word() -> impl Strategy<Value = U256> {
    any::<[u8; 32]>().prop_map(U256::from_be_bytes)
}

fn address() -> impl Strategy<Value = Address> {
    any::<[u8; 20]>().prop_map(Address::from)
}

proptest! {
    #![proptest_config(config(24))]

    /// The hub's digests, seen when an order of any content is closed, are those of the rules and of this harness.
    #[test]
    fn orders_of_any_content_have_the_same_digest_everywhere(
        words in proptest::array::uniform8(word()),
        addresses in proptest::array::uniform8(address()),
        params in "\\PC{0,80}",
    ) {
        let mut m = canut();
        let domain = Domain::new(m.world.chain_id, m.hub);
        let [a, b, c, tag, d, e, f, salt] = words;
        let (tag, salt) = (B256::from(tag), B256::from(salt));
        let [p, q, r, s, t, u, _, _] = addresses;
        let app = AppOrder {
            app: m.app, appprice: a, volume: b, tag, datasetrestrict: p,
            workerpoolrestrict: q, requesterrestrict: r, salt, sign: [].into(),
        };
        let dataset = DatasetOrder {
            dataset: m.dataset, datasetprice: a, volume: b, tag, apprestrict: p,
            workerpoolrestrict: q, requesterrestrict: r, salt, sign: [].into(),
        };
        let pool = WorkerpoolOrder {
            workerpool: m.pool, workerpoolprice: a, volume: b, tag, category: c, trust: d,
            apprestrict: p, datasetrestrict: q, requesterrestrict: r, salt, sign: [].into(),
        };
        let request = RequestOrder {
            app: p, appmaxprice: a, dataset: q, datasetmaxprice: b, workerpool: r,
            workerpoolmaxprice: c, requester: Actor::Requester.address(), volume: d, tag,
            category: e, trust: f, beneficiary: s, callback: t, params, salt, sign: u.to_vec().into(),
        };
        use super::model::orders;
        let rules = [
            orders::app(app.clone()).hash(&domain),
            orders::dataset(dataset.clone()).hash(&domain),
            orders::pool(pool.clone()).hash(&domain),
            orders::request(request.clone()).hash(&domain),
        ];
        let harness = [m.digest(&app), m.digest(&dataset), m.digest(&pool), m.digest(&request)];
        let (operation, sign) = (1, || [].into());
        let app = AppOrderOperation { order: app, operation, sign: sign() };
        let dataset = DatasetOrderOperation { order: dataset, operation, sign: sign() };
        let pool = WorkerpoolOrderOperation { order: pool, operation, sign: sign() };
        let request = RequestOrderOperation { order: request, operation, sign: sign() };
        let closed = [
            m.send(Actor::AppOwner, Hub::manageAppOrderCall { operation: app }),
            m.send(Actor::DatasetOwner, Hub::manageDatasetOrderCall { operation: dataset }),
            m.send(Actor::Scheduler, Hub::manageWorkerpoolOrderCall { operation: pool }),
            m.send(Actor::Requester, Hub::manageRequestOrderCall { operation: request }),
        ];
        for ((rule, harness), closed) in rules.into_iter().zip(harness).zip(closed) {
            let chain = closed.ok().logs[0].data.data.clone();
            prop_assert_eq!(&chain[..], &rule.0[..]);
            prop_assert_eq!(rule.0, harness);
        }
    }

    /// Any prices, policy, crowd and dissent: what people have in the end is what the rules say.
    #[test]
    fn money_is_shared_as_the_rules_say(
        price in 0_u64..2_000_000_000_000,
        stake in 0_u64..120,
        share in 0_u8..=100,
        right in 1_usize..7,
        wrong in 0_usize..3,
    ) {
        use canut_tests::abi::Asset;
        let mut m = canut();
        let policy = Asset::changePolicyCall {
            newWorkerStakeRatioPolicy: n(stake),
            newSchedulerRewardRatioPolicy: n(u64::from(share)),
        };
        m.send_to(Actor::Scheduler, m.pool, policy).succeeds();
        let mut model = Model::new(&m);
        model.set_policy(stake, share);
        m.start_journal();
        let orders = m.orders().prices(n(price / 7), n(price / 3), n(price)).trust(1 << right);
        let deal = m.deal(orders);
        let task = m.initialize(deal, 0);
        for worker in workers(10).into_iter().rev().take(wrong) {
            // The first alone may be enough, and then the wrong have won.
            if m.task(task).status == 1 {
                m.contribute(task, worker, digest("wrong")).succeeds();
            }
        }
        for worker in workers(7) {
            if m.task(task).status == 1 {
                m.contribute(task, worker, digest("right")).succeeds();
            }
        }
        for worker in workers(10) {
            let _ = m.reveal(task, worker, digest("right"));
            let _ = m.reveal(task, worker, digest("wrong"));
        }
        let _ = m.finalize(task, "right");
        for entry in m.journal() {
            model.follow(entry);
        }
    }
}

#[test]
fn small_rules_agree() {
    let m = canut();
    let domain = Domain::new(m.world.chain_id, m.hub);
    assert_eq!(domain.separator(), m.domain());
    assert_eq!(
        m.view(Hub::eip712domain_separatorCall {}),
        domain.separator()
    );
    assert_eq!(m.view(Hub::kitty_addressCall {}), settlement::KITTY);
    assert_eq!(m.view(Hub::kitty_minCall {}), settlement::KITTY_MIN.0);
    assert_eq!(m.view(Hub::kitty_ratioCall {}), settlement::KITTY_RATIO);
    for (catid, category) in canut_protocol::category::defaults().iter().enumerate() {
        let shown = m.view(Hub::viewCategoryCall {
            catid: n(catid as u64),
        });
        assert_eq!(
            (shown.name.as_str(), shown.workClockTimeRef),
            (&*category.name, n(category.work_clock_time_ref))
        );
    }
    let deadlines = Deadlines::of(1_000, 36_000).unwrap();
    assert_eq!((deadlines.contribution, deadlines.end), (253_000, 361_000));
    assert_eq!(Score(300).weight().get(), 99);
    let (deal, worker, answer) = (keccak256("deal"), Actor::Worker(0).address(), digest("r"));
    let task = TaskId::of(canut_protocol::DealId(deal), 7);
    assert_eq!(task.0, task_id(deal, 7));
    assert_eq!(
        result::result_hash(task, answer),
        result_hash(task.0, answer)
    );
    assert_eq!(
        result::result_seal(worker, task, answer),
        result_seal(worker, task.0, answer)
    );
}
