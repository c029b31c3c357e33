//! Accounts: balances, codes, storage, nonces, proofs.

use super::{
    Api,
    errors::{RpcError, RpcResult},
    params::Params,
};
use crate::state::StateReader;
use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    rpc::types::{EIP1186AccountProofResponse, EIP1186StorageProof},
    serde::JsonStorageKey,
};
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256};
use alloy_trie::EMPTY_ROOT_HASH;
use serde::{Deserialize, de::Error as _};

/// Most slots of one `eth_getProof` (geth's limit).
const PROOF_SLOTS: usize = 1024;

impl Api {
    pub(crate) fn balance(&self, params: &Params<'_>) -> RpcResult<U256> {
        let account = self.place(params.opt(1)?)?.state.account(params.get(0)?)?;
        Ok(account.map_or(U256::ZERO, |account| account.balance))
    }

    pub(crate) fn code(&self, params: &Params<'_>) -> RpcResult<Bytes> {
        let place = self.place(params.opt(1)?)?;
        match place.state.account(params.get(0)?)? {
            Some(account) if account.code_hash != KECCAK256_EMPTY => {
                Ok(place.state.code(account.code_hash)?.original_bytes())
            }
            _ => Ok(Bytes::new()),
        }
    }

    pub(crate) fn storage(&self, params: &Params<'_>) -> RpcResult<B256> {
        let place = self.place(params.opt(2)?)?;
        let slot: StorageKey = params.get(1)?;
        Ok(place.state.storage(params.get(0)?, slot.slot)?.into())
    }

    pub(crate) fn nonce(&self, params: &Params<'_>) -> RpcResult<u64> {
        let address: Address = params.get(0)?;
        let id: Option<BlockId> = params.opt(1)?;
        let account = self.place(id)?.state.account(address)?;
        let nonce = account.map_or(0, |account| account.nonce);
        if id == Some(BlockId::Number(BlockNumberOrTag::Pending)) {
            return Ok(self
                .pool
                .next_nonce(&address)
                .map_or(nonce, |next| next.max(nonce)));
        }
        Ok(nonce)
    }

    pub(crate) fn get_proof(&self, params: &Params<'_>) -> RpcResult<EIP1186AccountProofResponse> {
        let address: Address = params.get(0)?;
        let keys: Vec<StorageKey> = params.get(1)?;
        if keys.len() > PROOF_SLOTS {
            return Err(RpcError::params(format!(
                "too many keys (limit {PROOF_SLOTS}): {}",
                keys.len()
            )));
        }
        let place = self.place(params.opt(2)?)?;
        let slots: Vec<U256> = keys.iter().map(|key| key.slot).collect();
        let proof = place.state.prove(address, &slots)?;
        let account = proof.account;
        let storage = keys.into_iter().zip(proof.slots);
        Ok(EIP1186AccountProofResponse {
            address,
            balance: account.map_or(U256::ZERO, |account| account.balance),
            nonce: account.map_or(0, |account| account.nonce),
            code_hash: account.map_or(KECCAK256_EMPTY, |account| account.code_hash),
            storage_hash: account.map_or(EMPTY_ROOT_HASH, |account| account.storage_root),
            account_proof: proof.account_proof,
            storage_proof: storage
                .map(|(key, (value, proof))| EIP1186StorageProof {
                    key: key.shown,
                    value,
                    proof,
                })
                .collect(),
        })
    }
}

/// A slot, as a word or as a number with any number of leading zeros.
struct StorageKey {
    slot: U256,
    /// As the client wrote it: a word as a word, a number as a number.
    shown: JsonStorageKey,
}

impl<'de> Deserialize<'de> for StorageKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text
            .strip_prefix("0x")
            .or_else(|| text.strip_prefix("0X"))
            .unwrap_or(&text);
        if digits.len() > 64 {
            return Err(D::Error::custom(
                "storage key too long (want at most 32 bytes)",
            ));
        }
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(D::Error::custom("invalid hex in storage key"));
        }
        let slot = U256::from_str_radix(if digits.is_empty() { "0" } else { digits }, 16)
            .map_err(D::Error::custom)?;
        let shown = if digits.len() > 62 {
            JsonStorageKey::Hash(slot.into())
        } else {
            JsonStorageKey::Number(slot)
        };
        Ok(Self { slot, shown })
    }
}
