//! A block with all its transactions and what came of them, so that tries can be made of it.

use alloy::{
    consensus::ReceiptEnvelope,
    eips::{BlockId, BlockNumberOrTag, eip2718::Encodable2718},
    providers::Provider,
    rlp,
    rpc::types::Header,
};
use alloy_primitives::{B256, Bytes, keccak256};
use canut_protocol::{
    range::Way,
    receipt::{self, trie},
};

use super::odd;
use crate::{Client, Error, Result, Settlement};

/// Everything of a block, as it is hashed.
pub(super) struct Block {
    pub(super) number: u64,
    pub(super) hash: B256,
    pub(super) header: Bytes,
    transactions_root: B256,
    receipts_root: B256,
    transactions: Vec<(B256, Bytes)>,
    outcomes: Vec<(Bytes, Vec<Option<u64>>)>,
}

/// The header as its hash covers it.
fn encoded(header: &Header) -> Result<Bytes> {
    let bytes = Bytes::from(rlp::encode(&header.inner));
    if keccak256(&bytes) != header.hash {
        return Err(odd("the node's headers are not those of Ethereum"));
    }
    Ok(bytes)
}

impl Client {
    /// Header (RLP) and hash of a block.
    pub(super) async fn header(&self, number: u64) -> Result<(Bytes, B256)> {
        let block = self
            .hub()
            .provider()
            .get_block_by_number(BlockNumberOrTag::Number(number))
            .await
            .map_err(Error::node)?
            .ok_or_else(|| odd("the node has no such block"))?;
        Ok((encoded(&block.header)?, block.header.hash))
    }

    /// A block with all that is in it.
    pub(super) async fn whole_block(&self, number: u64) -> Result<Block> {
        let provider = self.hub().provider();
        let at = BlockNumberOrTag::Number(number);
        let block = provider
            .get_block_by_number(at)
            .full()
            .await
            .map_err(Error::node)?
            .ok_or_else(|| odd("the node has no such block"))?;
        let receipts = provider
            .get_block_receipts(BlockId::Number(at))
            .await
            .map_err(Error::node)?
            .ok_or_else(|| odd("the node has no receipts of the block"))?;
        let header = encoded(&block.header)?;
        let transactions = block.transactions.into_transactions().map(|transaction| {
            let bytes = transaction.inner.encoded_2718();
            (*transaction.inner.tx_hash(), bytes.into())
        });
        let outcomes = receipts.into_iter().map(|receipt| {
            let logs = receipt.inner.logs().iter();
            let places = logs.map(|log| log.log_index).collect();
            let plain: ReceiptEnvelope = receipt.into_primitives_receipt().inner;
            (plain.encoded_2718().into(), places)
        });
        Ok(Block {
            number,
            hash: block.header.hash,
            header,
            transactions_root: block.header.inner.transactions_root,
            receipts_root: block.header.inner.receipts_root,
            transactions: transactions.collect(),
            outcomes: outcomes.collect(),
        })
    }
}

impl Block {
    /// The proof that a settlement is in the block.
    pub(super) fn prove(&self, settlement: &Settlement, way: Way) -> Result<receipt::Settlement> {
        let at = self
            .transactions
            .iter()
            .position(|(hash, _)| *hash == settlement.transaction)
            .ok_or_else(|| odd("the settlement's transaction is not in its block"))?;
        let (outcome, places) = self
            .outcomes
            .get(at)
            .ok_or_else(|| odd("the settlement's transaction has no receipt"))?;
        let log_index = places
            .iter()
            .position(|place| *place == Some(settlement.log_index))
            .ok_or_else(|| odd("the settlement's event is not in its receipt"))?;
        let bytes: Vec<_> = self
            .transactions
            .iter()
            .map(|(_, bytes)| bytes.clone())
            .collect();
        let outcomes: Vec<_> = self
            .outcomes
            .iter()
            .map(|(bytes, _)| bytes.clone())
            .collect();
        let proof = |items: &[Bytes], root| match trie::prove(items, at) {
            Some((found, proof)) if found == root => Ok(proof),
            _ => Err(odd(
                "the block's transactions or receipts are not those of its header",
            )),
        };
        Ok(receipt::Settlement {
            way,
            block: self.number,
            block_hash: self.hash,
            header: self.header.clone(),
            transaction_index: at as u64,
            transaction_proof: proof(&bytes, self.transactions_root)?,
            receipt_proof: proof(&outcomes, self.receipts_root)?,
            transaction: bytes.into_iter().nth(at).unwrap_or_default(),
            receipt: outcome.clone(),
            log_index: log_index as u64,
        })
    }
}
