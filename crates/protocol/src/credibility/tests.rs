use proptest::prelude::*;

use super::*;

const RIGHT: B256 = B256::repeat_byte(1);
const WRONG: B256 = B256::repeat_byte(2);

#[test]
fn weights_grow_slowly_from_two() {
    for (score, weight, log) in [
        (0, 2, 1),
        (11, 2, 1),
        (12, 3, 1),
        (15, 4, 2),
        (30, 9, 3),
        (300, 99, 6),
    ] {
        assert_eq!(
            (Score(score).weight().get(), Score(score).weight().log2()),
            (weight, log),
            "score {score}"
        );
    }
    assert_eq!(Weight::FRESH.get(), 2);
}

#[test]
fn fresh_workers_needed_when_all_agree() {
    for (trust, votes) in [
        (0, 1),
        (1, 1),
        (2, 1),
        (3, 2),
        (4, 2),
        (5, 3),
        (8, 3),
        (9, 4),
        (17, 5),
        (33, 6),
        (100, 7),
        (1_000, 10),
        (10_000, 14),
        (1_000_000, 20),
    ] {
        assert_eq!(
            Trust::new(trust).unanimous_votes(Weight::FRESH),
            Some(votes),
            "trust {trust}"
        );
    }
}

#[test]
fn one_dissenter_at_trust_seven_makes_five_votes_of_three() {
    let mut tally = Tally::new();
    assert_eq!(
        tally.votes_missing(RIGHT, Weight::FRESH, Trust::new(7)),
        Some(3)
    );
    tally.vote(WRONG, Weight::FRESH).unwrap();
    assert_eq!(
        tally.votes_missing(RIGHT, Weight::FRESH, Trust::new(7)),
        Some(5)
    );
}

#[test]
fn an_absurd_trust_is_an_overflow_not_a_certificate() {
    let mut tally = Tally::new();
    tally.vote(RIGHT, Weight::FRESH).unwrap();
    assert_eq!(tally.certified(RIGHT, Trust(U256::MAX)), Err(Overflow));
    assert_eq!(Trust(U256::MAX).unanimous_votes(Weight::FRESH), None);
    assert_eq!(Trust::new(3).unanimous_votes(Weight::new(1).unwrap()), None);
}

#[test]
fn a_task_has_at_most_255_different_results() {
    let mut tally = Tally::new();
    for result in 0..=u8::MAX {
        let counted = tally.vote(B256::repeat_byte(result), Weight::FRESH);
        assert_eq!(counted.is_ok(), result < u8::MAX);
    }
    tally.vote(B256::ZERO, Weight::FRESH).unwrap();
}

#[test]
fn votes_that_overflow_leave_the_tally_as_it_was() {
    let mut tally = Tally::new();
    while tally.vote(RIGHT, Weight::FRESH).is_ok() {}
    let full = tally.clone();
    assert_eq!(tally.vote(RIGHT, Weight::FRESH), Err(Overflow));
    assert_eq!(tally, full);
}

fn weights() -> impl Strategy<Value = Vec<(bool, u64)>> {
    prop::collection::vec((any::<bool>(), 2..50u64), 0..20)
}

fn tally(votes: &[(bool, u64)]) -> Tally {
    let mut tally = Tally::new();
    for &(right, weight) in votes {
        tally
            .vote(
                if right { RIGHT } else { WRONG },
                Weight::new(weight).unwrap(),
            )
            .unwrap();
    }
    tally
}

proptest! {
    #[test]
    fn one_more_vote_never_makes_a_result_less_credible(votes in weights(), weight in 2..50u64, trust in 1..1_000_000u64) {
        let (before, mut after) = (tally(&votes), tally(&votes));
        after.vote(RIGHT, Weight::new(weight).unwrap()).unwrap();
        let trust = Trust::new(trust);
        prop_assert!(after.certified(RIGHT, trust).unwrap() || !before.certified(RIGHT, trust).unwrap());
    }

    #[test]
    fn what_is_certified_at_a_trust_is_certified_at_every_lower_one(votes in weights(), trust in 2..1_000_000u64) {
        let tally = tally(&votes);
        let certified = |trust| tally.certified(RIGHT, Trust::new(trust)).unwrap();
        prop_assert!(certified(trust - 1) || !certified(trust));
    }

    #[test]
    fn at_trust_two_or_more_at_most_one_result_is_certified(votes in weights(), trust in 2..1_000u64) {
        let tally = tally(&votes);
        let certified = |hash| tally.certified(hash, Trust::new(trust)).unwrap();
        prop_assert!(!(certified(RIGHT) && certified(WRONG)));
    }

    #[test]
    fn the_total_is_one_and_all_groups(votes in weights()) {
        let tally = tally(&votes);
        prop_assert_eq!(tally.total(), U256::ONE + tally.group(RIGHT) + tally.group(WRONG));
    }

    #[test]
    fn a_rejected_group_is_as_if_it_had_never_voted(votes in weights()) {
        let mut given = tally(&votes);
        given.reject(RIGHT);
        let others: Vec<_> = votes.into_iter().filter(|(right, _)| !right).collect();
        let others = tally(&others);
        prop_assert_eq!(given.total(), others.total());
        prop_assert_eq!(given.group(RIGHT), U256::ZERO);
        given.vote(RIGHT, Weight::FRESH).unwrap();
        prop_assert_eq!(given.group(RIGHT), U256::from(2));
    }

    #[test]
    fn the_votes_asked_for_are_enough_and_none_too_many(votes in weights(), weight in 2..50u64, trust in 1..10_000u64) {
        let (mut tally, weight, trust) = (tally(&votes), Weight::new(weight).unwrap(), Trust::new(trust));
        for left in (1..=tally.votes_missing(RIGHT, weight, trust).unwrap()).rev() {
            prop_assert!(!tally.certified(RIGHT, trust).unwrap(), "certified {} votes early", left);
            tally.vote(RIGHT, weight).unwrap();
        }
        prop_assert!(tally.certified(RIGHT, trust).unwrap());
    }

    #[test]
    fn a_wrong_vote_costs_a_third_of_the_score(score: u64) {
        prop_assert_eq!(u128::from(Score(score).penalised().0), u128::from(score) * 2 / 3);
    }
}
