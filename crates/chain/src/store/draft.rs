//! From the changes of a step to the version after it.

use super::{
    SealedBlock,
    layer::{Layer, Step, Undo},
    version::{Tries, Version},
};
use crate::{
    state::{ReadError, StateChanges},
    trie::{NodeUpdates, Trie},
};
use alloy_primitives::{B256, U256};
use alloy_trie::EMPTY_ROOT_HASH;
use arc_swap::ArcSwapOption;
use std::sync::{Arc, OnceLock};

/// A state computed, its root known, its block not yet sealed.
#[derive(Debug)]
pub(crate) struct Draft {
    changes: StateChanges,
    before: StateChanges,
    tries: Tries,
    nodes: NodeUpdates,
    /// The root of the new state.
    pub(crate) root: B256,
}

/// How much of the past a new version keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retention {
    /// Steps that can be undone.
    pub(crate) steps: usize,
    /// Nothing after this step is forgotten, whatever `steps` says.
    pub(crate) pinned: u64,
}

impl Draft {
    /// Applies changes to the tries of `parent`.
    pub(crate) fn new(parent: &Version, mut changes: StateChanges) -> Result<Self, ReadError> {
        let stamp = parent.seq + 1;
        let source = &*parent.base;
        let mut before = StateChanges::default();
        let mut tries = parent.tries.clone();
        let mut nodes = NodeUpdates::new();
        for (owner, slots) in &changes.storage {
            let account = parent.account_by_hash(owner)?;
            let root = account.map_or(EMPTY_ROOT_HASH, |account| account.storage_root);
            let mut trie = tries
                .storage
                .remove(owner)
                .unwrap_or_else(|| Trie::at(Some(*owner), root));
            let old = before.storage.entry(*owner).or_default();
            for (slot, value) in slots {
                old.insert(*slot, parent.storage_by_hash(owner, slot)?);
                trie.set(source, stamp, *slot, slot_rlp(*value), &mut nodes)?;
            }
            let root = trie.hash(&mut nodes);
            tries.storage.insert(*owner, trie);
            let entry = changes.accounts.entry(*owner).or_insert(account);
            if let Some(account) = entry {
                account.storage_root = root;
            }
        }
        for (owner, account) in &changes.accounts {
            before
                .accounts
                .insert(*owner, parent.account_by_hash(owner)?);
            let value = account.map(alloy::rlp::encode).unwrap_or_default();
            tries
                .accounts
                .set(source, stamp, *owner, value, &mut nodes)?;
            if account.is_none() {
                tries.storage.remove(owner);
            }
        }
        let root = tries.accounts.hash(&mut nodes);
        Ok(Self {
            changes,
            before,
            tries,
            nodes,
            root,
        })
    }

    /// The tries of the new state.
    pub(super) fn tries(self) -> Tries {
        self.tries
    }

    /// The version after a block with this state.
    pub(crate) fn seal(
        self,
        parent: &Version,
        block: Arc<SealedBlock>,
        retention: Retention,
    ) -> Version {
        let undo = (block.number(), block.hash, true);
        self.finish(
            parent,
            Arc::clone(&block),
            Step::Block(block),
            Some(undo),
            retention,
        )
    }

    /// The version after a change of state outside blocks.
    pub(crate) fn patch(self, parent: &Version, retention: Retention) -> Version {
        let head = Arc::clone(&parent.head);
        let undo = (head.number(), head.hash, false);
        self.finish(parent, head, Step::Patch, Some(undo), retention)
    }

    /// The version after going back; `self` was made from the changes of [`Version::undo_to`].
    pub(super) fn revert(
        self,
        parent: &Version,
        head: Arc<SealedBlock>,
        to: u64,
        retention: Retention,
    ) -> Version {
        let step = Step::Revert {
            to,
            number: head.number(),
        };
        let mut version = self.finish(parent, head, step, None, retention);
        version.history.retain(|undo| undo.seq <= to);
        version
    }

    fn finish(
        self,
        parent: &Version,
        head: Arc<SealedBlock>,
        step: Step,
        undo: Option<(u64, B256, bool)>,
        retention: Retention,
    ) -> Version {
        let seq = parent.seq + 1;
        let mut version = parent.clone();
        if let Some((number, hash, is_block)) = undo {
            version.history.push_back(Arc::new(Undo {
                seq,
                number,
                hash,
                is_block,
                before: self.before,
            }));
            while version.history.len() > retention.steps {
                let Some(oldest) = version
                    .history
                    .front()
                    .filter(|undo| undo.seq <= retention.pinned)
                else {
                    break;
                };
                version.floor = oldest.seq;
                version.history.pop_front();
            }
        }
        let parent = ArcSwapOption::new(parent.layer.clone());
        let finality = OnceLock::new();
        let (changes, nodes) = (self.changes, self.nodes);
        let layer = Layer {
            seq,
            step,
            changes,
            nodes,
            finality,
            parent,
        };
        (version.seq, version.head, version.root, version.tries) =
            (seq, head, self.root, self.tries);
        version.absorb(&layer);
        version.layer = Some(Arc::new(layer));
        version
    }
}

/// The RLP of a slot's value; empty for zero, which is not stored.
fn slot_rlp(value: U256) -> Vec<u8> {
    if value.is_zero() {
        Vec::new()
    } else {
        alloy::rlp::encode(value)
    }
}
