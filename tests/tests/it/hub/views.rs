//! Everything that can be read, at every stage of a task.

use super::*;
use canut_tests::abi::Hub;
use canut_tests::market::{KITTY, TIME_REF, digest};

/// Reads all there is to read about a deal and its task, on the record.
fn look(m: &mut Market, deal: B256, task: B256) {
    m.ask(Hub::viewDealCall { id: deal }).succeeds();
    m.ask(Hub::viewDealABILegacy_pt1Call { id: deal })
        .succeeds();
    m.ask(Hub::viewDealABILegacy_pt2Call { id: deal })
        .succeeds();
    m.ask(Hub::viewConfigABILegacyCall { id: deal }).succeeds();
    m.ask(Hub::viewTaskCall { id: task }).succeeds();
    m.ask(Hub::viewTaskABILegacyCall { taskid: task })
        .succeeds();
    for worker in workers(4)
        .into_iter()
        .chain([Actor::Stranger])
        .map(Actor::address)
    {
        m.ask(Hub::viewContributionCall {
            taskid: task,
            worker,
        })
        .succeeds();
        m.ask(Hub::viewContributionABILegacyCall {
            taskid: task,
            worker,
        })
        .succeeds();
        m.ask(Hub::viewScoreCall { worker }).succeeds();
        m.ask(Hub::viewAccountCall { account: worker }).succeeds();
        m.ask(Hub::viewAccountABILegacyCall { user: worker })
            .succeeds();
        m.ask(Hub::balanceOfCall { account: worker }).succeeds();
        m.ask(Hub::frozenOfCall { account: worker }).succeeds();
    }
    let _ = m.ask(Hub::resultForCall { id: task });
}

#[test]
fn a_task_is_shown_at_every_stage() {
    on_both(|m| {
        let mut orders = m.orders().trust(3).volume(2).tag(bit(0));
        orders.request.params =
            "{\"iexec_args\":\"some words, more than a word of 32 bytes\"}".into();
        orders.request.beneficiary = Actor::Beneficiary.address();
        orders.request.callback = nobody();
        let data = b"data for a callback that nobody hears, of more than a word";
        let result = alloy::primitives::keccak256(data);
        let deal = m.deal(orders);
        m.name_tasks(deal, 2);
        let task = canut_tests::market::task_id(deal, 1);
        look(m, deal, task);
        m.initialize(deal, 1);
        look(m, deal, task);
        for worker in workers(2) {
            m.wait(60);
            let ballot = m.enclave_ballot(task, worker, result, Actor::Scheduler);
            m.cast(&ballot).succeeds();
            look(m, deal, task);
        }
        for worker in workers(2) {
            m.wait(60);
            m.reveal(task, worker, result).succeeds();
            look(m, deal, task);
        }
        m.finalize_with(Actor::Scheduler, task, b"/ipfs/somewhere", data)
            .succeeds();
        look(m, deal, task);
        m.wait(20 * TIME_REF);
        look(m, deal, task);
    });
}

#[test]
fn a_reopened_and_a_claimed_task_are_shown() {
    on_both(|m| {
        let orders = m.orders().trust(3);
        let deal = m.deal(orders);
        let task = m.initialize(deal, 0);
        m.contribute(task, Actor::Worker(3), digest("else"))
            .succeeds();
        for worker in workers(3) {
            m.contribute(task, worker, digest("r")).succeeds();
        }
        m.wait(2 * TIME_REF);
        m.reopen(task).succeeds();
        look(m, deal, task);
        m.contribute(task, Actor::Worker(4), digest("else"))
            .succeeds();
        look(m, deal, task);
        m.wait(8 * TIME_REF);
        m.claim(task).succeeds();
        look(m, deal, task);
        m.ask(Hub::viewAccountCall { account: KITTY }).succeeds();
    });
}

#[test]
fn what_is_not_there_is_empty() {
    on_both(|m| {
        look(m, bit(1), bit(2));
        m.ask(Hub::viewConsumedCall { id: bit(1) }).succeeds();
        m.ask(Hub::viewPresignedCall { id: bit(1) }).succeeds();
        m.ask(Hub::resultForCall { id: bit(1) })
            .reverts_with("task-pending");
    });
}

#[test]
fn categories_are_shown() {
    on_both(|m| {
        assert_eq!(
            m.ask(Hub::countCategoryCall {})
                .returned::<Hub::countCategoryCall>(),
            n(5)
        );
        for catid in 0..5 {
            let shown = m.ask(Hub::viewCategoryCall { catid: n(catid) });
            let shown = shown.returned::<Hub::viewCategoryCall>();
            assert_eq!(shown.description, "\"\"");
            m.ask(Hub::viewCategoryABILegacyCall { catid: n(catid) })
                .succeeds();
        }
        assert!(m.ask(Hub::viewCategoryCall { catid: n(5) }).result.is_err());
        assert!(
            m.ask(Hub::viewCategoryCall { catid: U256::MAX })
                .result
                .is_err()
        );
    });
}

#[test]
fn constants_are_those_of_the_protocol() {
    on_both(|m| {
        assert_eq!(
            m.ask(Hub::contribution_deadline_ratioCall {})
                .returned::<Hub::contribution_deadline_ratioCall>(),
            n(7)
        );
        assert_eq!(
            m.ask(Hub::reveal_deadline_ratioCall {})
                .returned::<Hub::reveal_deadline_ratioCall>(),
            n(2)
        );
        assert_eq!(
            m.ask(Hub::final_deadline_ratioCall {})
                .returned::<Hub::final_deadline_ratioCall>(),
            n(10)
        );
        assert_eq!(
            m.ask(Hub::workerpool_stake_ratioCall {})
                .returned::<Hub::workerpool_stake_ratioCall>(),
            n(30)
        );
        assert_eq!(
            m.ask(Hub::kitty_ratioCall {})
                .returned::<Hub::kitty_ratioCall>(),
            n(10)
        );
        assert_eq!(
            m.ask(Hub::kitty_minCall {})
                .returned::<Hub::kitty_minCall>(),
            n(1_000_000_000)
        );
        assert_eq!(
            m.ask(Hub::kitty_addressCall {})
                .returned::<Hub::kitty_addressCall>(),
            KITTY
        );
        let purpose = m.ask(Hub::groupmember_purposeCall {});
        assert_eq!(purpose.returned::<Hub::groupmember_purposeCall>(), n(4));
        m.ask(Hub::teebrokerCall {}).succeeds();
        for registry in [
            m.ask(Hub::appregistryCall {}),
            m.ask(Hub::datasetregistryCall {}),
            m.ask(Hub::workerpoolregistryCall {}),
        ] {
            registry.succeeds();
        }
    });
}

#[test]
fn assets_are_shown() {
    on_both(|m| {
        let app = m
            .ask(Hub::viewAppCall { app: m.app })
            .returned::<Hub::viewAppCall>();
        assert_eq!(
            (app.owner, &app.m_appName[..]),
            (Actor::AppOwner.address(), "my-app")
        );
        let dataset = m.ask(Hub::viewDatasetCall { dataset: m.dataset });
        assert_eq!(
            dataset.returned::<Hub::viewDatasetCall>().m_datasetName,
            "my-dataset"
        );
        let pool = m.ask(Hub::viewWorkerpoolCall { workerpool: m.pool });
        let pool = pool.returned::<Hub::viewWorkerpoolCall>();
        assert_eq!(pool.m_workerStakeRatioPolicy, n(30));
        assert_eq!(pool.m_schedulerRewardRatioPolicy, n(1));
        for nothing in [nobody(), m.token] {
            assert!(m.ask(Hub::viewAppCall { app: nothing }).result.is_err());
            assert!(
                m.ask(Hub::viewDatasetCall { dataset: nothing })
                    .result
                    .is_err()
            );
            assert!(
                m.ask(Hub::viewWorkerpoolCall {
                    workerpool: nothing
                })
                .result
                .is_err()
            );
        }
    });
}

/// A deal without a dataset, and a dataset order that would go with it.
mod compatibility {
    use super::*;
    use canut_tests::abi::{DatasetOrder, DatasetOrderOperation};

    fn assess(m: &mut Market, order: &DatasetOrder, deal: B256) -> canut_tests::outcome::Outcome {
        m.ask(Hub::assertDatasetDealCompatibilityCall {
            datasetOrder: order.clone(),
            dealId: deal,
        })
    }

    fn because(reason: &str) -> Hub::IncompatibleDatasetOrder {
        Hub::IncompatibleDatasetOrder {
            reason: reason.into(),
        }
    }

    fn order(m: &mut Market, change: impl Fn(&mut DatasetOrder)) -> DatasetOrder {
        let mut order = m.orders().dataset;
        change(&mut order);
        m.sign(&mut order, Actor::DatasetOwner);
        order
    }

    #[test]
    fn a_dataset_order_fits_a_deal_or_is_told_why_not() {
        on_both(|m| {
            let mut orders = m.orders().without_dataset();
            orders.pool.tag = bit(8);
            orders.app.tag = bit(8);
            let deal = m.deal(orders);
            let good = order(m, |_| {});
            assess(m, &good, deal).succeeds();
            let group = m.install("Group", "group");
            let pool = m.pool;
            let fitting = order(m, |o| {
                o.workerpoolrestrict = pool;
                o.requesterrestrict = Actor::Requester.address();
                o.tag = bit(8);
            });
            assess(m, &fitting, deal).succeeds();
            assess(m, &good, bit(1)).reverts_as(&because("Deal not found"));
            let orders = m.orders();
            let with = m.deal(orders);
            assess(m, &good, with).reverts_as(&because("Deal already has a dataset"));
            let bad = order(m, |o| o.apprestrict = nobody());
            assess(m, &bad, deal).reverts_as(&because("App restriction not satisfied"));
            let bad = order(m, |o| o.workerpoolrestrict = group);
            assess(m, &bad, deal).reverts_as(&because("Workerpool restriction not satisfied"));
            let bad = order(m, |o| o.requesterrestrict = nobody());
            assess(m, &bad, deal).reverts_as(&because("Requester restriction not satisfied"));
            let bad = order(m, |o| o.tag = bit(9));
            assess(m, &bad, deal).reverts_as(&because("Tag compatibility not satisfied"));
            let bad = order(m, |o| o.tag = bit(0));
            assess(m, &bad, deal).reverts_as(&because("Tag compatibility not satisfied"));
        });
    }

    #[test]
    fn a_dataset_order_must_be_signed_and_unspent() {
        on_both(|m| {
            let orders = m.orders().without_dataset();
            let deal = m.deal(orders);
            let mut forged = order(m, |_| {});
            m.sign(&mut forged, Actor::Stranger);
            assess(m, &forged, deal).reverts_as(&because("Invalid dataset order signature"));
            forged.sign = [].into();
            assess(m, &forged, deal).reverts_with("invalid-signature-format");
            let presigned = DatasetOrder {
                sign: [].into(),
                ..order(m, |_| {})
            };
            let operation = DatasetOrderOperation {
                order: presigned.clone(),
                ..DatasetOrderOperation::default()
            };
            m.send(
                Actor::DatasetOwner,
                Hub::manageDatasetOrderCall { operation },
            )
            .succeeds();
            assess(m, &presigned, deal).succeeds();
            let close = DatasetOrderOperation {
                order: presigned.clone(),
                operation: 1,
                sign: [].into(),
            };
            m.send(
                Actor::DatasetOwner,
                Hub::manageDatasetOrderCall { operation: close },
            )
            .succeeds();
            let spent = because("Dataset order is revoked or fully consumed");
            assess(m, &presigned, deal).reverts_as(&spent);
            let none = order(m, |o| o.volume = n(0));
            assess(m, &none, deal).reverts_as(&spent);
            let nothing = order(m, |o| o.dataset = nobody());
            assess(m, &nothing, deal).reverts_empty();
            // Nothing of it is spent by asking.
            let good = order(m, |_| {});
            assess(m, &good, deal).succeeds();
            assess(m, &good, deal).succeeds();
        });
    }
}
