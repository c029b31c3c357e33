//! The interface is whole: both sides answer to the same names, and so does what the tests speak.

use super::*;
use std::collections::BTreeSet;

use alloy::json_abi::JsonAbi;
use alloy::sol_types::SolInterface;
use canut_tests::abi::{Asset, Hub, Registry};

fn abi(side: Side, name: &str) -> JsonAbi {
    side.artifact(name).unwrap().abi
}

/// Functions with what they return. A function of ours may promise more than theirs: to change nothing.
fn functions(abi: &JsonAbi) -> BTreeSet<String> {
    let plain = |params: &[alloy::json_abi::Param]| {
        params
            .iter()
            .map(|param| param.selector_type().into_owned())
            .collect::<Vec<_>>()
            .join(",")
    };
    abi.functions()
        .map(|f| format!("{} -> ({})", f.signature(), plain(&f.outputs)))
        .collect()
}

fn events(abi: &JsonAbi) -> BTreeSet<String> {
    let indexed = |event: &alloy::json_abi::Event| {
        event
            .inputs
            .iter()
            .map(|input| if input.indexed { 'x' } else { '-' })
            .collect::<String>()
    };
    abi.events()
        .map(|event| format!("{} {}", event.signature(), indexed(event)))
        .collect()
}

#[test]
fn the_hub_answers_to_all_of_pocos_names() {
    let (ours, theirs) = (
        abi(Side::Canut, "IHub"),
        abi(Side::Poco, "IexecInterfaceToken"),
    );
    let missing: Vec<_> = functions(&theirs)
        .difference(&functions(&ours))
        .cloned()
        .collect();
    assert!(missing.is_empty(), "missing: {missing:#?}");
    let missing: Vec<_> = events(&theirs)
        .difference(&events(&ours))
        .cloned()
        .collect();
    assert!(missing.is_empty(), "missing: {missing:#?}");
}

#[test]
fn registries_and_assets_answer_to_all_of_pocos_names() {
    for name in [
        "AppRegistry",
        "DatasetRegistry",
        "WorkerpoolRegistry",
        "App",
        "Dataset",
        "Workerpool",
    ] {
        let (ours, theirs) = (abi(Side::Canut, name), abi(Side::Poco, name));
        let missing: Vec<_> = functions(&theirs)
            .difference(&functions(&ours))
            .cloned()
            .collect();
        assert!(missing.is_empty(), "{name} misses {missing:#?}");
        let missing: Vec<_> = events(&theirs)
            .difference(&events(&ours))
            .cloned()
            .collect();
        assert!(missing.is_empty(), "{name} misses {missing:#?}");
    }
}

#[test]
fn the_tests_speak_the_same_language() {
    let known: BTreeSet<[u8; 4]> = Hub::HubCalls::selectors().collect();
    let hub = abi(Side::Canut, "IHub");
    let answered: BTreeSet<[u8; 4]> = hub.functions().map(|f| f.selector().0).collect();
    let extra = hub.functions().filter(|f| !known.contains(&f.selector().0));
    let extra: Vec<_> = extra.map(|f| f.signature()).collect();
    // How a deal's code is handed to its constructor: nothing outside a match.
    assert_eq!(extra, ["blobInTheMaking()"]);
    assert!(known.is_subset(&answered));
    let mut answered = BTreeSet::new();
    for name in ["AppRegistry", "DatasetRegistry", "WorkerpoolRegistry"] {
        answered.extend(abi(Side::Canut, name).functions().map(|f| f.selector().0));
    }
    let known: BTreeSet<[u8; 4]> = Registry::RegistryCalls::selectors().collect();
    assert!(known.is_subset(&answered));
    let mut answered = BTreeSet::new();
    for name in ["App", "Dataset", "Workerpool"] {
        answered.extend(abi(Side::Canut, name).functions().map(|f| f.selector().0));
    }
    let known: BTreeSet<[u8; 4]> = Asset::AssetCalls::selectors().collect();
    assert!(known.is_subset(&answered));
}

/// The harness itself: it sees no difference where there is none, and sees one where there is.
mod harness {
    use super::*;
    use canut_tests::journal::first_difference;
    use canut_tests::world::World;

    fn elsewhere() -> Market {
        // One transaction more from the deployer, and every address is another.
        let mut world = World::default();
        let wei = U256::from(10).pow(n(21));
        world.fund(Actor::Admin.address(), wei);
        world.deploy(Actor::Admin.address(), alloy::primitives::Bytes::new());
        Market::deploy_in(world, Side::Poco, Coin::Faucet).unwrap()
    }

    fn play(m: &mut Market) {
        m.start_journal();
        let orders = m.orders().trust(3);
        let deal = m.deal(orders);
        m.complete(deal, 0, &workers(2));
    }

    #[test]
    fn the_same_contracts_elsewhere_are_the_same() {
        let (mut here, mut there) = (poco(), elsewhere());
        assert_ne!(here.hub, there.hub);
        play(&mut here);
        play(&mut there);
        assert_eq!(first_difference(&here, &there), None);
    }

    #[test]
    fn a_different_price_is_seen_in_the_money_and_a_different_answer_in_the_answer() {
        let (mut here, mut there) = (poco(), elsewhere());
        let transfer = |m: &mut Market, amount| {
            m.start_journal();
            m.send(
                Actor::Requester,
                Hub::transferCall {
                    to: nobody(),
                    amount,
                },
            )
            .succeeds();
        };
        transfer(&mut here, n(1));
        transfer(&mut there, n(2));
        assert!(
            first_difference(&here, &there)
                .unwrap()
                .contains("Requester")
        );
        there
            .send(Actor::Admin, Hub::setCallbackGasCall { gas: n(7) })
            .succeeds();
        for m in [&mut here, &mut there] {
            m.start_journal();
            m.ask(Hub::callbackgasCall {}).succeeds();
        }
        assert!(first_difference(&here, &there).is_some());
    }
}
