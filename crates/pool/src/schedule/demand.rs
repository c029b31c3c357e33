//! How many workers a task needs.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use canut_protocol::{Tally, Trust, Weight};

/// Whether a task at `trust` needs another worker, given the votes that stand and the weights of the workers whose votes are
/// expected.
///
/// Expected votes are counted as if all were for the strongest result so far (offchain.md, section 6.5). Nobody being
/// expected while the task is not certified, one more is always needed: only a vote makes the contract look.
pub fn needs_another(
    votes: impl IntoIterator<Item = (B256, Weight)>,
    expected: impl IntoIterator<Item = Weight>,
    trust: Trust,
) -> bool {
    let mut tally = Tally::new();
    let mut groups = BTreeMap::new();
    for (hash, weight) in votes {
        if tally.vote(hash, weight).is_err() {
            return false;
        }
        groups.insert(hash, tally.group(hash));
    }
    let strongest = groups.into_iter().max_by_key(|(_, group)| *group);
    let favourite = strongest.map_or(B256::ZERO, |(hash, _)| hash);
    let mut nobody = true;
    for weight in expected {
        nobody = false;
        if tally.vote(favourite, weight).is_err() {
            return false;
        }
    }
    // More votes than the contract can count do not help either.
    nobody || tally.certified(favourite, trust) == Ok(false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fresh(count: usize) -> Vec<Weight> {
        vec![Weight::FRESH; count]
    }

    #[test]
    fn four_new_workers_make_trust_ten_and_a_liar_costs_two_more() {
        let (right, wrong) = (B256::repeat_byte(1), B256::repeat_byte(2));
        let trust = Trust::new(10);
        assert!(needs_another([], fresh(3), trust));
        assert!(!needs_another([], fresh(4), trust));

        let split = [
            (right, Weight::FRESH),
            (right, Weight::FRESH),
            (wrong, Weight::FRESH),
        ];
        let total = |expected| needs_another(split, fresh(expected), trust);
        assert!(
            total(2) && !total(3),
            "32 of 35 is more than nine tenths, 16 of 19 is not"
        );
    }

    #[test]
    fn the_first_vote_decides_at_trust_one_but_somebody_must_cast_it() {
        assert!(needs_another([], [], Trust::ONE));
        assert!(!needs_another([], fresh(1), Trust::ONE));
        assert!(needs_another([(B256::ZERO, Weight::FRESH)], [], Trust::ONE));
    }

    proptest! {
        #[test]
        fn whoever_is_expected_last_is_the_one_that_was_needed(
            weights in prop::collection::vec((0u8..3, 1u64..50), 0..12),
            level in 2u64..100_000,
        ) {
            let trust = Trust::new(level);
            let votes: Vec<_> = weights.iter().map(|(hash, weight)| (B256::repeat_byte(*hash), Weight::new(*weight).unwrap())).collect();
            let mut expected = Vec::new();
            while needs_another(votes.clone(), expected.clone(), trust) {
                expected.push(Weight::FRESH);
                prop_assert!(expected.len() < 256);
            }
            prop_assert!(!expected.is_empty());
            // If all come and agree with the strongest group, the contract certifies it.
            let mut tally = Tally::new();
            for (hash, weight) in &votes {
                tally.vote(*hash, *weight).unwrap();
            }
            let best = votes.iter().map(|(hash, _)| *hash).max_by_key(|hash| tally.group(*hash)).unwrap_or_default();
            for weight in expected {
                tally.vote(best, weight).unwrap();
            }
            prop_assert!(tally.certified(best, trust).unwrap());
        }
    }
}
