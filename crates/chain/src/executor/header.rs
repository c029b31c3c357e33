//! The header over an executed block.

use super::{BlockCtx, Fees, Rules, execute::Execution};
use crate::store::receipt_envelope;
use alloy::{
    consensus::{EMPTY_OMMER_ROOT_HASH, Header, TxReceipt, proofs},
    eips::{
        eip1559::{BaseFeeParams, calc_next_block_base_fee},
        eip7685::EMPTY_REQUESTS_HASH,
    },
};
use alloy_primitives::{B64, B256, Bloom, U256};
use alloy_trie::EMPTY_ROOT_HASH;

/// Base fee of the block after `parent`, wei per gas.
pub(crate) fn next_base_fee(rules: &Rules, parent: &Header) -> u64 {
    match rules.fees {
        Fees::Fixed(fee) => fee,
        Fees::Eip1559 => calc_next_block_base_fee(
            parent.gas_used,
            parent.gas_limit,
            parent.base_fee_per_gas.unwrap_or_default(),
            BaseFeeParams::ethereum(),
        ),
    }
}

/// The header of an executed block whose state has this root.
pub(crate) fn assemble(
    parent: B256,
    ctx: &BlockCtx,
    execution: &Execution,
    state_root: B256,
) -> Header {
    let transactions: Vec<_> = execution.transactions.iter().map(|tx| tx.inner()).collect();
    let receipts: Vec<_> = execution
        .transactions
        .iter()
        .zip(&execution.receipts)
        .map(|(tx, receipt)| receipt_envelope(tx.inner().tx_type(), receipt.clone()))
        .collect();
    let logs_bloom = receipts
        .iter()
        .fold(Bloom::ZERO, |bloom, receipt| bloom | receipt.bloom());
    Header {
        parent_hash: parent,
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: ctx.beneficiary,
        state_root,
        transactions_root: proofs::calculate_transaction_root(&transactions),
        receipts_root: proofs::calculate_receipt_root(&receipts),
        logs_bloom,
        difficulty: U256::ZERO,
        number: ctx.number,
        gas_limit: ctx.gas_limit,
        gas_used: execution.gas_used,
        timestamp: ctx.timestamp,
        extra_data: ctx.extra.clone(),
        mix_hash: ctx.prev_randao,
        nonce: B64::ZERO,
        base_fee_per_gas: Some(ctx.base_fee),
        withdrawals_root: Some(EMPTY_ROOT_HASH),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(ctx.parent_beacon_root),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    }
}
