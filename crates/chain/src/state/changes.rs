//! What one block changes in the state, keyed as the tries are: by keccak256 of the address and of
//! the slot.

use crate::codec::{Codec, CodecError, get_rlp, put_rlp, take};
use alloy_primitives::{B256, Bytes, KECCAK256_EMPTY, U256};
use alloy_trie::{EMPTY_ROOT_HASH, TrieAccount};
use std::collections::BTreeMap;

/// New values of accounts, slots (zero: none) and codes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StateChanges {
    pub(crate) accounts: BTreeMap<B256, Option<TrieAccount>>,
    pub(crate) storage: BTreeMap<B256, BTreeMap<B256, U256>>,
    pub(crate) codes: BTreeMap<B256, Bytes>,
}

impl StateChanges {
    /// Lays `over` on `self`: its values win.
    pub(crate) fn merge(&mut self, over: &Self) {
        self.accounts
            .extend(over.accounts.iter().map(|(key, account)| (*key, *account)));
        for (owner, slots) in &over.storage {
            self.storage.entry(*owner).or_default().extend(slots);
        }
        self.codes
            .extend(over.codes.iter().map(|(hash, code)| (*hash, code.clone())));
    }

    /// A rough size in memory, bytes.
    pub(crate) fn size(&self) -> usize {
        let slots: usize = self.storage.values().map(BTreeMap::len).sum();
        self.accounts.len() * 150
            + slots * 120
            + self.codes.values().map(|code| code.len()).sum::<usize>()
    }
}

impl Codec for StateChanges {
    fn write(&self, out: &mut Vec<u8>) {
        self.accounts.write(out);
        self.storage.write(out);
        self.codes.write(out);
    }
    fn read(bytes: &mut &[u8]) -> Result<Self, CodecError> {
        Ok(Self {
            accounts: Codec::read(bytes)?,
            storage: Codec::read(bytes)?,
            codes: Codec::read(bytes)?,
        })
    }
}

impl Codec for U256 {
    fn write(&self, out: &mut Vec<u8>) {
        put_rlp(self, out);
    }
    fn read(bytes: &mut &[u8]) -> Result<Self, CodecError> {
        get_rlp(bytes)
    }
}

impl Codec for TrieAccount {
    fn write(&self, out: &mut Vec<u8>) {
        let bytes = write_account(self);
        out.push(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(&bytes);
    }
    fn read(bytes: &mut &[u8]) -> Result<Self, CodecError> {
        let length = usize::from(take(bytes, 1)?.first().copied().ok_or(CodecError)?);
        read_account(take(bytes, length)?)
    }
}

/// `nonce ‖ balance`, both RLP, then `storage root ‖ code hash` unless both are empty. At most 106
/// bytes.
pub(crate) fn write_account(account: &TrieAccount) -> Vec<u8> {
    let mut out = Vec::with_capacity(106);
    put_rlp(&account.nonce, &mut out);
    put_rlp(&account.balance, &mut out);
    if account.storage_root != EMPTY_ROOT_HASH || account.code_hash != KECCAK256_EMPTY {
        account.storage_root.write(&mut out);
        account.code_hash.write(&mut out);
    }
    out
}

/// The inverse of [`write_account`].
pub(crate) fn read_account(mut bytes: &[u8]) -> Result<TrieAccount, CodecError> {
    let nonce = get_rlp(&mut bytes)?;
    let balance = get_rlp(&mut bytes)?;
    let (storage_root, code_hash) = if bytes.is_empty() {
        (EMPTY_ROOT_HASH, KECCAK256_EMPTY)
    } else {
        (B256::read(&mut bytes)?, B256::read(&mut bytes)?)
    };
    if bytes.is_empty() {
        Ok(TrieAccount {
            nonce,
            balance,
            storage_root,
            code_hash,
        })
    } else {
        Err(CodecError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn account() -> impl Strategy<Value = TrieAccount> {
        (
            any::<u64>(),
            any::<[u64; 4]>(),
            any::<Option<([u8; 32], [u8; 32])>>(),
        )
            .prop_map(|(nonce, balance, roots)| {
                let (root, code) = roots.unwrap_or((EMPTY_ROOT_HASH.0, KECCAK256_EMPTY.0));
                TrieAccount {
                    nonce,
                    balance: U256::from_limbs(balance),
                    storage_root: B256::from(root),
                    code_hash: B256::from(code),
                }
            })
    }

    fn changes() -> impl Strategy<Value = StateChanges> {
        let key = || any::<[u8; 32]>().prop_map(B256::from);
        let slots =
            prop::collection::btree_map(key(), any::<[u64; 4]>().prop_map(U256::from_limbs), 0..4);
        (
            prop::collection::btree_map(key(), prop::option::of(account()), 0..4),
            prop::collection::btree_map(key(), slots, 0..4),
            prop::collection::btree_map(
                key(),
                prop::collection::vec(any::<u8>(), 0..50).prop_map(Bytes::from),
                0..3,
            ),
        )
            .prop_map(|(accounts, storage, codes)| StateChanges {
                accounts,
                storage,
                codes,
            })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(changes in changes()) {
            prop_assert_eq!(StateChanges::from_bytes(&changes.to_bytes()).unwrap(), changes);
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = StateChanges::from_bytes(&bytes);
            let _ = read_account(&bytes);
        }
    }
}
