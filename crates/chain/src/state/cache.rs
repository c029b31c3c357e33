//! The state as a block in the making sees it: what it changed, above what its parent left.

use super::{ReadError, StateChanges, StateReader};
use alloy_primitives::{
    Address, B256, U256, keccak256,
    map::{AddressMap, HashMap, U256Map},
};
use alloy_trie::{EMPTY_ROOT_HASH, TrieAccount};
use revm::{
    Database, DatabaseCommit,
    bytecode::Bytecode,
    state::{Account, AccountInfo},
};
use std::collections::{BTreeMap, hash_map::Entry};

/// A database for `revm` that remembers what it read, and what was changed.
pub(crate) struct StateCache<'a> {
    parent: &'a dyn StateReader,
    accounts: AddressMap<CachedAccount>,
    codes: HashMap<B256, Bytecode>,
}

impl std::fmt::Debug for StateCache<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StateCache")
            .field("accounts", &self.accounts.len())
            .finish_non_exhaustive()
    }
}

struct CachedAccount {
    /// As the parent has it.
    original: Option<TrieAccount>,
    info: Option<AccountInfo>,
    changed: bool,
    /// Slot → value as the parent has it, value now.
    storage: U256Map<(U256, U256)>,
}

impl<'a> StateCache<'a> {
    /// A cache over the state that `parent` reads.
    pub(crate) fn new(parent: &'a dyn StateReader) -> Self {
        Self {
            parent,
            accounts: AddressMap::default(),
            codes: HashMap::default(),
        }
    }

    fn load(&mut self, address: Address) -> Result<&mut CachedAccount, ReadError> {
        Ok(match self.accounts.entry(address) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let original = self.parent.account(address)?;
                let info = original.map(|account| AccountInfo {
                    balance: account.balance,
                    nonce: account.nonce,
                    code_hash: account.code_hash,
                    code: None,
                    ..AccountInfo::default()
                });
                entry.insert(CachedAccount {
                    original,
                    info,
                    changed: false,
                    storage: U256Map::default(),
                })
            }
        })
    }

    /// Changes an account outside a transaction.
    pub(crate) fn edit(
        &mut self,
        address: Address,
        edit: impl FnOnce(&mut AccountInfo),
    ) -> Result<(), ReadError> {
        let account = self.load(address)?;
        let mut info = account.info.take().unwrap_or_default();
        edit(&mut info);
        account.changed = true;
        if let Some(code) = info.code.take_if(|code| !code.is_empty()) {
            info.code_hash = code.hash_slow();
            self.codes.insert(info.code_hash, code);
        }
        self.load(address)?.info = Some(info);
        Ok(())
    }

    /// Sets a storage slot outside a transaction.
    pub(crate) fn set_storage(
        &mut self,
        address: Address,
        slot: U256,
        value: U256,
    ) -> Result<(), ReadError> {
        let original = self.storage(address, slot)?;
        let account = self.load(address)?;
        account.changed = true;
        account
            .storage
            .entry(slot)
            .or_insert((original, original))
            .1 = value;
        // An account with storage exists; EIP-161 speaks of nonce, balance and code only.
        account.info.get_or_insert_default();
        Ok(())
    }

    /// Makes the storage of an account empty, as far as this cache is asked.
    pub(crate) fn forget_storage(&mut self, address: Address) -> Result<(), ReadError> {
        self.load(address)?.original = None;
        Ok(())
    }

    /// What an account has, wei.
    pub(crate) fn balance(&mut self, address: Address) -> Result<U256, ReadError> {
        Ok(self
            .load(address)?
            .info
            .as_ref()
            .map_or(U256::ZERO, |info| info.balance))
    }

    /// Whether an account is no contract.
    pub(crate) fn has_no_code(&mut self, address: Address) -> Result<bool, ReadError> {
        Ok(self
            .load(address)?
            .info
            .as_ref()
            .is_none_or(AccountInfo::is_empty_code_hash))
    }

    /// Everything that differs from the parent. Storage roots are those of the parent: the tries
    /// set them anew.
    pub(crate) fn into_changes(self) -> StateChanges {
        let mut changes = StateChanges::default();
        for (address, account) in self
            .accounts
            .into_iter()
            .filter(|(_, account)| account.changed)
        {
            let owner = keccak256(address);
            let slots: BTreeMap<B256, U256> = account
                .storage
                .into_iter()
                .filter(|(_, (before, now))| before != now)
                .map(|(slot, (_, now))| (keccak256(B256::from(slot)), now))
                .collect();
            let now = account.info.map(|info| TrieAccount {
                nonce: info.nonce,
                balance: info.balance,
                storage_root: account
                    .original
                    .map_or(EMPTY_ROOT_HASH, |account| account.storage_root),
                code_hash: info.code_hash,
            });
            if now != account.original || !slots.is_empty() {
                changes.accounts.insert(owner, now);
            }
            if !slots.is_empty() {
                changes.storage.insert(owner, slots);
            }
        }
        changes.codes = self
            .codes
            .into_iter()
            .map(|(hash, code)| (hash, code.original_bytes()))
            .collect();
        changes
    }
}

impl Database for StateCache<'_> {
    type Error = ReadError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, ReadError> {
        Ok(self.load(address)?.info.clone())
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, ReadError> {
        match self.codes.get(&hash) {
            Some(code) => Ok(code.clone()),
            None => self.parent.code(hash),
        }
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, ReadError> {
        let parent = self.parent;
        let account = self.load(address)?;
        let exists = account.original.is_some();
        Ok(match account.storage.entry(slot) {
            Entry::Occupied(entry) => entry.get().1,
            Entry::Vacant(entry) => {
                let value = if exists {
                    parent.storage(address, slot)?
                } else {
                    U256::ZERO
                };
                entry.insert((value, value)).1
            }
        })
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, ReadError> {
        self.parent.block_hash(number)
    }
}

impl DatabaseCommit for StateCache<'_> {
    fn commit(&mut self, changes: AddressMap<Account>) {
        for (address, account) in changes {
            if !account.is_touched() {
                continue;
            }
            // The executor read every account it touches, so the entry is there; a vacant one is
            // new.
            let cached = self
                .accounts
                .entry(address)
                .or_insert_with(|| CachedAccount {
                    original: None,
                    info: None,
                    changed: false,
                    storage: U256Map::default(),
                });
            cached.changed = true;
            // EIP-6780: only what was created in this transaction is destroyed, so nothing of it
            // was stored before.
            if account.is_selfdestructed() {
                cached.info = None;
                cached
                    .storage
                    .values_mut()
                    .for_each(|(_, now)| *now = U256::ZERO);
                continue;
            }
            for (slot, value) in account.storage {
                let present = value.present_value;
                cached
                    .storage
                    .entry(slot)
                    .or_insert((value.original_value, present))
                    .1 = present;
            }
            // EIP-161: a touched account that is empty does not exist. (Storage without code comes
            // from developer methods only.)
            let stored = cached
                .original
                .is_some_and(|original| original.storage_root != EMPTY_ROOT_HASH);
            if account.info.is_empty() && !stored {
                cached.info = None;
                continue;
            }
            let mut info = account.info;
            if let Some(code) = info.code.take().filter(|code| !code.is_empty()) {
                // Known codes come back as they were read; only those of created accounts are new.
                let known = cached
                    .original
                    .is_some_and(|original| original.code_hash == info.code_hash);
                if !known && info.code_hash != alloy_primitives::KECCAK256_EMPTY {
                    self.codes.entry(info.code_hash).or_insert(code);
                }
            }
            cached.info = Some(info);
        }
    }
}

/// A cache that is only looked at.
pub(crate) struct CacheRef<'c, 's>(std::cell::RefCell<&'c mut StateCache<'s>>);

impl<'c, 's> CacheRef<'c, 's> {
    pub(crate) fn new(cache: &'c mut StateCache<'s>) -> Self {
        Self(cache.into())
    }
}

impl std::fmt::Debug for CacheRef<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CacheRef").finish()
    }
}

impl revm::DatabaseRef for CacheRef<'_, '_> {
    type Error = ReadError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, ReadError> {
        self.0.borrow_mut().basic(address)
    }
    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, ReadError> {
        self.0.borrow_mut().code_by_hash(hash)
    }
    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, ReadError> {
        self.0.borrow_mut().storage(address, slot)
    }
    fn block_hash_ref(&self, number: u64) -> Result<B256, ReadError> {
        self.0.borrow_mut().block_hash(number)
    }
}
