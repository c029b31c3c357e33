//! What nobody sends in good faith: none of it moves money it should not.

use super::*;
use alloy::primitives::Bytes;
use alloy::sol_types::{PanicKind, SolCall};
use canut_tests::abi::{Hub, Mocks, Registry, Token};
use canut_tests::market::{KITTY, POOL_PRICE, digest, task_id};

#[test]
fn prices_that_overflow_are_refused() {
    for huge in [U256::MAX, U256::ONE << 255, U256::ONE << 96] {
        on_both_refused(|m| {
            let orders = m.orders().prices(huge, n(0), n(0));
            let orders = m.signed(orders);
            m.match_orders(&orders)
        });
        on_both_refused(|m| {
            let orders = m.orders().prices(n(1), huge, n(1));
            let orders = m.signed(orders);
            m.match_orders(&orders)
        });
        on_both_refused(|m| {
            let orders = m.orders().prices(n(1), n(0), huge);
            let orders = m.signed(orders);
            m.match_orders(&orders)
        });
    }
}

#[test]
fn prices_times_volumes_that_overflow_are_refused() {
    for (price, volume) in [(1 << 60, u64::MAX), (u64::MAX, 1 << 39), (1, u64::MAX)] {
        on_both_refused(|m| {
            let orders = m
                .orders()
                .prices(n(price), n(price), n(price))
                .volume(volume);
            let orders = m.signed(orders);
            m.match_orders(&orders)
        });
    }
    on_both_refused(|m| {
        let mut orders = m.orders();
        (orders.app.volume, orders.dataset.volume) = (U256::MAX, U256::MAX);
        (orders.pool.volume, orders.request.volume) = (U256::MAX, U256::MAX);
        let orders = m.signed(orders);
        m.match_orders(&orders)
    });
}

/// Both sides refuse, each in its own words (see `differences` for the ranges), and nobody's money moves.
fn on_both_refused(call: impl Fn(&mut Market) -> canut_tests::outcome::Outcome) {
    for mut m in [canut(), poco()] {
        let before: Vec<U256> = Actor::all().map(|actor| m.account(actor).stake).collect();
        let done = call(&mut m);
        assert!(done.result.is_err(), "{:?} took it", m.side);
        let after: Vec<U256> = Actor::all().map(|actor| m.account(actor).stake).collect();
        assert_eq!(before, after);
    }
}

#[test]
fn an_order_may_be_endless_if_the_others_are_not() {
    on_both(|m| {
        let mut orders = m.orders();
        (orders.app.volume, orders.dataset.volume) = (U256::MAX, U256::MAX);
        orders.pool.volume = U256::MAX;
        m.deal(orders.clone());
        orders.request = m.orders().request;
        m.deal(orders);
    });
}

#[test]
fn a_tasks_index_is_kept_whole() {
    // A request of so many tasks that the second deal begins where 40 bits end.
    let edge = (1_u64 << 40) - 1;
    let mut m = canut();
    let mut orders = m.orders().prices(n(0), n(0), n(0));
    let most = n(1) << 50;
    (
        orders.app.volume,
        orders.dataset.volume,
        orders.request.volume,
    ) = (most, most, most);
    orders.pool.volume = n(edge);
    m.deal(orders.clone());
    orders.pool = m.orders().prices(n(0), n(0), n(0)).pool;
    orders.pool.volume = n(edge);
    let orders = m.signed(orders);
    let done = m.match_orders(&orders);
    // It may be refused; if it is not, its tasks must know which they are.
    if done.result.is_ok() {
        let deal = done.returned::<Hub::matchOrdersCall>();
        let index = edge + 5;
        let task = m.initialize(deal, index);
        assert_eq!((task, m.task(task).idx), (task_id(deal, index), n(index)));
    }
}

#[test]
fn calldata_that_ends_too_early_is_refused() {
    let orders = {
        let mut m = canut();
        let orders = m.orders();
        m.signed(orders)
    };
    let canut_tests::market::Orders {
        app,
        dataset,
        pool,
        request,
    } = orders;
    let whole = Hub::matchOrdersCall {
        app,
        dataset,
        pool,
        request,
    }
    .abi_encode();
    on_both(|m| {
        for length in [4, 5, 36, 131, 132, whole.len() / 2, whole.len() - 33] {
            let done = m.send_raw(Actor::Requester, m.hub, "cut short", &whole[..length], n(0));
            assert!(done.result.is_err());
        }
    });
}

#[test]
fn offsets_and_lengths_out_of_bounds_are_refused() {
    on_both(|m| {
        let call = Hub::claimArrayCall {
            taskIds: vec![B256::ZERO],
        }
        .abi_encode();
        for (at, value) in [
            (4, U256::MAX),
            (4, U256::ONE << 64),
            (36, U256::MAX),
            (36, n(1 << 40)),
        ] {
            let mut data = call.clone();
            data[at..at + 32].copy_from_slice(&value.to_be_bytes::<32>());
            assert!(
                m.send_raw(Actor::Stranger, m.hub, "out of bounds", &data, n(0))
                    .result
                    .is_err()
            );
        }
        let call = Hub::finalizeCall {
            taskId: bit(1),
            results: vec![1; 40].into(),
            resultsCallback: [].into(),
        };
        let mut data = call.abi_encode();
        data[36..68].copy_from_slice(&U256::MAX.to_be_bytes::<32>());
        assert!(
            m.send_raw(Actor::Scheduler, m.hub, "out of bounds", &data, n(0))
                .result
                .is_err()
        );
    });
}

#[test]
fn addresses_with_dirty_upper_bits_are_refused() {
    on_both(|m| {
        let mut data = Hub::transferCall {
            to: nobody(),
            amount: n(1),
        }
        .abi_encode();
        data[4] = 1;
        m.send_raw(Actor::Requester, m.hub, "dirty address", &data, n(0))
            .reverts_empty();
    });
}

#[test]
fn products_of_weights_that_overflow_stop_the_vote_not_the_refund() {
    // Two hundred and fifty workers who agree on a task whose trust nobody can reach.
    let mut m = canut();
    let mut orders = m.orders().prices(n(0), n(0), n(0));
    let most = (U256::ONE << 96) - n(1);
    (orders.request.trust, orders.pool.trust) = (most, most);
    let deal = m.deal(orders);
    let task = m.initialize(deal, 0);
    let mut refused = None;
    for number in 0..300_u64 {
        let worker = Address::left_padding_from(&(number + 1_000).to_be_bytes());
        let mut call = m.ballot(task, Actor::Worker(0), digest("r")).call;
        call.authorizationSign =
            canut_tests::market::authorization(Actor::Scheduler, worker, task, Address::ZERO);
        if m.send(worker, call).result.is_err() {
            refused = Some(number);
            break;
        }
    }
    // 2^96 - 1 is reached with 96 weights of two, well before a product overflows.
    assert_eq!(refused, Some(96));
    assert_eq!(m.task(task).status, 2);
}

#[test]
fn trust_that_overflows_the_comparison_fails_the_task() {
    let mut m = poco();
    let mut orders = m.orders();
    (orders.request.trust, orders.pool.trust) = (U256::MAX, U256::MAX);
    let deal = m.deal(orders);
    let task = m.initialize(deal, 0);
    m.contribute(task, Actor::Worker(0), digest("r"))
        .panics(PanicKind::UnderOverflow);
    // Ours refuses such a deal; see `differences`.
    let mut m = canut();
    let mut orders = m.orders();
    (orders.request.trust, orders.pool.trust) = (U256::MAX, U256::MAX);
    let orders = m.signed(orders);
    assert!(m.match_orders(&orders).result.is_err());
}

#[test]
fn a_token_that_calls_back_gains_nothing() {
    // While it moves, it withdraws, deposits, and pushes approvals again.
    let calls = |m: &Market| {
        let token = m.token;
        [
            Hub::withdrawCall { amount: n(10) }.abi_encode(),
            Hub::withdrawToCall {
                amount: n(10),
                target: token,
            }
            .abi_encode(),
            Hub::depositCall { amount: n(10) }.abi_encode(),
            Hub::receiveApprovalCall {
                sender: token,
                amount: n(10),
                token,
                data: [].into(),
            }
            .abi_encode(),
            Hub::transferCall {
                to: nobody(),
                amount: n(10),
            }
            .abi_encode(),
            Hub::recoverCall {}.abi_encode(),
        ]
    };
    for data in calls(&escrow::weird_on(Side::Canut)) {
        let mut m = escrow::weird_on(Side::Canut);
        let (token, hub) = (m.token, m.hub);
        for who in [token, nobody()] {
            m.send_to(
                Actor::Admin,
                token,
                Mocks::mintCall {
                    account: who,
                    amount: n(100),
                },
            )
            .succeeds();
            m.send(who, Hub::depositCall { amount: n(50) }).succeeds();
        }
        for own in [
            Hub::depositCall { amount: n(5) }.abi_encode(),
            Hub::withdrawCall { amount: n(5) }.abi_encode(),
        ] {
            let prepare = Mocks::prepareCall {
                target: hub,
                data: data.clone().into(),
            };
            m.send_to(Actor::Admin, token, prepare).succeeds();
            let _ = m.send_raw(nobody(), hub, "own", &own, n(0));
            let supply = m.view(Hub::totalSupplyCall {});
            assert!(m.wallet(hub) >= supply, "every staked token is there");
            let staked = [token, nobody(), hub].map(|who| m.account(who).stake);
            assert_eq!(staked.into_iter().sum::<U256>(), supply);
        }
        assert!(
            m.wallet(nobody()) + m.account(nobody()).stake >= n(100),
            "its user lost nothing"
        );
    }
}

#[test]
fn a_receiver_of_approvals_that_calls_back_gains_nothing() {
    on_both(|m| {
        let echo = m.install("Echo", "echo");
        m.watched.push(echo);
        let sender = Actor::Requester.address();
        let data = Hub::transferFromCall {
            from: sender,
            to: echo,
            amount: n(10),
        }
        .abi_encode();
        let prepare = Mocks::prepareCall {
            target: m.hub,
            data: data.into(),
        };
        m.send_to(Actor::Admin, echo, prepare).succeeds();
        let call = Hub::approveAndCallCall {
            spender: echo,
            amount: n(15),
            data: Bytes::new(),
        };
        m.send(Actor::Requester, call).succeeds();
        assert_eq!(m.account(echo).stake, n(10), "what it was given leave for");
        let again = Hub::transferFromCall {
            from: sender,
            to: echo,
            amount: n(10),
        };
        m.send(echo, again).reverts_empty();
    });
}

#[test]
fn an_asset_that_lies_about_its_owner_is_not_registered() {
    on_both(|m| {
        // An account that answers any question, its owner's name included, with a word of ones.
        let liar = m.install("Liar", "liar");
        let mut orders = m.orders();
        (orders.app.app, orders.request.app) = (liar, liar);
        let orders = m.signed(orders);
        assert!(m.match_orders(&orders).result.is_err());
    });
}

#[test]
fn the_kitty_is_nobodys() {
    on_both(|m| {
        let orders = m.orders();
        let deal = m.deal(orders);
        let task = m.initialize(deal, 0);
        m.wait(canut_tests::market::TIME_REF * 10);
        m.claim(task).succeeds();
        let kitty = m.account(KITTY).locked;
        assert_eq!(kitty, POOL_PRICE * n(30) / n(100));
        // Not even of whoever could send from its address.
        m.send(KITTY, Hub::withdrawCall { amount: kitty })
            .reverts_empty();
        m.send(
            KITTY,
            Hub::transferCall {
                to: nobody(),
                amount: kitty,
            },
        )
        .reverts_empty();
        assert_eq!(m.account(KITTY).locked, kitty);
    });
}

#[test]
fn the_hubs_own_tokens_are_not_for_recovery() {
    on_both(|m| {
        let orders = m.orders();
        m.deal(orders);
        assert_eq!(
            m.send(Actor::Admin, Hub::recoverCall {})
                .returned::<Hub::recoverCall>(),
            n(0)
        );
        let token = m.token;
        assert!(m.wallet(m.hub) > n(0));
        let call = Token::transferFromCall {
            from: m.hub,
            to: nobody(),
            amount: n(1),
        };
        assert!(m.send_to(Actor::Admin, token, call).result.is_err());
    });
}

#[test]
fn a_registry_takes_descriptions_of_any_length() {
    for mut m in [canut(), poco()] {
        for length in [0, 1, 31, 32, 33, 500] {
            let call = Registry::createDatasetCall {
                datasetOwner: Actor::Requester.address(),
                datasetName: "n".repeat(length),
                datasetMultiaddr: vec![7; length].into(),
                datasetChecksum: B256::ZERO,
            };
            let registry = m.dataset_registry;
            let done = m.send_to(Actor::Stranger, registry, call);
            let dataset = done.returned::<Registry::createDatasetCall>();
            let shown = m.view(Hub::viewDatasetCall { dataset });
            assert_eq!(shown.m_datasetName.len(), length);
            assert_eq!(shown.m_datasetMultiaddr.len(), length);
        }
    }
}
