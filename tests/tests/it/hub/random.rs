//! Random plays on both sides: whatever people do, both say and pay the same.

use super::play::{Op, Player, op};
use super::*;
use canut_tests::journal::first_difference;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

fn played(mut market: Market, ops: &[Op]) -> Market {
    market.start_journal();
    let mut player = Player::default();
    for op in ops {
        player.play(&mut market, op);
    }
    market
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 32,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_people_do_both_sides_agree(ops in proptest::collection::vec(op(), 1..120)) {
        let (ours, theirs) = (played(canut(), &ops), played(poco(), &ops));
        if let Some(difference) = first_difference(&ours, &theirs) {
            return Err(TestCaseError::fail(difference));
        }
    }
}

#[test]
fn random_plays_get_somewhere() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut reached = std::collections::BTreeMap::<String, usize>::new();
    for _ in 0..60 {
        let ops = proptest::collection::vec(op(), 120)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let (mut market, mut player) = (canut(), Player::default());
        for outcome in ops.iter().filter_map(|op| player.play(&mut market, op)) {
            for name in outcome.event_names() {
                *reached.entry(name).or_default() += 1;
            }
        }
    }
    println!("{reached:?}");
    for event in [
        "OrdersMatched",
        "DealSponsored",
        "TaskConsensus",
        "TaskReveal",
        "TaskFinalize",
        "TaskReopen",
        "TaskClaimed",
        "AccurateContribution",
        "FaultyContribution",
        "Seize",
        "Reward",
        "ClosedWorkerpoolOrder",
        "SignedWorkerpoolOrder",
    ] {
        assert!(
            reached.contains_key(event),
            "no play reached {event}: {reached:?}"
        );
    }
}
