//! The chain after one step: every block and the whole state, as an immutable value.
//!
//! A version is a snapshot of the database with the steps since laid over it in persistent maps, so
//! that it costs what its step changed, and any number of them (readers, unfinalized blocks,
//! siblings) live side by side without locks.

use super::{
    SealedBlock,
    base::Base,
    layer::{Layer, Step, Undo},
};
use crate::{
    state::{ReadError, StateReader},
    trie::Trie,
};
use alloy::consensus::Header;
use alloy_primitives::{
    Address, B256, Bytes, U256, keccak256,
    map::{DefaultHashBuilder, FbBuildHasher},
};
use alloy_trie::TrieAccount;
use parking_lot::Mutex;
use revm::bytecode::Bytecode;
use std::{collections::HashMap, sync::Arc};

type HashKeyed<V> =
    imbl::GenericHashMap<B256, V, FbBuildHasher<32>, imbl::shared_ptr::DefaultSharedPtr>;
type Slots = imbl::GenericHashMap<
    (B256, B256),
    U256,
    DefaultHashBuilder,
    imbl::shared_ptr::DefaultSharedPtr,
>;

/// The tries of a version.
#[derive(Clone, Debug)]
pub(crate) struct Tries {
    pub(crate) accounts: Trie,
    /// Those that were used lately.
    pub(crate) storage: HashKeyed<Trie>,
}

/// Codes made ready to run, for all versions. Cleared when it holds this many.
#[derive(Debug, Default)]
pub(crate) struct CodeCache(Mutex<HashMap<B256, Bytecode>>);
const CODES_CACHED: usize = 1024;

/// See the [module](self).
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// The number of the last step.
    pub(crate) seq: u64,
    pub(crate) head: Arc<SealedBlock>,
    /// Root of the state. That of the head, unless a developer method changed the state since.
    pub(crate) root: B256,
    pub(super) base: Arc<Base>,
    cache: Arc<CodeCache>,
    accounts: HashKeyed<Option<TrieAccount>>,
    storage: Slots,
    codes: HashKeyed<Bytes>,
    blocks: imbl::OrdMap<u64, Arc<SealedBlock>>,
    heights: HashKeyed<u64>,
    places: HashKeyed<(u64, u32)>,
    pub(super) tries: Tries,
    /// How to go back, newest last.
    pub(crate) history: imbl::Vector<Arc<Undo>>,
    /// The step before the oldest in `history`.
    pub(crate) floor: u64,
    pub(super) layer: Option<Arc<Layer>>,
}

impl Version {
    /// What the database holds, and nothing else.
    pub(super) fn of_base(
        base: Arc<Base>,
        head: SealedBlock,
        root: B256,
        history: imbl::Vector<Arc<Undo>>,
        floor: u64,
    ) -> Self {
        Self {
            seq: base.seq,
            head: Arc::new(head),
            root,
            base,
            cache: Arc::default(),
            accounts: HashKeyed::default(),
            storage: Slots::default(),
            codes: HashKeyed::default(),
            blocks: imbl::OrdMap::default(),
            heights: HashKeyed::default(),
            places: HashKeyed::default(),
            tries: Tries {
                accounts: Trie::at(None, root),
                storage: HashKeyed::default(),
            },
            history,
            floor,
            layer: None,
        }
    }

    /// Lays a step over the maps.
    pub(super) fn absorb(&mut self, layer: &Layer) {
        for (owner, account) in &layer.changes.accounts {
            self.accounts.insert(*owner, *account);
        }
        for (owner, slots) in &layer.changes.storage {
            for (slot, value) in slots {
                self.storage.insert((*owner, *slot), *value);
            }
        }
        for (hash, code) in &layer.changes.codes {
            self.codes.insert(*hash, code.clone());
        }
        match &layer.step {
            Step::Block(block) => {
                self.heights.insert(block.hash, block.number());
                for (index, tx) in (0u32..).zip(&block.transactions) {
                    self.places
                        .insert(*tx.inner().hash(), (block.number(), index));
                }
                self.blocks.insert(block.number(), Arc::clone(block));
            }
            Step::Patch => {}
            // Blocks above the new head are out of reach already; dropping them frees memory.
            Step::Revert { number, .. } => {
                self.blocks = self.blocks.split(&number.saturating_add(1)).0
            }
        }
    }

    /// The same version over a newer snapshot; what the snapshot holds is dropped from memory.
    pub(crate) fn rebase(&self, base: &Arc<Base>) -> Self {
        let mut layers = Vec::new();
        let mut next = self.layer.clone();
        while let Some(layer) = next.filter(|layer| layer.seq > base.seq) {
            next = layer.parent.load_full();
            layers.push(layer);
        }
        let mut version = Self {
            base: Arc::clone(base),
            accounts: HashKeyed::default(),
            storage: Slots::default(),
            codes: HashKeyed::default(),
            blocks: imbl::OrdMap::default(),
            heights: HashKeyed::default(),
            places: HashKeyed::default(),
            layer: layers.first().cloned(),
            ..self.clone()
        };
        for layer in layers.iter().rev() {
            version.absorb(layer);
        }
        if base.prune {
            version.tries.accounts.prune(base.seq);
            let storage = version
                .tries
                .storage
                .into_iter()
                .filter_map(|(owner, mut trie)| {
                    trie.prune(base.seq);
                    (trie.resident() > 0).then_some((owner, trie))
                });
            version.tries.storage = storage.collect();
        }
        version
    }

    /// The layers above a step, oldest first.
    pub(super) fn layers_above(&self, seq: u64) -> Vec<Arc<Layer>> {
        let mut layers = Vec::new();
        let mut next = self.layer.clone();
        while let Some(layer) = next.filter(|layer| layer.seq > seq) {
            next = layer.parent.load_full();
            layers.push(layer);
        }
        layers.reverse();
        layers
    }

    /// Trie nodes in memory.
    pub(super) fn resident(&self) -> usize {
        self.tries.accounts.resident()
            + self
                .tries
                .storage
                .values()
                .map(Trie::resident)
                .sum::<usize>()
    }

    /// The account with this address hash.
    pub(crate) fn account_by_hash(&self, owner: &B256) -> Result<Option<TrieAccount>, ReadError> {
        self.accounts
            .get(owner)
            .map_or_else(|| self.base.account(owner), |account| Ok(*account))
    }

    /// A slot, by the hashes of address and slot.
    pub(crate) fn storage_by_hash(&self, owner: &B256, slot: &B256) -> Result<U256, ReadError> {
        self.storage
            .get(&(*owner, *slot))
            .map_or_else(|| self.base.storage(owner, slot), |value| Ok(*value))
    }

    /// The block at a height.
    pub(crate) fn block(&self, number: u64) -> Result<Option<Arc<SealedBlock>>, ReadError> {
        if number > self.head.number() {
            return Ok(None);
        }
        match self.blocks.get(&number) {
            Some(block) => Ok(Some(Arc::clone(block))),
            None => self.base.cached_block(number),
        }
    }

    /// Hash and header of the block at a height.
    pub(crate) fn header(&self, number: u64) -> Result<Option<(B256, Header)>, ReadError> {
        if number > self.head.number() {
            return Ok(None);
        }
        match self.blocks.get(&number) {
            Some(block) => Ok(Some((block.hash, block.header.clone()))),
            None => self.base.header(number),
        }
    }

    /// The height of the block with this hash.
    pub(crate) fn height(&self, hash: &B256) -> Result<Option<u64>, ReadError> {
        let recent = self.heights.get(hash).copied();
        for number in recent.into_iter().chain(self.base.heights(hash)?) {
            if self
                .header(number)?
                .is_some_and(|(found, _)| found == *hash)
            {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    /// Where a transaction is: its block, and its index in it.
    pub(crate) fn transaction(
        &self,
        hash: &B256,
    ) -> Result<Option<(Arc<SealedBlock>, usize)>, ReadError> {
        let places = match self.places.get(hash) {
            Some(place) => vec![*place],
            None => self.base.places(hash)?,
        };
        for (number, index) in places {
            let Some(block) = self.block(number)? else {
                continue;
            };
            let index = index as usize;
            if block
                .transactions
                .get(index)
                .is_some_and(|tx| tx.inner().hash() == hash)
            {
                return Ok(Some((block, index)));
            }
        }
        Ok(None)
    }

    /// Keeps something with the last block, unless it has it already.
    pub(crate) fn set_finality(&self, finality: &[u8]) {
        if let Some(layer) = self.layer.as_ref().filter(|_| !finality.is_empty()) {
            layer
                .finality
                .get_or_init(|| Bytes::copy_from_slice(finality));
        }
    }

    /// What was kept with the block at a height.
    pub(crate) fn finality(&self, number: u64) -> Result<Option<Vec<u8>>, ReadError> {
        if number > self.head.number() {
            return Ok(None);
        }
        if !self.blocks.contains_key(&number) {
            return self.base.finality(number);
        }
        let layers = self.layers_above(self.base.seq).into_iter().rev();
        let of = |layer: &Arc<Layer>| matches!(&layer.step, Step::Block(block) if block.number() == number);
        Ok(layers
            .into_iter()
            .find(of)
            .and_then(|layer| layer.finality.get().map(|bytes| bytes.to_vec())))
    }

    /// Heights up to which the log index of the database answers.
    pub(crate) fn indexed(&self) -> (&Base, u64) {
        let recent = self.blocks.get_min().map(|(number, _)| *number);
        (
            &self.base,
            recent
                .map_or(self.base.number, |number| number.saturating_sub(1))
                .min(self.head.number()),
        )
    }
}

impl StateReader for Version {
    fn account(&self, address: Address) -> Result<Option<TrieAccount>, ReadError> {
        self.account_by_hash(&keccak256(address))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, ReadError> {
        self.storage_by_hash(&keccak256(address), &keccak256(B256::from(slot)))
    }

    fn code(&self, hash: B256) -> Result<Bytecode, ReadError> {
        if let Some(code) = self.cache.0.lock().get(&hash) {
            return Ok(code.clone());
        }
        let bytes = match self.codes.get(&hash) {
            Some(code) => code.clone(),
            None => self.base.code(&hash)?.ok_or(ReadError::MissingCode(hash))?,
        };
        let code = Bytecode::new_raw_checked(bytes).map_err(|_| ReadError::MissingCode(hash))?;
        let mut cached = self.cache.0.lock();
        if cached.len() >= CODES_CACHED {
            cached.clear();
        }
        cached.insert(hash, code.clone());
        Ok(code)
    }

    fn block_hash(&self, number: u64) -> Result<B256, ReadError> {
        Ok(self.header(number)?.map_or(B256::ZERO, |(hash, _)| hash))
    }
}
