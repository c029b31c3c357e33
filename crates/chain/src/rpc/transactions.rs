//! Sending transactions, and finding them again.

use super::{Api, convert, errors::RpcResult, message::raw};
use crate::{
    executor::Rejection,
    mempool::{Validation, decode},
    stages::Stage,
    state::StateReader,
};
use alloy::{
    consensus::{TxEnvelope, transaction::Recovered},
    eips::eip2718::Encodable2718,
    rpc::types::Transaction,
};
use alloy_primitives::{B256, Bytes, U256};
use serde_json::value::RawValue;
use std::sync::Arc;

impl Api {
    pub(crate) fn send_raw(&self, bytes: Bytes) -> RpcResult<B256> {
        let stages = self.core.store.stages();
        let tx = stages.time(Stage::Decode, || decode(&bytes))?;
        let sender = stages.time(Stage::Recover, || {
            self.validation(|validation| validation.check(&tx))
        })?;
        Ok(self.enqueue(Recovered::new_unchecked(tx, sender))?)
    }

    /// Runs checks against what the next block will be.
    pub(crate) fn validation<T>(&self, check: impl FnOnce(Validation<'_>) -> T) -> T {
        let head = self.head();
        let rules = &self.core.rules;
        check(Validation {
            rules,
            block_gas: self.shape.gas_limit(),
            base_fee: self.shape.base_fee(rules, &head.head.header),
        })
    }

    /// Puts a checked transaction into the pool.
    pub(crate) fn enqueue(&self, tx: Recovered<TxEnvelope>) -> Result<B256, Rejection> {
        let (sender, hash) = (tx.signer(), *tx.inner().hash());
        let bytes = tx.inner().encode_2718_len();
        let account = || {
            let account = self.head().account(sender);
            let account = account.map_err(|error| Rejection::Other(error.to_string()))?;
            Ok(account.map_or((0, U256::ZERO), |account| (account.nonce, account.balance)))
        };
        let stages = self.core.store.stages();
        let ready = stages.time(Stage::Admit, || self.pool.add(Arc::new(tx), bytes, account))?;
        // Without listeners there is nobody to tell.
        let _ = self.pending.send(hash);
        if ready {
            self.solo.wake();
        }
        Ok(hash)
    }

    pub(crate) fn receipt(&self, hash: B256) -> RpcResult<Box<RawValue>> {
        self.core.store.stages().time(Stage::Receipts, || {
            let found = self.head().transaction(&hash)?;
            raw(&found.and_then(|(block, index)| convert::receipt(&block, index)))
        })
    }

    /// The bytes of a transaction that waits or is in a block; none if there is no such one.
    pub(crate) fn raw_transaction(&self, hash: B256) -> RpcResult<Bytes> {
        let found = self.announced(hash)?;
        let bytes = found.map(|tx| tx.inner.inner().encoded_2718().into());
        Ok(bytes.unwrap_or_default())
    }

    /// A transaction as it waited when it came, though by now it may be in a block.
    pub(crate) fn announced(&self, hash: B256) -> RpcResult<Option<Transaction>> {
        if let Some(tx) = self.pool.get(&hash) {
            return Ok(Some(convert::pooled(&tx)));
        }
        let found = self.head().transaction(&hash)?;
        let tx = found
            .as_ref()
            .and_then(|(block, index)| block.transactions.get(*index));
        Ok(tx.map(convert::pooled))
    }

    pub(crate) fn transaction(&self, hash: B256) -> RpcResult<Option<Transaction>> {
        if let Some(tx) = self.pool.get(&hash) {
            return Ok(Some(convert::pooled(&tx)));
        }
        let found = self.head().transaction(&hash)?;
        Ok(found.and_then(|(block, index)| convert::transaction(&block, index)))
    }
}
