//! The database: everything up to one step, as one consistent snapshot.

use super::SealedBlock;
use crate::{
    codec::{Codec, CodecError},
    state::{ReadError, read_account},
    trie::{NodeKey, NodeSource, TrieError},
};
use alloy::consensus::Header;
use alloy_primitives::{B256, Bytes, U256};
use alloy_trie::{Nibbles, TrieAccount};
use parking_lot::Mutex;
use redb::{Database, ReadOnlyTable, ReadableDatabase, TableDefinition};
use std::{collections::VecDeque, sync::Arc};

/// Blocks kept decoded for readers.
const BLOCKS_CACHED: usize = 32;

/// `step`, `number`, `floor`, `genesis`, `chain`: see [`super::checkpoint`].
pub(crate) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Height → [`SealedBlock`].
pub(crate) const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
/// First eight bytes of a block hash, height. Short keys keep the index small; a reader checks the
/// block.
pub(crate) const BLOCK_INDEX: TableDefinition<'_, (u64, u64), ()> =
    TableDefinition::new("block_index");
/// First eight bytes of a transaction hash, height, index.
pub(crate) const TX_INDEX: TableDefinition<'_, (u64, u64, u32), ()> =
    TableDefinition::new("tx_index");
/// keccak256(address) → account.
pub(crate) const ACCOUNTS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("accounts");
/// keccak256(address) ‖ keccak256(slot) → value, big endian without leading zeros.
pub(crate) const STORAGE: TableDefinition<'_, &[u8; 64], &[u8]> = TableDefinition::new("storage");
/// Code hash → code.
pub(crate) const CODES: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("codes");
/// [`NodeKey`] → branch record.
pub(crate) const NODES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("nodes");
/// Step → [`super::layer::Undo`], for the newest steps.
pub(crate) const UNDO: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("undo");
/// First height of a section → its log index ([`super::logs`]).
pub(crate) const LOGS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("logs");
/// Height → what whoever orders kept with the block, if anything.
pub(crate) const FINALITY: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("finality");

/// A snapshot of the database.
pub(crate) struct Base {
    /// The last step in it.
    pub(crate) seq: u64,
    /// Height of its head.
    pub(crate) number: u64,
    /// Whether versions that move to this snapshot should forget the trie nodes in it.
    pub(crate) prune: bool,
    /// Blocks read lately.
    recent: Mutex<VecDeque<Arc<SealedBlock>>>,
    blocks: ReadOnlyTable<u64, &'static [u8]>,
    block_index: ReadOnlyTable<(u64, u64), ()>,
    tx_index: ReadOnlyTable<(u64, u64, u32), ()>,
    accounts: ReadOnlyTable<&'static [u8; 32], &'static [u8]>,
    storage: ReadOnlyTable<&'static [u8; 64], &'static [u8]>,
    codes: ReadOnlyTable<&'static [u8; 32], &'static [u8]>,
    nodes: ReadOnlyTable<&'static [u8], &'static [u8]>,
    logs: ReadOnlyTable<u64, &'static [u8]>,
    finality: ReadOnlyTable<u64, &'static [u8]>,
}

impl std::fmt::Debug for Base {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Base")
            .field("seq", &self.seq)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// The error of any database operation, boxed: it is large and rare.
pub(crate) fn db<E: Into<redb::Error>>(error: E) -> Box<redb::Error> {
    Box::new(error.into())
}

/// The first eight bytes of a hash.
pub(crate) fn short(hash: &B256) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&hash[..8]);
    u64::from_be_bytes(word)
}

pub(crate) fn storage_key(owner: &B256, slot: &B256) -> [u8; 64] {
    let mut key = [0; 64];
    key[..32].copy_from_slice(owner.as_slice());
    key[32..].copy_from_slice(slot.as_slice());
    key
}

impl Base {
    /// Opens a snapshot of what is committed now.
    pub(crate) fn open(database: &Database, prune: bool) -> Result<Self, ReadError> {
        let tx = database.begin_read().map_err(db)?;
        let meta = tx.open_table(META).map_err(db)?;
        let number = |key: &str| -> Result<u64, ReadError> {
            let value = meta.get(key).map_err(db)?.ok_or(CodecError)?;
            Ok(u64::from_bytes(value.value())?)
        };
        Ok(Self {
            seq: number("step")?,
            number: number("number")?,
            prune,
            recent: Mutex::default(),
            blocks: tx.open_table(BLOCKS).map_err(db)?,
            block_index: tx.open_table(BLOCK_INDEX).map_err(db)?,
            tx_index: tx.open_table(TX_INDEX).map_err(db)?,
            accounts: tx.open_table(ACCOUNTS).map_err(db)?,
            storage: tx.open_table(STORAGE).map_err(db)?,
            codes: tx.open_table(CODES).map_err(db)?,
            nodes: tx.open_table(NODES).map_err(db)?,
            logs: tx.open_table(LOGS).map_err(db)?,
            finality: tx.open_table(FINALITY).map_err(db)?,
        })
    }

    pub(crate) fn account(&self, owner: &B256) -> Result<Option<TrieAccount>, ReadError> {
        let found = self.accounts.get(&owner.0).map_err(db)?;
        Ok(found.map(|bytes| read_account(bytes.value())).transpose()?)
    }

    pub(crate) fn storage(&self, owner: &B256, slot: &B256) -> Result<U256, ReadError> {
        let found = self.storage.get(&storage_key(owner, slot)).map_err(db)?;
        found.map_or(Ok(U256::ZERO), |bytes| {
            Ok(U256::try_from_be_slice(bytes.value()).ok_or(CodecError)?)
        })
    }

    pub(crate) fn code(&self, hash: &B256) -> Result<Option<Bytes>, ReadError> {
        Ok(self
            .codes
            .get(&hash.0)
            .map_err(db)?
            .map(|bytes| Bytes::copy_from_slice(bytes.value())))
    }

    pub(crate) fn block(&self, number: u64) -> Result<Option<SealedBlock>, ReadError> {
        let found = self.blocks.get(number).map_err(db)?;
        Ok(found
            .map(|bytes| SealedBlock::from_bytes(bytes.value()))
            .transpose()?)
    }

    /// [`Self::block`], remembering the last few.
    pub(crate) fn cached_block(&self, number: u64) -> Result<Option<Arc<SealedBlock>>, ReadError> {
        if let Some(block) = self
            .recent
            .lock()
            .iter()
            .find(|block| block.number() == number)
        {
            return Ok(Some(Arc::clone(block)));
        }
        let Some(block) = self.block(number)?.map(Arc::new) else {
            return Ok(None);
        };
        let mut recent = self.recent.lock();
        recent.truncate(BLOCKS_CACHED - 1);
        recent.push_front(Arc::clone(&block));
        Ok(Some(block))
    }

    pub(crate) fn header(&self, number: u64) -> Result<Option<(B256, Header)>, ReadError> {
        let found = self.blocks.get(number).map_err(db)?;
        Ok(found
            .map(|bytes| SealedBlock::read_header(&mut bytes.value()))
            .transpose()?)
    }

    pub(crate) fn finality(&self, number: u64) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self
            .finality
            .get(number)
            .map_err(db)?
            .map(|bytes| bytes.value().to_vec()))
    }

    /// Heights of blocks whose hash starts like this one.
    pub(crate) fn heights(&self, hash: &B256) -> Result<Vec<u64>, ReadError> {
        let prefix = short(hash);
        let found = self
            .block_index
            .range((prefix, 0)..=(prefix, u64::MAX))
            .map_err(db)?;
        found
            .map(|entry| Ok(entry.map_err(db)?.0.value().1))
            .collect()
    }

    /// Places of transactions whose hash starts like this one.
    pub(crate) fn places(&self, hash: &B256) -> Result<Vec<(u64, u32)>, ReadError> {
        let prefix = short(hash);
        let found = self
            .tx_index
            .range((prefix, 0, 0)..=(prefix, u64::MAX, u32::MAX))
            .map_err(db)?;
        let place = |(_, number, index): (u64, u64, u32)| (number, index);
        found
            .map(|entry| Ok(place(entry.map_err(db)?.0.value())))
            .collect()
    }

    /// Calls `each` with the log sections that may hold blocks of `from..=to`: first height, bytes.
    pub(crate) fn sections(
        &self,
        from: u64,
        to: u64,
        mut each: impl FnMut(u64, &[u8]) -> Result<(), CodecError>,
    ) -> Result<(), ReadError> {
        let before = self
            .logs
            .range(..=from)
            .map_err(db)?
            .next_back()
            .transpose()
            .map_err(db)?;
        let start = before.map_or(0, |(first, _)| first.value());
        for entry in self.logs.range(start..=to).map_err(db)? {
            let (first, bytes) = entry.map_err(db)?;
            each(first.value(), bytes.value())?;
        }
        Ok(())
    }
}

impl NodeSource for Base {
    fn branch(&self, owner: Option<B256>, path: &Nibbles) -> Result<Option<Vec<u8>>, TrieError> {
        let found = self
            .nodes
            .get(NodeKey::new(owner, path).as_bytes())
            .map_err(db)?;
        Ok(found.map(|bytes| bytes.value().to_vec()))
    }

    fn leaf(
        &self,
        owner: Option<B256>,
        path: &Nibbles,
    ) -> Result<Option<(B256, Vec<u8>)>, TrieError> {
        let mut low = B256::ZERO;
        path.pack_to(&mut low.0[..path.byte_len()]);
        let below = |key: &B256| Nibbles::unpack(key).starts_with(path);
        match owner {
            None => {
                let Some(entry) = self
                    .accounts
                    .range::<&[u8; 32]>(&low.0..)
                    .map_err(db)?
                    .next()
                else {
                    return Ok(None);
                };
                let (key, value) = entry.map_err(db)?;
                let account = read_account(value.value()).map_err(|_| TrieError::Codec)?;
                let key = B256::from(*key.value());
                Ok(below(&key).then(|| (key, alloy::rlp::encode(account))))
            }
            Some(owner) => {
                let range = self
                    .storage
                    .range::<&[u8; 64]>(&storage_key(&owner, &low)..)
                    .map_err(db)?
                    .next();
                let Some(entry) = range else { return Ok(None) };
                let (key, value) = entry.map_err(db)?;
                let (found, slot) = key.value().split_at(32);
                let slot = B256::from_slice(slot);
                let value = U256::try_from_be_slice(value.value()).ok_or(TrieError::Codec)?;
                Ok((found == owner.as_slice() && below(&slot))
                    .then(|| (slot, alloy::rlp::encode(value))))
            }
        }
    }
}
