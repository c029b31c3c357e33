//! Blocks, transactions, receipts and logs as JSON-RPC shows them.

use crate::store::{SealedBlock, receipt_envelope};
use alloy::consensus::TxEnvelope;
use alloy::{
    consensus::{Header, Transaction as _, transaction::Recovered},
    rpc::types::{
        Block, BlockTransactions, Header as RpcHeader, Log, Transaction, TransactionReceipt,
    },
};
use alloy_primitives::{Address, B256, TxKind, U256};

/// A header with its hash.
pub(crate) fn header(hash: B256, header: &Header, size: Option<usize>) -> RpcHeader {
    RpcHeader {
        hash,
        inner: header.clone(),
        total_difficulty: None,
        size: size.map(U256::from),
    }
}

/// A block, with whole transactions or their hashes.
pub(crate) fn block(block: &SealedBlock, full: bool) -> Block {
    let transactions = if full {
        BlockTransactions::Full(
            (0..block.transactions.len())
                .filter_map(|index| transaction(block, index))
                .collect(),
        )
    } else {
        BlockTransactions::Hashes(
            block
                .transactions
                .iter()
                .map(|tx| *tx.inner().hash())
                .collect(),
        )
    };
    let header = header(block.hash, &block.header, Some(block.size()));
    Block {
        header,
        uncles: Vec::new(),
        transactions,
        withdrawals: Some(Default::default()),
    }
}

/// Transaction `index` of a block.
pub(crate) fn transaction(block: &SealedBlock, index: usize) -> Option<Transaction> {
    let tx = block.transactions.get(index)?;
    Some(Transaction {
        inner: tx.clone(),
        block_hash: Some(block.hash),
        block_number: Some(block.number()),
        transaction_index: Some(index as u64),
        effective_gas_price: Some(tx.effective_gas_price(block.header.base_fee_per_gas)),
        block_timestamp: Some(block.header.timestamp),
    })
}

/// A transaction that waits.
pub(crate) fn pooled(tx: &Recovered<TxEnvelope>) -> Transaction {
    Transaction {
        inner: tx.clone(),
        block_hash: None,
        block_number: None,
        transaction_index: None,
        effective_gas_price: Some(tx.max_fee_per_gas()),
        block_timestamp: None,
    }
}

/// The address of a contract that a sender creates with this nonce.
fn created(tx: &Recovered<TxEnvelope>) -> Option<Address> {
    (tx.kind() == TxKind::Create).then(|| tx.signer().create(tx.nonce()))
}

/// The receipt of transaction `index`.
pub(crate) fn receipt(block: &SealedBlock, index: usize) -> Option<TransactionReceipt> {
    let (tx, receipt) = (block.transactions.get(index)?, block.receipts.get(index)?);
    let logs = logs_of(block, index);
    let inner = receipt_envelope(tx.inner().tx_type(), receipt.clone());
    let mut logs = logs.into_iter();
    Some(TransactionReceipt {
        inner: inner.map_logs(|log| {
            logs.next().unwrap_or_else(|| Log {
                inner: log,
                ..Log::default()
            })
        }),
        transaction_hash: *tx.inner().hash(),
        transaction_index: Some(index as u64),
        block_hash: Some(block.hash),
        block_number: Some(block.number()),
        gas_used: block.gas_used(index),
        effective_gas_price: tx.effective_gas_price(block.header.base_fee_per_gas),
        blob_gas_used: None,
        blob_gas_price: None,
        from: tx.signer(),
        to: tx.to(),
        contract_address: created(tx),
    })
}

/// The logs of transaction `index`.
pub(crate) fn logs_of(block: &SealedBlock, index: usize) -> Vec<Log> {
    let (Some(tx), Some(receipt)) = (block.transactions.get(index), block.receipts.get(index))
    else {
        return Vec::new();
    };
    let first = block.first_log(index);
    let log = |(i, inner): (u64, &alloy_primitives::Log)| Log {
        inner: inner.clone(),
        block_hash: Some(block.hash),
        block_number: Some(block.number()),
        block_timestamp: Some(block.header.timestamp),
        transaction_hash: Some(*tx.inner().hash()),
        transaction_index: Some(index as u64),
        log_index: Some(first + i),
        removed: false,
    };
    (0u64..).zip(&receipt.logs).map(log).collect()
}

/// All logs of a block.
pub(crate) fn logs(block: &SealedBlock) -> impl Iterator<Item = Log> + '_ {
    (0..block.receipts.len())
        .filter(|index| !block.receipts[*index].logs.is_empty())
        .flat_map(|index| logs_of(block, index))
}
