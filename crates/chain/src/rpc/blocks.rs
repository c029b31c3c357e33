//! Blocks, and what is in them.

use super::{
    Api, convert,
    errors::{RpcError, RpcResult},
    message::raw,
    params::Params,
    quantity,
};
use crate::store::SealedBlock;
use alloy::{
    consensus::Header,
    eips::{BlockId, BlockNumberOrTag, eip2718::Encodable2718},
};
use alloy_primitives::{B256, Bytes};
use serde_json::{Value, value::RawValue};
use std::sync::Arc;

impl Api {
    pub(super) fn block_methods(
        &self,
        method: &str,
        params: &Params<'_>,
    ) -> RpcResult<Box<RawValue>> {
        let by_number = || Ok::<_, RpcError>(BlockId::Number(params.get::<BlockNumberOrTag>(0)?));
        let by_hash = || Ok::<_, RpcError>(BlockId::from(params.get::<B256>(0)?));
        let index = || Ok::<_, RpcError>(params.get::<alloy::rpc::types::Index>(1)?.0);
        let hashes = || match params.get::<Box<RawValue>>(0)?.get().len() {
            // A hash with its quotes and prefix; anything shorter is a number or a tag.
            68 => by_hash(),
            _ => params.get(0),
        };
        match method {
            "eth_getBlockByNumber" => self.block_json(by_number()?, params.get(1)?),
            "eth_getBlockByHash" => self.block_json(by_hash()?, params.get(1)?),
            "eth_getBlockReceipts" => raw(&self.block_by(hashes()?)?.map(|block| {
                (0..block.transactions.len())
                    .filter_map(|index| convert::receipt(&block, index))
                    .collect::<Vec<_>>()
            })),
            "eth_getBlockTransactionCountByNumber" => self.count_json(by_number()?),
            "eth_getBlockTransactionCountByHash" => self.count_json(by_hash()?),
            "eth_getTransactionByBlockNumberAndIndex" => self.indexed(by_number()?, index()?),
            "eth_getTransactionByBlockHashAndIndex" => self.indexed(by_hash()?, index()?),
            "eth_getRawTransactionByBlockNumberAndIndex" => {
                self.raw_indexed(by_number()?, index()?)
            }
            "eth_getRawTransactionByBlockHashAndIndex" => self.raw_indexed(by_hash()?, index()?),
            "eth_getUncleCountByBlockNumber" => raw(&self.block_by(by_number()?)?.map(|_| "0x0")),
            "eth_getUncleCountByBlockHash" => raw(&self.block_by(by_hash()?)?.map(|_| "0x0")),
            "eth_getUncleByBlockNumberAndIndex" | "eth_getUncleByBlockHashAndIndex" => raw(&()),
            "eth_getHeaderByNumber" => self.header_json(by_number()?),
            "eth_getHeaderByHash" => self.header_json(by_hash()?),
            _ => Err(RpcError::no_method(method)),
        }
    }

    /// The block that an id names; the pending one is not among them.
    pub(crate) fn block_by(&self, id: BlockId) -> RpcResult<Option<Arc<SealedBlock>>> {
        let version = self.head();
        match self.height(&version, id)? {
            Some(number) => Ok(version.block(number)?),
            None => Ok(None),
        }
    }

    fn block_json(&self, id: BlockId, full: bool) -> RpcResult<Box<RawValue>> {
        if id == BlockId::Number(BlockNumberOrTag::Pending) {
            return self.pending_json(full);
        }
        raw(&self.block_by(id)?.map(|block| convert::block(&block, full)))
    }

    fn header_json(&self, id: BlockId) -> RpcResult<Box<RawValue>> {
        raw(&self
            .block_by(id)?
            .map(|block| convert::header(block.hash, &block.header, None)))
    }

    fn count_json(&self, id: BlockId) -> RpcResult<Box<RawValue>> {
        if id == BlockId::Number(BlockNumberOrTag::Pending) {
            return raw(&quantity(self.pool.count().0 as u64));
        }
        raw(&self
            .block_by(id)?
            .map(|block| quantity(block.transactions.len() as u64)))
    }

    fn indexed(&self, id: BlockId, index: usize) -> RpcResult<Box<RawValue>> {
        raw(&self
            .block_by(id)?
            .and_then(|block| convert::transaction(&block, index)))
    }

    fn raw_indexed(&self, id: BlockId, index: usize) -> RpcResult<Box<RawValue>> {
        let block = self.block_by(id)?;
        let tx = block
            .as_ref()
            .and_then(|block| block.transactions.get(index));
        raw(&tx.map_or_else(Bytes::new, |tx| tx.inner().encoded_2718().into()))
    }

    /// The block that the ready transactions would make: what only execution tells is null, as geth
    /// has it.
    fn pending_json(&self, full: bool) -> RpcResult<Box<RawValue>> {
        let head = self.head();
        let ctx = self.next_context(&head.head);
        let mut best = self.pool.best(ctx.base_fee, 1000);
        let transactions: Vec<_> = std::iter::from_fn(|| crate::engine::TxSource::next(&mut best))
            .map(|tx| (*tx).clone())
            .collect();
        let header = Header {
            parent_hash: head.head.hash,
            state_root: head.root,
            number: ctx.number,
            timestamp: ctx.timestamp,
            beneficiary: ctx.beneficiary,
            gas_limit: ctx.gas_limit,
            base_fee_per_gas: Some(ctx.base_fee),
            mix_hash: ctx.prev_randao,
            ..head.head.header.clone()
        };
        let header = Header {
            gas_used: 0,
            logs_bloom: Default::default(),
            ..header
        };
        let block = SealedBlock::new(header, transactions, Vec::new());
        let json = |error: serde_json::Error| RpcError::internal(error.to_string());
        let mut value = serde_json::to_value(convert::block(&block, full)).map_err(json)?;
        for field in ["hash", "nonce", "miner"] {
            if let Some(field) = value.get_mut(field) {
                *field = Value::Null;
            }
        }
        for tx in value
            .get_mut("transactions")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if let Some(hash) = tx.get_mut("blockHash") {
                *hash = Value::Null;
            }
        }
        raw(&value)
    }
}
