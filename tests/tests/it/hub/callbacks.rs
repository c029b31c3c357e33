//! Results told to a contract: told, but never waited for.

use super::*;
use alloy::primitives::keccak256;
use alloy::sol_types::PanicKind;
use canut_tests::abi::{Hub, Mocks};
use canut_tests::market::{POOL_PRICE, digest};
use canut_tests::outcome::Outcome;

const DATA: &[u8] = b"what the contract shall know";

/// A task with a callback, ready to be settled with `DATA`.
fn ready(m: &mut Market, callback: Address) -> B256 {
    let mut orders = m.orders();
    orders.request.callback = callback;
    let deal = m.deal(orders);
    let task = m.initialize(deal, 0);
    m.contribute(task, Actor::Worker(0), keccak256(DATA))
        .succeeds();
    m.reveal(task, Actor::Worker(0), keccak256(DATA)).succeeds();
    task
}

fn settle(m: &mut Market, task: B256) -> Outcome {
    m.finalize_with(Actor::Scheduler, task, b"results", DATA)
}

#[test]
fn a_contract_is_told_the_result() {
    on_both(|m| {
        let listener = m.install("Listener", "listener");
        let task = ready(m, listener);
        m.ask(Hub::resultForCall { id: task })
            .reverts_with("task-pending");
        let done = settle(m, task).ok();
        let told = Mocks::GotResult {
            id: task,
            result: DATA.to_vec().into(),
        };
        assert_eq!(done.events::<Mocks::GotResult>(listener), [told]);
        assert_eq!(
            done.event_names().last().unwrap(),
            "GotResult",
            "after everything else"
        );
        let kept = m.ask_of(listener, Mocks::storeCall { id: task });
        assert_eq!(kept.returned::<Mocks::storeCall>()[..], *DATA);
        let pulled = m.ask(Hub::resultForCall { id: task });
        assert_eq!(pulled.returned::<Hub::resultForCall>()[..], *DATA);
        assert_eq!(m.task(task).resultsCallback[..], *DATA);
    });
}

#[test]
fn what_is_told_is_what_was_voted() {
    on_both(|m| {
        let listener = m.install("Listener", "listener");
        let task = ready(m, listener);
        m.finalize_with(Actor::Scheduler, task, b"results", b"something else")
            .reverts_empty();
        m.finalize_with(Actor::Scheduler, task, b"results", b"")
            .reverts_empty();
        settle(m, task).succeeds();
        // Without a callback nothing is told, unless it is what was voted.
        let task = ready(m, Address::ZERO);
        m.finalize_with(Actor::Scheduler, task, b"results", b"something else")
            .reverts_empty();
        let mut twin = m.off_the_record(|m| m.clone());
        m.finalize_with(Actor::Scheduler, task, b"results", b"")
            .succeeds();
        m.ask(Hub::resultForCall { id: task }).succeeds();
        settle(&mut twin, task).succeeds();
        assert_eq!(twin.task(task).resultsCallback[..], *DATA);
    });
}

#[test]
fn the_short_way_tells_too() {
    on_both(|m| {
        let listener = m.install("Listener", "listener");
        let mut orders = m.orders().trust(1);
        orders.request.callback = listener;
        let deal = m.deal(orders);
        let task = m.initialize(deal, 0);
        let worker = Actor::Worker(0);
        let mut call = m.caf_call(task, worker, keccak256(DATA), "results");
        m.send(worker, call.clone()).reverts_empty();
        call.resultsCallback = b"something else".to_vec().into();
        m.send(worker, call.clone()).reverts_empty();
        call.resultsCallback = DATA.to_vec().into();
        let done = m.send(worker, call).ok();
        assert_eq!(done.events::<Mocks::GotResult>(listener).len(), 1);
    });
}

#[test]
fn nobody_at_the_callback_stops_nothing() {
    on_both(|m| {
        for callback in [nobody(), m.token, m.hub, m.app] {
            let task = ready(m, callback);
            settle(m, task).succeeds();
            assert_eq!(m.task(task).status, 3);
        }
    });
}

#[test]
fn a_callback_that_fails_stops_nothing() {
    on_both(|m| {
        for mock in ["Refuser", "Mumbler", "Babbler", "Burner"] {
            let callback = m.install(mock, mock);
            let task = ready(m, callback);
            settle(m, task).succeeds();
            assert_eq!(m.task(task).status, 3, "{mock}");
        }
    });
}

#[test]
fn a_callback_burns_no_more_gas_than_it_is_given() {
    for mut m in [canut(), poco()] {
        for gas in [0, 50_000, 200_000, 1_000_000] {
            m.send(Actor::Admin, Hub::setCallbackGasCall { gas: n(gas) })
                .succeeds();
            let quiet = ready(&mut m, nobody());
            let quiet = settle(&mut m, quiet).ok().gas;
            let burner = m.install("Burner", "burner");
            let burnt = ready(&mut m, burner);
            let burnt = settle(&mut m, burnt).ok().gas;
            // Addresses and hashes have more or fewer zero bytes, which cost less as arguments.
            let most = quiet + gas + 200;
            assert!(burnt <= most, "{:?}: {burnt} > {most}", m.side);
            assert_eq!(
                m.view_of(burner, Mocks::counterCall {}),
                n(0),
                "undone with its failure"
            );
        }
    }
}

#[test]
fn a_scheduler_cannot_starve_a_callback() {
    // With too little gas to have given the callback its due, the settlement itself is undone.
    for mut m in [canut(), poco()] {
        m.send(Actor::Admin, Hub::setCallbackGasCall { gas: n(14_000_000) })
            .succeeds();
        let burner = m.install("Burner", "burner");
        let task = ready(&mut m, burner);
        settle(&mut m, task).succeeds();
        m.send(
            Actor::Admin,
            Hub::setCallbackGasCall {
                gas: n(1_000_000_000),
            },
        )
        .succeeds();
        let task = ready(&mut m, burner);
        settle(&mut m, task).panics(PanicKind::Assert);
        assert_eq!(m.task(task).status, 2);
    }
}

#[test]
fn a_callback_that_calls_back_finds_the_task_settled() {
    on_both(|m| {
        use alloy::sol_types::SolCall;
        let echo = m.install("Echo", "echo");
        m.watched.push(echo);
        let price = POOL_PRICE;
        m.send(
            Actor::Sponsor,
            Hub::transferCall {
                to: echo,
                amount: price,
            },
        )
        .succeeds();
        let task = ready(m, echo);
        let (results, callback) = (b"r".to_vec().into(), DATA.to_vec().into());
        let again = Hub::finalizeCall {
            taskId: task,
            results,
            resultsCallback: callback,
        };
        let attempts = [
            again.abi_encode(),
            Hub::claimCall { taskId: task }.abi_encode(),
            Hub::reopenCall { taskId: task }.abi_encode(),
            Hub::revealCall {
                taskId: task,
                resultDigest: digest("r"),
            }
            .abi_encode(),
        ];
        let mut tasks = vec![task];
        for data in attempts {
            let prepare = Mocks::prepareCall {
                target: m.hub,
                data: data.into(),
            };
            m.send_to(Actor::Admin, echo, prepare).succeeds();
            let task = tasks.pop().unwrap_or_else(|| ready(m, echo));
            settle(m, task).succeeds();
        }
        assert_eq!(m.view_of(echo, Mocks::callsCall {}), n(4));
        assert_eq!(m.view_of(echo, Mocks::successesCall {}), n(0));
        // What is its own it may move, as in any other transaction.
        let data = Hub::withdrawCall { amount: price }.abi_encode().into();
        m.send_to(
            Actor::Admin,
            echo,
            Mocks::prepareCall {
                target: m.hub,
                data,
            },
        )
        .succeeds();
        let task = ready(m, echo);
        settle(m, task).succeeds();
        assert_eq!((m.wallet(echo), m.account(echo).stake), (price, n(0)));
    });
}
