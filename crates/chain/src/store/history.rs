//! The state at past blocks, and the way back to it.

use super::{
    SealedBlock, StoreError,
    draft::{Draft, Retention},
    layer::Undo,
    version::Version,
};
use crate::state::{ReadError, StateChanges, StateReader};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::TrieAccount;
use revm::bytecode::Bytecode;
use std::sync::Arc;

/// The step that made the genesis block.
pub(crate) const GENESIS: u64 = 1;

/// The state after a block: that of a version, with later changes undone.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    version: Arc<Version>,
    number: u64,
    /// What happened since, oldest first.
    undone: Vec<Arc<Undo>>,
}

/// An account with its proof and those of some slots.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) account: Option<TrieAccount>,
    pub(crate) account_proof: Vec<Bytes>,
    pub(crate) slots: Vec<(U256, Vec<Bytes>)>,
}

impl Snapshot {
    /// The state after the block at a height; `None` if it is too old, or not there yet.
    pub(crate) fn at(version: &Arc<Version>, number: u64) -> Option<Self> {
        let head = version.head.number();
        if number == head {
            return Some(Self {
                version: Arc::clone(version),
                number,
                undone: Vec::new(),
            });
        }
        let after =
            |undo: &&Arc<Undo>| undo.number > number || (undo.number == number && !undo.is_block);
        let undone: Vec<_> = version.history.iter().filter(after).cloned().collect();
        let complete = undone
            .iter()
            .find(|undo| undo.is_block)
            .is_some_and(|undo| undo.number == number + 1);
        // Unless something older is kept as well, a patch that followed the asked block may be
        // forgotten.
        let first = undone.first().map_or(0, |undo| undo.seq);
        let kept = version.floor <= GENESIS
            || version
                .history
                .front()
                .is_some_and(|oldest| oldest.seq < first);
        (complete && kept && number < head).then(|| Self {
            version: Arc::clone(version),
            number,
            undone,
        })
    }

    /// The state that the block at a height was made on: that after its parent, with what a
    /// developer changed between the two. `None` if it is too old, or not there yet.
    pub(crate) fn before(version: &Arc<Version>, number: u64) -> Option<Self> {
        let since = |undo: &&Arc<Undo>| undo.number >= number;
        let undone: Vec<_> = version.history.iter().filter(since).cloned().collect();
        let first = undone.first()?;
        (first.is_block && first.number == number).then(|| Self {
            version: Arc::clone(version),
            number: number.saturating_sub(1),
            undone,
        })
    }

    /// Proves an account and some of its slots against the state root of the block.
    pub(crate) fn prove(&self, address: Address, slots: &[U256]) -> Result<Proof, ReadError> {
        let draft = Draft::new(&self.version, merge(&self.undone))?;
        let (mut tries, source) = (draft.tries(), &*self.version.base);
        let owner = keccak256(address);
        let account = self.account(address)?;
        let bytes = |proof: Vec<Vec<u8>>| proof.into_iter().map(Bytes::from).collect::<Vec<_>>();
        let account_proof = bytes(tries.accounts.prove(source, owner)?);
        let root = account.map_or(alloy_trie::EMPTY_ROOT_HASH, |account| account.storage_root);
        let mut trie = tries
            .storage
            .remove(&owner)
            .unwrap_or_else(|| crate::trie::Trie::at(Some(owner), root));
        let prove = |slot: &U256| -> Result<_, ReadError> {
            let proof = trie.prove(source, keccak256(B256::from(*slot)))?;
            Ok((self.storage(address, *slot)?, bytes(proof)))
        };
        let slots = slots.iter().map(prove).collect::<Result<_, _>>()?;
        Ok(Proof {
            account,
            account_proof,
            slots,
        })
    }
}

/// The oldest of the old values of each key.
fn merge(undone: &[Arc<Undo>]) -> StateChanges {
    let mut changes = StateChanges::default();
    undone
        .iter()
        .rev()
        .for_each(|undo| changes.merge(&undo.before));
    changes
}

impl StateReader for Snapshot {
    fn account(&self, address: Address) -> Result<Option<TrieAccount>, ReadError> {
        let owner = keccak256(address);
        let old = self
            .undone
            .iter()
            .find_map(|undo| undo.before.accounts.get(&owner));
        old.map_or_else(
            || self.version.account_by_hash(&owner),
            |account| Ok(*account),
        )
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, ReadError> {
        let (owner, slot) = (keccak256(address), keccak256(B256::from(slot)));
        let old = self
            .undone
            .iter()
            .find_map(|undo| undo.before.storage.get(&owner)?.get(&slot));
        old.map_or_else(
            || self.version.storage_by_hash(&owner, &slot),
            |value| Ok(*value),
        )
    }

    fn code(&self, hash: B256) -> Result<Bytecode, ReadError> {
        self.version.code(hash)
    }

    fn block_hash(&self, number: u64) -> Result<B256, ReadError> {
        if number > self.number {
            Ok(B256::ZERO)
        } else {
            self.version.block_hash(number)
        }
    }
}

impl Version {
    /// The step to name to come back to this state: the newest that can be undone, or the floor.
    pub(crate) fn mark(&self) -> u64 {
        self.history.back().map_or(self.floor, |undo| undo.seq)
    }

    /// The mark of the state just after a block.
    pub(crate) fn mark_of(&self, hash: B256) -> Option<u64> {
        let at = self
            .history
            .iter()
            .find(|undo| undo.is_block && undo.hash == hash)
            .map(|undo| undo.seq);
        // What is below the floor is not known, but for the genesis: the floor may be a change
        // after the block.
        at.or_else(|| (self.floor <= GENESIS && self.header(0).ok()??.0 == hash).then_some(GENESIS))
    }

    /// The version that is again in the state of `mark`.
    pub(crate) fn revert_to(&self, mark: u64, retention: Retention) -> Result<Self, StoreError> {
        let gone = || StoreError::TooOld {
            kept: self.history.len(),
        };
        let number = match self.history.iter().find(|undo| undo.seq == mark) {
            Some(undo) => undo.number,
            None if mark == self.floor => match self.history.front() {
                Some(oldest) if oldest.is_block => oldest.number.saturating_sub(1),
                Some(oldest) => oldest.number,
                None => self.head.number(),
            },
            None => return Err(gone()),
        };
        let head: Arc<SealedBlock> = self
            .block(number)
            .map_err(StoreError::Read)?
            .ok_or_else(gone)?;
        let undone: Vec<_> = self
            .history
            .iter()
            .filter(|undo| undo.seq > mark)
            .cloned()
            .collect();
        let draft = Draft::new(self, merge(&undone)).map_err(StoreError::Read)?;
        Ok(draft.revert(self, head, mark, retention))
    }
}
