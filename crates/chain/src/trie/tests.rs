use super::*;
use alloy_primitives::U256;
use alloy_trie::{proof::verify_proof, root::storage_root};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A store in memory: flat values, and branch records.
#[derive(Default)]
struct Memory {
    flat: BTreeMap<B256, Vec<u8>>,
    nodes: BTreeMap<NodeKey, Vec<u8>>,
}

impl Memory {
    fn write(&mut self, flat: &BTreeMap<B256, Vec<u8>>, updates: NodeUpdates) {
        self.flat = flat.clone();
        for (key, record) in updates {
            match record {
                Some(record) => self.nodes.insert(key, record),
                None => self.nodes.remove(&key),
            };
        }
    }
}

impl NodeSource for Memory {
    fn branch(&self, owner: Option<B256>, path: &Nibbles) -> Result<Option<Vec<u8>>, TrieError> {
        Ok(self.nodes.get(&NodeKey::new(owner, path)).cloned())
    }
    fn leaf(&self, _: Option<B256>, path: &Nibbles) -> Result<Option<(B256, Vec<u8>)>, TrieError> {
        let mut below = self
            .flat
            .iter()
            .filter(|(key, _)| Nibbles::unpack(**key).starts_with(path));
        let found = below.next().map(|(key, value)| (*key, value.clone()));
        assert!(
            below.next().is_none(),
            "a stub of a leaf has one key below it"
        );
        Ok(found)
    }
}

/// Keys that share long prefixes, so that branches split, merge, and embed short nodes.
fn key() -> impl Strategy<Value = B256> {
    (0u8..4, 0u8..4, 0u8..3, any::<bool>()).prop_map(|(a, b, c, deep)| {
        let mut key = B256::ZERO;
        key[0] = a << 4;
        key[if deep { 31 } else { 1 }] = b << 4 | c;
        key[30] = c;
        key
    })
}

fn rlp(value: U256) -> Vec<u8> {
    if value.is_zero() {
        Vec::new()
    } else {
        alloy::rlp::encode(value)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever is set and removed, in batches, with nodes forgotten in between: the root is that
    /// of a trie built at once, the records are those of a trie that was never changed, and every
    /// key can be proved.
    #[test]
    fn matches_a_trie_built_at_once(batches in prop::collection::vec(
        (prop::collection::vec((key(), 0u64..3), 1..12), any::<bool>()), 1..12))
    {
        let (mut memory, mut flat, mut values) = (Memory::default(), BTreeMap::new(), BTreeMap::new());
        let mut trie = Trie::at(None, EMPTY_ROOT_HASH);
        for (stamp, (batch, forget)) in (1u64..).zip(batches) {
            let mut updates = NodeUpdates::new();
            for (key, value) in batch {
                let value: U256 = U256::from(value) << 200;
                if value.is_zero() { values.remove(&key) } else { values.insert(key, value) };
                if value.is_zero() { flat.remove(&key) } else { flat.insert(key, rlp(value)) };
                trie.set(&memory, stamp, key, rlp(value), &mut updates).unwrap();
            }
            let root = trie.hash(&mut updates);
            prop_assert_eq!(root, storage_root(values.clone()));
            memory.write(&flat, updates);
            if forget {
                trie.prune(stamp);
                prop_assert_eq!(trie.resident(), 0);
            }
        }
        let mut fresh = Trie::at(None, EMPTY_ROOT_HASH);
        let mut records = NodeUpdates::new();
        for (key, value) in &flat {
            fresh.set(&memory, 1, *key, value.clone(), &mut records).unwrap();
        }
        let root = fresh.hash(&mut records);
        let records: BTreeMap<_, _> = records.into_iter().filter_map(|(k, v)| Some((k, v?))).collect();
        prop_assert_eq!(&records, &memory.nodes);
        for key in flat.keys().copied().chain([B256::repeat_byte(0x77)]) {
            let proof = Trie::at(None, root).prove(&memory, key);
            let proof: Vec<alloy_primitives::Bytes> = proof.unwrap().into_iter().map(Into::into).collect();
            prop_assert!(verify_proof(root, Nibbles::unpack(key), flat.get(&key).cloned(), &proof).is_ok());
        }
    }

    /// Any bytes: a node, or an error.
    #[test]
    fn decodes_or_refuses(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = record::decode(&bytes);
    }
}

#[test]
fn notices_a_changed_node() {
    let mut memory = Memory::default();
    let mut updates = NodeUpdates::new();
    let mut trie = Trie::at(None, EMPTY_ROOT_HASH);
    for i in 0..20u8 {
        let key = keccak256([i]);
        memory.flat.insert(key, vec![i + 1]);
        trie.set(&Memory::default(), 1, key, vec![i + 1], &mut updates)
            .unwrap();
    }
    let root = trie.hash(&mut updates);
    let flat = memory.flat.clone();
    memory.write(&flat, updates);
    let target = keccak256([3]);
    memory.flat.insert(target, vec![99]);
    let refused = Trie::at(None, root).prove(&memory, target);
    assert!(
        matches!(refused, Err(TrieError::Mismatch { .. })),
        "{refused:?}"
    );
}
