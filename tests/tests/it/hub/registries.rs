//! Assets and their registries.

use super::*;
use alloy::primitives::Bytes;
use canut_tests::abi::{Asset, Registry};
use canut_tests::outcome::Outcome;

const NOT_OWNER: &str = "Ownable: caller is not the owner";

fn app_call(owner: Address, name: &str) -> Registry::createAppCall {
    Registry::createAppCall {
        appOwner: owner,
        appName: name.into(),
        appType: "DOCKER".into(),
        appMultiaddr: Bytes::from_static(b"registry.example/an/image/of/more/than/a/word:1.0.0"),
        appChecksum: bit(7),
        appMREnclave: Bytes::from_static(b"{\"framework\":\"SCONE\"}"),
    }
}

#[test]
fn an_app_is_created_where_it_was_predicted() {
    on_both(|m| {
        let registry = m.app_registry;
        let owner = Actor::Requester.address();
        let call = app_call(owner, "an app");
        let predicted = m.off_the_record(|m| {
            m.ask_of(
                registry,
                Registry::predictAppCall {
                    appOwner: owner,
                    appName: call.appName.clone(),
                    appType: call.appType.clone(),
                    appMultiaddr: call.appMultiaddr.clone(),
                    appChecksum: call.appChecksum,
                    appMREnclave: call.appMREnclave.clone(),
                },
            )
        });
        let predicted = predicted.returned::<Registry::predictAppCall>();
        m.names.name(predicted, "predicted app");
        assert!(!registered(m, registry, predicted));
        let done = m.send_to(Actor::Stranger, registry, call.clone());
        assert_eq!(done.returned::<Registry::createAppCall>(), predicted);
        let token = token_of(predicted);
        let minted = Registry::Transfer {
            from: Address::ZERO,
            to: owner,
            tokenId: token,
        };
        assert_eq!(done.events::<Registry::Transfer>(registry), [minted]);
        assert!(registered(m, registry, predicted));
        m.send_to(Actor::Stranger, registry, call.clone())
            .reverts_with("Create2: Failed on deploy");

        let ask =
            |m: &mut Market, outcome: fn(&mut Market, Address) -> Outcome| outcome(m, predicted);
        assert_eq!(
            ask(m, |m, a| m.ask_of(a, Asset::m_appNameCall {})).returned::<Asset::m_appNameCall>(),
            call.appName
        );
        assert_eq!(
            ask(m, |m, a| m.ask_of(a, Asset::m_appTypeCall {})).returned::<Asset::m_appTypeCall>(),
            call.appType
        );
        assert_eq!(
            ask(m, |m, a| m.ask_of(a, Asset::m_appMultiaddrCall {}))
                .returned::<Asset::m_appMultiaddrCall>(),
            call.appMultiaddr
        );
        assert_eq!(
            ask(m, |m, a| m.ask_of(a, Asset::m_appChecksumCall {}))
                .returned::<Asset::m_appChecksumCall>(),
            call.appChecksum
        );
        assert_eq!(
            ask(m, |m, a| m.ask_of(a, Asset::m_appMREnclaveCall {}))
                .returned::<Asset::m_appMREnclaveCall>(),
            call.appMREnclave
        );
        common(m, registry, predicted, owner);
        let again = Asset::initialize_0Call {
            appName: "taken".into(),
            appType: "over".into(),
            appMultiaddr: Bytes::new(),
            appChecksum: B256::ZERO,
            appMREnclave: Bytes::new(),
        };
        m.send_to(owner, predicted, again)
            .reverts_with("already initialized");
    });
}

#[test]
fn a_dataset_is_created_where_it_was_predicted() {
    on_both(|m| {
        let registry = m.dataset_registry;
        let owner = Actor::Requester.address();
        let (name, multiaddr) = ("a dataset".to_string(), Bytes::from_static(b"/ipfs/Qm"));
        let predicted = m.off_the_record(|m| {
            m.ask_of(
                registry,
                Registry::predictDatasetCall {
                    datasetOwner: owner,
                    datasetName: name.clone(),
                    datasetMultiaddr: multiaddr.clone(),
                    datasetChecksum: bit(9),
                },
            )
        });
        let predicted = predicted.returned::<Registry::predictDatasetCall>();
        m.names.name(predicted, "predicted dataset");
        let call = Registry::createDatasetCall {
            datasetOwner: owner,
            datasetName: name.clone(),
            datasetMultiaddr: multiaddr.clone(),
            datasetChecksum: bit(9),
        };
        let done = m.send_to(Actor::Stranger, registry, call.clone());
        assert_eq!(done.returned::<Registry::createDatasetCall>(), predicted);
        m.send_to(Actor::Stranger, registry, call)
            .reverts_with("Create2: Failed on deploy");
        let shown = m.ask_of(predicted, Asset::m_datasetNameCall {});
        assert_eq!(shown.returned::<Asset::m_datasetNameCall>(), name);
        let shown = m.ask_of(predicted, Asset::m_datasetMultiaddrCall {});
        assert_eq!(shown.returned::<Asset::m_datasetMultiaddrCall>(), multiaddr);
        let shown = m.ask_of(predicted, Asset::m_datasetChecksumCall {});
        assert_eq!(shown.returned::<Asset::m_datasetChecksumCall>(), bit(9));
        common(m, registry, predicted, owner);
        let again = Asset::initialize_1Call {
            datasetName: "taken".into(),
            datasetMultiaddr: Bytes::new(),
            datasetChecksum: B256::ZERO,
        };
        m.send_to(owner, predicted, again)
            .reverts_with("already initialized");
    });
}

#[test]
fn a_workerpool_is_created_where_it_was_predicted() {
    on_both(|m| {
        let registry = m.pool_registry;
        let owner = Actor::Requester.address();
        let description = "a workerpool with a description of more than a word".to_string();
        let predicted = m.off_the_record(|m| {
            m.ask_of(
                registry,
                Registry::predictWorkerpoolCall {
                    workerpoolOwner: owner,
                    workerpoolDescription: description.clone(),
                },
            )
        });
        let predicted = predicted.returned::<Registry::predictWorkerpoolCall>();
        m.names.name(predicted, "predicted workerpool");
        let call = Registry::createWorkerpoolCall {
            workerpoolOwner: owner,
            workerpoolDescription: description.clone(),
        };
        let done = m.send_to(Actor::Stranger, registry, call.clone());
        assert_eq!(done.returned::<Registry::createWorkerpoolCall>(), predicted);
        m.send_to(Actor::Stranger, registry, call)
            .reverts_with("Create2: Failed on deploy");
        let shown = m.ask_of(predicted, Asset::m_workerpoolDescriptionCall {});
        assert_eq!(
            shown.returned::<Asset::m_workerpoolDescriptionCall>(),
            description
        );
        common(m, registry, predicted, owner);
        let again = Asset::initialize_2Call {
            workerpoolDescription: "taken".into(),
        };
        m.send_to(owner, predicted, again)
            .reverts_with("already initialized");
    });
}

/// What holds for any asset.
fn common(m: &mut Market, registry: Address, asset: Address, owner: Address) {
    assert_eq!(
        m.ask_of(asset, Asset::ownerCall {})
            .returned::<Asset::ownerCall>(),
        owner
    );
    assert_eq!(
        m.ask_of(asset, Asset::registryCall {})
            .returned::<Asset::registryCall>(),
        registry
    );
    let name = |m: &Market| Asset::setNameCall {
        entry: m.hub,
        name: "ens".into(),
    };
    let call = name(m);
    m.send_to(Actor::Stranger, asset, call.clone())
        .reverts_with("caller is not the owner");
    m.send_to(owner, asset, call)
        .reverts_with("Operation not supported on this chain");
}

fn registered(m: &mut Market, registry: Address, entry: Address) -> bool {
    m.ask_of(registry, Registry::isRegisteredCall { entry })
        .returned::<Registry::isRegisteredCall>()
}

#[test]
fn the_same_description_is_another_asset_for_another_owner() {
    on_both(|m| {
        let registry = m.app_registry;
        let create = |m: &mut Market, owner: Actor| {
            m.off_the_record(|m| {
                m.send_to(Actor::Stranger, registry, app_call(owner.address(), "app"))
            })
            .returned::<Registry::createAppCall>()
        };
        let (one, other) = (create(m, Actor::Requester), create(m, Actor::Sponsor));
        assert_ne!(one, other);
        m.names.name(one, "one");
        m.names.name(other, "other");
        for app in [one, other] {
            assert!(registered(m, registry, app));
            let pools = m.pool_registry;
            assert!(!registered(m, pools, app), "of another kind");
        }
    });
}

#[test]
fn registries_count_their_assets() {
    on_both(|m| {
        let registry = m.app_registry;
        let owner = Actor::Requester;
        let apps: Vec<Address> = ["a", "b", "c"]
            .map(|name| m.create_app(owner, name))
            .to_vec();
        let supply = m.ask_of(registry, Registry::totalSupplyCall {});
        assert_eq!(supply.returned::<Registry::totalSupplyCall>(), n(4));
        let balance = m.ask_of(
            registry,
            Registry::balanceOfCall {
                owner: owner.address(),
            },
        );
        assert_eq!(balance.returned::<Registry::balanceOfCall>(), n(3));
        for (index, app) in apps.iter().enumerate() {
            let token: U256 = token_of(*app);
            let index = n(index as u64);
            let by_owner = Registry::tokenOfOwnerByIndexCall {
                owner: owner.address(),
                index,
            };
            let found = m.ask_of(registry, by_owner);
            assert_eq!(found.returned::<Registry::tokenOfOwnerByIndexCall>(), token);
            let found = m.ask_of(
                registry,
                Registry::tokenByIndexCall {
                    index: index + n(1),
                },
            );
            assert_eq!(found.returned::<Registry::tokenByIndexCall>(), token);
            let found = m.ask_of(registry, Registry::ownerOfCall { tokenId: token });
            assert_eq!(found.returned::<Registry::ownerOfCall>(), owner.address());
        }
        // The last takes the place of one that leaves.
        m.give_app(apps[0], owner, Actor::Sponsor);
        let call = Registry::tokenOfOwnerByIndexCall {
            owner: owner.address(),
            index: n(0),
        };
        let found = m
            .ask_of(registry, call)
            .returned::<Registry::tokenOfOwnerByIndexCall>();
        assert_eq!(found, token_of(apps[2]));
        let found = m.ask_of(registry, Registry::tokenByIndexCall { index: n(1) });
        assert_eq!(
            found.returned::<Registry::tokenByIndexCall>(),
            token_of(apps[0])
        );
    });
}

#[test]
fn an_asset_changes_hands_and_its_owner_with_it() {
    on_both(|m| {
        m.give_app(m.app, Actor::AppOwner, Actor::Stranger);
        let app = m.app;
        let owner = m
            .ask_of(app, Asset::ownerCall {})
            .returned::<Asset::ownerCall>();
        assert_eq!(owner, Actor::Stranger.address());
        let orders = m.orders();
        let orders = m.signed(orders);
        m.match_orders(&orders)
            .reverts_with("iExecV5-matchOrders-0x21");
        let mut orders = orders;
        m.sign(&mut orders.app, Actor::Stranger);
        m.match_orders(&orders).succeeds();
    });
}

#[test]
fn an_operator_may_move_what_he_was_given_leave_for() {
    on_both(|m| {
        let registry = m.app_registry;
        let token: U256 = token_of(m.app);
        let to = Actor::Stranger.address();
        let approve = Registry::approveCall { to, tokenId: token };
        let done = m.send_to(Actor::AppOwner, registry, approve).ok();
        assert_eq!(done.event_names(), ["Approval"]);
        let found = m.ask_of(registry, Registry::getApprovedCall { tokenId: token });
        assert_eq!(found.returned::<Registry::getApprovedCall>(), to);
        let all = Registry::setApprovalForAllCall {
            operator: to,
            approved: true,
        };
        m.send_to(Actor::AppOwner, registry, all).succeeds();
        let owner = Actor::AppOwner.address();
        let found = m.ask_of(
            registry,
            Registry::isApprovedForAllCall {
                owner,
                operator: to,
            },
        );
        assert!(found.returned::<Registry::isApprovedForAllCall>());
        let take = Registry::transferFromCall {
            from: owner,
            to,
            tokenId: token,
        };
        m.off_the_record(|m| m.send_to(Actor::Stranger, registry, take))
            .succeeds();
        let found = m.ask_of(registry, Registry::getApprovedCall { tokenId: token });
        assert_eq!(found.returned::<Registry::getApprovedCall>(), Address::ZERO);
    });
}

#[test]
fn safe_transfers_want_a_receiver() {
    on_both(|m| {
        let registry = m.app_registry;
        let (from, token) = (Actor::AppOwner.address(), token_of(m.app));
        let wallet = m.install("Wallet", "wallet");
        let echo = m.install("Listener", "listener");
        m.off_the_record(|m| {
            let to = echo;
            let call = Registry::safeTransferFrom_1Call {
                from,
                to,
                tokenId: token,
            };
            assert!(m.send_to(Actor::AppOwner, registry, call).result.is_err());
            let to = wallet;
            let call = Registry::safeTransferFrom_0Call {
                from,
                to,
                tokenId: token,
                data: Bytes::new(),
            };
            m.send_to(Actor::AppOwner, registry, call).succeeds();
        });
        let app = m.app;
        assert_eq!(
            m.ask_of(app, Asset::ownerCall {})
                .returned::<Asset::ownerCall>(),
            wallet
        );
    });
}

#[test]
fn registries_know_what_they_are() {
    on_both(|m| {
        let kinds = [
            (
                m.app_registry,
                "iExec Application Registry (V5)",
                "iExecAppsV5",
                "app",
            ),
            (
                m.dataset_registry,
                "iExec Dataset Registry (V5)",
                "iExecDatasetsV5",
                "dataset",
            ),
            (
                m.pool_registry,
                "iExec Workerpool Registry (V5)",
                "iExecWorkerpoolV5",
                "workerpool",
            ),
        ];
        for (registry, name, symbol, kind) in kinds {
            assert_eq!(
                m.ask_of(registry, Registry::nameCall {})
                    .returned::<Registry::nameCall>(),
                name
            );
            assert_eq!(
                m.ask_of(registry, Registry::symbolCall {})
                    .returned::<Registry::symbolCall>(),
                symbol
            );
            let base = m
                .ask_of(registry, Registry::baseURICall {})
                .returned::<Registry::baseURICall>();
            assert_eq!(base, format!("https://nfts-metadata.iex.ec/{kind}/31337/"));
            m.ask_of(registry, Registry::ownerCall {}).succeeds();
            m.ask_of(registry, Registry::masterCall {}).succeeds();
            m.ask_of(registry, Registry::previousCall {}).succeeds();
            assert!(
                m.ask_of(registry, Registry::initializedCall {})
                    .returned::<Registry::initializedCall>()
            );
            for id in [
                0x01ff_c9a7_u32,
                0x80ac_58cd,
                0x780e_9d63,
                0x5b5e_139f,
                0xffff_ffff,
                0x1234_5678,
            ] {
                let id = id.to_be_bytes().into();
                m.ask_of(
                    registry,
                    Registry::supportsInterfaceCall { interfaceId: id },
                )
                .succeeds();
            }
        }
    });
}

#[test]
fn a_token_uri_ends_with_the_token() {
    for mut m in [canut(), poco()] {
        let token: U256 = token_of(m.app);
        let registry = m.app_registry;
        let uri = m.ask_of(registry, Registry::tokenURICall { tokenId: token });
        let expected = format!("https://nfts-metadata.iex.ec/app/31337/{token}");
        assert_eq!(uri.returned::<Registry::tokenURICall>(), expected);
    }
}

#[test]
fn only_its_owner_runs_a_registry() {
    on_both(|m| {
        let registry = m.app_registry;
        let previous = nobody();
        m.send_to(
            Actor::Stranger,
            registry,
            Registry::initializeCall { previous },
        )
        .reverts_with(NOT_OWNER);
        m.send_to(
            Actor::Admin,
            registry,
            Registry::initializeCall { previous },
        )
        .reverts_empty();
        let uri = Registry::setBaseURICall {
            baseUri: "https://else.example/".into(),
        };
        m.send_to(Actor::Stranger, registry, uri.clone())
            .reverts_with(NOT_OWNER);
        m.send_to(Actor::Admin, registry, uri).succeeds();
        m.ask_of(registry, Registry::baseURICall {}).succeeds();
        let name = Registry::setNameCall {
            entry: m.hub,
            name: "ens".into(),
        };
        m.send_to(Actor::Stranger, registry, name.clone())
            .reverts_with(NOT_OWNER);
        m.send_to(Actor::Admin, registry, name)
            .reverts_with("Operation not supported on this chain");
        let hand = Registry::transferOwnershipCall {
            newOwner: Actor::Sponsor.address(),
        };
        m.send_to(Actor::Stranger, registry, hand.clone())
            .reverts_with(NOT_OWNER);
        let done = m.send_to(Actor::Admin, registry, hand).ok();
        assert_eq!(done.event_names(), ["OwnershipTransferred"]);
        m.send_to(
            Actor::Stranger,
            registry,
            Registry::renounceOwnershipCall {},
        )
        .reverts_with(NOT_OWNER);
        m.send_to(Actor::Sponsor, registry, Registry::renounceOwnershipCall {})
            .succeeds();
        let owner = m
            .ask_of(registry, Registry::ownerCall {})
            .returned::<Registry::ownerCall>();
        assert_eq!(owner, Address::ZERO);
    });
}

#[test]
fn a_registry_knows_the_assets_of_the_one_before() {
    for side in [Side::Canut, Side::Poco] {
        let before = if side == Side::Canut { canut() } else { poco() };
        let mut m = Market::unconfigured_in(before.world.clone(), side, Coin::Faucet).unwrap();
        let registry = m.app_registry;
        let previous = before.app_registry;
        m.send_to(
            Actor::Admin,
            registry,
            Registry::initializeCall { previous },
        )
        .succeeds();
        assert!(registered(&mut m, registry, before.app));
        assert!(!registered(&mut m, registry, before.dataset));
        assert_eq!(m.view_of(registry, Registry::previousCall {}), previous);
    }
}

#[test]
fn a_pools_policy_is_its_owners() {
    on_both(|m| {
        let pool = m.pool;
        let policy = |stake, share| Asset::changePolicyCall {
            newWorkerStakeRatioPolicy: stake,
            newSchedulerRewardRatioPolicy: share,
        };
        m.send_to(Actor::Stranger, pool, policy(n(1), n(1)))
            .reverts_with("caller is not the owner");
        m.send_to(Actor::Scheduler, pool, policy(n(1), n(101)))
            .reverts_empty();
        let done = m
            .send_to(Actor::Scheduler, pool, policy(n(1_000_000), n(100)))
            .ok();
        let update = Asset::PolicyUpdate {
            oldWorkerStakeRatioPolicy: n(30),
            newWorkerStakeRatioPolicy: n(1_000_000),
            oldSchedulerRewardRatioPolicy: n(1),
            newSchedulerRewardRatioPolicy: n(100),
        };
        assert_eq!(done.events::<Asset::PolicyUpdate>(pool), [update]);
        let stake = m.ask_of(pool, Asset::m_workerStakeRatioPolicyCall {});
        assert_eq!(
            stake.returned::<Asset::m_workerStakeRatioPolicyCall>(),
            n(1_000_000)
        );
        let share = m.ask_of(pool, Asset::m_schedulerRewardRatioPolicyCall {});
        assert_eq!(
            share.returned::<Asset::m_schedulerRewardRatioPolicyCall>(),
            n(100)
        );
        m.send_to(Actor::Scheduler, pool, policy(n(0), n(0)))
            .succeeds();
    });
}

#[test]
fn assets_take_no_coins() {
    on_both(|m| {
        for asset in [m.app, m.dataset, m.pool, m.app_registry] {
            let done = m.send_raw(Actor::Requester, asset, "coins", &[], n(1));
            assert!(done.result.is_err());
        }
    });
}

/// The ERC-721 token that stands for an asset.
fn token_of(asset: Address) -> U256 {
    asset.into_word().into()
}
