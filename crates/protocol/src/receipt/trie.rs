//! Merkle-Patricia proofs: that a value is in a block's trie of transactions, of receipts, or of accounts.

use alloy_primitives::{B256, Bytes};
use alloy_trie::{
    HashBuilder, Nibbles,
    proof::{ProofRetainer, verify_proof},
};

/// Most nodes of a proof: a key of 32 bytes has 64 nibbles, and each branch can follow an extension.
pub const MAX_NODES: usize = 129;

/// Whether `nodes`, from the root on, show that the trie with this root has `value` under `key`.
pub fn holds(root: B256, key: &[u8], value: &[u8], nodes: &[Bytes]) -> bool {
    // An empty value is not in a trie.
    !value.is_empty()
        && nodes.len() <= MAX_NODES
        && verify_proof(root, Nibbles::unpack(key), Some(value.to_vec()), nodes).is_ok()
}

/// The key of the item at `index` in a trie of a block's transactions or receipts: its RLP.
pub fn key(index: u64) -> Vec<u8> {
    alloy::rlp::encode(index)
}

/// The root of the trie of `items`, and the proof of the one at `index`; `None` when there is none. Items have 32 bytes at least,
/// as every transaction and every outcome has: smaller ones would be parts of other nodes.
pub fn prove(items: &[Bytes], index: usize) -> Option<(B256, Vec<Bytes>)> {
    items.get(index)?;
    let target = Nibbles::unpack(key(u64::try_from(index).ok()?));
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(vec![target]));
    let mut leaves: Vec<_> = (0..).map(key).map(Nibbles::unpack).zip(items).collect();
    leaves.sort_unstable_by_key(|leaf| leaf.0);
    for (key, item) in leaves {
        builder.add_leaf(key, item);
    }
    let root = builder.root();
    let nodes = builder.take_proof_nodes().into_nodes_sorted().into_iter();
    Some((root, nodes.map(|(_, node)| node).collect()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_item_is_proved_and_no_other(
            items in prop::collection::vec(prop::collection::vec(any::<u8>(), 32..120), 1..200),
            at: prop::sample::Index,
            byte: prop::sample::Index,
            node: prop::sample::Index,
            flip in 1u8..,
        ) {
            let items: Vec<Bytes> = items.into_iter().map(Bytes::from).collect();
            let at = at.index(items.len());
            let (root, nodes) = prove(&items, at).unwrap();
            prop_assert!(holds(root, &key(at as u64), &items[at], &nodes));
            prop_assert!(!holds(root, &key(at as u64 + 1), &items[at], &nodes) || items.get(at + 1) == Some(&items[at]));
            prop_assert!(!holds(root, &key(at as u64), &[], &nodes));
            let mut wrong = nodes.clone();
            let node = node.index(wrong.len());
            let mut bytes = wrong[node].to_vec();
            let byte = byte.index(bytes.len());
            bytes[byte] ^= flip;
            wrong[node] = bytes.into();
            prop_assert!(!holds(root, &key(at as u64), &items[at], &wrong));
            prop_assert!(!holds(root, &key(at as u64), &items[at], &nodes[1..]));
        }

        #[test]
        fn nodes_from_outside_never_panic(nodes: Vec<Vec<u8>>, root: [u8; 32], key: Vec<u8>, value: Vec<u8>) {
            let nodes: Vec<Bytes> = nodes.into_iter().map(Bytes::from).collect();
            // The first node is the one asked for, so that it is read.
            let root = nodes.first().map_or(B256::new(root), alloy_primitives::keccak256);
            let short = &key[..key.len().min(32)];
            let _ = holds(root, short, &value, &nodes);
        }
    }
}
