//! What the hub's owner may do, and may not.

use super::*;
use alloy::sol_types::SolCall;
use canut_tests::abi::Hub;
use canut_tests::market::domain_separator;

const NOT_OWNER: &str = "Ownable: caller is not the owner";

fn configure(m: &Market) -> Hub::configureCall {
    Hub::configureCall {
        token: m.token,
        name: "Else".into(),
        symbol: "E".into(),
        decimals: 18,
        apps: m.app_registry,
        datasets: m.dataset_registry,
        pools: m.pool_registry,
        previous: Address::ZERO,
    }
}

#[test]
fn the_owner_creates_categories() {
    on_both(|m| {
        let call = Hub::createCategoryCall {
            name: "XXL".into(),
            description: "A description of more than thirty-two bytes".into(),
            workClockTimeRef: n(360_000),
        };
        m.send(Actor::Stranger, call.clone())
            .reverts_with(NOT_OWNER);
        let done = m.send(Actor::Admin, call.clone());
        assert_eq!(done.returned::<Hub::createCategoryCall>(), n(5));
        let created = Hub::CreateCategory {
            catid: n(5),
            name: call.name,
            description: call.description,
            workClockTimeRef: call.workClockTimeRef,
        };
        assert_eq!(done.events::<Hub::CreateCategory>(m.hub), [created]);
        m.ask(Hub::viewCategoryCall { catid: n(5) }).succeeds();
        m.ask(Hub::viewCategoryABILegacyCall { catid: n(5) })
            .succeeds();
        assert_eq!(
            m.ask(Hub::countCategoryCall {})
                .returned::<Hub::countCategoryCall>(),
            n(6)
        );
        // A new category is open for business at once.
        let mut orders = m.orders();
        (orders.request.category, orders.pool.category) = (n(5), n(5));
        let deal = m.deal(orders);
        let task = m.initialize(deal, 0);
        assert_eq!(m.task(task).timeref, n(360_000));
    });
}

#[test]
fn a_category_of_no_time_is_one_whose_tasks_fail_at_once() {
    on_both(|m| {
        let call = Hub::createCategoryCall {
            name: String::new(),
            description: String::new(),
            workClockTimeRef: n(0),
        };
        m.send(Actor::Admin, call).succeeds();
        let mut orders = m.orders();
        (orders.request.category, orders.pool.category) = (n(5), n(5));
        let deal = m.deal(orders);
        let task = m.initialize(deal, 0);
        m.contribute(task, Actor::Worker(0), bit(1)).reverts_empty();
        m.claim(task).succeeds();
    });
}

#[test]
fn the_hub_is_configured_once() {
    on_both(|m| {
        let call = configure(m);
        m.send(Actor::Stranger, call.clone())
            .reverts_with(NOT_OWNER);
        m.send(Actor::Admin, call)
            .reverts_with("already-configured");
    });
}

#[test]
fn the_owner_sets_the_gas_of_callbacks() {
    on_both(|m| {
        m.send(Actor::Stranger, Hub::setCallbackGasCall { gas: n(1) })
            .reverts_with(NOT_OWNER);
        for gas in [n(0), n(100_000), n(u32::MAX as u64)] {
            m.send(Actor::Admin, Hub::setCallbackGasCall { gas })
                .succeeds();
            assert_eq!(
                m.ask(Hub::callbackgasCall {})
                    .returned::<Hub::callbackgasCall>(),
                gas
            );
        }
    });
}

#[test]
fn the_owner_hands_over() {
    on_both(|m| {
        assert_eq!(
            m.ask(Hub::ownerCall {}).returned::<Hub::ownerCall>(),
            Actor::Admin.address()
        );
        let to = |owner| Hub::transferOwnershipCall { newOwner: owner };
        let (caller, owner) = (Actor::Stranger.address(), Actor::Admin.address());
        m.send(Actor::Stranger, to(caller))
            .reverts_as(&Hub::NotContractOwner { caller, owner });
        let done = m.send(Actor::Admin, to(caller)).ok();
        let handed = Hub::OwnershipTransferred {
            previousOwner: owner,
            newOwner: caller,
        };
        assert_eq!(done.events::<Hub::OwnershipTransferred>(m.hub), [handed]);
        m.send(Actor::Admin, Hub::setCallbackGasCall { gas: n(1) })
            .reverts_with(NOT_OWNER);
        m.send(Actor::Stranger, Hub::setCallbackGasCall { gas: n(1) })
            .succeeds();
    });
}

#[test]
fn scores_are_imported_from_nowhere() {
    on_both(|m| {
        let call = Hub::importScoreCall {
            worker: Actor::Worker(0).address(),
        };
        m.send(Actor::Stranger, call).reverts_empty();
    });
}

#[test]
fn scores_are_imported_once_from_the_hub_before() {
    for side in [Side::Canut, Side::Poco] {
        use canut_tests::abi::Mocks;
        let mut m = Market::unconfigured(side, Coin::Faucet).unwrap();
        let before = m.install("OldScores", "old scores");
        let worker = Actor::Worker(0).address();
        let set = Mocks::setCall {
            worker,
            score: n(42),
        };
        m.send_to(Actor::Admin, before, set).succeeds();
        let call = Hub::configureCall {
            previous: before,
            ..configure(&m)
        };
        m.send(Actor::Admin, call).succeeds();
        let import = Hub::importScoreCall { worker };
        m.send(Actor::Stranger, import.clone()).succeeds();
        assert_eq!(m.score(worker), n(42));
        m.send(Actor::Stranger, import)
            .reverts_with("score-already-imported");
        m.send(Actor::Stranger, Hub::importScoreCall { worker: nobody() })
            .succeeds();
        assert_eq!(m.score(nobody()), n(0));
    }
}

#[test]
fn a_hub_that_is_not_configured_waits() {
    for side in [Side::Canut, Side::Poco] {
        let mut m = Market::unconfigured(side, Coin::Faucet).unwrap();
        m.send(Actor::Stranger, Hub::updateDomainSeparatorCall {})
            .reverts_with("not-configured");
        m.send(Actor::Stranger, configure(&m))
            .reverts_with(NOT_OWNER);
        assert!(
            m.send(Actor::Stranger, Hub::depositCall { amount: n(1) })
                .result
                .is_err()
        );
        m.send(Actor::Admin, configure(&m)).succeeds();
        assert_eq!(m.view(Hub::nameCall {}), "Else");
        assert_eq!(m.view(Hub::decimalsCall {}), 18);
    }
}

#[test]
fn the_domain_is_the_hub_on_its_chain() {
    on_both(|m| {
        let domain = m.ask(Hub::domainCall {}).returned::<Hub::domainCall>();
        assert_eq!(
            (&domain.name[..], &domain.version[..]),
            ("iExecODB", "5.0.0")
        );
        assert_eq!(
            (domain.chainId, domain.verifyingContract),
            (n(31337), m.hub)
        );
        let separator = m.ask(Hub::eip712domain_separatorCall {});
        assert_eq!(
            separator.returned::<Hub::eip712domain_separatorCall>(),
            m.domain()
        );
        m.send(Actor::Stranger, Hub::updateDomainSeparatorCall {})
            .succeeds();
        // A fork of the chain gets a domain of its own, at the latest when somebody asks for it.
        m.world.chain_id = 5;
        m.send(Actor::Stranger, Hub::updateDomainSeparatorCall {})
            .succeeds();
        m.names.name(domain_separator(5, m.hub), "forked separator");
        let separator = m.ask(Hub::eip712domain_separatorCall {});
        assert_eq!(
            separator.returned::<Hub::eip712domain_separatorCall>(),
            domain_separator(5, m.hub)
        );
    });
}

#[test]
fn nobody_else_has_the_owners_powers() {
    on_both(|m| {
        let calls = [
            Hub::recoverCall {}.abi_encode(),
            Hub::setTeeBrokerCall { broker: nobody() }.abi_encode(),
            Hub::changeRegistriesCall {
                apps: nobody(),
                datasets: nobody(),
                pools: nobody(),
            }
            .abi_encode(),
        ];
        for actor in [
            Actor::Stranger,
            Actor::Scheduler,
            Actor::AppOwner,
            Actor::Requester,
        ] {
            for call in &calls {
                m.send_raw(actor, m.hub, "an owner's call", call, n(0))
                    .reverts_with(NOT_OWNER);
            }
        }
    });
}
