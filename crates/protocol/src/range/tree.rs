//! The Merkle tree over the leaves of a range.
//!
//! `h([l]) = l`; `h(L) = node(h(L[..m]), h(L[m..]))` with `m` the largest power of two below the length of `L`. Nothing is
//! padded or doubled. Leaves and nodes are hashed with different first bytes, and the number of leaves is part of the name of
//! the range, so that no node passes for a leaf, and no tree for another (§2.2).

use alloy_primitives::B256;

use super::{Leaf, Range, packed};
use crate::TaskId;

/// The hashes of the leaves of `range`, in the order of its tasks.
pub fn hashes(range: Range, leaves: &[Leaf]) -> Vec<B256> {
    let named = range.indices().zip(leaves);
    named
        .map(|(index, leaf)| leaf.hash(TaskId::of(range.deal(), index)))
        .collect()
}

/// `keccak256(0x01 ‖ left ‖ right)` (§2.2).
pub fn node(left: B256, right: B256) -> B256 {
    packed(&[&[0x01], left.as_slice(), right.as_slice()])
}

/// The root over the hashes of leaves, in the order of their tasks; `None` of none.
pub fn root(leaves: &[B256]) -> Option<B256> {
    match leaves {
        [] => None,
        [leaf] => Some(*leaf),
        _ => {
            let (left, right) = leaves.split_at(left_size(leaves.len()));
            Some(node(root(left)?, root(right)?))
        }
    }
}

/// The siblings from the leaf at `position` up to the root; `None` when there is no such leaf.
pub fn proof(leaves: &[B256], position: usize) -> Option<Vec<B256>> {
    leaves.get(position)?;
    let (mut leaves, mut position, mut siblings) = (leaves, position, Vec::new());
    while leaves.len() > 1 {
        let middle = left_size(leaves.len());
        let (left, right) = leaves.split_at(middle);
        if position < middle {
            siblings.push(root(right)?);
            leaves = left;
        } else {
            siblings.push(root(left)?);
            (leaves, position) = (right, position - middle);
        }
    }
    siblings.reverse();
    Some(siblings)
}

/// The root that `siblings` lead to from the leaf at `position` of `count`. `None` when there is no such position, or when the
/// proof has not exactly the length that position and count ask for.
pub fn root_from(leaf: B256, position: usize, count: usize, siblings: &[B256]) -> Option<B256> {
    let sides = sides(position, count)?;
    (sides.len() == siblings.len()).then(|| {
        let steps = sides.into_iter().rev().zip(siblings);
        steps.fold(leaf, |hash, (side, sibling)| match side {
            Side::Left => node(hash, *sibling),
            Side::Right => node(*sibling, hash),
        })
    })
}

#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

/// On which side the leaf at `position` is, from the root down.
fn sides(mut position: usize, mut count: usize) -> Option<Vec<Side>> {
    if position >= count {
        return None;
    }
    let mut sides = Vec::new();
    while count > 1 {
        let middle = left_size(count);
        if position < middle {
            sides.push(Side::Left);
            count = middle;
        } else {
            sides.push(Side::Right);
            (count, position) = (count - middle, position - middle);
        }
    }
    Some(sides)
}

/// The largest power of two below `count`, which is at least 2.
const fn left_size(count: usize) -> usize {
    1 << (count - 1).ilog2()
}
