use alloy_primitives::{Address, FixedBytes, keccak256};
use alloy_sol_types::SolValue;
use proptest::prelude::*;

use super::super::*;

fn hashes(count: usize) -> Vec<B256> {
    (0..count).map(|at| keccak256(at.to_be_bytes())).collect()
}

#[test]
fn hashes_are_those_of_the_packed_fields() {
    let task = TaskId(keccak256("task"));
    let leaf = Leaf {
        digest: keccak256("digest"),
        content: Content {
            codec: Codec::DagPb,
            sha256: keccak256("archive"),
        },
    };
    let byte = FixedBytes::<1>::repeat_byte;
    let fields = (
        byte(0),
        task.0,
        leaf.digest,
        byte(0x70),
        leaf.content.sha256,
    );
    assert_eq!(fields.abi_encode_packed().len(), 98);
    assert_eq!(leaf.hash(task), keccak256(fields.abi_encode_packed()));

    let value = Value {
        root: keccak256("root"),
        link: keccak256("link"),
    };
    let hash = keccak256((value.root, value.link).abi_encode_packed());
    assert_eq!(value.hash(), hash);
    let (range, worker) = (RangeId(keccak256("range")), Address::repeat_byte(7));
    assert_eq!(
        value.result_hash(range),
        keccak256((range.0, hash).abi_encode_packed())
    );
    assert_eq!(
        value.seal(worker, range),
        keccak256((worker, range.0, hash).abi_encode_packed())
    );
}

#[test]
fn the_left_side_is_the_largest_power_of_two() {
    let [a, b, c, d, e, f, ..] = hashes(6)[..] else {
        unreachable!()
    };
    let four = tree::node(tree::node(a, b), tree::node(c, d));
    assert_eq!(tree::root(&[a]), Some(a));
    assert_eq!(
        tree::root(&[a, b, c]),
        Some(tree::node(tree::node(a, b), c))
    );
    assert_eq!(tree::root(&[a, b, c, d, e]), Some(tree::node(four, e)));
    assert_eq!(
        tree::root(&[a, b, c, d, e, f]),
        Some(tree::node(four, tree::node(e, f)))
    );
    assert_eq!(tree::root(&[]), None);
}

#[test]
fn every_leaf_of_every_size_is_proved() {
    for count in (1..=66).chain([255, 256, 257, 1000, 4095, 4096]) {
        let leaves = hashes(count);
        let root = tree::root(&leaves);
        let step = if count <= 66 { 1 } else { count / 7 };
        for position in (0..count).step_by(step).chain([count - 1]) {
            let proof = tree::proof(&leaves, position).unwrap();
            assert!(proof.len() <= 12, "{count}");
            assert_eq!(
                tree::root_from(leaves[position], position, count, &proof),
                root
            );
        }
    }
    assert_eq!(tree::proof(&hashes(3), 3), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_proof_changed_anywhere_proves_nothing(
        count in 2..300usize, at: prop::sample::Index, other: prop::sample::Index, junk: [u8; 32],
    ) {
        let leaves = hashes(count);
        let root = tree::root(&leaves);
        let position = at.index(count);
        let proof = tree::proof(&leaves, position).unwrap();
        let leads = |leaf, position, count, proof: &[B256]| tree::root_from(leaf, position, count, proof) == root;
        prop_assert!(leads(leaves[position], position, count, &proof));

        let elsewhere = other.index(count);
        prop_assert!(elsewhere == position || !leads(leaves[position], elsewhere, count, &proof));
        prop_assert!(elsewhere == position || !leads(leaves[elsewhere], position, count, &proof));
        prop_assert!(!leads(leaves[position], position + count, count, &proof));
        let mut wrong = proof.clone();
        wrong[other.index(proof.len())] = B256::new(junk);
        prop_assert!(!leads(leaves[position], position, count, &wrong));
        prop_assert!(!leads(leaves[position], position, count, &proof[1..]));
        prop_assert!(!leads(leaves[position], position, count, &proof[..proof.len() - 1]));
        let long = [proof.as_slice(), &[B256::ZERO]].concat();
        prop_assert!(!leads(leaves[position], position, count, &long));
    }

    #[test]
    fn an_inner_node_is_no_leaf(count in 3..300usize) {
        let leaves = hashes(count);
        let proof = tree::proof(&leaves, 0).unwrap();
        let parent = tree::node(leaves[0], proof[0]);
        prop_assert_ne!(tree::root_from(parent, 0, count, &proof[1..]), tree::root(&leaves));
    }

    #[test]
    fn a_tree_is_of_one_list_only(count in 1..100usize, at: prop::sample::Index) {
        let leaves = hashes(count);
        let mut doubled = leaves.clone();
        doubled.push(leaves[count - 1]);
        prop_assert_ne!(tree::root(&doubled), tree::root(&leaves));
        let mut changed = leaves.clone();
        changed[at.index(count)] = B256::ZERO;
        prop_assert_ne!(tree::root(&changed), tree::root(&leaves));
    }
}
