//! What a block's bytes say: header, transaction, outcome, account.

use alloy::consensus::{Header, Receipt as Outcome, ReceiptEnvelope, Transaction, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy::rlp::Decodable;
use alloy_primitives::{Address, B256, Bytes, keccak256};
use alloy_trie::TrieAccount;

/// What a header says of its block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) hash: B256,
    pub(super) number: u64,
    pub(super) time: u64,
    pub(super) state: B256,
    pub(super) transactions: B256,
    pub(super) receipts: B256,
}

/// An event.
#[derive(Clone, Debug)]
pub(super) struct Log {
    pub(super) address: Address,
    pub(super) topics: Vec<B256>,
    pub(super) data: Bytes,
}

/// Reads a header.
pub(super) fn block(header: &[u8]) -> Option<Block> {
    let read: Header = whole(header)?;
    Some(Block {
        hash: keccak256(header),
        number: read.number,
        time: read.timestamp,
        state: read.state_root,
        transactions: read.transactions_root,
        receipts: read.receipts_root,
    })
}

/// To whom a transaction is, and what it says.
pub(super) fn transaction(bytes: &[u8]) -> Option<(Address, Bytes)> {
    let mut rest = bytes;
    let read = TxEnvelope::decode_2718(&mut rest).ok()?;
    let to = read.to()?;
    rest.is_empty().then(|| (to, read.input().clone()))
}

/// Whether a transaction succeeded, and its event at a place.
pub(super) fn outcome(bytes: &[u8], at: u64) -> Option<(bool, Option<Log>)> {
    let mut rest = bytes;
    let read: ReceiptEnvelope = ReceiptEnvelope::decode_2718(&mut rest).ok()?;
    let receipt: &Outcome = read.as_receipt()?;
    let log = usize::try_from(at).ok().and_then(|at| receipt.logs.get(at));
    let log = log.map(|log| Log {
        address: log.address,
        topics: log.data.topics().to_vec(),
        data: log.data.data.clone(),
    });
    rest.is_empty()
        .then(|| (receipt.status.coerce_status(), log))
}

/// The hash of an account's code.
pub(super) fn code_hash(account: &[u8]) -> Option<B256> {
    whole::<TrieAccount>(account).map(|account| account.code_hash)
}

fn whole<T: Decodable>(bytes: &[u8]) -> Option<T> {
    let mut rest = bytes;
    let read = T::decode(&mut rest).ok()?;
    rest.is_empty().then_some(read)
}
