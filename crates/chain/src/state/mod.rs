//! The state: accounts and their storage, as the executor reads it and as a block changes it.

mod cache;
mod changes;

use crate::trie::TrieError;
use alloy_primitives::{Address, B256, U256};
use alloy_trie::TrieAccount;
use revm::bytecode::Bytecode;

pub(crate) use cache::{CacheRef, StateCache};
pub(crate) use changes::{StateChanges, read_account, write_account};

/// State could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The database refused.
    #[error("reading the database: {0}")]
    Database(#[from] Box<redb::Error>),
    /// Stored bytes do not decode.
    #[error(transparent)]
    Codec(#[from] crate::codec::CodecError),
    /// The trie does not match its hashes.
    #[error(transparent)]
    Trie(#[from] TrieError),
    /// An account names a code that is not there.
    #[error("the code {0} is missing: the database is damaged; restore it from a backup")]
    MissingCode(B256),
}

impl revm::database_interface::DBErrorMarker for ReadError {}

/// The state after one block.
pub(crate) trait StateReader: Send + Sync {
    /// The account, if it exists.
    fn account(&self, address: Address) -> Result<Option<TrieAccount>, ReadError>;
    /// The value of a storage slot; zero if never written.
    fn storage(&self, address: Address, slot: U256) -> Result<U256, ReadError>;
    /// The code with this hash.
    fn code(&self, hash: B256) -> Result<Bytecode, ReadError>;
    /// The hash of the block at a height; zero if there is none.
    fn block_hash(&self, number: u64) -> Result<B256, ReadError>;
}
