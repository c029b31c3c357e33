//! A Merkle-Patricia trie that is updated in place of being rebuilt.
//!
//! A [`Trie`] is a persistent tree: cloning is one reference count, and versions share every node
//! they have in common, so each block keeps a trie of its own at the price of what it changed.
//! Nodes not yet needed are [`Child::Stub`]s; they are read on demand from a [`NodeSource`] by
//! their *path*, and checked against the hash that the parent holds.
//!
//! Only branches are stored as nodes. A leaf is found again in the flat state, as the one key below
//! its path.

mod node;
mod proof;
mod record;
mod update;

use alloy_primitives::{B256, keccak256};
use alloy_trie::{EMPTY_ROOT_HASH, Nibbles, nodes::RlpNode};
use std::collections::BTreeMap;

pub(crate) use node::{Child, Node};
pub(crate) use record::NodeKey;

/// What can go wrong in a trie: the stored state does not match its own hashes.
#[derive(Debug, thiserror::Error)]
pub enum TrieError {
    /// A node that must exist is not there.
    #[error(
        "trie node {path:?} of {owner:?} is missing: the database is damaged; restore it from a backup"
    )]
    Missing {
        /// Hash of the account whose storage this is; `None` in the account trie.
        owner: Option<B256>,
        /// Where the node should be.
        path: Nibbles,
    },
    /// A node is there, and does not have the hash that its parent promises.
    #[error(
        "trie node {path:?} of {owner:?} does not match its hash: the database is damaged; restore it from a backup"
    )]
    Mismatch {
        /// Hash of the account whose storage this is; `None` in the account trie.
        owner: Option<B256>,
        /// Where the node is.
        path: Nibbles,
    },
    /// A stored node cannot be decoded.
    #[error(
        "a stored trie node cannot be decoded: the database is damaged; restore it from a backup"
    )]
    Codec,
    /// The database refused.
    #[error("reading the trie: {0}")]
    Database(#[from] Box<redb::Error>),
}

/// Where stubs are read from: the nodes and leaves of one state.
pub(crate) trait NodeSource {
    /// The record of the branch that starts at `path`, if there is one.
    fn branch(&self, owner: Option<B256>, path: &Nibbles) -> Result<Option<Vec<u8>>, TrieError>;
    /// The first leaf (key hash, RLP value) below `path`.
    fn leaf(
        &self,
        owner: Option<B256>,
        path: &Nibbles,
    ) -> Result<Option<(B256, Vec<u8>)>, TrieError>;
}

/// Branch records to write, and `None` for those to delete.
pub(crate) type NodeUpdates = BTreeMap<NodeKey, Option<Vec<u8>>>;

/// One trie: the accounts, or the storage of one account.
#[derive(Clone, Debug)]
pub(crate) struct Trie {
    owner: Option<B256>,
    root: Child,
}

impl Trie {
    /// The trie with this root; nothing is read before it is needed.
    pub(crate) fn at(owner: Option<B256>, root: B256) -> Self {
        let root = if root == EMPTY_ROOT_HASH {
            Child::Empty
        } else {
            Child::Stub(RlpNode::word_rlp(&root))
        };
        Self { owner, root }
    }

    /// Sets the value of `key`; an empty `value` removes it. `stamp` marks the nodes made by it.
    pub(crate) fn set(
        &mut self,
        source: &dyn NodeSource,
        stamp: u64,
        key: B256,
        value: Vec<u8>,
        removed: &mut NodeUpdates,
    ) -> Result<(), TrieError> {
        let mut update = update::Update {
            owner: self.owner,
            source,
            stamp,
            key: Nibbles::unpack(key),
            removed,
        };
        if value.is_empty() {
            update.remove(&mut self.root)
        } else {
            update.insert(&mut self.root, value)
        }
    }

    /// The root hash; puts the record of every branch hashed anew into `written`.
    pub(crate) fn hash(&mut self, written: &mut NodeUpdates) -> B256 {
        let mut hasher = node::Hasher::new(self.owner, written);
        match hasher.hash(&mut self.root, Nibbles::new()) {
            None => EMPTY_ROOT_HASH,
            // A root of less than 32 bytes is hashed all the same.
            Some(rlp) => rlp.as_hash().unwrap_or_else(|| keccak256(rlp.as_slice())),
        }
    }

    /// The proof of `key`: the RLP of each node from the root down (EIP-1186).
    pub(crate) fn prove(
        &mut self,
        source: &dyn NodeSource,
        key: B256,
    ) -> Result<Vec<Vec<u8>>, TrieError> {
        proof::prove(self.owner, &mut self.root, source, &Nibbles::unpack(key))
    }

    /// Forgets the nodes last changed at `stamp` or before: they can be read again from storage.
    pub(crate) fn prune(&mut self, stamp: u64) {
        self.root.prune(stamp);
    }

    /// How many nodes are in memory.
    pub(crate) fn resident(&self) -> usize {
        self.root.resident()
    }
}

#[cfg(test)]
mod tests;
