mod audits;
mod counting;
mod signing;
mod trees;

use alloy_primitives::keccak256;
use alloy_sol_types::SolValue;
use proptest::prelude::*;

use super::*;

fn deal() -> DealId {
    DealId(keccak256("deal"))
}

fn range(first: u64, count: u64) -> Range {
    Range::new(deal(), first, count).unwrap()
}

#[test]
fn a_range_of_one_is_called_as_its_task() {
    assert_eq!(range(7, 1).id().0, TaskId::of(deal(), 7).0);
    let words = (deal().0, U256::from(7), U256::from(2));
    assert_eq!(range(7, 2).id().0, keccak256(words.abi_encode()));
}

#[test]
fn a_range_has_1_to_4096_tasks_whose_indices_exist() {
    for (first, count) in [
        (0, 0),
        (0, 4097),
        (u64::MAX, 1),
        (u64::MAX - 4, 5),
        (0, u64::MAX),
    ] {
        let wrong = Range::new(deal(), first, count).unwrap_err();
        assert_eq!(wrong, WrongRange { first, count });
    }
    assert_eq!(range(u64::MAX - 5, 5).indices().end, u64::MAX);
    let json = serde_json::json!({"deal": deal(), "first": 0, "count": 4097});
    assert!(serde_json::from_value::<Range>(json).is_err());
}

#[test]
fn a_range_reaches_only_over_tasks_of_its_deal() {
    let deal = Deal {
        bot_first: 10,
        bot_size: 5,
        ..Deal::default()
    };
    assert!(range(10, 5).is_within(&deal) && range(14, 1).is_within(&deal));
    assert!(!range(9, 2).is_within(&deal) && !range(14, 2).is_within(&deal));
}

proptest! {
    #[test]
    fn ranges_overlap_when_they_share_a_task(a in 0..40u64, n in 1..20u64, b in 0..40u64, m in 1..20u64) {
        let (left, right) = (range(a, n), range(b, m));
        let shared = left.indices().filter(|index| right.position(*index).is_some()).count();
        prop_assert_eq!(left.overlaps(&right), shared > 0);
        prop_assert_eq!(left.contains(&right), shared == usize::from(right.count()));
        prop_assert_eq!(serde_json::from_value::<Range>(serde_json::to_value(left).unwrap()).unwrap(), left);
    }

    #[test]
    fn two_ranges_never_have_one_name(a in 0..40u64, n in 1..20u64, b in 0..40u64, m in 1..20u64) {
        let (left, right) = (range(a, n), range(b, m));
        prop_assert_eq!(left.id() == right.id(), left == right);
    }

    #[test]
    fn a_split_keeps_every_task_once_and_runs_are_as_long_as_can_be(
        answers in prop::collection::vec((0..3u8, 0..3u8, 0..3u8), 1..60),
    ) {
        let leaf = |answer: u8| Leaf {
            digest: B256::repeat_byte(answer),
            content: Content { codec: Codec::Raw, sha256: B256::ZERO },
        };
        let votes: [Vec<Leaf>; 3] = [
            answers.iter().map(|answer| leaf(answer.0)).collect(),
            answers.iter().map(|answer| leaf(answer.1)).collect(),
            answers.iter().map(|answer| leaf(answer.2)).collect(),
        ];
        let whole = range(100, answers.len() as u64);
        let openers: Vec<&[Leaf]> = votes.iter().map(Vec::as_slice).collect();
        let split = split::split(whole, &openers).unwrap();

        let mut parts: Vec<_> = split.agreed.iter().chain(&split.disputed).collect();
        parts.sort();
        let indices: Vec<_> = parts.iter().flat_map(|part| part.indices()).collect();
        prop_assert_eq!(indices, whole.indices().collect::<Vec<_>>());
        let agrees = |index: u64| {
            let answer = answers[(index - 100) as usize];
            answer.0 == answer.1 && answer.1 == answer.2
        };
        prop_assert!(split.disputed.iter().all(|task| task.count() == 1 && !agrees(task.first())));
        for run in &split.agreed {
            prop_assert!(run.indices().all(agrees));
            let after = run.indices().end;
            prop_assert!(whole.position(after).is_none() || !agrees(after));
        }
        prop_assert!(split::split(whole, &[&votes[0][1..]]).is_none());
    }
}
