//! Four orders become a deal.

use super::*;
use alloy::primitives::{Bytes, keccak256};
use canut_tests::abi::{DatasetOrder, Hub, RequestOrder};
use canut_tests::market::{
    APP_PRICE, CATEGORY, DATASET_PRICE, DEPOSIT, NO_DATASET_HASH, Orders, POOL_PRICE,
};

fn code(code: &str) -> String {
    format!("iExecV5-matchOrders-0x{code}")
}

/// Orders changed by `change`, then signed, are refused with this code, whoever pays.
#[track_caller]
fn refused(expected: &str, change: impl Fn(&mut Market, &mut Orders)) {
    on_both(|m| {
        let mut orders = m.orders();
        change(m, &mut orders);
        let orders = m.signed(orders);
        m.match_orders(&orders).reverts_with(&code(expected));
        m.sponsor_from(Actor::Sponsor, &orders)
            .reverts_with(&code(expected));
    });
}

#[test]
fn a_match_locks_the_price_and_the_schedulers_stake() {
    on_both(|m| {
        let orders = m.orders();
        let orders = m.signed(orders);
        let done = m.match_from(Actor::Stranger, &orders).ok();
        let deal = done.returned::<Hub::matchOrdersCall>();
        let (payer, scheduler) = (Actor::Requester.address(), Actor::Scheduler.address());
        let (price, stake) = (
            APP_PRICE + DATASET_PRICE + POOL_PRICE,
            POOL_PRICE * n(30) / n(100),
        );
        assert_eq!(
            done.event_names(),
            [
                "Transfer",
                "Lock",
                "Transfer",
                "Lock",
                "SchedulerNotice",
                "OrdersMatched"
            ]
        );
        let hub = m.hub;
        assert_eq!(
            done.events::<Hub::Transfer>(hub),
            [
                Hub::Transfer {
                    from: payer,
                    to: hub,
                    value: price
                },
                Hub::Transfer {
                    from: scheduler,
                    to: hub,
                    value: stake
                }
            ]
        );
        assert_eq!(
            done.events::<Hub::Lock>(hub),
            [
                Hub::Lock {
                    owner: payer,
                    amount: price
                },
                Hub::Lock {
                    owner: scheduler,
                    amount: stake
                }
            ]
        );
        let notice = Hub::SchedulerNotice {
            workerpool: m.pool,
            dealid: deal,
        };
        assert_eq!(done.events::<Hub::SchedulerNotice>(hub), [notice]);
        let request = m.digest(&orders.request);
        let matched = Hub::OrdersMatched {
            dealid: deal,
            appHash: m.digest(&orders.app),
            datasetHash: m.digest(&orders.dataset),
            workerpoolHash: m.digest(&orders.pool),
            requestHash: request,
            volume: n(1),
        };
        assert_eq!(done.events::<Hub::OrdersMatched>(hub), [matched]);
        assert_eq!(deal, keccak256([&request[..], &[0; 32]].concat()));
        assert_eq!(m.account(payer).locked, price);
        assert_eq!(m.account(payer).stake, DEPOSIT - price);
        assert_eq!(m.account(scheduler).locked, stake);
        assert_eq!(m.account(hub).stake, price + stake);
    });
}

#[test]
fn a_deal_remembers_what_was_agreed() {
    on_both(|m| {
        let mut orders = m.orders().tag(bit(8)).volume(7).trust(5);
        orders.request.trust = n(4);
        orders.request.beneficiary = Actor::Beneficiary.address();
        orders.request.callback = nobody();
        orders.request.params = "{\"iexec_args\":\"a string of more than one word\"}".into();
        let deal = m.deal(orders.clone());
        let shown = m
            .ask(Hub::viewDealCall { id: deal })
            .returned::<Hub::viewDealCall>();
        assert_eq!(shown.app.pointer, m.app);
        assert_eq!(shown.app.owner, Actor::AppOwner.address());
        assert_eq!(shown.app.price, APP_PRICE);
        assert_eq!(shown.dataset.pointer, m.dataset);
        assert_eq!(shown.dataset.owner, Actor::DatasetOwner.address());
        assert_eq!(shown.dataset.price, DATASET_PRICE);
        assert_eq!(shown.workerpool.pointer, m.pool);
        assert_eq!(shown.workerpool.owner, Actor::Scheduler.address());
        assert_eq!(shown.workerpool.price, POOL_PRICE);
        assert_eq!((shown.trust, shown.category), (n(4), n(CATEGORY)));
        assert_eq!(shown.tag, bit(8));
        assert_eq!(shown.requester, Actor::Requester.address());
        assert_eq!(shown.beneficiary, Actor::Beneficiary.address());
        assert_eq!(shown.callback, nobody());
        assert_eq!(shown.params, orders.request.params);
        assert_eq!(shown.startTime, n(m.world.time()));
        assert_eq!((shown.botFirst, shown.botSize), (n(0), n(7)));
        assert_eq!(shown.workerStake, POOL_PRICE * n(30) / n(100));
        assert_eq!(shown.schedulerRewardRatio, n(1));
        assert_eq!(shown.sponsor, Actor::Requester.address());
    });
}

#[test]
fn params_of_any_length_are_kept() {
    on_both(|m| {
        for length in [1, 31, 32, 33, 64, 200, 1000] {
            let mut orders = m.orders();
            orders.request.params = "p".repeat(length);
            let deal = m.deal(orders);
            let shown = m
                .ask(Hub::viewDealCall { id: deal })
                .returned::<Hub::viewDealCall>();
            assert_eq!(shown.params.len(), length);
        }
    });
}

#[test]
fn a_sponsor_pays_for_another() {
    on_both(|m| {
        let orders = m.orders();
        let orders = m.signed(orders);
        let done = m.sponsor_from(Actor::Sponsor, &orders).ok();
        let deal = done.returned::<Hub::sponsorMatchOrdersCall>();
        let sponsor = Actor::Sponsor.address();
        assert_eq!(done.event_names().last().unwrap(), "DealSponsored");
        let sponsored = Hub::DealSponsored {
            dealId: deal,
            sponsor,
        };
        assert_eq!(done.events::<Hub::DealSponsored>(m.hub), [sponsored]);
        let price = APP_PRICE + DATASET_PRICE + POOL_PRICE;
        assert_eq!(m.account(sponsor).locked, price);
        assert_eq!(m.account(Actor::Requester).locked, n(0));
        assert_eq!(m.view_deal(deal).sponsor, sponsor);
        assert_eq!(m.view_deal(deal).requester, Actor::Requester.address());
    });
}

#[test]
fn a_dataset_is_optional() {
    on_both(|m| {
        let orders = m.orders().without_dataset();
        let orders = m.signed(orders);
        let done = m.match_orders(&orders).ok();
        let matched = done.events::<Hub::OrdersMatched>(m.hub);
        assert_eq!(matched[0].datasetHash, NO_DATASET_HASH);
        let deal = m.view_deal(matched[0].dealid);
        assert_eq!(
            (deal.dataset.pointer, deal.dataset.owner),
            (Address::ZERO, Address::ZERO)
        );
        assert_eq!(m.account(Actor::Requester).locked, APP_PRICE + POOL_PRICE);
        // A price without a dataset is capped but never paid.
        let mut orders = m.orders().without_dataset();
        orders.dataset.datasetprice = n(5);
        orders.request.datasetmaxprice = n(5);
        let deal = m.deal(orders);
        assert_eq!(m.view_deal(deal).dataset.price, n(0));
        assert_eq!(
            m.account(Actor::Requester).locked,
            (APP_PRICE + POOL_PRICE) * n(2)
        );
    });
}

#[test]
fn the_volume_is_what_every_order_has_left() {
    on_both(|m| {
        let mut orders = m.orders();
        orders.app.volume = n(10);
        orders.dataset.volume = n(6);
        orders.pool.volume = n(4);
        orders.request.volume = n(9);
        let request = m.digest(&orders.request);
        let Orders {
            app,
            dataset,
            pool,
            request: asked,
        } = orders.clone();
        let compute = Hub::computeDealVolumeCall {
            appOrder: app,
            datasetOrder: dataset,
            workerpoolOrder: pool,
            requestOrder: asked,
        };
        let volume = |m: &mut Market| {
            m.ask(compute.clone())
                .returned::<Hub::computeDealVolumeCall>()
        };
        assert_eq!(volume(m), n(4));
        let first = m.deal(orders.clone());
        assert_eq!(volume(m), n(0));
        assert_eq!(m.view(Hub::viewConsumedCall { id: request }), n(4));
        // Another pool takes what the request has left: indices go on.
        orders.pool = m.orders().pool;
        orders.pool.volume = n(100);
        let second = m.deal(orders.clone());
        assert_eq!(
            second,
            keccak256([&request[..], &n(4).to_be_bytes::<32>()].concat())
        );
        let deal = m.view_deal(second);
        assert_eq!(
            (deal.botFirst, deal.botSize),
            (n(4), n(2)),
            "the dataset had two left"
        );
        let orders = m.signed(orders);
        m.match_orders(&orders).reverts_with(&code("60"));
        assert_eq!(m.view_deal(first).botSize, n(4));
    });
}

#[test]
fn an_order_of_no_volume_never_matches() {
    refused("60", |_, o| o.request.volume = n(0));
    refused("60", |_, o| o.app.volume = n(0));
    refused("60", |_, o| o.dataset.volume = n(0));
    refused("60", |_, o| o.pool.volume = n(0));
}

#[test]
fn categories_agree_and_exist() {
    refused("00", |_, o| o.request.category = n(3));
    refused("01", |_, o| {
        (o.request.category, o.pool.category) = (n(5), n(5))
    });
    refused("01", |_, o| {
        (o.request.category, o.pool.category) = (U256::MAX, U256::MAX)
    });
}

#[test]
fn a_pool_must_offer_the_trust_asked() {
    refused("02", |_, o| o.request.trust = n(1));
    refused("02", |_, o| (o.request.trust, o.pool.trust) = (n(6), n(5)));
}

#[test]
fn nobody_pays_more_than_he_said() {
    refused("03", |_, o| o.app.appprice += n(1));
    refused("04", |_, o| o.dataset.datasetprice += n(1));
    refused("05", |_, o| o.pool.workerpoolprice += n(1));
    // Even of a dataset that is not there.
    refused("04", |_, o| {
        *o = o.clone().without_dataset();
        o.dataset.datasetprice = n(1);
    });
}

#[test]
fn a_pool_must_offer_every_tag_asked() {
    refused("06", |_, o| o.app.tag = bit(8));
    refused("06", |_, o| o.dataset.tag = bit(8));
    refused("06", |_, o| o.request.tag = bit(255));
    refused("06", |_, o| {
        *o = o.clone().without_dataset();
        o.dataset.tag = bit(9);
    });
}

#[test]
fn only_an_enclave_app_runs_in_an_enclave() {
    refused("07", |_, o| (o.request.tag, o.pool.tag) = (bit(0), bit(0)));
    refused("07", |_, o| (o.dataset.tag, o.pool.tag) = (bit(0), bit(0)));
    on_both(|m| {
        let orders = m.orders().tag(bit(0));
        m.deal(orders);
        let mut orders = m.orders();
        (orders.app.tag, orders.pool.tag) = (bit(0) | bit(8), bit(0) | bit(8) | bit(9));
        let deal = m.deal(orders);
        assert_eq!(
            m.view_deal(deal).tag,
            bit(0) | bit(8),
            "what is asked, not what is offered"
        );
    });
}

#[test]
fn orders_are_for_the_same_assets() {
    refused("10", |m, o| {
        o.request.app = m.create_app(Actor::AppOwner, "another app")
    });
    refused("11", |m, o| {
        o.request.dataset = m.create_dataset(Actor::DatasetOwner, "another")
    });
    refused("11", |_, o| o.request.dataset = Address::ZERO);
    refused("11", |_, o| o.dataset = DatasetOrder::default());
}

#[test]
fn assets_are_registered() {
    // Something that has an owner and is signed by him, but that no registry knows.
    refused("20", |m, o| (o.app.app, o.request.app) = (m.pool, m.pool));
    refused("30", |m, o| {
        (o.dataset.dataset, o.request.dataset) = (m.app, m.app)
    });
    refused("40", |m, o| o.pool.workerpool = m.app);
}

#[test]
fn what_has_no_owner_is_no_asset() {
    on_both(|m| {
        let places: [fn(&mut Orders); 3] = [
            |o| (o.app.app, o.request.app) = (nobody(), nobody()),
            |o| (o.dataset.dataset, o.request.dataset) = (nobody(), nobody()),
            |o| o.pool.workerpool = nobody(),
        ];
        for place in places {
            let mut orders = m.orders();
            place(&mut orders);
            let orders = m.signed(orders);
            m.match_orders(&orders).reverts_empty();
        }
    });
}

#[test]
fn every_order_is_signed_by_its_owner() {
    on_both(|m| {
        type Place = fn(&mut Market, &mut Orders);
        let places: [(&str, Place); 4] = [
            ("21", |m, o| m.sign(&mut o.app, Actor::Stranger)),
            ("31", |m, o| m.sign(&mut o.dataset, Actor::Stranger)),
            ("41", |m, o| m.sign(&mut o.pool, Actor::Stranger)),
            ("50", |m, o| m.sign(&mut o.request, Actor::Stranger)),
        ];
        for (expected, forge) in places {
            let orders = m.orders();
            let mut orders = m.signed(orders);
            forge(m, &mut orders);
            m.match_orders(&orders).reverts_with(&code(expected));
            m.sponsor_from(Actor::Sponsor, &orders)
                .reverts_with(&code(expected));
        }
    });
}

#[test]
fn a_signature_holds_for_one_order_only() {
    on_both(|m| {
        let orders = m.orders();
        let mut orders = m.signed(orders);
        orders.pool.workerpoolprice -= n(1);
        m.match_orders(&orders).reverts_with(&code("41"));
        orders.pool.workerpoolprice += n(1);
        orders.request.params = "something else".into();
        m.match_orders(&orders).reverts_with(&code("50"));
    });
}

#[test]
fn unsigned_orders_have_no_signatures_length() {
    on_both(|m| {
        type Place = fn(&mut Orders) -> &mut Bytes;
        let places: [Place; 4] = [
            |o| &mut o.app.sign,
            |o| &mut o.dataset.sign,
            |o| &mut o.pool.sign,
            |o| &mut o.request.sign,
        ];
        for place in places {
            let orders = m.orders();
            let mut orders = m.signed(orders);
            *place(&mut orders) = Bytes::new();
            m.match_orders(&orders)
                .reverts_with("invalid-signature-format");
        }
    });
}

#[test]
fn a_wallet_contract_requests() {
    on_both(|m| {
        let wallet = m.install("Wallet", "wallet");
        m.watched.push(wallet);
        let mut orders = m.orders();
        orders.request.requester = wallet;
        let mut orders = m.signed(orders);
        m.match_orders(&orders).reverts_with(&code("50"));
        orders.request.sign = m.digest(&orders.request).to_vec().into();
        m.match_orders(&orders)
            .reverts_with("IexecEscrow: Transfer amount exceeds balance");
        let price = APP_PRICE + DATASET_PRICE + POOL_PRICE;
        m.send(
            Actor::Sponsor,
            Hub::transferCall {
                to: wallet,
                amount: price,
            },
        )
        .succeeds();
        m.match_orders(&orders).succeeds();
        assert_eq!(m.account(wallet).locked, price);
    });
}

#[test]
fn whoever_pays_must_have_the_money() {
    on_both(|m| {
        let poor = Actor::Stranger;
        let mut orders = m.orders();
        orders.request.requester = poor.address();
        let mut orders = m.signed(orders);
        m.sign(&mut orders.request, poor);
        m.match_orders(&orders)
            .reverts_with("IexecEscrow: Transfer amount exceeds balance");
        m.sponsor_from(poor, &orders)
            .reverts_with("IexecEscrow: Transfer amount exceeds balance");
        let price = APP_PRICE + DATASET_PRICE + POOL_PRICE;
        let give = |amount| Hub::transferCall {
            to: poor.address(),
            amount,
        };
        m.send(Actor::Admin, give(price - n(1))).succeeds();
        m.match_orders(&orders)
            .reverts_with("IexecEscrow: Transfer amount exceeds balance");
        m.send(Actor::Admin, give(n(1))).succeeds();
        m.match_orders(&orders).succeeds();
        assert_eq!(m.account(poor).stake, n(0));
    });
}

#[test]
fn the_scheduler_must_have_his_stake() {
    on_both(|m| {
        let all = m.account(Actor::Scheduler).stake;
        let stake = POOL_PRICE * n(30) / n(100);
        let leave = Hub::withdrawCall {
            amount: all - stake + n(1),
        };
        m.send(Actor::Scheduler, leave).succeeds();
        let orders = m.orders();
        let orders = m.signed(orders);
        m.match_orders(&orders)
            .reverts_with("IexecEscrow: Transfer amount exceeds balance");
    });
}

#[test]
fn the_schedulers_stake_is_rounded_down_for_each_task() {
    on_both(|m| {
        let orders = m.orders().prices(n(0), n(0), n(33)).volume(10);
        m.deal(orders);
        assert_eq!(m.account(Actor::Scheduler).locked, n(90), "⌊9.9⌋ ten times");
        assert_eq!(m.account(Actor::Requester).locked, n(330));
    });
}

#[test]
fn free_deals_are_deals() {
    on_both(|m| {
        let orders = m.orders().prices(n(0), n(0), n(0)).volume(2);
        let orders = m.signed(orders);
        let done = m.match_orders(&orders).ok();
        assert_eq!(done.event_names().len(), 6);
    });
}

#[test]
fn a_pools_policy_at_the_match_counts() {
    on_both(|m| {
        use canut_tests::abi::Asset;
        let orders = m.orders();
        let orders = m.signed(orders);
        let policy = Asset::changePolicyCall {
            newWorkerStakeRatioPolicy: n(250),
            newSchedulerRewardRatioPolicy: n(40),
        };
        m.send_to(Actor::Scheduler, m.pool, policy).succeeds();
        let deal = m.match_orders(&orders).returned::<Hub::matchOrdersCall>();
        let deal = m.view_deal(deal);
        assert_eq!(deal.workerStake, POOL_PRICE * n(250) / n(100));
        assert_eq!(deal.schedulerRewardRatio, n(40));
        assert_eq!(
            m.account(Actor::Scheduler).locked,
            POOL_PRICE * n(30) / n(100)
        );
    });
}

#[test]
fn a_deal_keeps_the_owners_of_its_day() {
    on_both(|m| {
        let orders = m.orders();
        let deal = m.deal(orders);
        m.give_pool(m.pool, Actor::Scheduler, Actor::Stranger);
        let task = m.initialize(deal, 0);
        let worker = Actor::Worker(0);
        m.contribute(task, worker, canut_tests::market::digest("r"))
            .succeeds();
        m.reveal(task, worker, canut_tests::market::digest("r"))
            .succeeds();
        m.finalize_with(Actor::Stranger, task, b"r", b"")
            .reverts_empty();
        m.finalize(task, "r").succeeds();
    });
}

#[test]
fn an_unknown_deal_is_empty() {
    on_both(|m| {
        let shown = m
            .ask(Hub::viewDealCall { id: bit(3) })
            .returned::<Hub::viewDealCall>();
        assert_eq!(shown.sponsor, Address::ZERO);
        assert_eq!(RequestOrder::default().volume, shown.botSize);
    });
}
